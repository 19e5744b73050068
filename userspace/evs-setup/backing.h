/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_BACKING_H
#define EVS_SETUP_BACKING_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct backing - The block device or file below a disk, held open.
 * @fd: the device or file. While it is open, the device's number is not given
 *	to another one; it claims nothing.
 * @path: absolute path, links resolved
 * @is_file: a regular file; only backing_loop() makes a block device of it
 * @dev: device number, 0 for a file
 */
struct backing {
	int fd;
	char path[PATH_MAX];
	bool is_file;
	dev_t dev;
};

/**
 * backing_open() - Open a block device or regular file.
 * @backing: filled; release with backing_close()
 * @path: what the user gave
 * @read_only: whether a file is opened for reading only
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
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
 * backing_check_loop() - Make sure that a file is under no loop device.
 * @backing: file or block device; for the latter the kernel makes sure
 * @err: filled when it is
 *
 * The loop device of a disk that has just been detached is waited for.
 *
 * Return: 0 or a negative errno, -EBUSY when it is in use.
 */
int backing_check_loop(const struct backing *backing, struct evs_error *err);

/**
 * backing_close() - Let go of the device or file.
 * @backing: what backing_open() filled
 */
void backing_close(struct backing *backing);

/**
 * backing_check_free() - Make sure that nobody uses a device or file.
 * @path: what the user gave
 * @err: filled when somebody does
 *
 * A block device must not be mounted or claimed otherwise, a file must not be
 * under a loop device.
 *
 * Return: 0 or a negative errno, -EBUSY when it is in use.
 */
int backing_check_free(const char *path, struct evs_error *err);

/**
 * backing_node() - Where the node of a block device is.
 * @dev: its number
 * @path: filled; "MAJOR:MINOR" where there is no such device any more
 * @size: room there
 */
void backing_node(dev_t dev, char *path, size_t size);

/**
 * backing_name() - What a block device is to the user.
 * @dev: its number
 * @name: filled: the path of its node, or of the file under a loop device
 * @size: room there
 */
void backing_name(dev_t dev, char *name, size_t size);

#endif /* EVS_SETUP_BACKING_H */
