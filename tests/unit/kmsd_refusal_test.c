// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that the KMS has to refuse, each with the status and the code or the
 * words that it is refused with, and requests that are just not common.
 */
#include "kmsd_fixture.h"

#define KMS "/v1.0/default/kms/"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64
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
		a = local(&f, row->method, uri, body);
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
		{ "POST", "create-datakey",
		  "{\"key_id\":\"@\",\"datakey_length\":512,\"recipient\":7}", 400, "KMS.0214" },
		{ "POST", "encrypt-datakey",
		  "{\"key_id\":\"@\",\"datakey_plain_length\":64,\"source_key_id\":7}", 400,
		  "KMS.0214" },
		{ "POST", "create-key", "{\"key_alias\":\"a", 400, "KMS.0202" },
		{ "POST", "create-key", "{\"key_alias", 400, "KMS.0202" },
	};

	(void)state;
	CHECK(rows);
}

/* What a cloud has besides, and a key server has not. */
static void test_no_cloud(void **state)
{
	static const struct row rows[] = {
#define NONE(method, uri) { method, uri, "{}", 400, "KMS.0201" }
		NONE("POST", "/v3/auth/tokens"), NONE("POST", "/v3/users"), NONE("GET", "/v3/users"),
		NONE("PUT", "/v3/projects/default/users/u/roles/kms_adm"),
		NONE("PUT", "/v3/domains/local/users/u/roles/te_agency"), NONE("GET", "/v3/roles"),
		NONE("POST", "/v3.0/OS-CREDENTIAL/credentials"),
		NONE("POST", "/v3.0/OS-CREDENTIAL/securitytokens"),
		NONE("POST", "/v3.0/OS-AGENCY/agencies"), NONE("GET", "/v3.0/OS-AGENCY/agencies"),
		NONE("POST", "encrypt-data"), NONE("POST", "decrypt-data"),
		NONE("POST", "gen-random"), NONE("POST", "create-datakey-without-plaintext"),
		NONE("GET", "user-instances"), NONE("GET", "@/tags"), NONE("POST", "@/tags"),
		NONE("POST", "resource_instances/action"), NONE("GET", "/"), NONE("GET", "/v1.0"),
		NONE("GET", "/openstack/latest/securitykey"),
	};

	(void)state;
	CHECK(rows);
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
		cmocka_unit_test(test_no_cloud),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_no_token_left),	/* the last one: it stays away */
	};

	return cmocka_run_group_tests_name("kmsd_refusal", tests, setup, teardown);
}
