// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to the transit engine, and what it answers when it refuses */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "kms/json.h"
#include "kms/transit/private.h"
#include "text.h"

#define DEFAULT_MOUNT "transit"
#define HEADERS_MAX 6

int evs_transit_bad_answer(struct evs_error *err, const char *why)
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

int evs_transit_refused(const struct evs_http_answer *answer, struct evs_error *err)
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

bool evs_transit_is_name(const char *name)
{
	return evs_config_is_word(name) && strcmp(name, ".") && strcmp(name, "..");
}

const char *evs_transit_mount(const struct evs_kms *kms)
{
	const char *mount = evs_config_get(&kms->cfg, "mount");

	return mount ? mount : DEFAULT_MOUNT;
}

int evs_transit_ask(struct evs_kms *kms, const char *what, const char *body,
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
	snprintf(path, sizeof(path), "/v1/%s/%s", evs_transit_mount(kms), what);
	ret = evs_kms_http_call(kms, kms->priv, &request, answer, err);
	evs_secret_free(token);
	return ret;
}

int evs_transit_call(struct evs_kms *kms, const char *op, const char *name, const char *suffix,
		     const char *body, struct evs_http_answer *answer, struct evs_error *err)
{
	char what[128];
	int ret;

	if (!evs_transit_is_name(name))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST, "is no name of a key");
	snprintf(what, sizeof(what), "%s/%s%s", op, name, suffix);
	ret = evs_transit_ask(kms, what, body, answer, err);
	if (ret)
		return ret;
	return answer->status == 200 || answer->status == 204 ? 0 : evs_transit_refused(answer,
											err);
}

json_object *evs_transit_data(const struct evs_http_answer *answer, json_object **root)
{
	*root = evs_json_parse((const char *)answer->body->data, answer->len);
	return json_object_object_get(*root, "data");
}
