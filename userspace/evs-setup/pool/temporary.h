/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_TEMPORARY_H
#define EVS_SETUP_POOL_TEMPORARY_H

#include "device.h"
#include "pool/pool.h"

/**
 * temporary_open() - Open the plaintext of an encrypted object for one copy.
 * @dev: filled with the node of an EVS disk; release with evs_device_close()
 * @node: filled with its path, which @dev points to; as long as PATH_MAX
 * @path: device or file with the header and the ciphertext; nobody else may have it
 * @read_only: only to read
 * @pool: let go of its lock when the data is held, before the KMS is asked; or NULL
 * @err: filled on failure
 *
 * The kernel has the key fetched as for any disk. The disk goes with the descriptor,
 * also when this process is killed.
 *
 * Return: 0 or a negative errno.
 */
int temporary_open(struct evs_device *dev, char *node, const char *path, bool read_only,
		   struct evs_pool *pool, struct evs_error *err);

/**
 * temporary_release() - Have the engine let go of an object that was open.
 * @pool: its pool
 * @object: the object
 * @err: filled on failure
 *
 * The disk of temporary_open(), and a loop device below it, may still be going: waits
 * for that.
 *
 * Return: 0 or a negative errno, -EBUSY when somebody else has it open.
 */
int temporary_release(struct evs_pool *pool, const struct evs_object *object,
		      struct evs_error *err);

#endif /* EVS_SETUP_POOL_TEMPORARY_H */
