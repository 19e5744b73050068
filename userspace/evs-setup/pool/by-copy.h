/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_BY_COPY_H
#define EVS_SETUP_POOL_BY_COPY_H

#include "target.h"

/**
 * copy_data() - Make an object by copying all data of another one.
 * @pool: the pool, whose lock is held, but not while it copies
 * @source: the other one; a disk is detached
 * @work: the object, of which the engine knows nothing yet
 * @what: how the progress calls it
 * @err: filled on failure; @work is still to be abandoned then
 *
 * For engines that cannot clone. A disk is held meanwhile: nobody can attach it. Prints how
 * far it is, and ends at once when it is interrupted.
 *
 * Return: 0 or a negative errno, -ECANCELED when it was interrupted.
 */
int copy_data(struct evs_pool *pool, const struct evs_pool_entry *source,
	      const struct evs_unfinished *work, const char *what, struct evs_error *err);

/**
 * copy_snapshot() - Make a snapshot by copying all data of a disk.
 * @target: name of the snapshot; the lock of its pool is held, but not while it copies
 * @disk: the disk, which is detached
 * @record: record of the snapshot
 * @err: filled on failure, when there is no such snapshot
 *
 * Return: as copy_data().
 */
int copy_snapshot(struct target *target, const struct evs_pool_entry *disk,
		  const struct evs_record *record, struct evs_error *err);

#endif /* EVS_SETUP_POOL_BY_COPY_H */
