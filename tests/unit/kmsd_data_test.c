// SPDX-License-Identifier: GPL-2.0-or-later
/* Random numbers, data encryption, data keys that nobody sees, tags, versions. */
#include "kmsd_fixture.h"

#include "base64.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	call_done(&f, "create-key", "{\"key_alias\":\"k\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void test_random(void **state)
{
	char *one = call_ok(&f, "random_data", "gen-random", "{\"random_data_length\":\"512\"}");
	char *two = call_ok(&f, "random_data", "gen-random", "{\"random_data_length\":512}");

	(void)state;
	assert_int_equal(strlen(one), 128);
	assert_int_equal(strspn(one, "0123456789ABCDEF"), 128);
	assert_string_not_equal(one, two);
	call_refused(&f, 400, "KMS.1801", "gen-random", "{\"random_data_length\":\"256\"}");
	call_refused(&f, 400, "KMS.0204", "gen-random", "{}");
	free(one);
	free(two);
}

static void round_trip(const char *json, const char *bytes, size_t size)
{
	char *cipher = call_ok(&f, "cipher_text", "encrypt-data",
			       "{\"key_id\":\"alias/k\",\"plain_text\":\"%s\","
			       "\"encryption_context\":{\"a\":\"b\"}}", json);
	char *plain = call_ok(&f, "plain_text", "decrypt-data",
			      "{\"cipher_text\":\"%s\",\"encryption_context\":{\"a\":\"b\"}}", cipher);
	char *encoded = call_ok(&f, "plain_text_base64", "decrypt-data",
				"{\"cipher_text\":\"%s\",\"encryption_context\":{\"a\":\"b\"}}", cipher);
	char want[6000];

	assert_int_equal(strlen(cipher), (size + 140 + 2) / 3 * 4);
	assert_string_equal(plain, bytes);
	evs_base64_encode(want, bytes, size);
	assert_string_equal(encoded, want);
	call_refused(&f, 400, "KMS.2201", "decrypt-data", "{\"cipher_text\":\"%s\"}", cipher);
	free(cipher);
	free(plain);
	free(encoded);
}

static void test_data(void **state)
{
	char big[4098];

	(void)state;
	round_trip("x", "x", 1);
	round_trip("a \\\"b\\\" \\\\ \\n\\t\\u00e4\\ud83d\\ude00/\\/", "a \"b\" \\ \n\t\xc3\xa4\xf0\x9f\x98\x80//",
		   18);
	memset(big, 'x', sizeof(big));
	big[4096] = '\0';
	round_trip(big, big, 4096);
	big[4096] = 'x';
	big[4097] = '\0';
	call_refused(&f, 400, "KMS.2101", "encrypt-data",
		     "{\"key_id\":\"alias/k\",\"plain_text\":\"%s\"}", big);
	call_refused(&f, 400, "KMS.2101", "encrypt-data", "{\"key_id\":\"alias/k\",\"plain_text\":\"\"}");
	call_refused(&f, 400, "KMS.2101", "encrypt-data",
		     "{\"key_id\":\"alias/k\",\"plain_text\":\"\\ud83d\"}");
	call_refused(&f, 400, "KMS.2201", "decrypt-data", "{\"cipher_text\":\"!!!!\"}");
	call_refused(&f, 400, "KMS.2204", "decrypt-data", "{\"cipher_text\":\"QUJD\"}");
}

static void test_blind(void **state)
{
	struct answer a = call(&f, "create-datakey-without-plaintext",
			       "{\"key_id\":\"alias/k\",\"datakey_length\":\"512\"}");
	char *plain;

	(void)state;
	assert_int_equal(a.status, 200);
	assert_string_equal(member(&a, "plain_text"), "");
	plain = call_ok(&f, "data_key", "decrypt-datakey",
			"{\"key_id\":\"alias/k\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":\"64\"}",
			member(&a, "cipher_text"));
	assert_int_equal(strlen(plain), 128);
	free(plain);
	answer_free(&a);
}

static void expect(const char *method, const char *path, const char *body, long status,
		   const char *text)
{
	char uri[256];
	struct answer a;

	snprintf(uri, sizeof(uri), "/v1.0/default/kms/%s", path);
	a = local(&f, method, uri, body, NULL);
	if (a.status != status || (text && strcmp(a.text, text)))
		fail_msg("%s %s: %ld %s", method, path, a.status, a.text);
	answer_free(&a);
}

static void test_tags(void **state)
{
	char *key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/k\"}");
	char tags[80], action[80], tag[80], want[256];

	(void)state;
	snprintf(tags, sizeof(tags), "%s/tags", key);
	snprintf(action, sizeof(action), "%s/tags/action", key);
	snprintf(tag, sizeof(tag), "%s/tags/DEV", key);
	expect("POST", tags, "{\"tag\":{\"key\":\"DEV\",\"value\":\"DEV1\"}}", 204, "");
	expect("POST", tags, "{\"tag\":{\"key\":\"D=\",\"value\":\"\"}}", 400, NULL);
	expect("POST", tags, "{}", 400, NULL);
	expect("POST", action, "{\"action\":\"create\",\"tags\":[{\"key\":\"A\",\"value\":\"1\"},"
			       "{\"key\":\"B\",\"value\":\"\"}]}", 204, "");
	expect("GET", tags, NULL, 200, "{\"tags\":[{\"key\":\"A\",\"value\":\"1\"},{\"key\":\"B\","
				       "\"value\":\"\"},{\"key\":\"DEV\",\"value\":\"DEV1\"}]}");
	expect("POST", action, "{\"action\":\"delete\",\"tags\":[{\"key\":\"A\"},{\"key\":\"B\"}]}", 204, "");
	expect("GET", "tags", NULL, 200, "{\"tags\":[{\"key\":\"DEV\",\"values\":[\"DEV1\"]}]}");
	snprintf(want, sizeof(want),
		 "{\"resources\":[{\"resource_id\":\"%s\",\"resource_name\":\"k\",\"tags\":[{\"key\":\"DEV\","
		 "\"value\":\"DEV1\"}]}],\"total_count\":1}", key);
	expect("POST", "resource_instances/action",
	       "{\"action\":\"filter\",\"tags\":[{\"key\":\"DEV\",\"values\":[\"DEV1\",\"x\"]}]}", 200, want);
	expect("POST", "resource_instances/action",
	       "{\"action\":\"count\",\"tags\":[{\"key\":\"DEV\",\"values\":[\"x\"]}]}", 200,
	       "{\"total_count\":0}");
	expect("POST", "resource_instances/action",
	       "{\"action\":\"count\",\"tags\":[{\"key\":\"DEV\",\"values\":[null,1]}]}", 200,
	       "{\"total_count\":0}");
	expect("DELETE", tag, NULL, 204, "");
	expect("GET", tags, NULL, 200, "{\"tags\":[]}");
	free(key);
}

static void test_versions(void **state)
{
	struct answer a = local(&f, "GET", "/", NULL, NULL);

	(void)state;
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "\"id\":\"v1.0\""));
	answer_free(&a);
	a = local(&f, "GET", "/v1.0", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "\"status\":\"CURRENT\""));
	answer_free(&a);
}

static void test_metrics(void **state)
{
	struct answer a;

	(void)state;
	kmsd_metrics_count(&f.kmsd.metrics, "op", 200, "", 700);
	kmsd_metrics_count(&f.kmsd.metrics, "op", 400, "KMS.0209", 70000000);
	a = local(&f, "GET", "/metrics", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "evs_kmsd_requests_total{op=\"op\",status=\"400\",code=\"KMS.0209\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"0.0005\"} 0\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"0.001\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_cmks{state=\"enabled\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_hsm_errors_total 0\n"));
	answer_free(&a);
	a = local(&f, "GET", "/metrics", NULL, (const char *const[]){ NULL });
	assert_int_equal(a.status, 403);
	answer_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_data", tests, NULL, NULL);
}
