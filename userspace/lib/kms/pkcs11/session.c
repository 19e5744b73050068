// SPDX-License-Identifier: GPL-2.0-or-later
/* The session with a token, and what its failures mean */
#include <errno.h>
#include <stdio.h>

#include "kms/pkcs11/pkcs11.h"
#include "kms/trace.h"

enum evs_class evs_p11_class(CK_RV rv)
{
	switch (rv) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LOCKED:
	case CKR_USER_PIN_NOT_INITIALIZED:
	case CKR_USER_NOT_LOGGED_IN:
		return EVS_CLASS_BAD_CREDENTIALS;
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_ACTION_PROHIBITED:
	case CKR_TOKEN_WRITE_PROTECTED:
		return EVS_CLASS_NO_PERMISSION;
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_KEY_HANDLE_INVALID:
		return EVS_CLASS_CMK_DELETED;
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_MEMORY:
	case CKR_FUNCTION_FAILED:
	case CKR_SESSION_COUNT:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
		return EVS_CLASS_KMS_BUSY;
	case CKR_GENERAL_ERROR:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_SLOT_ID_INVALID:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
		return EVS_CLASS_KMS_UNREACHABLE;
	default:
		return EVS_CLASS_BAD_REQUEST;
	}
}

/* A session that was lost is opened anew by the next call, or by its repetition. */
static void forget_session(struct evs_p11_state *state, CK_RV rv)
{
	if (!evs_p11_is_lost(rv))
		return;
	if (state->open)
		state->p11->C_CloseSession(state->session);
	state->open = false;
}

int evs_p11_fail_class(struct evs_error *err, enum evs_class class, CK_RV rv, const char *what)
{
	snprintf(err->code, sizeof(err->code), "CKR 0x%lx", rv);
	/* This one is told as it stands, all others become part of a sentence. */
	if (class == EVS_CLASS_KMS_UNREACHABLE)
		return evs_error_set_class(err, class, "HSM: %s: %s (%s)", what,
					   p11_kit_strerror(rv), err->code);
	return evs_error_set_class(err, class, "%s: %s", what, p11_kit_strerror(rv));
}

int evs_p11_session_fail(struct evs_kms *kms, struct evs_error *err, CK_RV rv, const char *what)
{
	forget_session(kms->priv, rv);
	if (rv == CKR_HOST_MEMORY)
		return evs_error_set(err, ENOMEM, "out of memory");
	return evs_p11_fail_class(err, evs_p11_class(rv), rv, what);
}

void evs_p11_trace_begin(struct evs_kms *kms, const char *operation)
{
	evs_trace_begin(operation, "pkcs11:token=%s", evs_config_get(&kms->cfg, "token"));
}

void evs_p11_trace_end(CK_RV rv)
{
	char failure[32];

	snprintf(failure, sizeof(failure), "CKR 0x%lx", rv);
	evs_trace_end(0, rv == CKR_OK ? NULL : failure);
}

int evs_p11_session(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_p11_state *state = kms->priv;
	struct evs_secret *pin;
	CK_RV rv;
	int ret;

	if (state->open)
		return 0;
	ret = evs_p11_find_token(state->p11, evs_config_get(&kms->cfg, "token"), &state->slot, err);
	if (ret == -ENODEV || ret == -ENXIO)
		err->errnum = evs_class_errno(err->class = EVS_CLASS_KMS_UNREACHABLE);
	if (ret)
		return -err->errnum;
	ret = evs_secret_read(&pin, evs_config_get(&kms->cfg, "pin-file"), err);
	if (ret)
		return evs_error_prefix(err, "PIN file");
	evs_p11_trace_begin(kms, "login");
	rv = evs_p11_login(state->p11, state->slot, 0, pin, &state->session);
	evs_p11_trace_end(rv);
	evs_secret_free(pin);
	if (rv != CKR_OK)
		return evs_p11_session_fail(kms, err, rv, "logging in");
	state->open = true;
	return 0;
}
