// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qcow2, by qemu-img. What an image says about itself is looked at before qemu-img opens
 * it: opening one that names other files would open these, too.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-img.h"
#include "run.h"

#define MAGIC "QFI\xfb"
#define VERSION_OLD 2
#define VERSION 3
#define DATA_FILE (UINT64_C(1) << 2)	/* of the incompatible features */

/* The first fields of the header; all numbers have the most significant byte first */
struct header {
	char magic[4];
	uint32_t version;
	uint64_t backing_offset;
	uint32_t backing_size;
	uint32_t cluster_bits;
	uint64_t size;
	uint32_t encryption;
	uint32_t l1_size;
	uint64_t l1_offset;
	uint64_t refcount_offset;
	uint32_t refcount_clusters;
	uint32_t snapshots;
	uint64_t snapshots_offset;
	uint64_t incompatible;
} __attribute__((packed));

/* Nobody else may open it for writing from here on; a file system may have no leases. */
static int hold(const struct evs_device *file, struct evs_error *err)
{
	if (file->is_file && fcntl(file->fd, F_SETLEASE, F_RDLCK) && errno == EAGAIN)
		return evs_error_set(err, EBUSY, "%s: another program has it open for writing",
				     file->path);
	return 0;
}

static int refuse(const struct evs_device *file, const char *why, struct evs_error *err)
{
	return evs_error_set(err, EPERM, "%s: %s", file->path, why);
}

static int check_header(const struct evs_device *file, struct evs_error *err)
{
	struct header header;
	uint32_t version;
	int ret;

	ret = evs_device_read(file, &header, sizeof(header), 0);
	if (ret)
		return evs_error_set(err, -ret, "%s: %s", file->path, strerror(-ret));
	version = be32toh(header.version);
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) ||
	    (version != VERSION_OLD && version != VERSION))
		return evs_error_set(err, EMEDIUMTYPE, "%s: is no qcow2 image; see --format",
				     file->path);
	if (header.backing_offset)
		return refuse(file, "has a backing file, which would be read as well: make an image that stands alone by qemu-img convert, where it comes from",
			      err);
	if (version == VERSION && be64toh(header.incompatible) & DATA_FILE)
		return refuse(file, "has its data in another file, which would be read as well: make an image that stands alone by qemu-img convert, where it comes from",
			      err);
	if (header.encryption)
		return refuse(file, "is encrypted by QEMU; decrypt it by qemu-img convert first",
			      err);
	return 0;
}

/* The same in the eyes of qemu-img */
static int check_info(const struct evs_device *file, json_object *info, uint64_t *size,
		      struct evs_error *err)
{
	static const char *const bad[] = { "backing-filename", "full-backing-filename" };
	json_object *value, *specific = NULL, *data = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (json_object_object_get_ex(info, bad[i], &value))
			return refuse(file, "has a backing file", err);
	if (json_object_object_get_ex(info, "format-specific", &specific) &&
	    json_object_object_get_ex(specific, "data", &data) &&
	    json_object_object_get_ex(data, "data-file", &value))
		return refuse(file, "has its data in another file", err);
	if (!json_object_object_get_ex(info, "virtual-size", &value) ||
	    json_object_get_int64(value) <= 0)
		return evs_error_set(err, EBADMSG, "%s: does not say how much it holds",
				     file->path);
	*size = (uint64_t)json_object_get_int64(value);
	return 0;
}

/* Takes one more line of what qemu-img says. */
static int collect(void *arg, const char *line, struct evs_error *err)
{
	char **text = arg, *longer;

	if (asprintf(&longer, "%s%s", *text ? *text : "", line) < 0)
		return evs_error_set(err, ENOMEM, "out of memory");
	free(*text);
	*text = longer;
	return 0;
}

int qemu_img_check(const struct evs_device *file, uint64_t *size, struct evs_error *err)
{
	static const char *const argv[] = {
		"qemu-img", "info", "--output=json", "-f", "qcow2", "/proc/self/fd/0", NULL
	};
	char *text = NULL;
	struct evs_run run = { .argv = argv, .input = file->fd, .line = collect, .arg = &text };
	json_object *info;
	int ret;

	ret = hold(file, err);
	if (!ret)
		ret = check_header(file, err);
	if (!ret)
		ret = evs_run_program(&run, err);
	if (!ret) {
		info = text ? json_tokener_parse(text) : NULL;
		ret = info ? check_info(file, info, size, err) :
		      evs_error_set(err, EPROTO, "qemu-img: its answer is no JSON");
		json_object_put(info);
	}
	free(text);
	return ret;
}

/* ---- with progress ---- */

/**
 * struct watch - A conversion that is under way.
 * @progress: told of it
 * @size: bytes in all
 */
struct watch {
	struct progress *progress;
	uint64_t size;
};

/* qemu-img writes "    (12.34/100%)" and a carriage return. */
static int watch_line(void *arg, const char *line, struct evs_error *err)
{
	const struct watch *watch = arg;
	const char *open = strchr(line, '(');
	double percent = open ? strtod(open + 1, NULL) : 0;

	if (!open || percent < 0 || percent > 100)
		return 0;
	return progress_tell(watch->progress, (uint64_t)(percent / 100 * (double)watch->size),
			     watch->size, err);
}

static int convert(const char *const argv[], int input, uint64_t size,
		   struct progress *progress, struct evs_error *err)
{
	struct watch watch = { progress, size };
	struct evs_run run = { .argv = argv, .input = input, .line = watch_line, .arg = &watch };
	int ret;

	ret = progress_tell(progress, 0, size, err);
	return ret ? ret : evs_run_program(&run, err);
}

int qemu_img_read(const struct evs_device *file, const char *target, bool zeros, uint64_t size,
		  struct progress *progress, struct evs_error *err)
{
	const char *const argv[] = {
		"qemu-img", "convert", "-p", "-n", "-t", "none", "-O", "raw",
		zeros ? "-q" : "--target-is-zero",
		"json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":{\"driver\":\"file\",\"filename\":\"/proc/self/fd/0\"}}",
		target, NULL
	};
	int ret = convert(argv, file->fd, size, progress, err);

	/* Somebody who waits to write for long gets the file. */
	if (!ret && file->is_file && fcntl(file->fd, F_GETLEASE) == F_UNLCK && hold(file, err))
		ret = -err->errnum;
	return ret;
}

int qemu_img_write(const struct evs_device *source, const char *target, uint64_t size,
		   struct progress *progress, struct evs_error *err)
{
	const char *const argv[] = {
		"qemu-img", "convert", "-p", "-f", "raw", "-O", "qcow2", "/proc/self/fd/0", target,
		NULL
	};

	return convert(argv, source->fd, size, progress, err);
}
