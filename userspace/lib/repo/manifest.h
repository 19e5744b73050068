/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REPO_MANIFEST_H
#define EVS_REPO_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "error.h"
#include "pool/pool.h"
#include "pool/ranges.h"

#define EVS_BACKUP_SIZE 96	/* name of a backup, with its NUL */
#define EVS_BACKUP_DISK_SIZE EVS_OBJECT_TEXT_SIZE

#define EVS_BLOCK ((size_t)4 << 20)	/* what has a hash of its own */
#define EVS_CHUNK ((size_t)64 << 10)	/* what an engine keeps once, if nothing in it changes */
#define EVS_HASH_SIZE 32		/* SHA-256 */

/**
 * struct evs_manifest - What is known of a backup.
 * @name: its name
 * @disk: what the disk was called, POOL/DISK
 * @snapshot: snapshot of the disk that was kept for the next backup, "" for none
 * @record: the disk as it was
 * @bytes: size of the object, the header included
 * @key: SHA-256 of the digest in its header, in hex: the same for all that have its data
 *	 key; "" of a plain disk
 * @block_count: how many blocks of EVS_BLOCK bytes it has
 * @hashes: EVS_HASH_SIZE bytes for each block; all zero for one of zeros
 * @layers: names of the backups whose files have the chunks, EVS_BACKUP_SIZE bytes each
 * @layer_count: how many
 * @chunks: for each chunk of EVS_CHUNK bytes, which of these, from 1 on, 0 for zeros; NULL
 *	    where the engine itself knows
 */
struct evs_manifest {
	char name[EVS_BACKUP_SIZE];
	char disk[EVS_BACKUP_DISK_SIZE];
	char snapshot[EVS_RECORD_SNAPSHOT_SIZE];
	struct evs_record record;
	uint64_t bytes;
	char key[2 * EVS_HASH_SIZE + 1];
	size_t block_count;
	unsigned char *hashes;
	char (*layers)[EVS_BACKUP_SIZE];
	size_t layer_count;
	uint16_t *chunks;
};

/**
 * struct evs_source - What a backup is made of.
 * @dev: where it is read
 * @allocated: what is not zeros there
 * @changed: what may differ from @base; NULL where that is not known
 * @base: an older backup of this disk in the same repository, or NULL
 * @progress: called about once a second; what it returns other than 0 ends it; may be NULL
 * @arg: for @progress
 */
struct evs_source {
	const struct evs_device *dev;
	const struct evs_ranges *allocated;
	const struct evs_ranges *changed;
	const struct evs_manifest *base;
	evs_pool_progress_fn *progress;
	void *arg;
};

/** evs_backup_name_valid() - Can this be the name of a backup? @name: the name */
bool evs_backup_name_valid(const char *name);

/**
 * evs_manifest_size() - Make room for the hashes of a disk.
 * @manifest: its @bytes is set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_manifest_size(struct evs_manifest *manifest, struct evs_error *err);

/**
 * evs_manifest_layers() - Make room for the chunks of a disk, all zeros.
 * @manifest: its @bytes is set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_manifest_layers(struct evs_manifest *manifest, struct evs_error *err);

/**
 * evs_manifest_layer() - The number of a layer, which is added when it is not there.
 * @manifest: the manifest
 * @name: the backup whose file it is
 *
 * Return: its number, from 1 on, or a negative errno.
 */
int evs_manifest_layer(struct evs_manifest *manifest, const char *name);

/** evs_manifest_chunks() - How many chunks it has. @manifest: the manifest */
size_t evs_manifest_chunks(const struct evs_manifest *manifest);

#define EVS_MANIFEST_COMMENT_SIZE (EVS_UUID_SIZE + EVS_BACKUP_DISK_SIZE + 32)

/**
 * evs_manifest_comment() - Write UUID and name of the disk as JSON.
 * @manifest: the manifest
 * @comment: filled
 */
void evs_manifest_comment(const struct evs_manifest *manifest,
			  char comment[EVS_MANIFEST_COMMENT_SIZE]);

/**
 * evs_manifest_text() - Write a manifest as JSON.
 * @manifest: the manifest
 * @err: filled on failure
 *
 * Return: the text, to be released with free(), or NULL.
 */
char *evs_manifest_text(const struct evs_manifest *manifest, struct evs_error *err);

/**
 * evs_manifest_parse() - Read a manifest that anybody may have written.
 * @manifest: filled; release with evs_manifest_free()
 * @text: the text
 * @err: filled on failure
 *
 * Return: 0, -EBADMSG when it is none, or another negative errno.
 */
int evs_manifest_parse(struct evs_manifest *manifest, const char *text, struct evs_error *err);

/** evs_manifest_free() - Release it. @manifest: it, or one that is all zeros */
void evs_manifest_free(struct evs_manifest *manifest);

/** evs_manifest_block() - Bytes of a block. @manifest: the manifest @index: from 0 on */
size_t evs_manifest_block(const struct evs_manifest *manifest, size_t index);

/**
 * evs_manifest_hash() - Fill in the hash of a block.
 * @manifest: the manifest
 * @index: which block
 * @data: its bytes
 *
 * Return: whether there is anything but zeros in it, or a negative errno.
 */
int evs_manifest_hash(struct evs_manifest *manifest, size_t index, const void *data);

/**
 * evs_manifest_check() - Is this the block that was there when the backup was made?
 * @manifest: the manifest
 * @index: which block
 * @data: its bytes, NULL for zeros
 * @err: filled when it is not: names the backup and the range
 *
 * Return: 0, -EBADMSG when it is not, or another negative errno.
 */
int evs_manifest_check(const struct evs_manifest *manifest, size_t index, const void *data,
		       struct evs_error *err);

/** evs_is_zero() - Is all of this zeros? @data: the bytes @length: how many */
bool evs_is_zero(const void *data, size_t length);

#endif /* EVS_REPO_MANIFEST_H */
