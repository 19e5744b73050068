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

#endif /* EVS_SETUP_POOL_TRANSFER_H */
