// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kms/json.h"
#include "volume/private.h"
#include "volume/rekey.h"
#include "volume/slots.h"

#define SECTOR 512
#define FIRST "0"		/* the segment that stays */

static int failed(const struct evs_volume *vol, int ret, struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: cannot be re-keyed: %s", vol->dev.path,
			     *vol->log.text ? vol->log.text : strerror(-ret));
}

/* ---- what the header says ---- */

/* Is this text in the array? Then also remove it, where that is wanted. */
static bool find_text(json_object *array, const char *text, bool remove)
{
	size_t i;

	for (i = 0; array && json_object_is_type(array, json_type_array) &&
	     i < json_object_array_length(array); i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), text))
			continue;
		if (remove)
			json_object_array_del_idx(array, i, 1);
		return true;
	}
	return false;
}

static json_object *get_json(struct crypt_device *cd)
{
	const char *json;

	return crypt_dump_json(cd, &json, 0) < 0 ? NULL : evs_json_parse(json, strlen(json));
}

static bool is_backup(json_object *segment)
{
	json_object *flags = json_object_object_get(segment, "flags");

	return find_text(flags, "backup-previous", false) ||
	       find_text(flags, "backup-final", false);
}

/* One segment with the digest of the final one: then all data has the new key. */
static bool is_written(json_object *root)
{
	json_object *segments = json_object_object_get(root, "segments"), *list;
	const char *final = "";
	size_t count = 0;

	json_object_object_foreach(segments, name, segment) {
		count += !is_backup(segment);
		if (find_text(json_object_object_get(segment, "flags"), "backup-final", false))
			final = name;
		if (find_text(json_object_object_get(segment, "flags"), "in-reencryption", false))
			return false;
	}
	if (count != 1)
		return false;
	json_object_object_foreach(json_object_object_get(root, "digests"), id, digest) {
		(void)id;
		list = json_object_object_get(digest, "segments");
		if (find_text(list, FIRST, false))
			return find_text(list, final, false);
	}
	return false;
}

static enum evs_rekey_state get_state(struct crypt_device *cd)
{
	enum evs_rekey_state state = EVS_REKEY_BEGUN;
	json_object *root;

	if (crypt_reencrypt_status(cd, NULL) == CRYPT_REENCRYPT_NONE)
		return EVS_REKEY_NONE;
	root = get_json(cd);
	if (root && is_written(root))
		state = EVS_REKEY_WRITTEN;
	json_object_put(root);
	return state;
}

enum evs_rekey_state evs_volume_rekey_state(const struct evs_volume *vol)
{
	return get_state(vol->cd);
}

/* ---- begin ---- */

/* The image is as large as the disk for that: the library wants to know. */
static int begin_in_memory(struct evs_volume *vol, struct evs_token *token,
			   const struct evs_secret *old, const struct evs_secret *new)
{
	const struct crypt_params_luks2 luks2 = { .sector_size = vol->sector_size };
	const struct crypt_params_reencrypt params = {
		.mode = CRYPT_REENCRYPT_REENCRYPT,
		.direction = CRYPT_REENCRYPT_FORWARD,
		.resilience = "checksum",
		.hash = "sha256",
		.luks2 = &luks2,
		.flags = CRYPT_REENCRYPT_INITIALIZE_ONLY,
	};
	const char *key = (const char *)new->data;
	uint64_t size = vol->data_offset + vol->data_size;
	struct evs_error ignored = {};
	char json[EVS_TOKEN_JSON_MAX];
	int ret, previous, next;

	if (ftruncate(vol->image.dev.fd, (off_t)size))
		return -errno;
	previous = evs_volume_add_slot(vol->cd, CRYPT_ANY_SLOT, old, new);
	if (previous < 0)
		return previous;
	next = crypt_keyslot_add_by_key(vol->cd, CRYPT_ANY_SLOT, key, new->size, key, new->size,
					CRYPT_VOLUME_KEY_NO_SEGMENT);
	if (next < 0)
		return next;
	token->keyslots = UINT32_C(1) << next;
	ret = evs_token_to_json(token, json, &ignored);
	if (!ret)
		ret = crypt_token_json_set(vol->cd, CRYPT_ANY_TOKEN, json);
	if (ret >= 0)
		ret = crypt_reencrypt_init_by_passphrase(vol->cd, NULL, key, new->size, previous,
							 next, "aes", "xts-plain64", &params);
	return ret < 0 ? ret : 0;
}

int evs_volume_rekey_begin(struct evs_volume *vol, const struct evs_token *token,
			   const struct evs_secret *old, const struct evs_secret *new,
			   struct evs_error *err)
{
	struct evs_token named = *token;
	int ret;

	if (vol->token_count == EVS_TOKENS_MAX)
		return evs_error_set(err, ENOSPC, "%s: has %d tokens already", vol->dev.path,
				     EVS_TOKENS_MAX);
	vol->log.text[0] = '\0';
	ret = evs_image_read_areas(&vol->image, &vol->dev, vol->header_size, err);
	if (ret)
		return ret;
	ret = begin_in_memory(vol, &named, old, new);
	if (ret)
		return failed(vol, ret, err);
	/* The key slots first: the header that names them is good only with them. */
	ret = evs_image_update(&vol->image, &vol->dev, vol->header_size, err);
	if (!ret)
		ret = evs_volume_load(vol, err);
	if (!ret)
		ret = evs_volume_read_tokens(vol, err);
	if (!ret && evs_volume_rekey_state(vol) != EVS_REKEY_BEGUN)
		ret = evs_error_set(err, EIO, "%s: the new header was not written", vol->dev.path);
	return ret;
}

/* ---- run ---- */

/**
 * struct run - The data on its way.
 * @part: so many bytes at once
 * @size: of the data
 * @progress: called after each part
 * @arg: for @progress
 * @err: why it was ended
 */
struct run {
	size_t part;
	uint64_t size;
	evs_rekey_progress_fn *progress;
	void *arg;
	struct evs_error err;
};

static int tell(uint64_t size, uint64_t offset, void *arg)
{
	struct run *run = arg;

	return run->progress(run->arg, offset, size, &run->err);
}

static int load(struct crypt_device *cd, const struct evs_secret *new, struct run *run,
		uint32_t flags)
{
	const struct crypt_params_reencrypt params = {
		.resilience = "checksum",
		.hash = "sha256",
		.max_hotzone_size = run->part / SECTOR,
		/* Without it, a part of a sector at the end of the device counts. */
		.device_size = run->size / SECTOR,
		.flags = flags,
	};
	int ret = crypt_reencrypt_init_by_passphrase(cd, NULL, (const char *)new->data, new->size,
						     CRYPT_ANY_SLOT, CRYPT_ANY_SLOT, NULL, NULL,
						     &params);

	return ret < 0 ? ret : 0;
}

/*
 * libcryptsetup 2.6 begins anew at the first byte where it was cut short after the last
 * part, and encrypts with the new key what has it already: it must not run then.
 */
static int reencrypt(struct crypt_device *cd, const struct evs_secret *new, struct run *run)
{
	int ret;

	ret = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (!ret)
		ret = evs_crypt_set_pbkdf(cd);
	/* The part that it was cut short in */
	if (!ret && crypt_reencrypt_status(cd, NULL) == CRYPT_REENCRYPT_CRASH)
		ret = load(cd, new, run, CRYPT_REENCRYPT_RECOVERY);
	if (ret || get_state(cd) != EVS_REKEY_BEGUN)
		return ret;
	ret = load(cd, new, run, CRYPT_REENCRYPT_RESUME_ONLY);
	return ret ? ret : crypt_reencrypt_run(cd, tell, run);
}

int evs_volume_rekey_run(struct evs_volume *vol, const struct evs_secret *new, size_t part,
			 evs_rekey_progress_fn *progress, void *arg, struct evs_error *err)
{
	struct run run = { .part = part, .size = vol->data_size, .progress = progress, .arg = arg };
	struct crypt_device *cd;
	char path[32];
	bool done;
	int ret;

	/* What the descriptor leads to, whatever its path does */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vol->dev.fd);
	ret = evs_crypt_init(&cd, path, vol->dev.path, &vol->log, err);
	if (ret)
		return ret;
	ret = reencrypt(cd, new, &run);
	done = !ret && get_state(cd) != EVS_REKEY_BEGUN;
	crypt_free(cd);
	/* After the last part, it is too late to stop. */
	if (run.err.errnum && !done) {
		*err = run.err;
		return -err->errnum;
	}
	return ret ? failed(vol, ret, err) : 0;
}

/* ---- end ---- */

/* Start of a copy of the header, as LUKS2 has it on the disk; numbers are big-endian */
struct binary {
	char magic[6];
	uint16_t version;
	uint64_t size;
	uint64_t sequence;
	char label[48];
	char hash[32];
	unsigned char salt[64];
	char uuid[40];
	char subsystem[48];
	uint64_t offset;
	char padding[184];
	unsigned char sum[64];
	char rest[7 * SECTOR];
};

_Static_assert(offsetof(struct binary, sum) == 448 && sizeof(struct binary) == 4096, "header");

/* What knows of the old key but its token and key slots, which go in the usual way */
static void forget(json_object *root)
{
	json_object *segments = json_object_object_get(root, "segments");
	json_object *keyslots = json_object_object_get(root, "keyslots");
	char slot[16] = "", type[32];

	json_object_object_foreach(keyslots, id, keyslot) {
		if (!evs_json_text(keyslot, "type", type, sizeof(type)) &&
		    !strcmp(type, "reencrypt"))
			snprintf(slot, sizeof(slot), "%s", id);
	}
	json_object_object_del(keyslots, slot);
	json_object_object_foreach(json_object_object_get(root, "digests"), name, digest) {
		json_object *slots = json_object_object_get(digest, "keyslots");
		json_object *list = json_object_new_array();

		if (find_text(json_object_object_get(digest, "segments"), FIRST, false))
			json_object_array_add(list, json_object_new_string(FIRST));
		json_object_object_add(digest, "segments", list);
		/* That of the state of the re-encryption itself */
		if (find_text(slots, slot, true) && !json_object_array_length(slots))
			json_object_object_del(json_object_object_get(root, "digests"), name);
	}
	json_object_object_foreach(segments, number, segment) {
		(void)segment;
		if (strcmp(number, FIRST))
			json_object_object_del(segments, number);
	}
	json_object_object_del(json_object_object_get(root, "config"), "requirements");
}

static int put_copy(struct evs_volume *vol, int copy, const char *json)
{
	size_t size = vol->image.copy_size, length = strlen(json);
	unsigned char *data = calloc(1, size);
	struct binary *binary = (void *)data;
	uint64_t offset = copy * (uint64_t)size;
	int ret;

	if (!data)
		return -ENOMEM;
	ret = evs_device_read(&vol->image.dev, binary, sizeof(*binary), offset);
	if (!ret && (strcmp(binary->hash, "sha256") || length >= size - sizeof(*binary)))
		ret = -EOPNOTSUPP;
	if (!ret) {
		binary->sequence = htobe64(be64toh(binary->sequence) + 1);
		memset(binary->sum, 0, sizeof(binary->sum));
		memcpy(data + sizeof(*binary), json, length);
		if (EVP_Digest(data, size, binary->sum, NULL, EVP_sha256(), NULL) != 1)
			ret = -ENOMEM;
	}
	if (!ret)
		ret = evs_device_write(&vol->image.dev, data, size, offset);
	free(data);
	return ret;
}

/* What the library does itself where it comes to its end */
static int finish(struct evs_volume *vol, struct evs_error *err)
{
	json_object *root = get_json(vol->cd);
	const char *json;
	int copy, ret = 0;

	if (!root)
		return evs_error_set(err, ENOMEM, "%s: cannot parse the header", vol->dev.path);
	forget(root);
	json = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	for (copy = 0; !ret && copy < EVS_COPIES; copy++)
		ret = put_copy(vol, copy, json);
	json_object_put(root);
	vol->log.text[0] = '\0';
	return ret ? failed(vol, ret, err) : evs_volume_write(vol, err);
}

int evs_volume_rekey_end(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err)
{
	int ret = 0;

	if (evs_volume_rekey_state(vol) == EVS_REKEY_WRITTEN)
		ret = finish(vol, err);
	return ret ? ret : evs_volume_keep_only(vol, token, err);
}
