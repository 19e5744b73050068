/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_BLOB_H
#define KMSD_BLOB_H

#include <stdint.h>

#include "key/cmk.h"
#include "key/context.h"
#include "error.h"
#include "secret.h"

#define KMSD_DIGEST_SIZE 32	/* SHA-256 */

#define KMSD_BLOB_SIZE 188

/*
 * A data key wrapped by a CMK. Offsets and sizes are those of the cloud service's blobs;
 * clients treat it as opaque.
 *
 *	  0	2   format, 02 00
 *	  2	2   end of the key id, little endian
 *	  4    12   IV
 *	 16	4   version of the CMK's material, big endian
 *	 20    96   AES-256-GCM of the data key and its SHA-256
 *	116    36   id of the CMK, ASCII
 *	152	4   zero
 *	156    16   GCM tag
 *	172    16   zero
 *
 * Authenticated besides: everything that is neither IV, ciphertext nor tag,
 * and the encryption context.
 */

/* All return 0 or a negative errno with @err filled. */

/* Wraps a data key of EVS_DK_SIZE bytes by the newest version of a CMK, whose material is @key. */
int kmsd_blob_wrap(const struct evs_secret *key, const struct kmsd_cmk *cmk,
		   const struct kmsd_context *context, const unsigned char *dk,
		   unsigned char blob[KMSD_BLOB_SIZE], struct evs_error *err);

/*
 * Which CMK and version does a blob say wrapped it? @cmk: filled with the id; a hint, until
 * kmsd_blob_unwrap() has succeeded. @err: filled with KMS.2201 or 2204 when it is no blob.
 */
int kmsd_blob_inspect(const unsigned char *blob, size_t size, char cmk[EVS_CMK_ID_SIZE],
		      uint32_t *version, struct evs_error *err);

/*
 * Get the data key out of a blob. @key: the material of the version that kmsd_blob_inspect()
 * found. @context: encryption context. @blob: the blob, looked through by kmsd_blob_inspect().
 * @dk: EVS_DK_SIZE bytes; wiped on failure. @digest: filled with the SHA-256 of @dk,
 * KMSD_DIGEST_SIZE bytes. @err: filled with KMS.2201 or 2203 when blob or context was altered.
 */
int kmsd_blob_unwrap(const struct evs_secret *key, const struct kmsd_context *context,
		     const unsigned char blob[KMSD_BLOB_SIZE], unsigned char *dk,
		     unsigned char *digest, struct evs_error *err);

/* SHA-256 of @size bytes; @digest has room for KMSD_DIGEST_SIZE. */
int kmsd_blob_digest(const void *data, size_t size, unsigned char *digest,
		     struct evs_error *err);

#endif /* KMSD_BLOB_H */
