/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_PLACE_H
#define EVS_SETUP_POOL_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "block/claim.h"
#include "target.h"
#include "volume/volume.h"

/* How the help calls what place_open() takes */
#define PLACE_ARG "DEVICE|FILE|POOL/DISK"

/**
 * struct place - Where the header of a disk is, for one verb.
 * @ref: what the user gave
 * @path: the device or file
 * @claim: the device or file, held
 * @vol: the header, or NULL where PLACE_HOLD is not given
 * @in_pool: it is a disk of a pool
 * @target: that disk; its pool is locked
 * @entry: the same, as it was found
 */
struct place {
	const char *ref;
	char path[PATH_MAX];
	struct claim claim;
	struct evs_volume *vol;
	bool in_pool;
	struct target target;
	struct evs_pool_entry entry;
};

/**
 * enum place_flags - What a verb does with the header.
 * @PLACE_WRITE: it changes it
 * @PLACE_DAMAGED: there need be no sound one
 * @PLACE_HOLD: hold it against other programs, and read it
 */
enum place_flags {
	PLACE_WRITE = 1 << 0,
	PLACE_DAMAGED = 1 << 1,
	PLACE_HOLD = 1 << 2,
};

/**
 * place_open() - Find the header that an operand means.
 * @place: filled; release with place_close()
 * @ref: device, file or POOL/DISK; must live as long
 * @flags: of enum place_flags
 * @err: filled on failure
 *
 * A disk of a pool is activated, if it is not attached; one that is plain has no header.
 *
 * Return: 0 or a negative errno.
 */
int place_open(struct place *place, const char *ref, unsigned int flags, struct evs_error *err);

/**
 * place_settle() - Have the record of a disk of a pool say what its new header says.
 * @place: where it is
 * @vol: the new header, which is written
 * @err: filled on failure
 *
 * Where this is cut short, target_find() does it for the next verb.
 *
 * Return: 0 or a negative errno.
 */
int place_settle(struct place *place, const struct evs_volume *vol, struct evs_error *err);

/** place_close() - Release it. @place: what place_open() filled */
void place_close(struct place *place);

#endif /* EVS_SETUP_POOL_PLACE_H */
