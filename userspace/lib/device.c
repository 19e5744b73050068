// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"

#define FILE_BLOCK 512

static int cannot_open(const char *path, struct evs_error *err)
{
	/* EAGAIN: there is a lease on the file */
	if (errno == EBUSY || errno == EAGAIN)
		return evs_error_set(err, EBUSY, "%s: is in use by another program", path);
	if (errno == EIO)
		return evs_error_set(err, EIO, "%s: cannot be read: %m", path);
	return evs_error_set(err, errno, "%s: %m", path);
}

static int open_as(struct evs_device *dev, const char *name, const char *path, int flags,
		   struct evs_error *err)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	dev->fd = open(name, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (dev->fd < 0)
		return cannot_open(path, err);
	dev->path = path;
	if (fstat(dev->fd, &st)) {
		evs_error_set(err, errno, "%s: %m", path);
	} else if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
		evs_error_set(err, ENOTBLK, "%s: neither a block device nor a regular file",
			      path);
	} else {
		dev->is_file = S_ISREG(st.st_mode);
		dev->number = dev->is_file ? st.st_dev : st.st_rdev;
		dev->inode = dev->is_file ? st.st_ino : 0;
		return 0;
	}
	evs_device_close(dev);
	return -err->errnum;
}

int evs_device_open(struct evs_device *dev, const char *path, int flags, struct evs_error *err)
{
	return open_as(dev, path, path, flags, err);
}

int evs_device_open_again(struct evs_device *dev, int fd, const char *path, int flags,
			  struct evs_error *err)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open_as(dev, name, path, flags, err);
}

void evs_device_close(struct evs_device *dev)
{
	close(dev->fd);
	dev->fd = -1;
}

int evs_device_size(const struct evs_device *dev, uint64_t *size, unsigned int *block_size,
		    struct evs_error *err)
{
	int logical = FILE_BLOCK;
	struct stat st;

	if (dev->is_file) {
		if (fstat(dev->fd, &st))
			return evs_error_set(err, errno, "%s: %m", dev->path);
		*size = (uint64_t)st.st_size;
	} else if (ioctl(dev->fd, BLKGETSIZE64, size) || ioctl(dev->fd, BLKSSZGET, &logical)) {
		return evs_error_set(err, errno, "%s: cannot read its size: %m", dev->path);
	}
	if (block_size)
		*block_size = (unsigned int)logical;
	return 0;
}

int evs_device_read(const struct evs_device *dev, void *data, size_t len, uint64_t offset)
{
	char *at = data;
	ssize_t got;

	while (len) {
		got = pread(dev->fd, at, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got) {
			memset(at, 0, len);
			return 0;
		}
		at += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int evs_device_write(const struct evs_device *dev, const void *data, size_t len,
		     uint64_t offset)
{
	const char *at = data;
	ssize_t done;

	while (len) {
		done = pwrite(dev->fd, at, len, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (!done)
			return -ENOSPC;
		at += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int evs_device_sync(const struct evs_device *dev)
{
	if (fsync(dev->fd))
		return -errno;
	posix_fadvise(dev->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}
