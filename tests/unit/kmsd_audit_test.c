// SPDX-License-Identifier: GPL-2.0-or-later
/* The audit log: what is in it, that it is whole, and that damage is found. */
#include "kmsd_fixture.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/flood.h"
#include "fault.h"
#include "pool.h"

static struct fixture f;
static const struct kmsd_filter all;
static char log_path[160], db_path[160];
static off_t on_disk;		/* so much of the log, and maybe more */
static bool others_note;	/* somebody uses a key while the disk is waited for */

static off_t log_size(void)
{
	struct stat st;

	assert_int_equal(stat(log_path, &st), 0);
	return st.st_size;
}

static void note(void)
{
	const struct kmsd_event event = {
		.text = { [KMSD_EV_NAME] = "createDataKey", [KMSD_EV_CLIENT] = "other" },
		.status = 200,
	};
	struct evs_error err = {};

	assert_int_equal(kmsd_audit_note(f.kmsd.audit, &event, &err), 0);
}

/* In place of the C library's, for SQLite as well */
int fdatasync(int fd)
{
	struct stat log, file;

	if (!stat(log_path, &log) && !fstat(fd, &file) && log.st_ino == file.st_ino) {
		on_disk = file.st_size;
		if (others_note) {
			others_note = false;
			note();
		}
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	snprintf(log_path, sizeof(log_path), "%s/audit.log", f.state);
	snprintf(db_path, sizeof(db_path), "%s/kms.db", f.state);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static char *read_log(size_t *size)
{
	FILE *file = fopen(log_path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	*size = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

static void write_log(const char *text, size_t size)
{
	FILE *file = fopen(log_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int verify(int64_t *count)
{
	struct evs_error err = {};
	struct kmsd_span span = {};
	int ret = kmsd_audit_verify(log_path, NULL, 0, db_path, &span, &err);

	*count = span.last;
	if (ret)
		assert_non_null(strstr(err.text, log_path));
	return ret;
}

static void some_traffic(void)
{
	char *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");

	call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.0209", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	free(call_ok(&f, "total", "list-keys", "{}"));	/* leaves no trace */
	free(key);
}

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

/* What kmsd_audit_show() prints of the log; for free() */
static char *shown_by(const struct kmsd_filter *filter)
{
	struct evs_error err = {};
	char *text = calloc(1, 1 << 16);
	int out = dup(STDOUT_FILENO);
	FILE *file = tmpfile();

	assert_true(text && file && out >= 0);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_int_equal(kmsd_audit_show(log_path, filter, &err), 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(file);
	assert_in_range(fread(text, 1, (1 << 16) - 1, file), 0, (1 << 16) - 2);
	fclose(file);
	return text;
}

static char *shown(void)
{
	return shown_by(&all);
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

static int count_in_log(const char *part)
{
	size_t size;
	char *text = read_log(&size), *at;
	int found = 0;

	for (at = text; (at = strstr(at, part)); at++)
		found++;
	free(text);
	return found;
}

/* A call by nobody whom the KMS knows. */
static void refuse(const char *op)
{
	char path[80];
	struct answer a;

	snprintf(path, sizeof(path), "/v1.0/default/kms/%s", op);
	a = local_as(&f, NULL, "POST", path, "{}");
	assert_int_equal(a.status, 403);
	answer_free(&a);
}

/* No caller fills the log with refusals, a known one neither: they are counted. */
static void test_flood(void **state)
{
	char *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}"), *text;
	int64_t count, now = 1700000000000;
	struct evs_error err = {};

	(void)state;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now };
	for (int i = 0; i < 10; i++) {
		refuse("create-datakey");
		refuse("create-key");
		call_refused(&f, 404, "KMS.0207", "create-datakey",
			     "{\"key_id\":\"alias/none\",\"datakey_length\":512}");
	}
	/* Four of each caller have a record of their own */
	assert_int_equal(count_in_log("KMS.0207"), 4);
	assert_int_equal(count_in_log("\"asked\":\"alias/none\""), 4);
	assert_int_equal(count_in_log("\"claimed\":\"CN=nobody\""), 4);
	assert_int_equal(count_in_log("\n"), 9);
	/* What was done is recorded however often */
	for (int i = 0; i < 10; i++)
		call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	assert_int_equal(count_in_log("\n"), 19);
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, now + 59999, &err), 0);
	assert_int_equal(count_in_log("\"count\""), 0);
	assert_int_equal(kmsd_audit_sync(f.kmsd.audit, now + 60000, &err), 0);
	assert_int_equal(count_in_log("\"client\":\"root\",\"uid\":0,\"source\":\"test\",\"asked\":\"alias/none\","
				      "\"code\":\"KMS.0207\",\"request_id\":\"id\",\"count\":6,"), 1);
	assert_int_equal(count_in_log("\"count\":16,\"since\":1700000000000,"), 1);
	assert_int_equal(count_in_log("\n"), 21);
	/* The next minute begins anew, and what is counted is not lost when the daemon ends */
	now += 60000;
	for (int i = 0; i < 6; i++)
		refuse("create-key");
	assert_int_equal(count_in_log("\n"), 25);
	text = shown();
	assert_non_null(strstr(text, " count=16 since=2023-11-14T22:13:20Z\n"));
	free(text);
	kmsd_close(&f.kmsd);
	assert_int_equal(count_in_log("\"count\":2,"), 1);
	fixture_open(&f);
	assert_int_equal(verify(&count), 0);
	assert_int_equal(count, 26);
	free(key);
}

/* However many callers there are, the room for them is limited, and nobody is forgotten. */
static void test_many_callers(void **state)
{
	static struct kmsd_flood flood;
	struct kmsd_refusals *r;
	int64_t recorded = 0, counted = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct kmsd_event event = { .time = 1000 + i, .refused = true };

		event.text[i % 2 ? KMSD_EV_CLIENT : KMSD_EV_SOURCE] = name;
		snprintf(name, sizeof(name), "caller %d", i / 5);
		recorded += !kmsd_flood_holds(&flood, &event);
	}
	assert_in_range(recorded, 64, 65 * 4);
	assert_null(kmsd_flood_next(&flood, 1000));
	while ((r = kmsd_flood_next(&flood, INT64_MAX))) {
		counted += r->last.count;
		kmsd_flood_told(r);
	}
	assert_int_equal(recorded + counted, 1000);
}

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
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_before_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change_behind_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_log_no_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test(test_many_callers),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renamed_and_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_audit", tests, NULL, NULL);
}
