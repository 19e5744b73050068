/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_HEX_H
#define EVS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * OpenSSL has such functions, but they look the secret up in tables and want
 * NUL-terminated copies. These do neither.
 */

/**
 * evs_hex_encode() - Write bytes as upper-case hex, as the KMS API spells it.
 * @hex: room for 2 * @len characters and the final NUL
 * @data: the bytes
 * @len: how many
 */
void evs_hex_encode(char *hex, const void *data, size_t len);

/**
 * evs_hex_decode() - Read hex of either case.
 * @data: where the bytes go; may be the memory of @hex itself
 * @size: room there
 * @hex: the digits; need not end in NUL
 * @len: number of digits
 *
 * The time taken depends on @len alone. On failure @data holds rubbish.
 *
 * Return: number of bytes, -EINVAL for an odd length or something that is no
 * hex digit, -EMSGSIZE when the bytes do not fit.
 */
ssize_t evs_hex_decode(void *data, size_t size, const char *hex, size_t len);

/**
 * evs_hex_valid() - Is this the hex of at least one byte, of either case?
 * @hex: a text that is no secret
 */
bool evs_hex_valid(const char *hex);

#endif /* EVS_HEX_H */
