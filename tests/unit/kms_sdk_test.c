// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end otc beside the SDK of Huawei Cloud: a server that answers what the SDK
 * would have sent in the same way, and nothing else (tests/peers/sdk).
 */
#include <errno.h>

#include "kms_fixture.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"

static char url[64];

static int set_up(void **state)
{
	struct fixture *f = fixture_new("otc", "cloud", 60);

	f->port = free_port();
	f->server = start_peer(f->dir, "sdk/run", f->port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", f->port);
	put_file(f->dir, "password", "p\"w\\d \xc3\xa4\n", 0);
	put_file(f->dir, "key", "s3cr3t/key+\n", 0);
	put_file(f->dir, "wrong", "s3cr3t/key-\n", 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

static void configure(struct fixture *f, const char *auth)
{
	f->cfg.options.count = 0;
	set(f, "url", url);
	set(f, "project", "p1");
	set(f, "auth", auth);
}

static void use_key(struct fixture *f, const char *file)
{
	configure(f, "ak-sk");
	set(f, "access-key", "AKORACLE");
	set_file(f, "secret-key-file", file);
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);
}

static void use_password(struct fixture *f)
{
	configure(f, "password");
	set(f, "user", "disks");
	set(f, "domain", "cloud-ops");
	set_file(f, "password-file", "password");
}

/* A body, and a query with all that has to be encoded in it */
static void test_signature(void **state)
{
	struct fixture *f = *state;
	struct evs_agency agency = { .name = "a +&/\xc3\xa4~*'(!)", .account = "d-1" };
	struct evs_cmk cmk, *cmks;
	size_t count;

	use_key(f, "key");
	check_ok(&f->err, evs_kms_describe_key(f->kms, "db/prod:1_a-b", &cmk, &f->err));
	assert_string_equal(cmk.id, CMK);
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	free(cmks);
	assert_int_equal(evs_kms_find_agency(f->kms, &agency, &f->err), -ENOENT);
	assert_contains(f->err.text, "account d-1 has no agency a +&/");
	use_key(f, "wrong");
	check_fails(&f->err, evs_kms_describe_key(f->kms, CMK, &cmk, &f->err),
		    EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(f->err.text, "the SDK has SDK-HMAC-SHA256 Access=AKORACLE");
}

static void test_password(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	use_password(f);
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);
	check_ok(&f->err, evs_kms_describe_key(f->kms, CMK, &cmk, &f->err));
	assert_string_equal(cmk.id, CMK);
}

/* One's own token, for the whole account, and the agency's with it */
static void test_agency(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	use_password(f);
	set(f, "agency", "evs");
	set(f, "agency-domain", "customer");
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);
	check_ok(&f->err, evs_kms_describe_key(f->kms, CMK, &cmk, &f->err));
	assert_string_equal(cmk.id, CMK);
	run(f->dir, "grep -c 'v3/auth/tokens?nocatalog=1 201' server-output.log | grep -x 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_agency),
	};

	return cmocka_run_group_tests_name("kms_sdk", tests, set_up, tear_down);
}
