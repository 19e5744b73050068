// SPDX-License-Identifier: GPL-2.0-or-later
/* Grants: single operations on a key, for a client of another project, and how they end. */
#include "kmsd_local.h"

static const struct kmsd_client anna = CLIENT("anna", "default", ADMINISTRATOR);
static const struct kmsd_client dora = CLIENT("dora", "default", ADMINISTRATOR);
static const struct kmsd_client carl = CLIENT("carl", "default", AUDITOR);
static const struct kmsd_client bert = CLIENT("bert", "berts", AUDITOR);
static const struct kmsd_client boss = CLIENT("boss", "berts", ADMINISTRATOR);

#define DATAKEY "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}"
#define KEY "{\"key_id\":\"%s\"}"
#define GRANT "{\"key_id\":\"%s\",\"grantee_principal\":\"%s\",\"operations\":[%s]}"
#define THIS "{\"key_id\":\"%s\",\"grant_id\":\"%s\"}"

static void assert_member(char *text, const char *want)
{
	assert_string_equal(text, want);
	free(text);
}

static void test_grants(void **state)
{
	struct answer refusal;
	char *key, *grant;

	(void)state;
	key = allowed("key_id", &anna, "create-key", "{\"key_alias\":\"shared\"}");
	refused(404, "KMS.0207", &bert, "create-datakey", DATAKEY, key);
	refusal = call_as(&carl, "create-grant", GRANT, key, "carl", "\"describe-key\"");
	assert_non_null(strstr(refusal.text, "client carl has the role auditor; this takes administrator: "));
	assert_non_null(strstr(refusal.text, "in [client carl] of evs-kmsd.conf, or an administrator of "
			       "the key's project has to run: evs-setup cmk grant add --to carl CMK"));
	answer_free(&refusal);
	refused(400, "KMS.2401", &anna, "create-grant", GRANT, key, "bert", "\"create-grant\"");
	refused(400, "KMS.2402", &anna, "create-grant", GRANT, key, "a b", "\"describe-key\"");
	grant = allowed("grant_id", &anna, "create-grant", GRANT, key, "bert",
			"\"create-datakey\",\"create-grant\",\"retire-grant\"");
	assert_int_equal(strlen(grant), 64);
	/* Bert, in a project of his own, may do this and nothing else */
	free(allowed("cipher_text", &bert, "create-datakey", DATAKEY, key));
	refused(404, "KMS.0207", &bert, "describe-key", KEY, key);
	refused(403, "KMS.0306", &bert, "disable-key", KEY, key);
	/* He hands on what he has, and no more */
	refused(403, "KMS.0306", &bert, "create-grant", GRANT, key, "carl", "\"decrypt-datakey\"");
	free(allowed("grant_id", &bert, "create-grant", "{\"key_id\":\"%s\",\"grantee_principal\":"
		     "\"carl\",\"operations\":[\"create-datakey\"],\"retiring_principal\":\"carl\"}",
		     key));
	free(allowed("cipher_text", &carl, "create-datakey", DATAKEY, key));
	assert_member(allowed("total", &anna, "list-grants", KEY, key), "2");
	assert_member(allowed("total", &carl, "list-retirable-grants", "{}"), "1");

	refused(400, "KMS.2501", &anna, "revoke-grant", THIS, key, "zz");
	refused(400, "KMS.2502", &anna, "revoke-grant", THIS,
		"0d0466b0-e727-4d9c-b35d-f84bb474a37f", grant);
	refused(403, "KMS.0306", &carl, "retire-grant", THIS, key, grant);
	/* With his grant ends what he has handed on by it */
	free(allowed("key_id", &bert, "retire-grant", THIS, key, grant));
	refused(404, "KMS.0207", &bert, "create-datakey", DATAKEY, key);
	refused(403, "KMS.0306", &carl, "create-datakey", DATAKEY, key);
	assert_member(allowed("total", &anna, "list-grants", KEY, key), "0");
	f.kmsd.conf.grants = 1;
	free(allowed("grant_id", &anna, "create-grant", GRANT, key, "bert", "\"describe-key\""));
	refused(400, "KMS.2404", &anna, "create-grant", GRANT, key, "bert", "\"describe-key\"");
	free(key);
	free(grant);
}

/* Whoever has made the key or the grant: any administrator of the project may revoke it. */
static void test_revoke(void **state)
{
	char *key = allowed("key_id", &anna, "create-key", "{\"key_alias\":\"shared\"}");
	char *grant = allowed("grant_id", &anna, "create-grant", GRANT, key, "bert",
			      "\"create-datakey\",\"create-grant\"");
	char *more = allowed("grant_id", &bert, "create-grant", GRANT, key, "boss",
			     "\"create-datakey\",\"create-grant\"");

	(void)state;
	free(allowed("grant_id", &boss, "create-grant", GRANT, key, "carl", "\"create-datakey\""));
	/* One in the middle takes along what hangs from it, and nothing else */
	free(allowed("key_id", &dora, "revoke-grant", THIS, key, more));
	assert_member(allowed("total", &dora, "list-grants", KEY, key), "1");
	refused(403, "KMS.0306", &carl, "create-datakey", DATAKEY, key);
	free(allowed("cipher_text", &bert, "create-datakey", DATAKEY, key));
	free(allowed("key_id", &dora, "revoke-grant", THIS, key, grant));
	refused(404, "KMS.0207", &bert, "create-datakey", DATAKEY, key);
	free(more);
	free(grant);
	free(key);
}

/* A rewrap takes leave to unwrap by the one key and to wrap by the other. */
static void test_granted_rewrap(void **state)
{
	static const char request[] = "{\"key_id\":\"%s\",\"datakey_plain_length\":\"64\","
		"\"source_key_id\":\"%s\",\"source_cipher_text\":\"%s\"}";
	char *from, *to, *blob;

	(void)state;
	from = allowed("key_id", &anna, "create-key", "{\"key_alias\":\"from\"}");
	to = allowed("key_id", &anna, "create-key", "{\"key_alias\":\"to\"}");
	blob = allowed("cipher_text", &anna, "create-datakey", DATAKEY, from);
	free(allowed("grant_id", &anna, "create-grant", GRANT, to, "bert", "\"encrypt-datakey\""));
	refused(404, "KMS.0207", &bert, "encrypt-datakey", request, to, from, blob);
	/* To wrap by it is not to unwrap */
	free(allowed("grant_id", &anna, "create-grant", GRANT, from, "bert",
		     "\"encrypt-datakey\""));
	refused(404, "KMS.0207", &bert, "encrypt-datakey", request, to, from, blob);
	free(allowed("grant_id", &anna, "create-grant", GRANT, from, "bert",
		     "\"decrypt-datakey\""));
	free(allowed("cipher_text", &bert, "encrypt-datakey", request, to, from, blob));
	free(blob);
	free(to);
	free(from);
}

/* The administrator of one project has no more of another's key than it was granted. */
static void test_other_administrator(void **state)
{
	char *key, *own, *grant;

	(void)state;
	key = allowed("key_id", &anna, "create-key", "{\"key_alias\":\"shared\"}");
	own = allowed("key_id", &boss, "create-key", "{\"key_alias\":\"own\"}");
	grant = allowed("grant_id", &anna, "create-grant", GRANT, key, "boss",
			"\"describe-key\",\"create-grant\"");
	refused(403, "KMS.0306", &boss, "create-grant", GRANT, key, "boss", "\"decrypt-datakey\"");
	refused(404, "KMS.0207", &boss, "create-datakey", DATAKEY, key);
	/* Nor are the key's grants for it to list or to revoke */
	refused(404, "KMS.0207", &boss, "list-grants", KEY, key);
	refused(404, "KMS.0207", &boss, "revoke-grant", THIS, key, grant);
	free(allowed("grant_id", &boss, "create-grant", GRANT, key, "anna", "\"describe-key\""));
	free(allowed("grant_id", &boss, "create-grant", GRANT, own, "anna", "\"decrypt-datakey\""));
	free(grant);
	free(own);
	free(key);
}

/* A grant is to a client; another one that is given its name has none. */
static void test_name_again(void **state)
{
	static const char *const known[][2] = {
		{ "uid", "1001" }, { "san", "a.example" }, { "subject", "CN=a" },
		{ "fingerprint", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
	};
	struct kmsd_clients *clients = &f.kmsd.conf.clients;
	struct kmsd_client dave, other;
	char *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"shared\"}");
	struct evs_error err = {};
	size_t i;

	(void)state;
	call_refused(&f, 400, "KMS.2402", "create-grant", GRANT, key, "dave", "\"create-datakey\"");
	for (i = 0; i < 4; i++) {
		assert_int_equal(kmsd_clients_section(clients, "dave", &err), 0);
		assert_null(kmsd_clients_set(clients, "dave", known[i][0], known[i][1]));
		assert_null(kmsd_clients_set(clients, "dave", "project", "berts"));
		assert_null(kmsd_clients_set(clients, "dave", "role", "auditor"));
		dave = other = clients->list[0];
		refused(404, "KMS.0207", &dave, "create-datakey", DATAKEY, key);
		free(call_ok(&f, "grant_id", "create-grant", GRANT, key, "dave",
			     "\"create-datakey\",\"create-grant\""));
		free(allowed("cipher_text", &dave, "create-datakey", DATAKEY, key));
		other.uid += i == 0;
		other.fingerprint[0] ^= i == 3;
		other.subject[0] ^= i == 2;
		other.san[0] ^= i == 1;
		refused(404, "KMS.0207", &other, "create-datakey", DATAKEY, key);
		refused(404, "KMS.0207", &other, "create-grant", GRANT, key, "root",
			"\"create-datakey\"");
		kmsd_clients_free(clients);
	}
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoke, setup, teardown),
		cmocka_unit_test_setup_teardown(test_granted_rewrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_administrator, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_again, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_grant", tests, NULL, NULL);
}
