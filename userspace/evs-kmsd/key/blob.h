/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_BLOB_H
#define KMSD_BLOB_H

#include <stdint.h>

#include "key/cmk.h"
#include "key/context.h"
#include "error.h"
#include "secret.h"

#define KMSD_DIGEST_SIZE 32	/* SHA-256 */

/*
 * Something wrapped by a CMK: a data key or, by encrypt-data, any bytes. For N
 * bytes of content; offsets and sizes are those of the cloud service's blobs.
 * Clients treat it as opaque.
 *
 *	  0	2   format, 02 00
 *	  2	2   end of the key id, little endian
 *	  4    12   IV
 *	 16	4   version of the CMK's material, big endian
 *	 20  N+32   AES-256-GCM of content and its SHA-256
 *	 +0    36   id of the CMK, ASCII
 *	+36	4   zero
 *	+40    16   GCM tag
 *	+56	P   zero
 *
 * Authenticated besides: everything that is neither IV, ciphertext nor tag,
 * and the encryption context.
 */

/**
 * struct kmsd_blob_kind - What is wrapped.
 * @name: of the member that holds the blob, for messages
 * @min: least N
 * @max: largest N
 * @padding: P, by which the kinds differ
 */
struct kmsd_blob_kind {
	const char *name;
	size_t min;
	size_t max;
	size_t padding;
};

extern const struct kmsd_blob_kind kmsd_blob_datakey;	/* N = 64: 188 bytes */
extern const struct kmsd_blob_kind kmsd_blob_data;	/* N = 1..4096: 141..4236 bytes */

#define KMSD_DATA_MAX 4096
#define KMSD_BLOB_MAX (KMSD_DATA_MAX + 140)

/**
 * kmsd_blob_size() - How large is a blob?
 * @kind: what is in it
 * @size: bytes of content
 */
size_t kmsd_blob_size(const struct kmsd_blob_kind *kind, size_t size);

/**
 * kmsd_blob_wrap() - Wrap something by a CMK.
 * @kind: what
 * @key: the CMK's material
 * @cmk: the CMK; its id and newest version go into the blob
 * @context: encryption context
 * @data: the content
 * @size: its size
 * @blob: filled, kmsd_blob_size() bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_blob_wrap(const struct kmsd_blob_kind *kind, const struct evs_secret *key,
		   const struct kmsd_cmk *cmk, const struct kmsd_context *context,
		   const unsigned char *data, size_t size, unsigned char *blob,
		   struct evs_error *err);

/**
 * kmsd_blob_inspect() - Which CMK and version does a blob say wrapped it?
 * @kind: what is in it
 * @blob: the blob
 * @size: its size
 * @cmk: filled with the id; a hint, until kmsd_blob_unwrap() has succeeded
 * @version: set
 * @err: filled with KMS.2201 or 2204 when it is no blob
 *
 * Return: 0 or a negative errno.
 */
int kmsd_blob_inspect(const struct kmsd_blob_kind *kind, const unsigned char *blob, size_t size,
		      char cmk[EVS_CMK_ID_SIZE], uint32_t *version, struct evs_error *err);

/**
 * kmsd_blob_unwrap() - Get the content out of a blob.
 * @kind: what is in it
 * @key: the material of the version that kmsd_blob_inspect() found
 * @context: encryption context
 * @blob: the blob, looked through by kmsd_blob_inspect()
 * @size: its size
 * @data: filled
 * @digest: filled with the SHA-256 of @data, KMSD_DIGEST_SIZE bytes
 * @err: filled with KMS.2201 or 2203 when blob or context was altered
 *
 * Return: 0 or a negative errno; nothing is left in @data then.
 */
int kmsd_blob_unwrap(const struct kmsd_blob_kind *kind, const struct evs_secret *key,
		     const struct kmsd_context *context, const unsigned char *blob, size_t size,
		     unsigned char *data, unsigned char *digest, struct evs_error *err);

/**
 * kmsd_blob_digest() - SHA-256.
 * @data: the bytes
 * @size: how many
 * @digest: filled, KMSD_DIGEST_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_blob_digest(const void *data, size_t size, unsigned char *digest,
		     struct evs_error *err);

#endif /* KMSD_BLOB_H */
