// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Barbican keeps secrets, and wraps nothing: a DK is wrapped here, with a CMK
 * that is in locked memory for as long. A wrapped DK is IV, ciphertext and tag
 * of AES-256-GCM, the digest of the context is authenticated with it.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "hex.h"
#include "kms/barbican.h"

#define IV_SIZE 12
#define TAG_SIZE 16
#define WRAPPED_SIZE (IV_SIZE + EVS_DK_SIZE + TAG_SIZE)

/* Starts either direction and feeds it the digest; NULL when libcrypto fails. */
static EVP_CIPHER_CTX *begin(const unsigned char *key, const unsigned char *iv,
			     const unsigned char *digest, bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv, encrypt) &&
	    EVP_CipherUpdate(ctx, NULL, &len, digest, EVS_CONTEXT_DIGEST_SIZE))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int crypto_failed(struct evs_error *err)
{
	return evs_error_set(err, EIO, "libcrypto: AES-256-GCM failed");
}

int evs_barbican_wrap(const unsigned char *key, struct evs_token *token,
		      const struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], wrapped[WRAPPED_SIZE];
	unsigned char *cipher = wrapped + IV_SIZE, *tag = cipher + EVS_DK_SIZE;
	EVP_CIPHER_CTX *ctx;
	int ret, len;
	bool done;

	ret = evs_context_digest(&token->context, digest, err);
	if (ret)
		return ret;
	if (RAND_bytes(wrapped, IV_SIZE) != 1)
		return evs_error_set(err, EIO, "libcrypto has no random numbers");
	ctx = begin(key, wrapped, digest, true);
	done = ctx && EVP_EncryptUpdate(ctx, cipher, &len, dk->data, EVS_DK_SIZE) &&
	       EVP_EncryptFinal_ex(ctx, tag, &len) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag);
	EVP_CIPHER_CTX_free(ctx);
	if (!done)
		return crypto_failed(err);
	evs_hex_encode(token->wrapped_dk, wrapped, sizeof(wrapped));
	return 0;
}

int evs_barbican_unwrap(const unsigned char *key, const struct evs_token *token,
			struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], wrapped[WRAPPED_SIZE], none;
	unsigned char *cipher = wrapped + IV_SIZE, *tag = cipher + EVS_DK_SIZE;
	EVP_CIPHER_CTX *ctx;
	int ret, len;

	ret = evs_context_digest(&token->context, digest, err);
	if (ret)
		return ret;
	if (evs_hex_decode(wrapped, sizeof(wrapped), token->wrapped_dk,
			   strlen(token->wrapped_dk)) != WRAPPED_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the wrapped key is none of this kind of KMS");
	ctx = begin(key, wrapped, digest, false);
	if (!ctx || !EVP_DecryptUpdate(ctx, dk->data, &len, cipher, EVS_DK_SIZE) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag))
		ret = crypto_failed(err);
	else if (!EVP_DecryptFinal_ex(ctx, &none, &len))
		ret = evs_error_set_class(err, EVS_CLASS_TAMPERED,
					  "the tag of AES-GCM does not fit");
	EVP_CIPHER_CTX_free(ctx);
	if (ret)
		evs_secret_wipe(dk);
	return ret;
}
