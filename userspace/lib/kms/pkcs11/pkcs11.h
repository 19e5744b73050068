/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_PKCS11_H
#define EVS_KMS_PKCS11_H

#include "p11.h"
#include "token.h"

/* The largest wrapped DK, that of AES key wrap. */
#define EVS_P11_WRAPPED_MAX (1 + EVS_DK_SIZE + EVS_CONTEXT_DIGEST_SIZE + 8)

/**
 * struct evs_p11_wrapper - What wraps a DK, and what the DK is bound to.
 * @p11: the module
 * @session: its user is logged in, no operation is under way
 * @key: the CMK
 * @digest: evs_context_digest() of the encryption context
 */
struct evs_p11_wrapper {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE];
};

/**
 * evs_p11_wrap_gcm() - Wrap a DK with AES-GCM.
 * @wrapper: its @key may encrypt
 * @dk: the DK
 * @wrapped: room for EVS_P11_WRAPPED_MAX bytes
 * @size: set to what is used
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_wrap_gcm(const struct evs_p11_wrapper *wrapper, const struct evs_secret *dk,
		       unsigned char *wrapped, size_t *size);

/**
 * evs_p11_wrap_key_wrap() - Wrap a DK with AES key wrap (RFC 5649).
 * @wrapper: its @key may wrap
 * @dk: the DK
 * @wrapped: room for EVS_P11_WRAPPED_MAX bytes
 * @size: set to what is used
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_wrap_key_wrap(const struct evs_p11_wrapper *wrapper, const struct evs_secret *dk,
			    unsigned char *wrapped, size_t *size);

/**
 * evs_p11_unwrap() - Undo either.
 * @wrapper: the same key and digest
 * @wrapped: what was wrapped; its first byte says how
 * @size: its size
 * @dk: secret of EVS_DK_SIZE bytes, filled
 *
 * Return: CKR_OK or why not; evs_p11_is_tampered() tells what it means.
 */
CK_RV evs_p11_unwrap(const struct evs_p11_wrapper *wrapper, const unsigned char *wrapped,
		     size_t size, struct evs_secret *dk);

/**
 * evs_p11_class() - The class of a failure, unless it is evs_p11_is_tampered().
 * @rv: what the token returned
 */
enum evs_class evs_p11_class(CK_RV rv);

#endif /* EVS_KMS_PKCS11_H */
