// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "backing.h"
#include "loop.h"
#include "text.h"

#define LOOP_WAIT_MS 3000
#define LOOP_PAUSE_MS 20

/* What kind of thing it is, looked at before it is opened: a FIFO would block. */
static int classify(const char *path, struct stat *st, struct evs_error *err)
{
	if (stat(path, st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (!S_ISBLK(st->st_mode) && !S_ISREG(st->st_mode))
		return evs_error_set(err, ENOTBLK, "%s: neither a block device nor a regular file",
				     path);
	return 0;
}

int backing_open(struct backing *backing, const char *path, bool read_only,
		 struct evs_error *err)
{
	struct stat st;
	int ret;

	ret = classify(path, &st, err);
	if (ret)
		return ret;
	if (!realpath(path, backing->path))
		return evs_error_set(err, errno, "%s: %m", path);
	backing->is_file = S_ISREG(st.st_mode);
	backing->fd = open(backing->path, O_CLOEXEC | O_NONBLOCK |
			   (backing->is_file && !read_only ? O_RDWR : O_RDONLY));
	if (backing->fd < 0)
		return evs_error_set(err, errno, "%s: %m%s", path,
				     errno == EROFS || errno == ETXTBSY ? " (try --read-only)" : "");
	if (fstat(backing->fd, &st)) {
		ret = evs_error_set(err, errno, "%s: %m", path);
		backing_close(backing);
		return ret;
	}
	backing->dev = S_ISBLK(st.st_mode) ? st.st_rdev : 0;
	return 0;
}

/* The first line of a file of a block device in sysfs */
static bool read_sysfs(dev_t dev, const char *file, char *line, size_t size)
{
	char path[64], raw[PATH_MAX];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev), file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, raw, sizeof(raw));
	close(fd);
	if (len <= 0)
		return false;
	/* The kernel ends it with a newline, and cuts a longer one at a page. */
	evs_text_copy(line, size, raw, (size_t)len - 1);
	return true;
}

/* Does this loop device go away with its last user? */
static bool goes_with_user(const char *loop)
{
	char line[4];
	struct stat st;

	return !stat(loop, &st) && read_sysfs(st.st_rdev, "loop/autoclear", line, sizeof(line)) &&
	       !strcmp(line, "1");
}

/*
 * udev may look at the loop device of a disk that is detached already, and holds
 * it up for a moment.
 */
int backing_check_loop(const struct backing *backing, struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = LOOP_PAUSE_MS * 1000000 };
	int tries = LOOP_WAIT_MS / LOOP_PAUSE_MS, ret;
	char loop[NAME_MAX + sizeof("/dev/")];
	struct stat st;

	if (!backing->is_file)
		return 0;
	if (fstat(backing->fd, &st))
		return evs_error_set(err, errno, "%s: %m", backing->path);
	while ((ret = loop_find(&st, loop, sizeof(loop), err)) > 0) {
		if (!tries-- || !goes_with_user(loop))
			return evs_error_set(err, EBUSY,
					     "%s: is in use by %s: end that first (see lsblk %s), or try --read-only",
					     backing->path, loop, loop);
		nanosleep(&pause, NULL);
	}
	return ret;
}

int backing_loop(struct backing *backing, unsigned int sector_size, struct evs_error *err)
{
	struct stat st;
	int loop;

	if (!backing->is_file)
		return 0;
	loop = loop_attach(backing->fd, sector_size, backing->path, sizeof(backing->path), err);
	if (loop < 0)
		return loop;
	close(backing->fd);
	backing->fd = loop;
	if (fstat(loop, &st))
		return evs_error_set(err, errno, "%s: %m", backing->path);
	backing->is_file = false;
	backing->dev = st.st_rdev;
	return 0;
}

void backing_close(struct backing *backing)
{
	close(backing->fd);
	backing->fd = -1;
}

int backing_check_free(const char *path, struct evs_error *err)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct stat st;
	int ret, fd;

	ret = classify(path, &st, err);
	if (ret)
		return ret;
	if (S_ISREG(st.st_mode)) {
		ret = loop_find(&st, loop, sizeof(loop), err);
		if (ret > 0)
			return evs_error_set(err, EBUSY, "%s: is in use by %s", path, loop);
		return ret;
	}
	fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == EBUSY)
		return evs_error_set(err, EBUSY, "%s: is mounted, attached or otherwise in use",
				     path);
	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	close(fd);
	return 0;
}

void backing_node(dev_t dev, char *name, size_t size)
{
	char path[64], target[PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0) {
		snprintf(name, size, "%u:%u", major(dev), minor(dev));
		return;
	}
	target[len] = '\0';
	base = strrchr(target, '/');
	snprintf(name, size, "/dev/%s", base ? base + 1 : target);
	/* sysfs has an exclamation mark where /dev has a folder. */
	for (name += sizeof("/dev/") - 1; *name; name++)
		if (*name == '!')
			*name = '/';
}

void backing_name(dev_t dev, char *name, size_t size)
{
	if (!read_sysfs(dev, "loop/backing_file", name, size))
		backing_node(dev, name, size);
}
