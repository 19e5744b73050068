/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_ROTATION_H
#define KMSD_ROTATION_H

#include "kmsd.h"

/*
 * A rotation gives a CMK a new version of its material. Its id, alias and
 * state stay; data keys wrapped by older versions stay as they are, and those
 * versions are kept to unwrap them. The calls run inside of a transaction of
 * the store and return 0 or a negative errno with @err filled.
 */

/* Has a CMK to be rotated now? */
bool kmsd_rotation_is_due(struct kmsd *kmsd, const struct kmsd_cmk *cmk);

/* Give a CMK its next version. @cmk: the CMK, an enabled one; updated. */
int kmsd_rotation_rotate(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);

/* Switch the rotation of a CMK on or off. @cmk: the CMK; updated. @on: which. */
int kmsd_rotation_set(struct kmsd *kmsd, struct kmsd_cmk *cmk, bool on, struct evs_error *err);

/* Change the interval. @cmk: the CMK, whose rotation is on; updated. @days: 30 to 365. */
int kmsd_rotation_set_days(struct kmsd *kmsd, struct kmsd_cmk *cmk, int64_t days,
			   struct evs_error *err);

/* Is this a CMK that can be rotated at all? */
int kmsd_rotation_allowed(const struct kmsd_cmk *cmk, struct evs_error *err);

#endif /* KMSD_ROTATION_H */
