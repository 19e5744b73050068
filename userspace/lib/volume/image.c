// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The header of a disk as an image in memory: read from the device, loaded and
 * changed by libcryptsetup, written back. See struct evs_image.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lock.h"
#include "volume/image.h"

#define MAGIC_SIZE 6
#define MAGIC_FIRST "LUKS\xba\xbe"
#define MAGIC_SECOND "SKUL\xba\xbe"
#define COPY_MIN 0x4000		/* a copy has 16 KiB ... */
#define COPY_MAX 0x400000	/* ... or any power of two up to 4 MiB */
#define BLOCK 4096		/* the first one of a copy has its magic and checksum */
#define CHUNK (1 << 20)

/* More than a header with key slots can have: 2 * 4 MiB and 128 MiB */
#define LOADED_MAX (UINT64_C(256) << 20)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

/* The first bytes of a binary header */
struct start {
	char magic[MAGIC_SIZE];
	uint16_t version;
	uint64_t size;
};

/* ---- in memory ---- */

/* A kernel before 6.3 does not know the flag, a later one may insist on it. */
static int new_file(void)
{
	int fd = memfd_create("evs-header", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("evs-header", MFD_CLOEXEC);
	return fd;
}

int evs_image_new(struct evs_image *image, uint64_t size, size_t copy_size,
		  struct evs_error *err)
{
	memset(image, 0, sizeof(*image));
	image->dev.fd = new_file();
	if (image->dev.fd < 0)
		return evs_error_set(err, errno, "cannot make a file in memory: %m");
	snprintf(image->path, sizeof(image->path), "/proc/self/fd/%d", image->dev.fd);
	image->dev.path = image->path;
	image->dev.is_file = true;
	image->copy_size = copy_size;
	image->was = calloc(EVS_COPIES, copy_size);
	if (image->was && !ftruncate(image->dev.fd, (off_t)size))
		return 0;
	evs_error_set(err, errno, "cannot make a file in memory: %m");
	evs_image_free(image);
	return -err->errnum;
}

void evs_image_free(struct evs_image *image)
{
	if (image->dev.path)
		evs_device_close(&image->dev);
	free(image->was);
	memset(image, 0, sizeof(*image));
}

bool evs_image_same(const struct evs_image *a, const struct evs_image *b)
{
	return a->copy_size == b->copy_size &&
	       !memcmp(a->unreadable, b->unreadable, sizeof(a->unreadable)) &&
	       !memcmp(a->was, b->was, EVS_COPIES * a->copy_size);
}

/* ---- from the device ---- */

/**
 * struct finding - What there is of a header.
 * @first: magic of the first copy
 * @luks1: it is that of LUKS1
 * @copy_size: size of a copy, or 0
 * @errnum: of what could not be read, or 0
 */
struct finding {
	bool first;
	bool luks1;
	size_t copy_size;
	int errnum;
};

static size_t valid_size(const struct start *start)
{
	uint64_t size = be64toh(start->size);

	return size >= COPY_MIN && size <= COPY_MAX && !(size & (size - 1)) ? (size_t)size : 0;
}

static bool read_start(const struct evs_device *dev, uint64_t offset, const char *magic,
		       struct start *start, struct finding *found)
{
	char block[BLOCK];
	int ret = evs_device_read(dev, block, sizeof(block), offset);

	if (ret) {
		found->errnum = -ret;
		return false;
	}
	memcpy(start, block, sizeof(*start));
	return !memcmp(start->magic, magic, MAGIC_SIZE);
}

/* Only the first copy tells how long it is; without it the second has to be looked for. */
static void find_header(const struct evs_device *dev, struct finding *found)
{
	struct start start;
	size_t size;

	found->first = read_start(dev, 0, MAGIC_FIRST, &start, found);
	if (found->first) {
		found->luks1 = be16toh(start.version) == 1;
		found->copy_size = valid_size(&start);
		size = found->copy_size;
		if (size && read_start(dev, size, MAGIC_SECOND, &start, found))
			return;
	}
	for (size = COPY_MIN; size <= COPY_MAX; size *= 2) {
		if (!read_start(dev, size, MAGIC_SECOND, &start, found) ||
		    valid_size(&start) != size)
			continue;
		if (found->copy_size < size)
			found->copy_size = size;
		return;
	}
}

static int read_copies(struct evs_image *image, const struct evs_device *dev,
		       struct evs_error *err)
{
	size_t size = image->copy_size;
	int i, ret;

	for (i = 0; i < EVS_COPIES; i++) {
		ret = evs_device_read(dev, image->was + i * size, size, i * size);
		if (ret) {
			image->unreadable[i] = -ret;
			memset(image->was + i * size, 0, size);
		}
	}
	ret = evs_device_write(&image->dev, image->was, EVS_COPIES * size, 0);
	return ret ? evs_error_set(err, -ret, "%s: cannot be copied into memory: %s", dev->path,
				   strerror(-ret)) : 0;
}

int evs_image_load(struct evs_image *image, const struct evs_device *dev,
		   struct evs_error *err)
{
	struct finding found = {};
	uint64_t size;
	int ret;

	memset(image, 0, sizeof(*image));
	ret = evs_device_size(dev, &size, NULL, err);
	if (ret)
		return ret;
	find_header(dev, &found);
	if (found.luks1)
		return evs_error_set(err, EMEDIUMTYPE, "%s: not an EVS disk but a LUKS1 disk",
				     dev->path);
	/* What could not be read may be the header. */
	if (!found.copy_size && !found.first && found.errnum)
		return evs_error_set(err, found.errnum, "%s: cannot be read: %s", dev->path,
				     strerror(found.errnum));
	if (!found.copy_size && !found.first)
		return evs_error_set(err, EMEDIUMTYPE, "%s: not an EVS disk: no LUKS2 header",
				     dev->path);
	if (!found.copy_size)
		found.copy_size = COPY_MIN;
	ret = evs_image_new(image, size < LOADED_MAX ? size : LOADED_MAX, found.copy_size, err);
	if (!ret)
		ret = read_copies(image, dev, err);
	if (ret)
		evs_image_free(image);
	return ret;
}

int evs_image_compare(struct evs_image *image, struct evs_error *err)
{
	unsigned char *now = malloc(image->copy_size);
	int i, ret = 0;

	if (!now)
		return evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; i < EVS_COPIES && !ret; i++) {
		ret = evs_device_read(&image->dev, now, image->copy_size, i * image->copy_size);
		image->damaged[i] = memcmp(now, image->was + i * image->copy_size,
					   image->copy_size);
	}
	free(now);
	return ret ? evs_error_set(err, -ret, "cannot read the copy in memory: %s",
				   strerror(-ret)) : 0;
}

int evs_image_read_areas(struct evs_image *image, const struct evs_device *dev, uint64_t end,
			 struct evs_error *err)
{
	uint64_t offset = EVS_COPIES * image->copy_size;
	char *chunk = malloc(CHUNK);
	int ret = chunk ? 0 : -ENOMEM;
	size_t len;

	for (; !ret && offset < end; offset += len) {
		len = end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;
		ret = evs_device_read(dev, chunk, len, offset);
		if (!ret)
			ret = evs_device_write(&image->dev, chunk, len, offset);
	}
	free(chunk);
	return ret ? evs_error_set(err, -ret, "%s: cannot read the key slots: %s", dev->path,
				   strerror(-ret)) : 0;
}

/* ---- to the device ---- */

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
