/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_PKCS11_H
#define EVS_KMS_PKCS11_H

#include "kms/backend.h"
#include "p11.h"

/* ---- wrap.c ---- */

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

/* ---- session.c ---- */

/**
 * struct evs_p11_state - What a client of a token keeps.
 * @p11: the module
 * @slot: where the token is
 * @session: with it
 * @open: there is a session whose user is logged in
 */
struct evs_p11_state {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	bool open;
};

/**
 * evs_p11_class() - The class of a failure, unless it is evs_p11_is_tampered().
 * @rv: what the token returned
 */
enum evs_class evs_p11_class(CK_RV rv);

/**
 * evs_p11_fail_class() - Report a failure whose class is known.
 * @err: filled
 * @class: its class
 * @rv: what the token returned
 * @what: what was being done
 *
 * Return: the negative errno of the class.
 */
int evs_p11_fail_class(struct evs_error *err, enum evs_class class, CK_RV rv, const char *what);

/**
 * evs_p11_session_fail() - Report a failure.
 * @kms: the client; a session that is lost is opened anew by the next call
 * @err: filled
 * @rv: what the token returned
 * @what: what was being done
 *
 * Return: a negative errno.
 */
int evs_p11_session_fail(struct evs_kms *kms, struct evs_error *err, CK_RV rv, const char *what);

/**
 * evs_p11_trace_begin() - Show what a token is asked, as the requests of other KMSs are.
 * @kms: the client
 * @operation: in a word
 */
void evs_p11_trace_begin(struct evs_kms *kms, const char *operation);

/** evs_p11_trace_end() - Show what it answered. @rv: what the token returned */
void evs_p11_trace_end(CK_RV rv);

/**
 * evs_p11_session() - Have a session whose user is logged in.
 * @kms: the client
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_p11_session(struct evs_kms *kms, struct evs_error *err);

#endif /* EVS_KMS_PKCS11_H */
