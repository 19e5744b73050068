/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REPO_H
#define EVS_REPO_H

/*
 * A repository keeps backups of disks: the bytes of the object below evs, which of an
 * encrypted disk are its header and ciphertext, and a manifest. Nothing in it is ever
 * written again; what is new of a backup, a wrapped data key, is one more small archive
 * beside it, BACKUP.token.N.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "error.h"
#include "repo/manifest.h"
#include "token.h"
#include "volume/volume.h"

struct evs_repo;

#define EVS_ARCHIVE_SIZE (EVS_BACKUP_SIZE + 20)
#define EVS_REPO_MANIFEST "manifest"
#define EVS_REPO_DATA "disk"
#define EVS_REPO_TOKEN "token"

/**
 * struct evs_repo_archive - What the list of a repository says of an archive.
 * @name: BACKUP or BACKUP.token.N
 * @comment: of a backup, UUID and name of its disk as JSON; NULL where that is damaged, or
 *	     there is none
 */
struct evs_repo_archive {
	const char *name;
	const char *comment;
};

/* Called for each archive, in any order; what it returns other than 0 ends the list. */
typedef int evs_repo_archive_fn(void *arg, const struct evs_repo_archive *archive,
				struct evs_error *err);

/*
 * Called for each block of a backup, in ascending order; @data is NULL where the block is
 * all zeros. What it returns other than 0 ends the reading.
 */
typedef int evs_repo_block_fn(void *arg, uint64_t offset, const void *data, size_t length,
			      struct evs_error *err);

/**
 * struct evs_repo_ops - A kind of repository.
 * @name: value of the key `engine` of its sections
 * @keys: the keys of its sections
 * @layers: it keeps what differs from the base of the source, and no more
 * @memory: about how much memory it takes to back up so many bytes, no two chunks of which are
 *	    equal; NULL where that does not grow
 * @open: look whether it is there
 * @close: release what @open made
 * @list: all archives
 * @put: make a small archive of one text; -EEXIST where there is one of that name
 * @get: a member of an archive that is a text: to be released with free(); -ENOENT
 *	 where there is no such archive
 * @create: make a backup: read all blocks of the source, fill the hashes of the manifest,
 *	    and keep both; all or nothing
 * @ahead: begin to read a backup: @get of its manifest, @list and @read find what they
 *	   need under way; NULL where nothing is gained by that
 * @read: read a backup from block @first on, as it was written; nothing is compared with its
 *	  hashes. What was begun by @ahead goes on where the last call ended, and is ended by
 *	  its last block or with the repository
 * @remove: remove an archive; of a backup with its tokens
 */
struct evs_repo_ops {
	const char *name;
	const struct evs_config_key *keys;
	bool layers;
	uint64_t (*memory)(const struct evs_config_repo *config, uint64_t bytes);
	int (*open)(struct evs_repo *repo, struct evs_error *err);
	void (*close)(struct evs_repo *repo);
	int (*list)(struct evs_repo *repo, evs_repo_archive_fn *each, void *arg,
		    struct evs_error *err);
	int (*put)(struct evs_repo *repo, const char *archive, const char *text,
		   struct evs_error *err);
	int (*get)(struct evs_repo *repo, const char *archive, const char *member, char **text,
		   struct evs_error *err);
	int (*create)(struct evs_repo *repo, struct evs_manifest *manifest,
		      struct evs_source *source, struct evs_error *err);
	int (*ahead)(struct evs_repo *repo, const char *archive, struct evs_error *err);
	int (*read)(struct evs_repo *repo, const struct evs_manifest *manifest, size_t first,
		    evs_repo_block_fn *each, void *arg, struct evs_error *err);
	int (*remove)(struct evs_repo *repo, const char *archive, struct evs_error *err);
};

/**
 * struct evs_repo - An open repository.
 * @config: its section of evs.conf, which must live as long
 * @ops: its engine
 * @engine: what the engine keeps of it
 */
struct evs_repo {
	const struct evs_config_repo *config;
	const struct evs_repo_ops *ops;
	void *engine;
};

/**
 * struct evs_backup_entry - One backup of a list.
 * @name: its name
 * @disk: what the disk was called, POOL/DISK; "" where that is not known
 * @id: UUID of the disk; "" likewise
 * @made: when
 * @token: number of the newest token that was added to it, 0 for none
 */
struct evs_backup_entry {
	char name[EVS_BACKUP_SIZE];
	char disk[EVS_BACKUP_DISK_SIZE];
	char id[EVS_UUID_SIZE];
	time_t made;
	unsigned int token;
};

/**
 * struct evs_backup_list - The backups of a repository, in the order in which they were made.
 * @entry: the backups
 * @count: how many
 */
struct evs_backup_list {
	struct evs_backup_entry *entry;
	size_t count;
};

/**
 * struct evs_backup - One backup, open.
 * @manifest: what is known of it
 * @token: number of its newest token, 0 where that is the one in its header
 * @vol: its header, with its newest token alone; NULL where the disk is plain. Behind it is
 *	 a file in memory as large as the disk, in which is nothing else.
 * @dev: that file
 * @path: its path
 */
struct evs_backup {
	struct evs_manifest manifest;
	unsigned int token;
	struct evs_volume *vol;
	struct evs_device dev;
	char path[32];
};

extern const struct evs_repo_ops evs_repo_borg_ops;
extern const struct evs_repo_ops evs_repo_dir_ops;

/** evs_repo_engine() - Find a kind of repository, or NULL. @name: value of the key `engine` */
const struct evs_repo_ops *evs_repo_engine(const char *name);

/**
 * evs_repo_open() - Open a repository.
 * @repo: filled; release with evs_repo_close()
 * @config: its section
 * @err: filled on failure, with the name of the repository in front
 *
 * Return: 0 or a negative errno.
 */
int evs_repo_open(struct evs_repo *repo, const struct evs_config_repo *config,
		  struct evs_error *err);

/** evs_repo_close() - Release a repository. @repo: what evs_repo_open() filled */
void evs_repo_close(struct evs_repo *repo);

/**
 * evs_repo_list() - List the backups.
 * @repo: the repository
 * @list: filled; release with free() of @entry
 * @err: filled on failure
 *
 * Archives that are not ours are left out.
 *
 * Return: 0 or a negative errno.
 */
int evs_repo_list(struct evs_repo *repo, struct evs_backup_list *list, struct evs_error *err);

/**
 * evs_repo_manifest() - Read the manifest of a backup.
 * @repo: the repository
 * @name: the backup
 * @manifest: filled; release with evs_manifest_free()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno: -ENOENT when there is no such backup, -EBADMSG when the
 * manifest is damaged.
 */
int evs_repo_manifest(struct evs_repo *repo, const char *name, struct evs_manifest *manifest,
		      struct evs_error *err);

/**
 * evs_repo_token() - The newest token that was added to a backup.
 * @repo: the repository
 * @name: the backup
 * @token: filled, where there is one
 * @number: set to its number, the highest, 0 where none was added
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_repo_token(struct evs_repo *repo, const char *name, struct evs_token *token,
		   unsigned int *number, struct evs_error *err);

/**
 * evs_repo_protection() - What protects a backup now, without reading its header.
 * @repo: the repository
 * @entry: the backup; what is not known of its disk is filled in
 * @record: @id and @encrypted are filled, and @kms and @cmk where it is
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_repo_protection(struct evs_repo *repo, struct evs_backup_entry *entry,
			struct evs_record *record, struct evs_error *err);

/**
 * evs_repo_add_token() - Add a token to a backup, which counts from then on.
 * @repo: the repository
 * @name: the backup
 * @number: one more than the one that evs_repo_token() has set
 * @token: the token, which is known to give the key of the disk
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EEXIST when another process has added it.
 */
int evs_repo_add_token(struct evs_repo *repo, const char *name, unsigned int number,
		       const struct evs_token *token, struct evs_error *err);

/**
 * evs_backup_open() - Read the manifest, the header and the newest token of a backup.
 * @backup: filled; release with evs_backup_close()
 * @repo: the repository
 * @name: the backup
 * @all: evs_backup_read() follows, and nothing that changes the repository before it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBADMSG when header and manifest differ.
 */
int evs_backup_open(struct evs_backup *backup, struct evs_repo *repo, const char *name, bool all,
		    struct evs_error *err);

/**
 * evs_backup_read() - Read all blocks of a backup, each compared with its hash.
 * @backup: the backup
 * @repo: its repository
 * @each: called for each block; those of the header are as the file in memory has them
 * @arg: for @each
 * @err: filled on failure
 *
 * Return: 0, what @each has returned, or a negative errno.
 */
int evs_backup_read(struct evs_backup *backup, struct evs_repo *repo, evs_repo_block_fn *each,
		    void *arg, struct evs_error *err);

/** evs_backup_close() - Release it. @backup: what evs_backup_open() filled */
void evs_backup_close(struct evs_backup *backup);

#endif /* EVS_REPO_H */
