// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#include "seal.h"

#define KEY_SIZE 32
#define NONCE_SIZE 12
#define LABEL "evs seal 1"

static int failed(struct evs_error *err)
{
	return evs_error_set(err, EIO, "libcrypto cannot seal a key");
}

int evs_seal_init(struct evs_seal *seal, struct evs_error *err)
{
	size_t size = sizeof(seal->public);

	seal->key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (seal->key && EVP_PKEY_get_raw_public_key(seal->key, seal->public, &size) == 1)
		return 0;
	evs_seal_exit(seal);
	return failed(err);
}

void evs_seal_exit(struct evs_seal *seal)
{
	EVP_PKEY_free(seal->key);
	seal->key = NULL;
}

/* What both sides compute; 1 or an error, as libcrypto has it */
static int agree(EVP_PKEY *own, const unsigned char peer_public[EVS_SEAL_PUBLIC_SIZE],
		 unsigned char *shared)
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer_public,
						     EVS_SEAL_PUBLIC_SIZE);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t size = KEY_SIZE;
	int ret = peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, shared, &size) == 1 && size == KEY_SIZE;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ret;
}

static int derive(EVP_PKEY *own, const unsigned char *peer, const unsigned char *sender,
		  const unsigned char *receiver, unsigned char *key)
{
	unsigned char shared[KEY_SIZE], salt[2 * EVS_SEAL_PUBLIC_SIZE];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t size = KEY_SIZE;
	int ret;

	memcpy(salt, sender, EVS_SEAL_PUBLIC_SIZE);
	memcpy(salt + EVS_SEAL_PUBLIC_SIZE, receiver, EVS_SEAL_PUBLIC_SIZE);
	ret = ctx && agree(own, peer, shared) && EVP_PKEY_derive_init(ctx) == 1 &&
	      EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	      EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, sizeof(salt)) == 1 &&
	      EVP_PKEY_CTX_set1_hkdf_key(ctx, shared, sizeof(shared)) == 1 &&
	      EVP_PKEY_CTX_add1_hkdf_info(ctx, (const unsigned char *)LABEL,
					  sizeof(LABEL) - 1) == 1 &&
	      EVP_PKEY_derive(ctx, key, &size) == 1;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_cleanse(shared, sizeof(shared));
	return ret;
}

static EVP_CIPHER_CTX *cipher(const unsigned char *key, int encrypt)
{
	static const unsigned char nonce[NONCE_SIZE];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int evs_seal_open(const struct evs_seal *seal, const unsigned char *sealed, void *data,
		  size_t size, struct evs_error *err)
{
	const unsigned char *body = sealed + EVS_SEAL_PUBLIC_SIZE;
	unsigned char key[KEY_SIZE], none;
	EVP_CIPHER_CTX *ctx = NULL;
	int ret = 0, len;

	if (derive(seal->key, sealed, sealed, seal->public, key))
		ctx = cipher(key, 0);
	if (!ctx || EVP_DecryptUpdate(ctx, data, &len, body, (int)size) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, EVS_SEAL_TAG_SIZE,
				(unsigned char *)body + size) != 1)
		ret = failed(err);
	else if (EVP_DecryptFinal_ex(ctx, &none, &len) != 1)
		ret = evs_error_set(err, EBADMSG, "the sealed key was altered");
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(key, sizeof(key));
	if (ret)
		OPENSSL_cleanse(data, size);
	return ret;
}

int evs_seal_close(const unsigned char public[EVS_SEAL_PUBLIC_SIZE], const void *data, size_t size,
		   unsigned char *sealed, struct evs_error *err)
{
	unsigned char *body = sealed + EVS_SEAL_PUBLIC_SIZE;
	unsigned char key[KEY_SIZE], none;
	EVP_CIPHER_CTX *ctx = NULL;
	struct evs_seal sender;
	int ret, len;

	ret = evs_seal_init(&sender, err);
	if (ret)
		return ret;
	memcpy(sealed, sender.public, EVS_SEAL_PUBLIC_SIZE);
	/* Of a point of small order there is no secret: libcrypto refuses it */
	if (derive(sender.key, public, sender.public, public, key))
		ctx = cipher(key, 1);
	else
		ret = evs_error_set(err, EINVAL, "not a public key of X25519");
	if (!ret && (!ctx || EVP_EncryptUpdate(ctx, body, &len, data, (int)size) != 1 ||
		     EVP_EncryptFinal_ex(ctx, &none, &len) != 1 ||
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, EVS_SEAL_TAG_SIZE,
					 body + size) != 1))
		ret = failed(err);
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(key, sizeof(key));
	evs_seal_exit(&sender);
	return ret;
}
