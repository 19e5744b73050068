/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_IDENTITY_H
#define EVS_SETUP_POOL_IDENTITY_H

#include "rewrap.h"
#include "volume/volume.h"

/**
 * struct identity - What makes a disk of its own of the copy of one.
 * @uuid: its UUID
 * @label: its label, or NULL for none
 * @old: the token of the original
 * @new: its own
 */
struct identity {
	const char *uuid;
	const char *label;
	struct evs_token old;
	struct evs_token new;
};

/**
 * identity_make() - Have the KMS wrap the data key for the copy.
 * @identity: its @uuid and @label are set, the tokens are filled
 * @config: evs.conf
 * @vol: header of the original
 * @err: filled on failure
 *
 * Nothing needs to be there of the copy yet.
 *
 * Return: 0 or a negative errno.
 */
int identity_make(struct identity *identity, const struct evs_config *config,
		  struct evs_volume *vol, struct evs_error *err);

/**
 * identity_write() - Write it into the header of the copy.
 * @identity: what identity_make() has filled
 * @vol: header of the original
 * @path: device or file of the copy
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBUSY when the copy has another data key.
 */
int identity_write(const struct identity *identity, const struct evs_volume *vol,
		   const char *path, struct evs_error *err);

#endif /* EVS_SETUP_POOL_IDENTITY_H */
