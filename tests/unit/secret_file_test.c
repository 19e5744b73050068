// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a secret is read from: its file, or a credential of the service. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "secret.h"

static char dir[] = "/tmp/evs-secret-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[sizeof(dir) + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(in_dir(name), "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(in_dir(name), mode), 0);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(mkdir(in_dir("creds"), 0700), 0);
	return setenv("CREDENTIALS_DIRECTORY", in_dir("creds"), 1);
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(in_dir("pin"));
	unlink(in_dir("creds/pin"));
	rmdir(in_dir("creds"));
	unsetenv("CREDENTIALS_DIRECTORY");
	return rmdir(dir);
}

static void check(const char *wanted, int wanted_errno)
{
	struct evs_error err = {};
	struct evs_secret *pin;
	int ret;

	ret = evs_secret_read(&pin, in_dir("pin"), &err);
	assert_int_equal(ret, -wanted_errno);
	if (ret)
		return;
	assert_string_equal((const char *)pin->data, wanted);
	evs_secret_free(pin);
}

static void test_credential(void **state)
{
	(void)state;
	check(NULL, ENOENT);
	put("creds/pin", "sealed\n", 0400);
	check("sealed", 0);
	put("pin", "file\n", 0600);
	check("file", 0);
}

static void test_no_credential(void **state)
{
	(void)state;
	put("creds/pin", "sealed\n", 0440);
	check(NULL, EPERM);
	/* One that others may read is refused, whatever there is else */
	put("creds/pin", "sealed\n", 0400);
	put("pin", "file\n", 0644);
	check(NULL, EPERM);
	assert_int_equal(unlink(in_dir("pin")), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
	check(NULL, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_credential, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_no_credential, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
