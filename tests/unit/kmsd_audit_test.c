// SPDX-License-Identifier: GPL-2.0-or-later
/* The audit log: what is in it, that it is whole, and that damage is found. */
#include "kmsd_audit.h"

static void test_content(void **state)
{
	static const char *const want[] = {
		"\"seq\":1,", "\"event\":\"createKey\"", "\"event\":\"createDataKey\"",
		"\"event\":\"disableKey\"", "\"code\":\"KMS.0209\",\"request_id\":\"id\",\"status\":400}",
		"\"event\":\"scheduleKeyDeletion\"", "\"client\":\"root\",\"uid\":0,\"source\":\"test\"",
	};
	char *plain, *text;
	int64_t count;
	size_t size;

	(void)state;
	some_traffic();
	assert_int_equal(verify(&count), 0);
	assert_int_equal(count, 5);
	plain = call_ok(&f, "plain_text", "create-datakey",
			"{\"key_id\":\"alias/evs/default\",\"datakey_length\":512}");
	text = read_log(&size);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_non_null(strstr(text, want[i]));
	assert_null(strstr(text, "listKeys"));
	assert_null(strcasestr(text, plain));
	assert_int_equal(verify(&count), 0);
	assert_int_equal(count, 7);	/* evs/default made itself */
	free(plain);
	free(text);
}

static void test_damage(void **state)
{
	struct evs_error err = {};
	char *text, *copy, *line, *next;
	int64_t count;
	size_t size, i;

	(void)state;
	some_traffic();
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, 0, &err), 0);
	text = read_log(&size);
	copy = malloc(size);
	/* A byte, wherever it is */
	for (i = 0; i < size; i += 7) {
		memcpy(copy, text, size);
		copy[i] ^= 1;
		write_log(copy, size);
		assert_int_equal(verify(&count), -EBADMSG);
	}
	/* A line, whichever it is */
	for (line = text; line < text + size; line = next) {
		next = strchr(line, '\n') + 1;
		memcpy(copy, text, (size_t)(line - text));
		memcpy(copy + (line - text), next, (size_t)(text + size - next));
		write_log(copy, size - (size_t)(next - line));
		assert_int_equal(verify(&count), -EBADMSG);
	}
	/* The end, wherever it is cut off */
	for (i = 0; i < size; i += 11) {
		write_log(text, i);
		assert_int_equal(verify(&count), -EBADMSG);
	}
	write_log(text, size);
	assert_int_equal(verify(&count), 0);
	free(text);
	free(copy);
}

/* A new history, with hashes that fit, is not the one the database knows. */
static void test_forged(void **state)
{
	static const char json[] = "{\"seq\":1,\"event\":\"createKey\"}";
	struct evs_error err = {};
	char hash[65], line[256], *text;
	int64_t count;
	size_t size;

	(void)state;
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}"));
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, 0, &err), 0);
	text = read_log(&size);
	assert_int_equal(kmsd_audit_hash("", json, hash), 0);
	snprintf(line, sizeof(line), "%s %s\n", hash, json);
	write_log(line, strlen(line));
	assert_int_equal(verify(&count), -EBADMSG);
	write_log(text, size);
	free(text);
}

/* The daemon goes on behind a log that somebody has shortened, and the gap stays. */
static void test_gap_stays(void **state)
{
	char *text;
	int64_t count;
	size_t size;

	(void)state;
	some_traffic();
	kmsd_close(&f.kmsd);
	text = read_log(&size);
	write_log(text, size / 2);
	fixture_open(&f);
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"later\"}"));
	assert_int_equal(verify(&count), -EBADMSG);
	free(text);
}

static off_t not_on_disk;

/* Within locks: no place to fail */
static void look_at_disk(const char *point)
{
	if (!strcmp(point, "db-before-commit"))
		not_on_disk = log_size() - on_disk;
}

/* A change is on disk together with all records before its own, those of others too. */
static void test_all_before_a_change(void **state)
{
	int64_t count;

	(void)state;
	not_on_disk = -1;
	others_note = true;
	kmsd_fault_hook = look_at_disk;
	free(call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}"));
	kmsd_fault_hook = NULL;
	assert_false(others_note);
	assert_int_equal(not_on_disk, 0);
	assert_int_equal(verify(&count), 0);
	assert_int_equal(count, 2);
}

/* The last change's record is there even where records before it have been lost. */
static void test_change_behind_gap(void **state)
{
	char *text, *end;
	int64_t count;
	size_t size;
	pid_t pid;

	(void)state;
	kmsd_close(&f.kmsd);
	kmsd_pool_trim();
	pid = fork();
	if (!pid) {
		fixture_open(&f);
		some_traffic();
		_exit(0);	/* as one that is killed: nothing is synced */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	text = read_log(&size);
	end = strchr(text, '\n') + 1;
	write_log(text, (size_t)(end - text));
	free(text);
	fixture_open(&f);
	text = read_log(&size);
	assert_contains(text, "\"scheduleKeyDeletion\"");
	free(text);
	assert_int_equal(verify(&count), -EBADMSG);
}

/* Starts the daemon's parts anew over a log; the reason why it is refused, if it is. */
static int reopen(const char *text, size_t size, struct evs_error *err)
{
	struct kmsd_conf conf;
	int ret;

	kmsd_close(&f.kmsd);
	write_log(text, size);
	ret = kmsd_conf_load(&conf, f.config, err);
	return ret ? ret : kmsd_open(&f.kmsd, &conf, err);
}

/* A log whose end is none: the daemon goes on behind a line, but not behind a heap. */
static void test_no_record(void **state)
{
	static char heap[1 << 18];
	struct kmsd_span span;
	struct evs_error err = {};
	struct kmsd_conf conf;
	int64_t count;

	(void)state;
	some_traffic();
	assert_int_equal(reopen("no record\n", 10, &err), 0);
	assert_int_equal(verify(&count), -EBADMSG);
	assert_int_equal(kmsd_audit_show(log_path, &all, &err), 0);
	memset(heap, 'x', sizeof(heap));
	assert_int_equal(reopen(heap, sizeof(heap), &err), -EBADMSG);
	assert_contains(err.text, "ends in no record");
	assert_int_equal(kmsd_audit_show("/nonexistent/log", &all, &err), -ENOENT);
	assert_int_equal(kmsd_audit_verify("/nonexistent/log", NULL, 0, db_path, &span, &err), -ENOENT);
	assert_int_equal(unlink(log_path), 0);
	assert_int_equal(mkdir(log_path, 0700), 0);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_int_equal(kmsd_open(&f.kmsd, &conf, &err), -EISDIR);
	assert_int_equal(rmdir(log_path), 0);
	fixture_open(&f);
	assert_int_equal(verify(&count), -EBADMSG);
}

static int lines_by(const struct kmsd_filter *filter)
{
	char *text = shown_by(filter);
	int lines = 0;

	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	free(text);
	return lines;
}

/* The records about one CMK, one volume, from a time on; as JSON. */
static void test_filters(void **state)
{
	static const char volume[] = "6A0496EF-62a6-4963-960c-9a9d20739a38";
	int64_t now = 1700000000000;
	char *a, *b, *text;

	(void)state;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now };
	a = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");
	b = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"b\"}");
	now += 5000;
	call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512,"
		  "\"encryption_context\":{\"volume\":\"6a0496ef-62a6-4963-960c-9a9d20739a38\"}}", a);
	call_refused(&f, 404, "KMS.0207", "create-datakey", "{\"key_id\":\"alias/none\","
		     "\"datakey_length\":512,\"encryption_context\":{\"volume\":\"%s\"}}", volume);
	free(call_ok(&f, "grant_id", "create-grant", "{\"key_id\":\"%s\",\"grantee_principal\":"
		     "\"root\",\"operations\":[\"describe-key\"]}", b));
	assert_int_equal(lines_by(&all), 5);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .cmk = a }), 2);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .cmk = b }), 2);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .volume = volume }), 2);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .cmk = a, .volume = volume }), 1);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .since = now }), 3);
	assert_int_equal(lines_by(&(struct kmsd_filter){ .since = now + 1 }), 0);
	text = shown_by(&(struct kmsd_filter){ .since = now, .cmk = b, .json = true });
	assert_ptr_equal(strstr(text, "{\"seq\":5,\"time\":1700000005000,\"event\":\"createGrant\","), text);
	assert_contains(text, "\"grant_id\":\"");
	free(text);
	text = shown();
	assert_contains(text, " asked=alias/none volume=6A0496EF-62a6-4963-960c-9a9d20739a38 ");
	free(text);
	free(a);
	free(b);
}

/* A record is one line for reading, and for the terminal nothing but text. */
static void test_control_characters(void **state)
{
	static const char json[] = "{\"seq\":1,\"time\":0,\"event\":\"createToken\",\"project\":"
		"\"p\\n2 forged\\u001b[2J\",\"client\":\"\\u00e4\\u009b0m\\u007f\\t\"}";
	char hash[65], line[512], *text;

	(void)state;
	assert_int_equal(kmsd_audit_hash("", json, hash), 0);
	snprintf(line, sizeof(line), "%s %s\n", hash, json);
	write_log(line, strlen(line));
	text = shown();
	assert_string_equal(text, "1 1970-01-01T00:00:00Z createToken cmk=- project=p\\x0a2 forged"
			    "\\x1b[2J client=\\xc3\\xa4\\xc2\\x9b0m\\x7f\\x09 from=- code=- request=-\n");
	free(text);
}

/* A log that cannot be written stops what has to be logged. */
static void test_no_log_no_service(void **state)
{
	char *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");
	struct rlimit old, none = {};
	int64_t count;
	struct stat st;

	(void)state;
	assert_int_equal(stat(log_path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_cur = (rlim_t)st.st_size + 10;
	none.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	call_refused(&f, 500, "KMS.0100", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	call_refused(&f, 500, "KMS.0100", "disable-key", "{\"key_id\":\"%s\"}", key);
	free(call_ok(&f, "key_state", "describe-key", "{\"key_id\":\"%s\"}", key));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	assert_int_equal(verify(&count), 0);
	assert_int_equal(count, 2);
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_before_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change_behind_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_log_no_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_audit", tests, NULL, NULL);
}
