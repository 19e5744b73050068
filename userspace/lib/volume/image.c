// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The header of a disk as an image in memory: read from the device, loaded and
 * changed by libcryptsetup, written back (write.c). See struct evs_image.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
