/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_USERS_H
#define EVS_SETUP_USERS_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct user - Somebody who uses a block device.
 * @what: who, such as "/dev/evs0 is mounted on /srv"
 * @command: the command that ends it, "" where there is none
 */
struct user {
	char *what;
	char *command;
};

/**
 * struct users - Who uses a block device, directly or through what is made of it.
 * @user: in the order in which they have to go
 * @count: how many
 */
struct users {
	struct user *user;
	size_t count;
};

/**
 * enum users_device - What a device still does: the commands are those that work then.
 * @USERS_WORKS: all
 * @USERS_FAILS: no I/O, but it can be opened to switch off swap space
 * @USERS_GONE: it cannot be opened any more, or soon not
 */
enum users_device {
	USERS_WORKS,
	USERS_FAILS,
	USERS_GONE,
};

/**
 * users_find() - Find who uses a block device.
 * @users: filled; release with users_free()
 * @dev: number of the device
 * @does: what the device still does
 *
 * Looks for file systems in all mount namespaces, swap space, devices that are
 * made of it (see stack.h), and processes that have one of these open. What
 * cannot be looked at, or takes too long, is left out.
 */
void users_find(struct users *users, dev_t dev, enum users_device does);

/**
 * users_print() - Print who uses a device to standard error, a line for each.
 * @users: what users_find() found
 * @prefix: the beginning of each line
 */
void users_print(const struct users *users, const char *prefix);

/**
 * users_free() - Release what users_find() filled.
 * @users: the users
 */
void users_free(struct users *users);

/**
 * users_tell() - Find and print who uses a block device.
 * @dev: number of the device
 * @prefix: the beginning of each line
 *
 * Return: how many were found.
 */
size_t users_tell(dev_t dev, const char *prefix);

#endif /* EVS_SETUP_USERS_H */
