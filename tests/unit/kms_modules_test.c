// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end pkcs11 with modules of others than SoftHSM2: NSS, which wants to be told
 * where its token is, and opencryptoki, whose soft token cannot wrap.
 */
#include <glob.h>
#include <sched.h>
#include <sys/mount.h>

#include "kms_fixture.h"

#ifdef __SANITIZE_ADDRESS__
/* What NSS and opencryptoki do not give back is no fault of what is tested here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

/* Debian has it in a folder for the architecture. */
static void set_module(struct fixture *f, const char *pattern)
{
	glob_t found;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	set(f, "module", found.gl_pathv[0]);
	globfree(&found);
}

static struct fixture *new_fixture(void)
{
	struct fixture *f = fixture_new("pkcs11", "hsm", 20);

	put_file(f->dir, "pin", "1234\n", 0);
	set_file(f, "pin-file", "pin");
	return f;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

static int set_up_nss(void **state)
{
	struct fixture *f = new_fixture();
	char args[128];

	run(f->dir, "mkdir db && certutil -N -d sql:db -f pin");
	set_module(f, "/usr/lib/*/libsoftokn3.so");
	snprintf(args, sizeof(args),
		 "configdir='sql:%s/db' certPrefix='' keyPrefix='' secmod='' flags=", f->dir);
	set(f, "module-args", args);
	set(f, "token", "NSS Certificate DB");
	reopen(f);
	*state = f;
	return 0;
}

static void test_nss(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	make_cmk(f, "db-prod", &cmk);
	assert_string_equal(cmk.id, "db-prod");
	wrap_new(f, cmk.id);
	assert_unwraps(f);
	reopen(f);
	assert_unwraps(f);
	f->token.wrapped_dk[30] ^= 1;
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token.wrapped_dk[30] ^= 1;
	f->token.context.pair[0].value[0] ^= 1;
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token.context.pair[0].value[0] ^= 1;
	put_file(f->dir, "pin", "4321\n", 0);
	reopen(f);
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	/* Without a word where its token is, there is none. */
	evs_kms_close(f->kms);
	f->kms = NULL;
	set(f, "module-args", "");
	assert_true(evs_kms_open(&f->kms, &f->cfg, &f->err) < 0);
	assert_contains(f->err.text, "HSM: initialising the module");
}

static int set_up_opencryptoki(void **state)
{
	struct fixture *f;

	*state = NULL;
	/* Its daemon and its library find each other by fixed paths. */
	if (unshare(CLONE_NEWNS))
		return 0;
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	f = new_fixture();
	f->server = start_peer(f->dir, "opencryptoki", 0);
	set_module(f, "/usr/lib/*/opencryptoki/libopencryptoki.so.0");
	set(f, "token", "disks");
	reopen(f);
	*state = f;
	return 0;
}

static int tear_down_opencryptoki(void **state)
{
	return *state ? tear_down(state) : 0;
}

/* No CMK is made that could protect nothing. */
static void test_opencryptoki(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk, *cmks;
	size_t count;

	if (!f)
		skip();		/* no file systems of one's own, so no such token */
	assert_true(evs_kms_create_key(f->kms, "db-prod", NULL, &cmk, &f->err) < 0);
	assert_contains(f->err.text, "token disks can wrap no data key");
	assert_true(evs_kms_examine(f->kms, &f->err) < 0);
	assert_contains(f->err.text, "CKM_AES_GCM");
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_int_equal(count, 0);
	free(cmks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nss, set_up_nss, tear_down),
		cmocka_unit_test_setup_teardown(test_opencryptoki, set_up_opencryptoki,
						tear_down_opencryptoki),
	};

	return cmocka_run_group_tests_name("kms_modules", tests, NULL, NULL);
}
