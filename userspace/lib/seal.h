/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key material on its way between two processes of this host. What goes through a
 * socket stays behind in freed memory of the kernel, which nobody wipes. So it is
 * encrypted to a key of the receiver's that exists for one answer: X25519,
 * HKDF-SHA256 over the secret with both public keys as salt, AES-256-GCM with a
 * nonce of zeros, as each key is used once.
 */
#ifndef EVS_SEAL_H
#define EVS_SEAL_H

#include <stddef.h>

#include "gcm.h"

#define EVS_SEAL_PUBLIC_SIZE 32
/* What sealing adds: the sender's public key in front, the tag behind */
#define EVS_SEAL_OVERHEAD (EVS_SEAL_PUBLIC_SIZE + EVS_GCM_TAG_SIZE)

/**
 * struct evs_seal - A receiver.
 * @key: its key pair, of libcrypto
 * @public: the public key
 */
struct evs_seal {
	void *key;
	unsigned char public[EVS_SEAL_PUBLIC_SIZE];
};

/**
 * evs_seal_init() - Make a receiver with a new key pair.
 * @seal: filled; release with evs_seal_exit()
 * @err: filled on failure
 *
 * Return: 0 or -EIO.
 */
int evs_seal_init(struct evs_seal *seal, struct evs_error *err);

/**
 * evs_seal_exit() - Wipe and release a receiver.
 * @seal: the receiver; may be all zeros
 */
void evs_seal_exit(struct evs_seal *seal);

/**
 * evs_seal_open() - Decrypt what was sealed for a receiver.
 * @seal: the receiver
 * @sealed: bytes from evs_seal_close()
 * @data: room for @size bytes, of zeros on failure
 * @size: bytes of data, those of @sealed without EVS_SEAL_OVERHEAD
 * @err: filled on failure
 *
 * Return: 0, -EBADMSG when it was altered or is another receiver's, or -EIO.
 */
int evs_seal_open(const struct evs_seal *seal, const unsigned char *sealed, void *data,
		  size_t size, struct evs_error *err);

/**
 * evs_seal_close() - Encrypt for a receiver.
 * @public: public key of the receiver
 * @data: what to encrypt
 * @size: bytes in @data
 * @sealed: room for @size + EVS_SEAL_OVERHEAD bytes
 * @err: filled on failure
 *
 * Return: 0, -EINVAL for a public key that is none, or -EIO.
 */
int evs_seal_close(const unsigned char public[EVS_SEAL_PUBLIC_SIZE], const void *data, size_t size,
		   unsigned char *sealed, struct evs_error *err);

#endif /* EVS_SEAL_H */
