// SPDX-License-Identifier: GPL-2.0-or-later
/* The audit log goes on in a new file. */
#include "kmsd_audit.h"

static char renamed[PATH_MAX];

static void rotate(void)
{
	struct evs_error err = {};

	snprintf(renamed, sizeof(renamed), "%s.1", log_path);
	assert_int_equal(rename(log_path, renamed), 0);
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, 1700000000000, &err), 0);
}

static int verify_both(struct kmsd_span *span)
{
	char *older[] = { log_path, renamed };
	struct evs_error err = {};

	return kmsd_audit_verify(log_path, older, 2, db_path, span, &err);
}

/* The new file goes on where the old one ended, and says so. */
static void test_rotation(void **state)
{
	struct kmsd_span span;
	char *text, *end;
	size_t size;

	(void)state;
	some_traffic();
	note();
	rotate();
	note();
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"b\"}"));
	text = read_log(&size);
	assert_contains(text, " {\"seq\":7,\"time\":1700000000000,\"event\":\"rotateAudit\",");
	assert_contains(text, "\"after\":{\"seq\":6,\"hash\":\"");
	assert_int_equal(verify_both(&span), 0);
	assert_int_equal(span.first, 1);
	assert_int_equal(span.last, 9);
	assert_int_equal(verify(&span.last), 0);
	/* Without its beginning it is found out again */
	end = strchr(text, '\n') + 1;
	write_log(end, size - (size_t)(end - text));
	assert_int_equal(verify_both(&span), -EBADMSG);
	assert_int_equal(verify(&span.last), -EBADMSG);
	write_log(text, size);
	free(text);
	/* One that was removed has not been rotated */
	assert_int_equal(unlink(log_path), 0);
	note();
	assert_int_equal(access(log_path, F_OK), -1);
	kmsd_close(&f.kmsd);
	assert_int_equal(unlink(renamed), 0);
	fixture_open(&f);
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"c\"}"));
	assert_int_equal(verify(&span.last), -EBADMSG);
}

static void write_file_named(const char *path, const char *suffix, const char *text)
{
	char name[256];
	FILE *file;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void check_file_named(const char *path, const char *suffix, const char *text)
{
	char name[256], found[64] = "";
	FILE *file;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	file = fopen(name, "re");
	assert_non_null(file);
	assert_non_null(fgets(found, sizeof(found), file));
	fclose(file);
	assert_string_equal(found, text);
}

/* Killed after the log was renamed: what was owed goes to the old file, then a new one begins. */
static void test_renamed_and_killed(void **state)
{
	struct evs_error err = {};
	struct kmsd_span span;
	pid_t pid;

	(void)state;
	kmsd_close(&f.kmsd);
	kmsd_pool_trim();
	snprintf(renamed, sizeof(renamed), "%s.1", log_path);
	pid = fork();
	if (!pid) {
		fixture_open(&f);
		some_traffic();
		_exit(rename(log_path, renamed));
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Nobody else's file is taken for it, or cut */
	write_file_named(log_path, ".notes", "no line");
	fixture_open(&f);
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, 0, &err), 0);
	note();
	assert_int_equal(verify_both(&span), 0);
	assert_int_equal(span.first, 1);
	assert_int_equal(span.last, 7);
	check_file_named(log_path, ".notes", "no line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renamed_and_killed, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_rotate", tests, NULL, NULL);
}
