/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_REWRAP_COPIES_H
#define EVS_SETUP_POOL_REWRAP_COPIES_H

#include <stdbool.h>

#include "disk/rewrap-one.h"
#include "error.h"

/**
 * struct rewrap_copies - What is to be rewrapped in a pool.
 * @to: where its data keys go
 * @disk: POOL/DISK, with its snapshots and backups; NULL for all that @from_cmk protects in
 *	  @pool, and backups of it
 * @pool: name of the pool, which may be gone
 * @from_cmk: the CMK that they have
 * @dry_run: only print what would be rewrapped
 */
struct rewrap_copies {
	struct rewrap_to to;
	const char *disk;
	const char *pool;
	const char *from_cmk;
	bool dry_run;
};

/**
 * rewrap_copies() - Rewrap many headers of a pool and of its backups, and print each.
 * @req: which, and how
 * @err: filled on failure
 *
 * What has the new CMK already is left as it is, so that it can be called again after it
 * was cut short. One that fails stops no other.
 *
 * Return: 0 or a negative errno, when some are not done.
 */
int rewrap_copies(const struct rewrap_copies *req, struct evs_error *err);

#endif /* EVS_SETUP_POOL_REWRAP_COPIES_H */
