/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REPO_DIR_H
#define EVS_REPO_DIR_H

/*
 * A repository that is a directory. Each backup has one of its own:
 *
 *   BACKUP/manifest	see evs_manifest_text()
 *   BACKUP/comment	UUID and name of the disk
 *   BACKUP/data	the disk, with holes where it is zeros, or where an older backup of
 *			it has the same: the manifest says which
 *   BACKUP.token.N	a token that was added later
 *   .new.RANDOM		what is being made; its maker has it locked
 *
 * A backup that is deleted loses its manifest; its data stays as long, and as far, as
 * manifests of others need it. In a text the first line is the SHA-256 of the rest.
 */

#include "repo/repo.h"

#define REPO_DIR_MANIFEST EVS_REPO_MANIFEST
#define REPO_DIR_COMMENT "comment"
#define REPO_DIR_DATA "data"
#define REPO_DIR_NEW ".new."
#define REPO_DIR_RANDOM 16
#define REPO_DIR_NEW_SIZE (sizeof(REPO_DIR_NEW) + 2 * REPO_DIR_RANDOM)
#define REPO_DIR_PATH_SIZE (EVS_ARCHIVE_SIZE + sizeof(REPO_DIR_MANIFEST) + 1)

/**
 * struct evs_repo_dir - An open directory.
 * @path: its path
 * @fd: itself, locked: shared, so that nothing that is referred to goes
 */
struct evs_repo_dir {
	const char *path;
	int fd;
};

/* Called for each entry that is not "." or ".."; what it returns other than 0 ends it. */
typedef int evs_repo_dir_fn(struct evs_repo_dir *dir, const char *name, void *arg,
			    struct evs_error *err);

/** evs_repo_dir_open_at() - openat() that follows no links. @fd: @path: @flags: as that */
int evs_repo_dir_open_at(int fd, const char *path, int flags);

/**
 * evs_repo_dir_each() - Walk the directory.
 * @dir: the directory
 * @each: called for each entry
 * @arg: for @each
 * @err: filled on failure
 *
 * Return: 0, what @each has returned, or a negative errno.
 */
int evs_repo_dir_each(struct evs_repo_dir *dir, evs_repo_dir_fn *each, void *arg,
		      struct evs_error *err);

/** evs_repo_dir_exists() - Is there such a file? @dir: the directory @name: of what @file: in it */
bool evs_repo_dir_exists(const struct evs_repo_dir *dir, const char *name, const char *file);

/**
 * evs_repo_dir_new() - A name for something that is being made.
 * @name: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_repo_dir_new(char name[REPO_DIR_NEW_SIZE], struct evs_error *err);

/**
 * evs_repo_dir_sweep() - Remove what those who were killed have left.
 * @dir: the directory
 */
void evs_repo_dir_sweep(struct evs_repo_dir *dir);

/** evs_repo_dir_forget() - Remove a directory with the files of a backup. @fd: in what @name: it */
void evs_repo_dir_forget(int fd, const char *name);

/**
 * evs_repo_dir_write_text() - Make a file of a text.
 * @fd: the directory
 * @name: the file, which is not there
 * @text: the text
 * @err: filled on failure
 *
 * Return: the file, open and on the medium, or a negative errno.
 */
int evs_repo_dir_write_text(int fd, const char *name, const char *text, struct evs_error *err);

/**
 * evs_repo_dir_read_text() - Read such a file.
 * @dir: the directory
 * @path: the file
 * @text: set; to be released with free()
 * @err: filled on failure
 *
 * Return: 0, -ENOENT, -EBADMSG when it is damaged, or another negative errno.
 */
int evs_repo_dir_read_text(const struct evs_repo_dir *dir, const char *path, char **text,
			   struct evs_error *err);

/* Those of struct evs_repo_ops that are elsewhere than in dir.c */
int evs_repo_dir_create(struct evs_repo *repo, struct evs_manifest *manifest,
			struct evs_source *source, struct evs_error *err);
int evs_repo_dir_read(struct evs_repo *repo, const struct evs_manifest *manifest, size_t first,
		      evs_repo_block_fn *each, void *arg, struct evs_error *err);
int evs_repo_dir_remove(struct evs_repo *repo, const char *archive, struct evs_error *err);

/**
 * struct evs_layers - The files of other backups, for reading chunks.
 * @dir: the directory
 * @manifest: says which file has a chunk
 * @open: number of the one that is open, 0 for none
 * @fd: its descriptor
 */
struct evs_layers {
	const struct evs_repo_dir *dir;
	const struct evs_manifest *manifest;
	unsigned int open;
	int fd;
};

/**
 * evs_layers_read() - Read some chunks that one layer has.
 * @layers: @dir and @manifest are set
 * @first: the first chunk
 * @data: where to
 * @length: how many bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_layers_read(struct evs_layers *layers, size_t first, void *data, size_t length,
		    struct evs_error *err);

/** evs_layers_close() - Close what is open. @layers: the layers */
void evs_layers_close(struct evs_layers *layers);

#endif /* EVS_REPO_DIR_H */
