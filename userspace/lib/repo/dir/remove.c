// SPDX-License-Identifier: GPL-2.0-or-later
/* The data of backups that are deleted: what no other backup needs goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/dir/dir.h"

/**
 * struct remains - The data of a backup that is deleted.
 * @name: its name
 * @needed: one byte for each chunk: whether another backup has it from here
 * @count: how many chunks
 * @any: whether any is needed
 */
struct remains {
	char name[EVS_BACKUP_SIZE];
	unsigned char *needed;
	size_t count;
	bool any;
};

/**
 * struct collection - All of them.
 * @list: the remains
 * @count: how many
 */
struct collection {
	struct remains *list;
	size_t count;
};

static int add_remains(struct evs_repo_dir *dir, const char *name, void *arg,
		       struct evs_error *err)
{
	struct collection *all = arg;
	char path[REPO_DIR_PATH_SIZE];
	struct remains *list;
	struct stat st;

	if (!evs_backup_name_valid(name) || evs_repo_dir_exists(dir, name, REPO_DIR_MANIFEST))
		return 0;
	snprintf(path, sizeof(path), "%s/" REPO_DIR_DATA, name);
	if (fstatat(dir->fd, path, &st, AT_SYMLINK_NOFOLLOW))
		st.st_size = 0;
	list = reallocarray(all->list, all->count + 1, sizeof(*list));
	if (!list)
		return evs_error_set(err, ENOMEM, "out of memory");
	all->list = list;
	list += all->count++;
	*list = (struct remains){ .count = (size_t)st.st_size / EVS_CHUNK + 1 };
	strcpy(list->name, name);
	list->needed = calloc(list->count, 1);
	return list->needed ? 0 : evs_error_set(err, ENOMEM, "out of memory");
}

static void mark(const struct evs_manifest *manifest, size_t layer, struct remains *remains)
{
	size_t chunks = evs_manifest_chunks(manifest), i;

	for (i = 0; i < chunks && i < remains->count; i++) {
		if (manifest->chunks[i] != layer + 1)
			continue;
		remains->needed[i] = 1;
		remains->any = true;
	}
}

static int mark_needed(struct evs_repo_dir *dir, const char *name, void *arg,
		       struct evs_error *err)
{
	struct collection *all = arg;
	struct evs_manifest manifest;
	char path[REPO_DIR_PATH_SIZE], *text;
	size_t i, k;
	int ret;

	if (!evs_backup_name_valid(name) || !evs_repo_dir_exists(dir, name, REPO_DIR_MANIFEST))
		return 0;
	snprintf(path, sizeof(path), "%s/" REPO_DIR_MANIFEST, name);
	ret = evs_repo_dir_read_text(dir, path, &text, err);
	if (ret)
		return ret;
	ret = evs_manifest_parse(&manifest, text, err);
	free(text);
	if (ret)
		return evs_error_prefix(err, "%s/%s", dir->path, path);
	for (i = 0; manifest.chunks && i < manifest.layer_count; i++)
		for (k = 0; k < all->count; k++)
			if (!strcmp(manifest.layers[i], all->list[k].name))
				mark(&manifest, i, &all->list[k]);
	evs_manifest_free(&manifest);
	return 0;
}

/* A file system that cannot punch holes keeps them until the file goes. */
static void punch(const struct evs_repo_dir *dir, const struct remains *remains)
{
	char path[REPO_DIR_PATH_SIZE];
	size_t first, i = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/" REPO_DIR_DATA, remains->name);
	fd = evs_repo_dir_open_at(dir->fd, path, O_RDWR);
	if (fd < 0)
		return;
	while (i < remains->count) {
		for (first = i; i < remains->count && !remains->needed[i]; i++)
			;
		if (i > first && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   (off_t)(first * EVS_CHUNK),
					   (off_t)((i - first) * EVS_CHUNK)))
			break;
		for (; i < remains->count && remains->needed[i]; i++)
			;
	}
	close(fd);
}

/* Remove what nobody needs of all backups that are deleted, perhaps long ago. */
static int collect(struct evs_repo_dir *dir, struct evs_error *err)
{
	struct collection all = {};
	size_t i;
	int ret;

	ret = evs_repo_dir_each(dir, add_remains, &all, err);
	if (!ret)
		ret = evs_repo_dir_each(dir, mark_needed, &all, err);
	for (i = 0; i < all.count; i++) {
		if (!ret && all.list[i].any)
			punch(dir, &all.list[i]);
		else if (!ret)
			evs_repo_dir_forget(dir->fd, all.list[i].name);
		free(all.list[i].needed);
	}
	free(all.list);
	return ret;
}

/* Also of a backup whose removal was cut short: without its manifest it is none. */
static int remove_token(struct evs_repo_dir *dir, const char *name, void *arg,
			struct evs_error *err)
{
	char backup[EVS_BACKUP_SIZE];
	size_t len = strcspn(name, ".");

	(void)arg;
	if (!name[len] || len >= sizeof(backup))
		return 0;
	snprintf(backup, sizeof(backup), "%.*s", (int)len, name);
	if (!evs_backup_name_valid(backup) || evs_repo_dir_exists(dir, backup, REPO_DIR_MANIFEST))
		return 0;
	return unlinkat(dir->fd, name, 0) ?
	       evs_error_set(err, errno, "%s/%s: %m", dir->path, name) : 0;
}

static int remove_backup(struct evs_repo_dir *dir, const char *name, struct evs_error *err)
{
	char path[REPO_DIR_PATH_SIZE];
	int ret;

	snprintf(path, sizeof(path), "%s/" REPO_DIR_MANIFEST, name);
	if (unlinkat(dir->fd, path, 0))
		return evs_error_set(err, errno, "%s/%s: %m", dir->path, path);
	snprintf(path, sizeof(path), "%s/" REPO_DIR_COMMENT, name);
	unlinkat(dir->fd, path, 0);
	ret = evs_repo_dir_each(dir, remove_token, NULL, err);
	if (!ret)
		ret = collect(dir, err);
	if (!ret)
		return 0;
	return evs_error_prefix(err, "is deleted, but its data stays until another one is deleted");
}

int evs_repo_dir_remove(struct evs_repo *repo, const char *archive, struct evs_error *err)
{
	struct evs_repo_dir *dir = repo->engine;
	int ret;

	if (flock(dir->fd, LOCK_EX | LOCK_NB)) {
		ret = errno == EWOULDBLOCK ?
		      evs_error_set(err, EBUSY, "%s: another backup is being made or read there; try again when it has ended",
				    dir->path) :
		      evs_error_set(err, errno, "%s: cannot be locked: %m", dir->path);
		flock(dir->fd, LOCK_SH);
		return ret;
	}
	evs_repo_dir_sweep(dir);
	ret = remove_backup(dir, archive, err);
	flock(dir->fd, LOCK_SH);
	return ret;
}
