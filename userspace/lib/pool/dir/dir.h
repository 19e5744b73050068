/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_DIR_H
#define EVS_POOL_DIR_H

#include <limits.h>

#include "pool/pool.h"

/*
 * A folder of an object has its data in the file "disk" and its record in "meta.json":
 *
 *   NAME			a disk
 *   NAME/snapshot/SNAP		a snapshot of it
 *   image/NAME			an image
 *   new.UUID			an unfinished one
 *
 * All is opened below the descriptor of the pool's folder, and no link is followed.
 */
#define DIR_DISK "disk"
#define DIR_META "meta.json"
#define DIR_SNAPSHOT "snapshot"
#define DIR_IMAGE "image"
#define DIR_NEW "new."
#define DIR_REPLACE "replace"	/* in the folder of a disk: what takes its place */

/* Room for the path of an object's folder below the pool's */
#define DIR_PLACE_SIZE (2 * EVS_POOL_OBJECT_MAX + sizeof(DIR_SNAPSHOT) + 8)

/**
 * struct evs_dir - What this engine keeps of an open pool.
 * @fd: the folder
 * @path: its path, links resolved
 */
struct evs_dir {
	int fd;
	char path[PATH_MAX];
};

/** evs_dir_place() - The folder of an object. @place: filled @object: the object */
void evs_dir_place(char place[DIR_PLACE_SIZE], const struct evs_object *object);

/**
 * evs_dir_at() - Open something below a folder, through no link.
 * @fd: the folder
 * @path: the path below it
 * @flags: as of open(2); O_CLOEXEC is added
 *
 * Return: the descriptor or a negative errno.
 */
int evs_dir_at(int fd, const char *path, int flags);

/**
 * evs_dir_open_place() - Open the folder of an object.
 * @pool: the pool
 * @object: the object
 * @err: filled on failure
 *
 * Return: the descriptor or a negative errno, -ENOENT when there is no such object.
 */
int evs_dir_open_place(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err);

/**
 * evs_dir_open_disk() - Open the data of an object.
 * @pool: the pool
 * @object: the object
 * @flags: as of open(2)
 * @err: filled on failure
 *
 * Return: the descriptor or a negative errno, -ENOENT when there is no such object.
 */
int evs_dir_open_disk(struct evs_pool *pool, const struct evs_object *object, int flags,
		      struct evs_error *err);

/**
 * evs_dir_read_meta() - Read the record of an object.
 * @fd: its folder
 * @record: filled
 *
 * Return: 0 or a negative errno, -EBADMSG when it is no record.
 */
int evs_dir_read_meta(int fd, struct evs_record *record);

/**
 * evs_dir_write_meta() - Write the record of an object, at once and on the medium.
 * @fd: its folder
 * @record: the record
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_dir_write_meta(int fd, const struct evs_record *record, struct evs_error *err);

/** evs_dir_forget_meta() - Remove the record of an object. @fd: its folder */
void evs_dir_forget_meta(int fd);

/**
 * evs_dir_make_folder() - Make a folder, and have it on the medium.
 * @fd: the folder above
 * @name: its name
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EEXIST when there is something of that name.
 */
int evs_dir_make_folder(int fd, const char *name, struct evs_error *err);

/**
 * evs_dir_finish_replace() - Go on where a replacement of disks was cut short.
 * @dir: the pool
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_dir_finish_replace(const struct evs_dir *dir, struct evs_error *err);

/* The calls of the engine, as struct evs_pool_ops has them */
int evs_dir_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err);
int evs_dir_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err);
int evs_dir_remove(struct evs_pool *pool, const struct evs_object *object, struct evs_error *err);
int evs_dir_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err);
int evs_dir_replace(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_object *disk, struct evs_error *err);
int evs_dir_prepare(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		    struct evs_error *err);
int evs_dir_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err);
int evs_dir_complete(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err);
int evs_dir_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err);
int evs_dir_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err);
int evs_dir_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err);
int evs_dir_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err);
int evs_dir_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err);

#endif /* EVS_POOL_DIR_H */
