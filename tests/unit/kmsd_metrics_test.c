// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon counts, and who may see it. */
#include "kmsd_fixture.h"

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

static void test_metrics(void **state)
{
	struct answer a;

	(void)state;
	kmsd_metrics_count(&f.kmsd.metrics, "op", 200, "", 700);
	kmsd_metrics_count(&f.kmsd.metrics, "op", 400, "KMS.0209", 70000000);
	a = local(&f, "GET", "/metrics", NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "evs_kmsd_requests_total{op=\"op\",status=\"400\",code=\"KMS.0209\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"0.0005\"} 0\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"0.001\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_request_seconds_bucket{op=\"op\",le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_cmks{state=\"enabled\"} 1\n"));
	assert_non_null(strstr(a.text, "evs_kmsd_hsm_errors_total 0\n"));
	answer_free(&a);
	a = local_as(&f, NULL, "GET", "/metrics", NULL);
	assert_int_equal(a.status, 403);
	answer_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_metrics", tests, NULL, NULL);
}
