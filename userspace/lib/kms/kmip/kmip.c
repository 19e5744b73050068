// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A KMIP server, 1.4 or later: the CMK stays there, and encrypts and decrypts
 * the DK with AES-GCM. A wrapped DK is IV, ciphertext and tag.
 *
 * KMIP knows no disabling that could be undone: a key is revoked for good. That
 * is left to the tools of the server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "kms/kmip/kmip.h"
#include "text.h"

#define URL_KMIP "kmip://"
#define URL_TLS "https://"
#define DEFAULT_PORT ":5696"
#define KEYS_MAX 10000

#define OBJECT_SYMMETRIC_KEY 2
#define AES_BITS 256
#define MASK_ENCRYPT_DECRYPT (4 | 8)
#define NAME_TEXT 1

enum { STATE_PRE_ACTIVE = 1, STATE_ACTIVE, STATE_DEACTIVATED, STATE_COMPROMISED };

int evs_kmip_bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "KMIP: bad answer: %s", why);
}

/* ---- attributes ---- */

static void put_attribute_number(struct evs_ttlv_out *out, const char *name,
				 enum evs_ttlv_type type, uint32_t number)
{
	size_t begin = evs_ttlv_begin(out, KMIP_ATTRIBUTE);

	evs_ttlv_put_text(out, KMIP_ATTRIBUTE_NAME, name);
	evs_ttlv_put_number(out, KMIP_ATTRIBUTE_VALUE, type, number);
	evs_ttlv_end(out, begin);
}

static void put_name(struct evs_ttlv_out *out, const char *name)
{
	size_t begin = evs_ttlv_begin(out, KMIP_ATTRIBUTE), value;

	evs_ttlv_put_text(out, KMIP_ATTRIBUTE_NAME, "Name");
	value = evs_ttlv_begin(out, KMIP_ATTRIBUTE_VALUE);
	evs_ttlv_put_text(out, KMIP_NAME_VALUE, name);
	evs_ttlv_put_number(out, KMIP_NAME_TYPE, EVS_TTLV_ENUM, NAME_TEXT);
	evs_ttlv_end(out, value);
	evs_ttlv_end(out, begin);
}

static bool text_is(const struct evs_ttlv *item, const char *text)
{
	return item->len == strlen(text) && !memcmp(item->value, text, item->len);
}

/* The value of an attribute, of the type it has to have. */
static bool get_attribute(const struct evs_ttlv *payload, const char *name,
			  enum evs_ttlv_type type, struct evs_ttlv *value)
{
	struct evs_ttlv item = {}, told;

	while (evs_ttlv_next(payload, &item))
		if (item.tag == KMIP_ATTRIBUTE && item.type == EVS_TTLV_STRUCTURE &&
		    evs_ttlv_find(&item, KMIP_ATTRIBUTE_NAME, EVS_TTLV_TEXT, &told) &&
		    text_is(&told, name) &&
		    evs_ttlv_find(&item, KMIP_ATTRIBUTE_VALUE, type, value))
			return true;
	return false;
}

static int64_t get_attribute_number(const struct evs_ttlv *payload, const char *name,
				    enum evs_ttlv_type type)
{
	struct evs_ttlv value;

	return get_attribute(payload, name, type, &value) ? evs_ttlv_number(&value) : 0;
}

/* An id is given back to the server as it is, so one that does not fit is none. */
static bool get_id(const struct evs_ttlv *item, char id[EVS_CMK_REF_SIZE])
{
	if (item->len >= EVS_CMK_REF_SIZE)
		return false;
	memcpy(id, item->value, item->len);
	id[item->len] = '\0';
	return evs_cmk_ref_valid(id);
}

/* ---- CMKs ---- */

static enum evs_cmk_state state_of(int64_t state)
{
	switch (state) {
	case STATE_PRE_ACTIVE:
		return EVS_CMK_STATE_WAITING;
	case STATE_ACTIVE:
		return EVS_CMK_STATE_ENABLED;
	case STATE_DEACTIVATED:
	case STATE_COMPROMISED:
		return EVS_CMK_STATE_DISABLED;
	default:
		return EVS_CMK_STATE_UNKNOWN;
	}
}

/* What an id is; -EINVAL for an object that can be no CMK. */
static int get_attributes(struct evs_kms *kms, const char *id, struct evs_cmk *cmk,
			  struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload, name, value;
	int ret;

	evs_kmip_begin(kmip, KMIP_OP_GET_ATTRIBUTES);
	evs_ttlv_put_text(&kmip->out, KMIP_ID, id);
	ret = evs_kmip_call(kms, KMIP_OP_GET_ATTRIBUTES, &payload, err);
	if (ret)
		return ret;
	memset(cmk, 0, sizeof(*cmk));
	strcpy(cmk->id, id);
	if (get_attribute(&payload, "Name", EVS_TTLV_STRUCTURE, &name) &&
	    evs_ttlv_find(&name, KMIP_NAME_VALUE, EVS_TTLV_TEXT, &value))
		evs_text_copy(cmk->alias, sizeof(cmk->alias), (const char *)value.value,
			      value.len);
	cmk->created = get_attribute_number(&payload, "Initial Date", EVS_TTLV_DATE);
	cmk->state = state_of(get_attribute_number(&payload, "State", EVS_TTLV_ENUM));
	strcpy(cmk->origin, "kms");
	if (get_attribute_number(&payload, "Object Type", EVS_TTLV_ENUM) !=
	    OBJECT_SYMMETRIC_KEY ||
	    get_attribute_number(&payload, "Cryptographic Algorithm", EVS_TTLV_ENUM) !=
	    KMIP_ALGORITHM_AES ||
	    get_attribute_number(&payload, "Cryptographic Length", EVS_TTLV_INTEGER) != AES_BITS)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST, "is no AES-256 key");
	strcpy(cmk->spec, "AES_256");
	return 0;
}

/* All symmetric keys, or those of a name; @ids is for free(). */
static int locate(struct evs_kms *kms, const char *name, char (**ids)[EVS_CMK_REF_SIZE],
		  size_t *count, struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload, item = {};
	size_t found = 0;
	int ret;

	*count = 0;
	evs_kmip_begin(kmip, KMIP_OP_LOCATE);
	evs_ttlv_put_number(&kmip->out, KMIP_MAXIMUM_ITEMS, EVS_TTLV_INTEGER, KEYS_MAX);
	put_attribute_number(&kmip->out, "Object Type", EVS_TTLV_ENUM, OBJECT_SYMMETRIC_KEY);
	if (name)
		put_name(&kmip->out, name);
	ret = evs_kmip_call(kms, KMIP_OP_LOCATE, &payload, err);
	if (ret)
		return ret;
	while (evs_ttlv_next(&payload, &item))
		found += item.tag == KMIP_ID;
	*ids = calloc(found + 1, sizeof(**ids));
	if (!*ids)
		return evs_error_set(err, ENOMEM, "out of memory");
	item = (struct evs_ttlv){};
	while (evs_ttlv_next(&payload, &item))
		if (item.tag == KMIP_ID && item.type == EVS_TTLV_TEXT &&
		    get_id(&item, (*ids)[*count]))
			++*count;
	return 0;
}

/* An id is one for ever, a name may be given anew: so ids come first. */
static int kmip_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			     struct evs_error *err)
{
	char (*ids)[EVS_CMK_REF_SIZE];
	struct evs_error ignored = {};
	size_t count;
	int ret;

	ret = get_attributes(kms, ref, cmk, err);
	if (err->class != EVS_CLASS_CMK_DELETED || !ret)
		return ret;
	if (locate(kms, ref, &ids, &count, &ignored))
		return ret;
	if (count > 1)
		ret = evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					  "several keys have this name: give the id of one");
	else if (count)
		ret = get_attributes(kms, ids[0], cmk, err);
	free(ids);
	return ret;
}

static int activate(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload;

	evs_kmip_begin(kmip, KMIP_OP_ACTIVATE);
	evs_ttlv_put_text(&kmip->out, KMIP_ID, id);
	return evs_kmip_call(kms, KMIP_OP_ACTIVATE, &payload, err);
}

int evs_kmip_refine(struct evs_kms *kms, enum evs_kmip_op op, const char *id, struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_cmk cmk;

	if ((err->class != EVS_CLASS_NO_PERMISSION && err->class != EVS_CLASS_CMK_NO_MATERIAL) ||
	    get_attributes(kms, id, &cmk, &ignored))
		return -err->errnum;
	if (cmk.state == EVS_CMK_STATE_DISABLED)
		err->class = EVS_CLASS_CMK_DISABLED;
	else if (cmk.state == EVS_CMK_STATE_ENABLED && op == KMIP_OP_ACTIVATE)
		err->class = EVS_CLASS_BAD_REQUEST;
	else if (cmk.state == EVS_CMK_STATE_WAITING && op != KMIP_OP_ACTIVATE)
		err->class = EVS_CLASS_CMK_NO_MATERIAL;
	err->errnum = evs_class_errno(err->class);
	return -err->errnum;
}

static int kmip_set_enabled(struct evs_kms *kms, const char *id, bool enabled,
			    struct evs_error *err)
{
	if (!enabled)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"KMIP can deactivate a key only for good; that is left to the server's own tools");
	return activate(kms, id, err) ? evs_kmip_refine(kms, KMIP_OP_ACTIVATE, id, err) : 0;
}

static int kmip_create_key(struct evs_kms *kms, const char *alias, const char *description,
			   char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload, item;
	struct evs_cmk cmk;
	size_t template;
	int ret;

	if (description)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "a key of KMIP has no description");
	ret = kmip_describe_key(kms, alias, &cmk, err);
	if (!ret)
		return evs_error_set_class(err, EVS_CLASS_ALIAS_EXISTS, "the name of key %s",
					   cmk.id);
	if (err->class != EVS_CLASS_CMK_DELETED)
		return ret;
	evs_kmip_begin(kmip, KMIP_OP_CREATE);
	evs_ttlv_put_number(&kmip->out, KMIP_OBJECT_TYPE, EVS_TTLV_ENUM, OBJECT_SYMMETRIC_KEY);
	template = evs_ttlv_begin(&kmip->out, KMIP_TEMPLATE_ATTRIBUTE);
	put_attribute_number(&kmip->out, "Cryptographic Algorithm", EVS_TTLV_ENUM,
			     KMIP_ALGORITHM_AES);
	put_attribute_number(&kmip->out, "Cryptographic Length", EVS_TTLV_INTEGER, AES_BITS);
	put_attribute_number(&kmip->out, "Cryptographic Usage Mask", EVS_TTLV_INTEGER,
			     MASK_ENCRYPT_DECRYPT);
	put_name(&kmip->out, alias);
	evs_ttlv_end(&kmip->out, template);
	ret = evs_kmip_call(kms, KMIP_OP_CREATE, &payload, err);
	if (ret)
		return ret;
	if (!evs_ttlv_find(&payload, KMIP_ID, EVS_TTLV_TEXT, &item) || !get_id(&item, id))
		return evs_kmip_bad_answer(err, "no id of the new key");
	return activate(kms, id, err);
}

static int kmip_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			  struct evs_error *err)
{
	char (*ids)[EVS_CMK_REF_SIZE];
	size_t found, i;
	int ret;

	*count = 0;
	*cmks = NULL;
	ret = locate(kms, NULL, &ids, &found, err);
	if (ret)
		return ret;
	*cmks = calloc(found + 1, sizeof(**cmks));
	if (!*cmks)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; !ret && i < found; i++) {
		ret = get_attributes(kms, ids[i], &(*cmks)[*count], err);
		*count += !ret;
		/* No CMK, or gone meanwhile */
		if (err->class == EVS_CLASS_BAD_REQUEST || err->class == EVS_CLASS_CMK_DELETED) {
			memset(err, 0, sizeof(*err));
			ret = 0;
		}
	}
	free(ids);
	if (ret) {
		free(*cmks);
		*cmks = NULL;
	}
	return ret;
}

/* ---- advice ---- */

static const char *permission(enum evs_call call)
{
	switch (call) {
	case EVS_CALL_CREATE:
		return "create and activate keys";
	case EVS_CALL_LIST:
		return "locate keys";
	case EVS_CALL_ENABLE:
		return "activate it";
	case EVS_CALL_WRAP:
		return "encrypt with it";
	case EVS_CALL_UNWRAP:
		return "decrypt with it";
	default:
		return "get its attributes";
	}
}

static void kmip_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
			char text[EVS_ADVICE_MAX])
{
	(void)kms;
	if (refusal->class == EVS_CLASS_CMK_DISABLED && refusal->call == EVS_CALL_UNWRAP)
		snprintf(text, EVS_ADVICE_MAX,
			 "KMIP deactivates a key for good: only who runs the server may still have a way to its material");
	else if (refusal->class == EVS_CLASS_CMK_DISABLED)
		snprintf(text, EVS_ADVICE_MAX,
			 "KMIP deactivates a key for good: take another, see: evs-setup cmk list%s",
			 refusal->option);
	else if (refusal->class == EVS_CLASS_CMK_NO_MATERIAL)
		snprintf(text, EVS_ADVICE_MAX, "activate it with: evs-setup cmk enable%s %s",
			 refusal->option, refusal->cmk);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION)
		snprintf(text, EVS_ADVICE_MAX,
			 "the server's policy has to let the owner of client-cert-file %s",
			 permission(refusal->call));
	else if (refusal->class == EVS_CLASS_BAD_CREDENTIALS)
		snprintf(text, EVS_ADVICE_MAX,
			 "and whether the server trusts who signed client-cert-file");
}

/* ---- configuration ---- */

static void kmip_close(struct evs_kms *kms)
{
	struct evs_kmip *kmip = kms->priv;

	if (!kmip)
		return;
	evs_tls_close(kmip->tls);
	evs_secret_free(kmip->message);
	free(kmip);
}

static int kmip_open(struct evs_kms *kms, struct evs_error *err)
{
	const char *host = evs_config_get(&kms->cfg, "url") + strlen(URL_KMIP);
	char url[sizeof(URL_TLS DEFAULT_PORT) + EVS_CONFIG_VALUE_MAX];
	const struct evs_http_peer peer = {
		.url = url,
		.ca_file = evs_config_get(&kms->cfg, "ca-file"),
		.cert_file = evs_config_get(&kms->cfg, "client-cert-file"),
		.key_file = evs_config_get(&kms->cfg, "client-key-file"),
	};
	struct evs_kmip *kmip = calloc(1, sizeof(*kmip));

	if (!kmip)
		return evs_error_set(err, ENOMEM, "out of memory");
	kms->priv = kmip;
	kmip->message = evs_secret_alloc(EVS_KMIP_MESSAGE_MAX);
	if (!kmip->message)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	strcpy(stpcpy(stpcpy(url, URL_TLS), host),
	       strchr(*host == '[' ? strchr(host, ']') : host, ':') ? "" : DEFAULT_PORT);
	return evs_tls_open(&kmip->tls, &peer, err);
}

/* kmip://host[:port] */
static bool is_url(const char *value)
{
	const char *end;

	if (strncmp(value, URL_KMIP, strlen(URL_KMIP)))
		return false;
	end = evs_host_end(value + strlen(URL_KMIP));
	return end && !*end;
}

static const struct evs_config_key kmip_keys[] = {
	{ "url", is_url, "be kmip://host[:port]", true },
	{ "ca-file", evs_config_is_path, "be an absolute path", false },
	{ "client-cert-file", evs_config_is_path, "be an absolute path", true },
	{ "client-key-file", evs_config_is_path, "be an absolute path", true },
	{},
};

const struct evs_kms_ops evs_kmip_ops = {
	.name = "kmip",
	.keys = kmip_keys,
	.open = kmip_open,
	.close = kmip_close,
	.advise = kmip_advise,
	.create_key = kmip_create_key,
	.list_keys = kmip_list_keys,
	.describe_key = kmip_describe_key,
	.set_enabled = kmip_set_enabled,
	.decrypt_datakey = evs_kmip_decrypt_datakey,
	.encrypt_datakey = evs_kmip_encrypt_datakey,
};
