// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "volume-private.h"

#define DATA_OFFSET (16 << 20)	/* room for key slots of stock cryptsetup */
#define HEADER_SIZE 0x4000	/* of each of the two copies */
#define UUID_OFFSET 168		/* in a LUKS2 binary header */
#define SMALL_SECTOR 512U
#define LARGE_SECTOR 4096U
#define KEYSLOT 0

/* Decides the sector size; refuses what the device cannot do. */
static int check_geometry(int fd, const char *path, unsigned int *sector_size,
			  struct evs_error *err)
{
	unsigned int block_size;
	uint64_t size;
	int ret;

	ret = evs_device_size(fd, path, &size, &block_size, err);
	if (ret)
		return ret;
	if (size < DATA_OFFSET + LARGE_SECTOR)
		return evs_error_set(err, ENOSPC,
				     "%s: %llu bytes are too small: the header alone takes 16 MiB",
				     path, (unsigned long long)size);
	if (!*sector_size)
		*sector_size = size % LARGE_SECTOR ? SMALL_SECTOR : LARGE_SECTOR;
	if (*sector_size != SMALL_SECTOR && *sector_size != LARGE_SECTOR)
		return evs_error_set(err, EINVAL, "sector size %u is neither 512 nor 4096",
				     *sector_size);
	if (*sector_size < block_size)
		return evs_error_set(err, EINVAL,
				     "%s: sector size %u is not possible: the device has sectors of %u bytes",
				     path, *sector_size, block_size);
	if (size % *sector_size)
		return evs_error_set(err, EINVAL,
				     "%s: sector size %u is not possible: the device's size is no multiple of it",
				     path, *sector_size);
	return 0;
}

/*
 * What was on the device must not be found beside the new header, such as the
 * second copy of a partition table at its end.
 */
static int wipe_signatures(int fd, const char *path, struct evs_error *err)
{
	blkid_probe probe = evs_blkid_new(fd);
	int found;

	if (!probe)
		return evs_error_set(err, EIO, "%s: cannot be probed", path);
	while ((found = blkid_do_probe(probe)) == 0) {
		if (blkid_do_wipe(probe, 0)) {
			found = -1;
			break;
		}
	}
	blkid_free_probe(probe);
	if (found < 0)
		return evs_error_set(err, EIO, "%s: cannot wipe what is on it", path);
	return 0;
}

/* Only a block device can be claimed; for a file the flag would mean nothing. */
static int prepare(const char *path, unsigned int *sector_size, struct evs_error *err)
{
	struct stat st;
	int fd, ret;

	if (stat(path, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	fd = evs_device_open(path, O_RDWR | (S_ISBLK(st.st_mode) ? O_EXCL : 0), err);
	if (fd < 0)
		return err->errnum == EBUSY ?
		       evs_error_set(err, EBUSY, "%s: is in use", path) : fd;
	ret = check_geometry(fd, path, sector_size, err);
	if (!ret)
		ret = wipe_signatures(fd, path, err);
	if (close(fd) && !ret)
		ret = evs_error_set(err, errno, "%s: %m", path);
	return ret;
}

/*
 * Wipes what a format that failed half-way may have written. The UUID in a
 * copy shows that it is ours: the format may as well have failed because the
 * device belongs to somebody else.
 */
static void undo(const char *path, const char *uuid)
{
	static const off_t copy[] = { 0, HEADER_SIZE };
	static const char zeros[HEADER_SIZE];
	struct evs_error ignored = {};
	char found[EVS_UUID_SIZE] = "";
	size_t i;
	int fd;

	fd = evs_device_open(path, O_RDWR, &ignored);
	if (fd < 0)
		return;
	for (i = 0; i < sizeof(copy) / sizeof(copy[0]); i++) {
		if (pread(fd, found, EVS_UUID_SIZE - 1, copy[i] + UUID_OFFSET) !=
		    EVS_UUID_SIZE - 1 || strcmp(found, uuid))
			continue;
		/* A device that cannot be written any more keeps what it has. */
		if (pwrite(fd, zeros, sizeof(zeros), copy[i]) != (ssize_t)sizeof(zeros))
			break;
	}
	fsync(fd);
	close(fd);
}

/*
 * cryptsetup's tokens open key slots, nothing else. So there is one that the DK
 * opens, for hosts without the driver. It needs no costly derivation: whoever can
 * guess 512 random bits need not open it any more.
 */
static int add_keyslot(struct crypt_device *cd, const struct evs_secret *dk)
{
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = 1000,	/* the least that the library takes */
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	const char *key = (const char *)dk->data;
	int ret;

	ret = crypt_set_pbkdf_type(cd, &pbkdf);
	if (!ret)
		ret = crypt_keyslot_add_by_volume_key(cd, KEYSLOT, key, dk->size, key, dk->size);
	return ret < 0 ? ret : 0;
}

static int write_header(struct crypt_device *cd, const struct evs_format *fmt,
			unsigned int sector_size, const char *token,
			const struct evs_secret *dk)
{
	struct crypt_params_luks2 params = {
		.sector_size = sector_size,
		.label = fmt->label,
		.subsystem = EVS_SUBSYSTEM,
	};
	int ret;

	ret = crypt_set_metadata_size(cd, HEADER_SIZE, DATA_OFFSET - 2 * HEADER_SIZE);
	if (ret < 0)
		return ret;
	ret = crypt_set_data_offset(cd, DATA_OFFSET / SMALL_SECTOR);
	if (ret < 0)
		return ret;
	ret = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", fmt->uuid,
			   (const char *)dk->data, dk->size, &params);
	if (!ret)
		ret = add_keyslot(cd, dk);
	if (ret < 0)
		return ret;
	ret = crypt_token_json_set(cd, CRYPT_ANY_TOKEN, token);
	return ret < 0 ? ret : 0;
}

static int check_arguments(const struct evs_format *fmt, const struct evs_secret *dk,
			   struct evs_error *err)
{
	if (!evs_uuid_valid(fmt->uuid))
		return evs_error_set(err, EINVAL, "bad UUID: \"%s\"", fmt->uuid);
	if (fmt->label && strlen(fmt->label) > EVS_LABEL_MAX)
		return evs_error_set(err, EINVAL, "the label is longer than %d bytes",
				     EVS_LABEL_MAX);
	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	return 0;
}

int evs_volume_format(const char *path, const struct evs_format *fmt,
		      const struct evs_token *token, const struct evs_secret *dk,
		      struct evs_error *err)
{
	unsigned int sector_size = fmt->sector_size;
	struct evs_token written = *token;
	char json[EVS_TOKEN_JSON_MAX];
	struct evs_volume *vol;
	struct crypt_device *cd;
	struct evs_crypt_log log;
	int ret;

	written.keyslots = UINT32_C(1) << KEYSLOT;
	ret = check_arguments(fmt, dk, err);
	if (!ret)
		ret = evs_token_to_json(&written, json, err);
	if (!ret)
		ret = prepare(path, &sector_size, err);
	if (!ret)
		ret = evs_crypt_init(&cd, path, &log, err);
	if (ret)
		return ret;
	ret = write_header(cd, fmt, sector_size, json, dk);
	crypt_free(cd);
	if (ret) {
		evs_error_set(err, -ret, "%s: cannot write the header: %s", path,
			      *log.text ? log.text : strerror(-ret));
		goto err_undo;
	}
	/* Read it back: a disk that cannot be attached is worse than none. */
	ret = evs_volume_open(&vol, path, err);
	if (ret)
		goto err_undo;
	ret = evs_volume_verify_dk(vol, dk, err);
	evs_volume_close(vol);
	if (ret)
		goto err_undo;
	return 0;

err_undo:
	undo(path, fmt->uuid);
	return ret;
}
