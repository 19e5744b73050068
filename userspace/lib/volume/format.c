// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "volume/private.h"

#define HEADER_SIZE 0x4000	/* of each of the two copies */
#define SMALL_SECTOR 512U
#define LARGE_SECTOR 4096U
#define KEYSLOT 0

int evs_volume_check_format(const struct evs_device *dev, struct evs_format *fmt,
			    struct evs_error *err)
{
	unsigned int block_size;
	uint64_t size;
	int ret;

	ret = evs_device_size(dev, &size, &block_size, err);
	if (ret)
		return ret;
	if (size < EVS_DATA_OFFSET + LARGE_SECTOR)
		return evs_error_set(err, ENOSPC,
				     "%s: %llu bytes are too small: the header alone takes 16 MiB",
				     dev->path, (unsigned long long)size);
	if (!fmt->sector_size)
		fmt->sector_size = size % LARGE_SECTOR ? SMALL_SECTOR : LARGE_SECTOR;
	if (fmt->sector_size != SMALL_SECTOR && fmt->sector_size != LARGE_SECTOR)
		return evs_error_set(err, EINVAL, "sector size %u is neither 512 nor 4096",
				     fmt->sector_size);
	if (fmt->sector_size < block_size)
		return evs_error_set(err, EINVAL,
				     "%s: sector size %u is not possible: the device has sectors of %u bytes",
				     dev->path, fmt->sector_size, block_size);
	if (size % fmt->sector_size)
		return evs_error_set(err, EINVAL,
				     "%s: sector size %u is not possible: the device's size is no multiple of it",
				     dev->path, fmt->sector_size);
	return 0;
}

/* It needs no costly derivation: whoever can guess 512 random bits need open nothing more. */
int evs_crypt_set_pbkdf(struct crypt_device *cd)
{
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = 1000,	/* the least that the library takes */
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};

	return crypt_set_pbkdf_type(cd, &pbkdf);
}

/*
 * cryptsetup's tokens open key slots, nothing else. So there is one that the DK
 * opens, for hosts without the driver.
 */
int evs_volume_add_slot(struct crypt_device *cd, int slot, const struct evs_secret *dk,
			const struct evs_secret *by)
{
	int ret = evs_crypt_set_pbkdf(cd);

	if (!ret)
		ret = crypt_keyslot_add_by_volume_key(cd, slot, (const char *)dk->data, dk->size,
						      (const char *)by->data, by->size);
	return ret;
}

static int format_image(struct crypt_device *cd, const struct evs_format *fmt,
			const char *token, const struct evs_secret *dk)
{
	struct crypt_params_luks2 params = {
		.sector_size = fmt->sector_size,
		.label = fmt->label,
		.subsystem = EVS_SUBSYSTEM,
	};
	int ret;

	ret = crypt_set_metadata_size(cd, HEADER_SIZE, EVS_DATA_OFFSET - 2 * HEADER_SIZE);
	if (ret < 0)
		return ret;
	ret = crypt_set_data_offset(cd, EVS_DATA_OFFSET / SMALL_SECTOR);
	if (ret < 0)
		return ret;
	ret = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", fmt->uuid,
			   (const char *)dk->data, dk->size, &params);
	if (!ret)
		ret = evs_volume_add_slot(cd, KEYSLOT, dk, dk);
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
	if (fmt->label && evs_label_check(fmt->label, err))
		return -err->errnum;
	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	return 0;
}

/* The whole header in memory, with key slot and token */
static int make_image(struct evs_image *image, const struct evs_device *dev,
		      const struct evs_format *fmt, const char *token,
		      const struct evs_secret *dk, struct evs_error *err)
{
	struct crypt_device *cd;
	struct evs_crypt_log log;
	int ret;

	ret = evs_image_new(image, EVS_DATA_OFFSET + LARGE_SECTOR, HEADER_SIZE, err);
	if (ret)
		return ret;
	ret = evs_crypt_init(&cd, image->path, dev->path, &log, err);
	if (!ret) {
		ret = format_image(cd, fmt, token, dk);
		if (ret)
			evs_error_set(err, -ret, "%s: cannot make the header: %s", dev->path,
				      *log.text ? log.text : strerror(-ret));
		crypt_free(cd);
	}
	if (ret)
		evs_image_free(image);
	return ret;
}

/* Reads it back: a disk that cannot be attached is worse than none. */
static int check_written(const struct evs_device *dev, const struct evs_secret *dk,
			 struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_open(&vol, dev, 0, err);
	if (ret)
		return ret;
	if (*evs_volume_damage(vol))
		ret = evs_error_set(err, EIO, "%s: %s", dev->path, evs_volume_damage(vol));
	else
		ret = evs_volume_verify_dk(vol, dk, err);
	evs_volume_close(vol);
	return ret;
}

int evs_volume_format(const struct evs_device *dev, const struct evs_format *fmt,
		      const struct evs_token *token, const struct evs_secret *dk,
		      struct evs_error *err)
{
	struct evs_token written = *token;
	struct evs_format form = *fmt;
	char json[EVS_TOKEN_JSON_MAX];
	struct evs_image image;
	int ret;

	written.keyslots = UINT32_C(1) << KEYSLOT;
	ret = check_arguments(fmt, dk, err);
	if (!ret)
		ret = evs_volume_check_format(dev, &form, err);
	if (!ret)
		ret = evs_token_to_json(&written, json, err);
	if (!ret)
		ret = make_image(&image, dev, &form, json, dk, err);
	if (ret)
		return ret;
	ret = evs_device_wipe(dev, err);
	if (!ret)
		ret = evs_image_write(&image, dev, EVS_DATA_OFFSET, false, err);
	if (!ret) {
		ret = check_written(dev, dk, err);
		if (ret)
			evs_image_unmake(&image, dev);
	}
	evs_image_free(&image);
	return ret;
}
