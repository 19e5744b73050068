// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Put an object in the place of a disk, whose snapshots stay. It becomes a folder in
 * that of the disk, which is the moment from which on it is the disk; its files follow,
 * by whoever opens the pool next if need be.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pool/dir/dir.h"

/* Somebody else may be at it as well: what is gone has been moved. */
static int move_up(int disk, int from, const char *name)
{
	return renameat(from, name, disk, name) && errno != ENOENT ? -errno : 0;
}

static int finish(int disk)
{
	int from = evs_dir_at(disk, DIR_REPLACE, O_RDONLY | O_DIRECTORY), ret;

	if (from < 0)
		return from == -ENOENT ? 0 : from;
	ret = move_up(disk, from, DIR_DISK);
	if (!ret)
		ret = move_up(disk, from, DIR_META);
	close(from);
	if (!ret && unlinkat(disk, DIR_REPLACE, AT_REMOVEDIR) && errno != ENOENT)
		ret = -errno;
	return ret ? ret : fsync(disk) ? -errno : 0;
}

int evs_dir_replace(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_object *disk, struct evs_error *err)
{
	int folder = evs_dir_open_place(pool, disk, err), ret;
	const struct evs_dir *dir = pool->engine;
	char from[DIR_PLACE_SIZE];

	if (folder < 0)
		return folder;
	evs_dir_place(from, object);
	ret = renameat2(dir->fd, from, folder, DIR_REPLACE, RENAME_NOREPLACE) || fsync(folder) ?
	      -errno : finish(folder);
	close(folder);
	return ret ? evs_error_set(err, -ret, "%s/%s: %s", dir->path, disk->name,
				   strerror(-ret)) : 0;
}

int evs_dir_finish_replace(const struct evs_dir *dir, struct evs_error *err)
{
	int folder = evs_dir_at(dir->fd, ".", O_RDONLY | O_DIRECTORY), ret = 0;
	DIR *top = folder < 0 ? NULL : fdopendir(folder);
	struct evs_error ignored = {};
	struct evs_object object;
	struct dirent *found;

	if (!top)
		return evs_error_set(err, folder < 0 ? -folder : errno, "%s: cannot be read",
				     dir->path);
	while (!ret && (found = readdir(top))) {
		if (evs_object_parse(&object, found->d_name, &ignored))
			continue;
		folder = evs_dir_at(dir->fd, found->d_name, O_RDONLY | O_DIRECTORY);
		if (folder < 0)
			continue;
		ret = finish(folder);
		close(folder);
	}
	closedir(top);
	return ret ? evs_error_set(err, -ret, "%s/%s: %s", dir->path, object.name,
				   strerror(-ret)) : 0;
}
