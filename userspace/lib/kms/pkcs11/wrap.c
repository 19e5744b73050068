// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How a token wraps a DK: with AES-GCM, or, where token or key does not allow
 * that, with AES key wrap. The first byte of a wrapped DK says which.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "kms/pkcs11/pkcs11.h"

#define FORM_GCM 1
#define FORM_KEY_WRAP 2
#define GCM_SIZE (1 + EVS_P11_IV_SIZE + EVS_DK_SIZE + EVS_P11_TAG_SIZE)
/* Key wrap binds nothing but the key: the context's digest goes with the DK. */
#define INNER_SIZE (EVS_DK_SIZE + EVS_CONTEXT_DIGEST_SIZE)
#define KEY_WRAP_SIZE (1 + INNER_SIZE + 8)

static struct evs_p11_gcm make_gcm(const struct evs_p11_wrapper *wrapper, const void *iv)
{
	return (struct evs_p11_gcm){
		.p11 = wrapper->p11, .session = wrapper->session, .key = wrapper->key, .iv = iv,
		.aad = wrapper->digest, .aad_size = EVS_CONTEXT_DIGEST_SIZE,
	};
}

CK_RV evs_p11_wrap_gcm(const struct evs_p11_wrapper *wrapper, const struct evs_secret *dk,
		       unsigned char *wrapped, size_t *size)
{
	struct evs_p11_gcm gcm = make_gcm(wrapper, wrapped + 1);
	CK_RV rv;

	wrapped[0] = FORM_GCM;
	*size = GCM_SIZE;
	rv = wrapper->p11->C_GenerateRandom(wrapper->session, wrapped + 1, EVS_P11_IV_SIZE);
	if (rv == CKR_OK)
		rv = evs_p11_encrypt(&gcm, dk->data, EVS_DK_SIZE, wrapped + 1 + EVS_P11_IV_SIZE);
	return rv;
}

static CK_RV unwrap_gcm(const struct evs_p11_wrapper *wrapper, const unsigned char *wrapped,
			struct evs_secret *dk)
{
	struct evs_p11_gcm gcm = make_gcm(wrapper, wrapped + 1);
	struct evs_secret *room = evs_secret_alloc(EVS_DK_SIZE + EVS_P11_TAG_SIZE);
	CK_RV rv;

	if (!room)
		return CKR_HOST_MEMORY;
	rv = evs_p11_decrypt(&gcm, wrapped + 1 + EVS_P11_IV_SIZE, EVS_DK_SIZE + EVS_P11_TAG_SIZE,
			     room->data);
	if (rv == CKR_OK)
		memcpy(dk->data, room->data, EVS_DK_SIZE);
	evs_secret_free(room);
	return rv;
}

/* Tokens take pointers to what they only read, and not const ones. */
static CK_MECHANISM key_wrap = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* What DK and digest are while they are one: an object of this session */
#define INNER_ATTRIBUTES								\
	{ CKA_CLASS, &secret_key, sizeof(secret_key) },					\
	{ CKA_KEY_TYPE, &generic, sizeof(generic) },					\
	{ CKA_TOKEN, &no, sizeof(no) }, { CKA_EXTRACTABLE, &yes, sizeof(yes) }

/*
 * A token wraps nothing but its own objects, so for a moment the DK and the
 * digest are one: an object of this session, in the memory of the token.
 */
static CK_RV wrap_inner(const struct evs_p11_wrapper *wrapper, const struct evs_secret *inner,
			unsigned char *wrapped, CK_ULONG *len)
{
	CK_ATTRIBUTE template[] = {
		INNER_ATTRIBUTES,
		{ CKA_VALUE, (void *)inner->data, INNER_SIZE },
	};
	CK_FUNCTION_LIST *p11 = wrapper->p11;
	CK_OBJECT_HANDLE object;
	CK_RV rv;

	rv = p11->C_CreateObject(wrapper->session, template, 5, &object);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_WrapKey(wrapper->session, &key_wrap, wrapper->key, object, wrapped, len);
	p11->C_DestroyObject(wrapper->session, object);
	return rv;
}

CK_RV evs_p11_wrap_key_wrap(const struct evs_p11_wrapper *wrapper, const struct evs_secret *dk,
			    unsigned char *wrapped, size_t *size)
{
	struct evs_secret *inner = evs_secret_alloc(INNER_SIZE);
	CK_ULONG len = KEY_WRAP_SIZE - 1;
	CK_RV rv;

	if (!inner)
		return CKR_HOST_MEMORY;
	memcpy(mempcpy(inner->data, dk->data, EVS_DK_SIZE), wrapper->digest,
	       EVS_CONTEXT_DIGEST_SIZE);
	wrapped[0] = FORM_KEY_WRAP;
	*size = KEY_WRAP_SIZE;
	rv = wrap_inner(wrapper, inner, wrapped + 1, &len);
	evs_secret_free(inner);
	return rv == CKR_OK && len != KEY_WRAP_SIZE - 1 ? CKR_DATA_LEN_RANGE : rv;
}

static CK_RV unwrap_inner(const struct evs_p11_wrapper *wrapper, const unsigned char *wrapped,
			  struct evs_secret *inner)
{
	CK_ATTRIBUTE template[] = {
		INNER_ATTRIBUTES,
		{ CKA_SENSITIVE, &no, sizeof(no) },
	};
	CK_ATTRIBUTE value = { CKA_VALUE, inner->data, INNER_SIZE };
	CK_FUNCTION_LIST *p11 = wrapper->p11;
	CK_OBJECT_HANDLE object;
	CK_RV rv;

	rv = p11->C_UnwrapKey(wrapper->session, &key_wrap, wrapper->key, (CK_BYTE *)wrapped,
			      KEY_WRAP_SIZE - 1, template, 5, &object);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_GetAttributeValue(wrapper->session, object, &value, 1);
	p11->C_DestroyObject(wrapper->session, object);
	return rv == CKR_OK && value.ulValueLen != INNER_SIZE ? CKR_ENCRYPTED_DATA_INVALID : rv;
}

static CK_RV unwrap_key_wrap(const struct evs_p11_wrapper *wrapper, const unsigned char *wrapped,
			     struct evs_secret *dk)
{
	struct evs_secret *inner = evs_secret_alloc(INNER_SIZE);
	CK_RV rv;

	if (!inner)
		return CKR_HOST_MEMORY;
	rv = unwrap_inner(wrapper, wrapped + 1, inner);
	if (rv == CKR_OK && CRYPTO_memcmp(inner->data + EVS_DK_SIZE, wrapper->digest,
					  EVS_CONTEXT_DIGEST_SIZE))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK)
		memcpy(dk->data, inner->data, EVS_DK_SIZE);
	evs_secret_free(inner);
	return rv;
}

CK_RV evs_p11_unwrap(const struct evs_p11_wrapper *wrapper, const unsigned char *wrapped,
		     size_t size, struct evs_secret *dk)
{
	if (size == GCM_SIZE && wrapped[0] == FORM_GCM)
		return unwrap_gcm(wrapper, wrapped, dk);
	if (size == KEY_WRAP_SIZE && wrapped[0] == FORM_KEY_WRAP)
		return unwrap_key_wrap(wrapper, wrapped, dk);
	return CKR_ENCRYPTED_DATA_LEN_RANGE;
}
