// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "volume/private.h"

/* Returns whether there is a token of ours under this number. */
static bool is_ours(struct crypt_device *cd, int id)
{
	const char *type = NULL;
	crypt_token_info info = crypt_token_status(cd, id, &type);

	return info != CRYPT_TOKEN_INVALID && info != CRYPT_TOKEN_INACTIVE && type &&
	       !strcmp(type, EVS_TOKEN_TYPE);
}

bool evs_volume_has_token(const struct evs_volume *vol)
{
	int id;

	for (id = 0; id < crypt_token_max(CRYPT_LUKS2); id++)
		if (is_ours(vol->cd, id))
			return true;
	return false;
}

/* A token that is bad does no harm where another one is sound. */
int evs_volume_read_tokens(struct evs_volume *vol, struct evs_error *err)
{
	struct evs_error bad = {}, ignored = {}, *why = &bad;
	const char *json;
	int id, ret = 0;

	vol->token_count = 0;
	for (id = 0; id < crypt_token_max(CRYPT_LUKS2) && vol->token_count < EVS_TOKENS_MAX; id++) {
		if (!is_ours(vol->cd, id))
			continue;
		if (crypt_token_json_get(vol->cd, id, &json) < 0)
			ret = evs_error_set(why, EBADMSG, "cannot read token %d", id);
		else
			ret = evs_token_from_json(&vol->tokens[vol->token_count], json, why);
		if (!ret)
			vol->token_ids[vol->token_count++] = id;
		else if (why == &bad)
			why = &ignored;
	}
	if (vol->token_count)
		return 0;
	if (!bad.errnum)
		return evs_error_set(err, EMEDIUMTYPE,
			"%s: not an EVS disk: its header has no " EVS_TOKEN_TYPE " token",
			vol->dev.path);
	*err = bad;
	return evs_error_prefix(err, "%s", vol->dev.path);
}

const struct evs_token *evs_volume_token(const struct evs_volume *vol)
{
	return &vol->tokens[0];
}

size_t evs_volume_token_count(const struct evs_volume *vol)
{
	return vol->token_count;
}

const struct evs_token *evs_volume_token_at(const struct evs_volume *vol, size_t index)
{
	return &vol->tokens[index];
}

static bool same(const struct evs_token *a, const struct evs_token *b)
{
	size_t i;

	if (strcmp(a->kms, b->kms) || strcmp(a->cmk, b->cmk) ||
	    strcmp(a->wrapped_dk, b->wrapped_dk) || a->adopted != b->adopted || a->context.count != b->context.count)
		return false;
	for (i = 0; i < a->context.count; i++)
		if (strcmp(a->context.pair[i].name, b->context.pair[i].name) ||
		    strcmp(a->context.pair[i].value, b->context.pair[i].value))
			return false;
	return true;
}

int evs_volume_find_token(const struct evs_volume *vol, const struct evs_token *token)
{
	size_t i;

	for (i = 0; i < vol->token_count; i++)
		if (same(&vol->tokens[i], token))
			return (int)i;
	return -1;
}

static int cannot_change(const struct evs_volume *vol, int ret, struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: cannot change the header: %s", vol->dev.path,
			     *vol->log.text ? vol->log.text : strerror(-ret));
}

/* Only what is read back is proved to be there. */
int evs_volume_write(struct evs_volume *vol, struct evs_error *err)
{
	int ret;

	ret = evs_image_update(&vol->image, &vol->dev, 0, err);
	if (!ret)
		ret = evs_volume_load(vol, err);
	return ret ? ret : evs_volume_read_tokens(vol, err);
}

int evs_volume_add_token(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err)
{
	char json[EVS_TOKEN_JSON_MAX];
	int ret;

	if (vol->token_count == EVS_TOKENS_MAX)
		return evs_error_set(err, ENOSPC, "%s: has %d tokens already", vol->dev.path,
				     EVS_TOKENS_MAX);
	ret = evs_token_to_json(token, json, err);
	if (ret)
		return ret;
	vol->log.text[0] = '\0';
	ret = crypt_token_json_set(vol->cd, CRYPT_ANY_TOKEN, json);
	if (ret < 0)
		return cannot_change(vol, ret, err);
	ret = evs_volume_write(vol, err);
	if (!ret && evs_volume_find_token(vol, token) < 0)
		ret = evs_error_set(err, EIO, "%s: the new token was not written", vol->dev.path);
	return ret;
}

int evs_volume_remove_tokens(struct evs_volume *vol, int keep)
{
	int id, ret = 0;

	vol->log.text[0] = '\0';
	for (id = 0; id < crypt_token_max(CRYPT_LUKS2) && ret >= 0; id++)
		if (id != keep && is_ours(vol->cd, id))
			ret = crypt_token_json_set(vol->cd, id, NULL);
	return ret < 0 ? ret : 0;
}

int evs_volume_keep_token(struct evs_volume *vol, const struct evs_token *token,
			  struct evs_error *err)
{
	int keep = evs_volume_find_token(vol, token), ret;

	if (keep < 0)
		return evs_error_set(err, ENOENT, "%s: has no such token", vol->dev.path);
	ret = evs_volume_remove_tokens(vol, vol->token_ids[keep]);
	if (ret)
		return cannot_change(vol, ret, err);
	ret = evs_volume_write(vol, err);
	if (!ret && (vol->token_count != 1 || evs_volume_find_token(vol, token)))
		ret = evs_error_set(err, EIO, "%s: the old token is still there", vol->dev.path);
	return ret;
}

int evs_volume_replace_token(struct evs_volume *vol, const struct evs_token *old,
			     const struct evs_token *token, struct evs_error *err)
{
	int ret = 0;

	/* What an earlier rewrap left would be in the way of this one. */
	if (vol->token_count > 1)
		ret = evs_volume_keep_token(vol, old, err);
	if (!ret)
		ret = evs_volume_add_token(vol, token, err);
	if (!ret)
		ret = evs_volume_keep_token(vol, token, err);
	return ret;
}
