/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_IMAGE_H
#define EVS_VOLUME_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"

#define EVS_COPIES 2

/**
 * struct evs_image - A header in memory, for libcryptsetup to read and change.
 * @dev: the memory file; its path is one that libcryptsetup can open
 * @path: that path
 * @copy_size: bytes of each of the two copies of the header, which begin the image
 * @was: the two copies as they are on the device
 * @unreadable: errno of reading each copy, or 0
 * @damaged: the copy on the device differs from that in the image, which is sound
 *
 * libcryptsetup never opens the device: it would repair a damaged copy while it
 * reads, take locks, and open by name what may be something else by then. It gets
 * the image, and what has changed there is written through the descriptor that the
 * caller holds.
 */
struct evs_image {
	struct evs_device dev;
	char path[32];
	size_t copy_size;
	unsigned char *was;
	int unreadable[EVS_COPIES];
	bool damaged[EVS_COPIES];
};

/**
 * evs_image_new() - Make an empty image.
 * @image: filled; release with evs_image_free()
 * @size: its bytes; what is not written takes no memory
 * @copy_size: size of a copy of the header
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_image_new(struct evs_image *image, uint64_t size, size_t copy_size,
		  struct evs_error *err);

/**
 * evs_image_load() - Make an image of the two copies on a device.
 * @image: filled; release with evs_image_free()
 * @dev: the device
 * @err: filled on failure
 *
 * A copy that cannot be read is left out.
 *
 * Return: 0 when there is something to be loaded, -EMEDIUMTYPE when there is no
 * LUKS2 header, -EIO or another negative errno when that cannot be told.
 */
int evs_image_load(struct evs_image *image, const struct evs_device *dev,
		   struct evs_error *err);

/** evs_image_free() - Release an image. @image: it, or one that is all zeros */
void evs_image_free(struct evs_image *image);

/**
 * evs_image_compare() - Find the copies that libcryptsetup has repaired in the image.
 * @image: a loaded image; @damaged is set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_image_compare(struct evs_image *image, struct evs_error *err);

/**
 * evs_image_same() - Were two images read from the same bytes?
 * @a: one
 * @b: the other
 */
bool evs_image_same(const struct evs_image *a, const struct evs_image *b);

/**
 * evs_image_repair() - Write the copies that are damaged.
 * @image: after evs_image_compare()
 * @dev: the device
 * @err: filled on failure
 *
 * Return: 0, when no copy is damaged any more, or a negative errno, -EBUSY when the
 * header on the device is not the one that was loaded.
 */
int evs_image_repair(struct evs_image *image, const struct evs_device *dev,
		     struct evs_error *err);

/**
 * evs_image_update() - Write the two copies over those of the device.
 * @image: what libcryptsetup has changed
 * @dev: the device
 * @areas: up to here, write what has changed behind the copies first, the key slots; 0
 *	   where those were not read
 * @err: filled on failure
 *
 * Copy by copy, so that the device has the old header or the new one whenever this
 * is cut short. When it fails, the old one is put back as far as that is possible.
 *
 * Return: 0 or a negative errno, -EBUSY when the header on the device is not the
 * one that was loaded.
 */
int evs_image_update(struct evs_image *image, const struct evs_device *dev, uint64_t areas,
		     struct evs_error *err);

/**
 * evs_image_write_areas() - Write what has changed behind the copies, and not these.
 * @image: what libcryptsetup has changed: it has added to it, as the old header counts
 * @dev: the device
 * @areas: up to here
 * @err: filled on failure
 *
 * Return: as evs_image_update().
 */
int evs_image_write_areas(const struct evs_image *image, const struct evs_device *dev,
			  uint64_t areas, struct evs_error *err);

/**
 * evs_image_read_areas() - Add what is behind the two copies: the key slots.
 * @image: a loaded image
 * @dev: the device it was loaded from
 * @end: up to here
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_image_read_areas(struct evs_image *image, const struct evs_device *dev, uint64_t end,
			 struct evs_error *err);

/**
 * evs_image_write() - Write the whole image.
 * @image: the image
 * @dev: the device
 * @end: so many bytes of it
 * @replace: the device has the header of the same disk in the same place: keep that
 *	     until the new one is written
 * @err: filled on failure
 *
 * Without @replace, what makes a header of it is written last, and only when all
 * else is on the device: cut short, it leaves no header.
 *
 * Return: 0 or a negative errno.
 */
int evs_image_write(const struct evs_image *image, const struct evs_device *dev, uint64_t end,
		    bool replace, struct evs_error *err);

/**
 * evs_image_unmake() - Wipe what makes a header of the two copies on a device.
 * @image: tells where they are
 * @dev: the device
 *
 * Return: 0 or a negative errno.
 */
int evs_image_unmake(const struct evs_image *image, const struct evs_device *dev);

#endif /* EVS_VOLUME_IMAGE_H */
