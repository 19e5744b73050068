// SPDX-License-Identifier: GPL-2.0-or-later
/* A backup of the KMS, and what comes back of it where. */
#include "kmsd_fixture.h"

#include <stdbool.h>

#include "backup.h"
#include "fault.h"
#include "hsm/root.h"
#include "pool.h"
#include "restore.h"
#include "sweep.h"

static struct fixture f;
static struct kmsd_conf conf;
static char file[160];
static char *kept, *doomed;	/* two CMKs of the backup */
static struct answer kept_dk, doomed_dk;
static int64_t now_ms;
static char said[4096];

static void say(const char *what, const char *id, const char *alias)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s: %s %s\n", what, id, alias);
}

static void open_kms(void)
{
	fixture_open(&f);
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
}

static struct answer wrapped_key(const char *key)
{
	return call(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
}

static int setup(void **state)
{
	struct evs_error err = {};

	(void)state;
	fixture_init(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	snprintf(file, sizeof(file), "%s/backup", f.dir);
	now_ms = (int64_t)time(NULL) * 1000;
	open_kms();
	kept = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"kept\"}");
	doomed = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"doomed\"}");
	kept_dk = wrapped_key(kept);
	doomed_dk = wrapped_key(doomed);
	/* Beside what serves the database */
	if (kmsd_backup_write(conf.database, file, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	answer_free(&kept_dk);
	answer_free(&doomed_dk);
	free(kept);
	free(doomed);
	return remove_tree(f.dir);
}

static int restore(const char *resurrect, struct evs_error *err)
{
	const char *ids[] = { resurrect };
	struct kmsd_restore r = {
		.path = file, .resurrect = ids, .count = resurrect ? 1 : 0, .say = say,
	};

	*err = (struct evs_error){};
	said[0] = '\0';
	return kmsd_restore(&conf, &r, err);
}

static void restore_ok(const char *resurrect)
{
	struct evs_error err;

	if (restore(resurrect, &err))
		fail_msg("%s", err.text);
}

/* Deletes a CMK for good. */
static void destroy(const char *key)
{
	struct evs_error err = {};

	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	now_ms += 8 * KMSD_DAY_MS;
	assert_int_equal(kmsd_sweep(&f.kmsd, &err), 0);
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"%s\"}", key);
}

static void check_unwraps(const char *key, const struct answer *a)
{
	char *plain = call_ok(&f, "data_key", "decrypt-datakey",
			      "{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":64}",
			      key, member(a, "cipher_text"));

	assert_string_equal(plain, member(a, "plain_text"));
	free(plain);
}

static void check_gone(const char *key)
{
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"%s\"}", key);
}

static void lose_database(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm %s/kms.db*", f.state);
	assert_int_equal(system(command), 0);
}

static void check_audit(int64_t first)
{
	struct evs_error err = {};
	struct kmsd_span span;

	if (kmsd_audit_verify(conf.audit, NULL, 0, conf.database, &span, &err))
		fail_msg("%s", err.text);
	assert_int_equal(span.first, first);
}

/* The file is root's alone, and has neither the token nor a key in plain. */
static void test_file(void **state)
{
	struct evs_error err = {};
	struct kmsd_backup b;
	char pin[64] = "", path[160];
	struct stat st;
	FILE *in;

	(void)state;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(kmsd_backup_write(conf.database, file, &err), -EEXIST);
	assert_int_equal(kmsd_backup_read(&b, file, &err), 0);
	assert_true(b.time > 0);
	snprintf(path, sizeof(path), "%s/pin", f.state);
	in = fopen(path, "re");
	assert_non_null(in);
	assert_non_null(fgets(pin, sizeof(pin), in));
	fclose(in);
	assert_null(memmem(b.data, b.size, pin, 32));
	free(b.data);
	kmsd_close(&f.kmsd);
}

/* A byte that is another one, wherever, or one that is missing. */
static void test_damaged(void **state)
{
	struct evs_error err = {};
	struct kmsd_backup b;
	struct stat st;
	int fd;

	(void)state;
	kmsd_close(&f.kmsd);
	fd = open(file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && !fstat(fd, &st));
	for (off_t at = 0; at < st.st_size; at += at < 120 ? 7 : 4099) {
		char byte, other;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		other = byte ^ 1;
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		assert_int_equal(kmsd_backup_read(&b, file, &err), -EBADMSG);
		assert_int_equal(restore(NULL, &err), -EBADMSG);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	assert_int_equal(restore(NULL, &err), -EBADMSG);
	close(fd);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(restore(NULL, &err), -ENOENT);
}

/* The database is lost: the backup takes its place, without what was deleted since. */
static void test_lost(void **state)
{
	char *later;

	(void)state;
	destroy(doomed);
	later = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"later\"}");
	kmsd_close(&f.kmsd);
	lose_database();
	restore_ok(NULL);
	assert_contains(said, "deleted since, not brought back: ");
	assert_contains(said, doomed);
	assert_contains(said, "made since, lost: ");
	assert_contains(said, later);
	open_kms();
	check_unwraps(kept, &kept_dk);
	check_gone(doomed);
	kmsd_close(&f.kmsd);
	check_audit(1);
	free(later);
}

static void test_lost_resurrect(void **state)
{
	(void)state;
	destroy(doomed);
	kmsd_close(&f.kmsd);
	lose_database();
	restore_ok(doomed);
	assert_contains(said, "deleted since, brought back disabled: ");
	open_kms();
	call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", doomed);
	check_unwraps(doomed, &doomed_dk);
	check_unwraps(kept, &kept_dk);
	kmsd_close(&f.kmsd);
}

/* On another machine there is no log to tell, but dates in the backup have come. */
static void test_elsewhere(void **state)
{
	struct evs_error err = {};

	(void)state;
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", doomed);
	assert_int_equal(kmsd_db_exec(kmsd_store_writing(f.kmsd.store),
				      "UPDATE cmk SET deletion = 1 WHERE state = 4", &err), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(kmsd_backup_write(conf.database, file, &err), 0);
	kmsd_close(&f.kmsd);
	lose_database();
	assert_int_equal(unlink(conf.audit), 0);
	restore_ok(NULL);
	assert_contains(said, "deleted since, not brought back: ");
	open_kms();
	check_unwraps(kept, &kept_dk);
	check_gone(doomed);
	kmsd_close(&f.kmsd);
	/* Four records were before the deletion's, and that one */
	check_audit(6);
}

/* Beside a database that is there, nothing of it is lost. */
static void test_beside(void **state)
{
	struct evs_error err;
	struct answer dk;
	char *later;

	(void)state;
	assert_int_equal(restore(NULL, &err), -EBUSY);
	assert_contains(err.text, "stop evs-kmsd first");
	destroy(doomed);
	later = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"later\"}");
	dk = wrapped_key(later);
	kmsd_close(&f.kmsd);
	restore_ok(NULL);
	assert_contains(said, "made since, kept: ");
	assert_contains(said, "deleted since, not brought back: ");
	open_kms();
	check_gone(doomed);
	check_unwraps(later, &dk);
	kmsd_close(&f.kmsd);
	restore_ok("all");
	assert_contains(said, "deleted since, brought back disabled: ");
	open_kms();
	call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", doomed);
	check_unwraps(doomed, &doomed_dk);
	check_unwraps(later, &dk);
	check_unwraps(kept, &kept_dk);
	kmsd_close(&f.kmsd);
	check_audit(1);
	answer_free(&dk);
	free(later);
}

/* Another CMK has the alias of the one that is wanted back. */
static void test_alias_taken(void **state)
{
	struct evs_error err;

	(void)state;
	destroy(doomed);
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"doomed\"}"));
	kmsd_close(&f.kmsd);
	assert_int_equal(restore("all", &err), -EEXIST);
	assert_contains(err.text, "rename it first");
	open_kms();
	check_gone(doomed);
	kmsd_close(&f.kmsd);
}

/* Another token has another root key: the backup is of no use with it. */
static void test_other_token(void **state)
{
	struct fixture other;
	struct evs_error err;

	(void)state;
	kmsd_close(&f.kmsd);
	fixture_init(&other);
	assert_int_equal(kmsd_conf_load(&conf, other.config, &err), 0);
	assert_int_equal(unlink(conf.database), 0);
	assert_int_equal(restore(NULL, &err), -EKEYREJECTED);
	assert_contains(err.text, "made with another root key");
	assert_int_equal(access(conf.database, F_OK), -1);
	remove_tree(other.dir);
}

/*
 * The root key was exchanged since: the backup needs the old one, and a database of the new
 * one takes no keys that the old one wraps.
 */
static void test_older_root(void **state)
{
	const struct kmsd_root_target to = { .new_key = true };
	struct evs_error err = {};

	(void)state;
	destroy(doomed);
	kmsd_close(&f.kmsd);
	if (kmsd_root_rewrap(f.config, &to, &err))
		fail_msg("%s", err.text);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_string_equal(conf.root_key, "evs-root-2");
	assert_int_equal(restore("all", &err), -EKEYREJECTED);
	assert_contains(err.text, "set [hsm] root-key");
	strcpy(conf.root_key, "evs-root");
	assert_int_equal(restore("all", &err), -EKEYREJECTED);
	assert_contains(err.text, "move it away");
	lose_database();
	restore_ok("all");
	assert_int_equal(kmsd_open(&f.kmsd, &conf, &err), 0);
	check_unwraps(kept, &kept_dk);
	kmsd_close(&f.kmsd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_resurrect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alias_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_older_root, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_backup", tests, NULL, NULL);
}
