/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_SLOTS_H
#define EVS_VOLUME_SLOTS_H

#include "volume/volume.h"

/*
 * Key slots: those that passphrases open, without the KMS. A LUKS2 disk of the right
 * cipher becomes an EVS disk by a token, and the other way round.
 */

/**
 * evs_volume_other_slots() - How many key slots open the disk without the KMS.
 * @vol: the header
 *
 * That is all but those of its tokens, which only the DK opens.
 */
unsigned int evs_volume_other_slots(const struct evs_volume *vol);

/**
 * evs_volume_names_slot() - Does a token name a key slot that has the key of the data?
 * @vol: the header
 * @token: one of its tokens
 */
bool evs_volume_names_slot(const struct evs_volume *vol, const struct evs_token *token);

/**
 * evs_volume_unlock() - Get the DK by a passphrase.
 * @vol: the header, whose device is open
 * @passphrase: the passphrase, all of its bytes
 * @dk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EKEYREJECTED when it opens no key slot.
 */
int evs_volume_unlock(struct evs_volume *vol, const struct evs_secret *passphrase,
		      struct evs_secret *dk, struct evs_error *err);

/**
 * evs_volume_adopt() - Make an EVS disk of another LUKS2 disk.
 * @vol: its header, opened with EVS_VOLUME_FOREIGN; its device must be open for writing
 * @token: how to get the DK back; its key slots are filled in
 * @dk: the DK
 * @err: filled on failure
 *
 * Adds a key slot that the DK opens, for the tokens of cryptsetup, and the token. All
 * else stays. Cut short, the disk is what it was, or an EVS disk.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_adopt(struct evs_volume *vol, struct evs_token *token,
		     const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_volume_remove_slots() - Remove the key slots that open the disk without the KMS.
 * @vol: the header; its device must be open for writing
 * @err: filled on failure
 *
 * Their bytes are overwritten first. To be done again when it was cut short.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_remove_slots(struct evs_volume *vol, struct evs_error *err);

/**
 * evs_volume_keep_only() - Remove all tokens but one, and all key slots but its own.
 * @vol: the header; its device must be open for writing
 * @token: the one that stays
 * @err: filled on failure
 *
 * The bytes of the key slots are overwritten first. Cut short, all tokens are there.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_keep_only(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err);

/**
 * evs_volume_release() - Make an EVS disk one that a passphrase opens, and nothing else.
 * @vol: the header; its device must be open for writing
 * @passphrase: a new one
 * @dk: the DK
 * @err: filled on failure
 *
 * The key slot is written, read back and opened; only then the header names it, and the
 * tokens go, and the key slots of theirs. Cut short, either all of that is done or nothing.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_release(struct evs_volume *vol, const struct evs_secret *passphrase,
		       const struct evs_secret *dk, struct evs_error *err);

#endif /* EVS_VOLUME_SLOTS_H */
