/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_MATERIAL_H
#define KMSD_MATERIAL_H

#include "kmsd.h"
#include "secret.h"

#define KMSD_CMK_SIZE 32	/* AES-256 */

/*
 * The key bytes of CMKs. Calls that change something run inside of a
 * transaction of the store. All return 0 or a negative errno with @err filled.
 */

/**
 * kmsd_material_generate() - Make a version of a CMK's material in the token.
 * @kmsd: the KMS
 * @cmk: the CMK; its version is updated
 * @version: which one
 * @err: filled on failure
 */
int kmsd_material_generate(struct kmsd *kmsd, struct kmsd_cmk *cmk, uint32_t version,
			   struct evs_error *err);

/**
 * kmsd_material_put() - Keep material that came from outside, as version 1.
 * @kmsd: the KMS
 * @cmk: the CMK; its version is updated
 * @key: KMSD_CMK_SIZE bytes
 * @err: filled on failure; KMS.2606 when the CMK had other material before
 */
int kmsd_material_put(struct kmsd *kmsd, struct kmsd_cmk *cmk, const struct evs_secret *key,
		      struct evs_error *err);

/**
 * kmsd_material_get() - Unwrap a version of a CMK's material.
 * @kmsd: the KMS
 * @cmk: the CMK
 * @version: which one
 * @key: set to KMSD_CMK_SIZE bytes; free it as soon as the operation is done
 * @err: filled on failure; -ENOENT when there is no such version
 */
int kmsd_material_get(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		      struct evs_secret **key, struct evs_error *err);

/**
 * kmsd_material_destroy() - Overwrite and delete all of a CMK's material.
 * @kmsd: the KMS
 * @id: the CMK
 * @err: filled on failure
 */
int kmsd_material_destroy(struct kmsd *kmsd, const char *id, struct evs_error *err);

#endif /* KMSD_MATERIAL_H */
