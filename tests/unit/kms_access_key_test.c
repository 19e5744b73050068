// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests that are signed: with access keys of the configuration or of the metadata service. */
#include "kms_auth.h"

#include "kms/sign.h"

#define PATH "/v1.0/p1/kms/describe-key"

/* The signature that the request as it came would have */
static void assert_signed(const struct peer *p, unsigned int i, const char *access,
			  const char *key, const char *path, const char *const *headers)
{
	struct evs_secret *secret = evs_secret_alloc(64);
	const char *body = strchr(p->request[i], '{');
	const struct evs_sign what = {
		.access = access, .key = secret, .method = "POST",
		.path = path, .headers = headers,
		.body = body, .len = strlen(body),
	};
	char line[EVS_SIGN_LINE_MAX];
	struct evs_error err = {};
	size_t h;

	assert_non_null(secret);
	strcpy((char *)secret->data, key);
	assert_int_equal(evs_sign(&what, line, &err), 0);
	assert_contains(p->head[i], line);
	for (h = 0; headers[h]; h++)
		assert_contains(p->head[i], headers[h]);
	evs_secret_free(secret);
}

static void test_access_key(void **state)
{
	static const char *const headers[] = {
		"Host: localhost", "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1", NULL,
	};
	struct fixture *f = *state;

	assert_int_equal(write_secret(f->secret, "sk1", 0400), 0);
	set(f, "auth", "ak-sk");
	set(f, "access-key", "AK1");
	set(f, "secret-key-file", f->secret);
	open_kms(f);
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, HTTP("401", "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"no\"}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	/* There is nothing to renew. */
	assert_int_equal(describe(f), -EPERM);
	peer_finish(&f->peer);
	assert_signed(&f->peer, 0, "AK1", "sk1", PATH, headers);
	assert_contains(f->peer.head[0], "SignedHeaders=host;x-project-id;x-sdk-date,");
	assert_contains(f->err.text, "the clock of this host");
}

/* Host and path are signed as they are sent, the path of the URL and its port with them. */
static void test_signed_url(void **state)
{
	static const char *const ends[] = { "", "/", "/front" };
	char host[40], url[64], path[64], want[80];
	const char *const headers[] = { host, "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1",
					NULL };
	struct fixture *f = *state;
	unsigned int port;
	size_t i;

	assert_int_equal(write_secret(f->secret, "sk1", 0400), 0);
	set(f, "auth", "ak-sk");
	set(f, "access-key", "AK1");
	set(f, "secret-key-file", f->secret);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		f->peer.listener = script_listen_tcp(f->peer.listener, &port);
		snprintf(host, sizeof(host), "Host: 127.0.0.1:%u", port);
		snprintf(url, sizeof(url), "http://%s%s", host + strlen("Host: "), ends[i]);
		snprintf(path, sizeof(path), "%s" PATH, ends[i][0] && ends[i][1] ? ends[i] : "");
		set(f, "url", url);
		open_kms(f);
		peer_script(&f->peer, KEY_INFO);
		peer_start(&f->peer);
		assert_int_equal(describe(f), 0);
		peer_finish(&f->peer);
		assert_signed(&f->peer, 0, "AK1", "sk1", path, headers);
		snprintf(want, sizeof(want), "POST %s {", path);
		assert_memory_equal(f->peer.request[0], want, strlen(want));
		evs_kms_close(f->kms);
		f->kms = NULL;
		peer_reset(&f->peer);
	}
}

static void test_metadata(void **state)
{
	static const char *const headers[] = {
		"Host: localhost", "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1",
		"X-Security-Token: st+/=", NULL,
	};
	struct fixture *f = *state;

	set(f, "auth", "metadata");
	set(f, "metadata-url", f->peer.url);
	open_kms(f);
	peer_script(&f->peer, KEY("AK1", "2025-11-25T13:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, KEY("AK2", "2025-11-25T14:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	wall = NOON + 3600 - 119;
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	assert_string_equal(f->peer.request[0], "GET /openstack/latest/securitykey ");
	assert_signed(&f->peer, 1, "AK1", "sk/1", PATH, headers);
	assert_contains(f->peer.head[3], "Access=AK2,");
}

static void test_no_metadata(void **state)
{
	struct fixture *f = *state;

	set(f, "auth", "metadata");
	set(f, "metadata-url", f->peer.url);
	open_kms(f);
	peer_script(&f->peer, HTTP("404", "none"));
	peer_script(&f->peer, HTTP("200", "{\"credential\":{\"access\":\"a\",\"secret\":\"b\"}}"));
	peer_script(&f->peer, HTTP("200", "{\"credential\":{\"access\":\"a\\r\\nX: y\","
				   "\"secret\":\"b\",\"securitytoken\":\"c\"}}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPERM);
	assert_contains(f->err.text, "has this instance an agency?");
	assert_int_equal(describe(f), -EPROTO);
	assert_int_equal(describe(f), -EPROTO);
	peer_finish(&f->peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_access_key),
		TEST(test_signed_url),
		TEST(test_metadata),
		TEST(test_no_metadata),
	};

	evs_clock.wall = fake_wall;
	evs_clock.sleep_ms = fake_sleep;
	return cmocka_run_group_tests_name("kms_access_key", tests, NULL, NULL);
}
