// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "volume/private.h"
#include "volume/slots.h"

static int failed(const struct evs_volume *vol, int ret, struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: cannot change the key slots: %s", vol->dev.path,
			     *vol->log.text ? vol->log.text : strerror(-ret));
}

static int read_areas(struct evs_volume *vol, struct evs_error *err)
{
	vol->log.text[0] = '\0';
	return evs_image_read_areas(&vol->image, &vol->dev, vol->header_size, err);
}

/* The key slots first: the header that names them is good only with them. */
static int write_all(struct evs_volume *vol, struct evs_error *err)
{
	int ret;

	ret = evs_image_update(&vol->image, &vol->dev, vol->header_size, err);
	return ret ? ret : evs_volume_load(vol, err);
}

/* The key slots that its tokens name, one bit for each */
static uint32_t own_slots(const struct evs_volume *vol)
{
	uint32_t slots = 0;
	size_t i;

	for (i = 0; i < vol->token_count; i++)
		slots |= vol->tokens[i].keyslots;
	return slots;
}

static bool is_used(const struct evs_volume *vol, int slot)
{
	crypt_keyslot_info info = crypt_keyslot_status(vol->cd, slot);

	return info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST ||
	       info == CRYPT_SLOT_UNBOUND;
}

unsigned int evs_volume_other_slots(const struct evs_volume *vol)
{
	uint32_t own = own_slots(vol);
	unsigned int count = 0;
	int slot;

	for (slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++)
		count += !(own & UINT32_C(1) << slot) && is_used(vol, slot) &&
			 crypt_keyslot_status(vol->cd, slot) != CRYPT_SLOT_UNBOUND;
	return count;
}

bool evs_volume_names_slot(const struct evs_volume *vol, const struct evs_token *token)
{
	crypt_keyslot_info info;
	int slot;

	for (slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++) {
		info = crypt_keyslot_status(vol->cd, slot);
		if (token->keyslots & UINT32_C(1) << slot &&
		    (info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST))
			return true;
	}
	return false;
}

/* By one key slot, or by any */
static int open_slot(struct evs_volume *vol, int slot, const struct evs_secret *passphrase,
		     struct evs_secret *dk, struct evs_error *err)
{
	size_t size = dk->size;
	int ret;

	ret = read_areas(vol, err);
	if (ret)
		return ret;
	ret = crypt_volume_key_get(vol->cd, slot, (char *)dk->data, &size,
				   (const char *)passphrase->data, passphrase->size);
	if (ret == -EPERM || ret == -ENOENT)
		return evs_error_set(err, EKEYREJECTED, "%s: no key slot opens with this passphrase",
				     vol->dev.path);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot open a key slot: %s", vol->dev.path,
				     *vol->log.text ? vol->log.text : strerror(-ret));
	if (size != EVS_DK_SIZE)
		return evs_error_set(err, EBADMSG,
				     "%s: no layout of an EVS disk: its key is not of 64 bytes",
				     vol->dev.path);
	return 0;
}

int evs_volume_unlock(struct evs_volume *vol, const struct evs_secret *passphrase,
		      struct evs_secret *dk, struct evs_error *err)
{
	return open_slot(vol, CRYPT_ANY_SLOT, passphrase, dk, err);
}

/* ---- adopt ---- */

int evs_volume_adopt(struct evs_volume *vol, struct evs_token *token,
		     const struct evs_secret *dk, struct evs_error *err)
{
	const char *label = crypt_get_label(vol->cd);
	char json[EVS_TOKEN_JSON_MAX];
	int ret;

	ret = read_areas(vol, err);
	if (ret)
		return ret;
	ret = evs_volume_add_slot(vol->cd, CRYPT_ANY_SLOT, dk, dk);
	if (ret < 0)
		return failed(vol, ret, err);
	token->keyslots = UINT32_C(1) << ret;
	ret = evs_token_to_json(token, json, err);
	if (ret)
		return ret;
	ret = crypt_token_json_set(vol->cd, CRYPT_ANY_TOKEN, json);
	if (ret >= 0)
		ret = crypt_set_label(vol->cd, label && *label ? label : NULL, EVS_SUBSYSTEM);
	if (ret < 0)
		return failed(vol, ret, err);
	ret = write_all(vol, err);
	return ret ? ret : evs_volume_read_tokens(vol, err);
}

/* ---- remove ---- */

static int destroy_slots(struct evs_volume *vol, uint32_t keep)
{
	int slot, ret = 0;

	for (slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2) && ret >= 0; slot++)
		if (!(keep & UINT32_C(1) << slot) && is_used(vol, slot))
			ret = crypt_keyslot_destroy(vol->cd, slot);
	return ret < 0 ? ret : 0;
}

int evs_volume_remove_slots(struct evs_volume *vol, struct evs_error *err)
{
	int ret;

	ret = read_areas(vol, err);
	if (ret)
		return ret;
	ret = destroy_slots(vol, own_slots(vol));
	if (ret)
		return failed(vol, ret, err);
	ret = write_all(vol, err);
	if (!ret)
		ret = evs_volume_read_tokens(vol, err);
	if (!ret && evs_volume_other_slots(vol))
		ret = evs_error_set(err, EIO, "%s: the key slots are still there", vol->dev.path);
	return ret;
}

int evs_volume_keep_only(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err)
{
	int keep = evs_volume_find_token(vol, token), ret;

	if (keep < 0)
		return evs_error_set(err, ENOENT, "%s: has no such token", vol->dev.path);
	ret = read_areas(vol, err);
	if (ret)
		return ret;
	ret = destroy_slots(vol, vol->tokens[keep].keyslots);
	if (!ret)
		ret = evs_volume_remove_tokens(vol, vol->token_ids[keep]);
	if (ret)
		return failed(vol, ret, err);
	ret = write_all(vol, err);
	if (!ret)
		ret = evs_volume_read_tokens(vol, err);
	if (!ret && (vol->token_count != 1 || evs_volume_find_token(vol, token)))
		ret = evs_error_set(err, EIO, "%s: the old token is still there", vol->dev.path);
	return ret;
}

/* ---- release ---- */

/*
 * What was written is read back, and opened. The header on the device does not name it
 * yet: cut short, nobody can open that, and the next passphrase is the only one. Returns
 * the number of the slot.
 */
static int add_passphrase(struct evs_volume *vol, const struct evs_secret *passphrase,
			  const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_secret *found;
	int slot, ret;

	ret = read_areas(vol, err);
	if (ret)
		return ret;
	slot = crypt_keyslot_add_by_volume_key(vol->cd, CRYPT_ANY_SLOT, (const char *)dk->data,
					       dk->size, (const char *)passphrase->data,
					       passphrase->size);
	if (slot < 0)
		return failed(vol, slot, err);
	ret = evs_image_write_areas(&vol->image, &vol->dev, vol->header_size, err);
	if (ret)
		return ret;
	found = evs_secret_alloc(EVS_DK_SIZE);
	if (!found)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = open_slot(vol, slot, passphrase, found, err);
	if (!ret && memcmp(found->data, dk->data, EVS_DK_SIZE))
		ret = evs_error_set(err, EIO, "%s: the new key slot was not written",
				    vol->dev.path);
	evs_secret_free(found);
	return ret ? ret : slot;
}

int evs_volume_release(struct evs_volume *vol, const struct evs_secret *passphrase,
		       const struct evs_secret *dk, struct evs_error *err)
{
	uint32_t own = own_slots(vol);
	const char *label;
	int ret;

	ret = add_passphrase(vol, passphrase, dk, err);
	if (ret < 0)
		return ret;
	/* A slot of a passphrase may have been given to a token. */
	own &= ~(UINT32_C(1) << ret);
	ret = destroy_slots(vol, ~own);
	if (!ret)
		ret = evs_volume_remove_tokens(vol, -1);
	label = crypt_get_label(vol->cd);
	if (!ret)
		ret = crypt_set_label(vol->cd, label && *label ? label : NULL, NULL);
	if (ret < 0)
		return failed(vol, ret, err);
	ret = write_all(vol, err);
	if (!ret && evs_volume_has_token(vol))
		ret = evs_error_set(err, EIO, "%s: the token is still there", vol->dev.path);
	return ret;
}
