// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "token-json.h"
#include "volume/volume.h"

#define TOKEN_VERSION 1
#define TOKEN_DEPTH 4
#define KEYSLOTS 32	/* as many as LUKS2 can have */

static void context_add(struct evs_context *context, const char *name, const char *value)
{
	snprintf(context->pair[context->count].name, EVS_CONTEXT_NAME_MAX + 1, "%s", name);
	snprintf(context->pair[context->count].value, EVS_CONTEXT_VALUE_MAX + 1, "%s", value);
	context->count++;
}

int evs_token_init(struct evs_token *token, const char *kms, const char *cmk, const char *uuid,
		   struct evs_error *err)
{
	memset(token, 0, sizeof(*token));
	if (!evs_kms_name_valid(kms))
		return evs_error_set(err, EINVAL, "bad name of a KMS: \"%s\"", kms);
	if (!evs_cmk_ref_valid(cmk))
		return evs_error_set(err, EINVAL, "bad CMK id: \"%s\"", cmk);
	if (!evs_uuid_valid(uuid))
		return evs_error_set(err, EINVAL, "bad UUID: \"%s\"", uuid);
	strcpy(token->kms, kms);
	strcpy(token->cmk, cmk);
	context_add(&token->context, "purpose", "evs-dek");
	context_add(&token->context, EVS_CONTEXT_VOLUME, uuid);
	return 0;
}

/* Whatever fails, the value belongs to the object or is freed. */
static int add_string(json_object *object, const char *name, const char *value)
{
	json_object *string = json_object_new_string(value);

	if (!string || json_object_object_add(object, name, string)) {
		json_object_put(string);
		return -ENOMEM;
	}
	return 0;
}

static int add_object(json_object *object, const char *name, json_object *value)
{
	if (!value || json_object_object_add(object, name, value)) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

json_object *evs_context_to_json(const struct evs_context *context)
{
	json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; object && i < context->count; i++) {
		if (add_string(object, context->pair[i].name, context->pair[i].value)) {
			json_object_put(object);
			return NULL;
		}
	}
	return object;
}

/* LUKS2 names key slots by strings. */
static json_object *keyslots_to_json(uint32_t keyslots)
{
	json_object *array = json_object_new_array(), *name;
	unsigned int slot;
	char text[4];

	for (slot = 0; array && slot < KEYSLOTS; slot++) {
		if (!(keyslots & UINT32_C(1) << slot))
			continue;
		snprintf(text, sizeof(text), "%u", slot);
		name = json_object_new_string(text);
		if (!name || json_object_array_add(array, name)) {
			json_object_put(name);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

int evs_token_to_json(const struct evs_token *token, char *json, struct evs_error *err)
{
	json_object *root = json_object_new_object();
	const char *text = NULL;
	int ret;

	if (root && !add_string(root, "type", EVS_TOKEN_TYPE) &&
	    !add_object(root, "keyslots", keyslots_to_json(token->keyslots)) &&
	    !add_object(root, "version", json_object_new_int(TOKEN_VERSION)) &&
	    !add_string(root, "kms", token->kms) && !add_string(root, "cmk", token->cmk) &&
	    !add_object(root, "context", evs_context_to_json(&token->context)) &&
	    !add_string(root, "wrapped-dk", token->wrapped_dk) &&
	    (!token->adopted || !add_object(root, "adopted", json_object_new_boolean(true))))
		text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text) {
		ret = evs_error_set(err, ENOMEM, "out of memory");
	} else if (strlen(text) >= EVS_TOKEN_JSON_MAX) {
		ret = evs_error_set(err, EMSGSIZE, "token is larger than %d bytes",
				    EVS_TOKEN_JSON_MAX - 1);
	} else {
		strcpy(json, text);
		ret = 0;
	}
	json_object_put(root);
	return ret;
}

static int bad_token(struct evs_error *err, const char *field, const char *why)
{
	return evs_error_set(err, EBADMSG, "bad evs-kms token: \"%s\" %s", field, why);
}

/* A string with a NUL inside would be read shorter than it was checked. */
static int copy_string(json_object *value, const char *field, char *dst, size_t max,
		       struct evs_error *err)
{
	size_t len;

	if (!json_object_is_type(value, json_type_string))
		return bad_token(err, field, value ? "is no string" : "is missing");
	len = (size_t)json_object_get_string_len(value);
	if (!len || len > max)
		return bad_token(err, field, len ? "is too long" : "is empty");
	if (strlen(json_object_get_string(value)) != len)
		return bad_token(err, field, "has a NUL in it");
	memcpy(dst, json_object_get_string(value), len + 1);
	return 0;
}

static int get_string(json_object *root, const char *field, char *dst, size_t max,
		      struct evs_error *err)
{
	return copy_string(json_object_object_get(root, field), field, dst, max, err);
}

static int get_context(json_object *root, struct evs_context *context, struct evs_error *err)
{
	json_object *object = json_object_object_get(root, "context");
	int ret;

	if (!json_object_is_type(object, json_type_object))
		return bad_token(err, "context", object ? "is no object" : "is missing");
	json_object_object_foreach(object, name, value) {
		if (context->count == EVS_CONTEXT_PAIRS_MAX)
			return bad_token(err, "context", "has too many members");
		if (!*name || strlen(name) > EVS_CONTEXT_NAME_MAX)
			return bad_token(err, "context", "has a member of bad name");
		strcpy(context->pair[context->count].name, name);
		ret = copy_string(value, "context", context->pair[context->count].value,
				  EVS_CONTEXT_VALUE_MAX, err);
		if (ret)
			return ret;
		context->count++;
	}
	return 0;
}

static int get_keyslots(json_object *root, uint32_t *keyslots, struct evs_error *err)
{
	json_object *array = json_object_object_get(root, "keyslots");
	unsigned int slot;
	char text[4];
	size_t i;
	int ret;

	if (!json_object_is_type(array, json_type_array))
		return bad_token(err, "keyslots", array ? "is no array" : "is missing");
	for (i = 0; i < json_object_array_length(array); i++) {
		ret = copy_string(json_object_array_get_idx(array, i), "keyslots", text,
				  sizeof(text) - 1, err);
		if (ret)
			return ret;
		slot = strspn(text, "0123456789") == strlen(text) ?
		       (unsigned int)strtoul(text, NULL, 10) : KEYSLOTS;
		if (slot >= KEYSLOTS)
			return bad_token(err, "keyslots", "names none");
		*keyslots |= UINT32_C(1) << slot;
	}
	return 0;
}

static int get_adopted(json_object *root, bool *adopted, struct evs_error *err)
{
	json_object *value = json_object_object_get(root, "adopted");

	if (value && !json_object_is_type(value, json_type_boolean))
		return bad_token(err, "adopted", "is neither true nor false");
	*adopted = value && json_object_get_boolean(value);
	return 0;
}

static int get_fields(json_object *root, struct evs_token *token, struct evs_error *err)
{
	json_object *version = json_object_object_get(root, "version");
	int ret;

	if (!json_object_is_type(version, json_type_int))
		return bad_token(err, "version", version ? "is no integer" : "is missing");
	if (json_object_get_int64(version) != TOKEN_VERSION)
		return evs_error_set(err, EPROTONOSUPPORT,
				     "evs-kms token has version %lld, this program knows %d",
				     (long long)json_object_get_int64(version), TOKEN_VERSION);
	ret = get_keyslots(root, &token->keyslots, err);
	if (!ret)
		ret = get_adopted(root, &token->adopted, err);
	if (!ret)
		ret = get_string(root, "kms", token->kms, EVS_KMS_NAME_MAX, err);
	if (!ret)
		ret = get_string(root, "cmk", token->cmk, EVS_CMK_REF_SIZE - 1, err);
	if (!ret)
		ret = get_context(root, &token->context, err);
	if (!ret)
		ret = get_string(root, "wrapped-dk", token->wrapped_dk, EVS_WRAPPED_HEX_MAX, err);
	if (ret)
		return ret;
	if (!evs_kms_name_valid(token->kms))
		return bad_token(err, "kms", "is no name");
	if (!evs_cmk_ref_valid(token->cmk))
		return bad_token(err, "cmk", "is no CMK id");
	if (!evs_hex_valid(token->wrapped_dk))
		return bad_token(err, "wrapped-dk", "is no hex");
	return 0;
}

int evs_token_from_json(struct evs_token *token, const char *json, struct evs_error *err)
{
	size_t len = strnlen(json, EVS_TOKEN_JSON_MAX);
	json_tokener *tokener;
	json_object *root;
	int ret;

	memset(token, 0, sizeof(*token));
	if (len == EVS_TOKEN_JSON_MAX)
		return evs_error_set(err, EBADMSG, "bad evs-kms token: larger than %d bytes",
				     EVS_TOKEN_JSON_MAX - 1);
	tokener = json_tokener_new_ex(TOKEN_DEPTH);
	if (!tokener)
		return evs_error_set(err, ENOMEM, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, json, (int)len + 1);
	if (!json_object_is_type(root, json_type_object))
		ret = evs_error_set(err, EBADMSG, "bad evs-kms token: no JSON object");
	else
		ret = get_fields(root, token, err);
	json_object_put(root);
	json_tokener_free(tokener);
	return ret;
}
