// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the data of an object lies, and where that of two of them is not the same. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pool/dir/dir.h"
#include "pool/ranges.h"

/* ---- allocated ---- */

int evs_dir_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err)
{
	int fd = evs_dir_open_disk(pool, object, O_RDONLY, err), ret;

	if (fd < 0)
		return fd;
	ret = evs_ranges_walk(fd, each, arg, err);
	close(fd);
	return ret;
}

/* ---- changed ---- */

#define EXTENTS_AT_ONCE 512

/* What has no fixed place on the medium cannot be compared by it. */
#define NO_PLACE (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | \
		  FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_NOT_ALIGNED)

/**
 * struct map - The extents of a file, one after the other.
 * @fd: the file
 * @buffer: some of them
 * @next: which one is the next
 * @extent: the one that was read last
 * @valid: there is one
 * @last: there is none behind it
 */
struct map {
	int fd;
	struct fiemap *buffer;
	unsigned int next;
	struct fiemap_extent extent;
	bool valid;
	bool last;
};

static int map_next(struct map *map, struct evs_error *err)
{
	struct fiemap *buffer = map->buffer;
	uint64_t start = map->valid ? map->extent.fe_logical + map->extent.fe_length : 0;

	if (map->last) {
		map->valid = false;
		return 0;
	}
	if (map->next == buffer->fm_mapped_extents) {
		*buffer = (struct fiemap){
			.fm_start = start,
			.fm_length = FIEMAP_MAX_OFFSET - start,
			.fm_flags = FIEMAP_FLAG_SYNC,
			.fm_extent_count = EXTENTS_AT_ONCE,
		};
		if (ioctl(map->fd, FS_IOC_FIEMAP, buffer))
			return evs_error_set(err, errno,
					     "the file system does not tell where files lie: %m");
		map->next = 0;
	}
	map->valid = buffer->fm_mapped_extents;
	map->last = !map->valid;
	if (!map->valid)
		return 0;
	map->extent = buffer->fm_extents[map->next++];
	map->last = map->extent.fe_flags & FIEMAP_EXTENT_LAST;
	return 0;
}

/* Drop what is before an offset. */
static int map_skip(struct map *map, uint64_t offset, struct evs_error *err)
{
	struct fiemap_extent *extent = &map->extent;
	uint64_t gone;
	int ret = 0;

	while (!ret && map->valid && extent->fe_logical + extent->fe_length <= offset)
		ret = map_next(map, err);
	if (ret || !map->valid || extent->fe_logical >= offset)
		return ret;
	gone = offset - extent->fe_logical;
	extent->fe_logical += gone;
	extent->fe_physical += gone;
	extent->fe_length -= gone;
	return 0;
}

static uint64_t begin(const struct map *map)
{
	return map->valid ? map->extent.fe_logical : UINT64_MAX;
}

static uint64_t end_of(const struct map *map)
{
	return map->valid ? map->extent.fe_logical + map->extent.fe_length : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool same_place(const struct map *a, const struct map *b)
{
	return !((a->extent.fe_flags | b->extent.fe_flags) & NO_PLACE) &&
	       a->extent.fe_physical == b->extent.fe_physical;
}

/* From @offset on, up to where anything begins or ends in either of them */
static int compare(struct map *a, struct map *b, evs_pool_range_fn *each, void *arg,
		   struct evs_error *err)
{
	uint64_t offset, end, start = 0, length = 0;
	bool differ;
	int ret;

	ret = map_next(a, err) || map_next(b, err) ? -err->errnum : 0;
	while (!ret && (a->valid || b->valid)) {
		offset = least(begin(a), begin(b));
		end = begin(a) == begin(b) ? least(end_of(a), end_of(b)) :
		      begin(a) < begin(b) ? least(end_of(a), begin(b)) :
		      least(end_of(b), begin(a));
		differ = begin(a) != begin(b) || !same_place(a, b);
		if (differ && length && start + length == offset) {
			length = end - start;
		} else if (differ) {
			ret = length ? each(arg, start, length, err) : 0;
			start = offset;
			length = end - offset;
		}
		if (!ret && (map_skip(a, end, err) || map_skip(b, end, err)))
			ret = -err->errnum;
	}
	return ret || !length ? ret : each(arg, start, length, err);
}

static int map_open(struct map *map, struct evs_pool *pool, const struct evs_object *object,
		    struct evs_error *err)
{
	*map = (struct map){ .fd = evs_dir_open_disk(pool, object, O_RDONLY, err) };
	if (map->fd < 0)
		return map->fd;
	map->buffer = calloc(1, sizeof(*map->buffer) +
				EXTENTS_AT_ONCE * sizeof(map->buffer->fm_extents[0]));
	return map->buffer ? 0 : evs_error_set(err, ENOMEM, "out of memory");
}

static void map_close(struct map *map)
{
	free(map->buffer);
	if (map->fd >= 0)
		close(map->fd);
}

int evs_dir_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err)
{
	struct map a = { .fd = -1 }, b = { .fd = -1 };
	int ret;

	ret = map_open(&a, pool, before, err);
	if (!ret)
		ret = map_open(&b, pool, after, err);
	if (!ret)
		ret = compare(&a, &b, each, arg, err);
	map_close(&a);
	map_close(&b);
	return ret;
}
