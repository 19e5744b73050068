/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_RANGES_H
#define EVS_POOL_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pool/pool.h"

#define EVS_RANGE_ALIGN 4096	/* what direct I/O takes on every device */

/**
 * struct evs_range - Some bytes of an object.
 * @offset: the first one
 * @length: how many, not 0
 */
struct evs_range {
	uint64_t offset;
	uint64_t length;
};

/**
 * struct evs_ranges - What is to be copied of an object; the rest are holes.
 * @skip: bytes of the object that come before its data
 * @size: bytes of data
 * @range: ascending, apart from each other, none beyond @size; offsets are those in the
 *	   data
 * @count: how many
 */
struct evs_ranges {
	uint64_t skip;
	uint64_t size;
	struct evs_range *range;
	size_t count;
};

/**
 * evs_ranges_add() - Take one more range: an evs_pool_range_fn.
 * @arg: the ranges, whose @skip and @size are set
 * @offset: its first byte in the object, not before those of the last range
 * @length: how many bytes
 * @err: filled on failure
 *
 * It is widened to EVS_RANGE_ALIGN.
 *
 * Return: 0 or a negative errno.
 */
int evs_ranges_add(void *arg, uint64_t offset, uint64_t length, struct evs_error *err);

/**
 * evs_ranges_walk() - Tell what is written in a file.
 * @fd: the file, open for reading; its position is moved
 * @each: called for each range
 * @arg: for @each
 * @err: filled on failure
 *
 * Return: 0, what @each has returned, or a negative errno.
 */
int evs_ranges_walk(int fd, evs_pool_range_fn *each, void *arg, struct evs_error *err);

/** evs_ranges_bytes() - How many bytes they are in all. @ranges: the ranges */
uint64_t evs_ranges_bytes(const struct evs_ranges *ranges);

/** evs_ranges_free() - Release them. @ranges: the ranges */
void evs_ranges_free(struct evs_ranges *ranges);

#endif /* EVS_POOL_RANGES_H */
