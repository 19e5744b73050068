// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Barbican keeps secrets, and wraps nothing: a DK is wrapped here, with a CMK
 * that is in locked memory for as long. A wrapped DK is IV, ciphertext and tag
 * of AES-256-GCM, the digest of the context is authenticated with it.
 */
#include <errno.h>

#include "gcm.h"
#include "hex.h"
#include "kms/backend.h"
#include "kms/barbican/barbican.h"

_Static_assert(EVS_BARBICAN_KEY_SIZE == EVS_GCM_KEY_SIZE, "a CMK is a key of AES-256");

int evs_barbican_wrap(const unsigned char *key, struct evs_token *token,
		      const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_gcm_wrapped wrapped;
	const struct evs_gcm gcm = { key, wrapped.bytes, wrapped.digest, sizeof(wrapped.digest) };
	int ret;

	ret = evs_kms_gcm_new(token, &wrapped, err);
	if (!ret)
		ret = evs_gcm_encrypt(&gcm, dk->data, EVS_DK_SIZE,
				      wrapped.bytes + EVS_GCM_IV_SIZE, err);
	if (!ret)
		evs_hex_encode(token->wrapped_dk, wrapped.bytes, sizeof(wrapped.bytes));
	return ret;
}

int evs_barbican_unwrap(const unsigned char *key, const struct evs_token *token,
			struct evs_secret *dk, struct evs_error *err)
{
	struct evs_gcm_wrapped wrapped;
	const struct evs_gcm gcm = { key, wrapped.bytes, wrapped.digest, sizeof(wrapped.digest) };
	int ret;

	ret = evs_kms_gcm_get(token, &wrapped, err);
	if (ret)
		return ret;
	ret = evs_gcm_decrypt(&gcm, wrapped.bytes + EVS_GCM_IV_SIZE, dk->data, EVS_DK_SIZE, err);
	if (ret == -EBADMSG)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the tag of AES-GCM does not fit");
	return ret;
}
