// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "datakey.h"
#include "fail.h"

#define OFF_IV 4
#define OFF_VERSION 16
#define OFF_CIPHER 20
#define OFF_CMK 116
#define OFF_ZERO 152
#define OFF_TAG 156
#define OFF_ZERO2 172

#define IV_SIZE (OFF_VERSION - OFF_IV)
#define CIPHER_SIZE (OFF_CMK - OFF_CIPHER)
#define CMK_SIZE (OFF_ZERO - OFF_CMK)
#define TAG_SIZE (OFF_ZERO2 - OFF_TAG)

static const unsigned char header[OFF_IV] = { 0x02, 0x00, OFF_ZERO, 0x00 };
static const unsigned char zeros[KMSD_BLOB_SIZE - OFF_ZERO2];

_Static_assert(CIPHER_SIZE == EVS_DK_SIZE + KMSD_DIGEST_SIZE, "blob layout");
_Static_assert(CMK_SIZE == EVS_CMK_ID_SIZE - 1, "blob layout");

int kmsd_datakey_digest(const unsigned char *dk, unsigned char *digest, struct evs_error *err)
{
	if (!EVP_Digest(dk, EVS_DK_SIZE, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	return 0;
}

static bool add_aad(EVP_CIPHER_CTX *ctx, const void *data, size_t size)
{
	int len;

	return !size || EVP_CipherUpdate(ctx, NULL, &len, data, (int)size);
}

/*
 * Starts AES-256-GCM and feeds it the additional data. The parts of the blob
 * have fixed sizes and stand before the context, so the whole is unambiguous.
 */
static EVP_CIPHER_CTX *begin(const struct evs_secret *key, const struct kmsd_context *context,
			     const unsigned char *blob, bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, blob + OFF_IV,
				     encrypt) &&
	    add_aad(ctx, blob, OFF_IV) &&
	    add_aad(ctx, blob + OFF_VERSION, OFF_CIPHER - OFF_VERSION) &&
	    add_aad(ctx, blob + OFF_CMK, OFF_TAG - OFF_CMK) &&
	    add_aad(ctx, blob + OFF_ZERO2, KMSD_BLOB_SIZE - OFF_ZERO2) &&
	    add_aad(ctx, context->data, context->size))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int kmsd_datakey_wrap(const struct evs_secret *key, const struct kmsd_cmk *cmk,
		      const struct kmsd_context *context, const unsigned char *dk,
		      unsigned char *blob, struct evs_error *err)
{
	uint32_t version = htobe32(cmk->version);
	unsigned char digest[KMSD_DIGEST_SIZE];
	unsigned char *out = blob + OFF_CIPHER;
	EVP_CIPHER_CTX *ctx;
	int ret, len;
	bool done;

	ret = kmsd_datakey_digest(dk, digest, err);
	if (ret)
		return ret;
	memset(blob, 0, KMSD_BLOB_SIZE);
	memcpy(blob, header, sizeof(header));
	memcpy(blob + OFF_VERSION, &version, sizeof(version));
	memcpy(blob + OFF_CMK, cmk->id, CMK_SIZE);
	if (RAND_bytes(blob + OFF_IV, IV_SIZE) != 1)
		return evs_error_set(err, EIO, "no random bytes");

	ctx = begin(key, context, blob, true);
	done = ctx && EVP_EncryptUpdate(ctx, out, &len, dk, EVS_DK_SIZE) &&
	       EVP_EncryptUpdate(ctx, out + EVS_DK_SIZE, &len, digest, sizeof(digest)) &&
	       EVP_EncryptFinal_ex(ctx, out + CIPHER_SIZE, &len) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, blob + OFF_TAG);
	EVP_CIPHER_CTX_free(ctx);
	return done ? 0 : evs_error_set(err, ENOMEM, "AES-256-GCM failed");
}

int kmsd_datakey_inspect(const unsigned char *blob, size_t size, char cmk[EVS_CMK_ID_SIZE],
			 uint32_t *version, struct evs_error *err)
{
	if (size != KMSD_BLOB_SIZE)
		return kmsd_fail(err, KMSD_E_CIPHER_MISMATCH,
				 "cipher_text: %zu bytes, a wrapped data key has %d", size,
				 KMSD_BLOB_SIZE);
	if (memcmp(blob, header, sizeof(header)) ||
	    memcmp(blob + OFF_ZERO, zeros, OFF_TAG - OFF_ZERO) ||
	    memcmp(blob + OFF_ZERO2, zeros, KMSD_BLOB_SIZE - OFF_ZERO2))
		return kmsd_fail(err, KMSD_E_CIPHER, "cipher_text: not a wrapped data key");
	memcpy(cmk, blob + OFF_CMK, CMK_SIZE);
	cmk[CMK_SIZE] = '\0';
	memcpy(version, blob + OFF_VERSION, sizeof(*version));
	*version = be32toh(*version);
	return 0;
}

int kmsd_datakey_unwrap(const struct evs_secret *key, const struct kmsd_context *context,
			const unsigned char *blob, unsigned char *dk, unsigned char *digest,
			struct evs_error *err)
{
	const unsigned char *in = blob + OFF_CIPHER;
	unsigned char wrapped_digest[KMSD_DIGEST_SIZE], none;
	EVP_CIPHER_CTX *ctx;
	int ret = 0, len;

	ctx = begin(key, context, blob, false);
	if (!ctx || !EVP_DecryptUpdate(ctx, dk, &len, in, EVS_DK_SIZE) ||
	    !EVP_DecryptUpdate(ctx, wrapped_digest, &len, in + EVS_DK_SIZE, KMSD_DIGEST_SIZE) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
				 (unsigned char *)blob + OFF_TAG))
		ret = evs_error_set(err, ENOMEM, "AES-256-GCM failed");
	else if (!EVP_DecryptFinal_ex(ctx, &none, &len))
		ret = kmsd_fail(err, KMSD_E_CIPHER,
				"cipher_text: altered, or encryption_context is not the one it was wrapped with");
	EVP_CIPHER_CTX_free(ctx);
	if (!ret)
		ret = kmsd_datakey_digest(dk, digest, err);
	if (!ret && CRYPTO_memcmp(digest, wrapped_digest, KMSD_DIGEST_SIZE))
		ret = kmsd_fail(err, KMSD_E_CIPHER_HASH,
				"cipher_text: hash of the data key does not fit");
	if (ret)
		explicit_bzero(dk, EVS_DK_SIZE);
	return ret;
}
