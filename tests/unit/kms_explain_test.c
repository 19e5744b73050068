// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the user reads about a refusal: which CMK, its state, what is missing,
 * the next step. A back end refuses as it is told and describes the CMK in the
 * state it is told.
 */
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

static const struct refusal {
	enum call call;
	const char *code;
	enum evs_class told;		/* by the back end */
	enum evs_cmk_state state;	/* 0: it does not describe the CMK either */
	enum evs_class class;		/* after a look at the state */
	const char *text;
} refusals[] = {
	{ DECRYPT, "KMS.0209", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_CMK_DISABLED,
	  WHO ": disabled (KMS.0209 words); enable it with: evs-setup cmk enable --kms otc db-prod" },
	{ DECRYPT, "KMS.0210", EVS_CLASS_CMK_PENDING_DELETION, EVS_CMK_STATE_PENDING_DELETION,
	  EVS_CLASS_CMK_PENDING_DELETION,
	  WHO ": scheduled for deletion on 2026-12-01 (KMS.0210 words); cancel with: "
	  "evs-setup cmk cancel-deletion --kms otc db-prod, then enable it" },
	{ DECRYPT, "KMS.1301", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_PENDING_DELETION,
	  EVS_CLASS_CMK_PENDING_DELETION,
	  WHO ": scheduled for deletion on 2026-12-01 (KMS.1301 words); cancel with: "
	  "evs-setup cmk cancel-deletion --kms otc db-prod, then enable it" },
	{ DECRYPT, "KMS.1301", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_PENDING_IMPORT,
	  EVS_CLASS_CMK_NO_MATERIAL,
	  WHO ": pending import, has no key material (KMS.1301 words); import it with: "
	  "evs-setup cmk import --kms otc --file FILE db-prod" },
	{ DECRYPT, "KMS.0207", EVS_CLASS_CMK_DELETED, 0, EVS_CLASS_CMK_DELETED,
	  "CMK " ID ": no such CMK, or it was deleted (KMS.0207 words); without it the data of "
	  "this disk cannot be read" },
	{ ENCRYPT, "KMS.0207", EVS_CLASS_CMK_DELETED, 0, EVS_CLASS_CMK_DELETED,
	  "CMK " ID ": no such CMK, or it was deleted (KMS.0207 words); see: evs-setup cmk list "
	  "--kms otc" },
	{ DECRYPT, "KMS.0306", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  WHO ", enabled: no permission (KMS.0306 words); a KMS administrator has to grant "
	  "kms:dek:crypto" },
	{ ENCRYPT, "KMS.0306", EVS_CLASS_NO_PERMISSION, 0, EVS_CLASS_NO_PERMISSION,
	  "CMK " ID ": no permission (KMS.0306 words); a KMS administrator has to grant "
	  "kms:dek:create and kms:dek:crypto" },
	{ DECRYPT, "EVS.2143", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  "KMS otc: the project has no agency that lets disks use it (EVS.2143 words); a Security "
	  "Administrator has to run: evs-setup agency create --kms otc" },
	{ DECRYPT, "KMS.0303", EVS_CLASS_BAD_CREDENTIALS, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_BAD_CREDENTIALS,
	  "KMS otc: does not accept who asks (KMS.0303 words); see [kms otc] in "
	  "/etc/evs/evs.conf, and the clock of this host" },
	{ DECRYPT, "", EVS_CLASS_KMS_UNREACHABLE, 0, EVS_CLASS_KMS_UNREACHABLE, "KMS otc: words" },
	{ DECRYPT, "KMS.2201", EVS_CLASS_TAMPERED, EVS_CMK_STATE_ENABLED, EVS_CLASS_TAMPERED,
	  WHO ": the wrapped key or its context was altered, or is of another CMK (KMS.2201 words)" },
	{ DECRYPT, "x", EVS_CLASS_WRONG_KEY, EVS_CMK_STATE_ENABLED, EVS_CLASS_WRONG_KEY,
	  WHO ": the data key was wrapped by another CMK (x words)" },
	{ DISABLE, "KMS.0211", EVS_CLASS_DEFAULT_KEY_FORBIDDEN, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_DEFAULT_KEY_FORBIDDEN,
	  WHO ": the default master key cannot be disabled, deleted, renamed, rotated or granted "
	  "(KMS.0211 words); make a CMK of your own with: evs-setup cmk create --kms otc" },
	{ ENCRYPT, "KMS.1105", EVS_CLASS_QUOTA, 0, EVS_CLASS_QUOTA,
	  "KMS otc: no more CMKs allowed (KMS.1105 words)" },
	{ ENCRYPT, "KMS.1104", EVS_CLASS_ALIAS_EXISTS, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_ALIAS_EXISTS,
	  WHO ": another CMK has this alias (KMS.1104 words); see: evs-setup cmk list --kms otc" },
	{ DISABLE, "KMS.1301", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_BAD_REQUEST, WHO ": is disabled already (KMS.1301 words)" },
	{ CANCEL, "KMS.1501", EVS_CLASS_BAD_REQUEST, EVS_CMK_STATE_ENABLED, EVS_CLASS_BAD_REQUEST,
	  WHO ": is enabled, not scheduled for deletion (KMS.1501 words)" },
	{ DECRYPT, "KMS.0208", EVS_CLASS_BAD_REQUEST, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_BAD_REQUEST, WHO ", enabled: refused (KMS.0208 words)" },
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

/* The permissions of each kind of KMS, call by call, as its own documents have them. */
static const struct {
	const char *backend;
	enum call call;
	const char *advice;
} permissions[] = {
	{ "transit", CREATE, "read and update on disks/keys/db-prod" },
	{ "transit", LIST, "list on disks/keys and read on disks/keys/*" },
	{ "transit", ENCRYPT,
	  "update on disks/datakey/plaintext/db-prod and disks/encrypt/db-prod" },
	{ "transit", DECRYPT, "update on disks/decrypt/db-prod" },
	{ "transit", DISABLE, "read on disks/keys/db-prod" },
	{ "kmip", CREATE, "client-cert-file create and activate keys" },
	{ "kmip", LIST, "client-cert-file locate keys" },
	{ "kmip", ENABLE, "client-cert-file activate it" },
	{ "kmip", ENCRYPT, "client-cert-file encrypt with it" },
	{ "kmip", DECRYPT, "client-cert-file decrypt with it" },
	{ "kmip", DISABLE, "client-cert-file get its attributes" },
	{ "aws", LIST, "kms:ListKeys and kms:DescribeKey" },
	{ "aws", DECRYPT, "kms:Decrypt" },
	{ "aws", DISABLE, "kms:DescribeKey" },
	{ "barbican", CREATE, "the role creator in project p1" },
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

static void test_sentences(void **state)
{
	const struct evs_config_kms cfg = { .name = "otc", .ops = &fake_ops, .timeout = 30 };
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_token token;
	struct evs_kms *kms;
	size_t i;

	(void)state;
	assert_non_null(dk);
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(evs_token_init(&token, "otc", ID, UUID, &err), 0);
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		check_refusal(kms, &refusals[i], &token, dk);
	evs_kms_close(kms);
	evs_secret_free(dk);
}

/* Nobody is told to do what the KMS does not know. */
static const struct {
	const char *backend;
	struct refusal refusal;
} advices[] = {
	{ "kmip", { DECRYPT, "KMIP 0xC", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_CMK_DISABLED,
	  WHO ": disabled (KMIP 0xC words); KMIP deactivates a key for good: only who runs the "
	  "server may still have a way to its material" } },
	{ "kmip", { ENCRYPT, "KMIP 0xC", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_CMK_DISABLED,
	  WHO ": disabled (KMIP 0xC words); KMIP deactivates a key for good: take another, see: "
	  "evs-setup cmk list --kms x" } },
	{ "kmip", { ENCRYPT, "KMIP 0xC", EVS_CLASS_CMK_NO_MATERIAL, EVS_CMK_STATE_WAITING,
	  EVS_CLASS_CMK_NO_MATERIAL,
	  WHO ": waiting for activation (KMIP 0xC words); activate it with: evs-setup cmk enable "
	  "--kms x db-prod" } },
	{ "kmip", { DECRYPT, "KMIP 0xC", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  WHO ", enabled: no permission (KMIP 0xC words); the server's policy has to let the owner "
	  "of client-cert-file decrypt with it" } },
	{ "kmip", { DECRYPT, "KMIP 0x3", EVS_CLASS_BAD_CREDENTIALS, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_BAD_CREDENTIALS,
	  "KMS x: does not accept who asks (KMIP 0x3 words); see [kms x] in /etc/evs/evs.conf, and "
	  "whether the server trusts who signed client-cert-file" } },
	{ "pkcs11", { ENCRYPT, "CKR 0x68", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  WHO ", enabled: no permission (CKR 0x68 words); the key needs CKA_ENCRYPT and "
	  "CKA_DECRYPT, or CKA_WRAP and CKA_UNWRAP" } },
	{ "pkcs11", { LIST, "CKR 0xa0", EVS_CLASS_BAD_CREDENTIALS, 0, EVS_CLASS_BAD_CREDENTIALS,
	  "KMS x: does not accept who asks (CKR 0xa0 words); see [kms x] in /etc/evs/evs.conf, "
	  "and the PIN in its pin-file" } },
	{ "barbican", { DECRYPT, "HTTP 403", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  WHO ", enabled: no permission (HTTP 403 words); this takes the role creator or observer in "
	  "project p1, if the secret is of that project, or a place in the secret's ACL" } },
	{ "barbican", { LIST, "HTTP 403", EVS_CLASS_NO_PERMISSION, 0, EVS_CLASS_NO_PERMISSION,
	  "KMS x: no permission (HTTP 403 words); this takes the role creator or observer in "
	  "project p1" } },
	{ "barbican", { ENCRYPT, "HTTP 404", EVS_CLASS_CMK_NO_MATERIAL,
	  EVS_CMK_STATE_PENDING_IMPORT, EVS_CLASS_CMK_NO_MATERIAL,
	  WHO ": pending import, has no key material (HTTP 404 words); whoever made the secret has "
	  "to give it its payload, 32 bytes" } },
	{ "barbican", { LIST, "HTTP 401", EVS_CLASS_BAD_CREDENTIALS, 0, EVS_CLASS_BAD_CREDENTIALS,
	  "KMS x: does not accept who asks (HTTP 401 words); see [kms x] in /etc/evs/evs.conf" } },
	{ "transit", { DECRYPT, "HTTP 400", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_CMK_DISABLED,
	  WHO ": disabled (HTTP 400 words); restore it with: bao write -f "
	  "disks/keys/db-prod/soft-delete-restore" } },
	{ "transit", { DECRYPT, "HTTP 400", EVS_CLASS_CMK_NO_MATERIAL, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_CMK_NO_MATERIAL,
	  WHO ": enabled, but without the key material that this takes (HTTP 400 words); lower "
	  "min_decryption_version of disks/keys/db-prod" } },
	{ "transit", { DECRYPT, "HTTP 403", EVS_CLASS_NO_PERMISSION, EVS_CMK_STATE_ENABLED,
	  EVS_CLASS_NO_PERMISSION,
	  WHO ", enabled: no permission (HTTP 403 words); the policy of the token has to allow "
	  "update on disks/decrypt/db-prod" } },
	{ "transit", { LIST, "HTTP 403", EVS_CLASS_NO_PERMISSION, 0, EVS_CLASS_NO_PERMISSION,
	  "KMS x: no permission (HTTP 403 words); the policy of the token has to allow list on "
	  "disks/keys and read on disks/keys/*" } },
	{ "aws", { DECRYPT, "DisabledException", EVS_CLASS_CMK_DISABLED, EVS_CMK_STATE_DISABLED,
	  EVS_CLASS_CMK_DISABLED,
	  WHO ": disabled (DisabledException words); enable it with: aws kms enable-key --region "
	  "eu-central-1 --key-id db-prod" } },
	{ "aws", { DECRYPT, "KMSInvalidStateException", EVS_CLASS_CMK_DISABLED,
	  EVS_CMK_STATE_PENDING_DELETION, EVS_CLASS_CMK_PENDING_DELETION,
	  WHO ": scheduled for deletion on 2026-12-01 (KMSInvalidStateException words); cancel "
	  "with: aws kms cancel-key-deletion --region eu-central-1 --key-id db-prod, then enable "
	  "it" } },
	{ "aws", { ENCRYPT, "AccessDeniedException", EVS_CLASS_NO_PERMISSION, 0,
	  EVS_CLASS_NO_PERMISSION,
	  "CMK " ID ": no permission (AccessDeniedException words); a policy of AWS has to allow "
	  "kms:GenerateDataKey and kms:Encrypt (for a rewrap kms:ReEncryptTo, and "
	  "kms:ReEncryptFrom on the CMK of before)" } },
};

static void test_advice(void **state)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_kms_ops ops;
	struct evs_config_kms cfg = { .name = "x", .ops = &ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_token token;
	struct evs_kms *kms;
	size_t i;

	(void)state;
	assert_non_null(dk);
	assert_int_equal(evs_config_set(&cfg, "project", "p1"), 0);
	assert_int_equal(evs_config_set(&cfg, "mount", "disks"), 0);
	assert_int_equal(evs_config_set(&cfg, "region", "eu-central-1"), 0);
	assert_int_equal(evs_token_init(&token, "x", ID, UUID, &err), 0);
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		ops = fake_ops;
		ops.advise = evs_kms_backend(advices[i].backend)->advise;
		assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
		check_refusal(kms, &advices[i].refusal, &token, dk);
		evs_kms_close(kms);
	}
	evs_secret_free(dk);
}

static void test_permissions(void **state)
{
	static const struct refusal no = { DECRYPT, "no", EVS_CLASS_NO_PERMISSION,
					   EVS_CMK_STATE_ENABLED, EVS_CLASS_NO_PERMISSION, "" };
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_kms_ops ops = fake_ops;
	struct evs_config_kms cfg = { .name = "x", .ops = &ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_token token;
	struct evs_kms *kms;
	size_t i;

	(void)state;
	assert_non_null(dk);
	assert_int_equal(evs_config_set(&cfg, "project", "p1"), 0);
	assert_int_equal(evs_config_set(&cfg, "mount", "disks"), 0);
	assert_int_equal(evs_token_init(&token, "x", ID, UUID, &err), 0);
	now = &no;
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	for (i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
		ops.advise = evs_kms_backend(permissions[i].backend)->advise;
		asked = false;
		assert_int_equal(make_call(kms, permissions[i].call, &token, dk, &err), -EACCES);
		/* The sentence ends with it */
		if (strlen(err.text) < strlen(permissions[i].advice) ||
		    strcmp(err.text + strlen(err.text) - strlen(permissions[i].advice),
			   permissions[i].advice))
			fail_msg("%s: %s", permissions[i].backend, err.text);
	}
	evs_kms_close(kms);
	evs_secret_free(dk);
}

/* A KMS that cannot list its CMKs is not said to. */
static void test_no_list(void **state)
{
	struct evs_kms_ops ops = fake_ops;
	const struct evs_config_kms cfg = { .name = "x", .ops = &ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	now = &(const struct refusal){ .told = EVS_CLASS_CMK_DELETED, .code = "x" };
	asked = false;
	ops.list_keys = NULL;
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(evs_kms_disable_key(kms, "db-prod", &cmk, &err), -ENOKEY);
	assert_string_equal(err.text, "CMK " ID ": no such CMK, or it was deleted (x words)");
	evs_kms_close(kms);
}

/* Of the local KMS no command needs a --kms. */
static void test_local(void **state)
{
	const struct evs_config_kms cfg = { .name = "local", .ops = &fake_ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	now = &refusals[0];
	asked = false;
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(evs_kms_cancel_deletion(kms, "db-prod", &cmk, &err), -EKEYREVOKED);
	assert_non_null(strstr(err.text, "enable it with: evs-setup cmk enable db-prod"));
	evs_kms_close(kms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests_name("kms_explain", tests, NULL, NULL);
}
