// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "p11.h"

#define SLOTS_MAX 64

int kmsd_p11_fail(struct evs_error *err, CK_RV rv, const char *what)
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

int kmsd_p11_load(CK_FUNCTION_LIST **p11, const char *module, const char *softhsm2_conf,
		  struct evs_error *err)
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
	rv = p11_kit_module_initialize(*p11);
	if (rv != CKR_OK) {
		p11_kit_module_release(*p11);
		return kmsd_p11_fail(err, rv, "initialising the module");
	}
	return 0;
}

void kmsd_p11_unload(CK_FUNCTION_LIST *p11)
{
	p11_kit_module_finalize(p11);
	p11_kit_module_release(p11);
}

int kmsd_p11_find_token(CK_FUNCTION_LIST *p11, const char *label, CK_SLOT_ID *slot,
			struct evs_error *err)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, found = 0, i;
	CK_TOKEN_INFO info;
	CK_RV rv;

	rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
	if (rv != CKR_OK)
		return kmsd_p11_fail(err, rv, "listing the slots");

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
