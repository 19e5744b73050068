/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_BASE64_H
#define KMSD_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters for @size bytes, with the NUL. */
#define KMSD_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/**
 * kmsd_base64_encode() - Write bytes as Base64.
 * @text: room for KMSD_BASE64_SIZE(@size)
 * @data: the bytes
 * @size: how many
 */
void kmsd_base64_encode(char *text, const void *data, size_t size);

/**
 * kmsd_base64_decode() - Read Base64.
 * @data: where the bytes go
 * @room: how many fit
 * @text: the text, padded, without blanks
 *
 * Return: number of bytes, -EINVAL when it is no Base64, -EMSGSIZE when the
 * bytes do not fit.
 */
ssize_t kmsd_base64_decode(void *data, size_t room, const char *text);

#endif /* KMSD_BASE64_H */
