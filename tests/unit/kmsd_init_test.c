// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-kmsd init: what it makes, and what it leaves when it cannot. */
#include "kmsd_fixture.h"
#include "p11.h"

static void check_mode(const struct fixture *f, const char *name, mode_t mode)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->state, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, geteuid());
}

static void test_files(void **state)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	struct fixture f;
	char pin[128];
	struct stat st;

	(void)state;
	fixture_init(&f);
	check_mode(&f, "", 0700);
	check_mode(&f, "pin", 0600);
	check_mode(&f, "so-pin", 0600);
	check_mode(&f, "kms.db", 0600);
	check_mode(&f, "softhsm2.conf", 0600);
	check_mode(&f, "tokens", 0700);
	snprintf(pin, sizeof(pin), "%s/pin", f.state);
	assert_int_equal(stat(pin, &st), 0);
	assert_int_equal(st.st_size, 32);

	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_string_equal(conf.socket, f.socket);
	assert_string_equal(conf.token, "evs");
	assert_string_equal(conf.root_key, "evs-root");
	assert_string_equal(conf.pin_file, pin);
	assert_string_equal(conf.module, KMSD_MODULE);
	remove_tree(f.dir);
}

static void test_twice(void **state)
{
	struct evs_error err = {};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_try_init(&f, &err), -EEXIST);
	assert_non_null(strstr(err.text, "initialised already"));
	/* Without its configuration it is not ours to take */
	assert_int_equal(unlink(f.config), 0);
	assert_int_equal(fixture_try_init(&f, &err), -EEXIST);
	assert_non_null(strstr(err.text, "not empty"));
	check_mode(&f, "kms.db", 0600);
	remove_tree(f.dir);
}

static void test_undone(void **state)
{
	struct evs_error err = {};
	struct fixture f;
	struct kmsd_init init = { .socket = "/s" };
	static char long_path[PATH_MAX];
	char config[128];

	(void)state;
	fixture_dir(&f);
	snprintf(config, sizeof(config), "%s/no/such/kmsd.conf", f.dir);
	init.state_dir = f.state;

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	init.config = config;
	init.socket = long_path;
	assert_int_equal(kmsd_init(&init, &err), -ENAMETOOLONG);
	init.socket = "/s";
	init.state_dir = long_path;
	assert_int_equal(kmsd_init(&init, &err), -ENAMETOOLONG);
	init.state_dir = f.state;

	/* Fails at the last step: nothing is left of the others */
	init.config = config;
	assert_int_equal(kmsd_init(&init, &err), -ENOENT);
	assert_int_equal(access(f.state, F_OK), -1);

	/* A directory that was there stays, empty */
	assert_int_equal(mkdir(f.state, 0755), 0);
	assert_int_equal(kmsd_init(&init, &err), -ENOENT);
	check_mode(&f, "", 0700);
	assert_int_equal(rmdir(f.state), 0);

	init.config = f.config;
	init.module = "/no/such/softhsm.so";
	assert_int_equal(kmsd_init(&init, &err), -ENOENT);
	init.module = "/etc/passwd";
	assert_int_equal(kmsd_init(&init, &err), -ELIBBAD);
	init.module = "softhsm.so";
	assert_int_equal(kmsd_init(&init, &err), -EINVAL);
	assert_int_equal(access(f.state, F_OK), -1);
	assert_int_equal(access(f.config, F_OK), -1);

	/* And then it can be done */
	assert_int_equal(fixture_try_init(&f, &err), 0);
	remove_tree(f.dir);
}

/* A token that cannot wrap is found out before it is initialised. */
static void test_no_mechanism(void **state)
{
	struct kmsd_hsm_new new = {
		.module = "/usr/lib/softhsm/libsofthsm2.so", .token = "root", .root_key = "root",
	};
	struct evs_error err = {};
	struct evs_secret *pin;
	struct fixture f;
	char conf[128];
	FILE *file;

	(void)state;
	fixture_dir(&f);
	snprintf(conf, sizeof(conf), "%s/softhsm2.conf", f.dir);
	file = fopen(conf, "we");
	assert_non_null(file);
	/* SoftHSM 2.6 has the mechanism that is named first all the same */
	fprintf(file, "directories.tokendir = %s\nobjectstore.backend = file\n"
		"slots.mechanisms = -CKM_MD5,CKM_AES_GCM\n", f.dir);
	assert_int_equal(fclose(file), 0);
	pin = evs_secret_alloc(8);
	assert_non_null(pin);
	memcpy(pin->data, "123456", 6);
	new.softhsm2_conf = conf;
	new.pin = new.so_pin = pin;
	assert_int_equal(kmsd_hsm_init(&new, &err), -EOPNOTSUPP);
	assert_contains(err.text, "it has no mechanism CKM_AES_GCM");
	assert_int_equal(unlink(conf), 0);
	/* Nothing was made */
	assert_int_equal(rmdir(f.dir), 0);
	evs_secret_free(pin);
}

/* A path of so many bytes below the fixture's directory, without a slash in it */
static void long_path(const struct fixture *f, char *path, size_t len)
{
	size_t used = (size_t)sprintf(path, "%s/s", f->dir);

	while (used < len) {
		path[used] = used % 200 ? 'x' : '/';
		used++;
	}
	path[used] = '\0';
}

/* What the daemon would not read is refused before anything is made. */
static void test_paths(void **state)
{
	static const struct {
		size_t len;
		const char *tail;
		const char *why;
	} rows[] = {
		{ 150, "/a ; b", "a comment needs a line of its own" },
		{ 150, "/a#b", "SoftHSM cannot use a path with # or =" },
		{ 150, "/a=b", "SoftHSM cannot use a path with # or =" },
		{ 150, "/a\nb", "evs-kmsd would refuse its configuration" },
		{ 150, "/caf\xe9", "no UTF-8" },
		{ 600, "", "too long for kms.db" },
		{ 1200, "", "too long for kms.db" },
		{ PATH_MAX + 10, "", "too long" },
	};
	struct evs_error err = {};
	char path[PATH_MAX + 100];
	struct kmsd_init init = { .state_dir = path };
	struct kmsd_conf conf;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_dir(&f);
	init.config = f.config;
	init.socket = f.socket;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long_path(&f, path, rows[i].len);
		strcat(path, rows[i].tail);
		assert_true(kmsd_init(&init, &err) < 0);
		if (!strstr(err.text, rows[i].why))
			fail_msg("\"%s\" lacks \"%s\"", err.text, rows[i].why);
		assert_int_equal(rmdir(f.dir), 0);	/* it is empty */
		assert_int_equal(mkdir(f.dir, 0700), 0);
	}
	/* One whose line is longer than 200 bytes */
	long_path(&f, path, 199);
	strcpy(path + 199, "xxxxxxxxxxxxxxxxxxx");
	if (kmsd_init(&init, &err))
		fail_msg("%s", err.text);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_string_equal(conf.softhsm2_conf + strlen(path), "/softhsm2.conf");
	remove_tree(f.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_no_mechanism),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("kmsd_init", tests, NULL, NULL);
}
