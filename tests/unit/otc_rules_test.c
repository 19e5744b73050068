// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The double of the cloud has the real one's rules: what one account, user or agency
 * may not do to another.
 */
#include "otc_rules.h"

static struct answer assume(const char *own, const char *agency, const char *project)
{
	char body[400];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"],\"assume_role\":{"
		 "\"domain_name\":\"local\",\"agency_name\":\"%s\"}},\"scope\":{\"project\":{"
		 "\"id\":\"%s\"}}}}", agency, project);
	return ask(own, "POST", TOKENS, body);
}

/*
 * No security administrator reaches the keys of another project by giving roles to himself
 * or to agencies, and taking those up.
 */
static void test_other_account(void **state)
{
	static const char agency[] = "{\"agency\":{\"name\":\"mine\",\"domain_id\":\"local\","
		"\"trust_domain_name\":\"other\"}}";
	char boss[OTC_TOKEN_SIZE], own[OTC_TOKEN_SIZE], id[OTC_ID_SIZE], where[200];

	(void)state;
	get_token("boss", "local", NULL, boss);
	get_token("spy", "other", NULL, own);
	make_agency(boss, "evs", "op_svc_evs", id);
	/* It is for another account to take up, and not his to see, change or make */
	check_status(assume(own, "evs", "default"), 404, NULL, __LINE__);
	want(403, "Security Administrator in account local", own, "POST",
	     "/v3.0/OS-AGENCY/agencies", agency);
	want(403, NULL, own, "GET", "/v3.0/OS-AGENCY/agencies?domain_id=local", NULL);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/agencies/%s", id);
	want(403, NULL, own, "DELETE", where, NULL);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/projects/theirs/agencies/%s/roles/kms_adm",
		 id);
	want(403, NULL, own, "PUT", where, "");
	/* Nor has an agency a role in a project of another account, or one over users */
	want(403, "has no project theirs", boss, "PUT", where, "");
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/te_agency",
		 id);
	want(404, NULL, boss, "PUT", where, "");
	/* There is nothing by which to give a role to a user */
	want(404, NULL, own, "PUT", "/v3/projects/theirs/users/spy/roles/te_agency", "");
	want(404, NULL, boss, "PUT", "/v3/domains/local/users/boss/roles/te_agency", "");
	/* A token is for no project of another account */
	check_status(login("spy", "other", "password", "default"), 401, NULL, __LINE__);
	get_token("spy", "other", "theirs", own);
	want(403, "KMS.0321", own, "POST", KMS("default", "list-keys"), "{}");
	want(200, NULL, own, "POST", KMS("theirs", "list-keys"), "{}");
}

/* These roles are an account's: in a project they are worth nothing. */
static void test_project_roles(void **state)
{
	static const char agency[] = "{\"agency\":{\"name\":\"mine\",\"domain_id\":\"local\","
		"\"trust_domain_name\":\"local\"}}";
	char boss[OTC_TOKEN_SIZE], own[OTC_TOKEN_SIZE], id[OTC_ID_SIZE];

	(void)state;
	get_token("boss", "local", NULL, boss);
	make_agency(boss, "evs", "local", id);
	get_token("part", "local", NULL, own);
	want(403, "Security Administrator", own, "POST", "/v3.0/OS-AGENCY/agencies", agency);
	check_status(assume(own, "evs", "default"), 403, "Agent Operator", __LINE__);
	/* Nor are they by a token that is for a project alone */
	get_token("part", "local", "default", own);
	want(403, "Security Administrator", own, "POST", "/v3.0/OS-AGENCY/agencies", agency);
	check_status(assume(own, "evs", "default"), 401, NULL, __LINE__);
	want(403, "KMS.0306", own, "POST", KMS("default", "create-key"), "{\"key_alias\":\"a\"}");
	get_token("boss", "local", "default", boss);
	want(403, "Security Administrator", boss, "POST", "/v3.0/OS-AGENCY/agencies", agency);
}

static off_t audit_size(void)
{
	char log[128];
	struct stat st;

	snprintf(log, sizeof(log), "%s/audit.log", f.state);
	assert_int_equal(stat(log, &st), 0);
	return st.st_size;
}

/* Who has no role fills no audit log, neither by what is refused nor by logins. */
static void test_no_role(void **state)
{
	char token[OTC_TOKEN_SIZE];
	off_t before = audit_size();

	(void)state;
	for (int i = 0; i < 100; i++) {
		get_token("nil", "local", "default", token);
		want(403, "KMS.0306", token, "POST", KMS("default", "create-key"),
		     "{\"key_alias\":\"a\"}");
		want(403, "KMS.0302", "none", "POST", KMS("default", "create-key"), "{}");
		check_status(login("nil", "local", "guess", "default"), 401, NULL, __LINE__);
	}
	/* A few records, of 400 bytes at most, and a count later */
	assert_in_range(audit_size() - before, 1, 5 * 400);
}

/* An agency's tokens, and what was done with them, end with it, and with who took it up. */
static void test_agency_ends(void **state)
{
	static const char grant[] = "{\"key_id\":\"%s\",\"grantee_principal\":\"nil\","
		"\"operations\":[\"describe-key\"]}";
	char boss[OTC_TOKEN_SIZE], own[OTC_TOKEN_SIZE], token[OTC_TOKEN_SIZE], id[OTC_ID_SIZE];
	char *key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/k\"}");
	char body[256], nil[OTC_TOKEN_SIZE], where[120];

	(void)state;
	get_token("boss", "local", NULL, boss);
	get_token("op", "op_svc_evs", NULL, own);
	get_token("nil", "local", "default", nil);
	check_status(assume(own, "evs", "default"), 404, "evs-setup agency create", __LINE__);
	make_agency(boss, "evs", "op_svc_evs", id);
	check_status(assume(own, "evs", "default"), 201, NULL, __LINE__);
	strcpy(token, subject);
	snprintf(body, sizeof(body), grant, key);
	want(200, NULL, token, "POST", KMS("default", "create-grant"), body);
	snprintf(body, sizeof(body), "{\"key_id\":\"%s\"}", key);
	want(200, NULL, nil, "POST", KMS("default", "describe-key"), body);
	/* A token of the agency takes up no other one */
	check_status(assume(token, "evs", "default"), 401, NULL, __LINE__);

	/* Who took it up is no more, and there again */
	let_there_be(spy, "");
	want(403, "KMS.0302", token, "POST", KMS("default", "list-keys"), "{}");
	want(403, "KMS.0302", own, "POST", KMS("default", "list-keys"), "{}");
	let_there_be(spy, operator);
	want(200, NULL, token, "POST", KMS("default", "list-keys"), "{}");
	/* Or may not take up agencies any more */
	let_there_be(spy, "[user op]\naccount = op_svc_evs\npassword = password\n");
	want(403, "KMS.0302", token, "POST", KMS("default", "list-keys"), "{}");
	let_there_be(spy, operator);

	/* Its account deletes it: neither token nor grant is left, also not under its name */
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/agencies/%s", id);
	want(204, NULL, boss, "DELETE", where, NULL);
	want(403, "KMS.0302", token, "POST", KMS("default", "list-keys"), "{}");
	want(403, "kms:cmk:get", nil, "POST", KMS("default", "describe-key"), body);
	make_agency(boss, "evs", "op_svc_evs", id);
	want(403, "KMS.0302", token, "POST", KMS("default", "list-keys"), "{}");
	free(key);
}

/* A user that is no more has no tokens, and its grants are gone. */
static void test_user_ends(void **state)
{
	char *key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/k\"}");
	char token[OTC_TOKEN_SIZE], spies[OTC_TOKEN_SIZE], body[256];

	(void)state;
	get_token("spy", "other", "theirs", spies);
	get_token("adm", "local", "default", token);
	snprintf(body, sizeof(body), "{\"key_id\":\"%s\",\"grantee_principal\":\"spy\","
		 "\"operations\":[\"describe-key\"]}", key);
	want(200, NULL, token, "POST", KMS("default", "create-grant"), body);
	snprintf(body, sizeof(body), "{\"key_id\":\"%s\"}", key);
	want(200, NULL, spies, "POST", KMS("theirs", "describe-key"), body);
	let_there_be("", "");
	want(403, "KMS.0302", spies, "POST", KMS("theirs", "describe-key"), body);
	let_there_be(spy, "");
	get_token("spy", "other", "theirs", token);
	want(404, "KMS.0207", token, "POST", KMS("theirs", "describe-key"), body);
	/* And each token ends by itself */
	now_ms += INT64_C(24) * 60 * 60 * 1000;
	want(403, "KMS.0303", token, "POST", KMS("theirs", "list-keys"), "{}");
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_other_account),
		TEST(test_project_roles),
		TEST(test_no_role),
		TEST(test_agency_ends),
		TEST(test_user_ends),
	};

	return cmocka_run_group_tests_name("otc_rules", tests, NULL, NULL);
}
