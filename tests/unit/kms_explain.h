/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A back end that refuses as it is told to. */
#ifndef KMS_EXPLAIN_TEST_H
#define KMS_EXPLAIN_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "kms/backend.h"

#define ID "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define UUID "11111111-2222-3333-4444-555555555555"
#define WHO "CMK db-prod (" ID ")"

enum call {
	DECRYPT,
	ENCRYPT,
	DISABLE,
	CANCEL,
	LIST,
	CREATE,
	ENABLE,
};

struct refusal {
	enum call call;
	const char *code;
	enum evs_class told;		/* by the back end */
	enum evs_cmk_state state;	/* 0: it does not describe the CMK either */
	enum evs_class class;		/* after a look at the state */
	const char *text;
};

static const struct refusal *now;
static bool asked;

static int refuse(struct evs_error *err)
{
	asked = true;
	evs_error_set_class(err, now->told, "words");
	strcpy(err->code, now->code);
	strcpy(err->request_id, "req-1");
	return -err->errnum;
}

static int fake_describe(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	(void)kms;
	(void)ref;
	memset(cmk, 0, sizeof(*cmk));
	if (asked && !now->state)
		return evs_error_set_class(err, EVS_CLASS_NO_PERMISSION, "other words");
	strcpy(cmk->id, ID);
	strcpy(cmk->alias, "db-prod");
	cmk->state = now->state;
	cmk->deletion = 1796083200;
	return 0;
}

static int fake_decrypt(struct evs_kms *kms, const struct evs_token *token, struct evs_secret *dk,
			struct evs_error *err)
{
	(void)kms;
	(void)token;
	(void)dk;
	return refuse(err);
}

static int fake_encrypt(struct evs_kms *kms, struct evs_token *token, const struct evs_secret *dk,
			struct evs_error *err)
{
	(void)kms;
	(void)token;
	(void)dk;
	return refuse(err);
}

static int fake_set_enabled(struct evs_kms *kms, const char *id, bool enabled,
			    struct evs_error *err)
{
	(void)kms;
	(void)id;
	(void)enabled;
	return refuse(err);
}

static int fake_cancel(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	(void)kms;
	(void)id;
	return refuse(err);
}

static int fake_list(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		     struct evs_error *err)
{
	(void)kms;
	*cmks = NULL;
	*count = 0;
	return refuse(err);
}

static int fake_create(struct evs_kms *kms, const char *alias, const char *description,
		       char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	(void)kms;
	(void)alias;
	(void)description;
	*id = '\0';
	return refuse(err);
}

static const struct evs_kms_ops fake_ops = {
	.name = "fake",
	.advise = evs_otc_advise,
	.is_id = evs_cmk_is_id,
	.describe_key = fake_describe,
	.list_keys = fake_list,
	.create_key = fake_create,
	.set_enabled = fake_set_enabled,
	.cancel_deletion = fake_cancel,
	.decrypt_datakey = fake_decrypt,
	.encrypt_datakey = fake_encrypt,
};

static int make_call(struct evs_kms *kms, enum call call, struct evs_token *token,
		     struct evs_secret *dk, struct evs_error *err)
{
	struct evs_cmk cmk, *cmks;
	size_t count;

	switch (call) {
	case DECRYPT:
		return evs_kms_decrypt_datakey(kms, token, dk, err);
	case ENCRYPT:
		return evs_kms_encrypt_datakey(kms, token, dk, err);
	case DISABLE:
		return evs_kms_disable_key(kms, "db-prod", &cmk, err);
	case LIST:
		return evs_kms_list_keys(kms, &cmks, &count, err);
	case CREATE:
		return evs_kms_create_key(kms, "db-prod", NULL, &cmk, err);
	case ENABLE:
		return evs_kms_enable_key(kms, "db-prod", &cmk, err);
	default:
		return evs_kms_cancel_deletion(kms, "db-prod", &cmk, err);
	}
}

/* Makes the call, and has the user read what @refusal says. */
static void check_refusal(struct evs_kms *kms, const struct refusal *refusal,
			  struct evs_token *token, struct evs_secret *dk)
{
	struct evs_error err = {};

	now = refusal;
	asked = false;
	assert_int_equal(make_call(kms, now->call, token, dk, &err),
			 -evs_class_errno(now->class));
	assert_string_equal(err.text, now->text);
	assert_int_equal(err.class, now->class);
	assert_string_equal(err.code, now->code);
	assert_string_equal(err.request_id, "req-1");
}

#endif /* KMS_EXPLAIN_TEST_H */
