// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "p11.h"

#define SLOTS_MAX 64

int evs_p11_fail(struct evs_error *err, CK_RV rv, const char *what)
{
	int errnum;

	switch (rv) {
	case CKR_HOST_MEMORY:
	case CKR_DEVICE_MEMORY:
		errnum = ENOMEM;
		break;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_LOCKED:
	case CKR_PIN_EXPIRED:
		errnum = EACCES;
		break;
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_KEY_HANDLE_INVALID:
		errnum = ENXIO;
		break;
	default:
		errnum = EIO;
	}
	return evs_error_set(err, errnum, "HSM: %s: %s (0x%lx)", what, p11_kit_strerror(rv), rv);
}

static CK_RV initialize(CK_FUNCTION_LIST *p11, const char *args)
{
	CK_C_INITIALIZE_ARGS init = {
		.flags = CKF_OS_LOCKING_OK,
		.pReserved = (void *)args,	/* which NSS has made the place for them */
	};

	return *args ? p11->C_Initialize(&init) : p11_kit_module_initialize(p11);
}

int evs_p11_load(CK_FUNCTION_LIST **p11, const char *module, const char *softhsm2_conf,
		 const char *args, struct evs_error *err)
{
	const char *why;
	CK_RV rv;

	if (access(module, R_OK))
		return evs_error_set(err, errno, "HSM module %s: %m", module);
	/* SoftHSM reads it when it is initialised, not when a token is used */
	if (softhsm2_conf[0] && setenv("SOFTHSM2_CONF", softhsm2_conf, 1))
		return evs_error_set(err, errno, "SOFTHSM2_CONF: %m");

	*p11 = p11_kit_module_load(module, 0);
	if (!*p11) {
		why = p11_kit_message();
		return evs_error_set(err, ELIBBAD, "HSM module %s: %s", module,
				     why ? why : "cannot be loaded");
	}
	rv = initialize(*p11, args);
	if (rv != CKR_OK) {
		p11_kit_module_release(*p11);
		return evs_p11_fail(err, rv, "initialising the module");
	}
	return 0;
}

void evs_p11_unload(CK_FUNCTION_LIST *p11)
{
	p11_kit_module_finalize(p11);
	p11_kit_module_release(p11);
}

int evs_p11_find_token(CK_FUNCTION_LIST *p11, const char *label, CK_SLOT_ID *slot,
			struct evs_error *err)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, found = 0, i;
	CK_TOKEN_INFO info;
	CK_RV rv;

	rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
	if (rv != CKR_OK)
		return evs_p11_fail(err, rv, "listing the slots");

	for (i = 0; i < count; i++) {
		bool blank;

		if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK)
			continue;	/* pulled out meanwhile */
		blank = !(info.flags & CKF_TOKEN_INITIALIZED);
		if (label ? !blank && p11_kit_space_strlen(info.label, sizeof(info.label)) ==
					strlen(label) &&
				    !memcmp(info.label, label, strlen(label))
			  : blank) {
			*slot = slots[i];
			found++;
		}
		if (found && !label)
			break;
	}
	if (!found && !label)
		return evs_error_set(err, ENODEV, "HSM: no token that is not yet initialised");
	if (!found)
		return evs_error_set(err, ENODEV, "HSM: no token \"%s\"", label);
	if (found > 1)
		return evs_error_set(err, EEXIST, "HSM: more than one token \"%s\"", label);
	return 0;
}

/* SoftHSM describes mechanisms, too, that its configuration has switched off. */
static bool is_listed(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_TYPE *list;
	CK_ULONG count, i;
	bool found = false;

	if (p11->C_GetMechanismList(slot, NULL, &count) != CKR_OK)
		return false;
	list = calloc(count + 1, sizeof(*list));
	if (list && p11->C_GetMechanismList(slot, list, &count) == CKR_OK)
		for (i = 0; i < count && !found; i++)
			found = list[i] == type;
	free(list);
	return found;
}

bool evs_p11_can(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
	CK_MECHANISM_INFO info;

	return is_listed(p11, slot, type) &&
	       p11->C_GetMechanismInfo(slot, type, &info) == CKR_OK &&
	       (info.flags & flags) == flags;
}

CK_RV evs_p11_login(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_FLAGS flags,
		    const struct evs_secret *pin, CK_SESSION_HANDLE *session)
{
	CK_RV rv;

	rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, session);
	if (rv != CKR_OK)
		return rv;
	/* PKCS#11 takes PINs through pointers to non-const. */
	rv = p11->C_Login(*session, CKU_USER, (CK_BYTE *)pin->data,
			  strnlen((const char *)pin->data, pin->size));
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

CK_RV evs_p11_find_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *label,
			CK_OBJECT_HANDLE *keys, CK_ULONG max, CK_ULONG *count)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)label, label ? strlen(label) : 0 },
	};
	CK_ULONG got;
	CK_RV rv;

	*count = 0;
	rv = p11->C_FindObjectsInit(session, template, label ? 2 : 1);
	if (rv != CKR_OK)
		return rv;
	do {
		got = 0;
		rv = p11->C_FindObjects(session, keys + *count, max - *count, &got);
		*count += got;
	} while (rv == CKR_OK && got && *count < max);
	p11->C_FindObjectsFinal(session);
	return rv;
}

CK_RV evs_p11_generate_aes(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *label,
			   CK_BBOOL wraps)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, encrypts = !wraps;
	CK_ULONG size = 32;
	CK_ATTRIBUTE template[] = {
		{ CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_VALUE_LEN, &size, sizeof(size) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
		{ CKA_ENCRYPT, &encrypts, sizeof(encrypts) },
		{ CKA_DECRYPT, &encrypts, sizeof(encrypts) },
		{ CKA_WRAP, &wraps, sizeof(wraps) },
		{ CKA_UNWRAP, &wraps, sizeof(wraps) },
	};
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE key;

	return p11->C_GenerateKey(session, &mechanism, template,
				  sizeof(template) / sizeof(template[0]), &key);
}

static CK_GCM_PARAMS gcm_params(const struct evs_p11_gcm *gcm)
{
	return (CK_GCM_PARAMS){
		.pIv = (CK_BYTE *)gcm->iv,
		.ulIvLen = EVS_P11_IV_SIZE,
		.ulIvBits = 8 * EVS_P11_IV_SIZE,
		.pAAD = (CK_BYTE *)gcm->aad,
		.ulAADLen = gcm->aad_size,
		.ulTagBits = 8 * EVS_P11_TAG_SIZE,
	};
}

CK_RV evs_p11_encrypt(const struct evs_p11_gcm *gcm, const void *plain, size_t size,
		      void *sealed)
{
	CK_GCM_PARAMS params = gcm_params(gcm);
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	CK_ULONG len = size + EVS_P11_TAG_SIZE;
	CK_RV rv;

	rv = gcm->p11->C_EncryptInit(gcm->session, &mechanism, gcm->key);
	if (rv == CKR_OK)
		rv = gcm->p11->C_Encrypt(gcm->session, (CK_BYTE *)plain, size, sealed, &len);
	if (rv == CKR_OK && len != size + EVS_P11_TAG_SIZE)
		rv = CKR_DATA_LEN_RANGE;
	return rv;
}

CK_RV evs_p11_decrypt(const struct evs_p11_gcm *gcm, const void *sealed, size_t size,
		      void *plain)
{
	CK_GCM_PARAMS params = gcm_params(gcm);
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	CK_ULONG len = size;
	CK_RV rv;

	if (size <= EVS_P11_TAG_SIZE)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	rv = gcm->p11->C_DecryptInit(gcm->session, &mechanism, gcm->key);
	if (rv == CKR_OK)
		rv = gcm->p11->C_Decrypt(gcm->session, (CK_BYTE *)sealed, size, plain, &len);
	if (rv == CKR_OK && len != size - EVS_P11_TAG_SIZE)
		rv = CKR_DATA_LEN_RANGE;
	return rv;
}

bool evs_p11_is_tampered(CK_RV rv)
{
	switch (rv) {
	case CKR_GENERAL_ERROR:		/* SoftHSM's word for a tag that does not fit */
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
	case CKR_WRAPPED_KEY_INVALID:
	case CKR_WRAPPED_KEY_LEN_RANGE:
		return true;
	default:
		return false;
	}
}

bool evs_p11_is_lost(CK_RV rv)
{
	switch (rv) {
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_DEVICE_REMOVED:
	case CKR_DEVICE_ERROR:
	case CKR_TOKEN_NOT_PRESENT:
		return true;
	default:
		return false;
	}
}
