/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_GENERATOR_FOLDER_H
#define EVS_GENERATOR_FOLDER_H

#include <stddef.h>

#include "evstab.h"

/**
 * folder_of_pool() - Folder that the disk of a pool lies in.
 * @entry: a good entry, of a pool
 * @path: filled
 * @size: room there
 * @err: filled on failure
 *
 * Return: 0 or a negative errno: -ENOENT when evs.conf(5) has no such pool, -EOPNOTSUPP
 * when it is of an engine without a folder.
 */
int folder_of_pool(const struct evstab_entry *entry, char *path, size_t size,
		   struct evs_error *err);

#endif /* EVS_GENERATOR_FOLDER_H */
