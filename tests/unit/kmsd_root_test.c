// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The root key is exchanged: in its token, and for one in another token. All that it
 * wraps goes over, wherever the process is killed, and nothing that the old one wrapped
 * is left in the database's files.
 */
#include "kmsd_fixture.h"

#include <stdbool.h>

#include "fault.h"
#include "hsm/root.h"
#include "pool.h"

static struct fixture f;
static char *key;
static struct answer first, second;	/* data keys by the key's first and second version */
static const char *fatal;
static int64_t now_ms = 1700000000000;

static struct answer wrapped_key(void)
{
	return call(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");
	first = wrapped_key();
	call_done(&f, "enable-key-rotation", "{\"key_id\":\"%s\"}", key);
	now_ms += 366 * KMSD_DAY_MS;
	free(call_ok(&f, "rotation_interval", "get-key-rotation-status", "{\"key_id\":\"%s\"}", key));
	second = wrapped_key();
	kmsd_close(&f.kmsd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	answer_free(&first);
	answer_free(&second);
	free(key);
	return remove_tree(f.dir);
}

static void check_unwraps(const struct answer *a)
{
	char *plain = call_ok(&f, "data_key", "decrypt-datakey",
			      "{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":64}",
			      key, member(a, "cipher_text"));

	assert_string_equal(plain, member(a, "plain_text"));
	free(plain);
}

/* Everything is there, and the KMS goes on. */
static void check_kms(const char *token, const char *root_key)
{
	struct answer a;

	fixture_open(&f);
	assert_string_equal(f.kmsd.conf.token, token);
	if (root_key)
		assert_string_equal(f.kmsd.conf.root_key, root_key);
	assert_int_equal(f.kmsd.conf.cmks, 100000);	/* of another section */
	check_unwraps(&first);
	check_unwraps(&second);
	a = wrapped_key();
	assert_int_equal(a.status, 200);
	check_unwraps(&a);
	answer_free(&a);
	kmsd_close(&f.kmsd);
}

static int rewrap(const struct kmsd_root_target *to, struct evs_error *err)
{
	*err = (struct evs_error){};
	return kmsd_root_rewrap(f.config, to, err);
}

static bool in_database(const void *bytes, size_t size)
{
	static const char *const names[] = { "kms.db", "kms.db-wal" };
	static char data[4 << 20];
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		char path[160];
		FILE *file;
		size_t n;

		snprintf(path, sizeof(path), "%s/%s", f.state, names[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		n = fread(data, 1, sizeof(data), file);
		fclose(file);
		found = found || memmem(data, n, bytes, size);
	}
	return found;
}

static void test_new_key(void **state)
{
	const struct kmsd_root_target to = { .new_key = true };
	unsigned char old[KMSD_WRAPPED_MAX];
	struct evs_error err = {};
	struct kmsd_span span;
	char log[160], db[160];
	struct stat st;
	size_t size;

	(void)state;
	fixture_open(&f);
	assert_int_equal(kmsd_store_material(f.kmsd.store, key, 1, old, &size, &err), 0);
	/* Not beside a daemon */
	assert_int_equal(rewrap(&to, &err), -EBUSY);
	assert_contains(err.text, "stop evs-kmsd first");
	kmsd_close(&f.kmsd);
	assert_true(in_database(old, size));
	/* Others may read the configuration as before, whatever the umask */
	assert_int_equal(chown(f.config, 1, 2), 0);
	assert_int_equal(chmod(f.config, 0644), 0);
	umask(077);
	assert_int_equal(rewrap(&to, &err), 0);
	umask(022);
	assert_int_equal(stat(f.config, &st), 0);
	assert_true(st.st_uid == 1 && st.st_gid == 2 && (st.st_mode & 07777) == 0644);
	assert_false(in_database(old, size));
	check_kms("evs", "evs-root-2");
	assert_int_equal(rewrap(&to, &err), 0);
	check_kms("evs", "evs-root-3");
	snprintf(log, sizeof(log), "%s/audit.log", f.state);
	snprintf(db, sizeof(db), "%s/kms.db", f.state);
	assert_int_equal(kmsd_audit_verify(log, NULL, 0, db, &span, &err), 0);
}

/* A second token, as if it were a hardware token's, whose module has its own file. */
static void make_token(const char *name, char conf[160], char pin_file[160])
{
	struct kmsd_hsm_new new = {
		.module = KMSD_MODULE, .softhsm2_conf = conf, .token = name, .root_key = "other",
	};
	struct evs_error err = {};
	struct evs_secret *pin;
	char tokens[160];
	FILE *file;

	snprintf(conf, 160, "%s/%s.conf", f.dir, name);
	snprintf(pin_file, 160, "%s/%s.pin", f.dir, name);
	file = fopen(conf, "we");
	assert_non_null(file);
	fprintf(file, "directories.tokendir = %s/%s\nobjectstore.backend = file\n", f.dir, name);
	assert_int_equal(fclose(file), 0);
	file = fopen(pin_file, "we");
	assert_non_null(file);
	fputs("87654321\n", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(pin_file, 0600), 0);
	snprintf(tokens, sizeof(tokens), "%s/%s", f.dir, name);
	assert_int_equal(mkdir(tokens, 0700), 0);
	assert_int_equal(evs_secret_read(&pin, pin_file, &err), 0);
	new.pin = pin;
	new.so_pin = pin;
	if (kmsd_hsm_init(&new, &err))
		fail_msg("%s", err.text);
	evs_secret_free(pin);
}

static void test_other_token(void **state)
{
	char conf[160], pin_file[160], tokens[160];
	struct kmsd_root_target to = { .softhsm2_conf = conf, .token = "hw", .pin_file = pin_file };
	struct evs_error err = {};

	(void)state;
	make_token("hw", conf, pin_file);
	assert_int_equal(rewrap(&to, &err), 0);
	snprintf(tokens, sizeof(tokens), "%s/tokens", f.state);
	remove_tree(tokens);
	check_kms("hw", "evs-root");
	/* It is in use already; there is no such token */
	assert_int_equal(rewrap(&to, &err), -EINVAL);
	to.token = "none";
	assert_int_equal(rewrap(&to, &err), -ENODEV);
	check_kms("hw", "evs-root");
}

/* Neither token's root key is the database's: nothing changes. */
static void test_strange_database(void **state)
{
	const struct kmsd_root_target to = { .new_key = true };
	struct evs_error err = {};
	char path[160];
	sqlite3 *db;

	(void)state;
	snprintf(path, sizeof(path), "%s/kms.db", f.state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE root_check SET wrapped = randomblob(60)", NULL,
				      NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(rewrap(&to, &err), -EKEYREJECTED);
	assert_contains(err.text, "made with another root key");
}

static void die(const char *point)
{
	if (!strcmp(point, fatal))
		raise(SIGKILL);
}

/* Killed anywhere, it is done by the same command again. */
static void test_killed(void **state)
{
	const struct kmsd_root_target to = { .new_key = true };
	int deaths = 0, status;
	struct evs_error err;
	pid_t pid;

	(void)state;
	for (const char *const *point = kmsd_fault_points; *point; point++) {
		kmsd_pool_trim();
		pid = fork();
		if (!pid) {
			fatal = *point;
			kmsd_fault_hook = die;
			_exit(rewrap(&to, &err) ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status)) {
			assert_int_equal(status, 0);
		} else {
			deaths++;
			if (rewrap(&to, &err))
				fail_msg("%s: %s", *point, err.text);
		}
		check_kms("evs", NULL);
	}
	assert_true(deaths >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_root", tests, NULL, NULL);
}
