// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key material from outside. The key that it has to be wrapped with is made for
 * the occasion; its private half goes out with it as the import token, wrapped
 * by the root key, so that nothing has to be kept here.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "key/cmk.h"
#include "fail.h"
#include "key/material.h"
#include "http/op/ops.h"
#include "pool.h"

#define ALGORITHM "RSAES_OAEP_SHA_256"
#define RSA_BITS 2048
#define RSA_SIZE (RSA_BITS / 8)
#define PUBLIC_MAX 512
#define PRIVATE_MAX 2048
#define TOKEN_MAX (sizeof(struct token) + PRIVATE_MAX + KMSD_HSM_OVERHEAD)

/* In an import token, before the private key. */
struct token {
	int64_t expires;
	uint64_t size;
};

static void token_aad(char aad[EVS_CMK_ID_SIZE + 16], const char *id)
{
	snprintf(aad, EVS_CMK_ID_SIZE + 16, "%s/import", id);
}

/* The CMK that a request names, if it is one whose material is imported. */
static int external_key(struct kmsd_call *call, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, cmk, err);

	if (ret)
		return ret;
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s has material of its own", cmk->alias);
	return cmk->external ? 0 : kmsd_fail(err, KMSD_E_NOT_EXTERNAL,
					     "key %s was not made with origin external", cmk->id);
}

static int pending_key(struct kmsd_call *call, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = external_key(call, cmk, err);

	if (!ret && cmk->state != EVS_CMK_STATE_PENDING_IMPORT)
		return kmsd_fail(err, KMSD_E_NOT_PENDING_IMPORT,
				 "key %s is not waiting for material", cmk->id);
	return ret;
}

static int check_algorithm(struct kmsd_call *call, struct evs_error *err)
{
	const char *name;
	int ret = kmsd_request_string(&call->req, "wrapping_algorithm", NULL, &name, err);

	if (ret)
		return ret;
	return strcmp(name, ALGORITHM) ? kmsd_fail(err, KMSD_E_PARAMETER,
						   "wrapping_algorithm: not " ALGORITHM) : 0;
}

/* Makes the key pair; the private half and its description as a token. */
static int make_token(struct kmsd_call *call, const struct kmsd_cmk *cmk, struct token token,
		      char public_key[(EVS_BASE64_LEN(PUBLIC_MAX) + 1)],
		      char text[(EVS_BASE64_LEN(TOKEN_MAX) + 1)], struct evs_error *err)
{
	unsigned char der[PUBLIC_MAX], wrapped[TOKEN_MAX], *at = der;
	EVP_PKEY *pair = EVP_RSA_gen(RSA_BITS);
	char aad[EVS_CMK_ID_SIZE + 16];
	struct evs_secret *plain;
	int size, ret;
	size_t len;

	plain = kmsd_secret_get(sizeof(token) + PRIVATE_MAX);
	if (!pair || !plain) {
		ret = evs_error_set(err, ENOMEM, "no memory for a key pair");
		goto out;
	}
	size = i2d_PUBKEY(pair, NULL);
	ret = size <= 0 || size > PUBLIC_MAX ? evs_error_set(err, EIO, "RSA failed") : 0;
	if (ret)
		goto out;
	evs_base64_encode(public_key, der, (size_t)i2d_PUBKEY(pair, &at));
	size = i2d_PrivateKey(pair, NULL);
	ret = size <= 0 || size > PRIVATE_MAX ? evs_error_set(err, EIO, "RSA failed") : 0;
	if (ret)
		goto out;
	at = plain->data + sizeof(token);
	token.size = (uint64_t)i2d_PrivateKey(pair, &at);
	memcpy(plain->data, &token, sizeof(token));
	len = sizeof(token) + token.size;
	token_aad(aad, cmk->id);
	ret = kmsd_hsm_wrap(call->kmsd->hsm, aad, plain->data, len, wrapped, err);
	if (!ret)
		evs_base64_encode(text, wrapped, len + KMSD_HSM_OVERHEAD);
out:
	kmsd_secret_put(plain);
	EVP_PKEY_free(pair);
	return ret;
}

int kmsd_op_import_parameters(struct kmsd_call *call, struct evs_error *err)
{
	char public_key[(EVS_BASE64_LEN(PUBLIC_MAX) + 1)], text[(EVS_BASE64_LEN(TOKEN_MAX) + 1)];
	struct token token = {};
	struct json_object *json;
	struct kmsd_cmk cmk;
	int ret;

	ret = check_algorithm(call, err);
	if (!ret)
		ret = pending_key(call, &cmk, err);
	if (ret)
		return ret;
	token.expires = kmsd_clock_now(&call->kmsd->clock) + KMSD_DAY_MS;
	ret = make_token(call, &cmk, token, public_key, text, err);
	if (ret)
		return ret;
	json = json_object_new_object();
	if (json && (kmsd_json_add(json, "key_id", cmk.id) ||
		     kmsd_json_add(json, "import_token", text) ||
		     kmsd_json_put(json, "expiration_time",
				   json_object_new_int64(token.expires / KMSD_SECOND_MS)) ||
		     kmsd_json_add(json, "public_key", public_key))) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}

/* The private key of a token that is this CMK's and has not expired. */
static int open_token(struct kmsd_call *call, const struct kmsd_cmk *cmk, EVP_PKEY **pair,
		      struct evs_error *err)
{
	struct evs_secret *plain = kmsd_secret_get(TOKEN_MAX);
	unsigned char wrapped[TOKEN_MAX];
	char aad[EVS_CMK_ID_SIZE + 16];
	const unsigned char *at;
	struct token token;
	const char *text;
	ssize_t size;
	int ret;

	if (!plain)
		return evs_error_set(err, errno, "locked memory: %m");
	ret = kmsd_request_string(&call->req, "import_token", NULL, &text, err);
	if (ret)
		goto out;
	size = evs_base64_decode(wrapped, sizeof(wrapped), text, strlen(text));
	token_aad(aad, cmk->id);
	ret = size < (ssize_t)(sizeof(token) + KMSD_HSM_OVERHEAD)
		      ? -EBADMSG : kmsd_hsm_unwrap(call->kmsd->hsm, aad, wrapped, (size_t)size,
						   plain->data, err);
	if (ret == -EBADMSG)
		ret = kmsd_fail(err, KMSD_E_IMPORT_TOKEN, "import_token: not one for key %s",
				cmk->id);
	if (ret)
		goto out;
	memcpy(&token, plain->data, sizeof(token));
	if (token.expires <= kmsd_clock_now(&call->kmsd->clock)) {
		ret = kmsd_fail(err, KMSD_E_IMPORT_EXPIRED, "import_token: has expired");
		goto out;
	}
	at = plain->data + sizeof(token);
	*pair = d2i_AutoPrivateKey(NULL, &at, (long)token.size);
	ret = *pair ? 0 : evs_error_set(err, EIO, "import token: no key in it");
out:
	kmsd_secret_put(plain);
	return ret;
}

static int decrypt_material(EVP_PKEY *pair, const char *text, struct evs_secret *key,
			    struct evs_error *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair, NULL);
	struct evs_secret *plain = kmsd_secret_get(RSA_SIZE);
	unsigned char cipher[RSA_SIZE];
	size_t size = RSA_SIZE;
	bool done;
	int ret = 0;

	if (!ctx || !plain) {
		ret = evs_error_set(err, ENOMEM, "no memory for RSA");
		goto out;
	}
	done = evs_base64_decode(cipher, sizeof(cipher), text, strlen(text)) == RSA_SIZE &&
	       EVP_PKEY_decrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA256", NULL) > 0 &&
	       EVP_PKEY_decrypt(ctx, plain->data, &size, cipher, sizeof(cipher)) > 0;
	if (!done)
		ret = kmsd_fail(err, KMSD_E_IMPORT_OTHER,
				"encrypted_key_material: not encrypted with the token's public key");
	else if (size != KMSD_CMK_SIZE)
		ret = kmsd_fail(err, KMSD_E_IMPORT_SIZE,
				"encrypted_key_material: %zu bytes, a key has %d", size,
				KMSD_CMK_SIZE);
	else
		memcpy(key->data, plain->data, KMSD_CMK_SIZE);
out:
	kmsd_secret_put(plain);
	EVP_PKEY_CTX_free(ctx);
	return ret;
}

/* When the material shall go: seconds since 1970, 0 for never. */
static int read_expiry(struct kmsd_call *call, int64_t *expires, struct evs_error *err)
{
	int ret;

	*expires = 0;
	ret = kmsd_request_number(&call->req, "expiration_time", KMSD_E_FORMAT, expires, err);
	if (ret <= 0)
		return ret;
	if (!*expires)
		return 0;
	if (*expires < 0 || *expires > INT64_MAX / KMSD_SECOND_MS)
		return kmsd_fail(err, KMSD_E_FORMAT, "expiration_time: not seconds since 1970");
	*expires *= KMSD_SECOND_MS;
	if (*expires <= kmsd_clock_now(&call->kmsd->clock))
		return kmsd_fail(err, KMSD_E_IMPORT_PAST, "expiration_time: has passed");
	return 0;
}

static int import(struct kmsd_call *call, struct kmsd_cmk *cmk, const char *text, int64_t expires,
		  struct evs_error *err)
{
	struct evs_secret *key = kmsd_secret_get(KMSD_CMK_SIZE);
	EVP_PKEY *pair = NULL;
	int ret;

	if (!key)
		return evs_error_set(err, errno, "locked memory: %m");
	ret = open_token(call, cmk, &pair, err);
	if (!ret)
		ret = decrypt_material(pair, text, key, err);
	/* What has expired may still lie there, until it is swept away */
	if (!ret)
		ret = kmsd_material_destroy(call->kmsd, cmk->id, err);
	if (!ret)
		ret = kmsd_material_put(call->kmsd, cmk, key, err);
	if (!ret)
		ret = kmsd_db_run(kmsd_store_writing(call->kmsd->store), err,
				  "UPDATE cmk SET state = 2, expires = ? WHERE id = ?", "is",
				  expires, cmk->id);
	EVP_PKEY_free(pair);
	kmsd_secret_put(key);
	return ret < 0 ? ret : 0;
}

int kmsd_op_import_material(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	const char *text;
	int64_t expires;
	int ret;

	ret = kmsd_request_string(&call->req, "encrypted_key_material", NULL, &text, err);
	if (!ret)
		ret = read_expiry(call, &expires, err);
	if (!ret)
		ret = pending_key(call, &cmk, err);
	if (ret)
		return ret;
	ret = import(call, &cmk, text, expires, err);
	return ret ? ret : kmsd_reply_done(call->reply, err);
}

int kmsd_op_delete_material(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret;

	ret = external_key(call, &cmk, err);
	if (ret)
		return ret;
	if (cmk.state != EVS_CMK_STATE_ENABLED && cmk.state != EVS_CMK_STATE_DISABLED)
		return kmsd_fail(err, KMSD_E_NOT_DELETABLE,
				 "key %s has no material, or is scheduled for deletion", cmk.id);
	ret = kmsd_material_destroy(call->kmsd, cmk.id, err);
	if (!ret)
		ret = kmsd_db_run(kmsd_store_writing(call->kmsd->store), err,
				  "UPDATE cmk SET state = 5, expires = 0 WHERE id = ?", "s",
				  cmk.id);
	return ret < 0 ? ret : kmsd_reply_done(call->reply, err);
}
