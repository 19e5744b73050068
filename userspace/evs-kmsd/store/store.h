/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_STORE_H
#define KMSD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "config.h"
#include "store/db.h"
#include "error.h"
#include "kms/kms.h"

struct kmsd_store;

/* Room for one version of a CMK as the root key wraps it. */
#define KMSD_WRAPPED_MAX 128

/**
 * struct kmsd_cmk - What the database knows of a CMK, all but older material.
 * @id: 36-byte id
 * @alias: without `alias/`
 * @description: free text
 * @state: where its life stands
 * @is_default: the project's evs/default
 * @external: its material is imported
 * @created: milliseconds since 1970
 * @deletion: when it goes for good, milliseconds since 1970; 0 while that is
 *	      not scheduled
 * @expires: when imported material goes, milliseconds since 1970; 0 for never
 * @rotation: it is rotated every @rotation_days
 * @rotation_days: 30 to 365
 * @rotated: when its newest version was made, milliseconds since 1970
 * @rotations: how many versions have followed the first
 * @version: newest version of its material, by which new data keys are
 *	     wrapped; 0 while it has none
 * @wrapped: that version's material as the root key wraps it; here because
 *	     nearly every call needs it, and one question is cheaper than two
 * @wrapped_size: bytes of it; 0 when it has not been read
 * @project: whose
 */
struct kmsd_cmk {
	char id[EVS_CMK_ID_SIZE];
	char alias[EVS_CMK_ALIAS_MAX + 1];
	char description[EVS_CMK_DESCRIPTION_MAX + 1];
	enum evs_cmk_state state;
	bool is_default;
	bool external;
	int64_t created;
	int64_t deletion;
	int64_t expires;
	bool rotation;
	int64_t rotation_days;
	int64_t rotated;
	int64_t rotations;
	uint32_t version;
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	size_t wrapped_size;
	char project[EVS_KMS_PROJECT_MAX + 1];
};

/*
 * A change outside of a transaction is one of its own, on disk when the call
 * returns. Calls may come from any thread. All return 0 or a negative errno
 * with @err filled.
 */

/*
 * Make an empty database; -EEXIST when the file exists. @root_check: a known text, wrapped by
 * the root key. @size: its size, at most KMSD_WRAPPED_MAX.
 */
int kmsd_store_create(const char *path, const void *root_check, size_t size,
		      struct evs_error *err);

/*
 * Open the database for this process alone. @store: release with kmsd_store_close(). @err:
 * -EBUSY when another process serves its directory.
 */
int kmsd_store_open(struct kmsd_store **store, const char *path, struct evs_error *err);

/* Close the database and let go of its directory. */
void kmsd_store_close(struct kmsd_store *store);

/*
 * Begin a transaction; other threads' changes wait. Until it ends, this thread sees what it
 * has changed, and others do not.
 */
int kmsd_store_begin(struct kmsd_store *store, struct evs_error *err);

/* End a transaction; it is on disk when the call returns. @err: nothing has changed then. */
int kmsd_store_commit(struct kmsd_store *store, struct evs_error *err);

/* End a transaction as if it had never been. */
void kmsd_store_rollback(struct kmsd_store *store);

/*
 * The connection to read from. Returns the writer inside of a transaction of this thread, else
 * the reader.
 */
struct kmsd_db *kmsd_store_reading(struct kmsd_store *store);

/* The connection to change the database by. */
struct kmsd_db *kmsd_store_writing(struct kmsd_store *store);

/* The text given to kmsd_store_create(). @data: room for KMSD_WRAPPED_MAX bytes. */
int kmsd_store_root_check(struct kmsd_store *store, void *data, size_t *size,
			  struct evs_error *err);

/* Add a CMK, without material. @err: -EEXIST when the project has this alias. */
int kmsd_store_add(struct kmsd_store *store, const struct kmsd_cmk *cmk, struct evs_error *err);

/*
 * Add a version of a CMK's material. @version: which version. @wrapped: the material, wrapped
 * by the root key. @size: size of that.
 */
int kmsd_store_add_material(struct kmsd_store *store, const char *id, uint32_t version,
			    const void *wrapped, size_t size, struct evs_error *err);

/* Find a CMK by its id, whosever it is. @err: -ENOENT when there is none. */
int kmsd_store_by_any(struct kmsd_store *store, const char *id, struct kmsd_cmk *cmk,
		      struct evs_error *err);

/* Find a CMK by its id. @err: -ENOENT when there is none. */
int kmsd_store_by_id(struct kmsd_store *store, const char *project, const char *id,
		     struct kmsd_cmk *cmk, struct evs_error *err);

/*
 * Find a CMK by its alias. @alias: the alias, without `alias/`. @err: -ENOENT when there is
 * none.
 */
int kmsd_store_by_alias(struct kmsd_store *store, const char *project, const char *alias,
			struct kmsd_cmk *cmk, struct evs_error *err);

/*
 * One version of a CMK's material, wrapped. @version: which version. @data: room for
 * KMSD_WRAPPED_MAX bytes. @err: -ENOENT when there is no such version.
 */
int kmsd_store_material(struct kmsd_store *store, const char *id, uint32_t version, void *data,
			size_t *size, struct evs_error *err);

/*
 * Move a CMK from one state to another. @from: the state it is in. @to: the state it goes to.
 * @deletion: when it will be deleted, 0 for not at all. @err: -ESTALE when it is not in @from
 * any more.
 */
int kmsd_store_set_state(struct kmsd_store *store, const char *id, enum evs_cmk_state from,
			 enum evs_cmk_state to, int64_t deletion, struct evs_error *err);

/*
 * Collect the ids of CMKs. @ids: set to an array, free() it. @sql: a constant: a SELECT of ids
 * with one number in it. @value: that number. Returns how many, or a negative errno.
 */
int kmsd_store_ids(struct kmsd_store *store, char (**ids)[EVS_CMK_ID_SIZE], struct evs_error *err,
		   const char *sql, int64_t value);

/*
 * Leave no copy of deleted material in the database's files. @store: the database; no
 * transaction is open. Does nothing unless kmsd_store_mark_scrub() has been called since the
 * last time, by this process or by one that was killed. What other threads delete before it
 * returns is erased as well.
 */
int kmsd_store_scrub(struct kmsd_store *store, struct evs_error *err);

/* Note, within a transaction, that material was deleted. */
int kmsd_store_mark_scrub(struct kmsd_store *store, struct evs_error *err);

/**
 * struct kmsd_page - A page of the list of CMKs.
 * @offset: CMKs to skip, oldest first
 * @limit: at most so many
 * @total: set to the number of CMKs on all pages
 * @each: called for each CMK of the page; a negative result ends the walk
 * @arg: given to @each
 */
struct kmsd_page {
	int64_t offset;
	int64_t limit;
	int64_t total;
	int (*each)(void *arg, const struct kmsd_cmk *cmk);
	void *arg;
};

/*
 * Walk a page of a project's CMKs, all as of one moment. @page: which page, and what to do
 * with it.
 */
int kmsd_store_list(struct kmsd_store *store, const char *project, struct kmsd_page *page,
		    struct evs_error *err);

#endif /* KMSD_STORE_H */
