// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every administrative call of the client, when the kind of KMS cannot do it, when
 * there is no such CMK, when it is refused, and when the answer is not as it should
 * be. The peer is one of the REST API.
 */
#include "peer.h"

#include <errno.h>

#include "kms/backend.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define GRANT "7c9a3286af4fcca5f0a385ad13e1d21a50e27b6dbcab50f37f30f93b8939827d"
#define KEY_INFO_OF(state) HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\"," \
	"\"key_alias\":\"k\",\"key_state\":\"" state "\"}}")
#define KEY_INFO KEY_INFO_OF("2")
#define OK(body) HTTP("200", body)

static struct peer peer;
static struct evs_config_kms cfg;
static struct evs_kms *kms;
static struct evs_error err;

static int set_up(void **state)
{
	(void)state;
	memset(&cfg, 0, sizeof(cfg));
	strcpy(cfg.name, "cloud");
	cfg.ops = evs_kms_backend("otc");
	cfg.timeout = 5;
	return peer_open(&peer) || evs_config_set(&cfg, "url", peer.url) ||
	       evs_config_set(&cfg, "project", "p1") || evs_kms_open(&kms, &cfg, &err) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	kms->ops = cfg.ops;	/* a test may have given it others */
	evs_kms_close(kms);
	peer_close(&peer);
	return 0;
}

/* ---- the calls ---- */

static struct evs_cmk cmk;
static struct evs_cmk *cmks;
static struct evs_rotation rotation;
static struct evs_grant grant = { .grantee = "u", .operation_count = 1,
				  .operations = { "describe-key" } };
static struct evs_grant *grants;
static struct evs_quota quotas[EVS_QUOTAS_MAX];
static struct evs_agency agency = { .name = "a", .account = "d", .trusted = "s", .role = "r" };
static struct evs_secret *material;
static size_t count;

#define CALL(name, function, ...) \
	static int name(void) { return function(kms, __VA_ARGS__, &err); }

CALL(create, evs_kms_create_key, "k", NULL, &cmk)
CALL(create_external, evs_kms_create_external_key, "k", NULL, &cmk)
CALL(list, evs_kms_list_keys, &cmks, &count)
CALL(describe, evs_kms_describe_key, "k", &cmk)
CALL(enable, evs_kms_enable_key, "k", &cmk)
CALL(schedule, evs_kms_schedule_deletion, "k", 7, &cmk)
CALL(cancel, evs_kms_cancel_deletion, "k", &cmk)
CALL(change_alias, evs_kms_rename, "k", "other", &cmk)
CALL(set_description, evs_kms_set_description, "k", "text", &cmk)
CALL(rotate, evs_kms_rotate, "k", &cmk)
CALL(set_rotation, evs_kms_set_rotation, "k", true, &cmk)
CALL(set_interval, evs_kms_set_rotation_interval, "k", 90, &cmk)
CALL(get_rotation, evs_kms_get_rotation, "k", &cmk, &rotation)
CALL(create_grant, evs_kms_create_grant, "k", &grant)
CALL(list_grants, evs_kms_list_grants, "k", &grants, &count)
CALL(list_retirable, evs_kms_list_retirable_grants, &grants, &count)
CALL(revoke_grant, evs_kms_revoke_grant, "k", GRANT, false)
CALL(get_quotas, evs_kms_get_quotas, quotas, &count)
CALL(import, evs_kms_import_material, "k", material, 0, &cmk)
CALL(delete_material, evs_kms_delete_material, "k", &cmk)
CALL(create_agency, evs_kms_create_agency, &agency)
CALL(find_agency, evs_kms_find_agency, &agency)
CALL(delete_agency, evs_kms_delete_agency, &agency)

/* What the KMS cannot do if it is one that only wraps, and whether a CMK is looked up first. */
static const struct {
	int (*call)(void);
	const char *cannot;
	bool finds;
} calls[] = {
	{ create, "make CMKs", false },
	{ create_external, "make CMKs whose material is imported", false },
	{ list, "list CMKs", false },
	{ enable, "enable CMKs", true },
	{ schedule, "schedule the deletion of CMKs", true },
	{ cancel, "cancel the deletion of CMKs", true },
	{ change_alias, "rename CMKs", true },
	{ set_description, "describe CMKs", true },
	{ rotate, "rotate CMKs on demand", true },
	{ set_rotation, "rotate CMKs regularly", true },
	{ set_interval, "rotate CMKs regularly", true },
	{ get_rotation, "rotate CMKs regularly", true },
	{ create_grant, "grant the use of CMKs", true },
	{ list_grants, "grant the use of CMKs", true },
	{ list_retirable, "list the grants of all CMKs", false },
	{ revoke_grant, "grant the use of CMKs", true },
	{ get_quotas, "tell quotas", false },
	{ import, "import the material of CMKs", true },
	{ delete_material, "import the material of CMKs", true },
	{ create_agency, "make agencies", false },
	{ find_agency, "make agencies", false },
	{ delete_agency, "make agencies", false },
};

#define COUNT (sizeof(calls) / sizeof(calls[0]))

/* ---- refusals ---- */

static void test_cannot(void **state)
{
	static const struct evs_kms_ops ops = { .name = "bare" };
	char want[128];
	size_t i;

	(void)state;
	kms->ops = &ops;
	for (i = 0; i < COUNT; i++) {
		snprintf(want, sizeof(want), "KMS cloud: cannot %s", calls[i].cannot);
		assert_int_equal(calls[i].call(), -EOPNOTSUPP);
		assert_contains(err.text, want);
		assert_contains(err.text, "its backend is bare");
	}
}

/* The cloud does not do so on demand: as a kind that does. */
static int rotate_now(struct evs_kms *which, const char *id, struct evs_error *why)
{
	assert_ptr_equal(which, kms);
	assert_string_equal(id, CMK);
	return evs_error_set_class(why, EVS_CLASS_NO_PERMISSION, "words");
}

/* Plays the answers to a call; what it returns is to be this. */
static void expect(int (*call)(void), int want, const char *first, const char *second)
{
	peer_script(&peer, first);
	if (second)
		peer_script(&peer, second);
	peer_start(&peer);
	assert_int_equal(call(), want);
	peer_finish(&peer);	/* and listens no longer */
	peer_close(&peer);
	assert_int_equal(peer_open(&peer), 0);
}

static void test_no_cmk(void **state)
{
	static struct evs_kms_ops ops;
	size_t i;

	(void)state;
	ops = evs_otc_ops;
	ops.rotate = rotate_now;
	kms->ops = &ops;
	for (i = 0; i < COUNT; i++) {
		if (!calls[i].finds)
			continue;
		expect(calls[i].call, -ENOKEY, ERROR("404", "KMS.0207"), NULL);
		assert_contains(err.text, "CMK k: no such CMK");
	}
	expect(rotate, -EACCES, KEY_INFO, KEY_INFO);
	assert_contains(err.text, "CMK k (" CMK "), enabled: no permission (words)");
}

/* What is found out before anything is sent */
static void test_not_sent(void **state)
{
	char long_text[EVS_CMK_DESCRIPTION_MAX + 2];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(evs_kms_set_description(kms, "k", long_text, &cmk, &err), -EINVAL);
	assert_contains(err.text, "longer than 255");
	assert_int_equal(evs_kms_describe_key(kms, "a b", &cmk, &err), -EINVAL);
}

static void test_description_refused(void **state)
{
	(void)state;
	peer_script(&peer, KEY_INFO);
	expect(set_description, -EACCES, ERROR("403", "KMS.0306"), KEY_INFO);
	assert_contains(err.text, "CMK k (" CMK "), enabled: no permission (KMS.0306 words)");
}

/* It was made, and then? */
static void test_created_but(void **state)
{
	(void)state;
	expect(create, -ENOKEY, KEY_INFO, ERROR("404", "KMS.0207"));
	assert_contains(err.text, "CMK k (" CMK ") was created, but");
	expect(create, -EKEYEXPIRED, KEY_INFO, KEY_INFO_OF("4"));
	assert_contains(err.text, "scheduled for deletion");
}

/* ---- answers that are none ---- */

#define ONE_GRANT(members) OK("{\"grants\":[{" members "}],\"truncated\":\"false\"}")
#define LAST "\"grant_id\":\"" GRANT "\",\"operations\":[]"

static void test_bad_answers(void **state)
{
	static const struct {
		int (*call)(void);
		const char *first, *second, *part;
	} row[] = {
		{ describe, OK("{\"key_info\":{\"key_id\":\"" CMK "\"}}"), NULL, "no key_info" },
		{ describe, OK("{\"key_info\":{\"key_id\":\"x\",\"key_state\":2}}"), NULL, "no key_info" },
		{ describe, OK("{}"), NULL, "no key_info" },
		{ create, OK("{}"), NULL, "no key_id" },
		{ create, OK("{\"key_info\":{\"key_id\":\"../x\"}}"), NULL, "no key_id" },
		{ enable, KEY_INFO, OK("{}"), "not what was asked for" },
		{ enable, KEY_INFO, KEY_INFO_OF("3"), "not what was asked for" },
		{ list, OK("{}"), NULL, "no key_details" },
		{ list, OK("{\"key_details\":[{}]}"), NULL, "a key without" },
		{ get_rotation, KEY_INFO, OK("{\"key_rotation_enabled\":7}"),
		  "no key_rotation_enabled" },
		{ list_grants, KEY_INFO, OK("{}"), "no grants" },
		{ list_grants, KEY_INFO, ONE_GRANT("\"operations\":[]"), "without grant_id" },
		{ list_grants, KEY_INFO, ONE_GRANT("\"grant_id\":\"../x\",\"operations\":[]"),
		  "without grant_id" },
		{ list_grants, KEY_INFO, ONE_GRANT("\"grant_id\":\"" GRANT "\""), "or operations" },
		{ list_grants, KEY_INFO, ONE_GRANT("\"grant_id\":\"" GRANT "\",\"operations\":[7]"),
		  "or operations" },
		{ list_retirable, OK("{\"grants\":[{" LAST "}],\"truncated\":\"true\"}"), NULL,
		  "no next page" },
		{ list_retirable, OK("{\"grants\":[],\"truncated\":\"true\",\"next_marker\":\"m\"}"),
		  NULL, "no next page" },
		{ get_quotas, OK("{\"quotas\":[]}"), NULL, "no quotas" },
		{ import, KEY_INFO, OK("{\"import_token\":\"t\"}"), "no public_key" },
		{ import, KEY_INFO, OK("{\"import_token\":\"t\",\"public_key\":\"AAAA\"}"),
		  "is no RSA key" },
		{ import, KEY_INFO, OK("{\"import_token\":\"t\",\"public_key\":\"!\"}"),
		  "is no RSA key" },
		{ find_agency, OK("{}"), NULL, "no list of agencies" },
		{ find_agency, OK("{\"agencies\":[{\"name\":\"a\",\"id\":\"../x\"}]}"), NULL,
		  "no list of agencies" },
		{ find_agency, OK("{\"agencies\":[{\"name\":\"x\"},{\"name\":\"a\",\"id\":\"1\"}]}"),
		  OK("{}"), "no list of roles" },
		{ create_agency, OK("{}"), NULL, "no list of roles" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		expect(row[i].call, -EPROTO, row[i].first, row[i].second);
		assert_int_equal(err.class, EVS_CLASS_PROTOCOL);
		assert_contains(err.text, row[i].part);
	}
}

/* A later page or step may be refused as well as the first one. */
static void test_later(void **state)
{
	static const char role[] = OK("{\"roles\":[{\"display_name\":\"r\",\"id\":\"9\"}]}");

	(void)state;
	expect(list_retirable, -EACCES, OK("{\"grants\":[{" LAST "}],\"truncated\":\"true\","
					   "\"next_marker\":\"m\"}"), ERROR("403", "KMS.0306"));
	assert_null(grants);
	assert_int_equal(count, 0);
	peer_script(&peer, KEY_INFO);
	expect(get_rotation, -EACCES, ERROR("403", "KMS.0306"), KEY_INFO);
	expect(find_agency, -EACCES, OK("{\"agencies\":[{\"name\":\"a\",\"id\":\"1\"}]}"),
	       ERROR("403", "KMS.0306"));
	expect(create_agency, -EACCES, role, ERROR("403", "KMS.0306"));
	/* There is one already: but which? */
	peer_script(&peer, role);
	expect(create_agency, -EACCES, ERROR("409", "x"), ERROR("403", "KMS.0306"));
	peer_script(&peer, role);
	expect(create_agency, -EEXIST, ERROR("409", "x"), OK("{\"agencies\":[{\"name\":\"a\","
	       "\"id\":\"1\",\"trust_domain_name\":\"somebody\"}]}"));
	assert_contains(err.text, "but for somebody: delete it with");
}

/* The identity service is another server, and may be the one that is not there */
static void test_no_iam(void **state)
{
	(void)state;
	kms->cfg.timeout = 1;
	peer_close(&peer);
	assert_true(find_agency() < 0);
	assert_int_equal(err.class, EVS_CLASS_KMS_UNREACHABLE);
	assert_int_equal(peer_open(&peer), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cannot),
		TEST(test_no_cmk),
		TEST(test_not_sent),
		TEST(test_description_refused),
		TEST(test_created_but),
		TEST(test_bad_answers),
		TEST(test_later),
		TEST(test_no_iam),
	};
	int failed;

	material = evs_secret_alloc(EVS_CMK_MATERIAL_SIZE);
	failed = cmocka_run_group_tests_name("kms_call", tests, NULL, NULL);
	evs_secret_free(material);
	return failed;
}
