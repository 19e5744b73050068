// SPDX-License-Identifier: GPL-2.0-or-later
/* What a user reads when a KMS refuses. */
#include "kms_explain.h"

static const struct refusal refusals[] = {
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
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests_name("kms_explain", tests, NULL, NULL);
}
