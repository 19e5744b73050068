/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_P11_H
#define EVS_P11_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "secret.h"

#define EVS_P11_IV_SIZE 12
#define EVS_P11_TAG_SIZE 16

/* A token label has 32 bytes. */
#define EVS_P11_LABEL_MAX 32

/**
 * evs_p11_load() - Load and initialise a PKCS#11 module.
 * @p11: set; release with evs_p11_unload()
 * @module: absolute path
 * @softhsm2_conf: exported as SOFTHSM2_CONF first, unless ""
 * @args: given to C_Initialize, for a module that wants to be told something then,
 *	  such as NSS; "" for none
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_p11_load(CK_FUNCTION_LIST **p11, const char *module, const char *softhsm2_conf,
		 const char *args, struct evs_error *err);

/**
 * evs_p11_unload() - Finalize and release a module.
 * @p11: the module
 */
void evs_p11_unload(CK_FUNCTION_LIST *p11);

/**
 * evs_p11_fail() - Say that a PKCS#11 call failed.
 * @err: error to fill
 * @rv: what the call returned
 * @what: what was being done
 *
 * Return: -ENXIO when the token is gone, -EACCES for a wrong PIN, -ENOMEM, else -EIO.
 */
int evs_p11_fail(struct evs_error *err, CK_RV rv, const char *what);

/**
 * evs_p11_find_token() - The slot of the token with a label.
 * @p11: the module
 * @label: label; NULL for the first token that is not initialised
 * @slot: set
 * @err: filled on failure
 *
 * Return: 0, -ENODEV when there is none, -EEXIST when several have the label,
 * or another negative errno.
 */
int evs_p11_find_token(CK_FUNCTION_LIST *p11, const char *label, CK_SLOT_ID *slot,
			struct evs_error *err);

/**
 * evs_p11_can() - Can a token do this?
 * @p11: module
 * @slot: slot of the token
 * @type: the mechanism
 * @flags: what it must be good for: CKF_ENCRYPT, CKF_WRAP...
 */
bool evs_p11_can(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_FLAGS flags);

/**
 * evs_p11_login() - Open a session with a token and log its user in.
 * @p11: the module
 * @slot: where the token is
 * @flags: CKF_RW_SESSION or 0
 * @pin: PIN and a NUL
 * @session: set once it is open, also when the login fails
 *
 * A user who is logged in already, by another session of this process, is fine.
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_login(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_FLAGS flags,
		    const struct evs_secret *pin, CK_SESSION_HANDLE *session);

/**
 * evs_p11_find_keys() - The secret keys with a label.
 * @p11: the module
 * @session: a session whose user is logged in
 * @label: the label, or NULL for all secret keys
 * @keys: filled
 * @max: room there
 * @count: set to how many were found, @max at most
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_find_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *label,
			CK_OBJECT_HANDLE *keys, CK_ULONG max, CK_ULONG *count);

/**
 * evs_p11_generate_aes() - Make an AES-256 key that never leaves the token.
 * @p11: the module
 * @session: a read/write session whose user is logged in
 * @label: its label
 * @wraps: CK_TRUE for a key that wraps other keys, CK_FALSE for one that
 *	   encrypts: one that could do both could be made to export the former
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_generate_aes(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *label,
			   CK_BBOOL wraps);

/**
 * struct evs_p11_gcm - One AES-GCM operation.
 * @p11: the module
 * @session: no other operation may be under way in it
 * @key: an AES key
 * @iv: EVS_P11_IV_SIZE bytes
 * @aad: what is authenticated as well
 * @aad_size: bytes there
 */
struct evs_p11_gcm {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	const void *iv;
	const void *aad;
	size_t aad_size;
};

/**
 * evs_p11_encrypt() - Encrypt with AES-GCM inside the token.
 * @gcm: the operation
 * @plain: the bytes
 * @size: how many
 * @sealed: filled, @size + EVS_P11_TAG_SIZE bytes
 *
 * Return: CKR_OK or why not.
 */
CK_RV evs_p11_encrypt(const struct evs_p11_gcm *gcm, const void *plain, size_t size,
		      void *sealed);

/**
 * evs_p11_decrypt() - Undo evs_p11_encrypt().
 * @gcm: the operation, with the IV and the AAD of then
 * @sealed: ciphertext and tag
 * @size: bytes of both
 * @plain: room for @size bytes, since SoftHSM wants it for the tag as well, though
 *	   it does not write it; the first @size - EVS_P11_TAG_SIZE are filled
 *
 * Return: CKR_OK or why not; evs_p11_is_tampered() tells what it means.
 */
CK_RV evs_p11_decrypt(const struct evs_p11_gcm *gcm, const void *sealed, size_t size,
		      void *plain);

/**
 * evs_p11_is_tampered() - Does this mean that what was to be unwrapped was altered?
 * @rv: what decrypting or unwrapping returned
 */
bool evs_p11_is_tampered(CK_RV rv);

/**
 * evs_p11_is_lost() - Does this mean that a new session may help?
 * @rv: what a call in a session returned
 */
bool evs_p11_is_lost(CK_RV rv);

#endif /* EVS_P11_H */
