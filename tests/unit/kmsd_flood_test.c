// SPDX-License-Identifier: GPL-2.0-or-later
/* Refusals are counted instead of recorded when there are many. */
#include "kmsd_audit.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test(test_many_callers),
	};

	return cmocka_run_group_tests_name("kmsd_flood", tests, NULL, NULL);
}
