// SPDX-License-Identifier: GPL-2.0-or-later
/* A pool in a folder of a file system, best one that shares blocks between files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "pool/dir/dir.h"

static const struct evs_config_key keys[] = {
	{ "dir", evs_config_is_path, "be an absolute path", true },
	{},
};

void evs_dir_place(char place[DIR_PLACE_SIZE], const struct evs_object *object)
{
	if (object->unfinished)
		snprintf(place, DIR_PLACE_SIZE, DIR_NEW "%s", object->name);
	else if (object->kind == EVS_KIND_SNAPSHOT)
		snprintf(place, DIR_PLACE_SIZE, "%s/" DIR_SNAPSHOT "/%s", object->name,
			 object->snapshot);
	else
		snprintf(place, DIR_PLACE_SIZE, "%s%s",
			 object->kind == EVS_KIND_IMAGE ? DIR_IMAGE "/" : "", object->name);
}

int evs_dir_at(int fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long ret = syscall(SYS_openat2, fd, path, &how, sizeof(how));

	return ret < 0 ? -errno : (int)ret;
}

int evs_dir_open_place(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	char place[DIR_PLACE_SIZE];
	int fd;

	evs_dir_place(place, object);
	fd = evs_dir_at(dir->fd, place, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? evs_error_set(err, -fd, "%s/%s: %s", dir->path, place, strerror(-fd)) : fd;
}

int evs_dir_open_disk(struct evs_pool *pool, const struct evs_object *object, int flags,
		      struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	char path[DIR_PLACE_SIZE + sizeof(DIR_DISK)];
	int fd;

	evs_dir_place(path, object);
	strcat(path, "/" DIR_DISK);
	fd = evs_dir_at(dir->fd, path, flags);
	return fd < 0 ? evs_error_set(err, -fd, "%s/%s: %s", dir->path, path, strerror(-fd)) : fd;
}

static void dir_close(struct evs_pool *pool)
{
	struct evs_dir *dir = pool->engine;

	if (!dir)
		return;
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir);
	pool->engine = NULL;
}

static int dir_open(struct evs_pool *pool, struct evs_error *err)
{
	const char *path = evs_config_pool_get(pool->config, "dir");
	struct evs_dir *dir = calloc(1, sizeof(*dir));
	int ret;

	if (!dir)
		return evs_error_set(err, ENOMEM, "out of memory");
	pool->engine = dir;
	dir->fd = realpath(path, dir->path) ?
		  open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	ret = dir->fd < 0 ? evs_error_set(err, errno, "%s: %m", path) : evs_fd_check_folder(dir->fd, path, err);
	if (!ret)
		ret = evs_dir_finish_replace(dir, err);
	if (ret)
		dir_close(pool);
	return ret;
}

/* As df(1) has it: what only root may take is no room. */
static int dir_usage(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	struct statvfs st;

	if (fstatvfs(dir->fd, &st))
		return evs_error_set(err, errno, "%s: %m", dir->path);
	*usage = (struct evs_pool_usage){
		.size = (uint64_t)st.f_frsize * (st.f_blocks - st.f_bfree + st.f_bavail),
		.used = (uint64_t)st.f_frsize * (st.f_blocks - st.f_bfree),
	};
	return 0;
}

static int dir_save(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_record *record, struct evs_error *err)
{
	int fd = evs_dir_open_place(pool, object, err), ret;

	if (fd < 0)
		return fd;
	ret = evs_dir_write_meta(fd, record, err);
	close(fd);
	return ret;
}

static int dir_grow(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		    struct evs_error *err)
{
	int fd = evs_dir_open_disk(pool, object, O_WRONLY, err), ret;
	struct stat st;

	if (fd < 0)
		return fd;
	ret = fstat(fd, &st) ||
	      ((uint64_t)st.st_size < bytes && (ftruncate(fd, (off_t)bytes) || fsync(fd))) ?
	      evs_error_set(err, errno, "cannot grow: %m") : 0;
	close(fd);
	return ret;
}

const struct evs_pool_ops evs_pool_dir_ops = {
	.name = "dir",
	.keys = keys,
	.open = dir_open,
	.close = dir_close,
	.usage = dir_usage,
	.list = evs_dir_list,
	.create = evs_dir_create,
	.remove = evs_dir_remove,
	.rename = evs_dir_rename,
	.replace = evs_dir_replace,
	.grow = dir_grow,
	.prepare = evs_dir_prepare,
	.snapshot = evs_dir_snapshot,
	.complete = evs_dir_complete,
	.clone = evs_dir_clone,
	.activate = evs_dir_activate,
	.deactivate = evs_dir_deactivate,
	.save = dir_save,
	.allocated = evs_dir_allocated,
	.changed = evs_dir_changed,
};
