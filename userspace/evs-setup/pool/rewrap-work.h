/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_REWRAP_WORK_H
#define EVS_SETUP_POOL_REWRAP_WORK_H

#include <stdbool.h>

#include "config.h"
#include "rewraps.h"
#include "pool/pool.h"
#include "volume/volume.h"

struct rewrap_copies;

/**
 * struct rewrap_work - What is being rewrapped.
 * @req: what is asked
 * @config: evs.conf
 * @rewraps: what rewraps of this verb share
 * @pool: the pool
 * @name: its name
 * @open: it is there; else only backups of its disks are
 * @disk: name of the one disk, or ""
 * @uuid: UUID of that disk, "" where it is plain
 * @kms: name of the KMS that @from and @to are known of
 * @from: id of the old CMK there, "" for any
 * @to: id of the new CMK, "" for the one that an object has
 * @known: a KMS knows the old CMK
 * @unknown: why one does not
 * @done: how many objects were rewrapped
 * @backups: how many backups
 * @failed: how many could not be
 */
struct rewrap_work {
	const struct rewrap_copies *req;
	struct evs_config config;
	struct evs_rewraps rewraps;
	struct evs_pool pool;
	char name[EVS_POOL_NAME_MAX + 1];
	bool open;
	char disk[EVS_POOL_OBJECT_MAX + 1];
	char uuid[EVS_UUID_SIZE];
	char kms[EVS_KMS_NAME_MAX + 1];
	char from[EVS_CMK_REF_SIZE];
	char to[EVS_CMK_REF_SIZE];
	bool known;
	struct evs_error unknown;
	unsigned int done;
	unsigned int backups;
	unsigned int failed;
};

/**
 * rewrap_find_cmks() - Find the CMKs as the KMS of an object calls them.
 * @work: @from and @to are filled; both are "" where it does not know the old one
 * @kms: name of the KMS
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int rewrap_find_cmks(struct rewrap_work *work, const char *kms, struct evs_error *err);

/** rewrap_is_done() - Has an earlier call done it? @work: what is asked @vol: the header */
bool rewrap_is_done(const struct rewrap_work *work, const struct evs_volume *vol);

/**
 * rewrap_backups() - Rewrap the backups, and print each.
 * @work: what is asked; those that are done and those that are not are counted
 * @err: filled on failure
 *
 * Return: 0, also where some could not be rewrapped, or a negative errno.
 */
int rewrap_backups(struct rewrap_work *work, struct evs_error *err);

#endif /* EVS_SETUP_POOL_REWRAP_WORK_H */
