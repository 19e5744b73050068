// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/dir/dir.h"

#define USED_UNIT 512	/* of st_blocks */

/**
 * struct walk - A walk through a pool.
 * @pool: the pool
 * @each: called for each object
 * @arg: its argument
 * @err: filled on failure
 */
struct walk {
	struct evs_pool *pool;
	evs_pool_entry_fn *each;
	void *arg;
	struct evs_error *err;
};

/* What is no object of ours is passed over: other files may lie in the folder. */
static int tell(const struct walk *walk, int folder, const struct evs_object *object)
{
	struct evs_pool_entry entry = { .object = *object };
	struct stat st = {};

	if (evs_dir_read_meta(folder, &entry.record))
		return 0;
	/* One that is being made, or removed, has its record without data for a moment. */
	if (!object->unfinished && (fstatat(folder, DIR_DISK, &st, AT_SYMLINK_NOFOLLOW) ||
				    !S_ISREG(st.st_mode)))
		return 0;
	if (object->unfinished && fstatat(folder, DIR_DISK, &st, AT_SYMLINK_NOFOLLOW))
		st.st_size = 0;
	if (!object->unfinished && entry.record.kind != object->kind)
		return 0;
	entry.object.kind = entry.record.kind;
	entry.bytes = (uint64_t)st.st_size;
	entry.used = (uint64_t)st.st_blocks * USED_UNIT;
	return walk->each(walk->arg, &entry, walk->err);
}

/* Call @each for the name of each entry of a folder, and its descriptor. */
static int each_folder(int fd, const char *path, const struct walk *walk, const char *disk,
		       int (*each)(const struct walk *walk, const char *disk, const char *name,
				   int folder))
{
	int ret = 0, folder = evs_dir_at(fd, path, O_RDONLY | O_DIRECTORY);
	struct dirent *found;
	DIR *dir;

	if (folder == -ENOENT)
		return 0;
	dir = folder < 0 ? NULL : fdopendir(folder);
	if (!dir)
		return evs_error_set(walk->err, folder < 0 ? -folder : errno, "%s: cannot be read",
				     path);
	while (!ret && (errno = 0, found = readdir(dir))) {
		if (*found->d_name == '.')
			continue;
		folder = evs_dir_at(dirfd(dir), found->d_name, O_RDONLY | O_DIRECTORY);
		if (folder < 0)
			continue;
		ret = each(walk, disk, found->d_name, folder);
		close(folder);
		errno = 0;
	}
	if (!ret && errno)
		ret = evs_error_set(walk->err, errno, "%s: %m", path);
	closedir(dir);
	return ret;
}

static int tell_snapshot(const struct walk *walk, const char *disk, const char *name, int folder)
{
	struct evs_object object = { .kind = EVS_KIND_SNAPSHOT }, parsed;
	struct evs_error ignored = {};

	if (evs_object_parse(&parsed, name, &ignored) || parsed.kind != EVS_KIND_DISK)
		return 0;
	strcpy(object.name, disk);
	strcpy(object.snapshot, parsed.name);
	return tell(walk, folder, &object);
}

static int tell_image(const struct walk *walk, const char *disk, const char *name, int folder)
{
	struct evs_error ignored = {};
	struct evs_object object;

	(void)disk;
	if (evs_object_parse(&object, name, &ignored) || object.kind != EVS_KIND_DISK)
		return 0;
	object.kind = EVS_KIND_IMAGE;
	return tell(walk, folder, &object);
}

/* Who was killed between making the folder and the record has left an empty folder. */
static int tell_unfinished(const struct walk *walk, const char *name, int folder,
			   const struct evs_object *object)
{
	const struct evs_dir *dir = walk->pool->engine;
	struct evs_record record;

	if (evs_dir_read_meta(folder, &record) != -ENOENT)
		return tell(walk, folder, object);
	if (walk->pool->lock.fd >= 0) {
		evs_dir_forget_meta(folder);
		unlinkat(dir->fd, name, AT_REMOVEDIR);
	}
	return 0;
}

static int tell_top(const struct walk *walk, const char *disk, const char *name, int folder)
{
	struct evs_object object = { .unfinished = true };
	struct evs_error ignored = {};
	int ret;

	(void)disk;
	if (!strncmp(name, DIR_NEW, strlen(DIR_NEW)) && evs_uuid_valid(name + strlen(DIR_NEW))) {
		strcpy(object.name, name + strlen(DIR_NEW));
		return tell_unfinished(walk, name, folder, &object);
	}
	if (evs_object_parse(&object, name, &ignored) || object.kind != EVS_KIND_DISK)
		return 0;
	ret = tell(walk, folder, &object);
	return ret ? ret : each_folder(folder, DIR_SNAPSHOT, walk, name, tell_snapshot);
}

int evs_dir_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	const struct walk walk = { pool, each, arg, err };
	int ret = each_folder(dir->fd, ".", &walk, NULL, tell_top);

	return ret ? ret : each_folder(dir->fd, DIR_IMAGE, &walk, NULL, tell_image);
}
