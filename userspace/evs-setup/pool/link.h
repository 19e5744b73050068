/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_LINK_H
#define EVS_SETUP_POOL_LINK_H

#include <stddef.h>

#include "pool/pool.h"

/* Room for /dev/evs/POOL/DISK, and for the kernel's name POOL:DISK */
#define LINK_SIZE (EVS_OBJECT_TEXT_SIZE + 16)

/** link_name() - The name of a disk of a pool in the kernel. @name: filled @pool: the pool
 *  @disk: the disk
 */
void link_name(char name[LINK_SIZE], const struct evs_pool *pool, const struct evs_object *disk);

/** link_path() - Its link in /dev/evs. @path: filled @name: its name in the kernel */
void link_path(char path[LINK_SIZE], const char *name);

/**
 * link_make() - Make the link of a disk.
 * @name: its name in the kernel
 * @node: where it leads
 * @err: filled on failure
 *
 * Where udev runs, its rules have made that of an encrypted one, which then stays.
 *
 * Return: 0 or a negative errno.
 */
int link_make(const char *name, const char *node, struct evs_error *err);

/**
 * link_make_plain() - The same for a plain disk, which no property of its node tells of.
 * @name: its name in the kernel
 * @node: where it leads
 * @err: filled on failure
 *
 * A mark has udev make the link, where it runs: units can wait for that. Otherwise it is
 * made here.
 *
 * Return: 0 or a negative errno.
 */
int link_make_plain(const char *name, const char *node, struct evs_error *err);

/**
 * link_mark() - The mark of a plain disk, which is to be removed when it is detached.
 * @mark: filled with its path
 * @node: the disk
 *
 * It is for this use of the node alone: the next one has another mark.
 *
 * Return: 0 or a negative errno.
 */
int link_mark(char mark[LINK_SIZE], const char *node);

/** link_remove() - Remove it, if it leads there. @name: name of a disk, of a pool or not
 *  @node: where it leads
 */
void link_remove(const char *name, const char *node);

/**
 * link_read() - Where does the link of a disk lead?
 * @name: its name in the kernel
 * @node: filled with the path
 * @size: room there
 *
 * Return: 0, or -ENOENT when there is no link.
 */
int link_read(const char *name, char *node, size_t size);

#endif /* EVS_SETUP_POOL_LINK_H */
