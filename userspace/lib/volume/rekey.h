/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_REKEY_H
#define EVS_VOLUME_REKEY_H

#include "volume/volume.h"

/*
 * A new data key for a disk that nobody has attached, in place: the re-encryption of
 * LUKS2, which libcryptsetup does, and goes on with after a crash. The header has both
 * tokens until it ends. There are two key slots for that time, which the new DK opens:
 * its own, and one with the old DK, as the library takes one passphrase for both keys.
 */

/**
 * enum evs_rekey_state - How far it is.
 * @EVS_REKEY_NONE: nothing was begun, or all is done
 * @EVS_REKEY_BEGUN: there is data to be written
 * @EVS_REKEY_WRITTEN: all data is written, the header does not say so yet
 */
enum evs_rekey_state {
	EVS_REKEY_NONE,
	EVS_REKEY_BEGUN,
	EVS_REKEY_WRITTEN,
};

/** evs_volume_rekey_state() - How far is it? @vol: opened with EVS_VOLUME_REKEY */
enum evs_rekey_state evs_volume_rekey_state(const struct evs_volume *vol);

/**
 * evs_volume_rekey_begin() - Write a header that knows of both data keys.
 * @vol: the header; its device must be open for writing
 * @token: gives the new DK
 * @old: the DK
 * @new: the new DK
 * @err: filled on failure
 *
 * Cut short, the disk is what it was, or evs_volume_rekey_state() is EVS_REKEY_BEGUN:
 * @new is its data key from then on, in whatever asks for it.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_rekey_begin(struct evs_volume *vol, const struct evs_token *token,
			   const struct evs_secret *old, const struct evs_secret *new,
			   struct evs_error *err);

typedef int evs_rekey_progress_fn(void *arg, uint64_t done, uint64_t total,
				  struct evs_error *err);

/**
 * evs_volume_rekey_run() - Write the data with the new key.
 * @vol: the header, EVS_REKEY_BEGUN; has to be opened anew afterwards
 * @new: the new DK
 * @part: so many bytes are in memory at once, and written again after a crash
 * @progress: called after each part; what it returns other than 0 ends it there
 * @arg: for @progress
 * @err: filled on failure
 *
 * The library claims the device itself, so nobody may have it open with O_EXCL.
 *
 * Return: 0 or a negative errno; it can be called again then.
 */
int evs_volume_rekey_run(struct evs_volume *vol, const struct evs_secret *new, size_t part,
			 evs_rekey_progress_fn *progress, void *arg, struct evs_error *err);

/**
 * evs_volume_rekey_end() - Let the header know nothing but the new data key.
 * @vol: the header, not EVS_REKEY_BEGUN; its device must be open for writing
 * @token: gives the new DK; all others go, and all key slots but its own
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; it can be called again then.
 */
int evs_volume_rekey_end(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err);

#endif /* EVS_VOLUME_REKEY_H */
