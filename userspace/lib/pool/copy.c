// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Some threads, each with a buffer of its own: they take piece after piece, so that
 * as many are under way at a time, of which some are read while others are written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/copy.h"

#define PIECE ((size_t)1 << 20)
#define THREADS 8
#define PROGRESS_MS 1000
#define LOOK_MS 100		/* how long the end of the last piece may go unnoticed */

/**
 * struct piece - What one thread does at a time.
 * @offset: its first byte
 * @length: its bytes, up to PIECE
 * @hole: it is not read: zeros are written
 */
struct piece {
	uint64_t offset;
	size_t length;
	bool hole;
};

/**
 * struct work - What the threads share.
 * @copy: what is asked
 * @end: up to here, what can be copied by direct I/O
 * @mutex: over all that follows
 * @ended: a thread has ended
 * @next: where the next piece begins
 * @range: the range in which, or after which, that is
 * @written: bytes that are written
 * @running: threads that have not ended
 * @stop: they are to end
 * @err: the first failure
 */
struct work {
	const struct evs_copy *copy;
	uint64_t end;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	uint64_t next;
	size_t range;
	uint64_t written;
	unsigned int running;
	bool stop;
	struct evs_error err;
};

/* ---- pieces ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Returns false when there is none any more. The mutex is held. */
static bool take_piece(struct work *work, struct piece *piece)
{
	const struct evs_ranges *ranges = work->copy->ranges;
	const struct evs_range *range;
	uint64_t until;

	while (work->range < ranges->count &&
	       work->next >= ranges->range[work->range].offset + ranges->range[work->range].length)
		work->range++;
	range = work->range < ranges->count ? &ranges->range[work->range] : NULL;
	piece->hole = !range || work->next < range->offset;
	if (piece->hole && !work->copy->zero)
		work->next = range ? range->offset : work->end;
	piece->hole = piece->hole && work->copy->zero;
	until = work->end;
	if (range)
		until = least(until, piece->hole ? range->offset : range->offset + range->length);
	if (work->stop || work->next >= until)
		return false;
	piece->offset = work->next;
	piece->length = (size_t)least(until - work->next, PIECE);
	work->next += piece->length;
	return true;
}

static void fail(struct work *work, const struct evs_device *dev, const char *does,
		 uint64_t offset, int errnum)
{
	pthread_mutex_lock(&work->mutex);
	work->stop = true;
	if (!work->err.errnum)
		evs_error_set(&work->err, errnum, "%s: cannot %s at byte %" PRIu64 ": %s",
			      dev->path, does, offset, strerror(errnum));
	pthread_mutex_unlock(&work->mutex);
}

/* evs_device_read() makes zeros of what is behind the end: here that is an error. */
static int read_all(const struct evs_device *dev, char *data, size_t len, uint64_t offset)
{
	ssize_t got;

	while (len) {
		got = pread(dev->fd, data, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ENODATA;
		data += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static bool copy_piece(struct work *work, const struct piece *piece, char *buffer)
{
	const struct evs_copy *copy = work->copy;
	int ret = 0;

	if (piece->hole)
		memset(buffer, 0, piece->length);
	else
		ret = read_all(copy->source, buffer, piece->length, piece->offset);
	if (ret) {
		fail(work, copy->source, "be read", piece->offset, -ret);
		return false;
	}
	ret = evs_device_write(copy->target, buffer, piece->length, piece->offset);
	if (ret)
		fail(work, copy->target, "be written", piece->offset, -ret);
	return !ret;
}

static void copy_pieces(struct work *work, char *buffer)
{
	struct piece piece;
	bool more;

	pthread_mutex_lock(&work->mutex);
	while (take_piece(work, &piece)) {
		pthread_mutex_unlock(&work->mutex);
		more = copy_piece(work, &piece, buffer);
		pthread_mutex_lock(&work->mutex);
		if (!more)
			break;
		work->written += piece.length;
	}
	pthread_mutex_unlock(&work->mutex);
}

/* ---- threads ---- */

static void copy_rest(struct work *work)
{
	char *buffer;
	int ret;

	ret = posix_memalign((void **)&buffer, EVS_RANGE_ALIGN, PIECE);
	if (ret) {
		fail(work, work->copy->source, "be copied", work->next, ret);
		return;
	}
	copy_pieces(work, buffer);
	free(buffer);
}

static void *run(void *arg)
{
	struct work *work = arg;

	copy_rest(work);
	pthread_mutex_lock(&work->mutex);
	work->running--;
	pthread_cond_signal(&work->ended);
	pthread_mutex_unlock(&work->mutex);
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_a_moment(struct work *work)
{
	struct timespec until;
	uint64_t ms = now_ms() + LOOK_MS;

	until.tv_sec = (time_t)(ms / 1000);
	until.tv_nsec = (long)(ms % 1000) * 1000000;
	pthread_cond_timedwait(&work->ended, &work->mutex, &until);
}

static int tell(const struct evs_copy *copy, uint64_t done, uint64_t total,
		struct evs_error *err)
{
	return copy->progress ? copy->progress(copy->arg, done, total, err) : 0;
}

/* Waits for the threads, and tells how far they are. The mutex is held. */
static void watch(struct work *work, uint64_t total)
{
	uint64_t told = now_ms(), written;
	struct evs_error err = {};
	int ret;

	while (work->running) {
		wait_a_moment(work);
		if (work->stop || now_ms() - told < PROGRESS_MS)
			continue;
		told = now_ms();
		written = work->written;
		pthread_mutex_unlock(&work->mutex);
		ret = tell(work->copy, written, total, &err);
		pthread_mutex_lock(&work->mutex);
		if (!ret)
			continue;
		work->stop = true;
		if (!work->err.errnum)
			work->err = err;
	}
}

static int run_threads(struct work *work, uint64_t total, struct evs_error *err)
{
	pthread_t thread[THREADS];
	unsigned int count = 0, i;
	int ret = 0;

	pthread_mutex_lock(&work->mutex);
	while (count < THREADS && !ret) {
		ret = pthread_create(&thread[count], NULL, run, work);
		count += !ret;
	}
	work->running = count;
	/* Fewer threads do as well, if it takes longer. */
	if (!count)
		evs_error_set(&work->err, ret, "cannot start a thread: %s", strerror(ret));
	watch(work, total);
	pthread_mutex_unlock(&work->mutex);
	for (i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	if (work->err.errnum)
		*err = work->err;
	return -work->err.errnum;
}

/* ---- the copy ---- */

/* Without the page cache, where the file system permits it */
static void set_direct(const struct evs_device *dev, bool on)
{
	int flags = fcntl(dev->fd, F_GETFL);

	if (flags >= 0)
		fcntl(dev->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

static int check_size(const struct evs_device *dev, uint64_t needed, struct evs_error *err)
{
	unsigned int block_size;
	uint64_t size;
	int ret;

	ret = evs_device_size(dev, &size, &block_size, err);
	if (ret || size >= needed)
		return ret;
	return evs_error_set(err, ENOSPC, "%s: has %" PRIu64 " bytes, which are fewer than %" PRIu64,
			     dev->path, size, needed);
}

/* The last bytes may be no whole block. */
static int copy_all(struct work *work, uint64_t total, struct evs_error *err)
{
	const struct evs_copy *copy = work->copy;
	uint64_t size = copy->ranges->size;
	int ret;

	set_direct(copy->source, true);
	set_direct(copy->target, true);
	work->end = size / EVS_RANGE_ALIGN * EVS_RANGE_ALIGN;
	ret = run_threads(work, total, err);
	set_direct(copy->source, false);
	set_direct(copy->target, false);
	if (ret || work->end == size)
		return ret;
	work->end = size;
	copy_rest(work);
	if (work->err.errnum)
		*err = work->err;
	return -work->err.errnum;
}

int evs_copy(const struct evs_copy *copy, struct evs_error *err)
{
	uint64_t total = copy->zero ? copy->ranges->size : evs_ranges_bytes(copy->ranges);
	struct work work = { .copy = copy };
	pthread_condattr_t attr;
	int ret;

	ret = check_size(copy->source, copy->ranges->size, err);
	if (!ret)
		ret = check_size(copy->target, copy->ranges->size, err);
	if (!ret)
		ret = tell(copy, 0, total, err);
	if (ret)
		return ret;
	pthread_mutex_init(&work.mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&work.ended, &attr);
	pthread_condattr_destroy(&attr);
	ret = copy_all(&work, total, err);
	pthread_cond_destroy(&work.ended);
	pthread_mutex_destroy(&work.mutex);
	if (ret)
		return ret;
	ret = copy->more ? 0 : evs_device_sync(copy->target);
	if (ret)
		return evs_error_set(err, -ret, "%s: cannot be written to the medium: %s",
				     copy->target->path, strerror(-ret));
	return tell(copy, total, total, err);
}
