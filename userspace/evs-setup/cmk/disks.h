/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_DISKS_H
#define EVS_SETUP_CMK_DISKS_H

#include <stdbool.h>

#include "error.h"
#include "kms/kms.h"

/**
 * struct cmk_user - What a CMK protects.
 * @kind: disk, snapshot, image or backup; or pool or repository
 * @name: how the user knows it
 * @pool: the pool that it is in, or that its disk was in, or NULL
 * @uuid: its UUID, "" where it has none of its own or that is not known
 * @state: whether it is attached, or of what disk it is
 * @hidden: it cannot be looked into, which @state says why; so it may be protected
 */
struct cmk_user {
	const char *kind;
	const char *name;
	const char *pool;
	const char *uuid;
	const char *state;
	bool hidden;
};

typedef void cmk_user_fn(void *arg, const struct cmk_user *user);

/**
 * cmk_users_find() - Find what this host knows that is lost with a CMK.
 * @kms: name of its KMS
 * @cmk: its id
 * @each: called for each
 * @arg: for @each
 * @err: filled on failure
 *
 * That is what pools have by their records, the backups of repositories by their newest
 * tokens, the disks that are attached, those that udev knows, and those of evstab(5). A
 * disk whose header cannot be read counts when it is attached, since it may be one of them;
 * so does a pool, a repository or a backup that cannot be read.
 *
 * Return: how many there are, or a negative errno.
 */
int cmk_users_find(const char *kms, const char *cmk, cmk_user_fn *each, void *arg,
		   struct evs_error *err);

/**
 * cmk_disks_tell() - Print notes of what a CMK protects.
 * @kms: name of its KMS
 * @cmk: the CMK
 * @err: filled on failure
 *
 * A line for each disk, and one for a pool and the backups of its disks.
 *
 * Return: how many there are, or a negative errno.
 */
int cmk_disks_tell(const char *kms, const struct evs_cmk *cmk, struct evs_error *err);

/**
 * cmk_disks_use() - Does any disk that udev or evstab(5) knows need this KMS?
 * @kms: name of the KMS
 */
bool cmk_disks_use(const char *kms);

#endif /* EVS_SETUP_CMK_DISKS_H */
