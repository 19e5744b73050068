/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_TARGET_H
#define EVS_SETUP_POOL_TARGET_H

#include "config.h"
#include "pool/pool.h"

/**
 * struct target - An object of a pool that the user has named.
 * @config: evs.conf
 * @pool: its pool, open
 * @object: the object, which need not exist
 * @text: how messages call it
 */
struct target {
	struct evs_config config;
	struct evs_pool pool;
	struct evs_object object;
	char text[EVS_OBJECT_TEXT_SIZE];
};

/**
 * target_is_pool() - Does an operand name something in a pool, not a path?
 * @text: the operand
 * @err: filled on failure
 *
 * It does when what is before its first slash is a pool of evs.conf.
 *
 * Return: 1 or 0, or a negative errno when evs.conf cannot be read.
 */
int target_is_pool(const char *text, struct evs_error *err);

/**
 * target_outside_pools() - Take the one operand of a verb that is for devices and files.
 * @argc: number of @argv
 * @argv: what cli_option() has been through
 * @device: set to the operand
 * @instead: for the message of the refusal: what to do with a disk of a pool, or why not
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int target_outside_pools(int argc, char *argv[], const char **device, const char *instead,
			 struct evs_error *err);

/**
 * target_open() - Open the pool of an operand.
 * @target: filled; release with target_close()
 * @text: POOL/NAME
 * @kind: what it must name
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EINVAL when it is no such name.
 */
int target_open(struct target *target, const char *text, enum evs_kind kind,
		struct evs_error *err);

/**
 * target_disk() - The disk of a snapshot.
 * @disk: filled; it has the pool of @snapshot and is not to be closed
 * @snapshot: the snapshot
 */
void target_disk(struct target *disk, const struct target *snapshot);

/** target_close() - Release it, and the lock of its pool. @target: what target_open() filled */
void target_close(struct target *target);

/**
 * target_find() - Find an object that must exist, and whose bytes must be what it is.
 * @target: what is meant
 * @entry: filled
 * @err: filled on failure
 *
 * Call it with the lock of the pool: where the header names another CMK than the record,
 * the record is corrected.
 *
 * Return: 0 or a negative errno, as evs_pool_find(), target_refuse_rollback() and
 * proof_check() give it.
 */
int target_find(struct target *target, struct evs_pool_entry *entry, struct evs_error *err);

/**
 * target_refuse_rollback() - Refuse a disk that its engine is still taking back.
 * @target: the disk
 * @record: its record
 * @err: filled when it is
 *
 * Return: 0 or -EBUSY.
 */
int target_refuse_rollback(const struct target *target, const struct evs_record *record,
			   struct evs_error *err);

/**
 * target_copy_header() - Copy the header of an encrypted disk that was just made.
 * @target: the disk; its pool is locked
 *
 * As header_copy_take().
 */
void target_copy_header(struct target *target);

/**
 * target_explain() - Say of which object an error of its KMS is, and what to do.
 * @text: its name
 * @kind: what it is
 * @err: the error
 *
 * Return: what @err says, as a negative errno.
 */
int target_explain(const char *text, enum evs_kind kind, struct evs_error *err);

/**
 * target_free_name() - Refuse a name that is taken.
 * @target: what is to be made
 * @err: filled when there is such an object
 *
 * Return: 0 or a negative errno, -EEXIST when it is taken.
 */
int target_free_name(struct target *target, struct evs_error *err);

#endif /* EVS_SETUP_POOL_TARGET_H */
