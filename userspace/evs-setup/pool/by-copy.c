// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "block/claim.h"
#include "by-copy.h"
#include "cli/cli.h"
#include "pool/copy.h"
#include "pool/ranges.h"
#include "progress.h"

/* ---- the data ---- */

static int copy_all(struct evs_pool *pool, const struct evs_pool_entry *disk,
		    const struct evs_device *from, const struct evs_device *to, const char *what,
		    struct evs_error *err)
{
	struct evs_ranges ranges = { .size = disk->bytes };
	struct progress progress;
	const struct evs_copy copy = {
		.source = from,
		.target = to,
		.ranges = &ranges,
		.progress = progress_tell,
		.arg = &progress,
	};
	int ret;

	progress_begin(&progress, what);
	/* To open a file that is claimed is to wait until the kernel takes the claim away. */
	ret = from->is_file ? evs_ranges_walk(from->fd, evs_ranges_add, &ranges, err) :
	      pool->ops->allocated(pool, &disk->object, evs_ranges_add, &ranges, err);
	if (!ret)
		ret = evs_copy(&copy, err);
	progress_end(&progress);
	evs_ranges_free(&ranges);
	return ret;
}

static int fill(struct evs_pool *pool, const struct evs_pool_entry *source,
		const struct evs_unfinished *work, const struct evs_device *from,
		const char *what, struct evs_error *err)
{
	struct evs_error relock = {};
	struct evs_device to;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->activate(pool, &work->object, true, path, sizeof(path), err);
	if (!ret)
		ret = evs_device_open(&to, path, O_RDWR, err);
	if (ret)
		return ret;
	evs_pool_unlock(pool);
	ret = copy_all(pool, source, from, &to, what, err);
	evs_device_close(&to);
	if (evs_pool_lock(pool, &relock)) {
		if (!ret)
			*err = relock;
		return ret ? ret : -relock.errnum;
	}
	return ret ? ret : pool->ops->deactivate(pool, &work->object, err);
}

/* ---- the source ---- */

static int fill_from_disk(struct evs_pool *pool, const struct evs_pool_entry *disk,
			  const struct evs_unfinished *work, const char *path, const char *what,
			  struct evs_error *err)
{
	struct claim claim;
	int ret;

	ret = claim_open(&claim, path, err);
	if (ret)
		return ret;
	ret = fill(pool, disk, work, &claim.dev, what, err);
	if (!ret)
		ret = claim_confirm(&claim, err);
	claim_close(&claim);
	return ret;
}

/* It does not change. */
static int fill_from_other(struct evs_pool *pool, const struct evs_pool_entry *source,
			   const struct evs_unfinished *work, const char *path,
			   const char *what, struct evs_error *err)
{
	struct evs_device dev;
	int ret;

	ret = evs_device_open(&dev, path, O_RDONLY, err);
	if (ret)
		return ret;
	ret = fill(pool, source, work, &dev, what, err);
	evs_device_close(&dev);
	return ret;
}

int copy_data(struct evs_pool *pool, const struct evs_pool_entry *source,
	      const struct evs_unfinished *work, const char *what, struct evs_error *err)
{
	struct evs_error ignored = {};
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->create(pool, &work->object, source->bytes, &work->record, err);
	if (!ret)
		ret = pool->ops->activate(pool, &source->object, false, path, sizeof(path), err);
	if (ret)
		return ret;
	ret = source->object.kind == EVS_KIND_DISK ?
	      fill_from_disk(pool, source, work, path, what, err) :
	      fill_from_other(pool, source, work, path, what, err);
	pool->ops->deactivate(pool, &source->object, &ignored);
	return ret;
}

/* ---- the snapshot ---- */

int copy_snapshot(struct target *target, const struct evs_pool_entry *disk,
		  const struct evs_record *record, struct evs_error *err)
{
	struct evs_unfinished work;
	char maker[EVS_MAKER_SIZE];
	int ret;

	ret = evs_pool_begin(&work, EVS_KIND_SNAPSHOT, err);
	if (ret)
		return ret;
	strcpy(maker, work.record.maker);
	work.record = *record;
	strcpy(work.record.maker, maker);
	ret = copy_data(&target->pool, disk, &work, target->text, err);
	if (!ret)
		ret = evs_pool_commit(&target->pool, &work, &target->object, err);
	evs_pool_abandon(&target->pool, &work);
	return ret;
}
