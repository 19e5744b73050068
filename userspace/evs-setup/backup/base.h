/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_BACKUP_BASE_H
#define EVS_SETUP_BACKUP_BASE_H

#include "pool/target.h"
#include "repo/repo.h"

/**
 * struct base - What there is of a disk before one more backup is made.
 * @list: the backups of the repository
 * @manifest: the newest one of the disk
 * @found: there is one, in a repository that makes use of it
 * @keep: a snapshot is kept for the next backup
 * @kept: the new one
 * @before: the one of the newest backup
 * @has_before: it is still there
 * @changed: what may differ between the two
 * @has_changed: that is known
 * @prefix: how the names of such snapshots begin
 */
struct base {
	struct evs_backup_list list;
	struct evs_manifest manifest;
	bool found;
	bool keep;
	struct evs_object kept;
	struct evs_object before;
	bool has_before;
	struct evs_ranges changed;
	bool has_changed;
	char prefix[EVS_POOL_NAME_MAX + 10];
};

/**
 * base_find() - Look what there is.
 * @base: filled; release with base_free()
 * @repo: the repository
 * @target: the disk or snapshot; its pool is locked
 * @entry: the same, as it was found
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int base_find(struct base *base, struct evs_repo *repo, struct target *target,
	      const struct evs_pool_entry *entry, struct evs_error *err);

/**
 * base_name() - Name a backup and the snapshot that is kept.
 * @base: what there is; @kept is filled
 * @pool: the pool, which is locked
 * @manifest: its disk is set; its name is filled
 */
void base_name(struct base *base, struct evs_pool *pool, struct evs_manifest *manifest);

/**
 * base_rename() - Name a backup otherwise, as there is one of its name.
 * @manifest: its disk is set; its name is that of base_name() and is changed
 * @number: put at the end
 */
void base_rename(struct evs_manifest *manifest, unsigned int number);

/**
 * base_changed() - Find out what may have changed since the newest backup.
 * @base: what there is
 * @pool: the pool, which is locked
 * @source: what is read now
 * @bytes: its size
 * @err: filled on failure
 *
 * Return: 0, also where that cannot be told, or a negative errno.
 */
int base_changed(struct base *base, struct evs_pool *pool, const struct evs_object *source,
		 uint64_t bytes, struct evs_error *err);

/**
 * base_settle() - Remove the snapshots that nobody needs any more.
 * @base: what there is
 * @pool: the pool, which is locked
 * @disk: the disk
 * @made: the backup was made: the older ones go; else the new one does
 */
void base_settle(struct base *base, struct evs_pool *pool, const struct evs_object *disk,
		 bool made);

/** base_free() - Release it. @base: what base_find() filled, or all zeros */
void base_free(struct base *base);

#endif /* EVS_SETUP_BACKUP_BASE_H */
