// SPDX-License-Identifier: GPL-2.0-or-later
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"

#define FOLDER "/run/evs"
#define LUKS_FOLDER "/run/cryptsetup"
#define UDEV_WAIT_MS 10000
#define UDEV_PAUSE_MS 20

/* The socket of the KMS lies there as well: whatever the umask is, it is 755. */
int evs_lock_folder(struct evs_error *err)
{
	if (!mkdir(FOLDER, 0755))
		return chmod(FOLDER, 0755) ? evs_error_set(err, errno, FOLDER ": %m") : 0;
	return errno == EEXIST ? 0 : evs_error_set(err, errno, FOLDER ": %m");
}

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

/* The disk that a partition is on, or the disk itself; -1 when it cannot be opened */
static int open_disk(dev_t number)
{
	dev_t disk;
	char *name;
	int fd;

	if (blkid_devno_to_wholedisk(number, NULL, 0, &disk))
		return -1;
	name = blkid_devno_to_devname(disk);
	fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	free(name);
	return fd;
}

int evs_lock_udev(const struct evs_device *dev)
{
	const struct timespec pause = { .tv_nsec = UDEV_PAUSE_MS * 1000000 };
	int tries = UDEV_WAIT_MS / UDEV_PAUSE_MS;
	int fd = dev->is_file ? -1 : open_disk(dev->number);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK && tries--)
		nanosleep(&pause, NULL);
	return fd;
}

void evs_lock_udev_release(int fd)
{
	if (fd >= 0)
		close(fd);
}
