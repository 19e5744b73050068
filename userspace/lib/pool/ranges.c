// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pool/ranges.h"

int evs_ranges_add(void *arg, uint64_t offset, uint64_t length, struct evs_error *err)
{
	struct evs_ranges *ranges = arg;
	uint64_t start = offset, end = offset + length, rest;
	struct evs_range *range;

	if (end > ranges->skip + ranges->size)
		end = ranges->skip + ranges->size;
	if (start < ranges->skip)
		start = ranges->skip;
	if (start >= end)
		return 0;
	start = (start - ranges->skip) / EVS_RANGE_ALIGN * EVS_RANGE_ALIGN;
	end -= ranges->skip;
	rest = end % EVS_RANGE_ALIGN;
	if (rest)
		end = ranges->size - end < EVS_RANGE_ALIGN - rest ? ranges->size :
		      end + EVS_RANGE_ALIGN - rest;
	range = ranges->count ? &ranges->range[ranges->count - 1] : NULL;
	if (range && start <= range->offset + range->length) {
		if (end > range->offset + range->length)
			range->length = end - range->offset;
		return 0;
	}
	range = reallocarray(ranges->range, ranges->count + 1, sizeof(*range));
	if (!range)
		return evs_error_set(err, ENOMEM, "out of memory");
	ranges->range = range;
	range[ranges->count++] = (struct evs_range){ .offset = start, .length = end - start };
	return 0;
}

int evs_ranges_walk(int fd, evs_pool_range_fn *each, void *arg, struct evs_error *err)
{
	off_t start, end = 0;
	int ret;

	for (;;) {
		start = lseek(fd, end, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			return 0;
		end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end < 0)
			return evs_error_set(err, errno, "cannot tell holes from data: %m");
		ret = each(arg, (uint64_t)start, (uint64_t)(end - start), err);
		if (ret)
			return ret;
	}
}

uint64_t evs_ranges_bytes(const struct evs_ranges *ranges)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < ranges->count; i++)
		bytes += ranges->range[i].length;
	return bytes;
}

void evs_ranges_free(struct evs_ranges *ranges)
{
	free(ranges->range);
	ranges->range = NULL;
	ranges->count = 0;
}
