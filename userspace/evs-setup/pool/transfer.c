// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>

#include "pool/copy.h"
#include "progress.h"
#include "temporary.h"
#include "transfer.h"

static int open_target(const struct transfer *transfer, const char *path, char *node,
		       struct evs_device *dev, struct evs_error *err)
{
	if (transfer->work.record.encrypted)
		return temporary_open(dev, node, path, false, err);
	return evs_device_open(dev, path, O_RDWR, err);
}

static int copy(struct transfer *transfer, const char *path, struct evs_error *err)
{
	char node[PATH_MAX];
	struct progress progress;
	struct evs_device dev;
	struct evs_copy copying = {
		.source = transfer->source,
		.target = &dev,
		.ranges = transfer->ranges,
		/* Only an encrypted object does not read as zeros where nothing was written. */
		.zero = transfer->zero && transfer->work.record.encrypted,
		.progress = progress_tell,
		.arg = &progress,
	};
	int ret;

	ret = open_target(transfer, path, node, &dev, err);
	if (ret)
		return ret;
	progress_begin(&progress, transfer->target->text);
	ret = evs_copy(&copying, err);
	progress_end(&progress);
	evs_device_close(&dev);
	return ret;
}

/* With the lock, but for the copy itself */
static int fill(struct transfer *transfer, struct evs_error *err)
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
		ret = create_blank(target, &transfer->req, &transfer->work, token, dk, err);
	if (!ret)
		ret = fill(transfer, err);
	return ret ? ret : evs_pool_commit(pool, &transfer->work, &target->object, err);
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
		ret = dk ? create_ask_kms(transfer->target, &transfer->req,
					  &transfer->work.record, &token, dk, err) :
		      evs_error_set(err, ENOMEM, "cannot lock memory for the data key: %m");
	}
	if (!ret && !transfer->req.dry_run)
		ret = make(transfer, &token, dk, err);
	evs_secret_free(dk);
	return ret;
}
