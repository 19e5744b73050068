// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of Barbican and of the REST API that lack what they should have, and data
 * keys and tokens that are not sent to any KMS.
 */
#include <errno.h>

#include "kms/http.h"
#include "kms_fixture.h"
#include "recorded.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OK(body) HTTP("200", body)
#define REF(kind) "\"http://elsewhere:9311/v1/" kind "s/" CMK "\""
#define SECRET(status) "{\"status\":\"" status "\",\"name\":\"k\",\"secret_ref\":" REF("secret") "," \
	"\"secret_type\":\"symmetric\",\"algorithm\":\"aes\",\"bit_length\":256}"
#define ORDERED HTTP("202", "{\"order_ref\":" REF("order") "}")
#define ZEROS_8 "0000000000000000"
#define KEY_64 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 "01" ZEROS_8 ZEROS_8 ZEROS_8 "00000000000000"
#define KEY_DIGEST "CB592844121D926F1CA3AD4E1D6FB9D8E260ED6E3216361F7732E975A0E8BBF6"

static struct recorded recording;

static int set_up(void **state, const char *backend)
{
	struct fixture *f = fixture_new(backend, "cloud", 20);
	char url[80];

	recorded_open(&recording, f->dir);
	snprintf(url, sizeof(url), "unix:%s", recording.path);
	set(f, "url", url);
	set(f, "project", "p1");
	reopen(f);
	check_ok(&f->err, evs_token_init(&f->token, "cloud", CMK, UUID, &f->err));
	*state = f;
	return 0;
}

static int set_up_barbican(void **state)
{
	return set_up(state, "barbican");
}

static int set_up_otc(void **state)
{
	return set_up(state, "otc");
}

static int tear_down(void **state)
{
	recorded_close(&recording);
	memset(&recording, 0, sizeof(recording));
	fixture_free(*state);
	return 0;
}

static void test_barbican(void **state)
{
	static const struct {
		enum { NAMED, CREATE, LIST } call;
		const char *answers[4], *part;
	} row[] = {
		{ NAMED, { OK("{}") }, "no secrets" },
		{ NAMED, { OK("{\"secrets\":[{}]}") }, "a secret without secret_ref" },
		{ LIST, { OK("{}") }, "no secrets" },
		{ LIST, { OK("{\"secrets\":[{}]}") }, "a secret without secret_ref" },
		{ CREATE, { OK("{}") }, "no secrets" },
		{ CREATE, { OK("{\"secrets\":[]}"), OK("{}") }, "no order_ref" },
		{ CREATE, { OK("{\"secrets\":[]}"), ORDERED, OK("{\"status\":\"LOST\"}") },
		  "no known status" },
		{ CREATE, { OK("{\"secrets\":[]}"), ORDERED, OK("{\"status\":\"ACTIVE\"}") },
		  "done without a secret" },
	};
	struct fixture *f = *state;
	struct evs_cmk cmk, *cmks;
	size_t i, step, count;
	int ret;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (step = 0; row[i].answers[step]; step++)
			expect(&recording, row[i].answers[step]);
		expect(&recording, NULL);
		ret = row[i].call == NAMED ? evs_kms_describe_key(f->kms, "k", &cmk, &f->err) :
		      row[i].call == LIST ? evs_kms_list_keys(f->kms, &cmks, &count, &f->err) :
		      evs_kms_create_key(f->kms, "k", NULL, &cmk, &f->err);
		check_fails(&f->err, ret, EVS_CLASS_PROTOCOL);
		assert_contains(f->err.text, row[i].part);
	}
}

static void test_barbican_refuses(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk, *cmks;
	size_t count;

	expect(&recording, HTTP("403", "{}"));
	expect(&recording, NULL);
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	assert_null(cmks);
	expect(&recording, HTTP("403", "{}"));
	expect(&recording, NULL);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "k", &cmk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	expect(&recording, OK("{\"secrets\":[]}"));
	expect(&recording, ORDERED);
	expect(&recording, HTTP("403", "{}"));
	expect(&recording, NULL);
	check_fails(&f->err, evs_kms_create_key(f->kms, "k", NULL, &cmk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	/* One that Barbican is still at */
	expect(&recording, OK("{\"secrets\":[" SECRET("PENDING") "]}"));
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_describe_key(f->kms, "k", &cmk, &f->err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_WAITING);
}

static void test_datakey(void **state)
{
	static const char *const answers[] = {
		OK("{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64 "\",\"cipher_text\":\"02x\"}"),
		OK("{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64 "\",\"cipher_text\":\"\"}"),
		OK("{\"key_id\":\"" CMK "\",\"sealed_key\":\"00\",\"cipher_text\":\"02\"}"),
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		expect(&recording, answers[i]);
		expect(&recording, NULL);
		check_fails(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err),
			    EVS_CLASS_PROTOCOL);
		assert_contains(f->err.text, i < 2 ? "cipher_text is no hex" : "no data key");
		assert_wiped(f->dk);
	}
	expect(&recording, HTTP("403", "{}"));
	expect(&recording, HTTP("403", "{}"));
	expect(&recording, NULL);
	check_fails(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
}

/* A KMS that is not evs-kmsd on a socket of this host is sent nothing of its extensions. */
static void test_cloud(void **state)
{
	static const char made[] = OK("{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64
				      "\",\"data_key\":\"" KEY_64 "\",\"cipher_text\":\"02\","
				      "\"datakey_length\":\"64\",\"datakey_dgst\":\"" KEY_DIGEST "\"}");
	struct fixture *f = *state;
	struct evs_token new = f->token;
	unsigned int port;
	char url[64];

	recording.listener = script_listen_tcp(recording.listener, &port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	set(f, "url", url);
	reopen(f);
	expect(&recording, made);
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_null(strstr(recording.request[0], "recipient"));
	/* A rewrap is two calls there */
	expect(&recording, made);
	expect(&recording, made);
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_rewrap_datakey(f->kms, &f->token, &new, &f->err));
	assert_contains(recording.request[0], "/kms/decrypt-datakey ");
	assert_null(strstr(recording.request[0], "recipient"));
	assert_contains(recording.request[1], "/kms/encrypt-datakey ");
	assert_null(strstr(recording.request[1], "source_"));
}

/* Found out here: nothing is sent. */
static void test_not_sent(void **state)
{
	struct evs_secret *half = evs_secret_alloc(EVS_DK_SIZE / 2);
	struct fixture *f = *state;
	struct evs_token other = f->token;

	assert_non_null(half);
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, half, &f->err), -EINVAL);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, half, &f->err), -EINVAL);
	assert_int_equal(evs_kms_encrypt_datakey(f->kms, &f->token, half, &f->err), -EINVAL);
	evs_secret_free(half);
	strcpy(other.cmk, "alias/k");
	assert_int_equal(evs_kms_rewrap_datakey(f->kms, &other, &f->token, &f->err), -EBADMSG);
	assert_int_equal(evs_kms_rewrap_datakey(f->kms, &f->token, &other, &f->err), -EBADMSG);
	assert_contains(f->err.text, "\"alias/k\" is no CMK id of KMS cloud");
}

/* No second try for what is wrong with the URL or this library; one for the network */
static void test_permanent(void **state)
{
	static const struct {
		const char *url;
		bool transient;
	} rows[] = {
		{ "https://localhost:99999", false },
		{ "https://[::1/", false },
		{ "https://127.0.0.1:1", true },
	};
	const struct evs_http_request request = { .method = "GET", .path = "/", .timeout_ms = 20000 };
	struct evs_http_answer answer;
	struct evs_error err = {};
	struct evs_http *http;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct evs_http_peer peer = { .url = rows[i].url };

		assert_int_equal(evs_http_open(&http, &peer, &err), 0);
		assert_int_equal(evs_http_call(http, &request, &answer, &err), -EHOSTUNREACH);
		assert_int_equal(err.transient, rows[i].transient);
		evs_http_close(http);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_barbican, set_up_barbican, tear_down),
		cmocka_unit_test_setup_teardown(test_barbican_refuses, set_up_barbican, tear_down),
		cmocka_unit_test_setup_teardown(test_datakey, set_up_otc, tear_down),
		cmocka_unit_test_setup_teardown(test_cloud, set_up_otc, tear_down),
		cmocka_unit_test_setup_teardown(test_not_sent, set_up_otc, tear_down),
		cmocka_unit_test(test_permanent),
	};

	return cmocka_run_group_tests_name("kms_odd", tests, NULL, NULL);
}
