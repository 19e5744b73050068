/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_GCM_H
#define EVS_GCM_H

#include <stddef.h>

#include "error.h"

#define EVS_GCM_KEY_SIZE 32
#define EVS_GCM_IV_SIZE 12
#define EVS_GCM_TAG_SIZE 16

/**
 * struct evs_gcm - What both directions of AES-256-GCM (NIST SP 800-38D) take.
 * @key: EVS_GCM_KEY_SIZE bytes
 * @iv: EVS_GCM_IV_SIZE bytes, never the same twice with one key
 * @aad: what is authenticated besides, or NULL
 * @aad_size: bytes in @aad
 */
struct evs_gcm {
	const unsigned char *key;
	const unsigned char *iv;
	const void *aad;
	size_t aad_size;
};

/**
 * evs_gcm_encrypt() - Encrypt.
 * @gcm: key, IV and additional data
 * @data: what to encrypt
 * @size: bytes in @data
 * @cipher: room for @size bytes, and the tag behind them
 * @err: filled on failure
 *
 * Return: 0 or -EIO.
 */
int evs_gcm_encrypt(const struct evs_gcm *gcm, const void *data, size_t size,
		    unsigned char *cipher, struct evs_error *err);

/**
 * evs_gcm_decrypt() - Decrypt.
 * @gcm: key, IV and additional data
 * @cipher: @size bytes, and the tag behind them
 * @data: room for @size bytes, of zeros on failure
 * @size: bytes of data
 * @err: filled on failure
 *
 * Return: 0, -EBADMSG when the tag does not fit, or -EIO.
 */
int evs_gcm_decrypt(const struct evs_gcm *gcm, const unsigned char *cipher, void *data,
		    size_t size, struct evs_error *err);

#endif /* EVS_GCM_H */
