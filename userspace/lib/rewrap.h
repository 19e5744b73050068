/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REWRAP_H
#define EVS_REWRAP_H

#include "error.h"
#include "rewraps.h"
#include "secret.h"
#include "token.h"
#include "volume/volume.h"

/**
 * struct evs_rewrap - The data key of a disk, on its way into another token.
 * @vol: header of the disk
 * @rewraps: what rewraps of this verb share
 * @dk: its data key, in locked memory
 * @kms: the KMS of @old
 * @other: the KMS to go to, NULL where that is @kms
 * @old: the token that gives the key
 * @new: the one that is to take its place
 */
struct evs_rewrap {
	struct evs_volume *vol;
	struct evs_rewraps *rewraps;
	struct evs_secret *dk;
	struct evs_kms *kms;
	struct evs_kms *other;
	struct evs_token old;
	struct evs_token new;
};

/**
 * evs_rewrap_begin() - Have the data key of a disk unwrapped, and check it.
 * @rewrap: filled; release with evs_rewrap_end()
 * @rewraps: what it shares with others; must live as long
 * @vol: the header; so must this
 * @err: filled on failure
 *
 * There are two tokens when an earlier rewrap was cut short, perhaps of two KMSs, one
 * of which may not answer any more: the first that gives the key counts.
 *
 * Return: 0 or a negative errno.
 */
int evs_rewrap_begin(struct evs_rewrap *rewrap, struct evs_rewraps *rewraps,
		     struct evs_volume *vol, struct evs_error *err);

/**
 * evs_rewrap_under() - Make a token under another CMK, or its newest material.
 * @rewrap: begun; @new is filled
 * @kms: name of the KMS to go to, NULL to stay with the one it has
 * @cmk: the CMK there; NULL for the one it has, or the default one of another KMS
 * @err: filled on failure
 *
 * It is certain afterwards that @new gives the key of the disk.
 *
 * Return: 0 or a negative errno.
 */
int evs_rewrap_under(struct evs_rewrap *rewrap, const char *kms, const char *cmk,
		     struct evs_error *err);

/**
 * evs_rewrap_for() - Make a token for a copy of the disk, under the CMK that gave the key.
 * @rewrap: begun; @new is filled
 * @uuid: UUID of the copy, which the token is bound to
 * @err: filled on failure
 *
 * As evs_rewrap_under().
 *
 * Return: 0 or a negative errno.
 */
int evs_rewrap_for(struct evs_rewrap *rewrap, const char *uuid, struct evs_error *err);

/** evs_rewrap_end() - Forget the key. @rewrap: what evs_rewrap_begin() filled */
void evs_rewrap_end(struct evs_rewrap *rewrap);

#endif /* EVS_REWRAP_H */
