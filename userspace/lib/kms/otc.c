// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KMS v1.0 REST API of Open Telekom Cloud and Huawei Cloud: POST with a JSON
 * object to /v1.0/{project}/kms/<operation>. Numbers are sent as strings, as
 * documented, and taken either way.
 */
#include <errno.h>
#include <json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "kms/backend.h"
#include "kms/json.h"
#include "token-json.h"

#define DEFAULT_PROJECT "default"	/* what evs-kmsd has */
#define DIGEST_SIZE 32
#define DK_BYTES "64"
#define DK_BITS "512"
#define PAGE_KEYS "20"		/* the longest descriptions of so many fit an answer */
#define KEYS_MAX 100000
#define MILLISECONDS_FROM 100000000000LL	/* no date in seconds is as large */
#define ALIAS_PREFIX "alias/"

static int no_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

static int bad_answer(struct evs_error *err, const char *op, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "%s: bad answer: %s", op, why);
}

/* ---- requests ---- */

static int otc_post(struct evs_kms *kms, const char *op, const char *body,
		    struct evs_http_answer *answer, struct evs_error *err)
{
	static const char *const headers[] = {
		"Content-Type: application/json", "X-Language: en-us", NULL,
	};
	const char *project = evs_config_get(&kms->cfg, "project");
	char path[128 + EVS_KMS_PROJECT_MAX];
	struct evs_http_request request = {
		.method = "POST", .path = path, .headers = headers,
		.body = body, .len = strlen(body),
	};
	int ret;

	snprintf(path, sizeof(path), "/v1.0/%s/kms/%s", project ? project : DEFAULT_PROJECT, op);
	ret = evs_kms_http_call(kms, kms->priv, &request, answer, err);
	if (ret)
		return ret;
	if (answer->status == 200 || answer->status == 204)
		return 0;
	return evs_otc_error(answer->status, (const char *)answer->body->data, answer->len, err);
}

/* Posts @request, which is released, and parses an answer without secrets. */
static int otc_call(struct evs_kms *kms, const char *op, json_object *request,
		    json_object **reply, struct evs_error *err)
{
	struct evs_http_answer answer;
	const char *body;
	int ret;

	body = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	ret = body ? otc_post(kms, op, body, &answer, err) : no_memory(err);
	json_object_put(request);
	if (ret)
		return ret;
	*reply = evs_json_parse((const char *)answer.body->data, answer.len);
	return *reply ? 0 : bad_answer(err, op, "no JSON object");
}

static int add(json_object *request, const char *name, json_object *value)
{
	if (!value || json_object_object_add(request, name, value)) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static int add_text(json_object *request, const char *name, const char *text)
{
	return add(request, name, json_object_new_string(text));
}

/* A request of one member; NULL when out of memory, which otc_call() reports. */
static json_object *request_new(const char *name, const char *text)
{
	json_object *request = json_object_new_object();

	if (request && add_text(request, name, text)) {
		json_object_put(request);
		return NULL;
	}
	return request;
}

/* ---- CMKs ---- */

static int64_t get_time(json_object *info, const char *name)
{
	int64_t when = 0;

	if (evs_json_number(info, name, &when))
		return 0;
	return when >= MILLISECONDS_FROM ? when / 1000 : when;
}

static int get_cmk(json_object *info, struct evs_cmk *cmk)
{
	char alias[EVS_CMK_ALIAS_MAX + sizeof(ALIAS_PREFIX)];
	const char *plain;
	int64_t number;

	memset(cmk, 0, sizeof(*cmk));
	if (evs_json_text(info, "key_id", cmk->id, sizeof(cmk->id)) || !evs_cmk_is_id(cmk->id))
		return -EPROTO;
	if (evs_json_number(info, "key_state", &number))
		return -EPROTO;
	if (number > EVS_CMK_STATE_UNKNOWN && number <= EVS_CMK_STATE_PENDING_IMPORT)
		cmk->state = (enum evs_cmk_state)number;
	/* All others only inform; what is missing or odd stays empty. */
	evs_json_text(info, "key_alias", alias, sizeof(alias));
	plain = strncmp(alias, ALIAS_PREFIX, strlen(ALIAS_PREFIX)) ? alias :
		alias + strlen(ALIAS_PREFIX);
	if (strlen(plain) <= EVS_CMK_ALIAS_MAX)
		strcpy(cmk->alias, plain);
	evs_json_text(info, "key_description", cmk->description, sizeof(cmk->description));
	evs_json_text(info, "key_spec", cmk->spec, sizeof(cmk->spec));
	evs_json_text(info, "origin", cmk->origin, sizeof(cmk->origin));
	cmk->is_default = !evs_json_number(info, "default_key_flag", &number) && number == 1;
	cmk->created = get_time(info, "creation_date");
	cmk->deletion = get_time(info, "scheduled_deletion_date");
	return 0;
}

static int otc_create_key(struct evs_kms *kms, const char *alias, const char *description,
			  char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	json_object *request = request_new("key_alias", alias);
	json_object *reply;
	int ret;

	if (request && description && add_text(request, "key_description", description)) {
		json_object_put(request);
		request = NULL;
	}
	ret = otc_call(kms, "create-key", request, &reply, err);
	if (ret)
		return ret;
	if (evs_json_text(json_object_object_get(reply, "key_info"), "key_id", id,
			  EVS_CMK_REF_SIZE) || !evs_cmk_is_id(id))
		ret = bad_answer(err, "create-key", "no key_id");
	json_object_put(reply);
	return ret;
}

static int otc_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err)
{
	json_object *reply;
	int ret;

	ret = otc_call(kms, "describe-key", request_new("key_id", ref), &reply, err);
	if (ret)
		return ret;
	if (get_cmk(json_object_object_get(reply, "key_info"), cmk))
		ret = bad_answer(err, "describe-key", "no key_info with key_id and key_state");
	json_object_put(reply);
	return ret;
}

static int otc_set_enabled(struct evs_kms *kms, const char *id, bool enabled,
			   struct evs_error *err)
{
	const char *op = enabled ? "enable-key" : "disable-key";
	json_object *reply;
	int64_t state;
	int ret;

	ret = otc_call(kms, op, request_new("key_id", id), &reply, err);
	if (ret)
		return ret;
	if (evs_json_number(json_object_object_get(reply, "key_info"), "key_state", &state) ||
	    state != (enabled ? EVS_CMK_STATE_ENABLED : EVS_CMK_STATE_DISABLED))
		ret = bad_answer(err, op, "key_state is not what was asked for");
	json_object_put(reply);
	return ret;
}

/* Appends the CMKs of one page; @marker becomes that of the next, "" for none. */
static int list_page(json_object *reply, struct evs_cmk **cmks, size_t *count, char *marker,
		     size_t marker_size, struct evs_error *err)
{
	json_object *details = json_object_object_get(reply, "key_details");
	char truncated[8], next[64];
	struct evs_cmk *grown;
	size_t i, len;

	if (!json_object_is_type(details, json_type_array))
		return bad_answer(err, "list-keys", "no key_details");
	len = json_object_array_length(details);
	if (len > KEYS_MAX - *count)
		return bad_answer(err, "list-keys", "the list does not end");
	grown = reallocarray(*cmks, *count + len + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	*cmks = grown;
	for (i = 0; i < len; i++)
		if (get_cmk(json_object_array_get_idx(details, i), &grown[(*count)++]))
			return bad_answer(err, "list-keys", "a key without key_id or key_state");
	if (evs_json_text(reply, "truncated", truncated, sizeof(truncated)) ||
	    strcmp(truncated, "true")) {
		*marker = '\0';
		return 0;
	}
	if (!len || evs_json_text(reply, "next_marker", next, sizeof(next)) || !*next ||
	    !strcmp(next, marker))
		return bad_answer(err, "list-keys", "no next page although truncated");
	snprintf(marker, marker_size, "%s", next);
	return 0;
}

static int otc_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err)
{
	json_object *request, *reply;
	char marker[64] = "";
	int ret;

	*cmks = NULL;
	*count = 0;
	do {
		request = request_new("limit", PAGE_KEYS);
		if (request && *marker && add_text(request, "marker", marker)) {
			json_object_put(request);
			request = NULL;
		}
		ret = otc_call(kms, "list-keys", request, &reply, err);
		if (ret)
			break;
		ret = list_page(reply, cmks, count, marker, sizeof(marker), err);
		json_object_put(reply);
	} while (!ret && *marker);
	if (ret) {
		free(*cmks);
		*cmks = NULL;
		*count = 0;
	}
	return ret;
}

/* ---- data keys ---- */

static json_object *datakey_request(const struct evs_token *token, const char *length_name,
				    const char *length)
{
	json_object *request = request_new("key_id", token->cmk);

	if (request && (add_text(request, length_name, length) ||
			(token->context.count &&
			 add(request, "encryption_context",
			     evs_context_to_json(&token->context))))) {
		json_object_put(request);
		return NULL;
	}
	return request;
}

/* The wrapped DK of an answer, which must be of the CMK that was asked for. */
static int get_wrapped(json_object *reply, const char *op, struct evs_token *token,
		       struct evs_error *err)
{
	char id[EVS_CMK_REF_SIZE];
	size_t len;

	if (evs_json_text(reply, "cipher_text", token->wrapped_dk, sizeof(token->wrapped_dk)))
		return bad_answer(err, op, "no cipher_text, or too long a one");
	len = strlen(token->wrapped_dk);
	if (!len || len % 2 || strspn(token->wrapped_dk, "0123456789abcdefABCDEF") != len)
		return bad_answer(err, op, "cipher_text is no hex");
	if (!evs_json_text(reply, "key_id", id, sizeof(id)) && strcmp(id, token->cmk))
		return bad_answer(err, op, "wrapped by another CMK than asked for");
	return 0;
}

/* Takes the DK out of an answer before the rest is parsed. */
static int take_dk(struct evs_http_answer *answer, const char *op, const char *name,
		   struct evs_secret *dk, json_object **reply, struct evs_error *err)
{
	ssize_t len = evs_json_take_hex((char *)answer->body->data, answer->len, name, dk->data,
					EVS_DK_SIZE);

	if (len == -ENOENT || len == -EINVAL)
		return bad_answer(err, op, "no data key");
	if (len != EVS_DK_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the data key is not of %d bytes", EVS_DK_SIZE);
	*reply = evs_json_parse((const char *)answer->body->data, answer->len);
	return *reply ? 0 : bad_answer(err, op, "no JSON object");
}

static int otc_create_datakey(struct evs_kms *kms, struct evs_token *token,
			      struct evs_secret *dk, struct evs_error *err)
{
	const char *op = "create-datakey";
	struct evs_http_answer answer;
	json_object *request, *reply;
	const char *body;
	int ret;

	request = datakey_request(token, "datakey_length", DK_BITS);
	body = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	ret = body ? otc_post(kms, op, body, &answer, err) : no_memory(err);
	json_object_put(request);
	if (ret)
		return ret;
	ret = take_dk(&answer, op, "plain_text", dk, &reply, err);
	if (ret)
		return ret;
	ret = get_wrapped(reply, op, token, err);
	json_object_put(reply);
	return ret;
}

static int digest_dk(const struct evs_secret *dk, unsigned char digest[DIGEST_SIZE],
		     struct evs_error *err)
{
	if (!EVP_Digest(dk->data, EVS_DK_SIZE, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, EIO, "libcrypto cannot compute SHA-256");
	return 0;
}

static int check_dk(json_object *reply, const struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[DIGEST_SIZE], told[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];
	int64_t length;
	int ret;

	if (evs_json_number(reply, "datakey_length", &length))
		return bad_answer(err, "decrypt-datakey", "no datakey_length");
	if (length != EVS_DK_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the data key is not of %d bytes", EVS_DK_SIZE);
	if (evs_json_text(reply, "datakey_dgst", hex, sizeof(hex)) ||
	    evs_hex_decode(told, sizeof(told), hex, strlen(hex)) != DIGEST_SIZE)
		return bad_answer(err, "decrypt-datakey", "no SHA-256 in datakey_dgst");
	ret = digest_dk(dk, digest, err);
	if (!ret && memcmp(digest, told, DIGEST_SIZE))
		ret = evs_error_set_class(err, EVS_CLASS_TAMPERED,
					  "the data key does not have the SHA-256 that came with it");
	return ret;
}

static int otc_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			       struct evs_secret *dk, struct evs_error *err)
{
	const char *op = "decrypt-datakey";
	struct evs_http_answer answer;
	json_object *request, *reply;
	const char *body = NULL;
	int ret;

	request = datakey_request(token, "datakey_cipher_length", DK_BYTES);
	if (request && !add_text(request, "cipher_text", token->wrapped_dk))
		body = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	ret = body ? otc_post(kms, op, body, &answer, err) : no_memory(err);
	json_object_put(request);
	if (ret)
		return ret;
	ret = take_dk(&answer, op, "data_key", dk, &reply, err);
	if (ret)
		return ret;
	ret = check_dk(reply, dk, err);
	json_object_put(reply);
	return ret;
}

/*
 * The request with the DK in it: its other members come from json-c, the DK is
 * written behind them in locked memory.
 */
static struct evs_secret *plain_request(const struct evs_token *token,
					const struct evs_secret *dk, struct evs_error *err)
{
	static const char member[] = ",\"plain_text\":\"", end[] = "\"}";
	json_object *request = datakey_request(token, "datakey_plain_length", DK_BYTES);
	unsigned char digest[DIGEST_SIZE];
	struct evs_secret *secret = NULL;
	const char *body;
	size_t len;
	char *at;

	body = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	if (!body) {
		no_memory(err);
		goto out;
	}
	if (digest_dk(dk, digest, err))
		goto out;
	len = strlen(body) - 1;		/* without the closing brace */
	secret = evs_secret_alloc(len + sizeof(member) + 2 * (EVS_DK_SIZE + DIGEST_SIZE) +
				  sizeof(end));
	if (!secret) {
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out;
	}
	at = mempcpy(secret->data, body, len);
	at = stpcpy(at, member);
	evs_hex_encode(at, dk->data, EVS_DK_SIZE);
	evs_hex_encode(at + 2 * EVS_DK_SIZE, digest, DIGEST_SIZE);
	strcpy(at + 2 * (EVS_DK_SIZE + DIGEST_SIZE), end);
out:
	json_object_put(request);
	return secret;
}

static int otc_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			       const struct evs_secret *dk, struct evs_error *err)
{
	const char *op = "encrypt-datakey";
	struct evs_secret *body = plain_request(token, dk, err);
	struct evs_http_answer answer;
	json_object *reply;
	int ret;

	if (!body)
		return -err->errnum;
	ret = otc_post(kms, op, (const char *)body->data, &answer, err);
	evs_secret_free(body);
	if (ret)
		return ret;
	reply = evs_json_parse((const char *)answer.body->data, answer.len);
	ret = reply ? get_wrapped(reply, op, token, err) : bad_answer(err, op, "no JSON object");
	json_object_put(reply);
	return ret;
}

static int otc_open(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_http *http;
	int ret;

	ret = evs_kms_http_open(&http, &kms->cfg, err);
	if (!ret)
		kms->priv = http;
	return ret;
}

static void otc_close(struct evs_kms *kms)
{
	evs_http_close(kms->priv);
}

static const struct evs_config_key otc_keys[] = {
	EVS_KMS_HTTP_KEYS,
	{ "project", evs_config_is_word, "be the id of a project", false },
	{},
};

const struct evs_kms_ops evs_otc_ops = {
	.name = "otc",
	.keys = otc_keys,
	.open = otc_open,
	.close = otc_close,
	.is_id = evs_cmk_is_id,
	.create_key = otc_create_key,
	.list_keys = otc_list_keys,
	.describe_key = otc_describe_key,
	.set_enabled = otc_set_enabled,
	.create_datakey = otc_create_datakey,
	.decrypt_datakey = otc_decrypt_datakey,
	.encrypt_datakey = otc_encrypt_datakey,
};
