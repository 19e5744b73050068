// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may call what: tokens, signed calls, roles, agencies. */
#include "kmsd_users.h"

#include <openssl/hmac.h>

#include "iam/sign.h"

/* What asks for a token in another form than one that is known. */
static void test_login_forms(void **state)
{
	static const char *const bodies[] = {
		"{}", "{\"auth\":null}", "{\"auth\":{\"identity\":{}}}",
		"{\"auth\":{\"identity\":{\"methods\":[null]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[[\"password\"]]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\",\"assume_role\"]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":1}}}}",
	};
	struct answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		a = local(&f, "POST", "/v3/auth/tokens", bodies[i], (const char *const[]){ NULL });
		assert_int_equal(a.status, 400);
		assert_string_equal(a.token, "");
		answer_free(&a);
	}
}

/* The project of a token is as one in an URL may be, or none. */
static void test_login_scope(void **state)
{
	static const struct {
		const char *project;
		long status;
	} scopes[] = {
		{ "", 201 }, { "eu-de_Project1", 201 }, { "*", 400 }, { "a b", 400 },
		{ "a/b", 400 }, { "p\\n2 forged", 400 }, { "\\u001b[2J", 400 }, { "\u00e4", 400 },
		{ "0123456789012345678901234567890123456789012345678901234567890123", 201 },
		{ "01234567890123456789012345678901234567890123456789012345678901234", 400 },
	};
	struct answer a;

	(void)state;
	free(new_user("anna", "local", NULL, NULL));
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		a = login("anna", "local", "passannaword", scopes[i].project);
		if (a.status != scopes[i].status)
			fail_msg("%s: %ld %s", scopes[i].project, a.status, a.text);
		answer_free(&a);
	}
}

/* Does a text stand in the database or the audit log? */
static bool in_state(const char *text)
{
	static const char *const names[] = { "kms.db", "kms.db-wal", "audit.log" };
	static char data[8 << 20];
	bool found = false;
	char path[160];
	size_t size;
	FILE *file;

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.state, names[i]);
		file = fopen(path, "r");
		assert_non_null(file);
		size = fread(data, 1, sizeof(data), file);
		assert_in_range(size, 1, sizeof(data) - 1);
		found = found || memmem(data, size, text, strlen(text));
		fclose(file);
	}
	return found;
}

static void test_tokens(void **state)
{
	char *id = new_user("anna", "local", "KMS Administrator", "default"), token[80], key[40];
	struct answer a;
	char *text;

	(void)state;
	a = login("anna", "local", "wrong password", "default");
	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.text, "\"code\":401"));
	assert_non_null(strstr(a.text, "\"title\":\"Unauthorized\""));
	assert_string_equal(a.token, "");
	answer_free(&a);
	a = login("nobody", "local", "passannaword", "default");
	assert_int_equal(a.status, 401);
	answer_free(&a);
	get_token("anna", "local", "default", token);

	text = allowed("key_id", token, "default", "create-key", "{\"key_alias\":\"annas\"}");
	snprintf(key, sizeof(key), "%s", text);
	free(text);
	refused(403, "KMS.0321", token, "other", "list-keys", "{}");
	refused(403, "KMS.0302", "0123", "default", "list-keys", "{}");
	a = local(&f, "POST", "/v1.0/default/kms/list-keys", "{}", (const char *const[]){ NULL });
	check_refused(a, 403, "KMS.0301", __FILE__, __LINE__);
	now_ms += 24 * 3600 * INT64_C(1000);
	refused(403, "KMS.0303", token, "default", "list-keys", "{}");
	get_token("anna", "local", "default", token);
	assert_false(in_state("passannaword"));
	assert_false(in_state(token));
	a = local(&f, "DELETE", "/v3/users/none", NULL, NULL);
	assert_int_equal(a.status, 404);
	answer_free(&a);
	free(allowed("key_id", token, "default", "describe-key", "{\"key_id\":\"%s\"}", key));
	/* A user that is no more takes his tokens along */
	text = malloc(80);
	snprintf(text, 80, "/v3/users/%s", id);
	free(iam_ok("DELETE", text, 204, NULL, NULL, "%s", ""));
	refused(403, "KMS.0302", token, "default", "list-keys", "{}");
	free(text);
	free(id);
}

static void test_roles(void **state)
{
	char token[80], *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"k\"}");

	(void)state;
	free(new_user("uwe", "local", "kms_user", "default"));
	get_token("uwe", "local", "default", token);
	free(allowed("cipher_text", token, "default", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key));
	free(allowed("key_id", token, "default", "describe-key", "{\"key_id\":\"%s\"}", key));
	refused(403, "KMS.0306", token, "default", "create-key", "{\"key_alias\":\"x\"}");
	refused(403, "KMS.0306", token, "default", "disable-key", "{\"key_id\":\"%s\"}", key);
	refused(403, "KMS.0306", token, "default", "schedule-key-deletion",
		"{\"key_id\":\"%s\",\"pending_days\":7}", key);
	/* A token for no project has no rights in one */
	free(new_user("ron", "local", "KMS CMKReadOnlyAccess", "default"));
	get_token("ron", "local", "default", token);
	free(allowed("total", token, "default", "list-keys", "{}"));
	refused(403, "KMS.0306", token, "default", "create-datakey",
		"{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	get_token("ron", "local", "elsewhere", token);
	refused(403, "KMS.0306", token, "elsewhere", "list-keys", "{}");
	free(key);
}

static void iam_status(const char *token, long status, const char *method, const char *uri,
		       const char *body)
{
	struct answer a = local(&f, method, uri, body,
				(const char *const[]){ "X-Auth-Token", token, NULL });

	if (a.status != status)
		fail_msg("%s %s: %ld %s, want %ld", method, uri, a.status, a.text, status);
	answer_free(&a);
}

/* Users and agencies are for the security administrators of all projects. */
static void test_security_administrator(void **state)
{
	static const char agency[] = "{\"agency\":{\"name\":\"a\",\"trust_domain_name\":\"d\"}}";
	static const char user[] = "{\"user\":{\"name\":\"new\",\"password\":\"password\"}}";
	char *paul = new_user("paul", "local", "secu_admin", "default");
	char *carl = new_user("carl", "local", NULL, NULL);
	char p_token[80], b_token[80], credential[100], all[120], in[120], elsewhere[120], gone[80];

	(void)state;
	free(new_user("boss", "local", "secu_admin", NULL));
	get_token("paul", "local", "default", p_token);
	get_token("boss", "local", "default", b_token);
	snprintf(credential, sizeof(credential), "{\"credential\":{\"user_id\":\"%s\"}}", carl);
	snprintf(all, sizeof(all), "/v3/domains/local/users/%s/roles/secu_admin", paul);
	snprintf(in, sizeof(in), "/v3/projects/default/users/%s/roles/kms_user", carl);
	snprintf(elsewhere, sizeof(elsewhere), "/v3/projects/else/users/%s/roles/kms_user", carl);
	snprintf(gone, sizeof(gone), "/v3/users/%s", carl);
	/* In one project: what is in its URL, and no more */
	iam_status(p_token, 403, "PUT", all, "");
	iam_status(p_token, 403, "POST", "/v3.0/OS-CREDENTIAL/credentials", credential);
	iam_status(p_token, 403, "POST", "/v3.0/OS-AGENCY/agencies", agency);
	iam_status(p_token, 403, "POST", "/v3/users", user);
	iam_status(p_token, 403, "GET", "/v3/users", "");
	iam_status(p_token, 403, "DELETE", gone, "");
	iam_status(p_token, 204, "PUT", in, "");
	iam_status(p_token, 401, "PUT", elsewhere, "");
	/* In all of them, though by a token for one */
	iam_status(b_token, 201, "POST", "/v3.0/OS-CREDENTIAL/credentials", credential);
	iam_status(b_token, 201, "POST", "/v3.0/OS-AGENCY/agencies", agency);
	iam_status(b_token, 201, "POST", "/v3/users", user);
	iam_status(b_token, 204, "PUT", all, "");
	iam_status(b_token, 204, "DELETE", gone, "");
	/* The role that has just been given */
	iam_status(p_token, 200, "GET", "/v3/users", "");
	free(carl);
	free(paul);
}

static void test_signed_call(void **state)
{
	char *id = new_user("sig", "local", "KMS Administrator", "default");
	char authorization[400], date[] = "20231114T221320Z", *text, *access, *secret, hex[65];
	const char *headers[] = { "X-Sdk-Date", date, "Authorization", authorization, NULL };
	unsigned char mac[32], hash[32];
	struct kmsd_http http = {
		.method = "POST", .uri = "/v1.0/default/kms/list-keys", .header = header_of,
		.arg = (void *)headers, .body = (char *)"{}", .size = 2,
	};
	char body[128], string[256], *canonical;
	struct json_object *value, *outer;
	struct answer a;

	(void)state;
	snprintf(body, sizeof(body), "{\"credential\":{\"user_id\":\"%s\"}}", id);
	a = local(&f, "POST", "/v3.0/OS-CREDENTIAL/credentials", body, NULL);
	assert_int_equal(a.status, 201);
	assert_true(json_object_object_get_ex(a.json, "credential", &outer));
	json_object_object_get_ex(outer, "access", &value);
	access = strdup(json_object_get_string(value));
	json_object_object_get_ex(outer, "secret", &value);
	secret = strdup(json_object_get_string(value));
	answer_free(&a);

	canonical = kmsd_sign_canonical(&http, "x-sdk-date");
	EVP_Digest(canonical, strlen(canonical), hash, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", hash[i]);
	snprintf(string, sizeof(string), "SDK-HMAC-SHA256\n%s\n%s", date, hex);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)string, strlen(string), mac,
	     NULL);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", mac[i]);
	snprintf(authorization, sizeof(authorization),
		 "SDK-HMAC-SHA256 Access=%s, SignedHeaders=x-sdk-date, Signature=%s", access, hex);
	now_ms = 1700000000000;
	a = local(&f, "POST", "/v1.0/default/kms/list-keys", "{}", headers);
	text = check_ok(a, "total", __FILE__, __LINE__);
	free(text);
	/* The same signature under another body, or too late */
	a = local(&f, "POST", "/v1.0/default/kms/list-keys", "{ }", headers);
	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.text, "\"error_code\":\"APIGW.0301\""));
	assert_non_null(strstr(a.text, "\"request_id\":\"id\""));
	answer_free(&a);
	now_ms += 16 * 60 * 1000;
	a = local(&f, "POST", "/v1.0/default/kms/list-keys", "{}", headers);
	assert_int_equal(a.status, 401);
	answer_free(&a);
	free(canonical);
	free(access);
	free(secret);
	free(id);
}

static struct answer assume(const char *token, const char *spelling)
{
	const char *const headers[] = { "X-Auth-Token", token, NULL };
	char body[400];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"],\"assume_role\":{\"domain_name\":"
		 "\"local\",\"%s\":\"EVSAccessKMS\"}},\"scope\":{\"project\":{\"id\":\"default\"}}}}",
		 spelling);
	return local(&f, "POST", "/v3/auth/tokens", body, headers);
}

/* The first user's grant, and what happens before it. */
static void test_agency(void **state)
{
	char *agency, uri[200], evs[80], token[80];
	struct answer a;

	(void)state;
	free(new_user("evs", "op_svc_evs", "Agent Operator", NULL));
	get_token("evs", "op_svc_evs", "", evs);
	a = assume(evs, "agency_name");
	assert_int_equal(a.status, 404);
	assert_non_null(strstr(a.text, "evs-setup agency create"));
	answer_free(&a);
	agency = iam_ok("POST", "/v3.0/OS-AGENCY/agencies", 201, "agency", "id",
			"{\"agency\":{\"name\":\"EVSAccessKMS\",\"domain_id\":\"local\","
			"\"trust_domain_name\":\"op_svc_evs\"}}");
	a = local(&f, "POST", "/v3.0/OS-AGENCY/agencies",
		  "{\"agency\":{\"name\":\"EVSAccessKMS\",\"domain_id\":\"local\","
		  "\"trust_domain_name\":\"op_svc_evs\"}}", NULL);
	assert_int_equal(a.status, 409);
	answer_free(&a);
	/* An agency without a role in the project: the token says nothing, the call says who */
	a = assume(evs, "xrole_name");
	assert_int_equal(a.status, 201);
	strcpy(token, a.token);
	answer_free(&a);
	a = with_token(token, "default", "create-datakey",
		       "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}");
	assert_non_null(strstr(a.text, "evs-setup agency create"));
	check_refused(a, 403, "KMS.0306", __FILE__, __LINE__);
	snprintf(uri, sizeof(uri), "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/kms_adm",
		 agency);
	free(iam_ok("PUT", uri, 204, NULL, NULL, "%s", ""));
	free(allowed("cipher_text", token, "default", "create-datakey",
		     "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}"));
	free(iam_ok("DELETE", uri, 204, NULL, NULL, "%s", ""));
	refused(403, "KMS.0306", token, "default", "list-keys", "{}");
	snprintf(uri, sizeof(uri), "/v3.0/OS-AGENCY/agencies/%s", agency);
	free(iam_ok("DELETE", uri, 204, NULL, NULL, "%s", ""));
	refused(403, "KMS.0302", token, "default", "list-keys", "{}");
	free(agency);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_login_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_login_scope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_security_administrator, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signed_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agency, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_auth", tests, NULL, NULL);
}
