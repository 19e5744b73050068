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
#include "kms/backend.h"
#include "kms/json.h"
#include "text.h"

#define DEFAULT_MOUNT "transit"
#define DK_BITS 512
#define CIPHERTEXT_MAX (EVS_WRAPPED_HEX_MAX / 2)
#define BODY_MAX 4096
#define AAD_TEXT_MAX (EVS_BASE64_LEN(EVS_CONTEXT_DIGEST_SIZE) + 1)
#define HEADERS_MAX 6

static int bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "transit: bad answer: %s", why);
}

/* ---- refusals: the status, and for 400 only the words tell ---- */

static const struct {
	const char *words;
	enum evs_class class;
} meaning[] = {
	{ "encryption key not found", EVS_CLASS_CMK_DELETED },
	{ "soft deleted", EVS_CLASS_CMK_DISABLED },
	{ "soft-deleted", EVS_CLASS_CMK_DISABLED },
	{ "message authentication failed", EVS_CLASS_TAMPERED },
	{ "invalid ciphertext", EVS_CLASS_TAMPERED },
	{ "version is too old", EVS_CLASS_CMK_NO_MATERIAL },
	{ "too old", EVS_CLASS_CMK_NO_MATERIAL },
};

static enum evs_class classify(long status, const char *text)
{
	size_t i;

	switch (status) {
	case 401:
		return EVS_CLASS_BAD_CREDENTIALS;
	case 403:	/* also what a token that is unknown or has expired gets */
		return strstr(text, "bad token") || strstr(text, "invalid token") ?
		       EVS_CLASS_BAD_CREDENTIALS : EVS_CLASS_NO_PERMISSION;
	case 404:
		return EVS_CLASS_CMK_DELETED;
	case 412:
	case 429:
	case 472:
	case 473:
		return EVS_CLASS_KMS_BUSY;
	default:
		break;
	}
	if (status >= 500)
		return EVS_CLASS_KMS_BUSY;
	for (i = 0; i < sizeof(meaning) / sizeof(meaning[0]); i++)
		if (strcasestr(text, meaning[i].words))
			return meaning[i].class;
	return status >= 400 ? EVS_CLASS_BAD_REQUEST : EVS_CLASS_PROTOCOL;
}

static int refused(const struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len), *list;
	json_object *first = NULL;
	char text[200] = "";

	if (json_object_object_get_ex(root, "errors", &list) &&
	    json_object_is_type(list, json_type_array))
		first = json_object_array_get_idx(list, 0);
	if (json_object_is_type(first, json_type_string))
		evs_text_copy(text, sizeof(text), json_object_get_string(first),
			      (size_t)json_object_get_string_len(first));
	json_object_put(root);
	snprintf(err->code, sizeof(err->code), "HTTP %ld", answer->status);
	return evs_error_set_class(err, classify(answer->status, text), "%s", text);
}

/* ---- requests ---- */

/* A header with the access token in it, in locked memory. */
static struct evs_secret *token_header(struct evs_kms *kms, struct evs_error *err)
{
	static const char name[] = "X-Vault-Token: ";
	struct evs_secret *token, *header;

	if (evs_secret_read(&token, evs_config_get(&kms->cfg, "token-file"), err)) {
		evs_error_prefix(err, "token-file");
		return NULL;
	}
	header = evs_secret_alloc(sizeof(name) + token->size);
	if (header)
		strcpy(stpcpy((char *)header->data, name), (char *)token->data);
	else
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	evs_secret_free(token);
	return header;
}

/* Names come from a disk as well, and must not lead to another path. */
static bool name_valid(const char *name)
{
	return evs_config_is_word(name) && strcmp(name, ".") && strcmp(name, "..");
}

static const char *mount_of(const struct evs_kms *kms)
{
	const char *mount = evs_config_get(&kms->cfg, "mount");

	return mount ? mount : DEFAULT_MOUNT;
}

/* @body NULL is a GET, whatever the status of its answer. */
static int ask(struct evs_kms *kms, const char *what, const char *body,
	       struct evs_http_answer *answer, struct evs_error *err)
{
	const char *namespace = evs_config_get(&kms->cfg, "namespace");
	const char *headers[HEADERS_MAX] = { "X-Vault-Request: true" };
	char path[256], space[EVS_CONFIG_VALUE_MAX + 32];
	struct evs_http_request request = {
		.method = body ? "POST" : "GET", .path = path, .headers = headers,
		.body = body, .len = body ? strlen(body) : 0,
	};
	struct evs_secret *token;
	size_t count = 1;
	int ret;

	token = token_header(kms, err);
	if (!token)
		return -err->errnum;
	headers[count++] = (const char *)token->data;
	if (body)
		headers[count++] = "Content-Type: application/json";
	if (namespace) {
		snprintf(space, sizeof(space), "X-Vault-Namespace: %s", namespace);
		headers[count++] = space;
	}
	snprintf(path, sizeof(path), "/v1/%s/%s", mount_of(kms), what);
	ret = evs_kms_http_call(kms, kms->priv, &request, answer, err);
	evs_secret_free(token);
	return ret;
}

/* About one key: @op, its @name and @suffix; an answer without a body is {}. */
static int call(struct evs_kms *kms, const char *op, const char *name, const char *suffix,
		const char *body, struct evs_http_answer *answer, struct evs_error *err)
{
	char what[128];
	int ret;

	if (!name_valid(name))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST, "is no name of a key");
	snprintf(what, sizeof(what), "%s/%s%s", op, name, suffix);
	ret = ask(kms, what, body, answer, err);
	if (ret)
		return ret;
	return answer->status == 200 || answer->status == 204 ? 0 : refused(answer, err);
}

static json_object *get_data(const struct evs_http_answer *answer, json_object **root)
{
	*root = evs_json_parse((const char *)answer->body->data, answer->len);
	return json_object_object_get(*root, "data");
}

/* ---- CMKs ---- */

static int transit_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
				struct evs_error *err)
{
	struct evs_http_answer answer;
	json_object *root, *data;
	char type[32];
	int ret;

	ret = call(kms, "keys", ref, "", NULL, &answer, err);
	if (ret)
		return ret;
	data = get_data(&answer, &root);
	memset(cmk, 0, sizeof(*cmk));
	strcpy(cmk->id, ref);
	strcpy(cmk->alias, ref);
	strcpy(cmk->origin, "kms");
	cmk->state = json_object_get_boolean(json_object_object_get(data, "soft_deleted")) ?
		     EVS_CMK_STATE_DISABLED : EVS_CMK_STATE_ENABLED;
	if (evs_json_text(data, "type", type, sizeof(type)))
		ret = bad_answer(err, "no type of the key");
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
	ret = call(kms, "keys", alias, "", "{\"type\":\"aes256-gcm96\"}", &answer, err);
	if (!ret)
		strcpy(id, alias);
	return ret;
}

static int transit_rotate(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	struct evs_http_answer answer;

	return call(kms, "keys", id, "/rotate", "{}", &answer, err);
}

/* Names into @cmks; those that this back end could not ask for are left out. */
static int take_names(const struct evs_http_answer *answer, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err)
{
	json_object *root, *names = json_object_object_get(get_data(answer, &root), "keys");
	const char *name;
	size_t i, len;
	int ret = 0;

	len = json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;
	*cmks = calloc(len + 1, sizeof(**cmks));
	if (!names)
		ret = bad_answer(err, "no keys");
	else if (!*cmks)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; !ret && i < len; i++) {
		name = json_object_get_string(json_object_array_get_idx(names, i));
		if (name && name_valid(name))
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
	ret = ask(kms, "keys?list=true", NULL, &answer, err);
	if (ret)
		return ret;
	if (is_empty_list(&answer)) {
		*cmks = calloc(1, sizeof(**cmks));
		return *cmks ? 0 : evs_error_set(err, ENOMEM, "out of memory");
	}
	ret = answer.status == 200 ? take_names(&answer, cmks, count, err) :
	      refused(&answer, err);
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
	json_object *root, *data = get_data(answer, &root);
	int ret = 0;

	if (evs_json_text(data, "ciphertext", text, sizeof(text)) ||
	    strncmp(text, "vault:v", strlen("vault:v")))
		ret = bad_answer(err, "no ciphertext, or too long a one");
	else
		evs_hex_encode(token->wrapped_dk, text, strlen(text));
	json_object_put(root);
	return ret;
}

static int take_dk(struct evs_http_answer *answer, struct evs_secret *dk, struct evs_error *err)
{
	int ret = evs_http_take_dk(answer, 2, "plaintext", dk, err);

	return ret == -ENOENT ? bad_answer(err, "no data key") : ret;
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
	ret = call(kms, "datakey/plaintext", token->cmk, "", body, &answer, err);
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
	ret = call(kms, "encrypt", token->cmk, "", (const char *)body->data, &answer, err);
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
	ret = call(kms, "decrypt", token->cmk, "", body, &answer, err);
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
	const char *mount = mount_of(kms);

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
	{ "mount", name_valid, "be the path of the engine, one word", false },
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
