// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#include "seal.h"

#define LABEL "evs seal 1"

/* Each key is used once */
static const unsigned char nonce[EVS_GCM_IV_SIZE];

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
	size_t size = EVS_GCM_KEY_SIZE;
	int ret = peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, shared, &size) == 1 && size == EVS_GCM_KEY_SIZE;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ret;
}

static int derive(EVP_PKEY *own, const unsigned char *peer, const unsigned char *sender,
		  const unsigned char *receiver, unsigned char *key)
{
	unsigned char shared[EVS_GCM_KEY_SIZE], salt[2 * EVS_SEAL_PUBLIC_SIZE];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t size = EVS_GCM_KEY_SIZE;
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

int evs_seal_open(const struct evs_seal *seal, const unsigned char *sealed, void *data,
		  size_t size, struct evs_error *err)
{
	unsigned char key[EVS_GCM_KEY_SIZE];
	int ret;

	if (derive(seal->key, sealed, sealed, seal->public, key)) {
		ret = evs_gcm_decrypt(&(struct evs_gcm){ .key = key, .iv = nonce },
				      sealed + EVS_SEAL_PUBLIC_SIZE, data, size, err);
	} else {
		OPENSSL_cleanse(data, size);
		ret = failed(err);
	}
	OPENSSL_cleanse(key, sizeof(key));
	return ret == -EBADMSG ? evs_error_set(err, EBADMSG, "the sealed key was altered") : ret;
}

int evs_seal_close(const unsigned char public[EVS_SEAL_PUBLIC_SIZE], const void *data, size_t size,
		   unsigned char *sealed, struct evs_error *err)
{
	unsigned char key[EVS_GCM_KEY_SIZE];
	struct evs_seal sender;
	int ret;

	ret = evs_seal_init(&sender, err);
	if (ret)
		return ret;
	memcpy(sealed, sender.public, EVS_SEAL_PUBLIC_SIZE);
	/* Of a point of small order there is no secret: libcrypto refuses it */
	if (derive(sender.key, public, sender.public, public, key))
		ret = evs_gcm_encrypt(&(struct evs_gcm){ .key = key, .iv = nonce }, data, size,
				      sealed + EVS_SEAL_PUBLIC_SIZE, err);
	else
		ret = evs_error_set(err, EINVAL, "not a public key of X25519");
	OPENSSL_cleanse(key, sizeof(key));
	evs_seal_exit(&sender);
	return ret;
}
