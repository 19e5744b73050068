// SPDX-License-Identifier: GPL-2.0-or-later
/* The back end pkcs11 against a SoftHSM2 token of its own. */
#include <errno.h>

#include "kms/pkcs11/pkcs11.h"
#include "kms_fixture.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static char pin_path[64], conf_path[64];

static void make_token(struct fixture *f)
{
	char path[64], command[256];

	snprintf(pin_path, sizeof(pin_path), "%s/pin", f->dir);
	snprintf(conf_path, sizeof(conf_path), "%s/softhsm2.conf", f->dir);
	snprintf(path, sizeof(path), "%s/tokens", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(f->dir, "softhsm2.conf",
		 "directories.tokendir = %D/tokens\nobjectstore.backend = file\n", 0);
	put_file(f->dir, "pin", "1234\n", 0);
	snprintf(command, sizeof(command), "SOFTHSM2_CONF=%s softhsm2-util --init-token --free "
		 "--label disks --so-pin 123456 --pin 1234 >/dev/null", conf_path);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	struct fixture *f = fixture_new("pkcs11", "hsm", 5);

	make_token(f);
	set(f, "module", MODULE);
	set(f, "token", "disks");
	set(f, "pin-file", pin_path);
	set(f, "softhsm2-conf", conf_path);
	reopen(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

/* ---- keys that the back end does not make itself ---- */

/* AES key of @size bytes with just the two rights given; a session stays open. */
static void make_key(struct fixture *f, const char *label, CK_ULONG size, CK_BBOOL encrypts,
		     CK_BBOOL wraps)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{ CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_VALUE_LEN, &size, sizeof(size) }, { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &encrypts, sizeof(encrypts) },
		{ CKA_DECRYPT, &encrypts, sizeof(encrypts) },
		{ CKA_WRAP, &wraps, sizeof(wraps) }, { CKA_UNWRAP, &wraps, sizeof(wraps) },
	};
	CK_SESSION_HANDLE session;
	struct evs_secret *pin;
	CK_OBJECT_HANDLE key;
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;

	assert_int_equal(evs_p11_load(&p11, MODULE, conf_path, "", &f->err), 0);
	assert_int_equal(evs_p11_find_token(p11, "disks", &slot, &f->err), 0);
	assert_int_equal(evs_secret_read(&pin, pin_path, &f->err), 0);
	assert_int_equal(evs_p11_login(p11, slot, CKF_RW_SESSION, pin, &session), CKR_OK);
	assert_int_equal(p11->C_GenerateKey(session, &mechanism, template, 7, &key), CKR_OK);
	evs_secret_free(pin);
	p11->C_CloseSession(session);
	evs_p11_unload(p11);
}

static void delete_key(const char *label)
{
	char command[256];

	snprintf(command, sizeof(command), "SOFTHSM2_CONF=%s pkcs11-tool --module " MODULE
		 " --token-label disks --login --pin 1234 --delete-object --type secrkey "
		 "--label %s >/dev/null 2>&1", conf_path, label);
	assert_int_equal(system(command), 0);
}

/* ---- tests ---- */

static void test_keys(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk, *cmks;
	size_t count;

	assert_int_equal(evs_kms_create_key(f->kms, "db-prod", NULL, &cmk, &f->err), 0);
	assert_string_equal(cmk.id, "db-prod");
	assert_string_equal(cmk.alias, "db-prod");
	assert_string_equal(cmk.spec, "AES_256");
	assert_string_equal(cmk.origin, "kms");
	assert_int_equal(cmk.state, EVS_CMK_STATE_ENABLED);
	check_fails(&f->err, evs_kms_create_key(f->kms, "db-prod", NULL, &cmk, &f->err),
		    EVS_CLASS_ALIAS_EXISTS);
	check_fails(&f->err, evs_kms_create_key(f->kms, "new", "words", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_int_equal(evs_kms_create_key(f->kms, "db-test", NULL, &cmk, &f->err), 0);
	make_key(f, "short", 16, CK_TRUE, CK_FALSE);	/* no CMK: not listed */
	assert_int_equal(evs_kms_list_keys(f->kms, &cmks, &count, &f->err), 0);
	assert_int_equal(count, 2);
	assert_int_not_equal(strcmp(cmks[0].id, cmks[1].id), 0);
	free(cmks);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "other", &cmk, &f->err),
		    EVS_CLASS_CMK_DELETED);
	assert_contains(f->err.text, "CMK other: no such CMK");
	check_fails(&f->err, evs_kms_describe_key(f->kms, "short", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "no AES-256 key");
	assert_int_equal(evs_kms_disable_key(f->kms, "db-prod", &cmk, &f->err), -EOPNOTSUPP);
	assert_contains(f->err.text, "pkcs11");
}

/* A token may have one of the mechanisms, or neither: then it is good for no CMK. */
static void test_mechanisms(void **state)
{
	static const char *const without[] = {
		"CKM_AES_GCM", "CKM_AES_KEY_WRAP_PAD", "CKM_AES_GCM,CKM_AES_KEY_WRAP_PAD",
	};
	struct fixture *f = *state;
	char text[256], alias[16];
	struct evs_cmk cmk;
	size_t i;

	/* SoftHSM 2.6 has the mechanism that is named first all the same: CKM_MD5 */
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "directories.tokendir = %%D/tokens\n"
			 "objectstore.backend = file\nslots.mechanisms = -CKM_MD5,%s\n", without[i]);
		put_file(f->dir, "softhsm2.conf", text, 0);
		snprintf(alias, sizeof(alias), "without-%zu", i);
		reopen(f);
		if (i == 2)
			break;
		check_ok(&f->err, evs_kms_examine(f->kms, &f->err));
		check_ok(&f->err, evs_kms_create_key(f->kms, alias, NULL, &cmk, &f->err));
		wrap_new(f, alias);
		assert_unwraps(f);
	}
	assert_int_equal(evs_kms_examine(f->kms, &f->err), -EOPNOTSUPP);
	assert_contains(f->err.text, "KMS hsm: token disks can wrap no data key: it has neither of the mechanisms CKM_AES_GCM and CKM_AES_KEY_WRAP_PAD");
	assert_int_equal(evs_kms_create_key(f->kms, alias, NULL, &cmk, &f->err), -EOPNOTSUPP);
	assert_contains(f->err.text, "token disks can wrap no data key");
	/* No key was made; and one that is there is of no use */
	check_fails(&f->err, evs_kms_describe_key(f->kms, alias, &cmk, &f->err),
		    EVS_CLASS_CMK_DELETED);
	check_ok(&f->err, evs_token_init(&f->token, "hsm", "without-0", UUID, &f->err));
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), -EOPNOTSUPP);
	assert_contains(f->err.text, "token disks can wrap no data key");
}

/* A right can be taken from the key: one that may not encrypt wraps. */
static void test_wrap(void **state)
{
	struct fixture *f = *state;
	unsigned char first[EVS_DK_SIZE];
	struct evs_token old;
	struct evs_cmk cmk;
	int form;

	assert_int_equal(evs_kms_create_key(f->kms, "gcm", NULL, &cmk, &f->err), 0);
	make_key(f, "wrap", 32, CK_FALSE, CK_TRUE);
	for (form = 1; form <= 2; form++) {
		wrap_new(f, form == 1 ? "gcm" : "wrap");
		assert_int_equal(f->token.wrapped_dk[1], '0' + form);
		assert_int_equal(strlen(f->token.wrapped_dk), form == 1 ? 2 * 93 : 2 * 105);
		assert_unwraps(f);
		memcpy(first, f->dk->data, EVS_DK_SIZE);
		old = f->token;
		wrap_new(f, form == 1 ? "gcm" : "wrap");
		assert_memory_not_equal(first, f->dk->data, EVS_DK_SIZE);

		/* A DK that exists, and by a client that was started anew */
		assert_int_equal(evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err), 0);
		reopen(f);
		assert_unwraps(f);
		f->token = old;
		memcpy(f->dk->data, first, EVS_DK_SIZE);
		assert_unwraps(f);
	}
}

static void test_tampered(void **state)
{
	static const char *const bad[] = { "00", "01", "02", "03", "01FFFFFFFF" };
	struct fixture *f = *state;
	struct evs_token good;
	struct evs_cmk cmk;
	size_t i;
	int form;

	assert_int_equal(evs_kms_create_key(f->kms, "gcm", NULL, &cmk, &f->err), 0);
	make_key(f, "wrap", 32, CK_FALSE, CK_TRUE);
	assert_int_equal(evs_kms_create_key(f->kms, "other", NULL, &cmk, &f->err), 0);
	for (form = 1; form <= 2; form++) {
		wrap_new(f, form == 1 ? "gcm" : "wrap");
		good = f->token;
		for (i = 0; good.wrapped_dk[i]; i++) {	/* one bit of each digit */
			f->token = good;
			f->token.wrapped_dk[i] = good.wrapped_dk[i] == '0' ? '1' :
						 good.wrapped_dk[i] == 'A' ? 'B' :
						 good.wrapped_dk[i] == '9' ? '8' : '0';
			assert_refused(f, EVS_CLASS_TAMPERED);
		}
		f->token = good;
		f->token.context.pair[1].value[0] ^= 1;
		assert_refused(f, EVS_CLASS_TAMPERED);
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			f->token = good;
			strcpy(f->token.wrapped_dk, bad[i]);
			assert_refused(f, EVS_CLASS_TAMPERED);
		}
		f->token = good;
		f->token.wrapped_dk[strlen(good.wrapped_dk) - 2] = '\0';
		assert_refused(f, EVS_CLASS_TAMPERED);
		f->token = good;
		strcpy(f->token.wrapped_dk + strlen(good.wrapped_dk), "00");
		assert_refused(f, EVS_CLASS_TAMPERED);
		f->token = good;
		assert_unwraps(f);
	}
	wrap_new(f, "gcm");
	strcpy(f->token.cmk, "other");
	assert_refused(f, EVS_CLASS_TAMPERED);
	assert_contains(f->err.text, "of another CMK");
	assert_contains(f->err.code, "CKR 0x");
}

static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	assert_int_equal(evs_kms_create_key(f->kms, "gone", NULL, &cmk, &f->err), 0);
	wrap_new(f, "gone");
	delete_key("gone");
	reopen(f);
	check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->back, &f->err),
		    EVS_CLASS_CMK_DELETED);
	assert_contains(f->err.text, "cannot be read");
}

static void test_no_right(void **state)
{
	struct fixture *f = *state;

	make_key(f, "none", 32, CK_FALSE, CK_FALSE);
	assert_int_equal(evs_token_init(&f->token, "hsm", "none", UUID, &f->err), 0);
	check_fails(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	assert_wiped(f->dk);
	assert_contains(f->err.code, "CKR 0x68");
}

static void test_pin(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	put_file(f->dir, "pin", "4321\n", 0);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "x", &cmk, &f->err),
		    EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(f->err.code, "CKR 0xa0");
	assert_int_equal(chmod(pin_path, 0644), 0);
	assert_int_equal(evs_kms_describe_key(f->kms, "x", &cmk, &f->err), -EPERM);
	assert_contains(f->err.text, pin_path);

	/* It is read when it is needed: the right PIN mends it. */
	put_file(f->dir, "pin", "1234\n", 0);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "x", &cmk, &f->err),
		    EVS_CLASS_CMK_DELETED);
}

static void test_no_token(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	set(f, "token", "elsewhere");
	reopen(f);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "x", &cmk, &f->err),
		    EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "no token \"elsewhere\"");
	evs_kms_close(f->kms);
	f->kms = NULL;
	set(f, "module", "/nonexistent.so");
	assert_int_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), -ENOENT);
	assert_contains(f->err.text, "/nonexistent.so");
}

static void test_classes(void **state)
{
	static const struct {
		CK_RV rv;
		enum evs_class class;
	} row[] = {
		{ CKR_PIN_INCORRECT, EVS_CLASS_BAD_CREDENTIALS },
		{ CKR_PIN_LOCKED, EVS_CLASS_BAD_CREDENTIALS },
		{ CKR_USER_NOT_LOGGED_IN, EVS_CLASS_BAD_CREDENTIALS },
		{ CKR_KEY_FUNCTION_NOT_PERMITTED, EVS_CLASS_NO_PERMISSION },
		{ CKR_TOKEN_WRITE_PROTECTED, EVS_CLASS_NO_PERMISSION },
		{ CKR_OBJECT_HANDLE_INVALID, EVS_CLASS_CMK_DELETED },
		{ CKR_DEVICE_ERROR, EVS_CLASS_KMS_BUSY },
		{ CKR_SESSION_CLOSED, EVS_CLASS_KMS_BUSY },
		{ CKR_TOKEN_NOT_PRESENT, EVS_CLASS_KMS_UNREACHABLE },
		{ CKR_DEVICE_REMOVED, EVS_CLASS_KMS_UNREACHABLE },
		{ CKR_GENERAL_ERROR, EVS_CLASS_KMS_UNREACHABLE },
		{ CKR_ARGUMENTS_BAD, EVS_CLASS_BAD_REQUEST },
		{ CKR_MECHANISM_INVALID, EVS_CLASS_BAD_REQUEST },
		{ CKR_VENDOR_DEFINED, EVS_CLASS_BAD_REQUEST },
	};
	static const CK_RV tampered[] = {
		CKR_GENERAL_ERROR, CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
		CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (evs_p11_class(row[i].rv) != row[i].class)
			fail_msg("0x%lx: class %d", row[i].rv, evs_p11_class(row[i].rv));
	for (i = 0; i < sizeof(tampered) / sizeof(tampered[0]); i++)
		assert_true(evs_p11_is_tampered(tampered[i]));
	assert_false(evs_p11_is_tampered(CKR_OK));
	assert_false(evs_p11_is_tampered(CKR_DEVICE_ERROR));
}

/* The daemon has no classes: what went wrong is told apart by errno. */
static void test_errnos(void **state)
{
	static const struct {
		CK_RV rv;
		int errnum;
	} row[] = {
		{ CKR_HOST_MEMORY, ENOMEM }, { CKR_DEVICE_MEMORY, ENOMEM },
		{ CKR_PIN_LOCKED, EACCES }, { CKR_DEVICE_ERROR, ENXIO },
		{ CKR_TOKEN_NOT_PRESENT, ENXIO }, { CKR_SESSION_CLOSED, ENXIO },
		{ CKR_KEY_HANDLE_INVALID, ENXIO }, { CKR_GENERAL_ERROR, EIO },
	};
	struct evs_error err = {};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(evs_p11_fail(&err, row[i].rv, "trying"), -row[i].errnum);
	assert_contains(err.text, "HSM: trying: ");
	assert_contains(err.text, "(0x5)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mechanisms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tampered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_token, set_up, tear_down),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_errnos),
	};

	return cmocka_run_group_tests_name("kms_pkcs11", tests, NULL, NULL);
}
