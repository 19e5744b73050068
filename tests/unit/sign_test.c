// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SDK-HMAC-SHA256 against what Huawei publishes: the example of its signing
 * guide and those of the tests of its SDKs for Go and Python.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "kms/sign.h"

#define GO_DATE "X-Sdk-Date: 20060102T150405Z"
#define PYTHON_DATE "X-Sdk-Date: 20200608T023900Z"
#define PYTHON_HOST "Host: service.endpoint.myhuaweicloud.com"

static const struct vector {
	const char *access, *key;
	const char *method, *path;
	struct evs_sign_pair query[2];
	size_t pairs;
	const char *headers[4];
	const char *body;
	const char *hash;		/* NULL where none is published */
	const char *signature;
} vectors[] = {
	{ "QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", "GET",
	  "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
	  { { "limit", "2" }, { "marker", "13551d6b-755d-4757-b956-536f674975c0" } }, 2,
	  { "Content-Type: application/json", "Host: service.region.example.com",
	    "X-Sdk-Date: 20191115T033655Z" }, NULL,
	  "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
	  "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe" },
	{ "AccessKey", "SecretKey", "GET", "/path", { { "limit", "1" } }, 1, { GO_DATE }, NULL,
	  "85c3b7730f308aee452b16138a42a914397e43a8f0d732dfa521c0ef2afa98a4",
	  "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624" },
	{ "AccessKey", "SecretKey", "POST", "/path", { { "key", "value" } }, 1, { GO_DATE },
	  "{\"Name\":\"test\",\"Id\":1}\n", NULL,
	  "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59" },
	{ "AccessKey", "SecretKey", "GET", "/resources", { { "size", "1" } }, 1,
	  { PYTHON_HOST, PYTHON_DATE }, NULL, NULL,
	  "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842" },
	{ "AccessKey", "SecretKey", "POST", "/resources", { { "size", "1" } }, 1,
	  { PYTHON_DATE, PYTHON_HOST }, "{\"name\":\"test\",\"id\":1}", NULL,
	  "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f" },
};

static void sign(const struct vector *v, struct evs_secret *key, char line[EVS_SIGN_LINE_MAX],
		 char hash[EVS_SIGN_HEX_SIZE])
{
	const struct evs_sign request = {
		.access = v->access, .key = key, .method = v->method, .path = v->path,
		.query = v->query, .pairs = v->pairs, .headers = v->headers,
		.body = v->body, .len = v->body ? strlen(v->body) : 0,
	};
	struct evs_error err = {};

	memset(key->data, 0, key->size);
	strcpy((char *)key->data, v->key);
	if (evs_sign_hash(&request, hash, &err) || evs_sign(&request, line, &err))
		fail_msg("%s", err.text);
}

static void test_vectors(void **state)
{
	struct evs_secret *key = evs_secret_alloc(64);
	char line[EVS_SIGN_LINE_MAX], hash[EVS_SIGN_HEX_SIZE], want[128];
	size_t i;

	(void)state;
	assert_non_null(key);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		sign(&vectors[i], key, line, hash);
		if (vectors[i].hash)
			assert_string_equal(hash, vectors[i].hash);
		snprintf(want, sizeof(want), "Signature=%s", vectors[i].signature);
		if (!strstr(line, want))
			fail_msg("vector %zu: \"%s\" lacks \"%s\"", i + 1, line, want);
	}
	assert_int_equal(strncmp(line, "Authorization: SDK-HMAC-SHA256 Access=AccessKey, "
				 "SignedHeaders=host;x-sdk-date, Signature=", 90), 0);
	evs_secret_free(key);
}

static void test_query(void **state)
{
	static const struct evs_sign_pair pairs[] = {
		{ "test", "\xe4\xb8\x80 (&=?!#%.*)" }, { "multi", "2" }, { "limit", "1" },
		{ "multi", "1" }, { "path", "/tmp/123" }, { "multi", "3" }, { "enable", "true" },
	};
	static const char want[] = "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123"
				   "&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29";
	char text[256];
	size_t size;

	(void)state;
	for (size = 0; size <= strlen(want); size++)
		assert_int_equal(evs_sign_query(pairs, 7, text, size), -EMSGSIZE);
	assert_int_equal(evs_sign_query(pairs, EVS_SIGN_PAIRS_MAX + 1, text, sizeof(text)),
			 -EMSGSIZE);
	assert_int_equal(evs_sign_query(pairs, 7, text, sizeof(text)), strlen(want));
	assert_string_equal(text, want);
	assert_int_equal(evs_sign_query(pairs, 7, text, 100), -EMSGSIZE);
	assert_int_equal(evs_sign_query(NULL, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

/* Blanks around a value are none of it. */
static void test_blanks(void **state)
{
	static const char *const with[] = { "Host: \ta \t", GO_DATE, NULL };
	static const char *const without[] = { "Host:a", GO_DATE, NULL };
	struct evs_secret *key = evs_secret_alloc(8);
	struct evs_sign request = { .access = "a", .key = key, .method = "GET", .path = "/" };
	char line[2][EVS_SIGN_LINE_MAX];
	struct evs_error err = {};

	(void)state;
	assert_non_null(key);
	request.headers = with;
	assert_int_equal(evs_sign(&request, line[0], &err), 0);
	request.headers = without;
	assert_int_equal(evs_sign(&request, line[1], &err), 0);
	assert_string_equal(line[0], line[1]);
	evs_secret_free(key);
}

static void test_date(void **state)
{
	char date[EVS_SIGN_DATE_SIZE];

	(void)state;
	evs_sign_date(1573789015, date);
	assert_string_equal(date, "20191115T033655Z");
}

static void test_refuses(void **state)
{
	static const char *const dateless[] = { "Host: a", NULL };
	static const char *const many[] = { "a: 1", "b: 2", "c: 3", "d: 4", "e: 5", "f: 6",
					    "g: 7", "h: 8", GO_DATE, NULL };
	struct evs_secret *key = evs_secret_alloc(8);
	struct evs_sign request = { .access = "a", .key = key, .method = "GET", .path = "/",
				    .headers = dateless };
	char line[EVS_SIGN_LINE_MAX];
	struct evs_error err = {};

	(void)state;
	assert_non_null(key);
	assert_int_equal(evs_sign(&request, line, &err), -EINVAL);
	request.headers = many;
	assert_int_equal(evs_sign(&request, line, &err), -EINVAL);
	evs_secret_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
