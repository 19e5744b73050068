// SPDX-License-Identifier: GPL-2.0-or-later
/* The double of the cloud: logins and the metadata service. */
#include "otc_rules.h"

#include <pthread.h>

static volatile bool guessing;

static void *guess(void *arg)
{
	struct answer a;
	bool good = true;

	while (guessing) {
		a = login("adm", "local", "guess", "default");
		good = good && a.status == 401;
		answer_free(&a);
	}
	return good ? NULL : arg;
}

/* Those who guess passwords keep nobody from logging in. */
static void test_guessing(void **state)
{
	char token[OTC_TOKEN_SIZE];
	pthread_t threads[8];
	void *bad;

	(void)state;
	guessing = true;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, guess, threads), 0);
	for (int i = 0; i < 50; i++)
		get_token("adm", "local", "default", token);
	guessing = false;
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	want(200, NULL, token, "POST", KMS("default", "list-keys"), "{}");
}

static void test_login_forms(void **state)
{
	static const char *const bodies[] = {
		"", "{", "[]", "{}", "{\"auth\":null}", "{\"auth\":{\"identity\":{}}}",
		"{\"auth\":{\"identity\":{\"methods\":[null]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[[\"password\"]]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\",\"assume_role\"]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":1}}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"]}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		want(400, "\"title\":\"Bad Request\"", NULL, "POST", TOKENS, bodies[i]);
	check_status(login("nobody", "local", "password", "default"), 401, NULL, __LINE__);
	check_status(login("adm", "other", "password", "default"), 401, NULL, __LINE__);
	check_status(login("adm", "local", "password", "none"), 401, NULL, __LINE__);
	assert_string_equal(subject, "");
	want(403, "KMS.0301", NULL, "POST", KMS("default", "list-keys"), "{}");
}

static int describe(struct evs_kms *kms)
{
	struct evs_cmk cmk;

	return evs_kms_describe_key(kms, "k", &cmk, &err);
}

/* An instance is what its agency may, for as long as that is there. */
static void test_metadata(void **state)
{
	struct evs_config_kms cfg = { .name = "c", .ops = evs_kms_backend("otc"), .timeout = 60 };
	char boss[OTC_TOKEN_SIZE], id[OTC_ID_SIZE], url[64], where[120];
	struct evs_kms *kms;

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	assert_int_equal(evs_config_set(&cfg, "url", url), 0);
	assert_int_equal(evs_config_set(&cfg, "project", "default"), 0);
	assert_int_equal(evs_config_set(&cfg, "auth", "metadata"), 0);
	assert_int_equal(evs_config_set(&cfg, "metadata-url", url), 0);
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(describe(kms), -EPERM);
	assert_contains(err.text, "has this instance an agency?");
	get_token("boss", "local", NULL, boss);
	make_agency(boss, "vm", OTC_INSTANCES, id);
	assert_int_equal(describe(kms), 0);
	/* An hour later the key has expired, and the client has got another one */
	now_ms += 61 * 60 * 1000;
	assert_int_equal(describe(kms), 0);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/agencies/%s", id);
	want(204, NULL, boss, "DELETE", where, NULL);
	assert_int_equal(describe(kms), -EPERM);
	evs_kms_close(kms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_guessing),
		TEST(test_login_forms),
		TEST(test_metadata),
	};

	return cmocka_run_group_tests_name("otc_login", tests, NULL, NULL);
}
