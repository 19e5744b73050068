// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "key/blob.h"
#include "fail.h"

#define OFF_END 2
#define OFF_IV 4
#define OFF_VERSION 16
#define OFF_CIPHER 20
#define CIPHER_SIZE (EVS_DK_SIZE + KMSD_DIGEST_SIZE)
#define OFF_CMK (OFF_CIPHER + CIPHER_SIZE)
#define CMK_SIZE (EVS_CMK_ID_SIZE - 1)
#define OFF_ZERO (OFF_CMK + CMK_SIZE)
#define ZERO_SIZE 4
#define OFF_TAG (OFF_ZERO + ZERO_SIZE)
#define TAG_SIZE 16
#define OFF_PADDING (OFF_TAG + TAG_SIZE)
#define PADDING_SIZE 16
#define IV_SIZE (OFF_VERSION - OFF_IV)

_Static_assert(OFF_PADDING + PADDING_SIZE == KMSD_BLOB_SIZE, "blob layout");

static const unsigned char header[OFF_IV] = { 0x02, 0x00, OFF_ZERO, 0x00 };

int kmsd_blob_digest(const void *data, size_t size, unsigned char *digest, struct evs_error *err)
{
	if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL))
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
 * stand before the context and have a fixed size, so the whole is unambiguous.
 *
 * gcm.h has no use here: it would take a buffer of the data key and its digest, and from
 * copying between the two the compiler left a part of the key on the stack.
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
	    add_aad(ctx, blob + OFF_PADDING, PADDING_SIZE) &&
	    add_aad(ctx, context->data, context->size))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int kmsd_blob_wrap(const struct evs_secret *key, const struct kmsd_cmk *cmk,
		   const struct kmsd_context *context, const unsigned char *dk,
		   unsigned char blob[KMSD_BLOB_SIZE], struct evs_error *err)
{
	uint32_t version = htobe32(cmk->version);
	unsigned char digest[KMSD_DIGEST_SIZE];
	unsigned char *out = blob + OFF_CIPHER;
	EVP_CIPHER_CTX *ctx;
	int ret, len;
	bool done;

	ret = kmsd_blob_digest(dk, EVS_DK_SIZE, digest, err);
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

int kmsd_blob_inspect(const unsigned char *blob, size_t size, char cmk[EVS_CMK_ID_SIZE],
		      uint32_t *version, struct evs_error *err)
{
	static const unsigned char zeros[PADDING_SIZE];

	if (size != KMSD_BLOB_SIZE)
		return kmsd_fail(err, KMSD_E_CIPHER_MISMATCH,
				 "cipher_text: a wrapped data key has %d bytes, this has %zu",
				 KMSD_BLOB_SIZE, size);
	if (memcmp(blob, header, sizeof(header)) || memcmp(blob + OFF_ZERO, zeros, ZERO_SIZE) ||
	    memcmp(blob + OFF_PADDING, zeros, PADDING_SIZE))
		return kmsd_fail(err, KMSD_E_CIPHER,
				 "cipher_text: a wrapped data key does not look like this");
	memcpy(cmk, blob + OFF_CMK, CMK_SIZE);
	cmk[CMK_SIZE] = '\0';
	memcpy(version, blob + OFF_VERSION, sizeof(*version));
	*version = be32toh(*version);
	return 0;
}

int kmsd_blob_unwrap(const struct evs_secret *key, const struct kmsd_context *context,
		     const unsigned char blob[KMSD_BLOB_SIZE], unsigned char *dk,
		     unsigned char *digest, struct evs_error *err)
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
		ret = kmsd_blob_digest(dk, EVS_DK_SIZE, digest, err);
	if (!ret && CRYPTO_memcmp(digest, wrapped_digest, KMSD_DIGEST_SIZE))
		ret = kmsd_fail(err, KMSD_E_CIPHER_HASH,
				"cipher_text: the hash of its content does not fit");
	if (ret)
		explicit_bzero(dk, EVS_DK_SIZE);
	return ret;
}
