/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_MOUNTINFO_H
#define EVS_SETUP_MOUNTINFO_H

#include <libmount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MOUNT_NAMESPACES_MAX 1024

/**
 * struct mount_namespaces - Mount namespaces that were looked at.
 * @inode: their inode numbers
 * @count: how many
 */
struct mount_namespaces {
	ino_t inode[MOUNT_NAMESPACES_MAX];
	size_t count;
};

/**
 * mount_namespaces_add() - Is the mount namespace of a process another one than those before?
 * @seen: those before; the new one is added
 * @pid: name of the process below /proc
 *
 * Return: whether it is; false when there is no room, or the process has ended.
 */
bool mount_namespaces_add(struct mount_namespaces *seen, const char *pid);

/**
 * mount_device() - The block device that a file system lies on.
 * @fs: a row of mountinfo
 *
 * A file system that can lie on several devices has a number that is no device's: of
 * it, the source is taken.
 *
 * Return: its number, 0 where there is none.
 */
dev_t mount_device(struct libmnt_fs *fs);

#endif /* EVS_SETUP_MOUNTINFO_H */
