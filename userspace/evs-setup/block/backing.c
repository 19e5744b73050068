// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backing.h"
#include "block.h"
#include "loop.h"
#include "text.h"

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

static void add_advice(struct evs_error *err, const char *advice)
{
	size_t used = strlen(err->text);

	snprintf(err->text + used, sizeof(err->text) - used, "%s", advice);
}

/*
 * The name is looked up once. What it leads to is opened by its descriptor, and the
 * kernel tells what it is called without links.
 */
static int open_once(struct backing *backing, const char *path, bool read_only,
		     struct evs_error *err)
{
	struct evs_device *dev = &backing->claim.dev;
	int fd = open(path, O_PATH | O_CLOEXEC), ret;
	struct stat st;
	char link[32];
	ssize_t len;

	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, backing->path, sizeof(backing->path) - 1);
	if (len < 0 || fstat(fd, &st)) {
		ret = evs_error_set(err, errno, "%s: %m", path);
	} else {
		backing->path[len] = '\0';
		ret = evs_device_open_again(dev, fd, path, S_ISREG(st.st_mode) && !read_only ?
					    O_RDWR : O_RDONLY, err);
		if (ret == -EROFS || ret == -ETXTBSY)
			add_advice(err, " (try --read-only)");
		dev->path = backing->path;
	}
	close(fd);
	return ret;
}

int backing_open(struct backing *backing, const char *path, bool read_only,
		 struct evs_error *err)
{
	struct claim *claim = &backing->claim;
	int ret;

	claim->lock.fd = -1;
	claim->leased = false;
	ret = open_once(backing, path, read_only, err);
	if (ret)
		return ret;
	backing->given = !claim->dev.is_file;
	if (claim->dev.is_file && read_only)
		return 0;
	ret = claim_lock(claim, err);
	if (!ret && claim->dev.is_file)
		ret = claim_file(claim, err);
	if (ret == -EBUSY && claim->dev.is_file)
		add_advice(err, ": end that first, or try --read-only");
	if (ret)
		backing_close(backing);
	return ret;
}

int backing_loop(struct backing *backing, unsigned int sector_size, struct evs_error *err)
{
	struct claim *claim = &backing->claim, file = *claim;
	struct stat st;
	int loop, ret;

	if (!claim->dev.is_file)
		return 0;
	loop = loop_attach(file.dev.fd, sector_size, backing->path, sizeof(backing->path), err);
	if (loop < 0)
		return loop;
	/* The loop device has the file open from now on: that keeps others away. */
	claim_share_file(&file);
	claim->dev.fd = loop;
	claim->dev.is_file = false;
	claim->dev.inode = 0;
	claim->leased = false;
	claim->lock.fd = -1;
	if (fstat(loop, &st))
		ret = evs_error_set(err, errno, "%s: %m", backing->path);
	else {
		claim->dev.number = st.st_rdev;
		ret = claim_lock(claim, err);
	}
	claim_close(&file);
	return ret;
}

void backing_close(struct backing *backing)
{
	claim_close(&backing->claim);
}

void backing_name(dev_t dev, char *name, size_t size)
{
	if (!read_sysfs(dev, "loop/backing_file", name, size))
		evs_block_node(dev, name, size);
}
