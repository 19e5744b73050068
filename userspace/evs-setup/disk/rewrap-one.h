/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_REWRAP_ONE_H
#define EVS_SETUP_REWRAP_ONE_H

#include "device.h"
#include "rewraps.h"
#include "rewrap.h"
#include "volume/volume.h"

/**
 * struct rewrap_to - Where a data key goes.
 * @kms: name of the KMS, NULL to stay with the one it has
 * @cmk: the CMK there; NULL for the one it has, or the default one of another KMS
 */
struct rewrap_to {
	const char *kms;
	const char *cmk;
};

typedef int rewrap_fn(void *arg, struct evs_rewrap *rewrap, struct evs_error *err);

/**
 * rewrap_with() - Have the data key of a header unwrapped and checked, and do something.
 * @rewraps: what rewraps of this verb share
 * @vol: the header
 * @fn: called with the data key, which is wiped afterwards
 * @arg: for @fn
 * @err: filled on failure
 *
 * Return: what @fn returned, or a negative errno.
 */
int rewrap_with(struct evs_rewraps *rewraps, struct evs_volume *vol, rewrap_fn *fn, void *arg,
		struct evs_error *err);

/**
 * rewrap_volume() - Have the data key of a header wrapped anew, and write that.
 * @rewraps: what rewraps of this verb share
 * @vol: the header; its device is claimed
 * @to: where it goes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int rewrap_volume(struct evs_rewraps *rewraps, struct evs_volume *vol, struct rewrap_to to,
		  struct evs_error *err);

/**
 * rewrap_announce() - Tell the kernel and the user what a header names now.
 * @vol: the header
 * @dev: its device
 * @ref: how the user calls it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int rewrap_announce(const struct evs_volume *vol, const struct evs_device *dev, const char *ref,
		    struct evs_error *err);

/**
 * rewrap_print() - Print what was rewrapped.
 * @ref: how the user calls it
 * @uuid: its UUID
 * @token: its token
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int rewrap_print(const char *ref, const char *uuid, const struct evs_token *token,
		 struct evs_error *err);

#endif /* EVS_SETUP_REWRAP_ONE_H */
