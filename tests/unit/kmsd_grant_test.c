// SPDX-License-Identifier: GPL-2.0-or-later
/* Grants: single operations on a key, for somebody of another project. */
#include "kmsd_users.h"

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
		"{\"key_id\":\"%s\",\"grantee_principal\":\"a b\",\"operations\":[\"describe-key\"]}", key);
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

/* The administrator of one project has no more of another's key than he was granted. */
static void test_other_administrator(void **state)
{
	static const char request[] = "{\"key_id\":\"%s\",\"grantee_principal\":\"%s\","
		"\"operations\":[\"%s\"]}";
	char *anna = new_user("anna", "local", "KMS Administrator", "default");
	char *bert = new_user("bert", "local", "KMS Administrator", "berts");
	char a_token[80], b_token[80], *key, *own, *grant;

	(void)state;
	get_token("anna", "local", "default", a_token);
	get_token("bert", "local", "berts", b_token);
	key = allowed("key_id", a_token, "default", "create-key", "{\"key_alias\":\"shared\"}");
	own = allowed("key_id", b_token, "berts", "create-key", "{\"key_alias\":\"own\"}");
	grant = allowed("grant_id", a_token, "default", "create-grant",
			"{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":"
			"[\"describe-key\",\"create-grant\"]}", key, bert);
	refused(403, "KMS.0306", b_token, "berts", "create-grant", request, key, bert,
		"decrypt-datakey");
	refused(404, "KMS.0207", b_token, "berts", "create-datakey",
		"{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	/* Nor are the key's grants for him to list or to revoke */
	refused(404, "KMS.0207", b_token, "berts", "list-grants", "{\"key_id\":\"%s\"}", key);
	refused(404, "KMS.0207", b_token, "berts", "revoke-grant",
		"{\"key_id\":\"%s\",\"grant_id\":\"%s\"}", key, grant);
	free(allowed("grant_id", b_token, "berts", "create-grant", request, key, anna,
		     "describe-key"));
	free(allowed("grant_id", b_token, "berts", "create-grant", request, own, anna,
		     "decrypt-datakey"));
	free(grant);
	free(own);
	free(key);
	free(bert);
	free(anna);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_granted_rewrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_administrator, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_grant", tests, NULL, NULL);
}
