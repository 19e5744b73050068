/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_TRANSFER_H
#define EVS_SETUP_POOL_TRANSFER_H

#include <limits.h>

#include "create.h"
#include "device.h"
#include "identity.h"
#include "pool/ranges.h"

/**
 * struct transfer - The making of an object whose data is read from elsewhere.
 * @target: its name
 * @req: how it shall be
 * @work: the object
 * @source: where its data is read from, plaintext or, with @req's plain, whatever it is
 * @qcow2: @source is an image that qemu_img_check() has found good
 * @adopted: header of what @source holds, which is copied with it as it is; else NULL
 * @identity: what the object gets in its place then
 * @ranges: what there is to read; the rest are holes
 * @zero: holes are zeros, and not just bytes that mean nothing
 * @feed: where there is no @source, but something that comes by itself: writes all of it
 *	  to the target; else NULL
 * @arg: for @feed
 */
struct transfer {
	struct target *target;
	struct create_request req;
	struct evs_unfinished work;
	const struct evs_device *source;
	bool qcow2;
	const struct evs_volume *adopted;
	struct identity identity;
	const struct evs_ranges *ranges;
	bool zero;
	int (*feed)(void *arg, const struct evs_device *to, struct evs_error *err);
	void *arg;
};

/**
 * transfer_run() - Make the object and copy the data into it.
 * @transfer: all but @work is set; @work is begun and abandoned by the caller
 * @err: filled on failure, when there is no such object
 *
 * The KMS is asked before anything is allocated; the lock of the pool is not held
 * while data is copied.
 *
 * Return: 0 or a negative errno.
 */
int transfer_run(struct transfer *transfer, struct evs_error *err);

/**
 * transfer_ranges() - What there is to read of an object, as its plaintext has it.
 * @pool: its pool, which is locked
 * @entry: the object
 * @ranges: filled; release with evs_ranges_free(), also on failure
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int transfer_ranges(struct evs_pool *pool, const struct evs_pool_entry *entry,
		    struct evs_ranges *ranges, struct evs_error *err);

/**
 * transfer_from() - Copy the plaintext of an object of a pool.
 * @transfer: all but @source is set
 * @pool: pool of the object, locked; it is unlocked meanwhile, and afterwards
 * @entry: the object, which nobody has attached, or ever attaches
 * @run: transfer_run(), or another one
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int transfer_from(struct transfer *transfer, struct evs_pool *pool,
		  const struct evs_pool_entry *entry,
		  int (*run)(struct transfer *transfer, struct evs_error *err),
		  struct evs_error *err);

/**
 * transfer_fill() - Copy the data into an object that is made.
 * @transfer: its @work is made, with its header; the lock of its pool is held, and given
 *	      up for the copy
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int transfer_fill(struct transfer *transfer, struct evs_error *err);

#endif /* EVS_SETUP_POOL_TRANSFER_H */
