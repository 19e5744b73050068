/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_LIST_H
#define EVS_SETUP_POOL_LIST_H

#include <stdbool.h>

#include "cli/table.h"
#include "error.h"

#define LIST_COLUMN_COUNT 14

extern const struct table_column list_columns[LIST_COLUMN_COUNT];

#define LIST_IMAGES "image:"	/* no disk has this name */

/**
 * list_pool() - Print the objects of a pool.
 * @name: name of the pool
 * @disk: only the snapshots of this disk, of any when it is "", only images when it is
 *	  LIST_IMAGES, or NULL for all objects
 * @verify: look into each one whether it is what its record says
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBADMSG when @verify has found a damaged one.
 */
int list_pool(const char *name, const char *disk, bool verify, struct evs_error *err);

#endif /* EVS_SETUP_POOL_LIST_H */
