// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who a client of the REST API shows itself to be: tokens by password and by
 * agency, and the files with its secrets.
 */
#include "kms_auth.h"

static void use_password(struct fixture *f)
{
	set(f, "auth", "password");
	set(f, "user", "u\"1");
	set(f, "domain", "d1");
	set(f, "password-file", f->secret);
}

static const char password_request[] =
	TOKEN_REQUEST("\"password\":{\"user\":{\"name\":\"u\\\"1\",\"domain\":{\"name\":\"d1\"},"
		      "\"password\":\"" SECRET_JSON "\"}},\"methods\":[\"password\"]");

static void test_password(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	assert_string_equal(f->peer.request[0], password_request);
	assert_contains(f->peer.head[1], "\r\nX-Auth-Token: tok-1\r\n");
	assert_contains(f->peer.head[2], "\r\nX-Auth-Token: tok-1\r\n");
	assert_null(strstr(f->peer.head[0], "X-Auth-Token"));
}

/* Two minutes before its time is up a token is not used any more. */
static void test_token_expires(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-25T13:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, TOKEN("tok-2", "2025-11-26T13:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	wall = NOON + 3600 - 121;
	assert_int_equal(describe(f), 0);
	wall = NOON + 3600 - 120;
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	assert_contains(f->peer.head[2], "X-Auth-Token: tok-1\r\n");
	assert_contains(f->peer.head[4], "X-Auth-Token: tok-2\r\n");
}

static void test_token_refused_once(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, ERROR("403", "KMS.0303"));
	peer_script(&f->peer, TOKEN("tok-2", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	assert_contains(f->peer.head[3], "X-Auth-Token: tok-2\r\n");
	assert_null(strstr(f->peer.head[3], "tok-1"));
}

static void test_token_refused_twice(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, HTTP("401", "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"no\"}"));
	peer_script(&f->peer, TOKEN("tok-2", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, HTTP("401", "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"no\"}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPERM);
	peer_finish(&f->peer);
	assert_int_equal(f->err.class, EVS_CLASS_BAD_CREDENTIALS);
	assert_string_equal(f->err.code, "APIGW.0301");
	assert_contains(f->err.text, "KMS cloud: does not accept who asks (APIGW.0301 no); "
			"see [kms cloud] in /etc/evs/evs.conf");
}

/* No permission is no reason to log in again. */
static void test_denied(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, ERROR("403", "KMS.0306"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EACCES);
	peer_finish(&f->peer);
}

static void test_wrong_password(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, IAM_ERROR("401", "The username or password is wrong."));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPERM);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "user u\"1 of d1: The username or password is wrong.");
	assert_null(strstr(f->err.text, SECRET));
}

static void test_no_token(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, HTTP("201", "{\"token\":{}}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPROTO);
	peer_finish(&f->peer);
	assert_contains(f->err.text, "X-Subject-Token");
}

/* A token longer than any cloud's is refused, not cut. */
static void test_token_too_long(void **state)
{
	struct fixture *f = *state;
	char *answer = calloc(1, 50000);

	assert_non_null(answer);
	use_password(f);
	open_kms(f);
	strcpy(answer, "HTTP/1.1 201 X\r\nConnection: close\r\nX-Subject-Token: ");
	memset(answer + strlen(answer), 'a', 40000);
	strcat(answer, "\r\n\r\n{}");
	peer_script(&f->peer, answer);
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPROTO);
	peer_finish(&f->peer);
	free(answer);
}

static void test_agency(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	set(f, "agency", "EVSAccessKMS");
	set(f, "agency-domain", "customer");
	open_kms(f);
	peer_script(&f->peer, TOKEN("own", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, TOKEN("delegated", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	/* One's own token is for one's own account, the project is the customer's. */
	assert_contains(f->peer.request[0], "\"scope\":{\"domain\":{\"name\":\"d1\"}}");
	assert_contains(f->peer.head[1], "X-Auth-Token: own\r\n");
	assert_string_equal(f->peer.request[1],
		TOKEN_REQUEST("\"assume_role\":{\"domain_name\":\"customer\","
			      "\"xrole_name\":\"EVSAccessKMS\"},\"methods\":[\"assume_role\"]"));
	assert_contains(f->peer.head[2], "X-Auth-Token: delegated\r\n");
}

/* The documentation has both names; a service may know but one. */
static void test_agency_name(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	set(f, "agency", "EVSAccessKMS");
	set(f, "agency-domain", "customer");
	open_kms(f);
	peer_script(&f->peer, TOKEN("own", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, IAM_ERROR("400", "agency_name is missing"));
	peer_script(&f->peer, IAM_ERROR("404", "Could not find agency"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPERM);
	peer_finish(&f->peer);
	assert_contains(f->peer.request[2], "\"agency_name\":\"EVSAccessKMS\"");
	assert_contains(f->err.text, "agency EVSAccessKMS of customer: Could not find agency");
}

/* An identity service that is busy, or none that answers, is no refusal. */
static void test_iam_away(void **state)
{
	struct fixture *f = *state;

	use_password(f);
	open_kms(f);
	peer_script(&f->peer, IAM_ERROR("503", "later"));
	peer_script(&f->peer, TOKEN("tok-1", "2025-11-26T12:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	evs_kms_close(f->kms);
	f->cfg.timeout = 1;
	f->cfg.options.count = 0;
	set(f, "url", f->peer.url);
	set(f, "project", "p1");
	set(f, "auth", "metadata");
	set(f, "metadata-url", "unix:/nonexistent/sock");
	open_kms(f);
	assert_int_equal(describe(f), -EHOSTUNREACH);
	assert_contains(f->err.text, "metadata service: ");
}

static void refuse_file(struct fixture *f, const char *text, mode_t mode, const char *why)
{
	assert_int_equal(write_secret(f->secret, text, mode), 0);
	assert_int_not_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), 0);
	f->kms = NULL;
	assert_contains(f->err.text, f->secret);
	assert_contains(f->err.text, why);
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	char line[6000];

	use_password(f);
	refuse_file(f, "x", 0640, "open to others (mode 640): it is a secret, run: chmod 600 ");
	refuse_file(f, "x", 0604, "open to others");
	refuse_file(f, "", 0600, "empty");
	refuse_file(f, "\n", 0600, "empty");
	refuse_file(f, "a\nb\n", 0600, "not one line");
	refuse_file(f, "a\r\n", 0600, "not one line");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	refuse_file(f, line, 0600, "longer than");
	set(f, "password-file", "/nonexistent");
	assert_int_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), -ENOENT);
	set(f, "password-file", "/dev/null");
	assert_int_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), -EINVAL);
}

static void test_foreign_file(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	use_password(f);
	assert_int_equal(chown(f->secret, 65534, 0), 0);
	assert_int_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), -EPERM);
	assert_contains(f->err.text, "belongs to uid 65534");
}

static void refuse(struct fixture *f, const char *why)
{
	assert_int_equal(f->cfg.ops->check(&f->cfg, &f->err), -EINVAL);
	assert_contains(f->err.text, why);
}

static void test_check(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->cfg.ops->check(&f->cfg, &f->err), 0);
	set(f, "user", "u");
	refuse(f, "user goes with auth = password, not none");
	set(f, "auth", "password");
	refuse(f, "auth = password needs domain");
	set(f, "domain", "d");
	refuse(f, "auth = password needs password-file");
	set(f, "password-file", "/x");
	assert_int_equal(f->cfg.ops->check(&f->cfg, &f->err), 0);
	set(f, "agency", "a");
	refuse(f, "agency and agency-domain go together");
	set(f, "auth", "ak-sk");
	refuse(f, "user goes with auth = password, not ak-sk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_password),
		TEST(test_token_expires),
		TEST(test_token_refused_once),
		TEST(test_token_refused_twice),
		TEST(test_denied),
		TEST(test_wrong_password),
		TEST(test_no_token),
		TEST(test_token_too_long),
		TEST(test_agency),
		TEST(test_agency_name),
		TEST(test_iam_away),
		TEST(test_files),
		TEST(test_foreign_file),
		TEST(test_check),
	};

	evs_clock.wall = fake_wall;
	evs_clock.sleep_ms = fake_sleep;
	return cmocka_run_group_tests_name("kms_auth", tests, NULL, NULL);
}
