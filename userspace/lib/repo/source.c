// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "repo/source.h"

#define PROGRESS_MS 1000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int tell(struct evs_reader *reader, bool always, struct evs_error *err)
{
	const struct evs_source *source = reader->source;
	uint64_t now = now_ms();

	if (!source->progress || (!always && now - reader->told < PROGRESS_MS))
		return 0;
	reader->told = now;
	return source->progress(source->arg, reader->done, reader->manifest->bytes, err);
}

/* Without the page cache, where that is possible */
static void set_direct(const struct evs_reader *reader, bool on)
{
	int flags = fcntl(reader->source->dev->fd, F_GETFL);

	if (flags >= 0 && reader->manifest->bytes % EVS_RANGE_ALIGN == 0)
		fcntl(reader->source->dev->fd, F_SETFL,
		      on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int evs_reader_begin(struct evs_reader *reader, const struct evs_source *source,
		     struct evs_manifest *manifest, struct evs_error *err)
{
	*reader = (struct evs_reader){ .source = source, .manifest = manifest };
	if (posix_memalign(&reader->buffer, EVS_RANGE_ALIGN, EVS_BLOCK))
		return evs_error_set(err, ENOMEM, "out of memory");
	set_direct(reader, true);
	return tell(reader, true, err);
}

/* The blocks ascend, and so does the cursor. */
static bool touches(const struct evs_ranges *ranges, size_t *cursor, uint64_t offset,
		    size_t length)
{
	while (*cursor < ranges->count &&
	       ranges->range[*cursor].offset + ranges->range[*cursor].length <= offset)
		++*cursor;
	return *cursor < ranges->count && ranges->range[*cursor].offset < offset + length;
}

static int read_block(struct evs_reader *reader, size_t index, struct evs_error *err)
{
	const struct evs_source *source = reader->source;
	struct evs_manifest *manifest = reader->manifest;
	uint64_t offset = (uint64_t)index * EVS_BLOCK;
	size_t length = evs_manifest_block(manifest, index);
	bool allocated = touches(source->allocated, &reader->allocated, offset, length);
	int ret;

	if (source->base && source->changed && index < source->base->block_count &&
	    !touches(source->changed, &reader->changed, offset, length)) {
		memcpy(manifest->hashes + index * EVS_HASH_SIZE,
		       source->base->hashes + index * EVS_HASH_SIZE, EVS_HASH_SIZE);
		return EVS_BLOCK_BASE;
	}
	if (!allocated)
		return EVS_BLOCK_ZERO;
	ret = evs_device_read(source->dev, reader->buffer, length, offset);
	if (ret)
		return evs_error_set(err, -ret, "%s: cannot be read at byte %" PRIu64 ": %s",
				     source->dev->path, offset, strerror(-ret));
	ret = evs_manifest_hash(manifest, index, reader->buffer);
	if (ret < 0)
		return evs_error_set(err, ENOMEM, "out of memory");
	return ret ? EVS_BLOCK_DATA : EVS_BLOCK_ZERO;
}

int evs_reader_next(struct evs_reader *reader, size_t index, struct evs_error *err)
{
	int kind, ret;

	kind = read_block(reader, index, err);
	if (kind < 0)
		return kind;
	reader->done += evs_manifest_block(reader->manifest, index);
	ret = tell(reader, index + 1 == reader->manifest->block_count, err);
	return ret ? ret : kind;
}

void evs_reader_end(struct evs_reader *reader)
{
	set_direct(reader, false);
	free(reader->buffer);
}
