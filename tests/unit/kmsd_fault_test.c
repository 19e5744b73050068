// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The KMS is killed at each of the points where that would be worst, in each of
 * the changes it makes; the disk is full at each byte that it writes; the
 * database is read-only. What was acknowledged holds, what was not is whole or
 * not there, the audit log's chain is whole, and what was deleted is gone.
 */
#include "kmsd_fixture.h"

#include <glob.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "fault.h"
#include "pool.h"
#include "sweep.h"

static struct fixture f;
static int64_t now_ms = 1700000000000;
static const char *fatal;	/* the point to die at */
static int passes_left;		/* so many times it is passed first */

static void open_kms(void)
{
	fixture_open(&f);
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_tree(f.dir);
	return 0;
}

static void die(const char *point)
{
	if (!strcmp(point, fatal) && !passes_left--)
		raise(SIGKILL);
}

/* What the test knows of the KMS before a change. */
struct known {
	char key[37];		/* enabled, rotation is due */
	char doomed[37];	/* its deletion is due */
	char cipher[377];	/* by the key's first version */
	char plain[129];
	unsigned char material[KMSD_WRAPPED_MAX];	/* of the doomed one */
	size_t size;
};

static void prepare(struct known *k)
{
	static int number;
	struct evs_error err = {};
	struct answer a;

	open_kms();
	a = call(&f, "create-key", "{\"key_alias\":\"key-%d\"}", number);
	strcpy(k->key, member(&a, "key_id"));
	answer_free(&a);
	a = call(&f, "create-key", "{\"key_alias\":\"doomed-%d\"}", number++);
	strcpy(k->doomed, member(&a, "key_id"));
	answer_free(&a);
	a = call(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", k->key);
	strcpy(k->cipher, member(&a, "cipher_text"));
	strcpy(k->plain, member(&a, "plain_text"));
	answer_free(&a);
	call_done(&f, "enable-key-rotation", "{\"key_id\":\"%s\"}", k->key);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", k->doomed);
	assert_int_equal(kmsd_store_material(f.kmsd.store, k->doomed, 1, k->material, &k->size,
					     &err), 0);
	kmsd_close(&f.kmsd);
}

/* The changes; each returns whether it was acknowledged. */
static bool do_create(const struct known *k)
{
	struct answer a = call(&f, "create-key", "{\"key_alias\":\"new-%s\"}", k->key);
	bool done = a.status == 200;

	answer_free(&a);
	return done;
}

static bool do_disable(const struct known *k)
{
	struct answer a = call(&f, "disable-key", "{\"key_id\":\"%s\"}", k->key);
	bool done = a.status == 200;

	answer_free(&a);
	return done;
}

static bool do_use(const struct known *k)
{
	struct answer a = call(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", k->key);
	bool done = a.status == 200;

	answer_free(&a);
	return done;
}

static bool do_sweep(const struct known *k)
{
	struct evs_error err = {};

	(void)k;
	now_ms += 366 * KMSD_DAY_MS;
	return !kmsd_sweep(&f.kmsd, &err);
}

static bool do_grant(const struct known *k)
{
	struct answer a = call(&f, "create-grant", "{\"key_id\":\"%s\",\"grantee_principal\":\"root\","
			       "\"operations\":[\"describe-key\"]}", k->key);
	bool done = a.status == 200;

	answer_free(&a);
	return done;
}

static bool do_rotate(const struct known *k)
{
	char log[160], old[220];
	struct evs_error err = {};

	snprintf(log, sizeof(log), "%s/audit.log", f.state);
	snprintf(old, sizeof(old), "%s.%s", log, k->key);
	return do_use(k) && !rename(log, old) && !kmsd_audit_sync(f.kmsd.audit, now_ms, &err) &&
	       do_use(k);
}

static int64_t rows(const char *sql)
{
	struct evs_error err = {};
	int64_t n = -1;

	assert_int_equal(kmsd_db_number(kmsd_store_reading(f.kmsd.store), &err, &n, sql, ""), 1);
	return n;
}

static bool in_files(const void *bytes, size_t size)
{
	static const char *const names[] = { "kms.db", "kms.db-wal" };
	static char data[8 << 20];
	bool found = false;
	char path[160];
	FILE *file;
	size_t n;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.state, names[i]);
		file = fopen(path, "r");
		if (!file)
			continue;
		n = fread(data, 1, sizeof(data), file);
		fclose(file);
		assert_true(n < sizeof(data));
		found = found || memmem(data, n, bytes, size);
	}
	return found;
}

/* The files that the log was rotated to. */
static void old_logs(glob_t *found)
{
	char pattern[170];

	snprintf(pattern, sizeof(pattern), "%s/audit.log.*", f.state);
	assert_in_range(glob(pattern, GLOB_NOSORT, NULL, found) % GLOB_NOMATCH, 0, 0);
}

static void check_audit(void)
{
	char log[160], db[160];
	struct evs_error err = {};
	struct kmsd_span span;
	glob_t old;

	snprintf(log, sizeof(log), "%s/audit.log", f.state);
	snprintf(db, sizeof(db), "%s/kms.db", f.state);
	old_logs(&old);
	if (kmsd_audit_verify(log, old.gl_pathv, old.gl_pathc, db, &span, &err))
		fail_msg("%s", err.text);
	globfree(&old);
	assert_int_equal(span.first, 1);
}

static int count_in(const char *path, const char *event, const char *key)
{
	char line[KMSD_AUDIT_LINE_MAX], want[64];
	FILE *file = fopen(path, "r");
	int n = 0;

	snprintf(want, sizeof(want), "\"event\":\"%s\"", event);
	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, want) && strstr(line, key) && strstr(line, "\"status\":200");
	if (file)
		fclose(file);
	return n;
}

static int count_events(const char *event, const char *key)
{
	char path[160];
	glob_t old;
	int n;

	snprintf(path, sizeof(path), "%s/audit.log", f.state);
	n = count_in(path, event, key);
	old_logs(&old);
	for (size_t i = 0; i < old.gl_pathc; i++)
		n += count_in(old.gl_pathv[i], event, key);
	globfree(&old);
	return n;
}

/* After the crash: each change is there with its record, or neither is. */
static void check(const struct known *k, bool (*change)(const struct known *), bool acknowledged)
{
	struct evs_error err = {};
	struct kmsd_cmk cmk;
	char *plain;
	bool there;

	open_kms();
	check_audit();
	assert_int_equal(kmsd_store_by_any(f.kmsd.store, k->key, &cmk, &err), 0);
	if (change == do_disable) {
		there = cmk.state == EVS_CMK_STATE_DISABLED;
		assert_int_equal(count_events("disableKey", k->key), there);
		assert_true(there || !acknowledged);
		if (there)
			call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", k->key);
	} else if (change == do_sweep) {
		assert_int_equal(count_events("rotateKey", k->key), cmk.rotations);
		there = !kmsd_store_by_any(f.kmsd.store, k->doomed, &cmk, &err);
		assert_int_equal(count_events("deleteKey", k->doomed), !there);
		assert_int_equal(in_files(k->material, k->size), there);
	} else if (change == do_create) {
		struct answer a = call(&f, "describe-key", "{\"key_id\":\"alias/new-%s\"}", k->key);

		assert_true(a.status == 200 || (a.status == 404 && !acknowledged));
		if (a.status == 200) {
			assert_int_equal(count_events("createKey", member(&a, "key_id")), 1);
			call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}",
				  member(&a, "key_id"));
		}
		answer_free(&a);
	} else if (change == do_grant) {
		assert_int_equal(rows("SELECT count(*) FROM key_grant"),
				 count_events("createGrant", ""));
	}
	/* No key without material, no material without a key */
	assert_int_equal(rows("SELECT count(*) FROM cmk WHERE id NOT IN (SELECT cmk FROM cmk_version)"), 0);
	assert_int_equal(rows("SELECT count(*) FROM cmk_version WHERE cmk NOT IN (SELECT id FROM cmk)"), 0);
	plain = call_ok(&f, "data_key", "decrypt-datakey",
			"{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":64}", k->key,
			k->cipher);
	assert_string_equal(plain, k->plain);
	free(plain);
	kmsd_close(&f.kmsd);
}

static bool (*const changes[])(const struct known *) = {
	do_create, do_disable, do_use, do_sweep, do_grant, do_rotate,
};

/* Makes a change in a process of its own; tells how that ended. */
static int in_child(const struct known *k, bool (*change)(const struct known *), rlim_t size)
{
	struct rlimit limit = { size, size };
	int status;
	pid_t pid;

	/* A child does not have what is kept */
	kmsd_pool_trim();
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		open_kms();
		kmsd_fault_hook = fatal ? die : NULL;
		signal(SIGXFSZ, SIG_IGN);
		if (size != RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &limit))
			_exit(2);
		_exit(change(k) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_killed_everywhere(void **state)
{
	int deaths = 0, at_point, status;
	struct known k;

	(void)state;
	for (const char *const *point = kmsd_fault_points; *point; point++) {
		at_point = 0;
		for (size_t c = 0; c < sizeof(changes) / sizeof(changes[0]); c++) {
			for (int pass = 0; pass < 3; pass++) {
				int64_t before = now_ms;

				prepare(&k);
				fatal = *point;
				passes_left = pass;
				status = in_child(&k, changes[c], RLIM_INFINITY);
				fatal = NULL;
				at_point += WIFSIGNALED(status);
				now_ms = before;
				check(&k, changes[c], status == 0);
				if (!WIFSIGNALED(status))
					break;
			}
		}
		/* The point is one that is passed; kmsd_root_test.c dies at the others */
		assert_true(at_point > 0 || !strncmp(*point, "root-", 5));
		deaths += at_point;
	}
	print_message("%d deaths\n", deaths);
}

/* The largest file of the state directory, after which the disk is full. */
static rlim_t largest_file(void)
{
	static const char *const names[] = { "kms.db", "kms.db-wal", "audit.log" };
	rlim_t size = 0;
	char path[160];
	struct stat st;

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.state, names[i]);
		if (!stat(path, &st) && (rlim_t)st.st_size > size)
			size = (rlim_t)st.st_size;
	}
	return size;
}

static void test_disk_full(void **state)
{
	int refused = 0, status;
	struct known k;

	(void)state;
	for (size_t c = 0; c < sizeof(changes) / sizeof(changes[0]); c++) {
		for (rlim_t limit = 0; limit < 40000; limit += 3100) {
			int64_t before = now_ms;

			prepare(&k);
			status = in_child(&k, changes[c], limit);
			assert_true(WIFEXITED(status));
			assert_in_range(WEXITSTATUS(status), 0, 1);
			refused += WEXITSTATUS(status);
			now_ms = before;
			check(&k, changes[c], status == 0);
		}
		prepare(&k);
		status = in_child(&k, changes[c], 100 * largest_file());
		assert_int_equal(status, 0);
		check(&k, changes[c], true);
	}
	assert_true(refused > 5);
	print_message("%d refusals\n", refused);
}

/* A file system that has become read-only while the daemon runs. */
static void test_read_only(void **state)
{
	struct evs_error err = {};
	struct answer a;
	struct known k;

	(void)state;
	prepare(&k);
	open_kms();
	assert_int_equal(kmsd_db_exec(kmsd_store_writing(f.kmsd.store), "PRAGMA query_only = ON",
				      &err), 0);
	for (size_t c = 0; c < sizeof(changes) / sizeof(changes[0]); c++)
		if (changes[c] != do_use && changes[c] != do_rotate)
			assert_false(changes[c](&k));
	now_ms -= 366 * KMSD_DAY_MS;
	a = call(&f, "disable-key", "{\"key_id\":\"%s\"}", k.key);
	assert_int_equal(a.status, 500);
	answer_free(&a);
	/* What changes nothing goes on */
	free(call_ok(&f, "key_state", "describe-key", "{\"key_id\":\"%s\"}", k.key));
	assert_true(do_use(&k));
	assert_int_equal(kmsd_db_exec(kmsd_store_writing(f.kmsd.store), "PRAGMA query_only = OFF",
				      &err), 0);
	kmsd_close(&f.kmsd);
	check(&k, do_disable, false);
}

/* A database of a version to come is left alone. */
static void test_new_schema(void **state)
{
	struct evs_error err = {};
	char path[160];
	struct known k;
	sqlite3 *db;

	(void)state;
	prepare(&k);
	snprintf(path, sizeof(path), "%s/kms.db", f.state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(kmsd_store_open(&f.kmsd.store, path, &err), -EPROTO);
	assert_non_null(strstr(err.text, "99"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_schema, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_fault", tests, NULL, NULL);
}
