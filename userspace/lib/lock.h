/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_LOCK_H
#define EVS_LOCK_H

#include <stdbool.h>

#include "device.h"
#include "error.h"

/**
 * struct evs_lock - A file that is locked, and removed by its holder.
 * @fd: its descriptor, or -1 where nothing is locked
 * @path: its path
 */
struct evs_lock {
	int fd;
	char path[96];
};

/**
 * evs_lock_folder() - Have the folder of the locks, /run/evs.
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_lock_folder(struct evs_error *err);

/**
 * evs_lock_take() - Lock a file, which is made when it is not there.
 * @lock: its @path is set, its @fd is filled
 * @wait: wait for another holder
 *
 * Return: 0 or a negative errno; without @wait, -EWOULDBLOCK when another process
 * holds it.
 */
int evs_lock_take(struct evs_lock *lock, bool wait);

/** evs_lock_release() - Remove and unlock the file. @lock: with or without one */
void evs_lock_release(struct evs_lock *lock);

/**
 * evs_lock_luks() - Keep libcryptsetup from the header of a device.
 * @lock: filled; release with evs_lock_release()
 * @dev: the device; of a regular file, nothing is locked
 * @err: filled on failure
 *
 * This is the lock that libcryptsetup itself takes for each access to LUKS2
 * metadata of a block device, so that cryptsetup and this process do not write the
 * header at the same time. Waits for it, and makes others wait: hold it no longer
 * than it takes to look at the header and to write it.
 *
 * Return: 0 or a negative errno.
 */
int evs_lock_luks(struct evs_lock *lock, const struct evs_device *dev, struct evs_error *err);

/**
 * evs_lock_udev() - Keep udevd from a device while it is written.
 * @dev: the device; of a regular file, nothing is locked
 *
 * udevd does not notice what is written while it looks at a device, and has the whole
 * disk locked for as long (https://systemd.io/BLOCK_DEVICE_LOCKING). Waits up to 10 s:
 * the lock is no claim, and another holder does not keep us from writing.
 *
 * Return: a descriptor for evs_lock_udev_release(), or -1 when the disk cannot be opened.
 */
int evs_lock_udev(const struct evs_device *dev);

/** evs_lock_udev_release() - Let udevd look again. @fd: from evs_lock_udev() */
void evs_lock_udev_release(int fd);

#endif /* EVS_LOCK_H */
