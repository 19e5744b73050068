// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create --from-backup. A backup comes as a stream, but a disk is decrypted where its
 * bytes have their places: so there is a file in memory as large as the disk, all of it
 * holes but for the header and a window of ciphertext, with a disk of the driver on it.
 * What was read from that goes to the target, and the window becomes a hole again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uuid.h>

#include "cli/cli.h"
#include "pool/copy.h"
#include "pool/progress.h"
#include "pool/temporary.h"
#include "pool/transfer.h"
#include "ref.h"
#include "restore.h"

#define WINDOW (8 * EVS_BLOCK)

/**
 * struct restore - A backup on its way into a pool.
 * @req: what is to be made
 * @ref: the backup
 * @backup: the same, open
 * @window: file in memory
 * @source: what is read: a disk on that file, or the file itself
 * @node: path of that disk
 * @transfer: the disk that is made
 * @to: what is written
 * @ranges: what is in the window
 * @start: where that begins
 * @progress: how far it is
 */
struct restore {
	const struct restore_request *req;
	struct ref ref;
	struct evs_backup backup;
	struct evs_device window;
	struct evs_device source;
	char node[PATH_MAX];
	struct transfer transfer;
	const struct evs_device *to;
	struct evs_ranges ranges;
	uint64_t start;
	struct progress progress;
};

/* Its bytes pass as they are: plain to plain, or with the data key they have */
static bool is_raw(const struct restore *restore)
{
	return !restore->backup.vol || restore->req->keep_key;
}

/* A plain disk promises zeros where nothing was written; ciphertext means nothing there. */
static bool needs_zeros(const struct restore *restore)
{
	return !restore->backup.vol && !restore->transfer.req.plain;
}

/* ---- the data ---- */

static uint64_t loaded(const struct restore *restore)
{
	return restore->backup.vol ? EVS_DATA_OFFSET : 0;
}

static int fill_window(struct restore *restore, uint64_t offset, const char *data, size_t length,
		       struct evs_error *err)
{
	bool all = needs_zeros(restore), here = offset < loaded(restore);
	size_t at, part;
	int ret = 0;

	for (at = 0; at < length && !ret; at += part) {
		part = length - at < EVS_CHUNK ? length - at : EVS_CHUNK;
		if (!all && (!data || evs_is_zero(data + at, part)))
			continue;
		ret = data && !here ? evs_device_write(&restore->window, data + at, part,
						       offset + at) : 0;
		if (ret)
			return evs_error_set(err, -ret, "no room in memory: %s", strerror(-ret));
		ret = evs_ranges_add(&restore->ranges, offset + at, part, err);
	}
	return ret;
}

static int empty_window(struct restore *restore, uint64_t end, struct evs_error *err)
{
	const struct evs_copy copy = {
		.source = &restore->source,
		.target = restore->to,
		.ranges = &restore->ranges,
		.more = true,
	};
	uint64_t start = restore->start;
	int ret = 0;

	if (restore->ranges.count)
		ret = evs_copy(&copy, err);
	evs_ranges_free(&restore->ranges);
	restore->start = end;
	if (start < loaded(restore))
		start = loaded(restore);
	if (!ret && end > start &&
	    fallocate(restore->window.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)start, (off_t)(end - start)))
		ret = evs_error_set(err, errno, "memory cannot be released: %m");
	return ret;
}

static int take_block(void *arg, uint64_t offset, const void *data, size_t length,
		      struct evs_error *err)
{
	struct restore *restore = arg;
	const struct evs_manifest *manifest = &restore->backup.manifest;
	uint64_t end = offset + length;
	int ret;

	ret = fill_window(restore, offset, data, length, err);
	if (!ret && (end - restore->start >= WINDOW || end == manifest->bytes))
		ret = empty_window(restore, end, err);
	return ret ? ret : progress_tell(&restore->progress, end, manifest->bytes, err);
}

static int feed(void *arg, const struct evs_device *to, struct evs_error *err)
{
	struct restore *restore = arg;
	struct evs_repo *repo = &restore->ref.repo;
	int ret;

	restore->to = to;
	progress_begin(&restore->progress, restore->transfer.target->text);
	ret = evs_backup_read(&restore->backup, repo, take_block, restore, err);
	if (!ret) {
		ret = evs_device_sync(to);
		if (ret)
			evs_error_set(err, -ret, "%s: cannot be written to the medium: %s",
				      to->path, strerror(-ret));
	}
	progress_end(&restore->progress);
	evs_ranges_free(&restore->ranges);
	return ret;
}

/* ---- the source ---- */

static int open_window(struct restore *restore, struct evs_error *err)
{
	if (restore->backup.vol) {
		restore->window = restore->backup.dev;
		return 0;
	}
	restore->window = (struct evs_device){ .path = restore->ref.text, .is_file = true };
	restore->window.fd = memfd_create("evs-restore", MFD_CLOEXEC);
	if (restore->window.fd >= 0 &&
	    !ftruncate(restore->window.fd, (off_t)restore->backup.manifest.bytes))
		return 0;
	return evs_error_set(err, errno, "cannot make a file in memory: %m");
}

static int open_source(struct restore *restore, struct evs_error *err)
{
	const struct evs_record *record = &restore->backup.manifest.record;
	const struct evs_volume *vol = restore->backup.vol;
	int ret = open_window(restore, err);
	char text[EVS_UUID_SIZE];
	uuid_t uuid;

	if (ret)
		return ret;
	restore->ranges.size = record->size;
	restore->source = restore->window;
	if (!vol)
		return 0;
	if (restore->req->keep_key)
		restore->ranges.size += evs_volume_data_offset(vol);
	else
		restore->ranges.skip = evs_volume_data_offset(vol);
	if (is_raw(restore) || restore->req->disk.dry_run)
		return 0;
	/* The disk itself may be attached. */
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, text);
	ret = evs_volume_set_uuid(restore->backup.vol, text, err);
	/* Asks the KMS of the backup before anything is made. */
	if (!ret)
		ret = temporary_open(&restore->source, restore->node, restore->backup.path, true,
				     NULL, err);
	return ret ? evs_error_prefix(err, "%s", restore->ref.text) : 0;
}

static void close_source(struct restore *restore)
{
	if (restore->source.fd >= 0 && restore->source.fd != restore->window.fd)
		evs_device_close(&restore->source);
	if (!restore->backup.vol && restore->window.fd >= 0)
		close(restore->window.fd);
}

/* ---- the disk ---- */

/* Without an option, the disk has the attribute and the CMK of the backup. */
static void inherit(struct restore *restore)
{
	struct create_request *req = &restore->transfer.req;
	const struct evs_token *token;

	*req = restore->req->disk;
	if (!req->size)
		req->size = restore->backup.manifest.record.size;
	if (req->plain || req->kms || req->cmk)
		return;
	req->plain = !restore->backup.vol;
	if (req->plain)
		return;
	token = evs_volume_token(restore->backup.vol);
	req->kms = token->kms;
	req->cmk = token->cmk;
}

static int check(const struct restore *restore, struct evs_error *err)
{
	uint64_t size = restore->transfer.req.size, least = restore->backup.manifest.record.size;
	const struct restore_request *req = restore->req;

	if (size < least)
		return evs_error_set(err, EINVAL,
				     "--size %llu: is less than the %llu bytes of %s: it can only be larger",
				     (unsigned long long)size, (unsigned long long)least,
				     restore->ref.text);
	if (req->keep_key && !restore->backup.vol)
		return evs_error_set(err, EINVAL, "--keep-key: %s is plain, and has no data key",
				     restore->ref.text);
	if (restore->transfer.req.plain && (req->disk.label || req->disk.sector_size))
		return evs_error_set(err, EINVAL,
				     "%s: is going to be plain, as %s is, and has no header for --label and --sector-size; --cmk encrypts it",
				     restore->transfer.target->text, restore->ref.text);
	return 0;
}

static int adopt(struct restore *restore, struct evs_error *err)
{
	struct transfer *transfer = &restore->transfer;

	if (!restore->req->keep_key)
		return 0;
	transfer->adopted = restore->backup.vol;
	transfer->identity.uuid = transfer->work.record.id;
	transfer->identity.label = restore->req->disk.label;
	return identity_make(&transfer->identity, &transfer->target->config, restore->backup.vol,
			     err);
}

static void advise(const struct restore *restore)
{
	const struct transfer *transfer = &restore->transfer;
	const char *text = transfer->target->text;

	if (transfer->req.plain && restore->backup.vol)
		cli_note("create: the data of %s %s unencrypted in %s", restore->ref.text,
			 transfer->req.dry_run ? "would lie" : "lies", text);
	if (transfer->req.dry_run)
		return;
	if (restore->req->keep_key)
		cli_note("create: %s: note: it has the data key of %s and of the disk that is a backup of",
			 text, restore->ref.text);
	if (transfer->req.size > restore->backup.manifest.record.size)
		cli_note("create: %s: note: it is larger than %s: move the second copy of a GPT to its end by sgdisk -e, then let partition and file system grow",
			 text, restore->ref.text);
}

static int make(struct restore *restore, struct evs_error *err)
{
	struct transfer *transfer = &restore->transfer;
	const struct evs_record *backup = &restore->backup.manifest.record;
	int ret;

	inherit(restore);
	ret = check(restore, err);
	if (!ret)
		ret = evs_pool_begin(&transfer->work, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	strcpy(transfer->work.record.from, backup->id);
	transfer->work.record.consistent = backup->consistent;
	ret = adopt(restore, err);
	if (!ret)
		ret = open_source(restore, err);
	if (!ret)
		ret = transfer_run(transfer, err);
	close_source(restore);
	evs_pool_abandon(&transfer->target->pool, &transfer->work);
	if (ret)
		return ret;
	if (!transfer->req.dry_run && !transfer->req.plain)
		target_copy_header(transfer->target);
	advise(restore);
	if (transfer->req.dry_run) {
		cli_note("create: nothing was made, as --dry-run is given");
		strcpy(transfer->work.record.id, "-");
	}
	return create_print(transfer->target->text, &transfer->work.record, err);
}

int restore_in_pool(struct target *target, const struct restore_request *req,
		    struct evs_error *err)
{
	struct restore *restore = calloc(1, sizeof(*restore));
	int ret;

	if (!restore)
		return evs_error_set(err, ENOMEM, "out of memory");
	restore->req = req;
	restore->source.fd = -1;
	restore->window.fd = -1;
	restore->transfer.target = target;
	restore->transfer.feed = feed;
	restore->transfer.arg = restore;
	ret = ref_open(&restore->ref, req->source, REF_BACKUP, err);
	if (!ret) {
		ret = evs_backup_open(&restore->backup, &restore->ref.repo, restore->ref.name, true, err);
		if (!ret) {
			ret = make(restore, err);
			evs_backup_close(&restore->backup);
		}
		ref_close(&restore->ref);
	}
	free(restore);
	return ret;
}
