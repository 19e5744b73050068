/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_ENTRIES_H
#define EVS_SETUP_POOL_ENTRIES_H

#include <stddef.h>

#include "pool/pool.h"

/**
 * struct entries - Objects of a pool, in the order of their names.
 * @list: the objects; of a disk, its snapshots follow
 * @count: how many
 */
struct entries {
	struct evs_pool_entry *list;
	size_t count;
};

/**
 * entries_get() - List a pool.
 * @entries: filled; release with entries_free()
 * @pool: the pool
 * @disk: only the snapshots of this disk, NULL for everything
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int entries_get(struct entries *entries, struct evs_pool *pool, const struct evs_object *disk,
		struct evs_error *err);

/** entries_free() - Release them. @entries: what entries_get() filled */
void entries_free(struct entries *entries);

#endif /* EVS_SETUP_POOL_ENTRIES_H */
