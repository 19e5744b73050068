// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key material from outside: the KMS gives an RSA key for it to be encrypted with,
 * and a token that says which.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "kms/json.h"
#include "kms/otc/private.h"

#define ALGORITHM "RSAES_OAEP_SHA_256"
#define DIGEST "SHA256"
#define TOKEN_MAX 6144
#define KEY_TEXT_MAX 1024	/* an RSA key of up to 4096 bits, in base64 */
#define CIPHER_MAX 512

/**
 * struct parameters - What an import needs.
 * @token: tells the KMS which key it gave
 * @key: that key
 */
struct parameters {
	char token[TOKEN_MAX + 1];
	EVP_PKEY *key;
};

static int get_parameters(struct evs_kms *kms, const char *id, struct parameters *parameters,
			  struct evs_error *err)
{
	const char *op = "get-parameters-for-import";
	unsigned char der[KEY_TEXT_MAX];
	const unsigned char *at = der;
	json_object *request = evs_otc_request("key_id", id), *reply;
	char text[KEY_TEXT_MAX + 1];
	ssize_t len;
	int ret;

	evs_otc_add_text(&request, "wrapping_algorithm", ALGORITHM);
	ret = evs_otc_call(kms, op, request, &reply, err);
	if (ret)
		return ret;
	if (evs_json_text(reply, "import_token", parameters->token, sizeof(parameters->token)) ||
	    evs_json_text(reply, "public_key", text, sizeof(text))) {
		ret = evs_otc_bad_answer(err, op, "no import_token or no public_key");
	} else {
		len = evs_base64_decode(der, sizeof(der), text, strlen(text));
		parameters->key = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
		if (!parameters->key || !EVP_PKEY_is_a(parameters->key, "RSA"))
			ret = evs_otc_bad_answer(err, op, "public_key is no RSA key");
	}
	json_object_put(reply);
	return ret;
}

static int encrypt(EVP_PKEY *key, const struct evs_secret *material,
		   char text[EVS_BASE64_LEN(CIPHER_MAX) + 1], struct evs_error *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	unsigned char cipher[CIPHER_MAX];
	size_t len = sizeof(cipher);
	bool done;

	done = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, DIGEST, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, DIGEST, NULL) > 0 &&
	       EVP_PKEY_encrypt(ctx, cipher, &len, material->data, material->size) > 0;
	EVP_PKEY_CTX_free(ctx);
	if (!done)
		return evs_error_set(err, EIO, "the key material cannot be encrypted for the KMS");
	evs_base64_encode(text, cipher, len);
	return 0;
}

int evs_otc_import_material(struct evs_kms *kms, const char *id,
			    const struct evs_secret *material, int64_t expires,
			    struct evs_error *err)
{
	char text[EVS_BASE64_LEN(CIPHER_MAX) + 1], when[24];
	struct parameters parameters = {};
	json_object *request;
	int ret;

	ret = get_parameters(kms, id, &parameters, err);
	if (!ret)
		ret = encrypt(parameters.key, material, text, err);
	EVP_PKEY_free(parameters.key);
	if (ret)
		return ret;
	request = evs_otc_request("key_id", id);
	evs_otc_add_text(&request, "import_token", parameters.token);
	evs_otc_add_text(&request, "encrypted_key_material", text);
	if (expires) {
		snprintf(when, sizeof(when), "%lld", (long long)expires);
		evs_otc_add_text(&request, "expiration_time", when);
	}
	return evs_otc_done(kms, "import-key-material", request, err);
}

int evs_otc_delete_material(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	return evs_otc_done(kms, "delete-imported-key-material", evs_otc_request("key_id", id),
			    err);
}
