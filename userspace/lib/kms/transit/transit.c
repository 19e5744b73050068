// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The transit engine of Vault and OpenBao. A CMK is a key of the engine, its id
 * the key's name. A wrapped DK is the engine's "vault:v1:..." text, as hex.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "hex.h"
#include "kms/json.h"
#include "kms/transit/private.h"

#define DK_BITS 512
#define CIPHERTEXT_MAX (EVS_WRAPPED_HEX_MAX / 2)
#define BODY_MAX 4096
#define AAD_TEXT_MAX (EVS_BASE64_LEN(EVS_CONTEXT_DIGEST_SIZE) + 1)

/* ---- CMKs ---- */

static int transit_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
				struct evs_error *err)
{
	struct evs_http_answer answer;
	json_object *root, *data;
	char type[32];
	int ret;

	ret = evs_transit_call(kms, "keys", ref, "", NULL, &answer, err);
	if (ret)
		return ret;
	data = evs_transit_data(&answer, &root);
	memset(cmk, 0, sizeof(*cmk));
	strcpy(cmk->id, ref);
	strcpy(cmk->alias, ref);
	strcpy(cmk->origin, "kms");
	cmk->state = json_object_get_boolean(json_object_object_get(data, "soft_deleted")) ?
		     EVS_CMK_STATE_DISABLED : EVS_CMK_STATE_ENABLED;
	if (evs_json_text(data, "type", type, sizeof(type)))
		ret = evs_transit_bad_answer(err, "no type of the key");
	else if (strcmp(type, "aes256-gcm96"))
		ret = evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					  "is of type %s, not aes256-gcm96", type);
	strcpy(cmk->spec, "AES_256");
	json_object_put(root);
	return ret;
}

static int transit_create_key(struct evs_kms *kms, const char *alias, const char *description,
			      char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	struct evs_http_answer answer;
	struct evs_cmk cmk;
	int ret;

	if (description)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "a key of transit has no description");
	/* Creating a key that exists does nothing and says nothing. */
	ret = transit_describe_key(kms, alias, &cmk, err);
	if (!ret)
		return evs_error_set_class(err, EVS_CLASS_ALIAS_EXISTS, "the key exists");
	if (err->class != EVS_CLASS_CMK_DELETED)
		return ret;
	ret = evs_transit_call(kms, "keys", alias, "", "{\"type\":\"aes256-gcm96\"}", &answer, err);
	if (!ret)
		strcpy(id, alias);
	return ret;
}

static int transit_rotate(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	struct evs_http_answer answer;

	return evs_transit_call(kms, "keys", id, "/rotate", "{}", &answer, err);
}

/* Names into @cmks; those that this back end could not ask for are left out. */
static int take_names(const struct evs_http_answer *answer, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err)
{
	json_object *root, *names = json_object_object_get(evs_transit_data(answer, &root), "keys");
	const char *name;
	size_t i, len;
	int ret = 0;

	len = json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;
	*cmks = calloc(len + 1, sizeof(**cmks));
	if (!names)
		ret = evs_transit_bad_answer(err, "no keys");
	else if (!*cmks)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; !ret && i < len; i++) {
		name = json_object_get_string(json_object_array_get_idx(names, i));
		if (name && evs_transit_is_name(name))
			strcpy((*cmks)[(*count)++].id, name);
	}
	json_object_put(root);
	return ret;
}

/* Leaves those that are CMKs; one that may not be read is of unknown state. */
static int describe_all(struct evs_kms *kms, struct evs_cmk *cmks, size_t *count,
			struct evs_error *err)
{
	size_t i, kept = 0;
	struct evs_cmk cmk;
	int ret;

	for (i = 0; i < *count; i++) {
		cmk = cmks[i];
		ret = transit_describe_key(kms, cmks[i].id, &cmk, err);
		if (ret && err->class != EVS_CLASS_BAD_REQUEST &&
		    err->class != EVS_CLASS_CMK_DELETED && err->class != EVS_CLASS_NO_PERMISSION)
			return ret;
		if (!ret || err->class == EVS_CLASS_NO_PERMISSION)
			cmks[kept++] = cmk;
		memset(err, 0, ret ? sizeof(*err) : 0);
	}
	*count = kept;
	return 0;
}

/* A list of nothing is a 404 that has nothing to say. */
static bool is_empty_list(const struct evs_http_answer *answer)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len), *errors;
	bool empty = answer->status == 404 &&
		     json_object_object_get_ex(root, "errors", &errors) &&
		     json_object_is_type(errors, json_type_array) &&
		     !json_object_array_length(errors);

	json_object_put(root);
	return empty;
}

static int transit_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			     struct evs_error *err)
{
	struct evs_http_answer answer;
	int ret;

	*cmks = NULL;
	*count = 0;
	ret = evs_transit_ask(kms, "keys?list=true", NULL, &answer, err);
	if (ret)
		return ret;
	if (is_empty_list(&answer)) {
		*cmks = calloc(1, sizeof(**cmks));
		return *cmks ? 0 : evs_error_set(err, ENOMEM, "out of memory");
	}
	ret = answer.status == 200 ? take_names(&answer, cmks, count, err) :
	      evs_transit_refused(&answer, err);
	if (!ret)
		ret = describe_all(kms, *cmks, count, err);
	if (ret) {
		free(*cmks);
		*cmks = NULL;
		*count = 0;
	}
	return ret;
}

/* ---- data keys ---- */

static int get_aad(const struct evs_token *token, char text[AAD_TEXT_MAX], struct evs_error *err)
{
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE];
	int ret = evs_context_digest(&token->context, digest, err);

	if (!ret)
		evs_base64_encode(text, digest, sizeof(digest));
	return ret;
}

static int get_wrapped(const struct evs_http_answer *answer, struct evs_token *token,
		       struct evs_error *err)
{
	char text[CIPHERTEXT_MAX];
	json_object *root, *data = evs_transit_data(answer, &root);
	int ret = 0;

	if (evs_json_text(data, "ciphertext", text, sizeof(text)) ||
	    strncmp(text, "vault:v", strlen("vault:v")))
		ret = evs_transit_bad_answer(err, "no ciphertext, or too long a one");
	else
		evs_hex_encode(token->wrapped_dk, text, strlen(text));
	json_object_put(root);
	return ret;
}

static int take_dk(struct evs_http_answer *answer, struct evs_secret *dk, struct evs_error *err)
{
	int ret = evs_http_take_dk(answer, 2, "plaintext", dk, err);

	return ret == -ENOENT ? evs_transit_bad_answer(err, "no data key") : ret;
}

static int transit_create_datakey(struct evs_kms *kms, struct evs_token *token,
				  struct evs_secret *dk, struct evs_error *err)
{
	char aad[AAD_TEXT_MAX], body[128];
	struct evs_http_answer answer;
	int ret;

	ret = get_aad(token, aad, err);
	if (ret)
		return ret;
	snprintf(body, sizeof(body), "{\"bits\":%d,\"associated_data\":\"%s\"}", DK_BITS, aad);
	ret = evs_transit_call(kms, "datakey/plaintext", token->cmk, "", body, &answer, err);
	if (!ret)
		ret = take_dk(&answer, dk, err);
	return ret ? ret : get_wrapped(&answer, token, err);
}

static int transit_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
				   const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_http_answer answer;
	char aad[AAD_TEXT_MAX], *at;
	struct evs_secret *body;
	int ret;

	ret = get_aad(token, aad, err);
	if (ret)
		return ret;
	body = evs_secret_alloc(BODY_MAX);
	if (!body)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	at = stpcpy((char *)body->data, "{\"plaintext\":\"");
	evs_base64_encode(at, dk->data, EVS_DK_SIZE);
	at = stpcpy(at + EVS_BASE64_LEN(EVS_DK_SIZE), "\",\"associated_data\":\"");
	strcpy(stpcpy(at, aad), "\"}");
	ret = evs_transit_call(kms, "encrypt", token->cmk, "", (const char *)body->data, &answer,
			       err);
	evs_secret_free(body);
	return ret ? ret : get_wrapped(&answer, token, err);
}

static int transit_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
				   struct evs_secret *dk, struct evs_error *err)
{
	char aad[AAD_TEXT_MAX], text[CIPHERTEXT_MAX + 1], body[BODY_MAX];
	struct evs_http_answer answer;
	ssize_t len;
	int ret;

	ret = get_aad(token, aad, err);
	if (ret)
		return ret;
	len = evs_hex_decode(text, CIPHERTEXT_MAX, token->wrapped_dk, strlen(token->wrapped_dk));
	text[len > 0 ? len : 0] = '\0';
	/* It goes into JSON as it is. */
	if (strncmp(text, "vault:v", strlen("vault:v")) ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=:") !=
	    (size_t)len)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the wrapped key is none of this kind of KMS");
	snprintf(body, sizeof(body), "{\"ciphertext\":\"%s\",\"associated_data\":\"%s\"}", text,
		 aad);
	ret = evs_transit_call(kms, "decrypt", token->cmk, "", body, &answer, err);
	return ret ? ret : take_dk(&answer, dk, err);
}

/* ---- advice ---- */

static void advise_permission(const char *mount, const struct evs_refusal *refusal,
			      char text[EVS_ADVICE_MAX])
{
	static const char who[] = "the policy of the token has to allow";
	const char *name = refusal->cmk;

	switch (refusal->call) {
	case EVS_CALL_CREATE:
		snprintf(text, EVS_ADVICE_MAX, "%s read and update on %s/keys/%s", who, mount,
			 name);
		break;
	case EVS_CALL_LIST:
		snprintf(text, EVS_ADVICE_MAX, "%s list on %s/keys and read on %s/keys/*", who,
			 mount, mount);
		break;
	case EVS_CALL_ROTATION:
		snprintf(text, EVS_ADVICE_MAX, "%s update on %s/keys/%s/rotate", who, mount, name);
		break;
	case EVS_CALL_WRAP:
		snprintf(text, EVS_ADVICE_MAX,
			 "%s update on %s/datakey/plaintext/%s and %s/encrypt/%s", who, mount,
			 name, mount, name);
		break;
	case EVS_CALL_UNWRAP:
		snprintf(text, EVS_ADVICE_MAX, "%s update on %s/decrypt/%s", who, mount, name);
		break;
	default:
		snprintf(text, EVS_ADVICE_MAX, "%s read on %s/keys/%s", who, mount, name);
	}
}

static void transit_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
			   char text[EVS_ADVICE_MAX])
{
	const char *mount = evs_transit_mount(kms);

	if (refusal->class == EVS_CLASS_CMK_DISABLED)
		snprintf(text, EVS_ADVICE_MAX,
			 "restore it with: bao write -f %s/keys/%s/soft-delete-restore", mount,
			 refusal->cmk);
	else if (refusal->class == EVS_CLASS_CMK_NO_MATERIAL)
		snprintf(text, EVS_ADVICE_MAX, "lower min_decryption_version of %s/keys/%s", mount,
			 refusal->cmk);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION)
		advise_permission(mount, refusal, text);
	else if (refusal->class == EVS_CLASS_BAD_CREDENTIALS)
		snprintf(text, EVS_ADVICE_MAX, "and whether the token in its token-file lives");
}

/* ---- configuration ---- */

static const struct evs_config_key transit_keys[] = {
	EVS_KMS_HTTP_KEYS,
	{ "token-file", evs_config_is_path, "be an absolute path", true },
	{ "mount", evs_transit_is_name, "be the path of the engine, one word", false },
	{ "namespace", evs_config_is_text, "be a namespace", false },
	{},
};

const struct evs_kms_ops evs_transit_ops = {
	.name = "transit",
	.keys = transit_keys,
	.open = evs_kms_http_open_priv,
	.close = evs_kms_http_close_priv,
	.advise = transit_advise,
	.create_key = transit_create_key,
	.list_keys = transit_list_keys,
	.describe_key = transit_describe_key,
	.rotate = transit_rotate,
	.create_datakey = transit_create_datakey,
	.decrypt_datakey = transit_decrypt_datakey,
	.encrypt_datakey = transit_encrypt_datakey,
};
