// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An HSM of this host, spoken to over PKCS#11. A CMK is an AES-256 key in the
 * token, found by its label. The DK comes from the token's generator and is
 * wrapped inside of the token.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "kms/pkcs11/pkcs11.h"

#define KEYS_MAX 10000
#define CMK_SIZE 32

/* ---- keys ---- */

static bool get_flag(const struct evs_p11_state *state, CK_OBJECT_HANDLE key,
		     CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE attribute = { type, &value, sizeof(value) };

	return state->p11->C_GetAttributeValue(state->session, key, &attribute, 1) == CKR_OK &&
	       value == CK_TRUE;
}

/* What a key is; false for one that can be no CMK. */
static bool get_cmk(const struct evs_p11_state *state, CK_OBJECT_HANDLE key, struct evs_cmk *cmk)
{
	char label[EVS_CMK_REF_SIZE] = "";
	CK_KEY_TYPE type = 0;
	CK_ULONG size = 0;
	CK_ATTRIBUTE attributes[] = {
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_VALUE_LEN, &size, sizeof(size) },
		{ CKA_LABEL, label, sizeof(label) - 1 },
	};

	memset(cmk, 0, sizeof(*cmk));
	if (state->p11->C_GetAttributeValue(state->session, key, attributes, 3) != CKR_OK ||
	    type != CKK_AES || size != CMK_SIZE || !evs_cmk_ref_valid(label))
		return false;
	strcpy(cmk->id, label);
	strcpy(cmk->alias, label);
	strcpy(cmk->spec, "AES_256");
	strcpy(cmk->origin, get_flag(state, key, CKA_LOCAL) ? "kms" : "external");
	cmk->state = EVS_CMK_STATE_ENABLED;
	return true;
}

static int find_cmk(struct evs_kms *kms, const char *label, CK_OBJECT_HANDLE *key,
		    struct evs_cmk *cmk, struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count;
	CK_RV rv;
	int ret;

	ret = evs_p11_session(kms, err);
	if (ret)
		return ret;
	rv = evs_p11_find_keys(state->p11, state->session, label, found, 2, &count);
	if (rv != CKR_OK)
		return evs_p11_session_fail(kms, err, rv, "looking for the key");
	if (!count)
		return evs_error_set_class(err, EVS_CLASS_CMK_DELETED, "no such key in token %s",
					   evs_config_get(&kms->cfg, "token"));
	if (count > 1)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "more than one key with this label in token %s",
					   evs_config_get(&kms->cfg, "token"));
	if (!get_cmk(state, found[0], cmk))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST, "is no AES-256 key");
	*key = found[0];
	return 0;
}

static bool has_gcm(const struct evs_p11_state *state)
{
	return evs_p11_can(state->p11, state->slot, CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT);
}

/* A CMK in a token without either would protect nothing. */
static int check_mechanisms(struct evs_kms *kms, struct evs_error *err)
{
	const struct evs_p11_state *state = kms->priv;

	if (has_gcm(state) || evs_p11_can(state->p11, state->slot, CKM_AES_KEY_WRAP_PAD,
					  CKF_WRAP | CKF_UNWRAP))
		return 0;
	return evs_error_set(err, EOPNOTSUPP,
			     "token %s can wrap no data key: it has neither of the mechanisms CKM_AES_GCM and CKM_AES_KEY_WRAP_PAD (see: pkcs11-tool --module %s --list-mechanisms)",
			     evs_config_get(&kms->cfg, "token"),
			     evs_config_get(&kms->cfg, "module"));
}

/* ---- operations on CMKs ---- */

static int p11_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err)
{
	CK_OBJECT_HANDLE key;

	return find_cmk(kms, ref, &key, cmk, err);
}

static int p11_create_key(struct evs_kms *kms, const char *alias, const char *description,
			  char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	struct evs_cmk cmk;
	CK_RV rv;
	int ret;

	if (description)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "a key in a token has no description");
	ret = find_cmk(kms, alias, &key, &cmk, err);
	if (!ret)
		return evs_error_set_class(err, EVS_CLASS_ALIAS_EXISTS,
					   "a key of token %s has this label",
					   evs_config_get(&kms->cfg, "token"));
	if (err->class != EVS_CLASS_CMK_DELETED)
		return ret;
	ret = check_mechanisms(kms, err);
	if (ret)
		return ret;
	/* The user is logged in for all sessions of the process. */
	rv = state->p11->C_OpenSession(state->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
				       NULL, &session);
	if (rv == CKR_OK) {
		rv = evs_p11_generate_aes(state->p11, session, alias, !has_gcm(state));
		state->p11->C_CloseSession(session);
	}
	if (rv != CKR_OK)
		return evs_p11_session_fail(kms, err, rv, "generating the key");
	strcpy(id, alias);
	return 0;
}

static int p11_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	CK_OBJECT_HANDLE *keys;
	CK_ULONG found, i;
	CK_RV rv;
	int ret;

	ret = evs_p11_session(kms, err);
	if (ret)
		return ret;
	*count = 0;
	*cmks = NULL;
	keys = calloc(KEYS_MAX, sizeof(*keys));
	if (!keys)
		return evs_error_set(err, ENOMEM, "out of memory");
	rv = evs_p11_find_keys(state->p11, state->session, NULL, keys, KEYS_MAX, &found);
	if (rv != CKR_OK)
		ret = evs_p11_session_fail(kms, err, rv, "listing the keys");
	else
		*cmks = calloc(found + 1, sizeof(**cmks));
	if (!ret && !*cmks)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; !ret && i < found; i++)
		*count += get_cmk(state, keys[i], &(*cmks)[*count]);
	free(keys);
	return ret;
}

static int p11_examine(struct evs_kms *kms, struct evs_error *err)
{
	int ret = evs_p11_session(kms, err);

	return ret ? ret : check_mechanisms(kms, err);
}

/* ---- data keys ---- */

static int get_wrapper(struct evs_kms *kms, const struct evs_token *token,
		       struct evs_p11_wrapper *wrapper, struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	struct evs_cmk cmk;
	int ret;

	ret = evs_context_digest(&token->context, wrapper->digest, err);
	if (!ret)
		ret = find_cmk(kms, token->cmk, &wrapper->key, &cmk, err);
	wrapper->p11 = state->p11;
	wrapper->session = state->session;
	return ret;
}

static int p11_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			       const struct evs_secret *dk, struct evs_error *err)
{
	unsigned char wrapped[EVS_P11_WRAPPED_MAX];
	struct evs_p11_state *state = kms->priv;
	struct evs_p11_wrapper wrapper;
	size_t size;
	CK_RV rv;
	int ret;

	ret = get_wrapper(kms, token, &wrapper, err);
	if (!ret)
		ret = check_mechanisms(kms, err);
	if (ret)
		return ret;
	evs_p11_trace_begin(kms, "wrap");
	if (has_gcm(state) && get_flag(state, wrapper.key, CKA_ENCRYPT))
		rv = evs_p11_wrap_gcm(&wrapper, dk, wrapped, &size);
	else
		rv = evs_p11_wrap_key_wrap(&wrapper, dk, wrapped, &size);
	evs_p11_trace_end(rv);
	if (rv != CKR_OK)
		return evs_p11_session_fail(kms, err, rv, "wrapping");
	evs_hex_encode(token->wrapped_dk, wrapped, size);
	return 0;
}

static int p11_create_datakey(struct evs_kms *kms, struct evs_token *token,
			      struct evs_secret *dk, struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	CK_RV rv;
	int ret;

	ret = evs_p11_session(kms, err);
	if (ret)
		return ret;
	rv = state->p11->C_GenerateRandom(state->session, dk->data, EVS_DK_SIZE);
	if (rv != CKR_OK)
		return evs_p11_session_fail(kms, err, rv, "making a data key");
	return p11_encrypt_datakey(kms, token, dk, err);
}

static int p11_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			       struct evs_secret *dk, struct evs_error *err)
{
	unsigned char wrapped[EVS_P11_WRAPPED_MAX];
	struct evs_p11_wrapper wrapper;
	ssize_t size;
	CK_RV rv;
	int ret;

	ret = get_wrapper(kms, token, &wrapper, err);
	if (ret)
		return ret;
	size = evs_hex_decode(wrapped, sizeof(wrapped), token->wrapped_dk,
			      strlen(token->wrapped_dk));
	if (size < 0)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED, "too long, or no hex");
	evs_p11_trace_begin(kms, "unwrap");
	rv = evs_p11_unwrap(&wrapper, wrapped, (size_t)size, dk);
	evs_p11_trace_end(rv);
	if (evs_p11_is_tampered(rv))
		return evs_p11_fail_class(err, EVS_CLASS_TAMPERED, rv, "unwrapping");
	return rv == CKR_OK ? 0 : evs_p11_session_fail(kms, err, rv, "unwrapping");
}

/* ---- configuration ---- */

static int p11_open(struct evs_kms *kms, struct evs_error *err)
{
	const char *conf = evs_config_get(&kms->cfg, "softhsm2-conf");
	const char *args = evs_config_get(&kms->cfg, "module-args");
	struct evs_p11_state *state = calloc(1, sizeof(*state));
	int ret;

	if (!state)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = evs_p11_load(&state->p11, evs_config_get(&kms->cfg, "module"), conf ? conf : "",
			   args ? args : "", err);
	if (ret)
		free(state);
	else
		kms->priv = state;
	return ret;
}

static void p11_close(struct evs_kms *kms)
{
	struct evs_p11_state *state = kms->priv;

	if (!state)
		return;
	if (state->open)
		state->p11->C_CloseSession(state->session);
	evs_p11_unload(state->p11);
	free(state);
}

static bool is_label(const char *value)
{
	return evs_config_is_text(value) && strlen(value) <= EVS_P11_LABEL_MAX;
}

static void p11_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
		       char text[EVS_ADVICE_MAX])
{
	(void)kms;
	if (refusal->class == EVS_CLASS_NO_PERMISSION)
		snprintf(text, EVS_ADVICE_MAX,
			 "the key needs CKA_ENCRYPT and CKA_DECRYPT, or CKA_WRAP and CKA_UNWRAP");
	else if (refusal->class == EVS_CLASS_BAD_CREDENTIALS)
		snprintf(text, EVS_ADVICE_MAX, "and the PIN in its pin-file");
}

static const struct evs_config_key p11_keys[] = {
	{ "module", evs_config_is_path, "be an absolute path", true },
	{ "module-args", evs_config_is_text, "be a text", false },
	{ "token", is_label, "be a label of at most 32 characters", true },
	{ "pin-file", evs_config_is_path, "be an absolute path", true },
	{ "softhsm2-conf", evs_config_is_path, "be an absolute path", false },
	{},
};

const struct evs_kms_ops evs_pkcs11_ops = {
	.name = "pkcs11",
	.advise = p11_advise,
	.keys = p11_keys,
	.open = p11_open,
	.close = p11_close,
	.create_key = p11_create_key,
	.list_keys = p11_list_keys,
	.examine = p11_examine,
	.describe_key = p11_describe_key,
	.create_datakey = p11_create_datakey,
	.decrypt_datakey = p11_decrypt_datakey,
	.encrypt_datakey = p11_encrypt_datakey,
};
