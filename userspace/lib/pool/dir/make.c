// SPDX-License-Identifier: GPL-2.0-or-later
/* How objects come and go. What has a name is complete; all else is called new.UUID. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/dir/dir.h"

/* ---- folders ---- */

int evs_dir_make_folder(int fd, const char *name, struct evs_error *err)
{
	if (mkdirat(fd, name, 0700))
		return evs_error_set(err, errno, "%s: %m", name);
	return fsync(fd) ? evs_error_set(err, errno, "%s: %m", name) : 0;
}

/* The folder that snapshots of a disk, or images, lie in: made with the first one */
static int have_parent(const struct evs_dir *dir, const struct evs_object *object,
		       struct evs_error *err)
{
	int fd = dir->fd, ret;

	if (object->kind == EVS_KIND_DISK)
		return 0;
	if (object->kind == EVS_KIND_SNAPSHOT)
		fd = evs_dir_at(dir->fd, object->name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return evs_error_set(err, -fd, "%s: %s", object->name, strerror(-fd));
	ret = evs_dir_make_folder(fd, object->kind == EVS_KIND_SNAPSHOT ? DIR_SNAPSHOT : DIR_IMAGE,
				  err);
	if (fd != dir->fd)
		close(fd);
	if (ret != -EEXIST)
		return ret;
	*err = (struct evs_error){};
	return 0;
}

/* Wait until a change of names is on the medium. */
static int sync_parent(const struct evs_dir *dir, const char *place)
{
	char parent[DIR_PLACE_SIZE];
	const char *slash = strrchr(place, '/');
	int fd, ret;

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - place) : 1,
		 slash ? place : ".");
	fd = evs_dir_at(dir->fd, parent, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

/* ---- data that nobody may change ---- */

/* A file system that has no such flag is fine: only root can write to it anyhow. */
static void set_immutable(int folder, bool immutable)
{
	int fd = evs_dir_at(folder, DIR_DISK, O_RDONLY), flags;

	if (fd < 0)
		return;
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
		flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
}

/* ---- coming ---- */

/* Of zeros, or with the data of another file */
static int make_disk(int folder, uint64_t bytes, int source)
{
	int fd, ret = 0;

	fd = openat(folder, DIR_DISK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (source >= 0 ? ioctl(fd, FICLONE, source) : ftruncate(fd, (off_t)bytes))
		ret = -errno;
	if (!ret && (fsync(fd) || fsync(folder)))
		ret = -errno;
	close(fd);
	return ret;
}

/* Why a file could not be @cloned, or made otherwise */
static int refuse(const struct evs_dir *dir, const char *place, bool cloned, int errnum,
		  struct evs_error *err)
{
	if (cloned && (errnum == EOPNOTSUPP || errnum == EXDEV || errnum == EINVAL))
		return evs_error_set(err, EOPNOTSUPP,
				     "%s: the file system cannot clone files, as XFS and btrfs do; snapshot create, create and image create take --copy, to copy all data of what is not attached",
				     dir->path);
	return evs_error_set(err, errnum, "%s/%s: %s", dir->path, place, strerror(errnum));
}

static int make_unfinished(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
			   int source, const struct evs_record *record, struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	struct evs_error ignored = {};
	char place[DIR_PLACE_SIZE];
	int folder, ret;

	evs_dir_place(place, object);
	/* That it is on the medium is for the one to see to who gives it a name. */
	if (mkdirat(dir->fd, place, 0700))
		return evs_error_set(err, errno, "%s/%s: %m", dir->path, place);
	folder = evs_dir_open_place(pool, object, err);
	ret = folder < 0 ? folder : evs_dir_write_meta(folder, record, err);
	if (!ret) {
		ret = make_disk(folder, bytes, source);
		if (ret)
			ret = refuse(dir, place, source >= 0, -ret, err);
	}
	if (folder >= 0)
		close(folder);
	if (ret)
		evs_dir_remove(pool, object, &ignored);
	return ret;
}

int evs_dir_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err)
{
	return make_unfinished(pool, object, bytes, -1, record, err);
}

int evs_dir_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err)
{
	int fd = evs_dir_open_disk(pool, source, O_RDONLY, err), ret;

	if (fd < 0)
		return fd;
	ret = make_unfinished(pool, to, 0, fd, record, err);
	close(fd);
	return ret;
}

int evs_dir_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err)
{
	char from[DIR_PLACE_SIZE], place[DIR_PLACE_SIZE];
	const struct evs_dir *dir = pool->engine;
	int folder = evs_dir_open_place(pool, object, err), ret;

	if (folder < 0)
		return folder;
	evs_dir_place(from, object);
	evs_dir_place(place, to);
	ret = have_parent(dir, to, err);
	if (!ret) {
		set_immutable(folder, to->kind == EVS_KIND_SNAPSHOT);
		/* An empty folder would be replaced otherwise. */
		ret = renameat2(dir->fd, from, dir->fd, place, RENAME_NOREPLACE) ? -errno :
		      sync_parent(dir, place);
		if (ret)
			evs_error_set(err, -ret, "%s/%s: %s", dir->path, place, strerror(-ret));
	}
	close(folder);
	return ret;
}

/* ---- snapshots ---- */

int evs_dir_prepare(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		    struct evs_error *err)
{
	struct evs_record unfinished = snapshot->work.record;
	int ret = evs_record_maker(unfinished.maker);

	if (ret)
		return evs_error_set(err, -ret, "cannot tell this boot: %s", strerror(-ret));
	return evs_dir_create(pool, &snapshot->work.object, 0, &unfinished, err);
}

/* The disk may go on once this has returned: what it writes goes elsewhere. */
int evs_dir_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err)
{
	int source, fd, ret;

	source = evs_dir_open_disk(pool, &snapshot->disk, O_RDONLY, err);
	if (source < 0)
		return source;
	fd = evs_dir_open_disk(pool, &snapshot->work.object, O_WRONLY, err);
	ret = fd < 0 ? fd : 0;
	if (!ret && ioctl(fd, FICLONE, source))
		ret = refuse(pool->engine, snapshot->disk.name, true, errno, err);
	if (fd >= 0)
		close(fd);
	close(source);
	return ret;
}

int evs_dir_complete(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err)
{
	int fd = evs_dir_open_disk(pool, &snapshot->work.object, O_RDONLY, err), ret = 0;

	if (fd < 0)
		return fd;
	if (fsync(fd))
		ret = evs_error_set(err, errno, "%s: %m", snapshot->name.name);
	close(fd);
	return ret ? ret : evs_dir_rename(pool, &snapshot->work.object, &snapshot->name, err);
}

/* ---- going ---- */

static int remove_folder(const struct evs_dir *dir, int folder, const char *place,
			 struct evs_error *err)
{
	set_immutable(folder, false);
	if (unlinkat(folder, DIR_DISK, 0) && errno != ENOENT)
		return evs_error_set(err, errno, "%s/%s/" DIR_DISK ": %m", dir->path, place);
	if (unlinkat(folder, DIR_SNAPSHOT, AT_REMOVEDIR) && errno != ENOENT)
		return evs_error_set(err, errno, "%s/%s/" DIR_SNAPSHOT ": %m", dir->path, place);
	evs_dir_forget_meta(folder);
	if (unlinkat(dir->fd, place, AT_REMOVEDIR) || fsync(dir->fd))
		return evs_error_set(err, errno, "%s/%s: %m", dir->path, place);
	return 0;
}

/*
 * What has a name loses it first, so that there is never half an object: the record
 * says from then on that it is unfinished, and whoever comes next removes the rest.
 */
static int take_name_away(const struct evs_dir *dir, int folder, char place[DIR_PLACE_SIZE],
			  struct evs_error *err)
{
	char new[DIR_PLACE_SIZE];
	struct evs_record record;
	int ret;

	ret = evs_dir_read_meta(folder, &record);
	if (ret)
		return evs_error_set(err, -ret, "%s/%s: %s", dir->path, place, strerror(-ret));
	if (evs_record_maker(record.maker))
		return evs_error_set(err, EIO, "cannot tell this boot");
	if (evs_dir_write_meta(folder, &record, err))
		return -err->errnum;
	snprintf(new, sizeof(new), DIR_NEW "%s", record.id);
	if (renameat2(dir->fd, place, dir->fd, new, RENAME_NOREPLACE))
		return evs_error_set(err, errno, "%s/%s: %m", dir->path, place);
	ret = sync_parent(dir, place);
	strcpy(place, new);
	return ret ? evs_error_set(err, -ret, "%s: %s", dir->path, strerror(-ret)) : 0;
}

static bool has_snapshots(int folder)
{
	struct stat st;

	/* Each folder in it is one more link on most file systems; rmdir(2) knows on all. */
	return !fstatat(folder, DIR_SNAPSHOT, &st, AT_SYMLINK_NOFOLLOW) &&
	       unlinkat(folder, DIR_SNAPSHOT, AT_REMOVEDIR);
}

int evs_dir_remove(struct evs_pool *pool, const struct evs_object *object, struct evs_error *err)
{
	const struct evs_dir *dir = pool->engine;
	int folder = evs_dir_open_place(pool, object, err), ret = 0;
	char place[DIR_PLACE_SIZE];

	if (folder < 0)
		return folder;
	evs_dir_place(place, object);
	if (has_snapshots(folder))
		ret = evs_error_set(err, EBUSY, "%s/%s: has snapshots", dir->path, place);
	if (!ret && !object->unfinished)
		ret = take_name_away(dir, folder, place, err);
	if (!ret)
		ret = remove_folder(dir, folder, place, err);
	close(folder);
	return ret;
}

/* ---- in use ---- */

int evs_dir_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err)
{
	int folder = evs_dir_open_place(pool, object, err);
	const struct evs_dir *dir = pool->engine;
	char place[DIR_PLACE_SIZE];

	if (folder < 0)
		return folder;
	if (writable)
		set_immutable(folder, false);
	close(folder);
	evs_dir_place(place, object);
	if ((size_t)snprintf(path, size, "%s/%s/" DIR_DISK, dir->path, place) >= size)
		return evs_error_set(err, ENAMETOOLONG, "%s: the path is too long", dir->path);
	return 0;
}

int evs_dir_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err)
{
	int folder = evs_dir_open_place(pool, object, err), fd, ret = 0;

	if (folder < 0)
		return folder;
	fd = evs_dir_at(folder, DIR_DISK, O_RDONLY);
	/* Nobody gets this lease while anybody else has the file open. */
	if (fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) && errno == EAGAIN)
		ret = evs_error_set(err, EBUSY, "is in use");
	if (fd >= 0)
		close(fd);
	if (object->kind == EVS_KIND_SNAPSHOT && !object->unfinished)
		set_immutable(folder, true);
	close(folder);
	return ret;
}
