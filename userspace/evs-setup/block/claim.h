/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CLAIM_H
#define EVS_SETUP_CLAIM_H

#include <stdbool.h>

#include "device.h"
#include "lock.h"

/**
 * struct claim - A device or file that is held from the first check to the last byte.
 * @dev: the device; everything is read and written through its descriptor
 * @lock: its lock in /run/evs/lock
 * @leased: there is a write lease on the file
 *
 * A block device is opened with O_EXCL. A file gets a write lease, which nobody gets
 * while another program has the file open, and for which others have to wait when
 * they open it. Beside that there is a lock for each device or file, which holds
 * apart two evs-setup where a driver has claimed the device, and where a file system
 * has no leases.
 */
struct claim {
	struct evs_device dev;
	struct evs_lock lock;
	bool leased;
};

/**
 * claim_open() - Open a device or file for writing, which nobody else may be using.
 * @claim: filled; release with claim_close()
 * @path: what the user gave; must live as long as @claim
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBUSY when it is in use.
 */
int claim_open(struct claim *claim, const char *path, struct evs_error *err);

/**
 * claim_open_header() - The same for a change to the header alone.
 * @claim: filled; release with claim_close()
 * @path: what the user gave; must live as long as @claim
 * @err: filled on failure
 *
 * A block device may be claimed by a driver: the data is not touched. Of a file under
 * a loop device, the loop device is opened: its header is what counts.
 *
 * Return: 0 or a negative errno, -EBUSY when another evs-setup changes it.
 */
int claim_open_header(struct claim *claim, const char *path, struct evs_error *err);

/**
 * claim_lock() - Take the lock of a device that is open.
 * @claim: its @dev is set, the rest is filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EBUSY when another evs-setup has it.
 */
int claim_lock(struct claim *claim, struct evs_error *err);

/**
 * claim_file() - Hold a file that is open for writing.
 * @claim: the file
 * @err: filled on failure
 *
 * Waits up to 3 s for others who have it open, but not for a loop device that stays.
 *
 * Return: 0 or a negative errno, -EBUSY when another program has it open.
 */
int claim_file(struct claim *claim, struct evs_error *err);

/** claim_share_file() - Let others open the file again. @claim: a file or a device */
void claim_share_file(struct claim *claim);

/**
 * claim_yield() - Let something else in this process claim it, and hold no more than its lock.
 * @claim: what claim_open() filled; its device may have another descriptor afterwards
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int claim_yield(struct claim *claim, struct evs_error *err);

/**
 * claim_confirm() - Make sure that it is still ours alone, after a long wait.
 * @claim: what claim_open() filled
 * @err: filled when it is not
 *
 * The kernel takes a lease away when somebody has been waiting for it for long.
 * What is on the device has to be looked at again after this.
 *
 * Return: 0 or -EBUSY when another program has opened the file, or when the path
 * leads to something else by now.
 */
int claim_confirm(struct claim *claim, struct evs_error *err);

/** claim_close() - Let go of it. @claim: what claim_open() filled */
void claim_close(struct claim *claim);

#endif /* EVS_SETUP_CLAIM_H */
