// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "hex.h"

/* 0..15 to its digit: '0' + n, and 7 more from 10 on to reach 'A'. */
static char hex_digit(unsigned int n)
{
	return (char)(n + '0' + (((9U - n) >> 8) & 7U));
}

/*
 * A digit to its value, -1 for anything else. Each line adds the value + 1
 * exactly if the difference of both borders is negative, that is if c lies
 * between them; no branch and no table depends on the digit.
 */
static int hex_value(unsigned char ch)
{
	int c = ch, lower = c | 0x20;
	int value = -1;

	value += ((('0' - 1 - c) & (c - ('9' + 1))) >> 8) & (c - '0' + 1);
	value += ((('a' - 1 - lower) & (lower - ('f' + 1))) >> 8) & (lower - 'a' + 11);
	return value;
}

void evs_hex_encode(char *hex, const void *data, size_t len)
{
	const unsigned char *byte = data;
	size_t i;

	for (i = 0; i < len; i++) {
		hex[2 * i] = hex_digit(byte[i] >> 4);
		hex[2 * i + 1] = hex_digit(byte[i] & 15);
	}
	hex[2 * len] = '\0';
}

ssize_t evs_hex_decode(void *data, size_t size, const char *hex, size_t len)
{
	unsigned char *byte = data;
	int high, low, bad = 0;
	size_t i;

	if (len % 2)
		return -EINVAL;
	if (len / 2 > size)
		return -EMSGSIZE;
	for (i = 0; i < len / 2; i++) {
		high = hex_value((unsigned char)hex[2 * i]);
		low = hex_value((unsigned char)hex[2 * i + 1]);
		bad |= high | low;
		byte[i] = (unsigned char)(((unsigned int)high << 4) | (unsigned int)low);
	}
	return bad < 0 ? -EINVAL : (ssize_t)(len / 2);
}

bool evs_hex_valid(const char *hex)
{
	size_t len = strspn(hex, "0123456789abcdefABCDEF");

	return len && !(len % 2) && !hex[len];
}
