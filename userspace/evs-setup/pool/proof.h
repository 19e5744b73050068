/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_PROOF_H
#define EVS_SETUP_POOL_PROOF_H

#include "pool/pool.h"
#include "volume/volume.h"

/**
 * proof_check() - Are the bytes of an object what its record says?
 * @pool: its pool
 * @entry: the object and its record
 * @err: filled when they are not
 *
 * One that is recorded as encrypted must begin with a sound header of its UUID with a
 * token. What is recorded as plain is never looked into: its bytes belong to its user.
 *
 * Return: 0 or a negative errno, -EBADMSG when record and bytes differ.
 */
int proof_check(struct evs_pool *pool, const struct evs_pool_entry *entry, struct evs_error *err);

/**
 * proof_read() - The same of an object that is recorded as encrypted, for who needs its header.
 * @pool: its pool
 * @entry: the object and its record
 * @vol: set to the header, with no device behind it; release with evs_volume_close()
 * @err: filled when they are not
 *
 * Return: as proof_check().
 */
int proof_read(struct evs_pool *pool, const struct evs_pool_entry *entry,
	       struct evs_volume **vol, struct evs_error *err);

/**
 * proof_record() - Have the record of an object name the KMS and CMK of its header.
 * @pool: its pool, which is locked
 * @entry: the object; its record is corrected
 * @vol: its header, as proof_read() gives it
 * @err: filled on failure
 *
 * A rewrap that does not know of the pool, or was cut short, leaves an old record.
 *
 * Return: 1 when the record was another one, 0, or a negative errno.
 */
int proof_record(struct evs_pool *pool, struct evs_pool_entry *entry,
		 const struct evs_volume *vol, struct evs_error *err);

#endif /* EVS_SETUP_POOL_PROOF_H */
