/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_H
#define EVS_POOL_H

/*
 * A pool keeps disks, their snapshots, and images on a storage engine that exists
 * already. What is known of an object is its record, which the engine keeps beside
 * the object; there is no database.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pool/record.h"

#define EVS_POOL_NAME_MAX 14
#define EVS_POOL_OBJECT_MAX 48

struct evs_config_key;
struct evs_config_pool;
struct evs_pool;

/**
 * struct evs_object - What an object of a pool is called.
 * @kind: what it is
 * @unfinished: it is being made, and @name is a UUID that was made for that
 * @name: name of the disk or image; of a snapshot, that of its disk
 * @snapshot: name of the snapshot, else ""
 *
 * The engines call them by names that no disk can have: DISK, DISK.SNAPSHOT or
 * DISK@SNAPSHOT, image.NAME, new.UUID.
 */
struct evs_object {
	enum evs_kind kind;
	bool unfinished;
	char name[EVS_POOL_OBJECT_MAX + 1];
	char snapshot[EVS_POOL_OBJECT_MAX + 1];
};

#define EVS_POOL_UNKNOWN UINT64_MAX

/**
 * struct evs_pool_entry - One object of a list.
 * @object: its name
 * @record: its record
 * @bytes: its size in the engine, the header included
 * @used: bytes that it takes in the engine, EVS_POOL_UNKNOWN where that is not told
 */
struct evs_pool_entry {
	struct evs_object object;
	struct evs_record record;
	uint64_t bytes;
	uint64_t used;
};

/**
 * struct evs_pool_usage - How full a pool is.
 * @size: bytes of data it has room for
 * @used: bytes that are taken
 * @metadata_used: per cent of the metadata that are taken, 0 where there is none
 */
struct evs_pool_usage {
	uint64_t size;
	uint64_t used;
	unsigned int metadata_used;
};

/* Called for each object; what it returns other than 0 ends the list. */
typedef int evs_pool_entry_fn(void *arg, const struct evs_pool_entry *entry, struct evs_error *err);

/* Called for each range, in ascending order; what it returns other than 0 ends the walk. */
typedef int evs_pool_range_fn(void *arg, uint64_t offset, uint64_t length, struct evs_error *err);

/* Called about once a second; what it returns other than 0 ends the work. */
typedef int evs_pool_progress_fn(void *arg, uint64_t done, uint64_t total, struct evs_error *err);

/**
 * struct evs_pool_ops - A kind of storage engine.
 *
 * All but @close return 0 or a negative errno with the error filled: -ENOENT where the
 * object is not there, -EEXIST where one of that name is, -EOPNOTSUPP with the reason
 * where the engine, or what it stands on, cannot do it. The caller holds the lock of
 * the pool wherever something is made, renamed or removed.
 *
 * @name: value of the key `engine` of its sections
 * @keys: the keys of its sections
 * @open: look whether the pool is there and what it can do
 * @close: release what @open made
 * @usage: how full the pool is
 * @list: all objects with a record, unfinished ones as well, by one call of the engine;
 *	  one whose record is no valid one is left out
 * @create: make an unfinished disk or image of so many zero bytes, rounded up
 * @remove: remove an object; refuse it while the engine needs it for another one
 * @rename: give an unfinished object its name, which is the moment at which it exists
 * @replace: the same over the disk of that name, which goes, while its snapshots stay; NULL
 *	     where the engine has @rollback. Cut short, it is finished by the next @open.
 * @rollback: take a disk back to one of its snapshots in place; NULL where @clone and
 *	      @replace do that
 * @grow: make it larger, also while it is active
 * @snapshot: make a snapshot of a disk, with its record, all at once
 * @clone: make an unfinished object with the data of a snapshot, an image or a disk
 * @activate: have a device or file that can be opened, and tell its path; does nothing
 *	      more where it is active already
 * @deactivate: the opposite; does nothing where it is not active; -EBUSY while it is open
 * @save: write the record of an object
 * @allocated: the ranges that were ever written and not discarded, rounded to what the
 *	       engine allocates
 * @changed: the ranges in which two snapshots of a disk, or a snapshot and its disk, may
 *	     differ
 * @flatten: make a clone independent of what it was made from; nothing to do where
 *	     the engine has no dependence
 */
struct evs_pool_ops {
	const char *name;
	const struct evs_config_key *keys;
	int (*open)(struct evs_pool *pool, struct evs_error *err);
	void (*close)(struct evs_pool *pool);
	int (*usage)(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err);
	int (*list)(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		    struct evs_error *err);
	int (*create)(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		      const struct evs_record *record, struct evs_error *err);
	int (*remove)(struct evs_pool *pool, const struct evs_object *object,
		      struct evs_error *err);
	int (*rename)(struct evs_pool *pool, const struct evs_object *object,
		      const struct evs_object *to, struct evs_error *err);
	int (*replace)(struct evs_pool *pool, const struct evs_object *object,
		       const struct evs_object *disk, struct evs_error *err);
	int (*rollback)(struct evs_pool *pool, const struct evs_object *snapshot,
			struct evs_error *err);
	int (*grow)(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		    struct evs_error *err);
	int (*snapshot)(struct evs_pool *pool, const struct evs_object *snapshot,
			const struct evs_record *record, struct evs_error *err);
	int (*clone)(struct evs_pool *pool, const struct evs_object *source,
		     const struct evs_object *to, const struct evs_record *record,
		     struct evs_error *err);
	int (*activate)(struct evs_pool *pool, const struct evs_object *object, bool writable,
			char *path, size_t size, struct evs_error *err);
	int (*deactivate)(struct evs_pool *pool, const struct evs_object *object,
			  struct evs_error *err);
	int (*save)(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_record *record, struct evs_error *err);
	int (*allocated)(struct evs_pool *pool, const struct evs_object *object,
			 evs_pool_range_fn *each, void *arg, struct evs_error *err);
	int (*changed)(struct evs_pool *pool, const struct evs_object *before,
		       const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		       struct evs_error *err);
	int (*flatten)(struct evs_pool *pool, const struct evs_object *object,
		       evs_pool_progress_fn *progress, void *arg, struct evs_error *err);
};

/**
 * struct evs_pool - An open pool.
 * @config: its section of evs.conf
 * @ops: its engine
 * @engine: what the engine keeps of it
 */
struct evs_pool {
	const struct evs_config_pool *config;
	const struct evs_pool_ops *ops;
	void *engine;
};

#endif /* EVS_POOL_H */
