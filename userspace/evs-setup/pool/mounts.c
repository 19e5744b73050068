// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file systems on a disk. Who wants to freeze them needs each of them once, by
 * a mount point that leads to it: it may be mounted in another mount namespace alone,
 * and another file system may be mounted over the mount point.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block/mountinfo.h"
#include "block/stack.h"
#include "mounts.h"

/**
 * struct search - What is looked for, and what is found.
 * @mounts: what is found
 * @stacks: the disks and what is made of them
 * @count: how many
 * @namespaces: the mount namespaces that were looked at
 */
struct search {
	struct mounts *mounts;
	struct stack *stacks;
	size_t count;
	struct mount_namespaces namespaces;
};

static bool find_disk(const struct search *search, dev_t dev, size_t *disk)
{
	size_t i;

	for (*disk = 0; *disk < search->count; ++*disk)
		for (i = 0; i < search->stacks[*disk].count; i++)
			if (search->stacks[*disk].devices[i].dev == dev)
				return true;
	return false;
}

/* Returns -1 where the path leads to something else: there is a mount over it. */
static int open_mount(struct libmnt_fs *fs, const char *root)
{
	char path[PATH_MAX];
	struct statx st;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s%s", root, mnt_fs_get_target(fs)) >=
	    sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (!statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) && st.stx_mask & STATX_MNT_ID &&
	    st.stx_mnt_id == (uint64_t)mnt_fs_get_id(fs))
		return fd;
	close(fd);
	return -1;
}

static struct mounted *find_mounted(struct mounts *mounts, dev_t fs)
{
	size_t i;

	for (i = 0; i < mounts->count; i++)
		if (mounts->mounted[i].fs == fs)
			return &mounts->mounted[i];
	return NULL;
}

static int no_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

static int add(struct search *search, struct libmnt_fs *fs, size_t disk, const char *root,
	       struct evs_error *err)
{
	struct mounts *mounts = search->mounts;
	struct mounted *mounted = find_mounted(mounts, mnt_fs_get_devno(fs));

	if (!mounted) {
		mounted = reallocarray(mounts->mounted, mounts->count + 1, sizeof(*mounted));
		if (!mounted)
			return no_memory(err);
		mounts->mounted = mounted;
		mounted += mounts->count;
		mounted->path = strdup(mnt_fs_get_target(fs));
		if (!mounted->path)
			return no_memory(err);
		mounted->fs = mnt_fs_get_devno(fs);
		mounted->disk = disk;
		mounted->fd = -1;
		mounts->count++;
	}
	if (mounted->fd < 0)
		mounted->fd = open_mount(fs, root);
	return 0;
}

/* A namespace may end while it is looked at. */
static int search_table(struct search *search, const char *table, const char *root,
			struct evs_error *err)
{
	struct libmnt_table *mounts = mnt_new_table_from_file(table);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	size_t disk;
	int ret = 0;

	while (mounts && iter && !ret && !mnt_table_next_fs(mounts, iter, &fs))
		if (find_disk(search, mount_device(fs), &disk))
			ret = add(search, fs, disk, root, err);
	mnt_free_iter(iter);
	mnt_unref_table(mounts);
	return ret;
}

/* The own namespace first: its paths are those that the user knows. */
static int search_all(struct search *search, struct evs_error *err)
{
	const struct dirent *entry;
	char table[64], root[64];
	DIR *dir;
	int ret;

	mount_namespaces_add(&search->namespaces, "self");
	ret = search_table(search, "/proc/self/mountinfo", "", err);
	dir = ret ? NULL : opendir("/proc");
	while (dir && !ret && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name) ||
		    !mount_namespaces_add(&search->namespaces, entry->d_name))
			continue;
		snprintf(table, sizeof(table), "/proc/%.16s/mountinfo", entry->d_name);
		snprintf(root, sizeof(root), "/proc/%.16s/root", entry->d_name);
		ret = search_table(search, table, root, err);
	}
	if (dir)
		closedir(dir);
	return ret;
}

int mounts_find(struct mounts *mounts, const dev_t *disks, size_t count, struct evs_error *err)
{
	struct search *search = calloc(1, sizeof(*search));
	struct stack *stacks = calloc(count, sizeof(*stacks));
	size_t i;
	int ret;

	memset(mounts, 0, sizeof(*mounts));
	if (search && stacks) {
		search->mounts = mounts;
		search->stacks = stacks;
		search->count = count;
		for (i = 0; i < count; i++)
			stack_read(&stacks[i], disks[i]);
		ret = search_all(search, err);
		for (i = 0; i < count; i++)
			stack_free(&stacks[i]);
	} else {
		ret = no_memory(err);
	}
	free(stacks);
	free(search);
	if (ret)
		mounts_free(mounts);
	return ret;
}

void mounts_free(struct mounts *mounts)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (mounts->mounted[i].fd >= 0)
			close(mounts->mounted[i].fd);
		free(mounts->mounted[i].path);
	}
	free(mounts->mounted);
	memset(mounts, 0, sizeof(*mounts));
}

dev_t mounts_number_at(const char *path)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs;
	char *real = realpath(path, NULL);
	dev_t number = 0;

	fs = table && real ? mnt_table_find_mountpoint(table, real, MNT_ITER_BACKWARD) : NULL;
	if (fs)
		number = mnt_fs_get_devno(fs);
	free(real);
	mnt_unref_table(table);
	return number;
}
