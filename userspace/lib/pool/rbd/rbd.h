/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_RBD_H
#define EVS_POOL_RBD_H

/*
 * A pool of Ceph. Its images are called DISK, image.NAME and new.UUID; snapshots are
 * those of the image DISK. A record is one value of the image's metadata, so that it is
 * the old one or the new one: RBD_RECORD of the image itself, RBD_SNAPSHOT and the name
 * of each snapshot.
 */

#include "config.h"
#include "pool/pool.h"

#define RBD_RECORD "evs.record"
#define RBD_SNAPSHOT "evs.snapshot."
/* What an image is cloned from: it has this one snapshot */
#define RBD_IMAGE_SNAPSHOT "evs.image"

#define RBD_NAME_SIZE (2 * EVS_POOL_OBJECT_MAX + 16)
#define RBD_VALUE_SIZE (EVS_RECORD_TAGS_MAX * (EVS_RECORD_NAME_MAX + EVS_RECORD_VALUE_MAX + 2))
#define RBD_ARGS_MAX 24

/**
 * struct evs_rbd - A pool of Ceph.
 * @pool: its name
 * @conf: --conf
 * @user: --id
 */
struct evs_rbd {
	const char *pool;
	char conf[EVS_CONFIG_VALUE_MAX + 8];
	char user[EVS_CONFIG_VALUE_MAX + 8];
};

/**
 * struct evs_rbd_args - A command of rbd(8).
 * @argv: it
 * @count: how many
 * @specs: POOL/IMAGE@SNAPSHOT of those that it is about
 * @spec_count: how many
 */
struct evs_rbd_args {
	const char *argv[RBD_ARGS_MAX];
	size_t count;
	char specs[2][EVS_CONFIG_VALUE_MAX + RBD_NAME_SIZE];
	size_t spec_count;
};

/** evs_rbd_image() - The name of an object's image. @name: filled @object: the object */
void evs_rbd_image(char name[RBD_NAME_SIZE], const struct evs_object *object);

/** evs_rbd_key() - The key of an object's record. @key: filled @object: the object */
void evs_rbd_key(char key[RBD_NAME_SIZE], const struct evs_object *object);

/**
 * evs_rbd_begin() - Begin a command.
 * @rbd: the pool
 * @args: filled
 * @...: its words, NULL last
 */
void evs_rbd_begin(const struct evs_rbd *rbd, struct evs_rbd_args *args, ...)
	__attribute__((sentinel));

/** evs_rbd_add() - Add arguments. @args: the command @...: them, NULL last */
void evs_rbd_add(struct evs_rbd_args *args, ...) __attribute__((sentinel));

/**
 * evs_rbd_add_spec() - Add POOL/IMAGE or POOL/IMAGE@SNAPSHOT.
 * @rbd: the pool
 * @args: the command
 * @object: whose
 * @snapshot: of a snapshot of that image; NULL for what the object is
 */
void evs_rbd_add_spec(const struct evs_rbd *rbd, struct evs_rbd_args *args,
		      const struct evs_object *object, const char *snapshot);

/**
 * evs_rbd_run() - Run a command.
 * @args: the command
 * @output: filled, may be NULL
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, which is the one that rbd(8) ends with.
 */
int evs_rbd_run(struct evs_rbd_args *args, char **output, struct evs_error *err);

/** evs_rbd_value() - A record as one value. @value: filled @record: the record */
void evs_rbd_value(char value[RBD_VALUE_SIZE], const struct evs_record *record);

/** evs_rbd_parse() - The opposite. @record: filled @value: the value. Return: as evs_record_parse() */
int evs_rbd_parse(struct evs_record *record, const char *value);

/**
 * evs_rbd_load() - Read the record of an object.
 * @rbd: the pool
 * @object: the object
 * @record: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when it is not there or not one of ours.
 */
int evs_rbd_load(const struct evs_rbd *rbd, const struct evs_object *object,
		 struct evs_record *record, struct evs_error *err);

/** evs_rbd_store() - Write it. @rbd: the pool @object: the object @record: it @err: filled */
int evs_rbd_store(const struct evs_rbd *rbd, const struct evs_object *object,
		  const struct evs_record *record, struct evs_error *err);

/**
 * evs_rbd_remove_snapshot() - Remove a snapshot and its record.
 * @rbd: the pool
 * @object: the snapshot
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_rbd_remove_snapshot(const struct evs_rbd *rbd, const struct evs_object *object,
			    struct evs_error *err);

/**
 * evs_rbd_drop_interim() - Remove the snapshot of a disk that was to be cloned.
 * @pool: the pool
 * @uuid: of the clone
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when no disk has it.
 */
int evs_rbd_drop_interim(struct evs_pool *pool, const char *uuid, struct evs_error *err);

int evs_rbd_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err);
int evs_rbd_usage(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err);
int evs_rbd_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err);
int evs_rbd_removable(struct evs_pool *pool, const struct evs_object *object,
		      struct evs_error *err);
int evs_rbd_remove(struct evs_pool *pool, const struct evs_object *object,
		   struct evs_error *err);
int evs_rbd_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err);
int evs_rbd_rollback(struct evs_pool *pool, const struct evs_object *snapshot,
		     struct evs_error *err);
int evs_rbd_grow(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		 struct evs_error *err);
int evs_rbd_prepare(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		    struct evs_error *err);
int evs_rbd_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err);
int evs_rbd_derive(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		   struct evs_error *err);
int evs_rbd_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err);
int evs_rbd_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err);
int evs_rbd_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err);
int evs_rbd_save(struct evs_pool *pool, const struct evs_object *object,
		 const struct evs_record *record, struct evs_error *err);
int evs_rbd_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err);
int evs_rbd_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err);
int evs_rbd_flatten(struct evs_pool *pool, const struct evs_object *object,
		    evs_pool_progress_fn *progress, void *arg, struct evs_error *err);

#endif /* EVS_POOL_RBD_H */
