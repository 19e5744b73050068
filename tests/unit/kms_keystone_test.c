// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end barbican with tokens: Debian's Keystone in front of Debian's Barbican,
 * both started here.
 */
#include "kms_fixture.h"

#define PROJECT "11111111111111111111111111111111"
#define CREDENTIAL "cccccccccccccccccccccccccccccccc"

static pid_t keystone;
static unsigned int keystone_port;
static char keystone_dir[64];
static struct evs_cmk cmk;

/* Each has a directory: both write the log of their output. */
static void start_both(struct fixture *f)
{
	char url[64];

	snprintf(keystone_dir, sizeof(keystone_dir), "%s/keystone", f->dir);
	assert_int_equal(mkdir(keystone_dir, 0700), 0);
	keystone_port = free_port();
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", keystone_port);
	keystone = start_peer(keystone_dir, "keystone", keystone_port);
	f->port = free_port();
	assert_int_equal(setenv("KEYSTONE", url, 1), 0);
	f->server = start_peer(f->dir, "barbican", f->port);
}

/* Another section of evs.conf, still without who this is */
static void configure(struct fixture *f, const char *auth)
{
	char url[64];

	f->cfg.options.count = 0;
	f->cfg.timeout = 60;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", f->port);
	set(f, "url", url);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", keystone_port);
	set(f, "iam-url", url);
	set(f, "project", PROJECT);
	set(f, "auth", auth);
}

static void use_password(struct fixture *f, const char *user, const char *file)
{
	configure(f, "password");
	set(f, "user", user);
	set(f, "domain", "Default");
	set_file(f, "password-file", file);
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);
}

static void use_credential(struct fixture *f, const char *file)
{
	configure(f, "application-credential");
	set(f, "credential", CREDENTIAL);
	set_file(f, "credential-secret-file", file);
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);
}

static int set_up(void **state)
{
	struct fixture *f = fixture_new("barbican", "cloud", 60);

	start_both(f);
	put_file(f->dir, "password", "s3cret\n", 0);
	put_file(f->dir, "wrong", "s3cre\n", 0);
	put_file(f->dir, "credential", "appl1cation\n", 0);
	use_password(f, "disks", "password");
	make_cmk(f, "db-prod", &cmk);
	wrap_new(f, cmk.id);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	stop_server(keystone);
	fixture_free(*state);
	return 0;
}

static void test_password(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk *cmks;
	size_t count;

	use_password(f, "disks", "password");
	assert_unwraps(f);
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_int_equal(count, 1);
	assert_string_equal(cmks[0].id, cmk.id);
	free(cmks);
}

static void test_credential(void **state)
{
	struct fixture *f = *state;

	configure(f, "application-credential");
	assert_true(f->cfg.ops->check(&f->cfg, &f->err) < 0);
	assert_string_equal(f->err.text, "auth = application-credential needs credential");
	use_credential(f, "credential");
	assert_unwraps(f);
	wrap_new(f, cmk.id);
	assert_unwraps(f);
	use_credential(f, "wrong");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(f->err.text, "application credential " CREDENTIAL);
	assert_contains(f->err.text, "401");
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	/* Not the password; no role in the project; a role there that is for other things */
	use_password(f, "disks", "wrong");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	assert_string_equal(f->err.code, "401");
	assert_contains(f->err.text, "user disks of Default");
	use_password(f, "stranger", "password");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	assert_string_equal(f->err.code, "401");
	assert_contains(f->err.text, "user stranger of Default");
	use_password(f, "guest", "password");
	assert_refused(f, EVS_CLASS_NO_PERMISSION);
	assert_string_equal(f->err.code, "HTTP 403");
	assert_contains(f->err.text, "this takes the role creator or observer in project " PROJECT);
}

/* Barbican's answer to a token that the shell has got itself: its status */
static void token_gives(struct fixture *f, const char *status)
{
	char *command;

	assert_true(asprintf(&command, "test $(curl -s -o answer -w '%%{http_code}' "
			     "-H \"X-Auth-Token: $(cat token)\" http://127.0.0.1:%u/v1/secrets) "
			     "= %s", f->port, status) > 0);
	run(f->dir, command);
	free(command);
}

/* What the client takes for good for another hour has expired: it gets another one. */
static void test_expired(void **state)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct fixture *f = *state;
	char *command, later[80];
	int tries = 2400;

	use_credential(f, "credential");
	assert_unwraps(f);
	assert_true(asprintf(&command, "curl -sf -D headers -o answer "
			     "-H 'Content-Type: application/json' "
			     "-d '{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],"
			     "\"application_credential\":{\"id\":\"" CREDENTIAL "\","
			     "\"secret\":\"appl1cation\"}}}}' "
			     "http://127.0.0.1:%u/v3/auth/tokens && tr -d '\\r' <headers | "
			     "sed -n 's/^X-Subject-Token: //p' >token", keystone_port) > 0);
	run(f->dir, command);
	free(command);
	token_gives(f, "200");
	assert_int_equal(kill(keystone, SIGUSR1), 0);
	snprintf(later, sizeof(later), "%s/later", keystone_dir);
	while (access(later, F_OK) && --tries)
		nanosleep(&pause, NULL);
	assert_true(tries);
	token_gives(f, "401");
	assert_unwraps(f);
}

/* Barbican alone cannot tell who asks. When Keystone is back, all goes on. */
static void test_away(void **state)
{
	struct fixture *f = *state;

	use_credential(f, "credential");
	assert_unwraps(f);
	stop_server(keystone);
	f->kms->cfg.timeout = 3;
	assert_refused(f, EVS_CLASS_KMS_BUSY);
	assert_contains(f->err.text, "HTTP 503");
	use_credential(f, "credential");
	f->kms->cfg.timeout = 3;
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	keystone = start_peer(keystone_dir, "keystone", keystone_port);
	f->kms->cfg.timeout = 60;
	assert_unwraps(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_away),
	};

	return cmocka_run_group_tests_name("kms_keystone", tests, set_up, tear_down);
}
