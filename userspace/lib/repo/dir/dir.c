// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "repo/dir/dir.h"

static bool is_yes(const char *value)
{
	return !strcmp(value, "yes");
}

static const struct evs_config_key keys[] = {
	{ "path", evs_config_is_path, "be an absolute path", true },
	{ "incremental", is_yes, "be yes", false },
	{},
};

static int check_folder(const struct evs_repo_dir *dir, struct evs_error *err)
{
	int ret = evs_fd_check_folder(dir->fd, dir->path, err);

	if (!ret && flock(dir->fd, LOCK_SH))
		ret = evs_error_set(err, errno, "%s: cannot be locked: %m", dir->path);
	return ret;
}

static int open_dir(struct evs_repo *repo, struct evs_error *err)
{
	struct evs_repo_dir *dir = malloc(sizeof(*dir));
	int ret;

	if (!dir)
		return evs_error_set(err, ENOMEM, "out of memory");
	dir->path = evs_config_repo_get(repo->config, "path");
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir->fd < 0 ? evs_error_set(err, errno, "%s: %m", dir->path) :
	      check_folder(dir, err);
	if (!ret) {
		repo->engine = dir;
		return 0;
	}
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir);
	return ret;
}

static void close_dir(struct evs_repo *repo)
{
	struct evs_repo_dir *dir = repo->engine;

	if (dir)
		close(dir->fd);
	free(dir);
}

/* ---- archives ---- */

/**
 * struct listing - What evs_repo_dir_each() is to call.
 * @each: called for each archive
 * @arg: for @each
 */
struct listing {
	evs_repo_archive_fn *each;
	void *arg;
};

static int list_one(struct evs_repo_dir *dir, const char *name, void *arg, struct evs_error *err)
{
	const struct listing *listing = arg;
	struct evs_repo_archive archive = { .name = name };
	char path[REPO_DIR_PATH_SIZE], *comment = NULL;
	struct evs_error ignored = {};
	int ret;

	if (*name == '.' || strlen(name) >= EVS_ARCHIVE_SIZE)
		return 0;
	if (!strchr(name, '.')) {
		if (!evs_repo_dir_exists(dir, name, REPO_DIR_MANIFEST))
			return 0;
		snprintf(path, sizeof(path), "%s/" REPO_DIR_COMMENT, name);
		if (!evs_repo_dir_read_text(dir, path, &comment, &ignored))
			archive.comment = comment;
	}
	ret = listing->each(listing->arg, &archive, err);
	free(comment);
	return ret;
}

static int list(struct evs_repo *repo, evs_repo_archive_fn *each, void *arg,
		struct evs_error *err)
{
	struct listing listing = { each, arg };

	return evs_repo_dir_each(repo->engine, list_one, &listing, err);
}

static int put(struct evs_repo *repo, const char *archive, const char *text,
	       struct evs_error *err)
{
	struct evs_repo_dir *dir = repo->engine;
	char name[REPO_DIR_NEW_SIZE];
	int file, ret = 0;

	evs_repo_dir_sweep(dir);
	if (evs_repo_dir_new(name, err))
		return -err->errnum;
	file = evs_repo_dir_write_text(dir->fd, name, text, err);
	if (file < 0)
		return file;
	if (renameat2(dir->fd, name, dir->fd, archive, RENAME_NOREPLACE) || fsync(dir->fd))
		ret = evs_error_set(err, errno, "%s/%s: %m", dir->path, archive);
	if (ret)
		unlinkat(dir->fd, name, 0);
	close(file);
	return ret;
}

static int get(struct evs_repo *repo, const char *archive, const char *member, char **text,
	       struct evs_error *err)
{
	char path[REPO_DIR_PATH_SIZE];

	if (strcmp(member, EVS_REPO_MANIFEST))
		snprintf(path, sizeof(path), "%s", archive);
	else
		snprintf(path, sizeof(path), "%s/%s", archive, member);
	return evs_repo_dir_read_text(repo->engine, path, text, err);
}

const struct evs_repo_ops evs_repo_dir_ops = {
	.name = "dir",
	.keys = keys,
	.layers = true,
	.open = open_dir,
	.close = close_dir,
	.list = list,
	.put = put,
	.get = get,
	.create = evs_repo_dir_create,
	.read = evs_repo_dir_read,
	.remove = evs_repo_dir_remove,
};
