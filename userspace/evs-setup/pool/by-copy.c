// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "block/claim.h"
#include "by-copy.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "pool/copy.h"
#include "pool/ranges.h"

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/**
 * struct copy - A copy that is under way.
 * @what: what it makes, for messages
 * @begun: when it began
 */
struct copy {
	const char *what;
	time_t begun;
};

/* ---- how far it is ---- */

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void tell(const struct copy *copy, uint64_t bytes, uint64_t total)
{
	char done[16], all[16], rate[16];
	uint64_t taken = (uint64_t)(now() - copy->begun), speed = bytes / (taken ? taken : 1);

	if (cli_settings()->quiet)
		return;
	if (!isatty(STDERR_FILENO)) {
		fprintf(stderr, "{\"bytes\":%" PRIu64 ",\"total\":%" PRIu64 ",\"rate\":%" PRIu64 "}\n",
			bytes, total, speed);
		return;
	}
	table_size(done, sizeof(done), bytes);
	table_size(all, sizeof(all), total);
	table_size(rate, sizeof(rate), speed);
	fprintf(stderr, "\r%s: %s of %s, %s/s, %" PRIu64 " s left \033[K%s", copy->what, done, all,
		rate, speed ? (total - bytes) / speed : 0, bytes == total ? "\n" : "");
}

/* ---- the data ---- */

static int progress(void *arg, uint64_t done, uint64_t total, struct evs_error *err)
{
	struct copy *copy = arg;

	if (interrupted)
		return evs_error_set(err, ECANCELED, "interrupted; nothing was made");
	tell(copy, done, total);
	return 0;
}

static int copy_all(struct evs_pool *pool, const struct evs_pool_entry *disk,
		    const struct evs_device *from, const struct evs_device *to, const char *what,
		    struct evs_error *err)
{
	const struct sigaction note = { .sa_handler = note_signal };
	struct evs_ranges ranges = { .size = disk->bytes };
	struct copy state = { .what = what, .begun = now() };
	const struct evs_copy copy = {
		.source = from,
		.target = to,
		.ranges = &ranges,
		.progress = progress,
		.arg = &state,
	};
	struct sigaction on_int, on_term;
	int ret;

	sigaction(SIGINT, &note, &on_int);
	sigaction(SIGTERM, &note, &on_term);
	ret = pool->ops->allocated(pool, &disk->object, evs_ranges_add, &ranges, err);
	if (!ret)
		ret = evs_copy(&copy, err);
	sigaction(SIGINT, &on_int, NULL);
	sigaction(SIGTERM, &on_term, NULL);
	evs_ranges_free(&ranges);
	return ret;
}

/* ---- the snapshot ---- */

static int fill(struct target *target, const struct evs_pool_entry *disk,
		const struct evs_unfinished *work, const struct claim *source,
		struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
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
	ret = copy_all(pool, disk, &source->dev, &to, target->text, err);
	evs_device_close(&to);
	if (evs_pool_lock(pool, &relock)) {
		if (!ret)
			*err = relock;
		return ret ? ret : -relock.errnum;
	}
	return ret ? ret : pool->ops->deactivate(pool, &work->object, err);
}

static int make(struct target *target, const struct evs_pool_entry *disk,
		struct evs_unfinished *work, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	struct claim source;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->create(pool, &work->object, disk->bytes, &work->record, err);
	if (!ret)
		ret = pool->ops->activate(pool, &disk->object, false, path, sizeof(path), err);
	if (!ret)
		ret = claim_open(&source, path, err);
	if (ret)
		return ret;
	ret = fill(target, disk, work, &source, err);
	if (!ret)
		ret = claim_confirm(&source, err);
	claim_close(&source);
	return ret ? ret : evs_pool_commit(pool, work, &target->object, err);
}

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
	ret = make(target, disk, &work, err);
	evs_pool_abandon(&target->pool, &work);
	return ret;
}
