/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_COPY_H
#define EVS_POOL_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "error.h"
#include "pool/pool.h"
#include "pool/ranges.h"

/**
 * struct evs_copy - A copy of data from one device or file to another one.
 * @source: from where, open for reading
 * @target: to where, open for writing; it has at least the size of the data
 * @ranges: what is to be copied, and how much data there is in all
 * @zero: write zeros where the source has holes; else the target is left as it is there
 * @more: another copy to the target follows, so do not wait for the medium
 * @progress: called first, about once a second, and at the end, by the thread that has
 *	      called evs_copy(), with the bytes that are written and those that will be; may
 *	      be NULL. What it returns other than 0 ends the copy.
 * @arg: for @progress
 */
struct evs_copy {
	const struct evs_device *source;
	const struct evs_device *target;
	const struct evs_ranges *ranges;
	bool zero;
	bool more;
	evs_pool_progress_fn *progress;
	void *arg;
};

/**
 * evs_copy() - Copy, and wait until all of it is on the medium, but for @more.
 * @copy: what
 * @err: filled on failure
 *
 * Reads and writes without the page cache where that is possible, some pieces of 1 MiB
 * at a time.
 *
 * Return: 0, what @progress has returned, or a negative errno: the error says which
 * side failed, and at which byte.
 */
int evs_copy(const struct evs_copy *copy, struct evs_error *err);

#endif /* EVS_POOL_COPY_H */
