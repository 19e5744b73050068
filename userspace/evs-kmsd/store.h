/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_STORE_H
#define KMSD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "kms/kms.h"

struct kmsd_store;

/* Room for one version of a CMK as the root key wraps it. */
#define KMSD_WRAPPED_MAX 128

/**
 * struct kmsd_cmk - What the database knows of a CMK, its material aside.
 * @id: 36-byte id
 * @alias: without `alias/`
 * @description: free text
 * @state: where its life stands
 * @is_default: the project's evs/default
 * @created: milliseconds since 1970
 * @version: newest version of its material; new data keys are wrapped by it
 */
struct kmsd_cmk {
	char id[EVS_CMK_ID_SIZE];
	char alias[EVS_CMK_ALIAS_MAX + 1];
	char description[EVS_CMK_DESCRIPTION_MAX + 1];
	enum evs_cmk_state state;
	bool is_default;
	int64_t created;
	uint32_t version;
};

/*
 * Every change is one transaction, on disk when the call returns. Calls may
 * come from any thread. All return 0 or a negative errno with @err filled.
 */

/**
 * kmsd_store_create() - Make an empty database; -EEXIST when the file exists.
 * @path: the file
 * @root_check: a known text, wrapped by the root key
 * @size: its size, at most KMSD_WRAPPED_MAX
 * @err: filled on failure
 */
int kmsd_store_create(const char *path, const void *root_check, size_t size,
		      struct evs_error *err);

/**
 * kmsd_store_open() - Open the database for this process alone.
 * @store: set; release with kmsd_store_close()
 * @path: the file
 * @err: filled on failure; -EBUSY when another process serves its directory
 */
int kmsd_store_open(struct kmsd_store **store, const char *path, struct evs_error *err);

/**
 * kmsd_store_close() - Close the database and let go of its directory.
 * @store: the database, or NULL
 */
void kmsd_store_close(struct kmsd_store *store);

/**
 * kmsd_store_root_check() - The text given to kmsd_store_create().
 * @store: the database
 * @data: room for KMSD_WRAPPED_MAX bytes
 * @size: set
 * @err: filled on failure
 */
int kmsd_store_root_check(struct kmsd_store *store, void *data, size_t *size,
			  struct evs_error *err);

/**
 * kmsd_store_add() - Add a CMK and the first version of its material.
 * @store: the database
 * @project: whose
 * @cmk: the CMK
 * @wrapped: its material, wrapped by the root key
 * @size: size of that
 * @err: filled on failure; -EEXIST when the project has this alias
 */
int kmsd_store_add(struct kmsd_store *store, const char *project, const struct kmsd_cmk *cmk,
		   const void *wrapped, size_t size, struct evs_error *err);

/**
 * kmsd_store_by_id() - Find a CMK by its id.
 * @store: the database
 * @project: whose
 * @id: the id
 * @cmk: filled
 * @err: filled on failure; -ENOENT when there is none
 */
int kmsd_store_by_id(struct kmsd_store *store, const char *project, const char *id,
		     struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_store_by_alias() - Find a CMK by its alias.
 * @store: the database
 * @project: whose
 * @alias: the alias, without `alias/`
 * @cmk: filled
 * @err: filled on failure; -ENOENT when there is none
 */
int kmsd_store_by_alias(struct kmsd_store *store, const char *project, const char *alias,
			struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_store_material() - One version of a CMK's material, wrapped.
 * @store: the database
 * @id: the CMK
 * @version: which version
 * @data: room for KMSD_WRAPPED_MAX bytes
 * @size: set
 * @err: filled on failure; -ENOENT when there is no such version
 */
int kmsd_store_material(struct kmsd_store *store, const char *id, uint32_t version, void *data,
			size_t *size, struct evs_error *err);

/**
 * kmsd_store_set_state() - Move a CMK from one state to another.
 * @store: the database
 * @id: the CMK
 * @from: the state it is in
 * @to: the state it goes to
 * @err: filled on failure; -ESTALE when it is not in @from any more
 */
int kmsd_store_set_state(struct kmsd_store *store, const char *id, enum evs_cmk_state from,
			 enum evs_cmk_state to, struct evs_error *err);

/**
 * struct kmsd_page - A page of the list of CMKs.
 * @state: only CMKs in this state; EVS_CMK_STATE_UNKNOWN for all
 * @offset: CMKs to skip, oldest first
 * @limit: at most so many
 * @total: set to the number of CMKs on all pages
 * @each: called for each CMK of the page; a negative result ends the walk
 * @arg: given to @each
 */
struct kmsd_page {
	enum evs_cmk_state state;
	int64_t offset;
	int64_t limit;
	int64_t total;
	int (*each)(void *arg, const struct kmsd_cmk *cmk);
	void *arg;
};

/**
 * kmsd_store_list() - Walk a page of a project's CMKs, all as of one moment.
 * @store: the database
 * @project: whose
 * @page: which page, and what to do with it
 * @err: filled on failure
 */
int kmsd_store_list(struct kmsd_store *store, const char *project, struct kmsd_page *page,
		    struct evs_error *err);

#endif /* KMSD_STORE_H */
