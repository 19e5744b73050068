// SPDX-License-Identifier: GPL-2.0-or-later
/* Items of KMIP: the examples of its specification, and what must be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hex.h"
#include "kms/kmip/ttlv.h"

/* Decodes into memory of just this size, so that the sanitizer sees one byte too far. */
static unsigned char *bytes(const char *hex, size_t *size)
{
	unsigned char *data;

	*size = strlen(hex) / 2;
	data = malloc(*size ? *size : 1);
	assert_non_null(data);
	assert_int_equal(evs_hex_decode(data, *size, hex, strlen(hex)), *size);
	return data;
}

static int parse(const char *hex, struct evs_ttlv *root)
{
	size_t size;
	unsigned char *data = bytes(hex, &size);
	int ret = evs_ttlv_parse(root, data, size);

	free(data);
	return ret;
}

/* KMIP 1.4, 9.1.2, "Examples". */
static void test_examples(void **state)
{
	static const struct {
		const char *hex;
		enum evs_ttlv_type type;
		int64_t number;
	} row[] = {
		{ "4200200200000004" "0000000800000000", EVS_TTLV_INTEGER, 8 },
		{ "4200200200000004" "FFFFFFFF00000000", EVS_TTLV_INTEGER, -1 },
		{ "4200200300000008" "01B69B4BA5749200", EVS_TTLV_LONG, 123456789000000000 },
		{ "4200200500000004" "000000FF00000000", EVS_TTLV_ENUM, 255 },
		{ "4200200500000004" "8000000100000000", EVS_TTLV_ENUM, 0x80000001 },
		{ "4200200600000008" "0000000000000001", EVS_TTLV_BOOLEAN, 1 },
		{ "4200200900000008" "0000000047DA67F8", EVS_TTLV_DATE, 0x47DA67F8 },
		{ "4200200A00000004" "000D2F0000000000", EVS_TTLV_INTERVAL, 864000 },
	};
	unsigned char *data;
	struct evs_ttlv root;
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		data = bytes(row[i].hex, &size);
		assert_int_equal(evs_ttlv_parse(&root, data, size), 0);
		assert_int_equal(root.tag, 0x420020);
		assert_int_equal(root.type, row[i].type);
		assert_true(evs_ttlv_number(&root) == row[i].number);
		free(data);
	}
}

static void test_structure(void **state)
{
	/* "Hello World", bytes 01 02 03, and the structure of the specification in it */
	static const char hex[] = "4200200100000050"
		"420020070000000B" "48656C6C6F20576F726C640000000000"
		"4200200800000003" "0102030000000000"
		"4200200100000020" "4200040500000004" "000000FE00000000"
				   "4200050200000004" "000000FF00000000";
	struct evs_ttlv root, item = {}, inner = {};
	unsigned char *data;
	int64_t number;
	size_t size;

	(void)state;
	data = bytes(hex, &size);
	assert_int_equal(evs_ttlv_message_size(data, 0x420020), size);
	assert_int_equal(evs_ttlv_message_size(data, 0x420021), 0);
	assert_int_equal(evs_ttlv_parse(&root, data, size), 0);
	assert_true(evs_ttlv_next(&root, &item));
	assert_int_equal(item.len, 11);
	assert_memory_equal(item.value, "Hello World", 11);
	assert_true(evs_ttlv_next(&root, &item));
	assert_int_equal(item.len, 3);
	assert_memory_equal(item.value, "\1\2\3", 3);
	assert_true(evs_ttlv_next(&root, &item));
	assert_true(evs_ttlv_find(&item, 0x420005, EVS_TTLV_INTEGER, &inner));
	assert_int_equal(evs_ttlv_number(&inner), 0xff);
	assert_true(evs_ttlv_get_number(&item, 0x420004, EVS_TTLV_ENUM, &number));
	assert_int_equal(number, 0xfe);
	assert_false(evs_ttlv_find(&item, 0x420004, EVS_TTLV_INTEGER, &inner));
	assert_false(evs_ttlv_next(&root, &item));
	free(data);
}

static void test_refused(void **state)
{
	static const char *const hex[] = {
		"",
		"42002002000000",				/* no header */
		"4200200200000004",				/* no value */
		"42002002000000040000000800",			/* padding cut off */
		"42002002000000040000000800000001",		/* padding not zero */
		"420020020000000400000008000000004200",		/* something behind it */
		"42002002000000080000000000000008",		/* integer of 8 bytes */
		"42002003000000040000000800000000",		/* long of 4 */
		"42002000000000040000000800000000",		/* types that are none */
		"4200200B000000040000000800000000",
		"420020060000000800000000000000FF",		/* neither true nor false */
		"42002006000000080000000100000001",
		"42002007000000034100420000000000",		/* a NUL within a text */
		"42002008FFFFFFFF0102030000000000",		/* longer than anything */
		"42002008FFFFFFF90102030000000000",
		"42002008000000090102030405060708",
		"4200200400000000",				/* a big integer of nothing */
		"4200200100000004" "0000000000000000",		/* structure of odd size */
		"4200200100000010" "4200040500000004",		/* longer than the message */
		"4200200100000008" "4200040500000004" "000000FE00000000",
		"4200200100000010" "4200040100000010" "0000000000000000",
	};
	struct evs_ttlv root;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hex) / sizeof(hex[0]); i++)
		if (parse(hex[i], &root) != -EBADMSG)
			fail_msg("taken: %s", hex[i]);
}

/* Structures in structures: as deep as allowed, and one more. */
static void test_depth(void **state)
{
	unsigned char data[8 * (EVS_TTLV_DEPTH_MAX + 1)];
	struct evs_ttlv_out out;
	size_t begin[EVS_TTLV_DEPTH_MAX + 1], i, deep;
	struct evs_ttlv root;

	(void)state;
	for (deep = EVS_TTLV_DEPTH_MAX; deep <= EVS_TTLV_DEPTH_MAX + 1; deep++) {
		out = (struct evs_ttlv_out){ .data = data, .size = sizeof(data) };
		for (i = 0; i < deep; i++)
			begin[i] = evs_ttlv_begin(&out, 0x420020);
		while (i--)
			evs_ttlv_end(&out, begin[i]);
		assert_false(out.full);
		assert_int_equal(evs_ttlv_parse(&root, data, out.used),
				 deep <= EVS_TTLV_DEPTH_MAX ? 0 : -EBADMSG);
	}
}

static void put_all(struct evs_ttlv_out *out)
{
	size_t begin = evs_ttlv_begin(out, 0x420078);

	evs_ttlv_put_number(out, 0x42005C, EVS_TTLV_ENUM, 0x20);
	evs_ttlv_put_text(out, 0x420094, "key");
	evs_ttlv_put_text(out, 0x420094, "eight ch");
	evs_ttlv_put_bytes(out, 0x4200C2, "\1\2\3\4\5\6\7\10\11", 9);
	evs_ttlv_put_bytes(out, 0x4200C2, "", 0);
	evs_ttlv_end(out, begin);
}

static void test_write(void **state)
{
	static const char want[] = "4200780100000050"
		"42005C0500000004" "0000002000000000"
		"4200940700000003" "6B65790000000000"
		"4200940700000008" "6569676874206368"
		"4200C20800000009" "01020304050607080900000000000000"
		"4200C20800000000";
	unsigned char data[88];
	struct evs_ttlv_out out = { .data = data, .size = sizeof(data) };
	char hex[2 * sizeof(data) + 1];
	struct evs_ttlv root;
	size_t size;

	(void)state;
	put_all(&out);
	assert_false(out.full);
	evs_hex_encode(hex, data, out.used);
	assert_string_equal(hex, want);
	assert_int_equal(evs_ttlv_parse(&root, data, out.used), 0);

	/* Whatever the room, it is never left, and never said to suffice. */
	for (size = 0; size < sizeof(data); size++) {
		memset(data, 0xee, sizeof(data));
		out = (struct evs_ttlv_out){ .data = data, .size = size };
		put_all(&out);
		assert_true(out.full);
		assert_true(out.used <= size);
		assert_int_equal(data[size], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests_name("kms_ttlv", tests, NULL, NULL);
}
