/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_TAKE_H
#define EVS_SETUP_POOL_TAKE_H

#include <limits.h>

#include "freeze.h"
#include "target.h"

#define TAKE_MAX 32

/**
 * struct take - A snapshot that is to be made, of a disk that may be in use.
 * @text: how messages call it
 * @pool: its pool, whose lock is held
 * @name: as evs_snapshot_begin() takes it
 * @record: what it will be
 * @node: where the disk is attached, "" when it is not
 * @below: folder of the engine, which must not be frozen, "" when there is none
 * @snapshot: it, on its way
 */
struct take {
	const char *text;
	struct evs_pool *pool;
	const struct evs_object *name;
	struct evs_record record;
	char node[PATH_MAX];
	char below[PATH_MAX];
	struct evs_snapshot snapshot;
};

/**
 * take_look() - Look whether its disk is in use.
 * @take: its @node and its @below are filled
 * @disk: the disk
 * @entry: the same, as it was found
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int take_look(struct take *take, const struct target *disk, const struct evs_pool_entry *entry,
	      struct evs_error *err);

/**
 * take_all() - Make snapshots of several disks at one moment.
 * @list: the snapshots; their records say afterwards how their data was taken
 * @count: how many, %TAKE_MAX at the most
 * @how: how the disks are to hold still, or NULL when they need not
 * @err: filled on failure
 *
 * All or none. Only what the engine needs to take the data lies between freeze and thaw.
 *
 * Return: 0 or a negative errno.
 */
int take_all(struct take *list, size_t count, const struct freeze_options *how,
	     struct evs_error *err);

#endif /* EVS_SETUP_POOL_TAKE_H */
