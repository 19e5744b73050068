// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OpenStack Barbican. A CMK is a secret there: a symmetric key of AES-256, its
 * id the UUID at the end of the secret's reference, its alias the secret's
 * name. Barbican makes it and hands it out to who may have it; the DK is
 * wrapped with it here (wrap.c).
 *
 * A secret can be neither disabled nor changed, only deleted, at once and for
 * good. That is left to the tools of OpenStack.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "date.h"
#include "kms/barbican/barbican.h"
#include "kms/clock.h"
#include "kms/json.h"
#include "kms/otc/auth.h"

#define BITS (EVS_BARBICAN_KEY_SIZE * 8)
#define ALIAS_PREFIX "alias/"
#define PAGE_KEYS 50		/* so many, with long names, fit an answer */
#define KEYS_MAX 10000
#define ORDER_PAUSE 200		/* milliseconds between two looks at an order */
#define BYTES "Accept: application/octet-stream"

/* ---- CMKs ---- */

/* The id at the end of a reference; the host in it is Barbican's idea of itself. */
static int id_of_ref(json_object *object, const char *name, char id[EVS_CMK_REF_SIZE])
{
	char ref[1024];
	const char *last;

	if (evs_json_text(object, name, ref, sizeof(ref)))
		return -ENOENT;
	last = strrchr(ref, '/');
	if (!last || !evs_cmk_is_id(last + 1))
		return -EINVAL;
	strcpy(id, last + 1);
	return 0;
}

static int64_t time_of(json_object *object, const char *name)
{
	char text[64];

	return evs_json_text(object, name, text, sizeof(text)) ? 0 : evs_date_read(text);
}

static int get_cmk(json_object *secret, struct evs_cmk *cmk, struct evs_error *err)
{
	char algorithm[32], type[32], status[32];
	int64_t bits = 0;

	memset(cmk, 0, sizeof(*cmk));
	if (id_of_ref(secret, "secret_ref", cmk->id) ||
	    evs_json_text(secret, "status", status, sizeof(status)))
		return evs_barbican_bad_answer(err, "a secret without secret_ref or status");
	evs_json_text(secret, "name", cmk->alias, sizeof(cmk->alias));
	evs_json_text(secret, "algorithm", algorithm, sizeof(algorithm));
	evs_json_text(secret, "secret_type", type, sizeof(type));
	evs_json_number(secret, "bit_length", &bits);
	if (strcmp(type, "symmetric") || strcasecmp(algorithm, "aes") || bits != BITS)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "is no symmetric key of AES-256");
	if (!strcmp(status, "ACTIVE"))
		cmk->state = json_object_object_get(secret, "content_types") ?
			     EVS_CMK_STATE_ENABLED : EVS_CMK_STATE_PENDING_IMPORT;
	else if (!strcmp(status, "PENDING"))
		cmk->state = EVS_CMK_STATE_WAITING;
	strcpy(cmk->spec, "AES_256");
	strcpy(cmk->origin, "kms");
	cmk->created = time_of(secret, "created");
	cmk->deletion = time_of(secret, "expiration");
	return 0;
}

/* Names are not unique in Barbican: one that several have names none of them. */
static int find_by_name(struct evs_kms *kms, const char *name, struct evs_cmk *cmk,
			struct evs_error *err)
{
	char path[64 + EVS_CMK_ALIAS_MAX];
	json_object *reply, *list;
	size_t count = 0;
	int ret;

	snprintf(path, sizeof(path), "/v1/secrets?limit=2&name=%s", name);
	ret = evs_barbican_call_json(kms, path, NULL, &reply, err);
	if (ret)
		return ret;
	list = json_object_object_get(reply, "secrets");
	if (json_object_is_type(list, json_type_array))
		count = json_object_array_length(list);
	if (!list)
		ret = evs_barbican_bad_answer(err, "no secrets");
	else if (!count)
		ret = evs_error_set_class(err, EVS_CLASS_CMK_DELETED,
					  "no secret has this name");
	else if (count > 1)
		ret = evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					  "several secrets have this name: give the id of one");
	else
		ret = get_cmk(json_object_array_get_idx(list, 0), cmk, err);
	json_object_put(reply);
	return ret;
}

static int barbican_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
				 struct evs_error *err)
{
	char path[32 + EVS_CMK_REF_SIZE];
	json_object *reply;
	int ret;

	if (!evs_cmk_is_id(ref))
		return find_by_name(kms, ref + strlen(ALIAS_PREFIX), cmk, err);
	snprintf(path, sizeof(path), "/v1/secrets/%s", ref);
	ret = evs_barbican_call_json(kms, path, NULL, &reply, err);
	if (ret)
		return ret;
	ret = get_cmk(reply, cmk, err);
	json_object_put(reply);
	return ret;
}

/* Waits until Barbican has made what was ordered. */
static int wait_for_order(struct evs_kms *kms, const char *order, char id[EVS_CMK_REF_SIZE],
			  struct evs_error *err)
{
	char path[32 + EVS_CMK_REF_SIZE], status[32], reason[160];
	json_object *reply;
	int ret;

	snprintf(path, sizeof(path), "/v1/orders/%s", order);
	for (;; evs_clock.sleep_ms(ORDER_PAUSE)) {
		ret = evs_barbican_call_json(kms, path, NULL, &reply, err);
		/* Not to be ordered twice: only the question is repeated. */
		if (ret && err->transient) {
			memset(err, 0, sizeof(*err));
			continue;
		}
		if (ret)
			return ret;
		evs_json_text(reply, "status", status, sizeof(status));
		evs_json_text(reply, "error_reason", reason, sizeof(reason));
		ret = id_of_ref(reply, "secret_ref", id);
		json_object_put(reply);
		if (!strcmp(status, "ERROR"))
			return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
						   "the key could not be made: %s", reason);
		if (!strcmp(status, "ACTIVE"))
			return ret ? evs_barbican_bad_answer(err,
							     "an order that is done without a secret") : 0;
		if (strcmp(status, "PENDING"))
			return evs_barbican_bad_answer(err, "an order of no known status");
	}
}

static int barbican_create_key(struct evs_kms *kms, const char *alias, const char *description,
			       char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	char body[256 + EVS_CMK_ALIAS_MAX], order[EVS_CMK_REF_SIZE];
	struct evs_cmk cmk;
	json_object *reply;
	int ret;

	if (description)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "a secret of Barbican has no description");
	ret = find_by_name(kms, alias, &cmk, err);
	if (!ret || err->class == EVS_CLASS_BAD_REQUEST)
		return evs_error_set_class(err, EVS_CLASS_ALIAS_EXISTS,
					   "a secret has this name");
	if (err->class != EVS_CLASS_CMK_DELETED)
		return ret;
	/* An alias has no character that JSON would want escaped. */
	snprintf(body, sizeof(body), "{\"type\":\"key\",\"meta\":{\"name\":\"%s\","
		 "\"algorithm\":\"aes\",\"bit_length\":%d,"
		 "\"payload_content_type\":\"application/octet-stream\"}}", alias, BITS);
	ret = evs_barbican_call_json(kms, "/v1/orders", body, &reply, err);
	if (ret)
		return ret;
	ret = id_of_ref(reply, "order_ref", order);
	json_object_put(reply);
	return ret ? evs_barbican_bad_answer(err, "no order_ref") : wait_for_order(kms, order, id,
										   err);
}

/* Appends the CMKs among the secrets of a page; returns how many secrets it had. */
static ssize_t list_page(json_object *reply, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err)
{
	json_object *list = json_object_object_get(reply, "secrets");
	struct evs_cmk *grown;
	size_t i, len;
	int ret;

	if (!json_object_is_type(list, json_type_array))
		return evs_barbican_bad_answer(err, "no secrets");
	len = json_object_array_length(list);
	grown = reallocarray(*cmks, *count + len + 1, sizeof(*grown));
	if (!grown)
		return evs_error_set(err, ENOMEM, "out of memory");
	*cmks = grown;
	for (i = 0; i < len; i++) {
		ret = get_cmk(json_object_array_get_idx(list, i), &grown[*count], err);
		if (ret && err->class != EVS_CLASS_BAD_REQUEST)
			return ret;
		*count += !ret;
	}
	memset(err, 0, sizeof(*err));
	return (ssize_t)len;
}

static int barbican_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			      struct evs_error *err)
{
	size_t offset = 0;
	json_object *reply;
	char path[96];
	ssize_t got;
	int ret;

	*cmks = NULL;
	*count = 0;
	do {
		snprintf(path, sizeof(path), "/v1/secrets?bits=%d&limit=%d&offset=%zu", BITS,
			 PAGE_KEYS, offset);
		got = ret = evs_barbican_call_json(kms, path, NULL, &reply, err);
		if (ret)
			break;
		got = list_page(reply, cmks, count, err);
		json_object_put(reply);
		offset += got > 0 ? (size_t)got : 0;
		if (offset > KEYS_MAX)
			got = evs_barbican_bad_answer(err, "the list does not end");
	} while (got > 0);
	if (got < 0) {
		free(*cmks);
		*cmks = NULL;
		*count = 0;
	}
	return (int)got;
}

/* ---- data keys ---- */

/* The CMK itself, in the answer's memory, which is locked; wipe it after use. */
static int fetch(struct evs_kms *kms, const char *id, struct evs_secret **key,
		 struct evs_error *err)
{
	struct evs_http_answer answer;
	char path[48 + EVS_CMK_REF_SIZE];
	int ret;

	snprintf(path, sizeof(path), "/v1/secrets/%s/payload", id);
	ret = evs_barbican_call(kms, path, NULL, BYTES, &answer, err);
	if (ret)
		return ret;
	*key = answer.body;
	if (answer.len == EVS_BARBICAN_KEY_SIZE)
		return 0;
	evs_secret_wipe(answer.body);
	return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
				   "is no key of AES-256: the secret has %zu bytes", answer.len);
}

static int barbican_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
				    const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_secret *key;
	int ret;

	ret = fetch(kms, token->cmk, &key, err);
	if (ret)
		return ret;
	ret = evs_barbican_wrap(key->data, token, dk, err);
	evs_secret_wipe(key);
	return ret;
}

static int barbican_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
				    struct evs_secret *dk, struct evs_error *err)
{
	struct evs_secret *key;
	int ret;

	ret = fetch(kms, token->cmk, &key, err);
	if (ret)
		return ret;
	ret = evs_barbican_unwrap(key->data, token, dk, err);
	evs_secret_wipe(key);
	return ret;
}

/* ---- advice ---- */

static void barbican_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
			    char text[EVS_ADVICE_MAX])
{
	const char *project = evs_config_get(&kms->cfg, "project");

	if (refusal->class == EVS_CLASS_CMK_NO_MATERIAL)
		snprintf(text, EVS_ADVICE_MAX,
			 "whoever made the secret has to give it its payload, %d bytes",
			 EVS_BARBICAN_KEY_SIZE);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION && refusal->call == EVS_CALL_CREATE)
		snprintf(text, EVS_ADVICE_MAX, "this takes the role creator in project %s",
			 project);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION && refusal->call == EVS_CALL_LIST)
		snprintf(text, EVS_ADVICE_MAX,
			 "this takes the role creator or observer in project %s", project);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION)
		snprintf(text, EVS_ADVICE_MAX,
			 "this takes the role creator or observer in project %s, if the secret is of that project, or a place in the secret's ACL",
			 project);
}

/* ---- configuration ---- */

static void barbican_close(struct evs_kms *kms)
{
	struct evs_barbican *barbican = kms->priv;

	if (!barbican)
		return;
	evs_http_close(barbican->http);
	evs_otc_auth_close(barbican->auth);
	free(barbican);
}

static int barbican_open(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_barbican *barbican = calloc(1, sizeof(*barbican));
	int ret;

	if (!barbican)
		return evs_error_set(err, ENOMEM, "out of memory");
	kms->priv = barbican;
	ret = evs_kms_http_open(&barbican->http, &kms->cfg, err);
	return ret ? ret : evs_otc_auth_open(&barbican->auth, &kms->cfg, err);
}

static int barbican_check(const struct evs_config_kms *cfg, struct evs_error *err)
{
	const char *auth = evs_config_get(cfg, "auth");

	if (auth && strcmp(auth, "none") && !evs_config_get(cfg, "iam-url"))
		return evs_error_set(err, EINVAL, "auth = %s needs iam-url", auth);
	return evs_otc_auth_check(cfg, err);
}

/* Of the ways that the shared code knows, those that Keystone has, too */
static bool is_auth(const char *value)
{
	return !strcmp(value, "none") || !strcmp(value, "password") ||
	       !strcmp(value, "application-credential");
}

static const struct evs_config_key barbican_keys[] = {
	EVS_KMS_HTTP_KEYS,
	{ "project", evs_config_is_word, "be the id of a project", true },
	{ "auth", is_auth, "be none, password or application-credential", false },
	{ "user", evs_config_is_text, "be the name of a user", false },
	{ "domain", evs_config_is_text, "be the name of the user's domain", false },
	{ "password-file", evs_config_is_path, "be an absolute path", false },
	{ "credential", evs_config_is_word, "be the id of an application credential", false },
	{ "credential-secret-file", evs_config_is_path, "be an absolute path", false },
	{ "iam-url", evs_config_is_url, EVS_CONFIG_URL_MUST, false },
	{},
};

const struct evs_kms_ops evs_barbican_ops = {
	.name = "barbican",
	.keys = barbican_keys,
	.check = barbican_check,
	.open = barbican_open,
	.close = barbican_close,
	.advise = barbican_advise,
	.is_id = evs_cmk_is_id,
	.create_key = barbican_create_key,
	.list_keys = barbican_list_keys,
	.describe_key = barbican_describe_key,
	.decrypt_datakey = barbican_decrypt_datakey,
	.encrypt_datakey = barbican_encrypt_datakey,
};
