// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "hsm/hsm.h"
#include "p11.h"

static size_t pin_len(const struct evs_secret *pin)
{
	return strnlen((const char *)pin->data, pin->size);
}

/* PKCS#11 takes PINs through pointers to non-const. */
static CK_BYTE *pin_ptr(const struct evs_secret *pin)
{
	return (CK_BYTE *)pin->data;
}

static int fill_token(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, const struct kmsd_hsm_new *new,
		      struct evs_error *err)
{
	const char *step = "opening a session";
	CK_SESSION_HANDLE session;
	CK_RV rv;

	rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return evs_p11_fail(err, rv, step);

	step = "logging in as security officer";
	rv = p11->C_Login(session, CKU_SO, pin_ptr(new->so_pin), pin_len(new->so_pin));
	if (rv == CKR_OK) {
		step = "setting the user's PIN";
		rv = p11->C_InitPIN(session, pin_ptr(new->pin), pin_len(new->pin));
	}
	if (rv == CKR_OK) {
		step = "logging out";
		rv = p11->C_Logout(session);
	}
	if (rv == CKR_OK) {
		step = "logging in";
		rv = p11->C_Login(session, CKU_USER, pin_ptr(new->pin), pin_len(new->pin));
	}
	if (rv == CKR_OK) {
		step = "generating the root key";
		rv = evs_p11_generate_aes(p11, session, new->root_key, CK_FALSE);
	}
	p11->C_CloseSession(session);
	return rv == CKR_OK ? 0 : evs_p11_fail(err, rv, step);
}

/* Found out before anything in the token changes. */
static int check_mechanism(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, struct evs_error *err)
{
	return evs_p11_can(p11, slot, CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT) ? 0 :
	       evs_error_set(err, EOPNOTSUPP,
			     "HSM: the token cannot wrap with the root key: it has no mechanism CKM_AES_GCM");
}

int kmsd_hsm_init(const struct kmsd_hsm_new *new, struct evs_error *err)
{
	CK_BYTE label[KMSD_LABEL_MAX];
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_RV rv;
	int ret;

	if (strlen(new->token) > sizeof(label))
		return evs_error_set(err, EINVAL, "token label is too long");
	memset(label, ' ', sizeof(label));
	memcpy(label, new->token, strlen(new->token));

	ret = evs_p11_load(&p11, new->module, new->softhsm2_conf, "", err);
	if (ret)
		return ret;
	ret = evs_p11_find_token(p11, NULL, &slot, err);
	if (!ret)
		ret = check_mechanism(p11, slot, err);
	if (!ret) {
		rv = p11->C_InitToken(slot, pin_ptr(new->so_pin), pin_len(new->so_pin), label);
		ret = rv == CKR_OK ? fill_token(p11, slot, new, err)
				   : evs_p11_fail(err, rv, "initialising the token");
	}
	evs_p11_unload(p11);
	return ret;
}

static int generate_root(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, const struct kmsd_conf *conf,
			 const struct evs_secret *pin, struct evs_error *err)
{
	const char *step = "logging in";
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;
	CK_RV rv;

	rv = evs_p11_login(p11, slot, CKF_RW_SESSION, pin, &session);
	if (rv != CKR_OK)
		return evs_p11_fail(err, rv, step);
	step = "looking for the root key";
	rv = evs_p11_find_keys(p11, session, conf->root_key, &found, 1, &count);
	if (rv == CKR_OK && !count) {
		step = "generating the root key";
		rv = evs_p11_generate_aes(p11, session, conf->root_key, CK_FALSE);
	}
	p11->C_CloseSession(session);
	return rv == CKR_OK ? 0 : evs_p11_fail(err, rv, step);
}

int kmsd_hsm_make_root(const struct kmsd_conf *conf, struct evs_error *err)
{
	struct evs_secret *pin = NULL;
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	int ret;

	ret = evs_secret_read(&pin, conf->pin_file, err);
	if (ret)
		return evs_error_prefix(err, "PIN file");
	ret = evs_p11_load(&p11, conf->module, conf->softhsm2_conf, conf->module_args, err);
	if (ret)
		goto out;
	ret = evs_p11_find_token(p11, conf->token, &slot, err);
	if (!ret)
		ret = check_mechanism(p11, slot, err);
	if (!ret)
		ret = generate_root(p11, slot, conf, pin, err);
	evs_p11_unload(p11);
out:
	evs_secret_free(pin);
	return ret;
}
