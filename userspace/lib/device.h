/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_DEVICE_H
#define EVS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct evs_device - A block device or regular file, held open.
 * @fd: its descriptor: whatever becomes of the path, this is what is read and written
 * @path: the path that the user gave, for messages only; not owned
 * @is_file: a regular file
 * @number: number of the block device; of a file, that of its file system
 * @inode: of a file, 0 for a block device
 */
struct evs_device {
	int fd;
	const char *path;
	bool is_file;
	dev_t number;
	ino_t inode;
};

/**
 * evs_device_open() - Open a block device or regular file, nothing else.
 * @dev: filled; release with evs_device_close()
 * @path: its path, which must live as long as @dev
 * @flags: O_RDONLY or O_RDWR, perhaps with O_EXCL
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBUSY when somebody else holds it.
 */
int evs_device_open(struct evs_device *dev, const char *path, int flags, struct evs_error *err);

/**
 * evs_device_open_again() - Open what a descriptor leads to, whatever its path does.
 * @dev: filled; release with evs_device_close()
 * @fd: the descriptor, perhaps one of O_PATH
 * @path: as evs_device_open()
 * @flags: as evs_device_open()
 * @err: filled on failure
 *
 * Return: as evs_device_open().
 */
int evs_device_open_again(struct evs_device *dev, int fd, const char *path, int flags,
			  struct evs_error *err);

/** evs_device_close() - Release it. @dev: what evs_device_open() filled */
void evs_device_close(struct evs_device *dev);

/**
 * evs_device_size() - Size of a device or file, as it is now.
 * @dev: the device
 * @size: set to its bytes
 * @block_size: set to the smallest I/O it takes; may be NULL
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_device_size(const struct evs_device *dev, uint64_t *size, unsigned int *block_size,
		    struct evs_error *err);

/**
 * evs_device_read() - Read; what is behind the end reads as zeros.
 * @dev: the device
 * @data: where to
 * @len: how many bytes
 * @offset: from where
 *
 * Return: 0 or a negative errno.
 */
int evs_device_read(const struct evs_device *dev, void *data, size_t len, uint64_t offset);

/**
 * evs_device_write() - Write all of it.
 * @dev: the device
 * @data: what
 * @len: how many bytes
 * @offset: to where
 *
 * Return: 0 or a negative errno.
 */
int evs_device_write(const struct evs_device *dev, const void *data, size_t len,
		     uint64_t offset);

/**
 * evs_device_sync() - Wait until everything written is on the medium.
 * @dev: the device
 *
 * Afterwards, reading asks the medium again where the kernel permits that.
 *
 * Return: 0 or a negative errno.
 */
int evs_device_sync(const struct evs_device *dev);

/**
 * struct evs_probe - What is on a device already.
 * @found: anything that blkid knows
 * @is_evs: a LUKS2 header of ours
 * @type: such as "ext4", "crypto_LUKS", "gpt"
 * @usage: "filesystem", "raid", "crypto", "partition table" or "other"
 * @label: its label, or ""
 * @uuid: its UUID, or ""
 */
struct evs_probe {
	bool found;
	bool is_evs;
	char type[32];
	char usage[32];
	char label[128];
	char uuid[40];
};

/**
 * evs_device_probe() - Look what a device or file holds.
 * @dev: the device
 * @probe: filled
 * @err: filled on failure
 *
 * Return: 0 (also when nothing is found) or a negative errno; -EUCLEAN when
 * there is more than one thing and they contradict each other.
 */
int evs_device_probe(const struct evs_device *dev, struct evs_probe *probe,
		     struct evs_error *err);

/**
 * evs_device_wipe() - Remove every signature that blkid knows.
 * @dev: the device, open for writing
 * @err: filled on failure
 *
 * What was on the device must not be found beside the new header, such as the
 * second copy of a partition table at its end.
 *
 * Return: 0 or a negative errno.
 */
int evs_device_wipe(const struct evs_device *dev, struct evs_error *err);

/**
 * evs_device_has_other() - Does it hold anything but LUKS?
 * @dev: the device
 *
 * Return: whether blkid finds such a thing; not when the device cannot be read.
 */
bool evs_device_has_other(const struct evs_device *dev);

#endif /* EVS_DEVICE_H */
