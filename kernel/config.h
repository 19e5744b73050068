/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: what was asked for when a disk was attached
 */
#ifndef _EVS_CONFIG_H
#define _EVS_CONFIG_H

#include <linux/key.h>
#include <linux/types.h>
#include <uapi/linux/evs.h>

/**
 * struct evs_config - what to attach, as the user asked for it
 * @name: name of the disk; empty for the default evsN, which attach fills in
 * @uuid: UUID from the header of the disk, or empty
 * @cmk: the CMK that wraps the data key, as the KMS calls it, or empty. Of an
 *	attached disk, changed under evs_disks_lock.
 * @backing_dev: device number of the backing block device
 * @offset: where the encrypted data starts on it, in bytes
 * @size: size in bytes, or 0 for what is left of the backing device
 * @sector_size: size of a data unit in bytes, 512 or 4096
 * @key_serial: serial number of a key of type "evs"
 * @read_only: refuse writes, and open the backing device for reading only
 * @allow_discards: pass discards to the backing device
 * @no_partscan: the disk has no partitions
 */
struct evs_config {
	char name[EVS_NAME_MAX + 1];
	char uuid[EVS_UUID_MAX + 1];
	char cmk[EVS_CMK_MAX + 1];
	dev_t backing_dev;
	u64 offset;
	u64 size;
	unsigned int sector_size;
	key_serial_t key_serial;
	bool read_only;
	bool allow_discards;
	bool no_partscan;
};

#endif /* _EVS_CONFIG_H */
