// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kms/json.h"
#include "text.h"
#include "volume/private.h"

#define SECTOR 512
#define BINARY_SIZE 4096	/* of a copy, before its JSON */
#define READ_TRIES 3
#define READ_PAUSE_MS 20

/* ---- libcryptsetup ---- */

/* Keeps the message, with the path that the user knows instead of that of the image. */
static void catch_log(int level, const char *message, void *user)
{
	struct evs_crypt_log *log = user;
	char text[sizeof(log->text)];
	const char *found;
	size_t len = strlen(message);

	if (!log || level != CRYPT_LOG_ERROR)
		return;
	while (len && (message[len - 1] == '\n' || message[len - 1] == '.'))
		len--;
	found = strstr(message, log->path);
	if (found && found + strlen(log->path) <= message + len) {
		snprintf(text, sizeof(text), "%.*s%s%.*s", (int)(found - message), message,
			 log->device, (int)(len - (size_t)(found - message) - strlen(log->path)),
			 found + strlen(log->path));
		message = text;
		len = strlen(text);
	}
	evs_text_copy(log->text, sizeof(log->text), message, len);
}

int evs_crypt_init(struct crypt_device **cd, const char *path, const char *device,
		   struct evs_crypt_log *log, struct evs_error *err)
{
	int ret;

	log->path = path;
	log->device = device;
	log->text[0] = '\0';
	/* Without these, messages would go to stderr and plug-ins would be loaded. */
	crypt_set_log_callback(NULL, catch_log, NULL);
	crypt_token_external_disable();
	ret = crypt_init(cd, path);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot be used: %s", device, strerror(-ret));
	crypt_set_log_callback(*cd, catch_log, log);
	return 0;
}

/* ---- checks of a header that loads ---- */

static int bad_layout(struct evs_error *err, const char *path, const char *why)
{
	return evs_error_set(err, EBADMSG, "%s: no layout of an EVS disk: %s", path, why);
}

/* One segment from the data offset to the end, encrypted as the driver does it. */
static int check_segment(json_object *segments, const char *path, struct evs_error *err)
{
	json_object *segment = json_object_object_get(segments, "0");
	char text[64];

	if (!segment || json_object_object_length(segments) != 1)
		return bad_layout(err, path, "more than one data segment");
	if (evs_json_text(segment, "type", text, sizeof(text)) || strcmp(text, "crypt"))
		return bad_layout(err, path, "the data segment is not encrypted");
	if (evs_json_text(segment, "encryption", text, sizeof(text)) ||
	    strcmp(text, "aes-xts-plain64"))
		return bad_layout(err, path, "the cipher is not aes-xts-plain64");
	if (evs_json_text(segment, "size", text, sizeof(text)) || strcmp(text, "dynamic"))
		return bad_layout(err, path, "the data segment has a fixed size");
	if (evs_json_text(segment, "iv_tweak", text, sizeof(text)) || strcmp(text, "0"))
		return bad_layout(err, path, "the first sector does not have the number 0");
	if (json_object_object_get(segment, "integrity"))
		return bad_layout(err, path, "it has integrity data");
	return 0;
}

/* The library has checked what the JSON says about its own size. */
static int read_header_size(struct evs_volume *vol, json_object *root, const char *path,
			    struct evs_error *err)
{
	json_object *config = json_object_object_get(root, "config");
	char json_size[32], areas_size[32];

	if (evs_json_text(config, "json_size", json_size, sizeof(json_size)) ||
	    evs_json_text(config, "keyslots_size", areas_size, sizeof(areas_size)))
		return bad_layout(err, path, "the header does not say how long it is");
	vol->header_size = EVS_COPIES * (strtoull(json_size, NULL, 10) + BINARY_SIZE) +
			   strtoull(areas_size, NULL, 10);
	if (vol->header_size < EVS_COPIES_END(&vol->image) ||
	    vol->header_size > crypt_get_data_offset(vol->cd) * SECTOR)
		return bad_layout(err, path, "the header is longer than the room before the data");
	return 0;
}

/* Its segments have two keys, which are the library's business. */
static int check_rekey(struct evs_volume *vol, const char *path, bool permitted,
		       struct evs_error *err)
{
	struct crypt_params_reencrypt params = {};

	crypt_reencrypt_status(vol->cd, &params);
	if (params.mode != CRYPT_REENCRYPT_REENCRYPT || strcmp(crypt_get_cipher(vol->cd), "aes") ||
	    strcmp(crypt_get_cipher_mode(vol->cd), "xts-plain64"))
		return bad_layout(err, path, "it is being re-encrypted by another program");
	return permitted ? 0 :
	       evs_error_set(err, EALREADY,
			     "%s: is getting a new data key, and that was cut short; go on by: evs-setup rekey %s",
			     path, path);
}

static int check_layout(struct evs_volume *vol, const char *path, unsigned int flags,
			struct evs_error *err)
{
	bool foreign = flags & EVS_VOLUME_FOREIGN, rekey;
	struct evs_error ignored = {};
	const char *subsystem = crypt_get_subsystem(vol->cd);
	uint32_t requirements = 0, activation = 0;
	json_object *root;
	const char *json;
	int key_size, ret;

	/* The subsystem is no more than a hint: cryptsetup config --label clears it. */
	if (!foreign && !evs_volume_has_token(vol) && (!subsystem || strcmp(subsystem, EVS_SUBSYSTEM)))
		return evs_error_set(err, EMEDIUMTYPE,
				     "%s: not an EVS disk but another LUKS2 disk", path);
	if (crypt_persistent_flags_get(vol->cd, CRYPT_FLAGS_REQUIREMENTS, &requirements))
		requirements = UINT32_MAX;
	/* What cryptsetup has begun has no token for the new key. */
	rekey = requirements == CRYPT_REQUIREMENT_ONLINE_REENCRYPT &&
		!evs_volume_read_tokens(vol, &ignored) && vol->token_count > 1;
	if (rekey && check_rekey(vol, path, flags & EVS_VOLUME_REKEY, err))
		return -err->errnum;
	if (requirements && !rekey)
		return bad_layout(err, path, "its header asks for more than this program knows");
	if (!crypt_persistent_flags_get(vol->cd, CRYPT_FLAGS_ACTIVATION, &activation))
		vol->allow_discards = activation & CRYPT_ACTIVATE_ALLOW_DISCARDS;
	/* Only key slots tell its size; without any, verifying the DK does. */
	key_size = crypt_get_volume_key_size(vol->cd);
	if (key_size > 0 && key_size != EVS_DK_SIZE)
		return bad_layout(err, path, "its key is not of 64 bytes");
	ret = crypt_dump_json(vol->cd, &json, 0);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot read the header: %s", path,
				     strerror(-ret));
	root = evs_json_parse(json, strlen(json));
	if (!root)
		return evs_error_set(err, ENOMEM, "%s: cannot parse the header", path);
	ret = rekey ? 0 : check_segment(json_object_object_get(root, "segments"), path, err);
	if (!ret)
		ret = read_header_size(vol, root, path, err);
	json_object_put(root);
	return ret;
}

static int read_geometry(struct evs_volume *vol, const char *path, bool header_only,
			 struct evs_error *err)
{
	const char *label = crypt_get_label(vol->cd), *uuid = crypt_get_uuid(vol->cd);
	unsigned int block_size, unit;
	uint64_t size;
	int ret;

	if (!uuid || !evs_uuid_valid(uuid))
		return bad_layout(err, path, "it has no UUID");
	strcpy(vol->uuid, uuid);
	if (label)
		evs_text_copy(vol->label, sizeof(vol->label), label, strlen(label));
	vol->sector_size = (unsigned int)crypt_get_sector_size(vol->cd);
	if (vol->sector_size != 512 && vol->sector_size != 4096)
		return bad_layout(err, path, "its sectors are neither of 512 nor of 4096 bytes");

	ret = evs_device_size(&vol->dev, &size, &block_size, err);
	if (ret)
		return ret;
	/* The library has checked that offset * 512 does not overflow. */
	vol->data_offset = crypt_get_data_offset(vol->cd) * SECTOR;
	if (header_only)
		return 0;
	/* The sum may overflow: the library believes any offset. */
	if (size < vol->sector_size || size - vol->sector_size < vol->data_offset)
		return bad_layout(err, path, "the device ends before the data begins");
	/* A data unit may be smaller than a block of the device: made on another one. */
	unit = vol->sector_size > block_size ? vol->sector_size : block_size;
	vol->data_size = (size - vol->data_offset) / unit * unit;
	return 0;
}

/* ---- opening ---- */

static void unload(struct evs_volume *vol)
{
	crypt_free(vol->cd);
	vol->cd = NULL;
	evs_image_free(&vol->image);
}

static int load_once(struct evs_volume *vol, struct evs_error *err)
{
	const char *path = vol->dev.path;
	int ret, i;

	ret = evs_image_load(&vol->image, &vol->dev, err);
	if (ret)
		return ret;
	ret = evs_crypt_init(&vol->cd, vol->image.path, path, &vol->log, err);
	if (ret)
		return ret;
	ret = crypt_load(vol->cd, CRYPT_LUKS2, NULL);
	if (!ret)
		return evs_image_compare(&vol->image, err);
	for (i = 0; i < EVS_COPIES; i++)
		if (vol->image.unreadable[i])
			return evs_error_set(err, vol->image.unreadable[i],
					     "%s: cannot be read: %s (%s copy of the header)", path,
					     strerror(vol->image.unreadable[i]),
					     i ? "second" : "first");
	return evs_error_set(err, EUCLEAN,
			     "%s: damaged header: no intact copy of the LUKS2 header%s%s%s", path,
			     *vol->log.text ? " (" : "", vol->log.text,
			     *vol->log.text ? ")" : "");
}

static bool is_damaged(const struct evs_volume *vol)
{
	return vol->image.damaged[0] || vol->image.damaged[1];
}

static void describe_damage(struct evs_volume *vol)
{
	const struct evs_image *image = &vol->image;
	int i;

	vol->damage[0] = '\0';
	for (i = 0; i < EVS_COPIES; i++)
		if (image->damaged[i])
			snprintf(vol->damage, sizeof(vol->damage),
				 "the %s copy of the header %s%s; the other one is intact",
				 i ? "second" : "first",
				 image->unreadable[i] ? "cannot be read: " : "is damaged",
				 image->unreadable[i] ? strerror(image->unreadable[i]) : "");
}

/*
 * What looks damaged may just be written by another program: only what is the same
 * when it is read again is damaged indeed.
 */
int evs_volume_load(struct evs_volume *vol, struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = READ_PAUSE_MS * 1000000 };
	struct evs_image before = {};
	int tries, ret;

	for (tries = 1;; tries++) {
		unload(vol);
		ret = load_once(vol, err);
		if (ret ? ret != -EUCLEAN : !is_damaged(vol))
			break;
		if (tries == READ_TRIES || (before.was && evs_image_same(&before, &vol->image)))
			break;
		evs_image_free(&before);
		before = vol->image;
		vol->image = (struct evs_image){};
		nanosleep(&pause, NULL);
	}
	evs_image_free(&before);
	if (!ret && is_damaged(vol) && evs_device_has_other(&vol->dev))
		ret = evs_error_set(err, EUCLEAN,
				    "%s: damaged header: only one copy of the LUKS2 header is intact, and something else is there as well (see wipefs)",
				    vol->dev.path);
	if (!ret)
		describe_damage(vol);
	return ret;
}

static int check(struct evs_volume *vol, unsigned int flags, struct evs_error *err)
{
	bool foreign = flags & EVS_VOLUME_FOREIGN;
	int ret;

	ret = check_layout(vol, vol->dev.path, flags, err);
	if (!ret)
		ret = read_geometry(vol, vol->dev.path, flags & EVS_VOLUME_HEADER, err);
	if (!ret && (!foreign || evs_volume_has_token(vol)))
		ret = evs_volume_read_tokens(vol, err);
	return ret;
}

int evs_volume_open(struct evs_volume **vol, const struct evs_device *dev, unsigned int flags,
		    struct evs_error *err)
{
	struct evs_volume *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	new->dev = *dev;
	ret = evs_volume_load(new, err);
	if (!ret)
		ret = check(new, flags, err);
	if (ret) {
		evs_volume_close(new);
		return ret;
	}
	*vol = new;
	return 0;
}

int evs_volume_repair(struct evs_volume *vol, const struct evs_device *dev,
		      struct evs_error *err)
{
	struct evs_device rw = *dev;
	int ret;

	if (!is_damaged(vol))
		return 0;
	if ((fcntl(dev->fd, F_GETFL) & O_ACCMODE) == O_RDONLY &&
	    evs_device_open_again(&rw, dev->fd, dev->path, O_RDWR, err))
		return -err->errnum;
	ret = evs_image_repair(&vol->image, &rw, err);
	if (rw.fd != dev->fd)
		evs_device_close(&rw);
	describe_damage(vol);
	return ret;
}

int evs_volume_read(struct evs_volume **vol, const char *path, unsigned int flags,
		    struct evs_error *err)
{
	struct evs_device dev;
	int ret;

	ret = evs_device_open(&dev, path, O_RDONLY, err);
	if (ret)
		return ret;
	ret = evs_volume_open(vol, &dev, flags, err);
	evs_device_close(&dev);
	return ret;
}

void evs_volume_close(struct evs_volume *vol)
{
	if (!vol)
		return;
	unload(vol);
	free(vol);
}

int evs_volume_verify_dk(struct evs_volume *vol, const struct evs_secret *dk,
			 struct evs_error *err)
{
	int ret;

	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	vol->log.text[0] = '\0';
	ret = crypt_volume_key_verify(vol->cd, (const char *)dk->data, dk->size);
	if (ret == -EPERM)
		return evs_error_set_class(err, EVS_CLASS_WRONG_KEY,
					   "the data key is not the key of this disk (%s)",
					   vol->uuid);
	if (ret < 0)
		return evs_error_set(err, -ret, "the data key cannot be checked: %s",
				     *vol->log.text ? vol->log.text : strerror(-ret));
	return 0;
}

const char *evs_volume_uuid(const struct evs_volume *vol)
{
	return vol->uuid;
}

const char *evs_volume_label(const struct evs_volume *vol)
{
	return vol->label;
}

bool evs_volume_allow_discards(const struct evs_volume *vol)
{
	return vol->allow_discards;
}

uint64_t evs_volume_data_offset(const struct evs_volume *vol)
{
	return vol->data_offset;
}

uint64_t evs_volume_data_size(const struct evs_volume *vol)
{
	return vol->data_size;
}

unsigned int evs_volume_sector_size(const struct evs_volume *vol)
{
	return vol->sector_size;
}

const char *evs_volume_damage(const struct evs_volume *vol)
{
	return vol->damage;
}
