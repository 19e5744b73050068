// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of CMKs by a clock that the test moves: deletion, rotation, quotas. */
#include "kmsd_life.h"

#include "audit/chain.h"
#include "key/cmk.h"
#include "fault.h"

/* How often do these bytes stand in the files of the database? */
static int count_in_files(const void *bytes, size_t size)
{
	static const char *const names[] = { "kms.db", "kms.db-wal", "kms.db-journal" };
	char path[160], *data, *at;
	int found = 0;
	struct stat st;
	FILE *file;

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.state, names[i]);
		file = fopen(path, "r");
		if (!file)
			continue;
		assert_int_equal(fstat(fileno(file), &st), 0);
		data = malloc((size_t)st.st_size + 1);
		assert_int_equal(fread(data, 1, (size_t)st.st_size, file), st.st_size);
		fclose(file);
		for (at = data; (at = memmem(at, (size_t)(data + st.st_size - at), bytes, size)); at++)
			found++;
		free(data);
	}
	return found;
}

static void test_deletion(void **state)
{
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	char *key = new_key("doomed"), *other = new_key("other"), *text;
	struct evs_error err = {};
	size_t size;

	(void)state;
	call_refused(&f, 400, "KMS.1401", "schedule-key-deletion",
		     "{\"key_id\":\"%s\",\"pending_days\":\"6\"}", key);
	call_refused(&f, 400, "KMS.1401", "schedule-key-deletion",
		     "{\"key_id\":\"%s\",\"pending_days\":1097}", key);
	call_refused(&f, 400, "KMS.0204", "schedule-key-deletion", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.1501", "cancel-key-deletion", "{\"key_id\":\"%s\"}", key);
	text = call_ok(&f, "key_state", "schedule-key-deletion",
		       "{\"key_id\":\"%s\",\"pending_days\":\"7\"}", key);
	assert_string_equal(text, "4");
	free(text);
	call_refused(&f, 400, "KMS.1402", "schedule-key-deletion",
		     "{\"key_id\":\"%s\",\"pending_days\":\"7\"}", key);
	text = call_ok(&f, "scheduled_deletion_date", "describe-key", "{\"key_id\":\"%s\"}", key);
	assert_int_equal(atoll(text), now_ms + 7 * DAY);
	free(text);

	/* Back again, disabled; and once more for good */
	text = call_ok(&f, "key_state", "cancel-key-deletion", "{\"key_id\":\"%s\"}", key);
	assert_string_equal(text, "3");
	free(text);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	assert_int_equal(kmsd_store_material(f.kmsd.store, key, 1, wrapped, &size, &err), 0);
	assert_true(count_in_files(wrapped, size) > 0);
	now_ms += 7 * DAY - 1;
	sweep();
	expect_state(key, "4");
	now_ms += 1;
	/* Gone on the date, even before anybody has swept */
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 404, "KMS.0207", "cancel-key-deletion", "{\"key_id\":\"%s\"}", key);
	sweep();
	assert_int_equal(count_in_files(wrapped, size), 0);
	assert_int_equal(count_in_files(key, 36), 1);	/* the audit head's line alone */
	assert_int_equal(kmsd_store_material(f.kmsd.store, other, 1, wrapped, &size, &err), 0);
	assert_int_equal(count_in_files(wrapped, size), 1);
	free(new_key("doomed"));
	free(key);
	free(other);
}

static char *second_key;

/* What another thread may do at that moment */
static void destroy_second(const char *point)
{
	struct evs_error err = {};

	if (strcmp(point, "scrub-checkpointed"))
		return;
	kmsd_fault_hook = NULL;
	assert_int_equal(kmsd_store_begin(f.kmsd.store, &err), 0);
	assert_int_equal(kmsd_cmk_destroy(&f.kmsd, second_key, &err), 0);
	assert_int_equal(kmsd_store_commit(f.kmsd.store, &err), 0);
}

/* A key that is deleted while the files are cleaned of another one leaves no copy either. */
static void test_deletion_meanwhile(void **state)
{
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	char *key = new_key("first");
	struct evs_error err = {};
	size_t size;

	(void)state;
	second_key = new_key("second");
	assert_int_equal(kmsd_store_material(f.kmsd.store, second_key, 1, wrapped, &size, &err), 0);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	now_ms += 7 * DAY;
	kmsd_fault_hook = destroy_second;
	sweep();
	assert_null(kmsd_fault_hook);
	sweep();
	assert_int_equal(count_in_files(wrapped, size), 0);
	free(key);
	free(second_key);
}

/* How often does the audit log say that a key was deleted? */
static int count_deletions(const char *key)
{
	char path[160], line[KMSD_AUDIT_LINE_MAX];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/audit.log", f.state);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found += strstr(line, "\"deleteKey\"") && strstr(line, key);
	fclose(file);
	return found;
}

/* An alias is free from the day on that its key goes, swept or not. */
static void test_alias_of_gone(void **state)
{
	char *key = new_key("reused"), *again, *other;

	(void)state;
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	call_refused(&f, 400, "KMS.1104", "create-key", "{\"key_alias\":\"reused\"}");
	now_ms += 7 * DAY;
	again = new_key("reused");
	assert_string_not_equal(again, key);
	assert_int_equal(count_deletions(key), 1);

	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", again);
	now_ms += 7 * DAY;
	other = new_key("other");
	assert_int_equal(count_deletions(again), 0);
	call_done(&f, "update-key-alias", "{\"key_id\":\"%s\",\"key_alias\":\"reused\"}", other);
	assert_int_equal(count_deletions(again), 1);
	free(again);
	free(other);
	free(key);
}

static void test_default_is_forever(void **state)
{
	char *key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}");

	(void)state;
	call_refused(&f, 400, "KMS.0211", "schedule-key-deletion",
		     "{\"key_id\":\"%s\",\"pending_days\":\"7\"}", key);
	call_refused(&f, 400, "KMS.0211", "disable-key", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.0211", "enable-key-rotation", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.0211", "update-key-alias",
		     "{\"key_id\":\"%s\",\"key_alias\":\"x\"}", key);
	call_refused(&f, 400, "KMS.0211", "update-key-description",
		     "{\"key_id\":\"%s\",\"key_description\":\"x\"}", key);
	free(key);
}

static void test_names(void **state)
{
	char *key = new_key("first"), *text;

	(void)state;
	free(new_key("second"));
	call_refused(&f, 400, "KMS.1104", "update-key-alias",
		     "{\"key_id\":\"%s\",\"key_alias\":\"second\"}", key);
	call_refused(&f, 400, "KMS.1101", "update-key-alias",
		     "{\"key_id\":\"%s\",\"key_alias\":\"a/default\"}", key);
	text = call_ok(&f, "key_alias", "update-key-alias",
		       "{\"key_id\":\"%s\",\"key_alias\":\"third\"}", key);
	assert_string_equal(text, "third");
	free(text);
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"alias/first\"}");
	call_done(&f, "update-key-description", "{\"key_id\":\"%s\",\"key_description\":\"d\"}", key);
	text = call_ok(&f, "key_description", "describe-key", "{\"key_id\":\"alias/third\"}");
	assert_string_equal(text, "d");
	free(text);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	call_refused(&f, 400, "KMS.0210", "update-key-alias",
		     "{\"key_id\":\"%s\",\"key_alias\":\"fourth\"}", key);
	free(key);
}

static void expect_rotations(const char *key, int want)
{
	char *text = call_ok(&f, "number_of_rotations", "get-key-rotation-status",
			     "{\"key_id\":\"%s\"}", key);

	assert_int_equal(atoi(text), want);
	free(text);
}

static void test_rotation(void **state)
{
	char *key = new_key("turning"), *ciphers[3], *plains[3], *plain;
	int i;

	(void)state;
	call_refused(&f, 400, "KMS.0313", "disable-key-rotation", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.0313", "update-key-rotation-interval",
		     "{\"key_id\":\"%s\",\"rotation_interval\":30}", key);
	call_done(&f, "enable-key-rotation", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.2901", "enable-key-rotation", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.3001", "update-key-rotation-interval",
		     "{\"key_id\":\"%s\",\"rotation_interval\":29}", key);
	call_done(&f, "update-key-rotation-interval",
		  "{\"key_id\":\"%s\",\"rotation_interval\":\"30\"}", key);
	for (i = 0; i < 3; i++) {
		ciphers[i] = wrap(key, &plains[i]);
		assert_int_equal(strtol((char[]){ ciphers[i][38], ciphers[i][39], 0 }, NULL, 16),
				 i + 1);	/* the version in the blob */
		now_ms += 30 * DAY;
		sweep();
		expect_rotations(key, i + 1);
	}
	/* Whatever version wrapped it, it opens */
	for (i = 0; i < 3; i++) {
		plain = call_ok(&f, "data_key", "decrypt-datakey",
				"{\"key_id\":\"%s\",\"cipher_text\":\"%s\","
				"\"datakey_cipher_length\":\"64\"}", key, ciphers[i]);
		assert_string_equal(plain, plains[i]);
		free(plain);
		free(ciphers[i]);
		free(plains[i]);
	}
	/* Disabled ones are left alone, and caught up with when they are enabled */
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", key);
	now_ms += 31 * DAY;
	sweep();
	expect_rotations(key, 3);
	call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", key);
	expect_rotations(key, 4);
	call_done(&f, "disable-key-rotation", "{\"key_id\":\"%s\"}", key);
	now_ms += 400 * DAY;
	sweep();
	expect_rotations(key, 4);
	free(key);
}

static void test_quota(void **state)
{
	struct answer a;
	char *key;

	(void)state;
	f.kmsd.conf.cmks = 2;
	key = new_key("one");
	free(new_key("two"));
	free(call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}"));
	call_refused(&f, 400, "KMS.1105", "create-key", "{\"key_alias\":\"three\"}");
	a = local(&f, "GET", "/v1.0/default/kms/user-quotas", NULL);
	assert_string_equal(a.text, "{\"quotas\":{\"resources\":[{\"type\":\"CMK\",\"used\":2,"
				    "\"quota\":2},{\"type\":\"grant_per_CMK\",\"used\":0,"
				    "\"quota\":100}]}}");
	answer_free(&a);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	call_refused(&f, 400, "KMS.1105", "create-key", "{\"key_alias\":\"three\"}");
	now_ms += 7 * DAY;
	free(new_key("three"));
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deletion_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alias_of_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_is_forever, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_life", tests, NULL, NULL);
}
