// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Barbican keeps secrets, and wraps nothing: a DK is wrapped here, with a CMK
 * that is in locked memory for as long. A wrapped DK is IV, ciphertext and tag
 * of AES-256-GCM, the digest of the context is authenticated with it.
 */
#include <errno.h>
#include <openssl/rand.h>

#include "gcm.h"
#include "hex.h"
#include "kms/backend.h"
#include "kms/barbican/barbican.h"

_Static_assert(EVS_BARBICAN_KEY_SIZE == EVS_GCM_KEY_SIZE, "a CMK is a key of AES-256");

int evs_barbican_wrap(const unsigned char *key, struct evs_token *token,
		      const struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], wrapped[EVS_GCM_WRAPPED_SIZE];
	const struct evs_gcm gcm = { key, wrapped, digest, sizeof(digest) };
	int ret;

	ret = evs_context_digest(&token->context, digest, err);
	if (ret)
		return ret;
	if (RAND_bytes(wrapped, EVS_GCM_IV_SIZE) != 1)
		return evs_error_set(err, EIO, "libcrypto has no random numbers");
	ret = evs_gcm_encrypt(&gcm, dk->data, EVS_DK_SIZE, wrapped + EVS_GCM_IV_SIZE, err);
	if (!ret)
		evs_hex_encode(token->wrapped_dk, wrapped, sizeof(wrapped));
	return ret;
}

int evs_barbican_unwrap(const unsigned char *key, const struct evs_token *token,
			struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], wrapped[EVS_GCM_WRAPPED_SIZE];
	const struct evs_gcm gcm = { key, wrapped, digest, sizeof(digest) };
	int ret;

	ret = evs_context_digest(&token->context, digest, err);
	if (!ret)
		ret = evs_kms_gcm_wrapped(token, wrapped, err);
	if (ret)
		return ret;
	ret = evs_gcm_decrypt(&gcm, wrapped + EVS_GCM_IV_SIZE, dk->data, EVS_DK_SIZE, err);
	if (ret == -EBADMSG)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the tag of AES-GCM does not fit");
	return ret;
}
