// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "gcm.h"

/* Starts either direction and feeds it the additional data; NULL when libcrypto fails. */
static EVP_CIPHER_CTX *begin(const struct evs_gcm *gcm, bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, gcm->key, gcm->iv, encrypt) &&
	    (!gcm->aad_size ||
	     EVP_CipherUpdate(ctx, NULL, &len, gcm->aad, (int)gcm->aad_size)))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int failed(struct evs_error *err)
{
	return evs_error_set(err, EIO, "libcrypto: AES-256-GCM failed");
}

int evs_gcm_encrypt(const struct evs_gcm *gcm, const void *data, size_t size,
		    unsigned char *cipher, struct evs_error *err)
{
	EVP_CIPHER_CTX *ctx = begin(gcm, true);
	unsigned char none;
	int len;
	bool done = ctx && EVP_EncryptUpdate(ctx, cipher, &len, data, (int)size) &&
		    EVP_EncryptFinal_ex(ctx, &none, &len) &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, EVS_GCM_TAG_SIZE,
					cipher + size);

	EVP_CIPHER_CTX_free(ctx);
	return done ? 0 : failed(err);
}

int evs_gcm_decrypt(const struct evs_gcm *gcm, const unsigned char *cipher, void *data,
		    size_t size, struct evs_error *err)
{
	EVP_CIPHER_CTX *ctx = begin(gcm, false);
	unsigned char none;
	int ret = 0, len;

	if (!ctx || !EVP_DecryptUpdate(ctx, data, &len, cipher, (int)size) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, EVS_GCM_TAG_SIZE,
				 (unsigned char *)cipher + size))
		ret = failed(err);
	else if (!EVP_DecryptFinal_ex(ctx, &none, &len))
		ret = evs_error_set(err, EBADMSG, "the tag of AES-GCM does not fit");
	EVP_CIPHER_CTX_free(ctx);
	if (ret)
		OPENSSL_cleanse(data, size);
	return ret;
}
