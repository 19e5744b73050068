// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hex.h"

static void test_encode(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x09, 0x0a, 0x9f, 0xa0, 0xf9, 0xff };
	char hex[2 * sizeof(bytes) + 1];

	(void)state;
	evs_hex_encode(hex, bytes, sizeof(bytes));
	assert_string_equal(hex, "00090A9FA0F9FF");
	evs_hex_encode(hex, bytes, 0);
	assert_string_equal(hex, "");
}

/* Every pair of characters, against what sscanf() makes of it. */
static void test_decode_every_pair(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	unsigned int value;
	unsigned char byte;
	char hex[3] = "";
	int high, low;
	ssize_t ret;

	(void)state;
	for (high = 1; high < 256; high++) {
		for (low = 1; low < 256; low++) {
			hex[0] = (char)high;
			hex[1] = (char)low;
			ret = evs_hex_decode(&byte, 1, hex, 2);
			if (strchr(digits, hex[0]) && strchr(digits, hex[1])) {
				assert_int_equal(ret, 1);
				assert_int_equal(sscanf(hex, "%2x", &value), 1);
				assert_int_equal(byte, value);
			} else {
				assert_int_equal(ret, -EINVAL);
			}
		}
	}
}

static void test_decode_limits(void **state)
{
	unsigned char bytes[3] = { 0, 0, 0xee };

	(void)state;
	assert_int_equal(evs_hex_decode(bytes, 2, "abc", 3), -EINVAL);
	assert_int_equal(evs_hex_decode(bytes, 2, "aabbcc", 6), -EMSGSIZE);
	assert_int_equal(bytes[2], 0xee);
	assert_int_equal(evs_hex_decode(bytes, 2, "", 0), 0);
	/* A NUL is no digit, and the text need not end where the digits end. */
	assert_int_equal(evs_hex_decode(bytes, 2, "a\0", 2), -EINVAL);
	assert_int_equal(evs_hex_decode(bytes, 2, "aAbBrest", 4), 2);
	assert_memory_equal(bytes, "\xaa\xbb", 2);
}

static void test_in_place(void **state)
{
	char hex[] = "0102FeFf";

	(void)state;
	assert_int_equal(evs_hex_decode(hex, sizeof(hex), hex, 8), 4);
	assert_memory_equal(hex, "\x01\x02\xfe\xff", 4);
}

static void test_valid(void **state)
{
	(void)state;
	assert_true(evs_hex_valid("00aAfF"));
	assert_false(evs_hex_valid(""));
	assert_false(evs_hex_valid("0"));
	assert_false(evs_hex_valid("0g"));
	assert_false(evs_hex_valid("00 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode_every_pair),
		cmocka_unit_test(test_decode_limits),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
