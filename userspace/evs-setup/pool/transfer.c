// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "pool/copy.h"
#include "progress.h"
#include "proof.h"
#include "qemu-img.h"
#include "temporary.h"
#include "transfer.h"

static int open_target(const struct transfer *transfer, const char *path, char *node,
		       struct evs_device *dev, struct evs_error *err)
{
	if (transfer->work.record.encrypted && !transfer->adopted)
		return temporary_open(dev, node, path, false, NULL, err);
	return evs_device_open(dev, path, O_RDWR, err);
}

/* Only an encrypted object does not read as zeros where nothing was written. */
static bool needs_zeros(const struct transfer *transfer)
{
	return transfer->zero && transfer->work.record.encrypted;
}

/* The source may end within a block. */
static int pad(const struct transfer *transfer, const struct evs_device *dev,
	       struct evs_error *err)
{
	static const char zeros[EVS_RANGE_ALIGN];
	uint64_t end = transfer->ranges->size;
	int ret;

	if (!needs_zeros(transfer) || end == transfer->req.size)
		return 0;
	ret = evs_device_write(dev, zeros, (size_t)(transfer->req.size - end), end);
	if (!ret)
		ret = evs_device_sync(dev);
	return ret ? evs_error_set(err, -ret, "%s: cannot be written at byte %" PRIu64 ": %s",
				   dev->path, end, strerror(-ret)) : 0;
}

static int copy_to(struct transfer *transfer, const struct evs_device *dev,
		   struct evs_error *err)
{
	struct progress progress;
	const struct evs_copy copying = {
		.source = transfer->source,
		.target = dev,
		.ranges = transfer->ranges,
		.zero = needs_zeros(transfer),
		.progress = progress_tell,
		.arg = &progress,
	};
	int ret;

	progress_begin(&progress, transfer->target->text);
	if (transfer->qcow2)
		ret = qemu_img_read(transfer->source, dev->path, needs_zeros(transfer),
				    transfer->ranges->size, &progress, err);
	else
		ret = evs_copy(&copying, err);
	progress_end(&progress);
	return ret ? ret : pad(transfer, dev, err);
}

static int copy(struct transfer *transfer, const char *path, struct evs_error *err)
{
	char node[PATH_MAX];
	struct evs_device dev;
	int ret;

	ret = open_target(transfer, path, node, &dev, err);
	if (ret)
		return ret;
	ret = transfer->feed ? transfer->feed(transfer->arg, &dev, err) :
	      copy_to(transfer, &dev, err);
	evs_device_close(&dev);
	if (!ret && transfer->adopted)
		ret = identity_write(&transfer->identity, transfer->adopted, path, err);
	return ret;
}

/* With the lock, but for the copy itself */
int transfer_fill(struct transfer *transfer, struct evs_error *err)
{
	struct evs_pool *pool = &transfer->target->pool;
	const struct evs_object *object = &transfer->work.object;
	struct evs_error ignored = {};
	char path[PATH_MAX];
	int ret, released;

	ret = pool->ops->activate(pool, object, true, path, sizeof(path), err);
	if (ret)
		return ret;
	evs_pool_unlock(pool);
	ret = copy(transfer, path, err);
	released = temporary_release(pool, object, ret ? &ignored : err);
	if (!ret)
		ret = released;
	return ret ? ret : evs_pool_lock(pool, err);
}

static int create(struct transfer *transfer, const struct evs_token *token,
		  const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_pool *pool = &transfer->target->pool;
	struct evs_unfinished *work = &transfer->work;

	if (!transfer->adopted)
		return create_blank(transfer->target, &transfer->req, work, token, dk, err);
	return pool->ops->create(pool, &work->object, transfer->req.size +
				 evs_volume_data_offset(transfer->adopted), &work->record, err);
}

static int make(struct transfer *transfer, const struct evs_token *token,
		const struct evs_secret *dk, struct evs_error *err)
{
	struct target *target = transfer->target;
	struct evs_pool *pool = &target->pool;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = create_check(target, &transfer->req, err);
	if (!ret)
		ret = create(transfer, token, dk, err);
	if (!ret)
		ret = transfer_fill(transfer, err);
	return ret ? ret : evs_pool_commit(pool, &transfer->work, &target->object, err);
}

static int ask_kms(struct transfer *transfer, struct evs_token *token, struct evs_secret *dk,
		   struct evs_error *err)
{
	struct evs_record *record = &transfer->work.record;

	if (!transfer->adopted)
		return create_ask_kms(transfer->target, &transfer->req, record, token, dk, err);
	record->encrypted = true;
	strcpy(record->kms, transfer->identity.new.kms);
	strcpy(record->cmk, transfer->identity.new.cmk);
	return 0;
}

int transfer_run(struct transfer *transfer, struct evs_error *err)
{
	struct evs_secret *dk = NULL;
	struct evs_token token;
	int ret;

	ret = create_check(transfer->target, &transfer->req, err);
	if (ret)
		return ret;
	transfer->work.record.size = transfer->req.size;
	if (!transfer->req.plain) {
		dk = evs_secret_alloc(EVS_DK_SIZE);
		ret = dk ? ask_kms(transfer, &token, dk, err) :
		      evs_error_set(err, ENOMEM, "cannot lock memory for the data key: %m");
	}
	if (!ret && !transfer->req.dry_run)
		ret = make(transfer, &token, dk, err);
	evs_secret_free(dk);
	return ret;
}

/* ---- from an object ---- */

int transfer_ranges(struct evs_pool *pool, const struct evs_pool_entry *entry,
		    struct evs_ranges *ranges, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	ranges->size = entry->record.size;
	if (entry->record.encrypted) {
		ret = proof_read(pool, entry, &vol, err);
		if (ret)
			return ret;
		ranges->skip = evs_volume_data_offset(vol);
		evs_volume_close(vol);
	}
	return pool->ops->allocated(pool, &entry->object, evs_ranges_add, ranges, err);
}

/* Killed or not, nothing stays attached: see temporary_open(). */
int transfer_from(struct transfer *transfer, struct evs_pool *pool,
		  const struct evs_pool_entry *entry,
		  int (*run)(struct transfer *transfer, struct evs_error *err),
		  struct evs_error *err)
{
	char path[PATH_MAX], node[PATH_MAX];
	struct evs_error ignored = {};
	struct evs_device source;
	int ret;

	ret = pool->ops->activate(pool, &entry->object, false, path, sizeof(path), err);
	if (ret)
		return ret;
	ret = entry->record.encrypted ? temporary_open(&source, node, path, true, pool, err) :
	      evs_device_open(&source, path, O_RDONLY, err);
	evs_pool_unlock(pool);
	if (!ret) {
		transfer->source = &source;
		ret = run(transfer, err);
		evs_device_close(&source);
	}
	temporary_release(pool, &entry->object, &ignored);
	return ret;
}
