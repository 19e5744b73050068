/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_DATAKEY_H
#define KMSD_DATAKEY_H

#include <stdint.h>

#include "cmk.h"
#include "context.h"
#include "error.h"
#include "secret.h"

#define KMSD_DIGEST_SIZE 32	/* SHA-256 */
#define KMSD_BLOB_SIZE 188

/*
 * A wrapped data key. Offsets and size are those of the cloud service's blobs
 * for a 64-byte key; clients treat it as opaque all the same.
 *
 *	  0   2	 format, 02 00
 *	  2   2	 end of the key id, little endian: 98 00
 *	  4  12	 IV
 *	 16   4	 version of the CMK's material, big endian
 *	 20  96	 AES-256-GCM of data key and its SHA-256
 *	116  36	 id of the CMK, ASCII
 *	152   4	 zero
 *	156  16	 GCM tag
 *	172  16	 zero
 *
 * Authenticated besides: everything that is neither IV, ciphertext nor tag,
 * and the encryption context.
 */

/**
 * kmsd_datakey_wrap() - Wrap a data key by a CMK.
 * @key: the CMK's material
 * @cmk: the CMK; its id and newest version go into the blob
 * @context: encryption context
 * @dk: the data key, EVS_DK_SIZE bytes
 * @blob: filled, KMSD_BLOB_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_datakey_wrap(const struct evs_secret *key, const struct kmsd_cmk *cmk,
		      const struct kmsd_context *context, const unsigned char *dk,
		      unsigned char *blob, struct evs_error *err);

/**
 * kmsd_datakey_inspect() - Which CMK and version does a blob say wrapped it?
 * @blob: the blob
 * @size: its size
 * @cmk: filled with the id; a hint, until kmsd_datakey_unwrap() has succeeded
 * @version: set
 * @err: filled with KMS.2201 or 2204 when it is no blob
 *
 * Return: 0 or a negative errno.
 */
int kmsd_datakey_inspect(const unsigned char *blob, size_t size, char cmk[EVS_CMK_ID_SIZE],
			 uint32_t *version, struct evs_error *err);

/**
 * kmsd_datakey_unwrap() - Get a data key out of a blob.
 * @key: the material of the version that kmsd_datakey_inspect() found
 * @context: encryption context
 * @blob: the blob, KMSD_BLOB_SIZE bytes
 * @dk: filled, EVS_DK_SIZE bytes
 * @digest: filled with its SHA-256, KMSD_DIGEST_SIZE bytes
 * @err: filled with KMS.2201 or 2203 when blob or context was altered
 *
 * Return: 0 or a negative errno; nothing of the key is left in @dk then.
 */
int kmsd_datakey_unwrap(const struct evs_secret *key, const struct kmsd_context *context,
			const unsigned char *blob, unsigned char *dk, unsigned char *digest,
			struct evs_error *err);

/**
 * kmsd_datakey_digest() - SHA-256 of a data key.
 * @dk: the data key, EVS_DK_SIZE bytes
 * @digest: filled, KMSD_DIGEST_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_datakey_digest(const unsigned char *dk, unsigned char *digest, struct evs_error *err);

#endif /* KMSD_DATAKEY_H */
