// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of the cloud's double: who reaches which keys, what fills no log, when what
 * somebody has been given ends, and who keeps nobody else out. The cloud is in this
 * process, with a clock that the test moves.
 */
#include "kmsd_fixture.h"

#include <pthread.h>

#include "cloud.h"
#include "kms/backend.h"
#include "kms/clock.h"
#include "kms/kms.h"

#define START INT64_C(1800000000)
#define TOKENS "/v3/auth/tokens?nocatalog=1"
#define KMS(project, op) "/v1.0/" project "/kms/" op

static const char conf[] =
	"[project default]\naccount = local\n"
	"[project theirs]\naccount = other\n"
	"[user adm]\naccount = local\npassword = password\nrole default = KMS Administrator\n"
	"[user boss]\naccount = local\npassword = password\nrole = Security Administrator\n"
	"[user part]\naccount = local\npassword = password\n"
	"role default = Security Administrator\nrole default = Agent Operator\n"
	"[user nil]\naccount = local\npassword = password\n"
	"[instance]\naccount = local\nagency = vm\n";
static const char operator[] =
	"[user op]\naccount = op_svc_evs\npassword = password\nrole = Agent Operator\n";
static const char spy[] =
	"[user spy]\naccount = other\npassword = password\nrole = Agent Operator\n"
	"role = Security Administrator\nrole theirs = KMS Administrator\n";

static struct fixture f;
static struct otc_cloud cloud;
static struct otc_server *server;
static unsigned int port;
static struct evs_error err;
static int64_t now_ms;
static char path[96];

static int64_t fake_wall(void)
{
	return now_ms / 1000;
}

/* Writes the file that says who there is, and has it read. */
static void let_there_be(const char *one, const char *two)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fprintf(file, "%s%s%s", conf, one, two) > 0);
	assert_int_equal(fclose(file), 0);
	if (cloud.kmsd && otc_reload(&cloud, path, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	fixture_open(&f);
	now_ms = START * 1000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	evs_clock.wall = fake_wall;
	snprintf(path, sizeof(path), "%s/cloud.conf", f.dir);
	memset(&cloud, 0, sizeof(cloud));
	let_there_be(operator, spy);
	port = 0;
	if (otc_open(&cloud, &f.kmsd, path, &err) ||
	    otc_server_start(&server, &cloud, &port, &err))
		fail_msg("%s", err.text);
	call_done(&f, "create-key", "{\"key_alias\":\"k\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	otc_server_stop(server);
	otc_close(&cloud);
	fixture_close(&f);
	return 0;
}

/* X-Subject-Token of the last answer of this thread */
static _Thread_local char subject[OTC_TOKEN_SIZE];

static size_t on_answer_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "X-Subject-Token: ";

	(void)arg;
	if (size * n > strlen(name) && !strncasecmp(data, name, strlen(name)))
		snprintf(subject, sizeof(subject), "%.*s", (int)(size * n - strlen(name) - 2),
			 data + strlen(name));
	return size * n;
}

static struct answer ask(const char *token, const char *method, const char *where,
			 const char *body)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	struct answer a = {};
	char url[256], line[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, where);
	snprintf(line, sizeof(line), "X-Auth-Token: %s", token ? token : "");
	if (token)
		headers = curl_slist_append(headers, line);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_answer_header);
	subject[0] = '\0';
	if (curl_easy_perform(curl) == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
		a.json = a.text ? json_tokener_parse(a.text) : NULL;
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return a;
}

/* Asks, and wants this status; a part of the answer where one is given. */
#define want(status, part, ...) check_status(ask(__VA_ARGS__), status, part, __LINE__)
static void check_status(struct answer a, long status, const char *part, int line)
{
	if (a.status != status || (part && (!a.text || !strstr(a.text, part))))
		fail_msg("line %d: %ld %s, want %ld %s", line, a.status, a.text, status,
			 part ? part : "");
	answer_free(&a);
}

static struct answer login(const char *user, const char *account, const char *password,
			   const char *project)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		 "\"name\":\"%s\",\"password\":\"%s\",\"domain\":{\"name\":\"%s\"}}}},\"scope\":{"
		 "\"%s\":{\"%s\":\"%s\"}}}}", user, password, account, project ? "project" : "domain",
		 project ? "id" : "name", project ? project : account);
	return ask(NULL, "POST", TOKENS, body);
}

static void get_token(const char *user, const char *account, const char *project,
		      char token[OTC_TOKEN_SIZE])
{
	check_status(login(user, account, "password", project), 201, NULL, __LINE__);
	strcpy(token, subject);
}

static struct answer assume(const char *own, const char *agency, const char *project)
{
	char body[400];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"],\"assume_role\":{"
		 "\"domain_name\":\"local\",\"agency_name\":\"%s\"}},\"scope\":{\"project\":{"
		 "\"id\":\"%s\"}}}}", agency, project);
	return ask(own, "POST", TOKENS, body);
}

/* Makes an agency with a role in the project; returns its id. */
static void make_agency(const char *token, const char *name, const char *trusted,
			char id[OTC_ID_SIZE])
{
	struct json_object *agency, *value;
	char body[256], where[200];
	struct answer a;

	snprintf(body, sizeof(body), "{\"agency\":{\"name\":\"%s\",\"domain_id\":\"local\","
		 "\"trust_domain_name\":\"%s\"}}", name, trusted);
	a = ask(token, "POST", "/v3.0/OS-AGENCY/agencies", body);
	assert_int_equal(a.status, 201);
	assert_true(json_object_object_get_ex(a.json, "agency", &agency));
	assert_true(json_object_object_get_ex(agency, "id", &value));
	snprintf(id, OTC_ID_SIZE, "%s", json_object_get_string(value));
	answer_free(&a);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/kms_adm",
		 id);
	want(204, NULL, token, "PUT", where, "");
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

static volatile bool guessing;

static void *guess(void *arg)
{
	struct answer a;
	bool good = true;

	while (guessing) {
		a = login("adm", "local", "guess", "default");
		good = good && a.status == 401;
		answer_free(&a);
	}
	return good ? NULL : arg;
}

/* Those who guess passwords keep nobody from logging in. */
static void test_guessing(void **state)
{
	char token[OTC_TOKEN_SIZE];
	pthread_t threads[8];
	void *bad;

	(void)state;
	guessing = true;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, guess, threads), 0);
	for (int i = 0; i < 50; i++)
		get_token("adm", "local", "default", token);
	guessing = false;
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	want(200, NULL, token, "POST", KMS("default", "list-keys"), "{}");
}

static void test_login_forms(void **state)
{
	static const char *const bodies[] = {
		"", "{", "[]", "{}", "{\"auth\":null}", "{\"auth\":{\"identity\":{}}}",
		"{\"auth\":{\"identity\":{\"methods\":[null]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[[\"password\"]]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\",\"assume_role\"]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":1}}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"]}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		want(400, "\"title\":\"Bad Request\"", NULL, "POST", TOKENS, bodies[i]);
	check_status(login("nobody", "local", "password", "default"), 401, NULL, __LINE__);
	check_status(login("adm", "other", "password", "default"), 401, NULL, __LINE__);
	check_status(login("adm", "local", "password", "none"), 401, NULL, __LINE__);
	assert_string_equal(subject, "");
	want(403, "KMS.0301", NULL, "POST", KMS("default", "list-keys"), "{}");
}

/* ---- the metadata service ---- */

static int describe(struct evs_kms *kms)
{
	struct evs_cmk cmk;

	return evs_kms_describe_key(kms, "k", &cmk, &err);
}

/* An instance is what its agency may, for as long as that is there. */
static void test_metadata(void **state)
{
	struct evs_config_kms cfg = { .name = "c", .ops = evs_kms_backend("otc"), .timeout = 60 };
	char boss[OTC_TOKEN_SIZE], id[OTC_ID_SIZE], url[64], where[120];
	struct evs_kms *kms;

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	assert_int_equal(evs_config_set(&cfg, "url", url), 0);
	assert_int_equal(evs_config_set(&cfg, "project", "default"), 0);
	assert_int_equal(evs_config_set(&cfg, "auth", "metadata"), 0);
	assert_int_equal(evs_config_set(&cfg, "metadata-url", url), 0);
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(describe(kms), -EPERM);
	assert_contains(err.text, "has this instance an agency?");
	get_token("boss", "local", NULL, boss);
	make_agency(boss, "vm", OTC_INSTANCES, id);
	assert_int_equal(describe(kms), 0);
	/* An hour later the key has expired, and the client has got another one */
	now_ms += 61 * 60 * 1000;
	assert_int_equal(describe(kms), 0);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/agencies/%s", id);
	want(204, NULL, boss, "DELETE", where, NULL);
	assert_int_equal(describe(kms), -EPERM);
	evs_kms_close(kms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_other_account), TEST(test_project_roles), TEST(test_no_role),
		TEST(test_agency_ends), TEST(test_user_ends), TEST(test_guessing),
		TEST(test_login_forms), TEST(test_metadata),
	};

	return cmocka_run_group_tests_name("otc_rules", tests, NULL, NULL);
}
