/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_MOUNTS_H
#define EVS_SETUP_POOL_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct mounted - A file system that lies on a disk and is mounted.
 * @fs: its number, as mountinfo has it
 * @disk: index of the disk
 * @fd: open on it, -1 when none of its mount points can be reached
 * @path: one of its mount points, for messages
 */
struct mounted {
	dev_t fs;
	size_t disk;
	int fd;
	char *path;
};

/**
 * struct mounts - What is mounted of some disks.
 * @mounted: each file system once, wherever and however often it is mounted
 * @count: how many
 */
struct mounts {
	struct mounted *mounted;
	size_t count;
};

/**
 * mounts_find() - Find what is mounted of disks, and of all that is made of them.
 * @mounts: filled; release with mounts_free()
 * @disks: numbers of the disks' block devices
 * @count: how many
 * @err: filled on failure
 *
 * Looks into every mount namespace.
 *
 * Return: 0 or a negative errno.
 */
int mounts_find(struct mounts *mounts, const dev_t *disks, size_t count, struct evs_error *err);

/** mounts_free() - Release them. @mounts: what mounts_find() filled */
void mounts_free(struct mounts *mounts);

/**
 * mounts_number_at() - Number of the file system that a path lies on.
 * @path: the path
 *
 * Return: as mountinfo has it, 0 where there is no such path.
 */
dev_t mounts_number_at(const char *path);

#endif /* EVS_SETUP_POOL_MOUNTS_H */
