// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who a client of the REST API shows itself to be: tokens by password and by
 * agency, access keys, the metadata service. The peer is the identity service
 * and the KMS in one.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "kms/clock.h"
#include "kms/backend.h"
#include "kms/sign.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define NOON 1764072000		/* 2025-11-25T12:00:00Z */
#define SECRET "p\"w\\d \xc3\xa4\t/1"
#define SECRET_JSON "p\\\"w\\\\d \xc3\xa4\\u0009/1"

#define KEY_INFO HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\",\"key_state\":\"2\"}}")
#define TOKEN(token, expires) "HTTP/1.1 201 X\r\nx-subject-token: " token "\r\n" \
	"Connection: close\r\n\r\n{\"token\":{\"expires_at\":\"" expires "\"}}"
#define TOKEN_REQUEST(identity) "POST /v3/auth/tokens?nocatalog=1 {\"auth\":{\"identity\":{" \
	identity "},\"scope\":{\"project\":{\"id\":\"p1\"}}}}"
#define IAM_ERROR(status, message) HTTP(status, "{\"error\":{\"code\":" status "," \
	"\"message\":\"" message "\",\"title\":\"T\"}}")
#define KEY(access, expires) HTTP("200", "{\"credential\":{\"access\":\"" access "\"," \
	"\"secret\":\"sk\\/1\",\"securitytoken\":\"st+\\/=\",\"expires_at\":\"" expires "\"}}")

struct fixture {
	struct peer peer;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_error err;
	char secret[64];
};

static int64_t wall = NOON;

static int64_t fake_wall(void)
{
	return wall;
}

static void fake_sleep(long ms)
{
	(void)ms;
}

static int write_secret(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool bad = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
		   fchmod(fd, mode);

	close(fd);
	return bad ? -1 : 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || peer_open(&f->peer))
		return -1;
	wall = NOON;
	snprintf(f->secret, sizeof(f->secret), "/tmp/evs-kms-test-%d.secret", getpid());
	if (write_secret(f->secret, SECRET "\n", 0600))
		return -1;
	strcpy(f->cfg.name, "cloud");
	f->cfg.ops = evs_kms_backend("otc");
	f->cfg.timeout = 5;
	*state = f;
	return evs_config_set(&f->cfg, "url", f->peer.url) ||
	       evs_config_set(&f->cfg, "project", "p1") ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	evs_kms_close(f->kms);
	peer_close(&f->peer);
	unlink(f->secret);
	free(f);
	return 0;
}

static void set(struct fixture *f, const char *name, const char *value)
{
	assert_int_equal(evs_config_set(&f->cfg, name, value), 0);
}

static void open_kms(struct fixture *f)
{
	if (f->cfg.ops->check(&f->cfg, &f->err) || evs_kms_open(&f->kms, &f->cfg, &f->err))
		fail_msg("%s", f->err.text);
}

static void use_password(struct fixture *f)
{
	set(f, "auth", "password");
	set(f, "user", "u\"1");
	set(f, "domain", "d1");
	set(f, "password-file", f->secret);
}

static int describe(struct fixture *f)
{
	struct evs_cmk cmk;

	return evs_kms_describe_key(f->kms, CMK, &cmk, &f->err);
}

static const char password_request[] =
	TOKEN_REQUEST("\"password\":{\"user\":{\"name\":\"u\\\"1\",\"domain\":{\"name\":\"d1\"},"
		      "\"password\":\"" SECRET_JSON "\"}},\"methods\":[\"password\"]");

/* ---- tokens ---- */

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

/* ---- access keys ---- */

#define PATH "/v1.0/p1/kms/describe-key"

/* The signature that the request as it came would have */
static void assert_signed(const struct peer *p, unsigned int i, const char *access,
			  const char *key, const char *path, const char *const *headers)
{
	struct evs_secret *secret = evs_secret_alloc(64);
	const char *body = strchr(p->request[i], '{');
	const struct evs_sign what = {
		.access = access, .key = secret, .method = "POST",
		.path = path, .headers = headers,
		.body = body, .len = strlen(body),
	};
	char line[EVS_SIGN_LINE_MAX];
	struct evs_error err = {};
	size_t h;

	assert_non_null(secret);
	strcpy((char *)secret->data, key);
	assert_int_equal(evs_sign(&what, line, &err), 0);
	assert_contains(p->head[i], line);
	for (h = 0; headers[h]; h++)
		assert_contains(p->head[i], headers[h]);
	evs_secret_free(secret);
}

static void test_access_key(void **state)
{
	static const char *const headers[] = {
		"Host: localhost", "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1", NULL,
	};
	struct fixture *f = *state;

	assert_int_equal(write_secret(f->secret, "sk1", 0400), 0);
	set(f, "auth", "ak-sk");
	set(f, "access-key", "AK1");
	set(f, "secret-key-file", f->secret);
	open_kms(f);
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, HTTP("401", "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"no\"}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	/* There is nothing to renew. */
	assert_int_equal(describe(f), -EPERM);
	peer_finish(&f->peer);
	assert_signed(&f->peer, 0, "AK1", "sk1", PATH, headers);
	assert_contains(f->peer.head[0], "SignedHeaders=host;x-project-id;x-sdk-date,");
	assert_contains(f->err.text, "the clock of this host");
}

/* Host and path are signed as they are sent, the path of the URL and its port with them. */
static void test_signed_url(void **state)
{
	static const char *const ends[] = { "", "/", "/front" };
	char host[40], url[64], path[64], want[80];
	const char *const headers[] = { host, "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1",
					NULL };
	struct fixture *f = *state;
	unsigned int port;
	size_t i;

	assert_int_equal(write_secret(f->secret, "sk1", 0400), 0);
	set(f, "auth", "ak-sk");
	set(f, "access-key", "AK1");
	set(f, "secret-key-file", f->secret);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		f->peer.listener = script_listen_tcp(f->peer.listener, &port);
		snprintf(host, sizeof(host), "Host: 127.0.0.1:%u", port);
		snprintf(url, sizeof(url), "http://%s%s", host + strlen("Host: "), ends[i]);
		snprintf(path, sizeof(path), "%s" PATH, ends[i][0] && ends[i][1] ? ends[i] : "");
		set(f, "url", url);
		open_kms(f);
		peer_script(&f->peer, KEY_INFO);
		peer_start(&f->peer);
		assert_int_equal(describe(f), 0);
		peer_finish(&f->peer);
		assert_signed(&f->peer, 0, "AK1", "sk1", path, headers);
		snprintf(want, sizeof(want), "POST %s {", path);
		assert_memory_equal(f->peer.request[0], want, strlen(want));
		evs_kms_close(f->kms);
		f->kms = NULL;
		peer_reset(&f->peer);
	}
}

static void test_metadata(void **state)
{
	static const char *const headers[] = {
		"Host: localhost", "X-Sdk-Date: 20251125T120000Z", "X-Project-Id: p1",
		"X-Security-Token: st+/=", NULL,
	};
	struct fixture *f = *state;

	set(f, "auth", "metadata");
	set(f, "metadata-url", f->peer.url);
	open_kms(f);
	peer_script(&f->peer, KEY("AK1", "2025-11-25T13:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_script(&f->peer, KEY("AK2", "2025-11-25T14:00:00.000000Z"));
	peer_script(&f->peer, KEY_INFO);
	peer_start(&f->peer);
	assert_int_equal(describe(f), 0);
	wall = NOON + 3600 - 119;
	assert_int_equal(describe(f), 0);
	peer_finish(&f->peer);
	assert_string_equal(f->peer.request[0], "GET /openstack/latest/securitykey ");
	assert_signed(&f->peer, 1, "AK1", "sk/1", PATH, headers);
	assert_contains(f->peer.head[3], "Access=AK2,");
}

static void test_no_metadata(void **state)
{
	struct fixture *f = *state;

	set(f, "auth", "metadata");
	set(f, "metadata-url", f->peer.url);
	open_kms(f);
	peer_script(&f->peer, HTTP("404", "none"));
	peer_script(&f->peer, HTTP("200", "{\"credential\":{\"access\":\"a\",\"secret\":\"b\"}}"));
	peer_script(&f->peer, HTTP("200", "{\"credential\":{\"access\":\"a\\r\\nX: y\","
				   "\"secret\":\"b\",\"securitytoken\":\"c\"}}"));
	peer_start(&f->peer);
	assert_int_equal(describe(f), -EPERM);
	assert_contains(f->err.text, "has this instance an agency?");
	assert_int_equal(describe(f), -EPROTO);
	assert_int_equal(describe(f), -EPROTO);
	peer_finish(&f->peer);
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

/* ---- configuration and files ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_password), TEST(test_token_expires), TEST(test_token_refused_once),
		TEST(test_token_refused_twice), TEST(test_denied), TEST(test_wrong_password),
		TEST(test_no_token), TEST(test_token_too_long), TEST(test_agency),
		TEST(test_agency_name), TEST(test_access_key), TEST(test_signed_url), TEST(test_metadata),
		TEST(test_iam_away),
		TEST(test_no_metadata), TEST(test_files), TEST(test_foreign_file),
		TEST(test_check),
	};

	evs_clock.wall = fake_wall;
	evs_clock.sleep_ms = fake_sleep;
	return cmocka_run_group_tests_name("kms_auth", tests, NULL, NULL);
}
