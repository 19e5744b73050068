// SPDX-License-Identifier: GPL-2.0-or-later
/* How the image of a header gets to its device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "volume/image.h"

#define BLOCK 4096		/* the first one of a copy has its magic and checksum */
#define CHUNK (1 << 20)

/* Copies @len bytes of the image to the same place on the device. */
static int put(const struct evs_image *image, const struct evs_device *dev, uint64_t offset,
	       uint64_t len)
{
	char *chunk = malloc(CHUNK);
	int ret = chunk ? 0 : -ENOMEM;
	size_t part;

	for (; !ret && len; offset += part, len -= part) {
		part = len < CHUNK ? (size_t)len : CHUNK;
		ret = evs_device_read(&image->dev, chunk, part, offset);
		if (!ret)
			ret = evs_device_write(dev, chunk, part, offset);
	}
	free(chunk);
	return ret ? ret : evs_device_sync(dev);
}

static int put_copy(const struct evs_image *image, const struct evs_device *dev, int copy)
{
	return put(image, dev, copy * image->copy_size, image->copy_size);
}

/* Somebody else, such as cryptsetup, may have changed the header since it was loaded. */
static int check_unchanged(const struct evs_image *image, const struct evs_device *dev,
			   struct evs_error *err)
{
	size_t size = image->copy_size;
	unsigned char *now = malloc(size);
	int i, ret = now ? 0 : -ENOMEM;
	bool same = true;

	for (i = 0; i < EVS_COPIES && !ret; i++) {
		if (image->unreadable[i])
			continue;
		ret = evs_device_read(dev, now, size, i * size);
		same = same && (ret || !memcmp(now, image->was + i * size, size));
	}
	free(now);
	if (ret)
		return evs_error_set(err, -ret, "%s: cannot read the header: %s", dev->path,
				     strerror(-ret));
	if (!same)
		return evs_error_set(err, EBUSY,
				     "%s: another program has changed the header meanwhile; try again",
				     dev->path);
	return 0;
}

/**
 * struct change - What is locked while a header is changed.
 * @luks: against libcryptsetup
 * @udev: against udevd
 */
struct change {
	struct evs_lock luks;
	int udev;
};

static void end_change(struct change *change)
{
	evs_lock_release(&change->luks);
	evs_lock_udev_release(change->udev);
}

static int begin_change(const struct evs_image *image, const struct evs_device *dev,
			struct change *change, struct evs_error *err)
{
	int ret;

	change->udev = evs_lock_udev(dev);
	ret = evs_lock_luks(&change->luks, dev, err);
	if (!ret)
		ret = check_unchanged(image, dev, err);
	if (ret)
		end_change(change);
	return ret;
}

/* As it was; what cannot be written has not been changed either. */
static void put_back(const struct evs_image *image, const struct evs_device *dev)
{
	size_t size = image->copy_size;
	int i;

	for (i = 0; i < EVS_COPIES; i++)
		if (!image->unreadable[i] &&
		    !evs_device_write(dev, image->was + i * size, size, i * size))
			evs_device_sync(dev);
}

static int cannot_write(const struct evs_device *dev, int ret, struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: cannot write the header: %s", dev->path,
			     strerror(-ret));
}

int evs_image_repair(struct evs_image *image, const struct evs_device *dev,
		     struct evs_error *err)
{
	size_t size = image->copy_size;
	struct change change;
	int i, ret;

	ret = begin_change(image, dev, &change, err);
	if (ret)
		return ret;
	for (i = 0; i < EVS_COPIES && !ret; i++) {
		if (!image->damaged[i])
			continue;
		ret = put_copy(image, dev, i);
		if (!ret)
			ret = evs_device_read(&image->dev, image->was + i * size, size, i * size);
		if (ret) {
			cannot_write(dev, ret, err);
		} else {
			image->damaged[i] = false;
			image->unreadable[i] = 0;
		}
	}
	end_change(&change);
	return ret;
}

/* A key slot that is not written is not touched: another program may just fill it. */
static int put_areas(const struct evs_image *image, const struct evs_device *dev, uint64_t end)
{
	uint64_t offset = EVS_COPIES * image->copy_size;
	char *chunks = malloc(2 * BLOCK);
	int ret = chunks ? 0 : -ENOMEM;

	for (; !ret && offset < end; offset += BLOCK) {
		ret = evs_device_read(&image->dev, chunks, BLOCK, offset);
		if (!ret)
			ret = evs_device_read(dev, chunks + BLOCK, BLOCK, offset);
		if (!ret && memcmp(chunks, chunks + BLOCK, BLOCK))
			ret = evs_device_write(dev, chunks, BLOCK, offset);
	}
	free(chunks);
	return ret ? ret : evs_device_sync(dev);
}

int evs_image_update(struct evs_image *image, const struct evs_device *dev, uint64_t areas,
		     struct evs_error *err)
{
	struct change change;
	int i, ret;

	ret = begin_change(image, dev, &change, err);
	if (ret)
		return ret;
	if (areas)
		ret = put_areas(image, dev, areas);
	for (i = 0; i < EVS_COPIES && !ret; i++)
		ret = put_copy(image, dev, i);
	if (ret) {
		put_back(image, dev);
		cannot_write(dev, ret, err);
	}
	end_change(&change);
	return ret;
}

int evs_image_write_areas(const struct evs_image *image, const struct evs_device *dev,
			  uint64_t areas, struct evs_error *err)
{
	struct change change;
	int ret;

	ret = begin_change(image, dev, &change, err);
	if (ret)
		return ret;
	ret = put_areas(image, dev, areas);
	end_change(&change);
	return ret ? cannot_write(dev, ret, err) : 0;
}

int evs_image_unmake(const struct evs_image *image, const struct evs_device *dev)
{
	static const char zeros[BLOCK];
	int first = evs_device_write(dev, zeros, BLOCK, 0);
	int second = evs_device_write(dev, zeros, BLOCK, image->copy_size);
	int synced = evs_device_sync(dev);

	return first ? first : second ? second : synced;
}

static int write_new(const struct evs_image *image, const struct evs_device *dev, uint64_t end)
{
	size_t size = image->copy_size;
	int ret;

	ret = evs_image_unmake(image, dev);
	if (!ret)
		ret = put(image, dev, BLOCK, size - BLOCK);
	if (!ret)
		ret = put(image, dev, size + BLOCK, end - size - BLOCK);
	/* Either of them alone makes a whole disk from now on. */
	if (!ret)
		ret = put(image, dev, size, BLOCK);
	if (!ret)
		ret = put(image, dev, 0, BLOCK);
	if (ret)
		evs_image_unmake(image, dev);
	return ret;
}

static int write_over(const struct evs_image *image, const struct evs_device *dev, uint64_t end)
{
	uint64_t areas = EVS_COPIES * image->copy_size;
	int i, ret;

	ret = put(image, dev, areas, end - areas);
	for (i = 0; i < EVS_COPIES && !ret; i++)
		ret = put_copy(image, dev, i);
	return ret;
}

int evs_image_write(const struct evs_image *image, const struct evs_device *dev, uint64_t end,
		    bool replace, struct evs_error *err)
{
	int udev = evs_lock_udev(dev);
	int ret = replace ? write_over(image, dev, end) : write_new(image, dev, end);

	evs_lock_udev_release(udev);
	return ret ? cannot_write(dev, ret, err) : 0;
}
