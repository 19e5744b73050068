/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REWRAPS_H
#define EVS_REWRAPS_H

#include "config.h"
#include "kms/kms.h"
#include "secret.h"
#include "volume/volume.h"

/**
 * struct evs_rewraps - What many rewraps of one verb share.
 * @config: evs.conf, which must live as long
 * @cmk: id of a CMK that holds the same key as the one that the headers name, and is asked in
 *	 its place; NULL for none
 * @list: the KMSs that are open
 * @count: how many
 * @dk: the data key that was checked last, in locked memory
 * @hash: evs_volume_key_hash() of the header that it was checked by, "" for none
 *
 * To log in, and to check a data key by the digest in a header, takes longer than all
 * else: snapshots of one disk have the same of both.
 */
struct evs_rewraps {
	const struct evs_config *config;
	const char *cmk;
	struct evs_kms **list;
	size_t count;
	struct evs_secret *dk;
	char hash[EVS_KEY_HASH_SIZE];
};

/**
 * evs_rewraps_kms() - Get a KMS, which is opened when it is first wanted.
 * @rewraps: what is open
 * @name: name of the KMS
 * @kms: set to its client, which lives until evs_rewraps_close()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_rewraps_kms(struct evs_rewraps *rewraps, const char *name, struct evs_kms **kms,
		    struct evs_error *err);

/**
 * evs_rewraps_check() - Is this the data key of this disk?
 * @rewraps: the key that was checked last; this one takes its place
 * @vol: the header
 * @dk: the key
 * @err: filled on failure
 *
 * Return: as evs_volume_verify_dk().
 */
int evs_rewraps_check(struct evs_rewraps *rewraps, struct evs_volume *vol,
		      const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_rewraps_close() - Close all KMSs, forget the key.
 * @rewraps: what is open; can be used again
 */
void evs_rewraps_close(struct evs_rewraps *rewraps);

#endif /* EVS_REWRAPS_H */
