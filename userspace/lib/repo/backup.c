// SPDX-License-Identifier: GPL-2.0-or-later
/* The header of a backup, in memory: as it was backed up, with the newest token. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "repo/repo.h"

/**
 * struct load - The first blocks of a backup on their way into memory.
 * @backup: the backup
 * @end: so many bytes are wanted
 */
struct load {
	struct evs_backup *backup;
	uint64_t end;
};

static int make_file(struct evs_backup *backup, struct evs_error *err)
{
	backup->dev.fd = memfd_create("evs-backup", MFD_CLOEXEC);
	if (backup->dev.fd < 0)
		return evs_error_set(err, errno, "cannot make a file in memory: %m");
	snprintf(backup->path, sizeof(backup->path), "/proc/self/fd/%d", backup->dev.fd);
	backup->dev.path = backup->path;
	backup->dev.is_file = true;
	if (ftruncate(backup->dev.fd, (off_t)backup->manifest.bytes))
		return evs_error_set(err, errno, "cannot make a file in memory: %m");
	return 0;
}

static int load_block(void *arg, uint64_t offset, const void *data, size_t length,
		      struct evs_error *err)
{
	const struct load *load = arg;
	struct evs_backup *backup = load->backup;
	int ret;

	ret = evs_manifest_check(&backup->manifest, (size_t)(offset / EVS_BLOCK), data, err);
	if (ret)
		return ret;
	ret = data ? evs_device_write(&backup->dev, data, length, offset) : 0;
	if (ret)
		return evs_error_set(err, -ret, "cannot keep the header in memory: %s",
				     strerror(-ret));
	/* The next block is for evs_backup_read(). */
	return offset + length >= load->end;
}

/* The file has the newest token alone from here on, as a disk after a rewrap. */
static int take_token(struct evs_backup *backup, struct evs_repo *repo, struct evs_error *err)
{
	struct evs_token token, old;
	int ret;

	ret = evs_repo_token(repo, backup->manifest.name, &token, &backup->token, err);
	if (ret || !backup->token)
		return ret;
	old = *evs_volume_token(backup->vol);
	return evs_volume_replace_token(backup->vol, &old, &token, err);
}

static int check_header(const struct evs_backup *backup, struct evs_error *err)
{
	const struct evs_record *record = &backup->manifest.record;
	char key[sizeof(backup->manifest.key)];

	if (strcmp(evs_volume_uuid(backup->vol), record->id))
		return evs_error_set(err, EBADMSG, "holds the header of disk %s, not of %s",
				     evs_volume_uuid(backup->vol), record->id);
	if (evs_volume_data_offset(backup->vol) + record->size > backup->manifest.bytes)
		return evs_error_set(err, EBADMSG, "its header and its manifest differ");
	evs_volume_key_hash(backup->vol, key);
	return strcmp(key, backup->manifest.key) ?
	       evs_error_set(err, EBADMSG, "its header has another data key than its manifest says") :
	       0;
}

static int load_header(struct evs_backup *backup, struct evs_repo *repo, struct evs_error *err)
{
	struct load load = { backup, EVS_DATA_OFFSET };
	int ret;

	ret = make_file(backup, err);
	if (!ret)
		ret = repo->ops->read(repo, &backup->manifest, 0, load_block, &load, err);
	if (ret < 0)
		return ret;
	ret = evs_volume_open(&backup->vol, &backup->dev, 0, err);
	if (!ret)
		ret = check_header(backup, err);
	return ret ? ret : take_token(backup, repo, err);
}

int evs_backup_open(struct evs_backup *backup, struct evs_repo *repo, const char *name, bool all,
		    struct evs_error *err)
{
	int ret;

	*backup = (struct evs_backup){ .dev.fd = -1 };
	ret = all && repo->ops->ahead ? repo->ops->ahead(repo, name, err) : 0;
	if (ret)
		return evs_error_prefix(err, "%s::%s", repo->config->name, name);
	ret = evs_repo_manifest(repo, name, &backup->manifest, err);
	if (ret)
		return ret;
	if (!backup->manifest.record.encrypted)
		return 0;
	ret = load_header(backup, repo, err);
	if (!ret)
		return 0;
	evs_backup_close(backup);
	return evs_error_prefix(err, "%s::%s", repo->config->name, name);
}

/**
 * struct passing - Blocks on their way from a repository to who wants them.
 * @manifest: their hashes
 * @each: who wants them
 * @arg: for @each
 */
struct passing {
	const struct evs_manifest *manifest;
	evs_repo_block_fn *each;
	void *arg;
};

static int pass_block(void *arg, uint64_t offset, const void *data, size_t length,
		      struct evs_error *err)
{
	const struct passing *passing = arg;
	int ret = evs_manifest_check(passing->manifest, (size_t)(offset / EVS_BLOCK), data, err);

	return ret ? ret : passing->each(passing->arg, offset, data, length, err);
}

/* They were compared when they were loaded. */
static int pass_loaded(const struct evs_backup *backup, size_t count, const struct passing *passing,
		       struct evs_error *err)
{
	char *buffer = malloc(EVS_BLOCK);
	size_t index, length;
	int ret = 0;

	if (!buffer)
		return evs_error_set(err, ENOMEM, "out of memory");
	for (index = 0; !ret && index < count; index++) {
		length = evs_manifest_block(&backup->manifest, index);
		ret = evs_device_read(&backup->dev, buffer, length, (uint64_t)index * EVS_BLOCK);
		if (ret)
			evs_error_set(err, -ret, "cannot read the header in memory: %s",
				      strerror(-ret));
		else
			ret = passing->each(passing->arg, (uint64_t)index * EVS_BLOCK, buffer,
					    length, err);
	}
	free(buffer);
	return ret;
}

int evs_backup_read(struct evs_backup *backup, struct evs_repo *repo, evs_repo_block_fn *each,
		    void *arg, struct evs_error *err)
{
	struct passing passing = { &backup->manifest, each, arg };
	size_t loaded = backup->vol ? EVS_DATA_OFFSET / EVS_BLOCK : 0;
	int ret;

	if (loaded > backup->manifest.block_count)
		loaded = backup->manifest.block_count;
	ret = pass_loaded(backup, loaded, &passing, err);
	return ret ? ret : repo->ops->read(repo, &backup->manifest, loaded, pass_block, &passing,
					   err);
}

void evs_backup_close(struct evs_backup *backup)
{
	evs_volume_close(backup->vol);
	if (backup->dev.fd >= 0)
		close(backup->dev.fd);
	evs_manifest_free(&backup->manifest);
	backup->vol = NULL;
	backup->dev.fd = -1;
}
