// SPDX-License-Identifier: GPL-2.0-or-later
/* Another module than SoftHSM2: NSS, which is told where its token is. */
#include <glob.h>

#include "hsm/hsm.h"
#include "server.h"

#ifdef __SANITIZE_ADDRESS__
/* What NSS does not give back is no fault of what is tested here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static char dir[] = "/tmp/evs-kmsd-module-XXXXXX";
static struct kmsd_conf conf = { .token = "NSS Certificate DB", .root_key = "root" };
static struct evs_error err;

static int set_up(void **state)
{
	glob_t found;

	(void)state;
	assert_non_null(mkdtemp(dir));
	put_file(dir, "pin", "1234\n", 0);
	run(dir, "mkdir db && certutil -N -d sql:db -f pin");
	assert_int_equal(glob("/usr/lib/*/libsoftokn3.so", 0, NULL, &found), 0);
	snprintf(conf.module, sizeof(conf.module), "%s", found.gl_pathv[0]);
	globfree(&found);
	snprintf(conf.pin_file, sizeof(conf.pin_file), "%s/pin", dir);
	snprintf(conf.module_args, sizeof(conf.module_args),
		 "configdir='sql:%s/db' certPrefix='' keyPrefix='' secmod='' flags=", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(dir);
}

static void test_module_args(void **state)
{
	struct kmsd_hsm *hsm;

	(void)state;
	check_ok(&err, kmsd_hsm_make_root(&conf, &err));
	/* The key is found; but NSS does not say of it that it was made there */
	assert_true(kmsd_hsm_open(&hsm, &conf, &err) < 0);
	assert_contains(err.text, "root key \"root\" was not generated in the token");
	/* Without a word where its token is, there is none. */
	conf.module_args[0] = '\0';
	assert_true(kmsd_hsm_open(&hsm, &conf, &err) < 0);
	assert_contains(err.text, "HSM: initialising the module");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_module_args) };

	return cmocka_run_group_tests_name("kmsd_module", tests, set_up, tear_down);
}
