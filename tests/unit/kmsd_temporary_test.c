// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Temporary access keys, from the call that makes them to the signature that is
 * checked: the real client, to which a scripted metadata service hands out what
 * the KMS has issued, against the real server. Both clocks are the test's.
 */
#include "kmsd_fixture.h"
#include "peer.h"

#include "kms/backend.h"
#include "kms/clock.h"
#include "kms/sign.h"
#include "sweep.h"
#include "http/server.h"

#define START INT64_C(1800000000)
#define UUID "11111111-2222-3333-4444-555555555555"
#define SECURITYTOKENS "/v3.0/OS-CREDENTIAL/securitytokens"
#define DURATION(seconds) "\"duration_seconds\":" seconds
#define AGENCY "\"domain_name\":\"local\",\"agency_name\":\"EVSAccessKMS\""

/**
 * struct key - A temporary access key.
 */
struct key {
	char access[32];
	char secret[64];
	char token[80];
	char expires[40];
};

static struct fixture f;
static struct kmsd_server *server;
static struct peer peer;
static struct evs_config_kms cfg;
static struct evs_kms *kms;
static struct evs_error err;
static int64_t now_ms;
static char *user, secret_path[80];

static int64_t fake_wall(void)
{
	return now_ms / 1000;
}

static void pass(int64_t seconds)
{
	now_ms += seconds * 1000;
}

/* ---- what the KMS is asked beside ---- */

/* A call of root's that makes something; returns its id, "" when it has none. */
static char *make(const char *method, const char *uri, const char *body, const char *outer)
{
	struct answer a = local(&f, method, uri, body, NULL);
	struct json_object *inner = NULL, *id = NULL;
	char *result;

	if (a.status / 100 != 2)
		fail_msg("%s %s: %ld %s", method, uri, a.status, a.text);
	if (json_object_object_get_ex(a.json, outer, &inner))
		json_object_object_get_ex(inner, "id", &id);
	result = strdup(id ? json_object_get_string(id) : "");
	answer_free(&a);
	return result;
}

static char *make_user(const char *name, const char *domain, const char *scope, const char *role)
{
	char body[256], uri[256], *id;

	snprintf(body, sizeof(body),
		 "{\"user\":{\"name\":\"%s\",\"domain_id\":\"%s\",\"password\":\"password\"}}", name,
		 domain);
	id = make("POST", "/v3/users", body, "user");
	snprintf(uri, sizeof(uri), "/v3/%s/users/%s/roles/%s", scope, id, role);
	free(make("PUT", uri, NULL, ""));
	return id;
}

static void login(const char *name, const char *domain, char token[80])
{
	static const char form[] =
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":"
		"\"%s\",\"domain\":{\"name\":\"%s\"},\"password\":\"password\"}}},\"scope\":"
		"{\"project\":{\"id\":\"default\"}}}}";
	char body[512];
	struct answer a;

	snprintf(body, sizeof(body), form, name, domain);
	a = local(&f, "POST", "/v3/auth/tokens", body, (const char *const[]){ NULL });
	assert_int_equal(a.status, 201);
	strcpy(token, a.token);
	answer_free(&a);
}

/* Asks for a key by a method, with what the method takes; @token NULL: as root. */
static struct answer ask_key(const char *token, const char *method, const char *how)
{
	const char *const headers[] = { "X-Auth-Token", token, NULL };
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"%s\"],\"%s\":{%s}}}}", method, method, how);
	return local(&f, "POST", SECURITYTOKENS, body, token ? headers : NULL);
}

static void copy_member(const struct answer *a, const char *name, char *out, size_t size)
{
	struct json_object *credential, *value;

	assert_true(json_object_object_get_ex(a->json, "credential", &credential));
	assert_true(json_object_object_get_ex(credential, name, &value));
	snprintf(out, size, "%s", json_object_get_string(value));
}

static struct key get_key(const char *token, const char *method, const char *how)
{
	struct answer a = ask_key(token, method, how);
	struct key key;

	if (a.status != 201)
		fail_msg("%ld %s", a.status, a.text);
	copy_member(&a, "access", key.access, sizeof(key.access));
	copy_member(&a, "secret", key.secret, sizeof(key.secret));
	copy_member(&a, "securitytoken", key.token, sizeof(key.token));
	copy_member(&a, "expires_at", key.expires, sizeof(key.expires));
	answer_free(&a);
	return key;
}

static struct key user_key(void)
{
	char token[80];

	login("tina", "local", token);
	return get_key(token, "token", DURATION("900"));
}

/* ---- the client ---- */

/* The metadata service gives this key next. */
static char *hand_out(const struct key *key)
{
	char *answer;

	assert_true(asprintf(&answer, HTTP("200", "{\"credential\":{\"access\":\"%s\",\"secret\":\"%s\","
					   "\"securitytoken\":\"%s\",\"expires_at\":\"%s\"}}"),
			     key->access, key->secret, key->token, key->expires) > 0);
	peer_script(&peer, answer);
	return answer;
}

static int create_datakey(void)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_token token;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_describe_key(kms, "k", &cmk, &err);
	if (!ret)
		ret = evs_token_init(&token, "t", cmk.id, UUID, &err);
	if (!ret)
		ret = evs_kms_create_datakey(kms, &token, dk, &err);
	evs_secret_free(dk);
	return ret;
}

static void set(const char *name, const char *value)
{
	assert_int_equal(evs_config_set(&cfg, name, value), 0);
}

static void open_client(const char *auth, const char *project)
{
	char url[96];

	snprintf(url, sizeof(url), "unix:%s", f.socket);
	set("url", url);
	set("project", project);
	set("auth", auth);
	if (!strcmp(auth, "metadata"))
		set("metadata-url", peer.url);
	if (evs_kms_open(&kms, &cfg, &err))
		fail_msg("%s", err.text);
}

/* Has somebody of this name done something that was recorded? */
static bool is_recorded(const char *name, const char *event)
{
	char path[160], line[2048], want[80], by[80];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/audit.log", f.state);
	snprintf(by, sizeof(by), "\"client\":\"%s\"", name);
	snprintf(want, sizeof(want), "\"event\":\"%s\"", event);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found = found || (strstr(line, by) && strstr(line, want));
	fclose(file);
	return found;
}

/* Temporary keys in the database */
static int64_t keys_kept(void)
{
	int64_t count = -1;

	assert_true(kmsd_db_number(kmsd_store_reading(f.kmsd.store), &err, &count,
				   "SELECT count(*) FROM iam_temporary", "") >= 0);
	return count;
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	now_ms = START * 1000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	evs_clock.wall = fake_wall;
	if (kmsd_server_start(&server, &f.kmsd, &err) || peer_open(&peer))
		return -1;
	memset(&cfg, 0, sizeof(cfg));
	strcpy(cfg.name, "t");
	cfg.ops = evs_kms_backend("otc");
	cfg.timeout = 20;
	snprintf(secret_path, sizeof(secret_path), "%s/secret", f.dir);
	free(make("POST", "/v1.0/default/kms/create-key", "{\"key_alias\":\"k\"}", ""));
	user = make_user("tina", "local", "projects/default", "kms_user");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	evs_kms_close(kms);
	kms = NULL;
	kmsd_server_stop(server);
	peer_close(&peer);
	memset(&peer, 0, sizeof(peer));
	free(user);
	fixture_close(&f);
	return 0;
}

/* ---- the tests ---- */

static void test_by_token(void **state)
{
	struct key key = user_key();
	char *answer = hand_out(&key);
	struct evs_cmk cmk;

	(void)state;
	assert_string_equal(key.expires, "2027-01-15T08:15:00.000000Z");
	open_client("metadata", "default");
	peer_start(&peer);
	if (create_datakey())
		fail_msg("%s", err.text);
	/* It may do what its user may, and no more: root asks the same KMS in vain */
	assert_int_equal(evs_kms_create_key(kms, "x", NULL, &cmk, &err), -EACCES);
	peer_finish(&peer);
	assert_true(is_recorded("tina", "createTemporaryKey"));
	assert_true(is_recorded("tina", "createDataKey"));
	free(answer);
}

static void test_by_agency(void **state)
{
	char token[80], uri[160], *id, *agency, *answer;
	struct key key;

	(void)state;
	id = make_user("op", "op_svc_evs", "domains/op_svc_evs", "te_agency");
	agency = make("POST", "/v3.0/OS-AGENCY/agencies", "{\"agency\":{\"name\":\"EVSAccessKMS\","
		      "\"domain_id\":\"local\",\"trust_domain_name\":\"op_svc_evs\"}}", "agency");
	snprintf(uri, sizeof(uri), "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/kms_adm",
		 agency);
	login("op", "op_svc_evs", token);
	key = get_key(token, "assume_role", AGENCY);
	answer = hand_out(&key);
	open_client("metadata", "default");
	peer_start(&peer);
	/* The agency is there, but no project has given it a role */
	assert_int_equal(create_datakey(), -EACCES);
	assert_contains(err.text, "evs-setup agency create");
	free(make("PUT", uri, NULL, ""));
	if (create_datakey())
		fail_msg("%s", err.text);
	peer_finish(&peer);
	assert_true(is_recorded("EVSAccessKMS", "createDataKey"));
	free(answer);
	free(agency);
	free(id);
}

static void test_expired(void **state)
{
	struct key stale = user_key(), fresh;
	char *answers[3];

	(void)state;
	/* A metadata service that is behind: the client believes that the key is good */
	strcpy(stale.expires, "2027-02-01T00:00:00.000000Z");
	answers[0] = hand_out(&stale);
	answers[1] = hand_out(&stale);
	open_client("metadata", "default");
	pass(899);
	fresh = user_key();
	answers[2] = hand_out(&fresh);
	peer_start(&peer);
	if (create_datakey())
		fail_msg("%s", err.text);
	pass(1);
	/* Asks for another one, once, and gets the same */
	assert_int_equal(create_datakey(), -EPERM);
	assert_int_equal(err.class, EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(err.text, "APIGW.0301");
	assert_contains(err.text, "the temporary access key has expired");
	if (create_datakey())
		fail_msg("%s", err.text);
	peer_finish(&peer);
	for (int i = 0; i < 3; i++)
		free(answers[i]);
	/* What has expired is deleted, what has not is kept */
	assert_int_equal(kmsd_sweep(&f.kmsd, &err), 0);
	assert_int_equal(keys_kept(), 1);
}

/* The client gets this key, and the KMS refuses it, saying why. */
static void refused_key(const struct key *key, const char *why)
{
	char *answers[2] = { hand_out(key), hand_out(key) };

	open_client("metadata", "default");
	peer_start(&peer);
	assert_int_equal(create_datakey(), -EPERM);
	assert_contains(err.text, "APIGW.0301");
	assert_contains(err.text, why);
	peer_finish(&peer);
	peer_close(&peer);
	assert_int_equal(peer_open(&peer), 0);
	evs_kms_close(kms);
	kms = NULL;
	free(answers[0]);
	free(answers[1]);
}

static void test_refused(void **state)
{
	struct key key = user_key(), other = user_key(), bad;
	char uri[128];
	FILE *file;

	(void)state;
	bad = key;
	strcpy(bad.token, other.token);
	refused_key(&bad, "no such access key with this X-Security-Token");
	bad = key;
	strcpy(bad.secret, other.secret);
	refused_key(&bad, "the signature does not fit");
	/* Nor is it a key that lasts: without its token it is none */
	file = fopen(secret_path, "w");
	assert_non_null(file);
	assert_true(fputs(key.secret, file) >= 0);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fclose(file), 0);
	set("access-key", key.access);
	set("secret-key-file", secret_path);
	open_client("ak-sk", "default");
	assert_int_equal(create_datakey(), -EPERM);
	assert_contains(err.text, "no such access key");
	evs_kms_close(kms);
	kms = NULL;
	/* A user that is no more takes his keys along */
	snprintf(uri, sizeof(uri), "/v3/users/%s", user);
	free(make("DELETE", uri, NULL, ""));
	assert_int_equal(keys_kept(), 0);
}

static void test_other_project(void **state)
{
	struct key key = user_key();
	char *answer = hand_out(&key);

	(void)state;
	open_client("metadata", "elsewhere");
	peer_start(&peer);
	assert_int_equal(create_datakey(), -EPERM);
	assert_contains(err.text, "KMS.0321");
	free(answer);
}

static void test_requests(void **state)
{
	static const struct {
		const char *method, *how;
		long status;
	} requests[] = {
		{ "token", "", 201 },
		{ "token", DURATION("\"86400\""), 201 },
		{ "token", DURATION("899"), 400 },
		{ "token", DURATION("86401"), 400 },
		{ "token", DURATION("\"long\""), 400 },
		{ "password", "", 400 },
		{ "assume_role", "", 400 },
		{ "assume_role", AGENCY, 403 },	/* not an Agent Operator */
	};
	char token[80];
	struct answer a;

	(void)state;
	login("tina", "local", token);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		a = ask_key(token, requests[i].method, requests[i].how);
		if (a.status != requests[i].status)
			fail_msg("%zu: %ld %s", i, a.status, a.text);
		answer_free(&a);
	}
	/* By a token alone: not by root's right on the socket, nor by one that has expired */
	a = ask_key(NULL, "token", "");
	assert_int_equal(a.status, 401);
	answer_free(&a);
	pass(24 * 60 * 60);
	a = ask_key(token, "token", "");
	assert_int_equal(a.status, 401);
	answer_free(&a);
}

/* Asks for a token of the agency, with a temporary key's signature. */
static struct answer ask_token(const struct key *key)
{
	static const char body[] = "{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"],"
		"\"assume_role\":{" AGENCY "}},\"scope\":{\"project\":{\"id\":\"default\"}}}}";
	char date[EVS_SIGN_DATE_SIZE], line[32], authorization[EVS_SIGN_LINE_MAX];
	struct evs_secret *secret = evs_secret_alloc(sizeof(key->secret));
	const struct evs_sign sign = {
		.access = key->access, .key = secret, .method = "POST", .path = "/v3/auth/tokens",
		.headers = (const char *const[]){ line, NULL }, .body = body, .len = strlen(body),
	};
	const char *const headers[] = {
		"X-Sdk-Date", date, "X-Security-Token", key->token, "Authorization",
		authorization + strlen("Authorization: "), NULL,
	};

	assert_non_null(secret);
	memcpy(secret->data, key->secret, sizeof(key->secret));
	evs_sign_date(now_ms / 1000, date);
	snprintf(line, sizeof(line), "X-Sdk-Date: %s", date);
	assert_int_equal(evs_sign(&sign, authorization, &err), 0);
	evs_secret_free(secret);
	return local(&f, "POST", "/v3/auth/tokens", body, headers);
}

/* A key that expires gives no token that would outlive it. */
static void test_no_token(void **state)
{
	char token[80], *id = make_user("op", "op_svc_evs", "domains/op_svc_evs", "te_agency");
	struct answer a;
	struct key key;

	(void)state;
	free(make("POST", "/v3.0/OS-AGENCY/agencies", "{\"agency\":{\"name\":\"EVSAccessKMS\","
		  "\"domain_id\":\"local\",\"trust_domain_name\":\"op_svc_evs\"}}", "agency"));
	login("op", "op_svc_evs", token);
	key = get_key(token, "token", DURATION("900"));
	a = ask_token(&key);
	assert_int_equal(a.status, 401);
	assert_contains(a.text, "a temporary access key gives no token");
	assert_string_equal(a.token, "");
	answer_free(&a);
	free(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_agency, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_project, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_token, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_temporary", tests, root_only, NULL);
}
