/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_DK_H
#define EVS_SETUP_DK_H

#include "error.h"
#include "keyring.h"
#include "nl/netlink.h"
#include "volume/volume.h"

/**
 * dk_request() - Have the kernel fetch the DK of a disk from its KMS.
 * @vol: header of the disk
 * @dev: number of the block device that has it
 * @pin: what KMS and CMK are accepted
 * @key: set to the key that holds the DK; give it back with dk_drop()
 * @err: filled on failure, with what the KMS says where it has said no
 *
 * The helper runs in the mount namespace of the host and opens the node that the
 * kernel made there, whatever the path is by which the caller knows the device.
 *
 * Return: 0 or a negative errno.
 */
int dk_request(const struct evs_volume *vol, dev_t dev, const struct evs_pin *pin,
	       key_serial_t *key, struct evs_error *err);

/**
 * dk_drop() - Let go of a DK; a disk that has taken it has a link of its own.
 * @key: what dk_request() gave
 */
void dk_drop(key_serial_t key);

/**
 * dk_grace() - For how long the kernel shall keep the key of a disk that is suspended.
 * @disk: the disk
 *
 * Return: seconds, as the section of its KMS has it; 0 where there is none, or it
 * cannot be found out.
 */
unsigned int dk_grace(const struct evs_disk *disk);

#endif /* EVS_SETUP_DK_H */
