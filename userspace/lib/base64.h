/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_BASE64_H
#define EVS_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters that so many bytes take, without the NUL. */
#define EVS_BASE64_LEN(size) (((size) + 2) / 3 * 4)

/**
 * evs_base64_encode() - Write bytes as base64, with padding.
 * @text: room for EVS_BASE64_LEN(@len) characters and the NUL
 * @data: the bytes
 * @len: how many
 */
void evs_base64_encode(char *text, const void *data, size_t len);

/**
 * evs_base64_decode() - Read base64 with padding, strictly.
 * @data: where the bytes go
 * @size: room there
 * @text: the characters; need not end in NUL
 * @len: how many
 *
 * Return: number of bytes, -EINVAL for anything that evs_base64_encode() would
 * not write, -EMSGSIZE when the bytes do not fit.
 */
ssize_t evs_base64_decode(void *data, size_t size, const char *text, size_t len);

#endif /* EVS_BASE64_H */
