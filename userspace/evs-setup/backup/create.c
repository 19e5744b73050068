// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backup create: what is below evs is read, from something that nobody writes to, and
 * kept as it is. Of an encrypted disk that takes no key and no KMS.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "base.h"
#include "pool/progress.h"
#include "pool/take.h"
#include "pool/temporary.h"
#include "ref.h"
#include "text.h"

#define NAMES 100	/* for backups of one disk in one second */

static const struct verb_option options[] = {
	{ "no-freeze", VERB_LONG('f'), NULL, WORD_NONE,
	  "do not freeze file systems: the backup is as after a\npower failure" },
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "check everything, make nothing" },
	{},
};

/**
 * struct backup - A backup that is made.
 * @target: the disk, or a snapshot of it
 * @entry: the same, as it was found
 * @ref: the repository
 * @no_freeze: do not have the disk hold still
 * @dry_run: make nothing
 * @take: the snapshot of a disk
 * @source: the object that is read
 * @base: what the repository and the pool have of the disk already
 * @manifest: what is known of the backup
 * @allocated: what is written in the object
 */
struct backup {
	struct target target;
	struct evs_pool_entry entry;
	struct ref ref;
	bool no_freeze;
	bool dry_run;
	struct take take;
	struct evs_object source;
	struct base base;
	struct evs_manifest manifest;
	struct evs_ranges allocated;
};

/* ---- looking ---- */

static int refuse_plain(const struct backup *backup, struct evs_error *err)
{
	const char *repo = backup->ref.repo.config->name;

	if (backup->entry.record.encrypted || backup->ref.repo.config->plain)
		return 0;
	return evs_error_set(err, EPERM,
			     "%s: is plain, and would lie unencrypted in repository %s; to permit that, add plain = yes to [repo %s] of %s",
			     backup->target.text, repo, repo, evs_config_path());
}

/* Of a disk, a snapshot is made, to be kept or for this alone. */
static int look_take(struct backup *backup, struct evs_error *err)
{
	const struct evs_pool_entry *entry = &backup->entry;
	struct take *take = &backup->take;
	int ret;

	if (entry->object.kind == EVS_KIND_SNAPSHOT)
		return 0;
	take->text = backup->target.text;
	take->pool = &backup->target.pool;
	take->name = backup->base.keep ? &backup->base.kept : &entry->object;
	evs_pool_snapshot_record(&take->record, &entry->record);
	ret = take_look(take, &backup->target, entry, err);
	return ret ? evs_error_prefix(err, "%s", backup->target.text) : 0;
}

/* With the lock of the pool */
static int look(struct backup *backup, struct evs_error *err)
{
	struct target *target = &backup->target;

	if (target_find(target, &backup->entry, err) ||
	    target_refuse_rollback(target, &backup->entry.record, err) ||
	    refuse_plain(backup, err) || evs_pool_room(&target->pool, 0, err))
		return -err->errnum;
	if (base_find(&backup->base, &backup->ref.repo, target, &backup->entry, err))
		return -err->errnum;
	return look_take(backup, err);
}

/* ---- what is read ---- */

/* A snapshot does not change. */
static int take_source(struct backup *backup, struct evs_error *err)
{
	const struct freeze_options how = { .timeout = FREEZE_TIMEOUT };
	const struct evs_pool_entry *entry = &backup->entry;
	struct take *take = &backup->take;
	int ret;

	if (entry->object.kind == EVS_KIND_SNAPSHOT) {
		backup->source = entry->object;
		return 0;
	}
	if (backup->base.keep)
		strcpy(backup->manifest.snapshot, backup->base.kept.snapshot);
	ret = take_all(take, 1, backup->no_freeze ? NULL : &how, err);
	if (ret)
		return ret;
	backup->manifest.record.consistent = take->record.consistent;
	backup->source = take->snapshot.name;
	return 0;
}

/* ---- reading ---- */

/* What the header says counts, and not a record that may be older. */
static int read_header(struct backup *backup, const struct evs_device *dev, struct evs_error *err)
{
	struct evs_record *record = &backup->manifest.record;
	struct evs_volume *vol;
	int ret;

	if (!record->encrypted)
		return 0;
	ret = evs_volume_open(&vol, dev, 0, err);
	if (ret)
		return ret;
	strcpy(record->kms, evs_volume_token(vol)->kms);
	strcpy(record->cmk, evs_volume_token(vol)->cmk);
	evs_volume_key_hash(vol, backup->manifest.key);
	evs_volume_close(vol);
	return 0;
}

static int stream(struct backup *backup, const struct evs_device *dev, struct evs_error *err)
{
	struct evs_repo *repo = &backup->ref.repo;
	struct progress progress;
	struct evs_source source = {
		.dev = dev,
		.allocated = &backup->allocated,
		.changed = backup->base.has_changed ? &backup->base.changed : NULL,
		.base = backup->base.found ? &backup->base.manifest : NULL,
		.progress = progress_tell,
		.arg = &progress,
	};
	unsigned int number = 1;
	int ret;

	ret = evs_manifest_size(&backup->manifest, err);
	if (!ret)
		ret = read_header(backup, dev, err);
	if (ret)
		return ret;
	progress_begin(&progress, backup->target.text);
	do {
		ret = repo->ops->create(repo, &backup->manifest, &source, err);
		if (ret != -EEXIST || repo->ops->layers)
			break;
		base_rename(&backup->manifest, ++number);
	} while (number < NAMES);
	progress_end(&progress);
	return ret ? evs_error_prefix(err, "repository %s", repo->config->name) : 0;
}

/* With the lock of the pool, but for the reading itself */
static int read_source(struct backup *backup, struct evs_error *err)
{
	struct evs_pool *pool = &backup->target.pool;
	struct evs_error relock = {};
	struct evs_device dev;
	char path[PATH_MAX];
	int ret;

	backup->allocated.size = backup->entry.bytes;
	ret = pool->ops->allocated(pool, &backup->source, evs_ranges_add, &backup->allocated, err);
	if (!ret)
		ret = base_changed(&backup->base, pool, &backup->source, backup->entry.bytes, err);
	if (!ret)
		ret = pool->ops->activate(pool, &backup->source, false, path, sizeof(path), err);
	if (!ret)
		ret = evs_device_open(&dev, path, O_RDONLY, err);
	if (ret)
		return ret;
	evs_pool_unlock(pool);
	ret = stream(backup, &dev, err);
	evs_device_close(&dev);
	if (evs_pool_lock(pool, &relock)) {
		if (!ret)
			*err = relock;
		return ret ? ret : -relock.errnum;
	}
	return ret;
}

/* ---- making ---- */

static void fill_manifest(struct backup *backup)
{
	struct evs_manifest *manifest = &backup->manifest;
	struct evs_object disk = backup->entry.object;

	manifest->record = backup->entry.record;
	disk.kind = EVS_KIND_DISK;
	disk.snapshot[0] = '\0';
	evs_object_text(manifest->disk, backup->target.pool.config->name, &disk);
	/* A plain snapshot has a UUID of its own: the backup is one of the disk. */
	if (backup->entry.object.kind == EVS_KIND_SNAPSHOT)
		strcpy(manifest->record.id, backup->entry.record.from);
	else
		manifest->record.made = time(NULL);
	manifest->bytes = backup->entry.bytes;
	base_name(&backup->base, &backup->target.pool, manifest);
}

static int print(const struct backup *backup, struct evs_error *err)
{
	const struct evs_record *record = &backup->manifest.record;
	const char *repo = backup->ref.repo.config->name, *name = backup->manifest.name;
	char text[REF_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s::%s", repo, name);
	if (cli_settings()->json)
		return out_texts("backups", err, "name", text, "disk", backup->manifest.disk, "uuid",
				 record->id, "attribute", record->encrypted ? "encrypted" : "plain",
				 "kms", record->kms, "cmk", record->cmk, NULL);
	evs_text_line(stdout, "%s %s %s", text, record->id,
		      record->encrypted ? record->cmk : "plain");
	return 0;
}

static int make(struct backup *backup, struct evs_error *err)
{
	struct evs_pool *pool = &backup->target.pool;
	struct evs_error ignored = {};
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = look(backup, err);
	if (ret)
		return ret;
	if (backup->dry_run) {
		cli_note("backup create: nothing was made, as --dry-run is given");
		return 0;
	}
	fill_manifest(backup);
	ret = take_source(backup, err);
	if (!ret)
		ret = read_source(backup, err);
	if (*backup->source.name)
		temporary_release(pool, &backup->source, &ignored);
	base_settle(&backup->base, pool, &backup->entry.object, !ret);
	return ret;
}

static int run_backup(struct backup *backup, struct evs_error *err)
{
	int ret;

	backup->take.snapshot.work.lock.fd = -1;
	ret = make(backup, err);
	evs_pool_abandon(&backup->target.pool, &backup->take.snapshot.work);
	evs_ranges_free(&backup->allocated);
	base_free(&backup->base);
	if (!ret && !backup->dry_run)
		ret = print(backup, err);
	evs_manifest_free(&backup->manifest);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct backup *backup = calloc(1, sizeof(*backup));
	int opt, ret;

	if (!backup)
		return evs_error_set(err, ENOMEM, "out of memory");
	while ((opt = cli_option(argc, argv, err)) > 0) {
		backup->no_freeze |= opt == VERB_LONG('f');
		backup->dry_run |= opt == VERB_LONG('n');
	}
	ret = opt;
	if (!ret && argc - optind != 2)
		ret = evs_error_set(err, EINVAL, "two operands are needed: the disk, and the repository");
	if (!ret)
		ret = target_open(&backup->target, argv[optind], strchr(argv[optind], '@') ?
				  EVS_KIND_SNAPSHOT : EVS_KIND_DISK, err);
	if (!ret) {
		ret = ref_open(&backup->ref, argv[optind + 1], REF_REPO, err);
		if (!ret) {
			ret = run_backup(backup, err);
			ref_close(&backup->ref);
		}
		target_close(&backup->target);
	}
	free(backup);
	return ret;
}

const struct verb verb_backup_create = {
	.name = "backup create",
	.args = "[OPTION...] POOL/DISK[@SNAPSHOT] REPO",
	.brief = "back a disk up, or a snapshot of it",
	.options = options,
	.notes = "The disk may be in use: file systems on it are frozen for a moment. What is encrypted\n"
		 "is backed up as it is, with its header: no KMS is asked. Prints the backup, the UUID\n"
		 "of the disk, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_POOL_DISK, WORD_REPO },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
