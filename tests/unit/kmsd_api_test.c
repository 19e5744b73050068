// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon from outside: HTTP, its codes and its limits. */
#include "kmsd_api.h"

static void url_refused(const char *method, const char *path, long status, const char *code)
{
	check_refused(http(f.socket, method, path, strcmp(method, "GET") ? "{}" : NULL), status,
		      code, __FILE__, __LINE__);
}

static void test_urls(void **state)
{
	(void)state;
	url_refused("GET", "/v1.0/default/kms/list-keys", 405, "KMS.0215");
	url_refused("PUT", "/v1.0/default/kms/create-key", 405, "KMS.0215");
	url_refused("DELETE", "/v1.0/default/kms/create-key", 405, "KMS.0215");
	url_refused("POST", "/v1.0/default/kms/destroy-key", 400, "KMS.0201");
	url_refused("POST", "/v1.0/default/kms/list-keys/", 400, "KMS.0201");
	url_refused("POST", "/v1.0/default/kms/", 400, "KMS.0201");
	url_refused("POST", "/v1.0/default/vault/list-keys", 400, "KMS.0201");
	url_refused("POST", "/v2/default/kms/list-keys", 400, "KMS.0201");
	url_refused("POST", "/metrics", 405, "KMS.0215");
	url_refused("GET", "/v1.1", 400, "KMS.0201");
	url_refused("POST", "/v1.0//kms/list-keys", 403, "KMS.0305");
	url_refused("POST", "/v1.0/a%20b/kms/list-keys", 403, "KMS.0305");
	url_refused("POST", "/v1.0/0123456789012345678901234567890123456789012345678901234567890123x"
			    "/kms/list-keys", 403, "KMS.0305");
}

static void test_bodies(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "1", "\"x\"", "null", "{} x", "{'key_alias':'x'}",
		"{\"key_alias\":\"x\",}", "{\"key_alias\":\"\xff\"}", "{\"key_alias\":\"a\\u0000b\"}",
		"{\"key_alias\":\"x", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}",
		"{\"plain_text\":\"00\",\"plain_text\":\"00\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call_refused(&f, 400, "KMS.0202", "create-key", "%s", bad[i]);
}

static void test_fields(void **state)
{
	(void)state;
	call_refused(&f, 400, "KMS.0204", "create-key", "{}");
	call_refused(&f, 400, "KMS.0204", "create-key", "{\"key_alias\":null}");
	call_refused(&f, 400, "KMS.0214", "create-key", "{\"key_alias\":7}");
	call_refused(&f, 400, "KMS.0308", "create-key", "{\"key_alias\":\"s\",\"key_spec\":\"RSA_2048\"}");
	call_refused(&f, 400, "KMS.0308", "create-key",
		     "{\"key_alias\":\"s\",\"key_usage\":\"SIGN_VERIFY\"}");
	call_refused(&f, 400, "KMS.0308", "create-key", "{\"key_alias\":\"s\",\"origin\":\"none\"}");
	call_done(&f, "create-key",
		  "{\"key_alias\":\"s\",\"key_spec\":\"AES_256\",\"key_usage\":\"ENCRYPT_DECRYPT\","
		  "\"origin\":\"kms\",\"realm\":\"x\",\"key_description\":\"d\","
		  "\"sequence\":\"919c82d4-8046-4722-9094-35c3c6524cff\"}");
	call_refused(&f, 400, "KMS.0204", "describe-key", "{}");
	call_refused(&f, 400, "KMS.0204", "enable-key", "{}");
	call_refused(&f, 400, "KMS.0204", "disable-key", "{}");
	call_refused(&f, 400, "KMS.0205", "enable-key", "{\"key_id\":\"x\"}");
	call_refused(&f, 404, "KMS.0207", "disable-key",
		     "{\"key_id\":\"0d0466b0-e727-4d9c-b35d-f84bb474a37f\"}");
}

static void test_describe(void **state)
{
	static const char *const fields[][2] = {
		{ "key_alias", "described" }, { "key_description", "a \"b\" / \xc3\xa4" },
		{ "key_spec", "AES_256" }, { "key_usage", "ENCRYPT_DECRYPT" },
		{ "scheduled_deletion_date", "" }, { "key_state", "2" }, { "default_key_flag", "0" },
		{ "key_type", "1" }, { "expiration_time", "" }, { "origin", "kms" },
	};
	struct json_object *info;
	struct answer a;
	size_t i;

	(void)state;
	call_done(&f, "create-key", "{\"key_alias\":\"described\","
		  "\"key_description\":\"a \\\"b\\\" \\/ \\u00e4\"}");
	a = call(&f, "describe-key", "{\"key_id\":\"alias/described\"}");
	assert_int_equal(a.status, 200);
	assert_int_equal(strlen(a.request_id), 32);
	assert_true(json_object_object_get_ex(a.json, "key_info", &info));
	assert_int_equal(json_object_object_length(info), 12);
	json_object_object_foreach(info, name, value) {
		if (!json_object_is_type(value, json_type_string))
			fail_msg("%s: not a string", name);
	}
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_string_equal(member(&a, fields[i][0]), fields[i][1]);
	assert_int_equal(strlen(member(&a, "key_id")), 36);
	assert_int_equal(strlen(member(&a, "creation_date")), 13);	/* milliseconds */
	assert_true(llabs(atoll(member(&a, "creation_date")) / 1000 - time(NULL)) < 60);
	answer_free(&a);
}

/* The codes of the data key calls that the wrapped key itself has no part in. */
static void test_datakey_fields(void **state)
{
	static const char key[] = "\"key_id\":\"alias/dk\"";
	static const char zeros[] = "00000000000000000000000000000000";
	char plain[257] = "", digest[65];

	(void)state;
	call_done(&f, "create-key", "{\"key_alias\":\"dk\"}");
	call_refused(&f, 400, "KMS.0204", "create-datakey", "{\"datakey_length\":\"512\"}");
	call_refused(&f, 400, "KMS.0204", "create-datakey", "{%s}", key);
	call_refused(&f, 400, "KMS.2001", "create-datakey", "{%s,\"datakey_length\":\"256\"}", key);
	call_refused(&f, 400, "KMS.2001", "create-datakey", "{%s,\"datakey_length\":\"\"}", key);
	call_refused(&f, 400, "KMS.2001", "create-datakey", "{%s,\"datakey_length\":5.1}", key);
	call_refused(&f, 400, "KMS.2001", "create-datakey", "{%s,\"datakey_length\":\" 512\"}", key);
	call_done(&f, "create-datakey", "{%s,\"datakey_length\":512}", key);

	strcat(strcat(strcat(strcat(plain, zeros), zeros), zeros), zeros);
	strcpy(digest, "F5A5FD42D16A20302798EF6ED309979B43003D2320D9F0E8EA9831A92759FB4B");
	call_refused(&f, 400, "KMS.0204", "encrypt-datakey", "{%s,\"plain_text\":\"%s%s\"}", key,
		     plain, digest);
	call_refused(&f, 400, "KMS.0204", "encrypt-datakey", "{%s,\"datakey_plain_length\":64}", key);
	call_refused(&f, 400, "KMS.2102", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"32\",\"plain_text\":\"%s%s\"}", key, plain, digest);
	call_refused(&f, 400, "KMS.2101", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain_text\":\"%sx%s\"}", key, plain, digest);
	call_refused(&f, 400, "KMS.2101", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain_text\":7}", key);
	call_refused(&f, 400, "KMS.2101", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain\\u005ftext\":\"%s%s\"}", key, plain,
		     digest);
	call_refused(&f, 400, "KMS.2104", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain_text\":\"%s\"}", key, plain);
	call_refused(&f, 400, "KMS.2104", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain_text\":\"%s%s00\"}", key, plain, digest);
	digest[63] = 'C';
	call_refused(&f, 400, "KMS.2103", "encrypt-datakey",
		     "{%s,\"datakey_plain_length\":\"64\",\"plain_text\":\"%s%s\"}", key, plain, digest);

	call_refused(&f, 400, "KMS.0204", "decrypt-datakey", "{%s,\"datakey_cipher_length\":64}", key);
	call_refused(&f, 400, "KMS.0204", "decrypt-datakey", "{%s,\"cipher_text\":\"00\"}", key);
	call_refused(&f, 400, "KMS.2202", "decrypt-datakey",
		     "{%s,\"cipher_text\":\"00\",\"datakey_cipher_length\":\"188\"}", key);
}

static void test_bad_context(void **state)
{
	static const char *const bad[] = { "\"x\"", "[]", "7", "{\"a\":1}", "{\"a\":{}}", "{\"a\":null}" };
	char *big = malloc(8300);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call_refused(&f, 400, "KMS.0208", "create-datakey",
			     "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\","
			     "\"encryption_context\":%s}", bad[i]);
	/* {"a":"..."} of 8192 characters, and one more */
	memset(big, 'x', 8185);
	big[8184] = '\0';
	call_done(&f, "create-datakey", "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\","
		  "\"encryption_context\":{\"a\":\"%s\"}}", big);
	big[8184] = 'x';
	big[8185] = '\0';
	call_refused(&f, 400, "KMS.0208", "create-datakey",
		     "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\","
		     "\"encryption_context\":{\"a\":\"%s\"}}", big);
	free(big);
}

static void test_big_body(void **state)
{
	char *big = malloc(70000);

	(void)state;
	memset(big, ' ', 65536);
	memcpy(big, "{}", 2);
	big[65536] = '\0';
	free(call_ok(&f, "total", "list-keys", "%s", big));
	memset(big, ' ', 69999);
	memcpy(big, "{}", 2);
	big[69999] = '\0';
	call_refused(&f, 400, "KMS.0203", "list-keys", "%s", big);
	free(big);
	free(call_ok(&f, "total", "list-keys", "{}"));
}

/* Projects do not see each other's keys; each has its own evs/default. */
static void test_projects(void **state)
{
	struct answer a = http(f.socket, "POST", "/v1.0/other/kms/describe-key",
			       "{\"key_id\":\"alias/evs/default\"}");
	char *theirs = strdup(member(&a, "key_id"));
	char *ours = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}");

	(void)state;
	answer_free(&a);
	assert_string_not_equal(theirs, ours);
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"%s\"}", theirs);
	call_refused(&f, 404, "KMS.0207", "disable-key", "{\"key_id\":\"%s\"}", theirs);
	free(theirs);
	free(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_datakey_fields),
		cmocka_unit_test(test_bad_context),
		cmocka_unit_test(test_big_body),
		cmocka_unit_test(test_projects),
	};

	return cmocka_run_group_tests_name("kmsd_api", tests, setup, teardown);
}
