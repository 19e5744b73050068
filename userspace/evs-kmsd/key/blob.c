// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "gcm.h"
#include "key/blob.h"
#include "pool.h"

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
#define OFF_PADDING (OFF_TAG + EVS_GCM_TAG_SIZE)
#define PADDING_SIZE 16
#define AAD_SIZE (OFF_IV + OFF_CIPHER - OFF_VERSION + OFF_TAG - OFF_CMK + PADDING_SIZE)

_Static_assert(OFF_VERSION - OFF_IV == EVS_GCM_IV_SIZE, "blob layout");
_Static_assert(OFF_PADDING + PADDING_SIZE == KMSD_BLOB_SIZE, "blob layout");

static const unsigned char header[OFF_IV] = { 0x02, 0x00, OFF_ZERO, 0x00 };

int kmsd_blob_digest(const void *data, size_t size, unsigned char *digest, struct evs_error *err)
{
	if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	return 0;
}

/*
 * What is authenticated besides. The parts of the blob stand before the context and have a
 * fixed size, so the whole is unambiguous.
 */
static unsigned char *make_aad(const struct kmsd_context *context, const unsigned char *blob,
			       struct evs_gcm *gcm, struct evs_error *err)
{
	unsigned char *aad = malloc(AAD_SIZE + context->size), *at = aad;

	if (!aad) {
		evs_error_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	at = mempcpy(at, blob, OFF_IV);
	at = mempcpy(at, blob + OFF_VERSION, OFF_CIPHER - OFF_VERSION);
	at = mempcpy(at, blob + OFF_CMK, OFF_TAG - OFF_CMK);
	at = mempcpy(at, blob + OFF_PADDING, PADDING_SIZE);
	if (context->size)
		memcpy(at, context->data, context->size);
	gcm->iv = blob + OFF_IV;
	gcm->aad = aad;
	gcm->aad_size = AAD_SIZE + context->size;
	return aad;
}

int kmsd_blob_wrap(const struct evs_secret *key, const struct kmsd_cmk *cmk,
		   const struct kmsd_context *context, const unsigned char *dk,
		   unsigned char blob[KMSD_BLOB_SIZE], struct evs_error *err)
{
	uint32_t version = htobe32(cmk->version);
	struct evs_secret *plain = kmsd_secret_get(CIPHER_SIZE);
	unsigned char sealed[CIPHER_SIZE + EVS_GCM_TAG_SIZE], *aad = NULL;
	struct evs_gcm gcm = { .key = key->data };
	int ret;

	if (!plain)
		return evs_error_set(err, errno, "locked memory: %m");
	memcpy(plain->data, dk, EVS_DK_SIZE);
	ret = kmsd_blob_digest(dk, EVS_DK_SIZE, plain->data + EVS_DK_SIZE, err);
	if (ret)
		goto out;
	memset(blob, 0, KMSD_BLOB_SIZE);
	memcpy(blob, header, sizeof(header));
	memcpy(blob + OFF_VERSION, &version, sizeof(version));
	memcpy(blob + OFF_CMK, cmk->id, CMK_SIZE);
	if (RAND_bytes(blob + OFF_IV, EVS_GCM_IV_SIZE) != 1) {
		ret = evs_error_set(err, EIO, "no random bytes");
		goto out;
	}
	aad = make_aad(context, blob, &gcm, err);
	ret = aad ? evs_gcm_encrypt(&gcm, plain->data, CIPHER_SIZE, sealed, err) : -ENOMEM;
	memcpy(blob + OFF_CIPHER, sealed, CIPHER_SIZE);
	memcpy(blob + OFF_TAG, sealed + CIPHER_SIZE, EVS_GCM_TAG_SIZE);
out:
	free(aad);
	kmsd_secret_put(plain);
	return ret;
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
	struct evs_secret *plain = kmsd_secret_get(CIPHER_SIZE);
	unsigned char sealed[CIPHER_SIZE + EVS_GCM_TAG_SIZE], *aad;
	struct evs_gcm gcm = { .key = key->data };
	int ret;

	if (!plain)
		return evs_error_set(err, errno, "locked memory: %m");
	memcpy(sealed, blob + OFF_CIPHER, CIPHER_SIZE);
	memcpy(sealed + CIPHER_SIZE, blob + OFF_TAG, EVS_GCM_TAG_SIZE);
	aad = make_aad(context, blob, &gcm, err);
	ret = aad ? evs_gcm_decrypt(&gcm, sealed, plain->data, CIPHER_SIZE, err) : -ENOMEM;
	if (ret == -EBADMSG)
		ret = kmsd_fail(err, KMSD_E_CIPHER,
				"cipher_text: altered, or encryption_context is not the one it was wrapped with");
	if (!ret)
		ret = kmsd_blob_digest(plain->data, EVS_DK_SIZE, digest, err);
	if (!ret && CRYPTO_memcmp(digest, plain->data + EVS_DK_SIZE, KMSD_DIGEST_SIZE))
		ret = kmsd_fail(err, KMSD_E_CIPHER_HASH,
				"cipher_text: the hash of its content does not fit");
	if (!ret)
		memcpy(dk, plain->data, EVS_DK_SIZE);
	free(aad);
	kmsd_secret_put(plain);
	return ret;
}
