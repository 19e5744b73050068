// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <cmocka.h>

#include "kms/json.h"

/* Takes "k" out of @text; @left is what must be left of the text. */
static void take(const char *text, ssize_t ret, const char *left)
{
	unsigned char data[4] = {};
	char json[256];

	strcpy(json, text);
	assert_int_equal(evs_json_take_hex(json, strlen(json), "k", data, sizeof(data)), ret);
	assert_string_equal(json, left);
	if (ret > 0)
		assert_memory_equal(data, "\x01\xab\xcd\xef", ret);
}

static void test_take(void **state)
{
	(void)state;
	take("{\"k\":\"01abCDef\"}", 4, "{\"k\":\"00000000\"}");
	take(" { \"a\" : 1, \"k\" :\t\"01ab\" , \"b\":{} }", 2,
	     " { \"a\" : 1, \"k\" :\t\"0000\" , \"b\":{} }");
	/* Only the outermost level counts, and only names, not values. */
	take("{\"a\":{\"k\":\"01\"},\"k\":\"01\"}", 1, "{\"a\":{\"k\":\"01\"},\"k\":\"00\"}");
	take("{\"a\":\"k\",\"k\":\"01\"}", 1, "{\"a\":\"k\",\"k\":\"00\"}");
	take("{\"a\":\"\\\",\\\"k\\\":\\\"ff\",\"k\":\"01\"}", 1,
	     "{\"a\":\"\\\",\\\"k\\\":\\\"ff\",\"k\":\"00\"}");
	take("{\"kk\":\"01\",\"\":\"01\"}", -ENOENT, "{\"kk\":\"01\",\"\":\"01\"}");
	take("{}", -ENOENT, "{}");
	take("", -ENOENT, "");
}

/* Whatever is wrong, no digit stays behind. */
static void test_take_bad(void **state)
{
	(void)state;
	take("{\"k\":\"01abcdef01\"}", -EMSGSIZE, "{\"k\":\"0000000000\"}");
	take("{\"k\":\"01abc\"}", -EINVAL, "{\"k\":\"00000\"}");
	take("{\"k\":\"01xx\"}", -EINVAL, "{\"k\":\"0000\"}");
	take("{\"k\":\"01\\\"23\"}", -EINVAL, "{\"k\":\"000000\"}");
	take("{\"k\":1}", -EINVAL, "{\"k\":1}");
	take("{\"k\":", -EINVAL, "{\"k\":");
	take("{\"k\":\"01ab", -EINVAL, "{\"k\":\"0000");
	take("{\"k\":\"01\\", -EINVAL, "{\"k\":\"000");
	take("{\"k\":\"01\",\"k\":\"ab\"}", -EINVAL, "{\"k\":\"00\",\"k\":\"00\"}");
}

static void test_parse(void **state)
{
	(void)state;
	assert_null(evs_json_parse("", 0));
	assert_null(evs_json_parse("[1]", 3));
	assert_null(evs_json_parse("{} x", 4));
	assert_null(evs_json_parse("{\"a\":\"\0\"}", 9));
}

/* Texts of which no copy is made have no escape but that of the slash. */
static void test_take_text(void **state)
{
	static const struct {
		const char *json;
		int ret;
		const char *text;
	} row[] = {
		{ "{\"s\":\"a\\/b\"}", 3, "a/b" }, { "{\"s\":\"\"}", 0, "" },
		{ "{\"t\":\"a\"}", -ENOENT, NULL }, { "{\"s\":7}", -EINVAL, NULL },
		{ "{\"s\":", -EINVAL, NULL }, { "{\"s\":\"a", -EINVAL, NULL },
		{ "{\"s\":\"a\\nb\"}", -EINVAL, NULL }, { "{\"s\":\"abcdefgh\"}", -EMSGSIZE, NULL },
	};
	char json[32], text[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		strcpy(json, row[i].json);
		assert_int_equal(evs_json_take_text(json, strlen(json), "s", text, sizeof(text)),
				 row[i].ret);
		if (row[i].text)
			assert_string_equal(text, row[i].text);
		/* What was taken stays no longer, whatever came of it */
		if (row[i].ret > 0 || row[i].ret == -EMSGSIZE)
			assert_null(strchr(json, 'a'));
	}
}

static void test_members(void **state)
{
	static const char text[] = "{\"s\":\"x\\u001by\",\"n\":64,\"t\":\"64\",\"e\":\"\",\"z\":null,"
				   "\"o\":{},\"m\":\"-5\",\"j\":\"5x\",\"b\":true,"
				   "\"h\":\"99999999999999999999\"}";
	json_object *object = evs_json_parse(text, strlen(text));
	int64_t number = 7;
	char out[8];

	(void)state;
	assert_non_null(object);
	assert_int_equal(evs_json_text(object, "s", out, sizeof(out)), 0);
	assert_string_equal(out, "x y");
	assert_int_equal(evs_json_text(object, "s", out, 3), -EINVAL);
	assert_int_equal(evs_json_text(object, "n", out, sizeof(out)), 0);
	assert_string_equal(out, "64");
	assert_int_equal(evs_json_text(object, "z", out, sizeof(out)), -ENOENT);
	assert_int_equal(evs_json_text(object, "o", out, sizeof(out)), -EINVAL);
	assert_int_equal(evs_json_text(NULL, "s", out, sizeof(out)), -ENOENT);

	assert_int_equal(evs_json_number(object, "e", &number), -ENOENT);
	assert_int_equal(evs_json_number(object, "j", &number), -EINVAL);
	assert_int_equal(evs_json_number(object, "b", &number), -EINVAL);
	assert_int_equal(evs_json_number(object, "h", &number), -EINVAL);
	assert_int_equal(number, 7);
	assert_int_equal(evs_json_number(object, "n", &number), 0);
	assert_int_equal(number, 64);
	number = 7;
	assert_int_equal(evs_json_number(object, "t", &number), 0);
	assert_int_equal(number, 64);
	assert_int_equal(evs_json_number(object, "m", &number), 0);
	assert_int_equal(number, -5);
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_take_bad),
		cmocka_unit_test(test_take_text),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
