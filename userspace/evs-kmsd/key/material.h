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

/* Make a version of a CMK's material in the token. @cmk: the CMK; its version is updated. */
int kmsd_material_generate(struct kmsd *kmsd, struct kmsd_cmk *cmk, uint32_t version,
			   struct evs_error *err);

/*
 * Keep material that came from outside, as version 1. @cmk: the CMK; its version is updated.
 * @key: KMSD_CMK_SIZE bytes. @err: KMS.2606 when the CMK had other material before.
 */
int kmsd_material_put(struct kmsd *kmsd, struct kmsd_cmk *cmk, const struct evs_secret *key,
		      struct evs_error *err);

/*
 * Unwrap a version of a CMK's material. @key: set to KMSD_CMK_SIZE bytes; free it as soon as
 * the operation is done. @err: -ENOENT when there is no such version.
 */
int kmsd_material_get(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		      struct evs_secret **key, struct evs_error *err);

/* Overwrite and delete all of a CMK's material. */
int kmsd_material_destroy(struct kmsd *kmsd, const char *id, struct evs_error *err);

#endif /* KMSD_MATERIAL_H */
