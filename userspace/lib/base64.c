// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OpenSSL's block functions do the work, in the caller's memory only, as it may be
 * a secret. Decoding, they forgive blanks and count the padding as bytes, which
 * the last block is taken apart for.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "base64.h"

void evs_base64_encode(char *text, const void *data, size_t len)
{
	*text = '\0';
	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
}

static bool is_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* The last four characters; those that are not what encoding gives are refused */
static int decode_last(unsigned char *out, const char *text, size_t padding)
{
	unsigned char last[3];
	char again[5];
	int ret = -EINVAL;

	if (EVP_DecodeBlock(last, (const unsigned char *)text, 4) == 3) {
		evs_base64_encode(again, last, 3 - padding);
		if (memcmp(again, text, 4) == 0) {
			memcpy(out, last, 3 - padding);
			ret = 0;
		}
	}
	OPENSSL_cleanse(last, sizeof(last));
	OPENSSL_cleanse(again, sizeof(again));
	return ret;
}

ssize_t evs_base64_decode(void *data, size_t size, const char *text, size_t len)
{
	size_t used = 0, padding, head, bytes;
	unsigned char *out = data;

	while (used < len && is_digit(text[used]))
		used++;
	padding = len - used;
	if (len % 4 || padding > 2 || len > INT_MAX)
		return -EINVAL;
	if (!len)
		return 0;
	head = len - 4;
	bytes = len / 4 * 3 - padding;
	if (bytes > size)
		return -EMSGSIZE;
	if (head && EVP_DecodeBlock(out, (const unsigned char *)text, (int)head) < 0)
		return -EINVAL;
	if (decode_last(out + head / 4 * 3, text + head, padding))
		return -EINVAL;
	return (ssize_t)bytes;
}
