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
#include "lock.h"
#include "pool/object.h"
#include "pool/record.h"

struct evs_config_key;
struct evs_config_pool;
struct evs_pool;
struct evs_snapshot;

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
 * @size: bytes of data it has room for, EVS_POOL_UNKNOWN where that is not told
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
 * @name_decides: @list tells no maker of an object that has a name, whatever its record
 *		  says, so that nothing has to be changed once @rename has given it one
 * @keys: the keys of its sections
 * @open: look whether the pool is there and what it can do, or leave that to what is
 *	  asked of it first
 * @close: release what @open made
 * @usage: how full the pool is
 * @list: all objects with a record, unfinished ones as well, by one call of the engine;
 *	  one whose record is no valid one is left out
 * @create: make an unfinished disk or image of so many zero bytes, rounded up
 * @removable: refuse it while something that was made of an object, or of its snapshots,
 *	       needs it; NULL where nothing ever does
 * @remove: remove an object; refuse it while the engine needs it for another one
 * @rename: give an unfinished object its name, which is the moment at which it exists, or
 *	    take that of a disk without snapshots, or of an image, away again
 * @replace: the same over the disk of that name, which goes, while its snapshots stay; NULL
 *	     where the engine has @rollback. Cut short, it is finished, or undone, by the
 *	     next @list under the lock.
 * @rollback: take an inactive disk, and its size, back to one of its snapshots in place;
 *	      NULL where @clone and @replace do that. The caller has its record say so from
 *	      before that until it is complete.
 * @grow: make it larger, also while it is active
 * @prepare: what a snapshot takes before its disk has to hold still: all that is slow; NULL
 *	     where there is nothing to do
 * @snapshot: make a snapshot of a disk, with its record, or fill what @prepare has made
 *	      with the data of the disk: nothing else, as the disk may be frozen
 * @complete: give what is filled its name, and have it on the medium; NULL where @snapshot
 *	      has done that
 * @derive: make an object of what @snapshot has taken for one that gets no name; NULL
 *	    where @snapshot has made that
 * @clone: make an unfinished object with the data of a snapshot, an image or a disk
 * @activate: have a device or file that can be opened, and tell its path; does nothing
 *	      more where it is active already
 * @deactivate: the opposite; does nothing where it is not active; -EBUSY while it is open
 * @save: write the record of an object
 * @allocated: the ranges that were ever written and not discarded, rounded to what the
 *	       engine allocates
 * @changed: the ranges in which two snapshots of a disk, or a snapshot and its disk, may
 *	     differ
 * @flatten: make a clone independent of what it was made from; NULL where it is anyway
 */
struct evs_pool_ops {
	const char *name;
	bool name_decides;
	const struct evs_config_key *keys;
	int (*open)(struct evs_pool *pool, struct evs_error *err);
	void (*close)(struct evs_pool *pool);
	int (*usage)(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err);
	int (*list)(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		    struct evs_error *err);
	int (*create)(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		      const struct evs_record *record, struct evs_error *err);
	int (*removable)(struct evs_pool *pool, const struct evs_object *object,
			 struct evs_error *err);
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
	int (*prepare)(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		       struct evs_error *err);
	int (*snapshot)(struct evs_pool *pool, const struct evs_snapshot *snapshot,
			struct evs_error *err);
	int (*complete)(struct evs_pool *pool, const struct evs_snapshot *snapshot,
			struct evs_error *err);
	int (*derive)(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		      struct evs_error *err);
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
 * @config: its section of evs.conf, which must live as long
 * @ops: its engine
 * @engine: what the engine keeps of it
 * @lock: held while something is made, renamed or removed
 */
struct evs_pool {
	const struct evs_config_pool *config;
	const struct evs_pool_ops *ops;
	void *engine;
	struct evs_lock lock;
};

/**
 * struct evs_unfinished - An object that is being made.
 * @object: its name in the engine until it has one
 * @record: what it will be; its UUID and its maker are known
 * @lock: says that somebody is at work on it, for as long as that takes: a long copy
 *	  does not hold the lock of the pool
 */
struct evs_unfinished {
	struct evs_object object;
	struct evs_record record;
	struct evs_lock lock;
};

/**
 * struct evs_snapshot - A snapshot that is being made.
 * @disk: its disk
 * @name: its name; that of @work where it gets no other
 * @work: what it will be, and what it is called until it has that name
 * @named: the engine has it under its name
 */
struct evs_snapshot {
	struct evs_object disk;
	struct evs_object name;
	struct evs_unfinished work;
	bool named;
};

extern const struct evs_pool_ops evs_pool_dir_ops;
extern const struct evs_pool_ops evs_pool_lvm_ops;
extern const struct evs_pool_ops evs_pool_rbd_ops;

/**
 * evs_pool_engine() - Find a kind of storage engine.
 * @name: value of the key `engine`
 *
 * Return: the engine, or NULL.
 */
const struct evs_pool_ops *evs_pool_engine(const char *name);

/**
 * evs_pool_open() - Open a pool.
 * @pool: filled; release with evs_pool_close()
 * @config: its section
 * @err: filled on failure, with the name of the pool in front
 *
 * Return: 0 or a negative errno.
 */
int evs_pool_open(struct evs_pool *pool, const struct evs_config_pool *config,
		  struct evs_error *err);

/** evs_pool_close() - Release a pool, and its lock. @pool: what evs_pool_open() filled */
void evs_pool_close(struct evs_pool *pool);

/**
 * evs_pool_lock() - Keep others from making, renaming and removing objects.
 * @pool: the pool
 * @err: filled on failure
 *
 * Waits for another holder. Removes what an evs-setup that was killed, or a host that
 * lost its power, has left unfinished.
 *
 * Return: 0 or a negative errno.
 */
int evs_pool_lock(struct evs_pool *pool, struct evs_error *err);

/** evs_pool_unlock() - Let others. @pool: the pool */
void evs_pool_unlock(struct evs_pool *pool);

/**
 * evs_pool_find() - Look an object up.
 * @pool: the pool
 * @object: its name
 * @entry: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when there is none with a valid record.
 */
int evs_pool_find(struct evs_pool *pool, const struct evs_object *object,
		  struct evs_pool_entry *entry, struct evs_error *err);

/**
 * evs_pool_room() - Refuse a pool that is above its limit, or would be.
 * @pool: the pool
 * @bytes: what is going to be written at once, 0 where only a name is taken
 * @err: filled when it is
 *
 * Return: 0 or a negative errno, -ENOSPC when it is too full.
 */
int evs_pool_room(struct evs_pool *pool, uint64_t bytes, struct evs_error *err);

/**
 * evs_pool_begin() - Begin to make an object.
 * @work: filled; end with evs_pool_commit() or evs_pool_abandon()
 * @kind: what it will be
 * @err: filled on failure
 *
 * Makes its UUID and takes its lock. The engine is told nothing yet: create or clone
 * it with @work's object and record, and fill what else the record says before.
 *
 * Return: 0 or a negative errno.
 */
int evs_pool_begin(struct evs_unfinished *work, enum evs_kind kind, struct evs_error *err);

/**
 * evs_pool_commit() - Give an object that is complete its name.
 * @pool: the pool, whose lock is held
 * @work: the object, which is inactive and on the medium
 * @name: its name
 * @err: filled on failure; @work is still to be abandoned then
 *
 * Return: 0 or a negative errno, -EEXIST when the name is taken.
 */
int evs_pool_commit(struct evs_pool *pool, struct evs_unfinished *work,
		    const struct evs_object *name, struct evs_error *err);

/**
 * evs_pool_delete() - Remove an object.
 * @pool: the pool, whose lock is held
 * @entry: the object, which nobody uses; a disk has no snapshots any more
 * @err: filled on failure
 *
 * It loses its name first. Then its header is overwritten: the wrapped key in it, with
 * the CMK, would still open what the engine has not overwritten.
 *
 * Return: 0 or a negative errno, -EBUSY when it is in use or needed.
 */
int evs_pool_delete(struct evs_pool *pool, const struct evs_pool_entry *entry,
		    struct evs_error *err);

/**
 * evs_pool_abandon() - Remove an object that was not completed.
 * @pool: the pool
 * @work: the object, whether or not the engine has made it; does nothing after
 *	  evs_pool_commit()
 */
void evs_pool_abandon(struct evs_pool *pool, struct evs_unfinished *work);

/* ---- snapshots ---- */

/**
 * evs_pool_snapshot_record() - The record of a new snapshot.
 * @record: filled; how its data is taken is not said yet
 * @disk: that of its disk
 */
void evs_pool_snapshot_record(struct evs_record *record, const struct evs_record *disk);

/**
 * evs_snapshot_begin() - Have everything ready for a snapshot, while its disk is in use.
 * @pool: the pool, whose lock is held
 * @snapshot: filled; end with evs_snapshot_end() or evs_snapshot_drop()
 * @name: its name; or that of its disk, for one that is only to be read and dropped
 * @record: its record; how its data is taken may not be known yet, and must then be said
 *	    to be %EVS_CONSISTENT_CRASH: who is killed promises nothing
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_snapshot_begin(struct evs_pool *pool, struct evs_snapshot *snapshot,
		       const struct evs_object *name, const struct evs_record *record,
		       struct evs_error *err);

/**
 * evs_snapshot_take() - Take the data, of a disk that holds still.
 * @pool: the pool, whose lock is held
 * @snapshot: what evs_snapshot_begin() filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EEXIST when the name is taken.
 */
int evs_snapshot_take(struct evs_pool *pool, struct evs_snapshot *snapshot,
		      struct evs_error *err);

/**
 * evs_snapshot_end() - Complete it, and say how its data was taken.
 * @pool: the pool, whose lock is held
 * @snapshot: what was taken
 * @consistent: how
 * @err: filled on failure; @snapshot is still to be dropped then, as one without a name
 *	 of its own always is
 *
 * Return: 0 or a negative errno, -EEXIST when the name is taken.
 */
int evs_snapshot_end(struct evs_pool *pool, struct evs_snapshot *snapshot,
		     enum evs_consistent consistent, struct evs_error *err);

/** evs_snapshot_drop() - Remove it, complete or not. @pool: the pool @snapshot: it */
void evs_snapshot_drop(struct evs_pool *pool, struct evs_snapshot *snapshot);

/**
 * evs_pool_snapshot() - Make a snapshot of a disk that nobody has to hold still for.
 * @pool: the pool, whose lock is held
 * @name: its name
 * @record: its record
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EEXIST when the name is taken.
 */
int evs_pool_snapshot(struct evs_pool *pool, const struct evs_object *name,
		      const struct evs_record *record, struct evs_error *err);

#endif /* EVS_POOL_H */
