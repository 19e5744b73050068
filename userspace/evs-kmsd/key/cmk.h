/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CMK_H
#define KMSD_CMK_H

#include "kmsd.h"
#include "secret.h"

/*
 * The calls below return 0 or a negative errno with @err filled; a refusal
 * that the client has to hear of carries its KMS code.
 */

/*
 * Those that change something run inside of a transaction of the store.
 */

/*
 * Make a CMK. @cmk: its project, alias, description and external are taken, all else is
 * filled. @err: bad alias, alias taken, too many keys; -ESTALE when kmsd_sweep_deletions() has
 * to make room first.
 */
int kmsd_cmk_create(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/* Make a project's evs/default, unless it is there. */
int kmsd_cmk_make_default(struct kmsd *kmsd, const char *project, struct kmsd_cmk *cmk,
			  struct evs_error *err);

/* How many CMKs count for a project's quota? */
int kmsd_cmk_count(struct kmsd *kmsd, const char *project, int64_t *count,
		   struct evs_error *err);

/*
 * Find a CMK by what a request calls it. @key_id: an id or `alias/NAME`. @err: -ENOENT,
 * without a code, when it is an evs/default that has not been made yet.
 */
int kmsd_cmk_find(struct kmsd *kmsd, const char *project, const char *key_id,
		  struct kmsd_cmk *cmk, struct evs_error *err);

/* Find a CMK by its id alone. @project: whose; NULL for anybody's. */
int kmsd_cmk_find_id(struct kmsd *kmsd, const char *project, const char *key_id,
		     struct kmsd_cmk *cmk, struct evs_error *err);

/* Enable a disabled CMK. */
int kmsd_cmk_enable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/* Disable an enabled CMK. */
int kmsd_cmk_disable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/* Schedule a CMK's deletion. @cmk: the CMK; its state and date are updated. @days: from now. */
int kmsd_cmk_schedule(struct kmsd *kmsd, struct kmsd_cmk *cmk, int64_t days,
		      struct evs_error *err);

/* Cancel a CMK's deletion: it is disabled then, or waits for material. */
int kmsd_cmk_cancel(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/*
 * Delete a CMK and all its material for good. Once the transaction has been committed,
 * kmsd_store_scrub() removes what copies are left in the database's files.
 */
int kmsd_cmk_destroy(struct kmsd *kmsd, const char *id, struct evs_error *err);

/*
 * Give a CMK another alias. @cmk: the CMK; its alias is updated. @err: -ESTALE as with
 * kmsd_cmk_create().
 */
int kmsd_cmk_rename(struct kmsd *kmsd, struct kmsd_cmk *cmk, const char *alias,
		    struct evs_error *err);

/* Give a CMK another description. @cmk: the CMK; its description is updated. */
int kmsd_cmk_describe(struct kmsd *kmsd, struct kmsd_cmk *cmk, const char *description,
		      struct evs_error *err);

/* May this be a CMK's description? @description: the text, at most 255 characters. */
int kmsd_cmk_check_description(const char *description, struct evs_error *err);

/* May a CMK be used? @err: filled when it may not, with the code of its state. */
int kmsd_cmk_usable(const struct kmsd_cmk *cmk, struct evs_error *err);

/*
 * Get the material of a CMK that may be used. @cmk: the CMK; refused unless it is enabled.
 * @version: version of the material. @key: set to KMSD_CMK_SIZE bytes; free it as soon as the
 * operation is done. @err: -ENOENT when there is no such version.
 */
int kmsd_cmk_unwrap(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		    struct evs_secret **key, struct evs_error *err);

#endif /* KMSD_CMK_H */
