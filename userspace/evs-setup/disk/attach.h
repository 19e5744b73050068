/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_ATTACH_H
#define EVS_SETUP_ATTACH_H

#include "nl/netlink.h"
#include "pin.h"
#include "pool/record.h"
#include "volume/volume.h"

struct backing;
struct target;

/**
 * struct attach_request - What is to be attached.
 * @target: device or file
 * @raw: there is no header
 * @several: others follow: with --json, they are printed together
 * @again: of a disk of a pool: that it is attached already is fine
 * @pin: what KMS and CMK are accepted
 * @disk: of a disk of a pool, its name; its pool is locked; else NULL
 * @record: of a disk of a pool, its record: the UUID that its header must have, and its
 *	    size; else NULL
 * @what: what goes to the kernel, filled in as it becomes known
 */
struct attach_request {
	const char *target;
	bool raw;
	bool several;
	bool again;
	struct evs_pin pin;
	struct target *disk;
	const struct evs_record *record;
	struct evs_attach what;
};

/**
 * attach_disk() - Attach a disk and print the path of its node.
 * @nl: connection to the kernel
 * @req: which, and how
 * @err: filled on failure, when nothing is left attached
 *
 * Return: 0 or a negative errno.
 */
int attach_disk(struct evs_nl *nl, struct attach_request *req, struct evs_error *err);

/**
 * attach_check_same() - Does a device hold the disk that was read before?
 * @backing: the device
 * @vol: its header, as it was read
 * @err: filled when it does not
 *
 * Return: 0 or a negative errno, -EBUSY when the header is another one.
 */
int attach_check_same(const struct backing *backing, const struct evs_volume *vol,
		      struct evs_error *err);

#endif /* EVS_SETUP_ATTACH_H */
