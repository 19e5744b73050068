/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_ATTACH_H
#define EVS_SETUP_POOL_ATTACH_H

#include <keyutils.h>

#include "disk/attach.h"

/**
 * attach_in_pool() - Attach a disk of a pool, encrypted or plain, and print its node.
 * @req: which, and how
 * @err: filled on failure, when nothing is left attached
 *
 * Return: 0 or a negative errno.
 */
int attach_in_pool(struct attach_request *req, struct evs_error *err);

/**
 * attach_key_in_pool() - Get the key of a disk of a pool, whose lock is let go meanwhile.
 * @req: the disk
 * @backing: its data, which is held
 * @vol: its header
 * @key: set to the key; release with dk_drop()
 * @err: filled on failure
 *
 * A KMS may take its time: other disks of the pool are not to wait for it. What was
 * looked at before is looked at again.
 *
 * Return: 0 or a negative errno, -EBUSY when another verb has changed the disk meanwhile.
 */
int attach_key_in_pool(struct attach_request *req, const struct backing *backing,
		       const struct evs_volume *vol, key_serial_t *key, struct evs_error *err);

#endif /* EVS_SETUP_POOL_ATTACH_H */
