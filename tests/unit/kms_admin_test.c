// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The administrative calls of the REST API: each request as it is documented,
 * each answer in the forms that are documented or seen, and what the user is
 * told of the refusals.
 */
#include "peer.h"

#include <errno.h>

#include "kms/backend.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define GRANT "7c9a3286af4fcca5f0a385ad13e1d21a50e27b6dbcab50f37f30f93b8939827d"

#define KEY_INFO_OF(alias, state) HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\"," \
	"\"key_alias\":\"" alias "\",\"key_state\":\"" state "\"," \
	"\"scheduled_deletion_date\":\"1796083200000\"}}")
#define KEY_INFO(state) KEY_INFO_OF("db-prod", state)

struct fixture {
	struct peer peer;
	struct evs_kms *kms;
	struct evs_error err;
	struct evs_cmk cmk;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct evs_config_kms cfg = { .name = "otc", .timeout = 5 };

	if (!f || peer_open(&f->peer))
		return -1;
	cfg.ops = evs_kms_backend("otc");
	*state = f;
	return evs_config_set(&cfg, "url", f->peer.url) || evs_config_set(&cfg, "project", "p1") ||
	       evs_kms_open(&f->kms, &cfg, &f->err) ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	evs_kms_close(f->kms);
	peer_close(&f->peer);
	free(f);
	return 0;
}

/* The call looks the CMK up first. */
static void script(struct fixture *f, const char *answer)
{
	if (!f->peer.steps)
		peer_script(&f->peer, KEY_INFO("2"));
	peer_script(&f->peer, answer);
}

static void assert_request(const struct fixture *f, unsigned int i, const char *op,
			   const char *members)
{
	char want[1024];

	snprintf(want, sizeof(want), "POST /v1.0/p1/kms/%s {\"key_id\":\"" CMK "\"%s}", op, members);
	assert_string_equal(f->peer.request[i], want);
}

static void test_schedule_deletion(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"key_state\":\"4\"}"));
	script(f, KEY_INFO("4"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_schedule_deletion(f->kms, "db-prod", 1096, &f->cmk, &f->err), 0);
	peer_finish(&f->peer);
	assert_request(f, 1, "schedule-key-deletion", ",\"pending_days\":\"1096\"");
	assert_int_equal(f->cmk.state, EVS_CMK_STATE_PENDING_DELETION);
	assert_int_equal(f->cmk.deletion, 1796083200);
}

static void test_schedule_deletion_twice(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.1402"));
	script(f, KEY_INFO("4"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_schedule_deletion(f->kms, "db-prod", 7, &f->cmk, &f->err),
			 -EKEYEXPIRED);
	peer_finish(&f->peer);
	assert_string_equal(f->err.text, "CMK db-prod (" CMK "): scheduled for deletion on "
		"2026-12-01 (KMS.1402 words); cancel with: evs-setup cmk cancel-deletion --kms otc "
		"db-prod, then enable it");
}

/* No CMK came out of it that is about to be deleted. */
static void test_schedule_deletion_lies(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"key_state\":\"2\"}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_schedule_deletion(f->kms, "db-prod", 7, &f->cmk, &f->err),
			 -EPROTO);
	peer_finish(&f->peer);
}

static void test_cancel_deletion(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"key_state\":3}"));
	script(f, KEY_INFO("3"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_cancel_deletion(f->kms, "db-prod", &f->cmk, &f->err), 0);
	peer_finish(&f->peer);
	assert_request(f, 1, "cancel-key-deletion", "");
	assert_int_equal(f->cmk.state, EVS_CMK_STATE_DISABLED);
}

static void test_cancel_nothing(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.1501"));
	script(f, KEY_INFO("2"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_cancel_deletion(f->kms, "db-prod", &f->cmk, &f->err), -EINVAL);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "is enabled, not scheduled for deletion (KMS.1501 words)");
}

static void test_names(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\",\"key_alias\":\"new/name\"}}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\"}}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_rename(f->kms, "db-prod", "alias/new/name", &f->cmk, &f->err), 0);
	assert_string_equal(f->cmk.alias, "new/name");
	assert_int_equal(evs_kms_set_description(f->kms, "db-prod", "a \"b\"", &f->cmk, &f->err),
			 0);
	peer_finish(&f->peer);
	assert_request(f, 1, "update-key-alias", ",\"key_alias\":\"new\\/name\"");
	assert_request(f, 3, "update-key-description", ",\"key_description\":\"a \\\"b\\\"\"");
}

static void test_rename_taken(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.1104"));
	script(f, KEY_INFO_OF("other", "2"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_rename(f->kms, "db-prod", "other", &f->cmk, &f->err), -EEXIST);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "CMK other (" CMK "): another CMK has this alias");
	assert_int_equal(evs_kms_rename(f->kms, "db-prod", "a b", &f->cmk, &f->err), -EINVAL);
	assert_int_equal(evs_kms_rename(f->kms, "db-prod", CMK, &f->cmk, &f->err), -EINVAL);
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	struct evs_rotation rotation;

	script(f, HTTP("200", "{}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{\"key_rotation_enabled\":true,\"rotation_interval\":30,"
		       "\"last_rotation_time\":\"1501578672000\",\"number_of_rotations\":3}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_set_rotation(f->kms, CMK, true, &f->cmk, &f->err), 0);
	assert_int_equal(evs_kms_set_rotation_interval(f->kms, CMK, 30, &f->cmk, &f->err), 0);
	assert_int_equal(evs_kms_get_rotation(f->kms, CMK, &f->cmk, &rotation, &f->err), 0);
	peer_finish(&f->peer);
	assert_request(f, 1, "enable-key-rotation", "");
	assert_request(f, 3, "update-key-rotation-interval", ",\"rotation_interval\":30");
	assert_request(f, 5, "get-key-rotation-status", "");
	assert_true(rotation.on);
	assert_int_equal(rotation.interval, 30);
	assert_int_equal(rotation.count, 3);
	assert_int_equal(rotation.last, 1501578672);
}

static void test_rotation_off(void **state)
{
	struct fixture *f = *state;
	struct evs_rotation rotation;

	script(f, HTTP("200", "{}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{\"key_rotation_enabled\":\"false\"}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_set_rotation(f->kms, CMK, false, &f->cmk, &f->err), 0);
	assert_int_equal(evs_kms_get_rotation(f->kms, CMK, &f->cmk, &rotation, &f->err), 0);
	assert_false(rotation.on);
	assert_int_equal(rotation.count, -1);
	assert_int_equal(evs_kms_get_rotation(f->kms, CMK, &f->cmk, &rotation, &f->err), -EPROTO);
	peer_finish(&f->peer);
	assert_request(f, 1, "disable-key-rotation", "");
}

static void test_default_key(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.0211"));
	script(f, KEY_INFO_OF("evs/default", "2"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_set_rotation(f->kms, CMK, true, &f->cmk, &f->err), -EOPNOTSUPP);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "the default master key cannot be");
	assert_contains(f->err.text, "evs-setup cmk create --kms otc");
}

static void test_create_grant(void **state)
{
	struct evs_grant grant = { .name = "g", .grantee = "user1", .retiring = "user2",
				   .operation_count = 2,
				   .operations = { "describe-key", "decrypt-datakey" } };
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"grant_id\":\"" GRANT "\"}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("200", "{\"grant_id\":\"../../etc\"}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_create_grant(f->kms, CMK, &grant, &f->err), 0);
	assert_string_equal(grant.id, GRANT);
	assert_int_equal(evs_kms_create_grant(f->kms, CMK, &grant, &f->err), -EPROTO);
	peer_finish(&f->peer);
	assert_request(f, 1, "create-grant", ",\"grantee_principal\":\"user1\","
		       "\"operations\":[\"describe-key\",\"decrypt-datakey\"],\"name\":\"g\","
		       "\"retiring_principal\":\"user2\"");
}

static void test_list_grants(void **state)
{
	struct fixture *f = *state;
	struct evs_grant *grants;
	size_t count;

	script(f, HTTP("200", "{\"grants\":[{\"key_id\":\"" CMK "\",\"grant_id\":\"" GRANT "\","
		       "\"grantee_principal\":\"user1\",\"operations\":[\"create-datakey\"],"
		       "\"issuing_principal\":\"user0\",\"creation_date\":\"1497341531000\"}],"
		       "\"next_marker\":\"m1\",\"truncated\":\"true\",\"total\":2}"));
	script(f, HTTP("200", "{\"grants\":[{\"grant_id\":\"" GRANT "\",\"name\":\"n\\u001b[1m\","
		       "\"operations\":[]}],\"next_marker\":\"\",\"truncated\":\"false\"}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_list_grants(f->kms, CMK, &grants, &count, &f->err), 0);
	peer_finish(&f->peer);
	assert_int_equal(count, 2);
	assert_string_equal(grants[0].grantee, "user1");
	assert_string_equal(grants[0].issuer, "user0");
	assert_string_equal(grants[0].operations[0], "create-datakey");
	assert_int_equal(grants[0].created, 1497341531);
	assert_string_equal(grants[1].name, "n [1m");
	assert_contains(f->peer.request[2], "\"marker\":\"m1\"");
	free(grants);
}

static void test_revoke_grant(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{}"));
	script(f, KEY_INFO("2"));
	script(f, HTTP("204", ""));
	script(f, KEY_INFO("2"));
	script(f, ERROR("403", "KMS.0306"));
	script(f, KEY_INFO("2"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_revoke_grant(f->kms, CMK, GRANT, false, &f->err), 0);
	assert_int_equal(evs_kms_revoke_grant(f->kms, CMK, GRANT, true, &f->err), 0);
	assert_int_equal(evs_kms_revoke_grant(f->kms, CMK, GRANT, false, &f->err), -EACCES);
	peer_finish(&f->peer);
	assert_request(f, 1, "revoke-grant", ",\"grant_id\":\"" GRANT "\"");
	assert_request(f, 3, "retire-grant", ",\"grant_id\":\"" GRANT "\"");
	assert_string_equal(f->err.text, "CMK db-prod (" CMK "), enabled: no permission (KMS.0306 "
		"words); a KMS administrator has to grant kms:grant:revoke, which only the CMK's "
		"creator has");
}

static void test_grant_quota(void **state)
{
	struct evs_grant grant = { .grantee = "u", .operation_count = 1 };
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.2404"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_create_grant(f->kms, CMK, &grant, &f->err), -EDQUOT);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "no more grants of this CMK allowed (KMS.2404 words)");
}

/* Grants of whatever CMK, which each grant names */
static void test_retirable(void **state)
{
	struct fixture *f = *state;
	struct evs_grant *grants;
	size_t count;

	peer_script(&f->peer, HTTP("200", "{\"grants\":[{\"grant_id\":\"" GRANT "\",\"key_id\":\"" CMK
		"\",\"operations\":[\"retire-grant\"]}],\"truncated\":\"false\",\"total\":1}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_list_retirable_grants(f->kms, &grants, &count, &f->err), 0);
	peer_finish(&f->peer);
	assert_string_equal(f->peer.request[0],
			    "POST /v1.0/p1/kms/list-retirable-grants {\"limit\":\"50\"}");
	assert_int_equal(count, 1);
	assert_string_equal(grants[0].id, GRANT);
	assert_string_equal(grants[0].cmk, CMK);
	free(grants);
}

static void test_quotas(void **state)
{
	struct evs_quota quotas[EVS_QUOTAS_MAX];
	struct fixture *f = *state;
	size_t count;

	peer_script(&f->peer, HTTP("200", "{\"quotas\":{\"resources\":[{\"quota\":20,\"used\":3,"
		"\"type\":\"CMK\"},{\"quota\":\"100\",\"used\":\"0\",\"type\":\"grant_per_CMK\"}]}}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_get_quotas(f->kms, quotas, &count, &f->err), 0);
	peer_finish(&f->peer);
	assert_string_equal(f->peer.request[0], "GET /v1.0/p1/kms/user-quotas ");
	assert_int_equal(count, 2);
	assert_string_equal(quotas[0].type, "CMK");
	assert_int_equal(quotas[0].used, 3);
	assert_int_equal(quotas[1].limit, 100);
}

static void test_quotas_refused(void **state)
{
	struct evs_quota quotas[EVS_QUOTAS_MAX];
	struct fixture *f = *state;
	size_t count;

	peer_script(&f->peer, ERROR("403", "KMS.0306"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_get_quotas(f->kms, quotas, &count, &f->err), -EACCES);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "kms:cmk:getQuota");
}

static void test_quotas_odd(void **state)
{
	struct evs_quota quotas[EVS_QUOTAS_MAX];
	struct fixture *f = *state;
	size_t count;

	peer_script(&f->peer, HTTP("200", "{\"quotas\":{\"resources\":[{\"type\":\"CMK\"}]}}"));
	peer_start(&f->peer);
	assert_int_equal(evs_kms_get_quotas(f->kms, quotas, &count, &f->err), -EPROTO);
	peer_finish(&f->peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_schedule_deletion), TEST(test_schedule_deletion_twice),
		TEST(test_schedule_deletion_lies), TEST(test_cancel_deletion),
		TEST(test_cancel_nothing), TEST(test_names), TEST(test_rename_taken),
		TEST(test_rotation), TEST(test_rotation_off), TEST(test_default_key),
		TEST(test_create_grant), TEST(test_list_grants), TEST(test_revoke_grant),
		TEST(test_grant_quota), TEST(test_retirable), TEST(test_quotas),
		TEST(test_quotas_refused), TEST(test_quotas_odd),
	};

	return cmocka_run_group_tests_name("kms_admin", tests, NULL, NULL);
}
