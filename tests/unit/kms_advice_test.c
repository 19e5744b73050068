// SPDX-License-Identifier: GPL-2.0-or-later
/* What a user is told to do when a KMS refuses: what that KMS knows, and permits. */
#include "kms_explain.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_permissions),
	};

	return cmocka_run_group_tests_name("kms_advice", tests, NULL, NULL);
}
