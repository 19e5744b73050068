// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may call what: tokens, signed calls, roles, agencies, grants. */
#include "kmsd_fixture.h"

#include <openssl/hmac.h>

#include "sign.h"

static struct fixture f;
static int64_t now_ms;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	now_ms = 1700000000000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static char *iam_ok(const char *method, const char *uri, long status, const char *outer,
		    const char *name, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
static char *iam_ok(const char *method, const char *uri, long status, const char *outer,
		    const char *name, const char *fmt, ...)
{
	struct json_object *inner = NULL, *value = NULL;
	struct answer a;
	char *body, *result;
	va_list args;

	va_start(args, fmt);
	assert_true(vasprintf(&body, fmt, args) >= 0);
	va_end(args);
	a = local(&f, method, uri, body, NULL);
	free(body);
	if (a.status != status)
		fail_msg("%s %s: %ld %s", method, uri, a.status, a.text);
	if (outer) {
		assert_true(json_object_object_get_ex(a.json, outer, &inner));
		assert_true(json_object_object_get_ex(inner, name, &value));
	}
	result = strdup(value ? json_object_get_string(value) : "");
	answer_free(&a);
	return result;
}

/* Makes a user; returns its id. */
static char *new_user(const char *name, const char *domain, const char *role, const char *project)
{
	char *id = iam_ok("POST", "/v3/users", 201, "user", "id",
			  "{\"user\":{\"name\":\"%s\",\"domain_id\":\"%s\",\"password\":\"pass%sword\"}}",
			  name, domain, name);
	char uri[256];

	if (!role)
		return id;
	snprintf(uri, sizeof(uri), project ? "/v3/projects/%s/users/%s/roles/%s"
					   : "/v3/domains/%s/users/%s/roles/%s",
		 project ? project : domain, id, role);
	free(iam_ok("PUT", uri, 204, NULL, NULL, "%s", ""));
	return id;
}

static struct answer login(const char *name, const char *domain, const char *password,
			   const char *project)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
		 "\"password\":\"%s\",\"domain\":{\"name\":\"%s\"}}}},\"scope\":{\"project\":{\"id\":\"%s\"}}}}",
		 name, password, domain, project);
	return local(&f, "POST", "/v3/auth/tokens", body, (const char *const[]){ NULL });
}

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

static void get_token(const char *name, const char *domain, const char *project, char token[80])
{
	char password[80];
	struct answer a;

	snprintf(password, sizeof(password), "pass%sword", name);
	a = login(name, domain, password, project);
	if (a.status != 201)
		fail_msg("%ld %s", a.status, a.text);
	assert_int_equal(strlen(a.token), 64);
	strcpy(token, a.token);
	answer_free(&a);
}

static struct answer with_token(const char *token, const char *project, const char *op,
				const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static struct answer with_token(const char *token, const char *project, const char *op,
				const char *fmt, ...)
{
	const char *const headers[] = { "X-Auth-Token", token, NULL };
	char uri[128], body[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(body, sizeof(body), fmt, args);
	va_end(args);
	snprintf(uri, sizeof(uri), "/v1.0/%s/kms/%s", project, op);
	return local(&f, "POST", uri, body, headers);
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

#define refused(status, code, ...) check_refused(with_token(__VA_ARGS__), status, code, __FILE__, __LINE__)
#define allowed(name, ...) check_ok(with_token(__VA_ARGS__), name, __FILE__, __LINE__)

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
	check_refused(a, 403, "KMS.0306", __FILE__, __LINE__);
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

/* Root on the socket as the service: it needs the agency as well. */
static void test_local_service(void **state)
{
	char *agency, uri[200];

	(void)state;
	f.kmsd.conf.service = true;
	call_refused(&f, 403, "KMS.0306", "create-datakey",
		     "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}");
	agency = iam_ok("POST", "/v3.0/OS-AGENCY/agencies", 201, "agency", "id",
			"{\"agency\":{\"name\":\"EVSAccessKMS\",\"domain_id\":\"local\","
			"\"trust_domain_id\":\"op_svc_evs\"}}");
	snprintf(uri, sizeof(uri),
		 "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/KMS Administrator", agency);
	free(iam_ok("PUT", uri, 204, NULL, NULL, "%s", ""));
	call_done(&f, "create-datakey", "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}");
	free(agency);
}

static void test_grants(void **state)
{
	char *anna = new_user("anna", "local", "KMS Administrator", "default"), *bert, *carl;
	char a_token[80], b_token[80], c_token[80], *key, *grant, *text;

	(void)state;
	bert = new_user("bert", "local", NULL, NULL);
	carl = new_user("carl", "local", "kms_user", "default");
	get_token("anna", "local", "default", a_token);
	get_token("bert", "local", "berts", b_token);
	get_token("carl", "local", "default", c_token);
	key = allowed("key_id", a_token, "default", "create-key", "{\"key_alias\":\"shared\"}");

	refused(404, "KMS.0207", b_token, "berts", "create-datakey",
		"{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	refused(403, "KMS.0306", c_token, "default", "create-grant",
		"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"describe-key\"]}", key, carl);
	refused(400, "KMS.2401", a_token, "default", "create-grant",
		"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"create-grant\"]}", key, bert);
	refused(400, "KMS.2402", a_token, "default", "create-grant",
		"{\"key_id\":\"%s\",\"grantee_principal\":\"a-b\",\"operations\":[\"describe-key\"]}", key);
	grant = allowed("grant_id", a_token, "default", "create-grant",
			"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"name\":\"g\",\"operations\":"
			"[\"create-datakey\",\"create-grant\",\"retire-grant\"]}", key, bert);
	assert_int_equal(strlen(grant), 64);
	/* Bert, in a project of his own, may do this and nothing else */
	free(allowed("cipher_text", b_token, "berts", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key));
	refused(404, "KMS.0207", b_token, "berts", "describe-key", "{\"key_id\":\"%s\"}", key);
	refused(403, "KMS.0306", b_token, "berts", "disable-key", "{\"key_id\":\"%s\"}", key);
	/* He hands on what he has, and no more */
	refused(403, "KMS.0306", b_token, "berts", "create-grant",
		"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"decrypt-datakey\"]}", key, carl);
	text = allowed("grant_id", b_token, "berts", "create-grant",
		       "{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"create-datakey\"],"
		       "\"retiring_principal\":\"%s\"}", key, carl, carl);
	free(text);
	text = allowed("total", a_token, "default", "list-grants", "{\"key_id\":\"%s\"}", key);
	assert_string_equal(text, "2");
	free(text);
	text = allowed("total", c_token, "default", "list-retirable-grants", "{}");
	assert_string_equal(text, "1");
	free(text);

	refused(400, "KMS.2501", a_token, "default", "revoke-grant",
		"{\"key_id\":\"%s\",\"grant_id\":\"zz\"}", key);
	refused(400, "KMS.2502", a_token, "default", "revoke-grant",
		"{\"key_id\":\"0d0466b0-e727-4d9c-b35d-f84bb474a37f\",\"grant_id\":\"%s\"}", grant);
	refused(403, "KMS.0306", c_token, "default", "retire-grant",
		"{\"key_id\":\"%s\",\"grant_id\":\"%s\"}", key, grant);
	/* Another administrator has not created the key */
	free(new_user("dora", "local", "KMS Administrator", "default"));
	get_token("dora", "local", "default", c_token);
	refused(403, "KMS.0306", c_token, "default", "revoke-grant",
		"{\"key_id\":\"%s\",\"grant_id\":\"%s\"}", key, grant);
	free(allowed("key_id", b_token, "berts", "retire-grant",
		     "{\"key_id\":\"%s\",\"grant_id\":\"%s\"}", key, grant));
	refused(404, "KMS.0207", b_token, "berts", "create-datakey",
		"{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	f.kmsd.conf.grants = 1;
	refused(400, "KMS.2404", a_token, "default", "create-grant",
		"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"describe-key\"]}", key, bert);
	free(key);
	free(grant);
	free(anna);
	free(bert);
	free(carl);
}

static char *grant_to(const char *token, const char *key, const char *user, const char *operation)
{
	return allowed("grant_id", token, "default", "create-grant",
		       "{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[\"%s\"]}",
		       key, user, operation);
}

/* A rewrap takes leave to unwrap by the one key and to wrap by the other. */
static void test_granted_rewrap(void **state)
{
	static const char request[] = "{\"key_id\":\"%s\",\"datakey_plain_length\":\"64\","
		"\"source_key_id\":\"%s\",\"source_cipher_text\":\"%s\"}";
	char *anna = new_user("anna", "local", "KMS Administrator", "default");
	char *bert = new_user("bert", "local", NULL, NULL);
	char a_token[80], b_token[80], *from, *to, *blob;

	(void)state;
	get_token("anna", "local", "default", a_token);
	get_token("bert", "local", "berts", b_token);
	from = allowed("key_id", a_token, "default", "create-key", "{\"key_alias\":\"from\"}");
	to = allowed("key_id", a_token, "default", "create-key", "{\"key_alias\":\"to\"}");
	blob = allowed("cipher_text", a_token, "default", "create-datakey",
		       "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", from);
	free(grant_to(a_token, to, bert, "encrypt-datakey"));
	refused(404, "KMS.0207", b_token, "berts", "encrypt-datakey", request, to, from, blob);
	/* To wrap by it is not to unwrap */
	free(grant_to(a_token, from, bert, "encrypt-datakey"));
	refused(404, "KMS.0207", b_token, "berts", "encrypt-datakey", request, to, from, blob);
	free(grant_to(a_token, from, bert, "decrypt-datakey"));
	free(allowed("cipher_text", b_token, "berts", "encrypt-datakey", request, to, from, blob));
	free(blob);
	free(to);
	free(from);
	free(bert);
	free(anna);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_login_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signed_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agency, setup, teardown),
		cmocka_unit_test_setup_teardown(test_local_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_granted_rewrap, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_auth", tests, NULL, NULL);
}
