// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lock.h"

#define LUKS_FOLDER "/run/cryptsetup"

static bool is_at(int fd, const char *path)
{
	struct stat held, there;

	return !fstat(fd, &held) && !lstat(path, &there) && held.st_dev == there.st_dev &&
	       held.st_ino == there.st_ino;
}

int evs_lock_take(struct evs_lock *lock, bool wait)
{
	int errnum;

	/* The holder removes it: what was opened may not be there any more. */
	for (;;) {
		lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (lock->fd < 0)
			return -errno;
		if (flock(lock->fd, LOCK_EX | (wait ? 0 : LOCK_NB)))
			break;
		if (is_at(lock->fd, lock->path))
			return 0;
		close(lock->fd);
	}
	errnum = errno;
	close(lock->fd);
	lock->fd = -1;
	return -errnum;
}

void evs_lock_release(struct evs_lock *lock)
{
	if (lock->fd < 0)
		return;
	unlink(lock->path);
	close(lock->fd);
	lock->fd = -1;
}

/* cryptsetup --debug prints the path; flock is what it takes there. */
int evs_lock_luks(struct evs_lock *lock, const struct evs_device *dev, struct evs_error *err)
{
	int ret;

	lock->fd = -1;
	if (dev->is_file)
		return 0;
	if (mkdir(LUKS_FOLDER, 0700) && errno != EEXIST)
		return evs_error_set(err, errno, LUKS_FOLDER ": %m");
	snprintf(lock->path, sizeof(lock->path), LUKS_FOLDER "/L_%u:%u", major(dev->number),
		 minor(dev->number));
	ret = evs_lock_take(lock, true);
	return ret ? evs_error_set(err, -ret, "%s: %s", lock->path, strerror(-ret)) : 0;
}
