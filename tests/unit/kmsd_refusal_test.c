// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that the KMS has to refuse, each with the status and the code or the
 * words that it is refused with, and requests that are just not common.
 */
#include "kmsd_fixture.h"

#include "base64.h"

#define KMS "/v1.0/default/kms/"
#define NOBODY "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64
#define USER(members) "{\"user\":{" members "}}"
#define AGENCY(members) "{\"agency\":{" members "}}"
#define LOGIN(members) "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{" \
	"\"user\":{" members "}}}}}"
#define GRANT(members) "{\"key_id\":\"@\",\"grantee_principal\":\"u1\"," members "}"
#define GRANTABLE "\"operations\":[\"describe-key\"]"

static struct fixture f;
static char *key;		/* a CMK */
static char *default_key;
static char *disabled_key;
static char *external_key;	/* without its material */

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"k\"}");
	disabled_key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"off\"}");
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", disabled_key);
	external_key = call_ok(&f, "key_id", "create-key",
			       "{\"key_alias\":\"ext\",\"origin\":\"external\"}");
	default_key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(key);
	free(disabled_key);
	free(external_key);
	free(default_key);
	fixture_close(&f);
	return 0;
}

/**
 * struct row - A request, and what comes of it.
 * @method: of HTTP
 * @uri: from the first slash on, or the name of an operation of the KMS
 * @body: what is sent
 * @status: HTTP status
 * @part: is in the answer
 *
 * In the texts, @ stands for the id of a CMK, ~ for that of the default one, ^ of a
 * disabled one, # of one without material.
 */
struct row {
	const char *method;
	const char *uri;
	const char *body;
	long status;
	const char *part;
};

/* With the ids of CMKs in their places; for free() */
static char *fill_in(const char *before, const char *text)
{
	char *out = NULL;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	assert_non_null(file);
	for (fputs(before, file); *text; text++)
		switch (*text) {
		case '@':
			fputs(key, file);
			break;
		case '~':
			fputs(default_key, file);
			break;
		case '^':
			fputs(disabled_key, file);
			break;
		case '#':
			fputs(external_key, file);
			break;
		default:
			fputc(*text, file);
		}
	assert_int_equal(fclose(file), 0);
	return out;
}

static void check_rows(const struct row *row, size_t count)
{
	struct answer a;
	char *uri, *body, *part;

	for (; count; count--, row++) {
		uri = fill_in(*row->uri == '/' ? "" : KMS, row->uri);
		body = fill_in("", row->body);
		part = fill_in("", row->part);
		a = local(&f, row->method, uri, body, NULL);
		if (a.status != row->status || !strstr(a.text, part))
			fail_msg("%s %s %s: %ld %s, want %ld and \"%s\"", row->method, uri, body,
				 a.status, a.text, row->status, part);
		answer_free(&a);
		free(uri);
		free(body);
		free(part);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_keys(void **state)
{
	static const struct row rows[] = {
		{ "POST", "create-key", "{\"key_alias\":\"a\",\"key_spec\":7}", 400, "KMS.0214" },
		{ "POST", "create-key", "{\"key_alias\":\"a\",\"origin\":7}", 400, "KMS.0214" },
		{ "POST", "create-key", "{\"key_alias\":\"a\",\"sequence\":7}", 400, "KMS.0214" },
		{ "POST", "get-key-rotation-status", "{\"key_id\":\"~\"}", 400, "KMS.0211" },
		{ "POST", "update-key-rotation-interval",
		  "{\"key_id\":\"^\",\"rotation_interval\":90}", 400, "KMS.0209" },
		{ "POST", "update-key-rotation-interval",
		  "{\"key_id\":\"~\",\"rotation_interval\":90}", 400, "KMS.0211" },
		{ "POST", "cancel-key-deletion", "{\"key_id\":\"#\"}", 400, "waiting for its material" },
		{ "POST", "get-parameters-for-import", "{}", 400, "KMS.0204" },
		{ "POST", "get-parameters-for-import",
		  "{\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", 400, "KMS.0204" },
		{ "POST", "get-parameters-for-import",
		  "{\"key_id\":\"~\",\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", 400,
		  "KMS.0211" },
		{ "POST", "get-parameters-for-import", "{\"key_id\":\"#\"}", 400, "KMS.0204" },
		{ "POST", "import-key-material",
		  "{\"key_id\":\"#\",\"encrypted_key_material\":\"AAAA\"}", 400, "KMS.0204" },
		{ "POST", "encrypt-data", "{\"key_id\":\"@\"}", 400, "KMS.0204" },
		{ "POST", "decrypt-data", "{}", 400, "KMS.0204" },
		{ "POST", "create-datakey",
		  "{\"key_id\":\"@\",\"datakey_length\":512,\"recipient\":7}", 400, "KMS.0214" },
		{ "POST", "encrypt-datakey",
		  "{\"key_id\":\"@\",\"datakey_plain_length\":64,\"source_key_id\":7}", 400,
		  "KMS.0214" },
		{ "POST", "create-key", "{\"key_alias\":\"a", 400, "KMS.0202" },
		{ "POST", "create-key", "{\"key_alias", 400, "KMS.0202" },
		{ "GET", X256 "/tags", "", 400, "KMS.0201" },
	};

	(void)state;
	CHECK(rows);
}

static void test_tags(void **state)
{
	static const struct row rows[] = {
		{ "GET", NOBODY "/tags", "", 404, "KMS.0207" },
		{ "POST", "@/tags", "{\"tag\":{\"key\":\"a\"}}", 400, "KMS.0204" },
		{ "POST", "@/tags", "{\"tag\":{\"key\":\"a*\",\"value\":\"v\"}}", 400, "KMS.0308" },
		{ "POST", "@/tags/action", "{}", 400, "KMS.0204" },
		{ "POST", "@/tags/action", "{\"action\":\"x\",\"tags\":[]}", 400, "KMS.0308" },
		{ "POST", "@/tags/action", "{\"action\":\"create\"}", 400, "KMS.0204" },
		{ "POST", "@/tags/action", "{\"action\":\"create\",\"tags\":{}}", 400, "KMS.0204" },
		{ "POST", "@/tags/action", "{\"action\":\"create\",\"tags\":[7]}", 400, "KMS.0204" },
		{ "POST", "@/tags", "{\"tag\":{\"key\":\"a\",\"value\":\"1\"}}", 204, "" },
		{ "POST", "^/tags", "{\"tag\":{\"key\":\"a\",\"value\":\"2\"}}", 204, "" },
	}, searches[] = {
#define SEARCH "resource_instances/action"
		{ "POST", SEARCH, "{}", 400, "KMS.0204" },
		{ "POST", SEARCH, "{\"action\":\"x\"}", 400, "KMS.0308" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"limit\":\"x\"}", 400, "KMS.1601" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"limit\":0}", 400, "KMS.1601" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"limit\":1001}", 400, "KMS.1601" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"offset\":-1}", 400, "KMS.1602" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"tags\":{}}", 400, "KMS.0214" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"matches\":[{}]}", 400, "KMS.0308" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"matches\":[{\"key\":\"id\"}]}", 400,
		  "KMS.0308" },
		{ "POST", SEARCH, "{\"action\":\"count\"}", 200, "\"total_count\":4" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"matches\":"
		  "[{\"key\":\"resource_name\",\"value\":\"off\"}]}", 200, "\"total_count\":1" },
		{ "POST", SEARCH, "{\"action\":\"count\",\"tags\":"
		  "[{\"key\":\"a\",\"values\":[\"2\"]}]}", 200, "\"total_count\":1" },
		/* The second page of one */
		{ "POST", SEARCH, "{\"action\":\"filter\",\"tags\":[{\"key\":\"a\"}],\"limit\":1,"
		  "\"offset\":1}", 200, "{\"resources\":[{\"resource_id\":\"^\"" },
	};

	(void)state;
	CHECK(rows);
	CHECK(searches);
}

static void test_grants(void **state)
{
	static const struct row rows[] = {
		{ "POST", "create-grant", "{\"key_id\":\"@\",\"grantee_principal\":\"u1\"}", 400,
		  "KMS.0204" },
		{ "POST", "create-grant", GRANT("\"operations\":null"), 400, "KMS.0204" },
		{ "POST", "create-grant", GRANT("\"operations\":{}"), 400, "KMS.0214" },
		{ "POST", "create-grant", GRANT("\"operations\":[]"), 400, "KMS.0214" },
		{ "POST", "create-grant", GRANT("\"operations\":[\"create-key\"]"), 400, "KMS.0308" },
		{ "POST", "create-grant", GRANT("\"operations\":[null]"), 400, "KMS.0308" },
		{ "POST", "create-grant", GRANT(GRANTABLE ",\"retiring_principal\":\"a b\""), 400,
		  "KMS.2402" },
		{ "POST", "create-grant", GRANT(GRANTABLE ",\"grantee_principal_type\":\"group\""),
		  400, "KMS.0308" },
		{ "POST", "create-grant", GRANT(GRANTABLE ",\"name\":\"" X256 "\""), 400,
		  "KMS.0308" },
		{ "POST", "create-grant", "{\"key_id\":\"~\",\"grantee_principal\":\"u1\"," GRANTABLE
		  "}", 400, "KMS.0211" },
		{ "POST", "create-grant", "{\"key_id\":\"^\",\"grantee_principal\":\"u1\"," GRANTABLE
		  "}", 400, "KMS.0209" },
		{ "POST", "list-grants", "{\"key_id\":\"@\",\"limit\":\"x\"}", 400, "KMS.1601" },
		{ "POST", "retire-grant", "{}", 400, "KMS.0204" },
		{ "POST", "revoke-grant", "{\"key_id\":\"@\"}", 400, "KMS.0204" },
	};

	(void)state;
	CHECK(rows);
}

static void test_users(void **state)
{
	static const struct row rows[] = {
		{ "POST", "/v3/users", "7", 400, "not a JSON object" },
		{ "POST", "/v3/users", "{}", 400, "user: name" },
		{ "POST", "/v3/users", USER("\"name\":\"a/b\",\"password\":\"password\""), 400,
		  "user: name" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"domain_id\":\"\\n\","
					    "\"password\":\"password\""), 400, "user: domain_id" },
		{ "POST", "/v3/users", USER("\"name\":\"a\""), 400, "user: password" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"password\":\"seven77\""), 400,
		  "user: password" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"password\":\"" X64 X64 "x\""), 400,
		  "user: password" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"password\":\"password\""), 201,
		  "\"domain_id\":\"local\"" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"password\":\"password\""), 409,
		  "there is a user a already" },
		{ "POST", "/v3/users", USER("\"name\":\"a\",\"domain_id\":\"d\","
					    "\"password\":\"password\""), 201, "\"domain_id\":\"d\"" },
		{ "GET", "/v3/users?name=nobody", "", 200, "{\"users\":[]}" },
		{ "GET", "/v3/users?name=a", "", 200, "\"domain_id\":\"d\",\"enabled\":true" },
		{ "GET", "/v3/users?x=1", "", 200, "\"domain_id\":\"local\",\"enabled\":true" },
		{ "POST", "/v3/auth/tokens", LOGIN("\"password\":\"password\""), 400, "no user in it" },
		{ "POST", "/v3/auth/tokens", "{\"auth\":{\"identity\":{\"methods\":[\"password\"]},"
		  "\"scope\":{\"project\":{\"id\":\"" X64 "x\"}}}}", 400, "not the id of a project" },
		{ "POST", "/v3/auth/tokens", LOGIN("\"id\":\"nobody\",\"password\":\"password\""),
		  401, "wrong" },
		{ "PUT", "/v3/projects/default/users/none/roles/none", "", 404, "no role none" },
		{ "PUT", "/v3/projects/default/users/none/roles/kms_adm", "", 404, "no such user" },
		{ "DELETE", "/v3/projects/default/users/none/roles/none", "", 404, "no role none" },
		{ "DELETE", "/v3/projects/default/users/none/roles/kms_adm", "", 404,
		  "no such role of this user" },
		{ "DELETE", "/v3/domains/local/users/none/roles/none", "", 404, "no role none" },
		{ "POST", "/v3.0/OS-CREDENTIAL/credentials", "{}", 404, "no such user" },
		{ "DELETE", "/v3.0/OS-CREDENTIAL/credentials/none", "", 404, "no such access key" },
	};

	(void)state;
	CHECK(rows);
}

/* The answer to a request that succeeds with this status; a member of its one object. */
static char *made(const char *method, const char *uri, const char *body, long status,
		  const char *name)
{
	struct answer a = local(&f, method, uri, body, NULL);
	struct json_object *value = NULL;
	char *text;

	if (a.status != status)
		fail_msg("%s %s: %ld %s", method, uri, a.status, a.text);
	json_object_object_foreach(a.json, outer, inner) {
		(void)outer;
		json_object_object_get_ex(inner, name, &value);
	}
	text = strdup(value ? json_object_get_string(value) : "");
	answer_free(&a);
	return text;
}

/* A role that is taken away is gone, and a second time there is none; keys likewise. */
static void test_removal(void **state)
{
	static const char *const where[] = { "projects/default", "domains/local" };
	char *id = made("POST", "/v3/users", USER("\"name\":\"r\",\"password\":\"password\""), 201,
			"id"), *access, uri[160], body[120];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(uri, sizeof(uri), "/v3/%s/users/%s/roles/kms_adm", where[i], id);
		check_rows((const struct row[]){
			{ "PUT", uri, "", 204, "" },
			{ "DELETE", uri, "", 204, "" },
			{ "DELETE", uri, "", 404, "no such role" } }, 3);
	}
	snprintf(body, sizeof(body), "{\"credential\":{\"user_id\":\"%s\"}}", id);
	access = made("POST", "/v3.0/OS-CREDENTIAL/credentials", body, 201, "access");
	snprintf(uri, sizeof(uri), "/v3.0/OS-CREDENTIAL/credentials/%s", access);
	check_rows((const struct row[]){
		{ "DELETE", uri, "", 204, "" },
		{ "DELETE", uri, "", 404, "no such access key" } }, 2);
	free(access);
	free(id);
}

static void test_agencies(void **state)
{
	static const struct row rows[] = {
		{ "POST", "/v3.0/OS-AGENCY/agencies", AGENCY("\"name\":\"a\""), 400,
		  "trust_domain_name" },
		{ "POST", "/v3.0/OS-AGENCY/agencies", AGENCY("\"name\":\"a\","
			"\"trust_domain_name\":\"s\",\"description\":\"" X256 "\""), 400,
		  "more than 255" },
		{ "GET", "/v3.0/OS-AGENCY/agencies/none", "", 404, "no such agency" },
		{ "PUT", "/v3.0/OS-AGENCY/projects/default/agencies/none/roles/none", "", 404,
		  "no role none" },
		{ "PUT", "/v3.0/OS-AGENCY/projects/default/agencies/none/roles/kms_adm", "", 404,
		  "no such agency" },
		{ "DELETE", "/v3.0/OS-AGENCY/projects/default/agencies/none/roles/none", "", 404,
		  "no such role" },
		{ "DELETE", "/v3.0/OS-AGENCY/projects/default/agencies/none/roles/kms_adm", "", 404,
		  "no such role" },
	};
	char *id = made("POST", "/v3.0/OS-AGENCY/agencies",
			AGENCY("\"name\":\"a\",\"trust_domain_name\":\"s\""), 201, "id");
	char uri[160];

	(void)state;
	CHECK(rows);
	/* Of nobody's account in particular, so of the one there is */
	snprintf(uri, sizeof(uri), "/v3.0/OS-AGENCY/agencies/%s", id);
	check_rows((const struct row[]){
		{ "GET", uri, "", 200, "\"domain_id\":\"local\"" },
		{ "GET", uri, "", 200, "\"trust_domain_name\":\"s\"" } }, 2);
	free(id);
}

/* A token that is none neither takes up an agency nor gets a temporary key. */
static void test_no_token(void **state)
{
	static const char *const headers[] = { "X-Auth-Token", "0123", NULL };
	struct answer a = local(&f, "POST", "/v3/auth/tokens", "{\"auth\":{\"identity\":{\"methods\":"
		"[\"assume_role\"],\"assume_role\":{\"domain_name\":\"local\",\"agency_name\":"
		"\"a\"}}}}", headers);

	(void)state;
	assert_int_equal(a.status, 401);
	assert_contains(a.text, "The token must be updated.");
	answer_free(&a);
	a = local(&f, "GET", "/v3/users", "", headers);
	assert_int_equal(a.status, 401);
	assert_contains(a.text, "\"title\":\"Unauthorized\"");
	answer_free(&a);
}

/* Escapes of all lengths in a password are the characters that they stand for. */
static void test_escapes(void **state)
{
	static const char *const bad[] = {
		"password\\u12", "password\\u12x4", "password\\ud800", "password\\udc00",
		"password\\ud800\\u0041", "password\\ud83dxxxxxx",
	};
	char body[256];
	struct answer a;

	(void)state;
	free(made("POST", "/v3/users", USER("\"name\":\"e\",\"password\":"
		"\"pass\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\n\\/\""), 201, "id"));
	a = local(&f, "POST", "/v3/auth/tokens", LOGIN("\"name\":\"e\",\"password\":"
		"\"passA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\u000a/\""), (const char *[]){ NULL });
	if (a.status != 201)
		fail_msg("%ld %s", a.status, a.text);
	answer_free(&a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(body, sizeof(body), USER("\"name\":\"bad\",\"password\":\"%s\""), bad[i]);
		check_rows(&(struct row){ "POST", "/v3/users", body, 400, "user: password" }, 1);
	}
}

/* Encrypted data names the version of the key: one that there is not is none. */
static void test_version(void **state)
{
	char *text = call_ok(&f, "cipher_text", "encrypt-data",
			     "{\"key_id\":\"%s\",\"plain_text\":\"x\"}", key);
	unsigned char blob[1024];
	char again[EVS_BASE64_LEN(sizeof(blob)) + 1];
	ssize_t size = evs_base64_decode(blob, sizeof(blob), text, strlen(text));

	(void)state;
	assert_in_range(size, 20, sizeof(blob));
	blob[16] ^= 0x40;	/* the version, whichever byte comes first */
	evs_base64_encode(again, blob, (size_t)size);
	call_refused(&f, 400, "KMS.2201", "decrypt-data", "{\"cipher_text\":\"%s\"}", again);
	free(call_ok(&f, "plain_text", "decrypt-data", "{\"cipher_text\":\"%s\"}", text));
	free(text);
}

/* A token that is taken away: that is no fault of the request, and may pass. */
static void test_no_token_left(void **state)
{
	char tokens[96];

	(void)state;
	snprintf(tokens, sizeof(tokens), "%s/tokens", f.state);
	assert_int_equal(remove_tree(tokens), 0);
	call_refused(&f, 503, "KMS.0104", "create-key", "{\"key_alias\":\"lost\"}");
	call_refused(&f, 503, "KMS.0104", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	free(call_ok(&f, "total", "list-keys", "{}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_agencies),
		cmocka_unit_test(test_no_token),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_no_token_left),	/* the last one: it stays away */
	};

	return cmocka_run_group_tests_name("kmsd_refusal", tests, setup, teardown);
}
