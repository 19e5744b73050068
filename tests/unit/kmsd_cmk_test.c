// SPDX-License-Identifier: GPL-2.0-or-later
/* Customer master keys: each state, each transition, each code; names; pages. */
#include "kmsd_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static char *new_key(const char *alias)
{
	return call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"%s\"}", alias);
}

static void force_state(const char *key, int from, int to)
{
	struct evs_error err = {};

	assert_int_equal(kmsd_store_set_state(f.kmsd.store, key, (enum evs_cmk_state)from,
					      (enum evs_cmk_state)to, 0, &err), 0);
}

static void expect(const char *op, const char *key, const char *code, const char *extra)
{
	if (code[0])
		call_refused(&f, 400, code, op, "{\"key_id\":\"%s\"%s}", key, extra);
	else
		call_done(&f, op, "{\"key_id\":\"%s\"%s}", key, extra);
}

/* What each call says in each of the five states; "" is success. */
static void test_states(void **state)
{
	static const struct {
		int state;
		const char *enable, *disable, *use;
	} rows[] = {
		{ 1, "KMS.1201", "KMS.1301", "KMS.1301" },
		{ 2, "KMS.1201", "", "" },
		{ 3, "", "KMS.1301", "KMS.0209" },
		{ 4, "KMS.0210", "KMS.0210", "KMS.0210" },
		{ 5, "KMS.1201", "KMS.1301", "KMS.1301" },
	};
	char *key = new_key("states"), *blob, *shown, extra[600], plain[193];
	int now = 2;
	size_t i;

	(void)state;
	memset(plain, '0', 128);
	strcpy(plain + 128, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
	blob = call_ok(&f, "cipher_text", "create-datakey",
		       "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		force_state(key, now, rows[i].state);
		now = rows[i].state;
		shown = call_ok(&f, "key_state", "describe-key", "{\"key_id\":\"%s\"}", key);
		assert_int_equal(atoi(shown), now);
		free(shown);

		expect("create-datakey", key, rows[i].use, ",\"datakey_length\":\"512\"");
		snprintf(extra, sizeof(extra),
			 ",\"datakey_cipher_length\":\"64\",\"cipher_text\":\"%s\"", blob);
		expect("decrypt-datakey", key, rows[i].use, extra);
		snprintf(extra, sizeof(extra),
			 ",\"datakey_plain_length\":\"64\",\"plain_text\":\"%s\"", plain);
		expect("encrypt-datakey", key, rows[i].use, extra);

		expect("enable-key", key, rows[i].enable, "");
		if (!rows[i].enable[0])
			force_state(key, 2, now);
		expect("disable-key", key, rows[i].disable, "");
		if (!rows[i].disable[0])
			force_state(key, 3, now);
	}
	free(key);
	free(blob);
}

static void test_disable_enable(void **state)
{
	char *key = new_key("cycle"), *shown;

	(void)state;
	shown = call_ok(&f, "key_state", "disable-key", "{\"key_id\":\"%s\"}", key);
	assert_string_equal(shown, "3");
	free(shown);
	shown = call_ok(&f, "key_state", "enable-key", "{\"key_id\":\"%s\"}", key);
	assert_string_equal(shown, "2");
	free(shown);
	/* By id alone */
	call_refused(&f, 400, "KMS.0205", "disable-key", "{\"key_id\":\"alias/cycle\"}");
	call_refused(&f, 400, "KMS.0205", "enable-key", "{\"key_id\":\"alias/cycle\"}");
	free(key);
}

/* A state that another request has changed meanwhile is not overwritten. */
static void test_stale_state(void **state)
{
	char *key = new_key("stale");
	struct evs_error err = {};

	(void)state;
	assert_int_equal(kmsd_store_set_state(f.kmsd.store, key, EVS_CMK_STATE_DISABLED,
					      EVS_CMK_STATE_ENABLED, 0, &err), -ESTALE);
	free(key);
}

static void test_default(void **state)
{
	char *key, *again, *flag;

	(void)state;
	key = call_ok(&f, "key_id", "create-datakey",
		      "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}");
	again = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}");
	assert_string_equal(key, again);
	flag = call_ok(&f, "default_key_flag", "describe-key", "{\"key_id\":\"%s\"}", key);
	assert_string_equal(flag, "1");
	call_refused(&f, 400, "KMS.0211", "disable-key", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.1201", "enable-key", "{\"key_id\":\"%s\"}", key);
	/* Only this one makes itself */
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"alias/obs/default\"}");
	free(key);
	free(again);
	free(flag);
}

static void test_alias(void **state)
{
	static const char *const good[] = { "a", "A-z_0:9/x", "evs/default2", "default", "x/defaults" };
	static const char *const bad[] = {
		"", "a b", "a.b", "\xc3\xa4", "evs/default", "x/default", "/default", "a\\n",
	};
	char longest[257], *key, *by_alias;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		key = new_key(good[i]);
		by_alias = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/%s\"}",
				   good[i]);
		assert_string_equal(key, by_alias);
		call_refused(&f, 400, "KMS.1104", "create-key", "{\"key_alias\":\"%s\"}", good[i]);
		free(key);
		free(by_alias);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call_refused(&f, 400, "KMS.1101", "create-key", "{\"key_alias\":\"%s\"}", bad[i]);
	memset(longest, 'x', 256);
	longest[256] = '\0';
	call_refused(&f, 400, "KMS.1101", "create-key", "{\"key_alias\":\"%s\"}", longest);
	longest[255] = '\0';
	free(new_key(longest));
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", "one", "evs/default", "kms:eu-de:1:key:x", "kms:eu-de:alias:x",
		"0d0466b0-e727-4d9c-b35d-f84bb474a37", "0d0466b0-e727-4d9c-b35d-f84bb474a37ff",
		"0D0466B0-E727-4D9C-B35D-F84BB474A37F", "0d0466b00e727-4d9c-b35d-f84bb474a37f",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call_refused(&f, 400, "KMS.0205", "describe-key", "{\"key_id\":\"%s\"}", bad[i]);
	call_refused(&f, 404, "KMS.0207", "describe-key",
		     "{\"key_id\":\"0d0466b0-e727-4d9c-b35d-f84bb474a37f\"}");
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"alias/nobody\"}");
	call_refused(&f, 400, "KMS.0205", "create-datakey",
		     "{\"key_id\":\"kms:r:d:alias:nobody\",\"datakey_length\":\"512\"}");
}

static void test_description(void **state)
{
	char text[520] = "", *shown;
	size_t i;

	(void)state;
	for (i = 0; i < 255; i++)
		strcat(text, "\xc3\xa4");	/* characters are counted, not bytes */
	call_done(&f, "create-key", "{\"key_alias\":\"desc\",\"key_description\":\"%s\"}", text);
	shown = call_ok(&f, "key_description", "describe-key", "{\"key_id\":\"alias/desc\"}");
	assert_string_equal(shown, text);
	free(shown);
	strcat(text, "x");
	call_refused(&f, 400, "KMS.1103", "create-key",
		     "{\"key_alias\":\"desc2\",\"key_description\":\"%s\"}", text);
}

/* A page, as "ids,total,truncated,next". */
static void page(const char *body, size_t ids, const char *total, const char *truncated,
		 const char *next)
{
	struct answer a = call(&f, "list-keys", "%s", body);
	struct json_object *keys, *details;

	assert_int_equal(a.status, 200);
	assert_true(json_object_object_get_ex(a.json, "keys", &keys));
	assert_true(json_object_object_get_ex(a.json, "key_details", &details));
	assert_int_equal(json_object_array_length(keys), ids);
	assert_int_equal(json_object_array_length(details), ids);
	assert_string_equal(member(&a, "total"), total);
	assert_string_equal(member(&a, "truncated"), truncated);
	assert_string_equal(member(&a, "next_marker"), next);
	answer_free(&a);
}

static void test_pages(void **state)
{
	struct json_object *total;
	char alias[16], *key;
	struct answer a;
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(alias, sizeof(alias), "page-%d", i);
		key = new_key(alias);
		if (i < 2)
			call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", key);
		free(key);
	}
	page("{}", 5, "5", "false", "");
	page("{\"limit\":\"2\"}", 2, "5", "true", "2");
	page("{\"limit\":2,\"marker\":2}", 2, "5", "true", "4");
	page("{\"limit\":\"2\",\"marker\":\"4\"}", 1, "5", "false", "");
	page("{\"limit\":\"5\"}", 5, "5", "false", "");
	page("{\"marker\":\"99\"}", 0, "5", "false", "");

	a = call(&f, "list-keys", "{}");
	json_object_object_get_ex(a.json, "total", &total);
	assert_true(json_object_is_type(total, json_type_int));
	json_object_object_get_ex(a.json, "truncated", &total);
	assert_true(json_object_is_type(total, json_type_string));
	answer_free(&a);

	call_refused(&f, 400, "KMS.1601", "list-keys", "{\"limit\":\"0\"}");
	call_refused(&f, 400, "KMS.1601", "list-keys", "{\"limit\":1001}");
	call_refused(&f, 400, "KMS.1601", "list-keys", "{\"limit\":\"x\"}");
	call_refused(&f, 400, "KMS.1602", "list-keys", "{\"marker\":-1}");
	call_refused(&f, 400, "KMS.1602", "list-keys", "{\"marker\":\"1x\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disable_enable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alias, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_description, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_cmk", tests, NULL, NULL);
}
