// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base64.h"

void kmsd_base64_encode(char *text, const void *data, size_t size)
{
	EVP_EncodeBlock((unsigned char *)text, data, (int)size);
}

ssize_t kmsd_base64_decode(void *data, size_t room, const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	size_t len = strlen(text), used = strspn(text, alphabet), padding = len - used, size;
	unsigned char last[3], *out = data;

	/* OpenSSL's decoder forgives blanks, and counts the padding as bytes */
	if (!len || len % 4 || padding > 2 || strspn(text + used, "=") != padding)
		return -EINVAL;
	size = len / 4 * 3 - padding;
	if (size > room)
		return -EMSGSIZE;
	if (len > 4 && EVP_DecodeBlock(out, (const unsigned char *)text, (int)len - 4) < 0)
		return -EINVAL;
	if (EVP_DecodeBlock(last, (const unsigned char *)text + len - 4, 4) < 0)
		return -EINVAL;
	memcpy(out + len / 4 * 3 - 3, last, 3 - padding);
	return (ssize_t)size;
}
