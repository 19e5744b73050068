/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_BACKING_H
#define EVS_SETUP_BACKING_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "claim.h"

/**
 * struct backing - The block device or file below a disk, held open.
 * @claim: the device or file. While it is open, the device's number is not given
 *	   to another one.
 * @path: absolute path, links resolved
 * @given: a block device, not a file under a loop device made here
 *
 * A block device is claimed by the driver when the disk is attached; until then
 * the lock of the claim keeps other evs-setup away. A file is claimed until it is
 * under a loop device. For reading only, nothing of a file is claimed.
 */
struct backing {
	struct claim claim;
	char path[PATH_MAX];
	bool given;
};

/**
 * backing_open() - Open a block device or regular file.
 * @backing: filled; release with backing_close()
 * @path: what the user gave
 * @read_only: whether a file is opened for reading only
 * @err: filled on failure
 *
 * The loop device of a disk that has just been detached is waited for.
 *
 * Return: 0 or a negative errno, -EBUSY when it is in use.
 */
int backing_open(struct backing *backing, const char *path, bool read_only,
		 struct evs_error *err);

/**
 * backing_loop() - Put a loop device over the file, which goes with its last user.
 * @backing: file, replaced by the loop device; a block device stays as it is
 * @sector_size: what the disk will be used with, so that direct I/O works
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int backing_loop(struct backing *backing, unsigned int sector_size, struct evs_error *err);

/**
 * backing_close() - Let go of the device or file.
 * @backing: what backing_open() filled
 */
void backing_close(struct backing *backing);

/**
 * backing_name() - What a block device is to the user.
 * @dev: its number
 * @name: filled: the path of its node, or of the file under a loop device
 * @size: room there
 */
void backing_name(dev_t dev, char *name, size_t size);

#endif /* EVS_SETUP_BACKING_H */
