/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_QEMU_IMG_H
#define EVS_SETUP_POOL_QEMU_IMG_H

#include <stdint.h>

#include "device.h"
#include "progress.h"

/**
 * qemu_img_check() - Is a file a qcow2 image that stands alone, and how much does it hold?
 * @file: the file, open for reading; nobody may be writing to it
 * @size: set to the bytes of data
 * @err: filled when it is not
 *
 * Refuses one that names another file, as backing file or for its data: whoever made the
 * image could have any file of this host read. Refuses one that is encrypted.
 *
 * Return: 0 or a negative errno.
 */
int qemu_img_check(const struct evs_device *file, uint64_t *size, struct evs_error *err);

/**
 * qemu_img_read() - Write what a qcow2 image holds to a device or file.
 * @file: the image, which qemu_img_check() has found good
 * @target: path of the device or file, which is there and large enough
 * @zeros: write zeros; else the target has them already
 * @size: bytes of data
 * @progress: told how far it is
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, what progress_tell() has returned.
 */
int qemu_img_read(const struct evs_device *file, const char *target, bool zeros, uint64_t size,
		  struct progress *progress, struct evs_error *err);

/**
 * qemu_img_write() - Make a qcow2 image of a device or file.
 * @source: the device or file, open for reading; may have no name any more
 * @target: path of the image
 * @size: bytes of data
 * @progress: told how far it is
 * @err: filled on failure
 *
 * Return: as qemu_img_read().
 */
int qemu_img_write(const struct evs_device *source, const char *target, uint64_t size,
		   struct progress *progress, struct evs_error *err);

#endif /* EVS_SETUP_POOL_QEMU_IMG_H */
