/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_GENERATOR_STORAGE_H
#define EVS_GENERATOR_STORAGE_H

#include <limits.h>
#include <stdbool.h>

#include "evstab.h"

/**
 * struct storage - What the disks of a pool are on.
 * @engine: lvm, dir or rbd; "" for no pool
 * @folder: of engine dir, its folder
 */
struct storage {
	char engine[8];
	char folder[PATH_MAX];
};

/**
 * storage_of_pool() - What the disk of a pool is on.
 * @entry: a good entry, of a pool
 * @storage: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when evs.conf(5) has no such pool.
 */
int storage_of_pool(const struct evstab_entry *entry, struct storage *storage,
		    struct evs_error *err);

/** storage_is() - Is it on this engine? @storage: what was found @engine: name of an engine */
bool storage_is(const struct storage *storage, const char *engine);

#endif /* EVS_GENERATOR_STORAGE_H */
