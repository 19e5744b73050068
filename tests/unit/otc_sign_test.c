// SPDX-License-Identifier: GPL-2.0-or-later
/* Request signatures: the public vectors, the window of time, the canonical form. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

#include "sign.h"

/* Names and values by turns, ended by NULL. */
static const char *header_of(void *arg, const char *name)
{
	const char *const *pairs = arg;

	for (; *pairs; pairs += 2)
		if (!strcasecmp(pairs[0], name))
			return pairs[1];
	return NULL;
}

/* The public vectors: request, key, date, and the signature they give. */
static const struct vector {
	const char *method, *uri, *body, *access, *secret, *signed_headers, *signature;
	const char *headers[7];
	int64_t when;
} vectors[] = {
	{ "GET", "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-"
		 "536f674975c0", "", "QTWAOYTTINDUT2QVKYUC",
	  "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", "content-type;host;x-sdk-date",
	  "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
	  { "Content-Type", "application/json", "Host", "service.region.example.com", "X-Sdk-Date",
	    "20191115T033655Z" }, 1573789015 },
	{ "GET", "/path?limit=1", "", "AccessKey", "SecretKey", "x-sdk-date",
	  "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624",
	  { "X-Sdk-Date", "20060102T150405Z" }, 1136214245 },
	{ "POST", "/path?key=value", "{\"Name\":\"test\",\"Id\":1}\n", "AccessKey", "SecretKey",
	  "x-sdk-date", "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59",
	  { "X-Sdk-Date", "20060102T150405Z" }, 1136214245 },
	{ "GET", "/resources?size=1", "", "AccessKey", "SecretKey", "host;x-sdk-date",
	  "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842",
	  { "Host", "service.endpoint.myhuaweicloud.com", "X-Sdk-Date", "20200608T023900Z" },
	  1591583940 },
	{ "POST", "/resources?size=1", "{\"name\":\"test\",\"id\":1}", "AccessKey", "SecretKey",
	  "host;x-sdk-date", "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f",
	  { "Host", "service.endpoint.myhuaweicloud.com", "X-Sdk-Date", "20200608T023900Z" },
	  1591583940 },
};

static struct otc_request vector_request(const struct vector *v, char *path, size_t size)
{
	snprintf(path, size, "%.*s", (int)strcspn(v->uri, "?"), v->uri);
	return (struct otc_request){
		.method = v->method, .path = path, .uri = v->uri, .header = header_of,
		.arg = (void *)v->headers,
		.body = (char *)v->body, .size = strlen(v->body),
	};
}

static int check_vector(const struct vector *v, const char *signature, int64_t now_s)
{
	char header[512], path[256];
	struct otc_request http = vector_request(v, path, sizeof(path));
	struct evs_error err = {};
	struct otc_signature sig;
	int ret;

	snprintf(header, sizeof(header),
		 "SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%s", v->access,
		 v->signed_headers, signature);
	ret = otc_sign_parse(header, &sig, &err);
	if (!ret)
		ret = otc_sign_check(&http, &sig, v->secret, now_s * 1000, &err);
	if (ret)
		assert_string_equal(err.code, "APIGW.0301");
	return ret;
}

static void test_vectors(void **state)
{
	char bad[65];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];

		assert_int_equal(check_vector(v, v->signature, v->when), 0);
		/* 15 minutes on either side, and no more */
		assert_int_equal(check_vector(v, v->signature, v->when + 900), 0);
		assert_int_equal(check_vector(v, v->signature, v->when - 900), 0);
		assert_int_not_equal(check_vector(v, v->signature, v->when + 901), 0);
		assert_int_not_equal(check_vector(v, v->signature, v->when - 901), 0);
		strcpy(bad, v->signature);
		bad[63] ^= 1;
		assert_int_not_equal(check_vector(v, bad, v->when), 0);
	}
}

static void test_canonical(void **state)
{
	static const char *const headers[] = { "X-Sdk-Date", "20060102T150405Z", NULL };
	struct otc_request http = {
		.method = "GET", .header = header_of, .arg = (void *)headers,
		.uri = "/a%20b/c?path=/tmp/123&multi=2&limit=1&multi=1&enable=true&multi=3"
		       "&test=%e4%b8%80+(%26=?!%23%25.*)",
	};
	char *text = otc_sign_canonical(&http, "x-sdk-date");

	(void)state;
	assert_non_null(text);
	assert_string_equal(text,
		"GET\n/a%20b/c/\nenable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&"
		"test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29\nx-sdk-date:20060102T150405Z\n\n"
		"x-sdk-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	free(text);
	assert_null(otc_sign_canonical(&http, "host;x-sdk-date"));	/* not there */
}

/* Authorization: what is in it, and whether it can be read. */
static void test_parse(void **state)
{
#define HEX "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"
#define REST "SignedHeaders=x-sdk-date, Signature=" HEX
#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	static const struct {
		const char *text, *access, *scope;
	} good[] = {
		{ "Access=a, " REST, "a", "" },
		{ "Credential=a/20191115/region/kms/sdk_request, " REST, "a",
		  "20191115/region/kms/sdk_request" },
	};
	static const char *const bad[] = {
		"", REST, "Access=a, SignedHeaders=x", "Access=a, Signature=" HEX,
		"Access=a, SignedHeaders=x, Signature=" HEX "00",
		"Access=a, SignedHeaders=x, Signature=xx",
		"Access=" X32 X32 X32 X32 X32 ", " REST, "Credential=a, " REST,
		"Credential=" X32 X32 X32 "/s, " REST,
		"Credential=a/" X32 X32 X32 X32 "x, " REST,
		"Credential=a/" X32 X32 X32 X32 X32 X32 X32 ", " REST,
	};
	struct otc_signature sig;
	struct evs_error err = {};
	char header[600];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(header, sizeof(header), "SDK-HMAC-SHA256 %s", good[i].text);
		assert_int_equal(otc_sign_parse(header, &sig, &err), 0);
		assert_string_equal(sig.access, good[i].access);
		assert_string_equal(sig.scope, good[i].scope);
		assert_string_equal(sig.headers, "x-sdk-date");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct evs_error){};
		snprintf(header, sizeof(header), "SDK-HMAC-SHA256 %s", bad[i]);
		if (!otc_sign_parse(header, &sig, &err))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(err.code, "APIGW.0301");
	}
}

/* The scoped form; the signature is one that Python's hmac has made. */
static void test_scoped(void **state)
{
	static const char *const headers[] = { "X-Sdk-Date", "20060102T150405Z", NULL };
	struct otc_request http = {
		.method = "GET", .header = header_of, .arg = (void *)headers,
		.uri = "/path?limit=1",
	};
	char header[] = "SDK-HMAC-SHA256 Credential=AccessKey/20060102/eu-de/kms/sdk_request, "
			"SignedHeaders=x-sdk-date, Signature="
			"781dd8e3c1d6199ca4f9ed8806b12a6cd31fed5a48410fa024aed1564b0089dc";
	struct otc_signature sig;
	struct evs_error err = {};

	(void)state;
	assert_int_equal(otc_sign_parse(header, &sig, &err), 0);
	assert_int_equal(otc_sign_check(&http, &sig, "SecretKey", 1136214245000, &err), 0);
	sig.scope[0] = '1';
	assert_int_not_equal(otc_sign_check(&http, &sig, "SecretKey", 1136214245000, &err), 0);
	assert_contains(err.text, "does not fit");
}

/* What is refused before a signature is computed. */
static void test_refused(void **state)
{
#define DATE "X-Sdk-Date", "20060102T150405Z"
	static const struct {
		const char *headers[5], *signed_headers, *why;
	} row[] = {
		{ { DATE }, "host", "is not signed" },
		{ { "X-Sdk-Date", "20060102" }, "x-sdk-date", "not a date" },
		{ { "X-Sdk-Date", "20060102T150405Zx" }, "x-sdk-date", "not a date" },
		{ { "Host", "h" }, "x-sdk-date", "not a date" },
		{ { DATE }, "x-sdk-date;host", "a signed header is missing" },
		{ { DATE }, "x-sdk-date;" X32 X32 X32 X32, "a signed header is missing" },
		{ { DATE, "X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD" }, "x-sdk-date",
		  "the body's hash is another" },
		{ { DATE, "X-Sdk-Content-Sha256", "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" }, "x-sdk-date", "does not fit" },
		{ { DATE, "Host", "  h " }, "x-sdk-date;host", "does not fit" },
	};
	struct otc_signature sig;
	struct otc_request http;
	struct evs_error err;
	char uri[512] = "/?", *text;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		err = (struct evs_error){};
		sig = (struct otc_signature){};
		strcpy(sig.headers, row[i].signed_headers);
		http = (struct otc_request){ .method = "GET", .uri = "/", .header = header_of,
					   .arg = (void *)row[i].headers };
		assert_int_not_equal(otc_sign_check(&http, &sig, "s", 1136214245000, &err), 0);
		assert_contains(err.text, row[i].why);
		assert_string_equal(err.code, "APIGW.0301");
	}
	/* 64 parameters, and one more */
	for (int i = 0; i < 64; i++)
		strcat(uri, "&a=1");
	http.uri = uri;
	text = otc_sign_canonical(&http, "x-sdk-date");
	assert_non_null(text);
	free(text);
	strcat(uri, "&a=1");
	assert_null(otc_sign_canonical(&http, "x-sdk-date"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_scoped),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("otc_sign", tests, NULL, NULL);
}
