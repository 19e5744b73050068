/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CMK_H
#define KMSD_CMK_H

#include "kmsd.h"
#include "secret.h"

#define KMSD_CMK_SIZE 32	/* AES-256 */

/*
 * The calls below return 0 or a negative errno with @err filled; a refusal
 * that the client has to hear of carries its KMS code.
 */

/**
 * kmsd_cmk_create() - Make a CMK.
 * @kmsd: the KMS
 * @project: whose
 * @alias: its alias; refused when it has a bad form, ends in `/default` or is taken
 * @description: free text
 * @cmk: filled
 * @err: filled on failure
 */
int kmsd_cmk_create(struct kmsd *kmsd, const char *project, const char *alias,
		    const char *description, struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_cmk_find() - Find a CMK by what a request calls it.
 * @kmsd: the KMS
 * @project: whose
 * @key_id: an id, `alias/NAME`, or `kms:REGION:DOMAIN:alias:NAME`
 * @cmk: filled
 * @err: filled on failure
 *
 * The project's evs/default is made when it is named for the first time.
 */
int kmsd_cmk_find(struct kmsd *kmsd, const char *project, const char *key_id,
		  struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_cmk_find_id() - Find a CMK by its id alone.
 * @kmsd: the KMS
 * @project: whose
 * @key_id: the id
 * @cmk: filled
 * @err: filled on failure
 */
int kmsd_cmk_find_id(struct kmsd *kmsd, const char *project, const char *key_id,
		     struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_cmk_enable() - Enable a disabled CMK.
 * @kmsd: the KMS
 * @cmk: the CMK; its state is updated
 * @err: filled on failure
 */
int kmsd_cmk_enable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_cmk_disable() - Disable an enabled CMK.
 * @kmsd: the KMS
 * @cmk: the CMK; its state is updated
 * @err: filled on failure
 */
int kmsd_cmk_disable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_cmk_unwrap() - Get the material of a CMK that may be used.
 * @kmsd: the KMS
 * @cmk: the CMK; refused unless it is enabled
 * @version: version of the material
 * @key: set to KMSD_CMK_SIZE bytes; free it as soon as the operation is done
 * @err: filled on failure; -ENOENT when there is no such version
 */
int kmsd_cmk_unwrap(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		    struct evs_secret **key, struct evs_error *err);

#endif /* KMSD_CMK_H */
