// SPDX-License-Identifier: GPL-2.0-or-later
/* The new identity of a copy: until then, its header is that of the original. */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "hex.h"
#include "kms/json.h"
#include "volume/private.h"

#define DIGEST_MAX 256	/* base64 of a hash, as LUKS2 has it */

/* The digest of the volume key, "" when there is none */
static void get_digest(const struct evs_volume *vol, char *text, size_t size)
{
	json_object *root = NULL, *digests;
	const char *json;

	*text = '\0';
	if (crypt_dump_json(vol->cd, &json, 0) >= 0)
		root = evs_json_parse(json, strlen(json));
	digests = root ? json_object_object_get(root, "digests") : NULL;
	if (digests && json_object_is_type(digests, json_type_object)) {
		json_object_object_foreach(digests, name, digest) {
			(void)name;
			if (evs_json_text(digest, "digest", text, size))
				*text = '\0';
		}
	}
	json_object_put(root);
}

bool evs_volume_same_dk(const struct evs_volume *a, const struct evs_volume *b)
{
	char one[DIGEST_MAX], other[DIGEST_MAX];

	get_digest(a, one, sizeof(one));
	get_digest(b, other, sizeof(other));
	return *one && !strcmp(one, other);
}

void evs_volume_key_hash(const struct evs_volume *vol, char hash[EVS_KEY_HASH_SIZE])
{
	unsigned char bytes[EVS_KEY_HASH_SIZE / 2];
	char digest[DIGEST_MAX];

	*hash = '\0';
	get_digest(vol, digest, sizeof(digest));
	if (*digest && EVP_Digest(digest, strlen(digest), bytes, NULL, EVP_sha256(), NULL) == 1)
		evs_hex_encode(hash, bytes, sizeof(bytes));
}

/* In memory alone: it is written together with the token. */
static int rename_volume(struct evs_volume *vol, const char *uuid, const char *label,
			 struct evs_error *err)
{
	int ret;

	vol->log.text[0] = '\0';
	ret = crypt_set_uuid(vol->cd, uuid);
	if (!ret)
		ret = crypt_set_label(vol->cd, *label ? label : NULL, EVS_SUBSYSTEM);
	return ret < 0 ? evs_error_set(err, -ret, "%s: cannot change the header: %s",
				       vol->dev.path,
				       *vol->log.text ? vol->log.text : strerror(-ret)) : 0;
}

/* What was written is in @vol, read back. */
static int check_name(struct evs_volume *vol, const char *uuid, const char *label,
		      struct evs_error *err)
{
	const char *now = crypt_get_uuid(vol->cd), *named = crypt_get_label(vol->cd);

	if (!now || strcmp(now, uuid) || strcmp(named ? named : "", label))
		return evs_error_set(err, EIO, "%s: the new UUID and label were not written",
				     vol->dev.path);
	strcpy(vol->uuid, uuid);
	strcpy(vol->label, label);
	return 0;
}

int evs_volume_set_uuid(struct evs_volume *vol, const char *uuid, struct evs_error *err)
{
	char label[sizeof(vol->label)];
	int ret;

	strcpy(label, vol->label);
	ret = rename_volume(vol, uuid, label, err);
	if (!ret)
		ret = evs_volume_write(vol, err);
	return ret ? ret : check_name(vol, uuid, label, err);
}

int evs_volume_reidentify(struct evs_volume *vol, const char *uuid, const char *label,
			  const struct evs_token *old, const struct evs_token *token,
			  struct evs_error *err)
{
	int ret;

	if (!evs_uuid_valid(uuid))
		return evs_error_set(err, EINVAL, "bad UUID: \"%s\"", uuid);
	ret = evs_label_check(label, err);
	if (!ret)
		ret = rename_volume(vol, uuid, label, err);
	if (!ret)
		ret = evs_volume_replace_token(vol, old, token, err);
	return ret ? ret : check_name(vol, uuid, label, err);
}
