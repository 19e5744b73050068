// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "kms/backend.h"
#include "pool/pool.h"
#include "repo/repo.h"

static char path[] = "/tmp/evs-config-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return setenv("EVS_CONF", path, 1);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, struct evs_config *cfg, struct evs_error *err)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return evs_config_load(cfg, err);
}

/* @place and @why must both be in the text, the place after the file's name. */
static void refuse(const char *text, unsigned int line, const char *why)
{
	struct evs_error err = {};
	struct evs_config cfg;
	char place[64];

	if (load(text, &cfg, &err) != -EINVAL)
		fail_msg("\"%s\" is not refused", text);
	snprintf(place, sizeof(place), "%s:%u: ", path, line);
	if (strncmp(err.text, place, strlen(place)) || !strstr(err.text, why))
		fail_msg("\"%s\" does not begin with \"%s\" or lacks \"%s\"", err.text, place, why);
}

static void test_defaults(void **state)
{
	const struct evs_config_kms *kms;
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	assert_int_equal(load("", &cfg, &err), 0);
	kms = evs_config_kms(&cfg, EVS_KMS_LOCAL, &err);
	assert_non_null(kms);
	assert_string_equal(evs_config_get(kms, "url"), "unix:/run/evs/kmsd.sock");
	assert_string_equal(kms->ops->name, "evs");
	assert_null(evs_config_get(kms, "project"));
	assert_int_equal(kms->timeout, 30);
	assert_int_equal(kms->grace, 0);
	assert_null(evs_config_kms(&cfg, "cloud", &err));
	assert_int_equal(err.errnum, ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "\"cloud\""));
	evs_config_free(&cfg);
}

static void test_values(void **state)
{
	const struct evs_config_kms *kms;
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	assert_int_equal(load("# all of it\n"
			      "[kms local]\n"
			      "timeout = 5\n"
			      "grace = 900\n"
			      "\n"
			      "[kms other-1]\n"
			      "url =\tunix:/tmp/other.sock \r\n"
			      "project=p1\n", &cfg, &err), 0);
	kms = evs_config_kms(&cfg, EVS_KMS_LOCAL, &err);
	assert_non_null(kms);
	assert_int_equal(kms->timeout, 5);
	assert_int_equal(kms->grace, 900);
	assert_string_equal(evs_config_get(kms, "url"), "unix:/run/evs/kmsd.sock");
	kms = evs_config_kms(&cfg, "other-1", &err);
	assert_non_null(kms);
	assert_string_equal(evs_config_get(kms, "url"), "unix:/tmp/other.sock");
	assert_string_equal(evs_config_get(kms, "project"), "p1");
	assert_int_equal(kms->timeout, 30);
	evs_config_free(&cfg);
}

static void test_long_comment(void **state)
{
	struct evs_error err = {};
	struct evs_config cfg;
	char text[1000];

	(void)state;
	memset(text, '#', 900);
	strcpy(text + 900, "\n[kms local]\ntimeout = 7\n");
	assert_int_equal(load(text, &cfg, &err), 0);
	assert_int_equal(evs_config_kms(&cfg, EVS_KMS_LOCAL, &err)->timeout, 7);
	evs_config_free(&cfg);
}

static void test_refusals(void **state)
{
	char text[1000] = "[kms local]\nproject = ";

	(void)state;
	refuse("[kms local]\nurl = unix:/a\nspeed = 9\n", 3, "unknown key \"speed\"");
	refuse("\n[cloud]\n", 2, "unknown section [cloud]");
	refuse("[kms]\n", 1, "unknown section [kms]");
	refuse("[kms a b]\nurl = unix:/a\n", 1, "bad name");
	refuse("timeout = 3\n", 1, "outside of a section");
	refuse("\xef\xbb\xbf[a]\ntimeout = 3\n", 1, "unknown section [a]");
	refuse("\xef\xbb\xbftimeout = 3\n", 1, "outside of a section");
	refuse("[kms local]\ntimeout = 3\ntimeout = 4\n", 3, "given twice");
	refuse("header-copies = a\n", 1, "must be an absolute path");
	refuse("header-copies = /a\nheader-copies = /b\n", 2, "given twice");
	refuse("[kms local]\nheader-copies = /a\n", 2, "unknown key");
	refuse("[kms local]\nurl = unix:/a\n  b\n", 3, "neither");
	refuse("[kms local]\nurl : unix:/a\n", 2, "neither");
	refuse("[kms local]\n= unix:/a\n", 2, "neither");
	refuse("[kms local] # why\n", 1, "behind the ]");
	refuse("[kms local]]\n", 1, "behind the ]");
	refuse("[kms local]\nuser = caf\xe9\n", 2, "no UTF-8");
	refuse("[kms local]\nuser = a\tb\n", 2, "control characters");
	refuse("[kms local]\nuser = a\rb\r\n", 2, "control characters");
	refuse("[kms local]\nuser = a\xc2\x9b\n", 2, "control characters");
	refuse("[kms local]\nproject = p ; mine\n", 2, "project must be the id");
	refuse("[kms local]\nca-file = \"/pem\"\n", 2, "absolute path");
	refuse("[kms local]\nca-file = /pem \\\n", 2, "absolute path");
	refuse("[kms local]\ntimeout = 5 ; s\n", 2, "1 to 600");
	refuse("[kms local]\ntimeout = 5\n[kms local]\ntimeout = 5\n", 4, "given twice");
	refuse("[kms local]\njust words\n", 2, "neither");
	refuse("[kms local\n", 1, "neither");
	refuse("[kms local]\nurl = ftp://kms\n", 2, "unix:/path");
	refuse("[kms local]\nurl = unix:relative\n", 2, "unix:/path");
	refuse("[kms local]\nurl = unix:/a # why\n", 2, "unix:/path");
	refuse("[kms local]\nurl = http://kms.example/\n", 2, "https://");
	refuse("[kms local]\nurl = http://127.0.0.1.example/\n", 2, "https://");
	refuse("[kms local]\nurl = https://user@kms.example/\n", 2, "https://");
	refuse("[kms local]\nurl = https:///v1\n", 2, "https://");
	refuse("[kms local]\nurl = https://localhost:99999\n", 2, "65535");
	refuse("[kms local]\nurl = http://localhost:99999\n", 2, "65535");
	refuse("[kms local]\nurl = https://kms:0\n", 2, "65535");
	refuse("[kms local]\nurl = https://kms:\n", 2, "65535");
	refuse("[kms local]\nurl = https://kms:443x\n", 2, "65535");
	refuse("[kms local]\nurl = https://kms:+443\n", 2, "65535");
	refuse("[kms local]\nurl = https://kms:18446744073709552059\n", 2, "65535");
	refuse("[kms local]\nurl = https://k\xc3\xbcms.example\n", 2, "xn--");
	refuse("[kms local]\nurl = https://kms.example/\xc3\xbc\n", 2, "ASCII");
	refuse("[kms local]\nurl = https://-kms\n", 2, "https://");
	refuse("[kms local]\nurl = https://[::1\n", 2, "https://");
	refuse("[kms local]\nurl = https://[kms]\n", 2, "https://");
	refuse("[kms local]\nurl = https://kms,a\n", 2, "https://");
	refuse("[kms local]\nbackend = kmip\nurl = kmip://kms:99999\n", 3, "url must be kmip");
	refuse("[kms local]\nbackend = kmip\nurl = kmip://k\xc3\xbcms\n", 3, "url must be kmip");
	refuse("[kms local]\nproject = a/b\n", 2, "project must be the id");
	refuse("[kms local]\nproject =\n", 2, "project must be the id");
	refuse("[kms local]\nca-file = pem\n", 2, "ca-file must be an absolute path");
	refuse("[kms local]\nbackend = none\n", 2, "unknown backend \"none\"");
	refuse("[kms local]\nbackend = otc\nbackend = otc\n", 3, "given twice");
	refuse("[kms local]\ntimeout = 0\n", 2, "1 to 600");
	refuse("[kms local]\ngrace = 0\n", 2, "grace must be 1 to 86400");
	refuse("[kms local]\ngrace = 86401\n", 2, "1 to 86400");
	refuse("[kms local]\ngrace = 15m\n", 2, "1 to 86400");
	refuse("[kms local]\ngrace = 3\ngrace = 4\n", 3, "given twice");
	refuse("[kms local]\ntimeout = 601\n", 2, "1 to 600");
	refuse("[kms local]\ntimeout = -1\n", 2, "1 to 600");
	refuse("[kms local]\ntimeout = 5s\n", 2, "1 to 600");
	refuse("[kms local]\ntimeout = 99999999999999999999\n", 2, "1 to 600");
	memset(text + strlen(text), 'x', 500);
	refuse(text, 2, "longer than");
}

/* Nothing of a value is dropped: it is taken as it stands, or refused above. */
static void test_exact(void **state)
{
	static const char *const values[] = {
		"evs ; prod", "evs # prod", "\"evs\"", "'evs'", "evs\\", "a = b", "a: b", "[evs]",
		"evs;", "\xc3\xa9vs", "$HOME", "%41",
	};
	const struct evs_config_kms *kms;
	struct evs_error err = {};
	struct evs_config cfg;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "\xef\xbb\xbf; note\n\t[kms c] \n  backend = pkcs11\n"
			 "module=/m\r\ntoken = %s \t\n\n pin-file\t=\t/p", values[i]);
		if (load(text, &cfg, &err))
			fail_msg("%s", err.text);
		kms = evs_config_kms(&cfg, "c", &err);
		assert_non_null(kms);
		assert_string_equal(evs_config_get(kms, "token"), values[i]);
		assert_string_equal(evs_config_get(kms, "module"), "/m");
		assert_string_equal(evs_config_get(kms, "pin-file"), "/p");
		evs_config_free(&cfg);
	}
	/* The longest value, in a line that is longer than libraries have room for */
	memset(text, 0, sizeof(text));
	strcpy(text, "[kms local]\nca-file = /");
	memset(text + strlen(text), 'x', EVS_CONFIG_VALUE_MAX - 1);
	assert_int_equal(load(text, &cfg, &err), 0);
	assert_int_equal(strlen(evs_config_get(evs_config_kms(&cfg, "local", &err), "ca-file")),
			 EVS_CONFIG_VALUE_MAX);
	evs_config_free(&cfg);
	refuse(strcat(text, "x"), 2, "longer than 255 bytes");
}

static void test_nul(void **state)
{
	static const char text[] = "# a\0b\n[kms local]\nproject = p\0q\n";
	struct evs_error err = {};
	struct evs_config cfg;
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, sizeof(text) - 1, file), sizeof(text) - 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(evs_config_load(&cfg, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":3: a NUL byte"));
}

/* More of something than there can be */
static void test_too_many(void **state)
{
	char text[4096] = "";
	int i;

	(void)state;
	for (i = 0; i < 70; i++)
		sprintf(text + strlen(text), "[kms k%d]\nurl = unix:/a\n", i);
	/* [kms local] is there always */
	refuse(text, 63 * 2 + 1, "more than 64 KMS sections");
	strcpy(text, "[kms local]\n");
	for (i = 0; i < 40; i++)
		sprintf(text + strlen(text), "k%d = v\n", i);
	refuse(text, EVS_CONFIG_OPTIONS_MAX + 2, "too many keys");
	strcpy(stpcpy(text, "[kms local]\n") + EVS_CONFIG_NAME_MAX + 1, " = v\n");
	memset(text + strlen("[kms local]\n"), 'k', EVS_CONFIG_NAME_MAX + 1);
	refuse(text, 2, "unknown key \"kkk");
}

#define CLOUD "[kms c]\nurl = https://kms.example\n"

static void test_auth(void **state)
{
	static const char *const good[] = {
		"auth = none\n", "project = p\nauth = ak-sk\naccess-key = a\nsecret-key-file = /s\n",
		"project = p\nauth = metadata\n",
		"project = p\nauth = password\nuser = u\ndomain = d\npassword-file = /s\n",
		"backend = barbican\nproject = p\nauth = none\n",
	};
	static const char *const local[] = { "localhost:9311", "127.0.0.1/v1", "[::1]" };
	static const char *const bad[][2] = {
		{ "auth = ak-sk\naccess-key = a\nsecret-key-file = /s\n", "auth = ak-sk needs project" },
		{ "auth = token\n", "auth must be none, password, ak-sk or metadata" },
		{ "backend = barbican\nproject = p\nauth = metadata\n",
		  "auth must be none, password or application-credential" },
		{ "auth = password\nuser = a\tb\x01\n", "control characters" },
	};
	struct evs_error err = {};
	struct evs_config cfg;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), CLOUD "%s", good[i]);
		if (load(text, &cfg, &err))
			fail_msg("%s", err.text);
		evs_config_free(&cfg);
	}
	/* Not encrypted, so for this host alone */
	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		snprintf(text, sizeof(text), "[kms c]\nurl = http://%s\n", local[i]);
		assert_int_equal(load(text, &cfg, &err), 0);
		evs_config_free(&cfg);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), CLOUD "%s", bad[i][0]);
		assert_int_equal(load(text, &cfg, &err), -EINVAL);
		if (!strstr(err.text, bad[i][1]))
			fail_msg("\"%s\" lacks \"%s\"", err.text, bad[i][1]);
	}
}

static void test_no_url(void **state)
{
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	assert_int_equal(load("[kms cloud]\n", &cfg, &err), -EINVAL);
	assert_non_null(strstr(err.text, "[kms cloud] has no url"));
}

static void test_no_file(void **state)
{
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	setenv("EVS_CONF", "/nonexistent/evs.conf", 1);
	assert_int_equal(evs_config_load(&cfg, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/evs.conf"));
	setenv("EVS_CONF", path, 1);
}

/* What lacks a key has no line to be named. */
static void refuse_whole(const char *text, const char *why)
{
	struct evs_error err = {};
	struct evs_config cfg;

	assert_int_equal(load(text, &cfg, &err), -EINVAL);
	if (strncmp(err.text, path, strlen(path)) || !strstr(err.text, why))
		fail_msg("\"%s\" lacks \"%s\"", err.text, why);
}

static void test_pools(void **state)
{
	const struct evs_config_pool *pool;
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	assert_int_equal(load("[pool data]\n"
			      "dir = /srv/evs\n"
			      "engine = dir\n"
			      "[kms local]\n"
			      "[pool b_2]\n"
			      "engine = dir\n"
			      "limit = 100\n"
			      "encrypt = always\n"
			      "dir = /srv/b\n", &cfg, &err), 0);
	assert_int_equal(cfg.pool_count, 2);
	pool = evs_config_pool(&cfg, "data");
	assert_non_null(pool);
	assert_int_equal(pool->limit, 90);
	assert_false(pool->encrypt_always);
	assert_string_equal(evs_config_pool_get(pool, "dir"), "/srv/evs");
	pool = evs_config_pool(&cfg, "b_2");
	assert_non_null(pool);
	assert_int_equal(pool->limit, 100);
	assert_true(pool->encrypt_always);
	assert_null(evs_config_pool(&cfg, "other"));
	evs_config_free(&cfg);
}

static void test_bad_pools(void **state)
{
	(void)state;
	refuse("[pool Data]\n", 1, "bad name of a pool in [pool Data]");
	refuse("[pool 123456789012345]\n", 1, "1 to 14 characters");
	refuse("[pool image]\n", 1, "is not reserved");
	refuse("[pool ]\n", 1, "unknown section [pool]");
	refuse("[pool a]\nengine = zfs\n", 2, "unknown engine \"zfs\"");
	refuse("[pool a]\nengine = dir\nengine = dir\n", 3, "\"engine\" given twice in [pool a]");
	refuse("[pool a]\nlimit = 0\n", 2, "1 to 100 per cent, not \"0\"");
	refuse("[pool a]\nlimit = 101\n", 2, "1 to 100 per cent");
	refuse("[pool a]\nlimit = 5\nlimit = 5\n", 3, "given twice");
	refuse("[pool a]\nencrypt = never\n", 2, "encrypt must be always, not \"never\"");
	refuse("[pool a]\nencrypt = always\nencrypt = always\n", 3, "given twice");
	refuse("[pool a]\ndir = /a\ndir = /b\n", 3, "\"dir\" given twice in [pool a]");
	refuse("[pool a]\nengine = dir\ndir = a\n", 3, "dir must be an absolute path, not \"a\"");
	refuse("[pool a]\nvg = v\nengine = dir\n", 2,
	       "unknown key \"vg\" in [pool a], whose engine is dir");
	refuse_whole("[pool a]\n", "[pool a] has no engine");
	refuse_whole("[pool a]\nengine = dir\n", "[pool a] has no dir");
}

static void test_repos(void **state)
{
	const struct evs_config_repo *repo;
	struct evs_error err = {};
	struct evs_config cfg;

	(void)state;
	assert_int_equal(load("[repo a]\npath = /srv/a\nengine = dir\n"
			      "[repo b]\nengine = dir\nplain = yes\npath = /srv/b\n", &cfg, &err), 0);
	assert_int_equal(cfg.repo_count, 2);
	repo = evs_config_repo(&cfg, "a");
	assert_non_null(repo);
	assert_string_equal(repo->ops->name, "dir");
	assert_string_equal(evs_config_repo_get(repo, "path"), "/srv/a");
	assert_false(repo->plain);
	assert_true(evs_config_repo(&cfg, "b")->plain);
	assert_null(evs_config_repo(&cfg, "c"));
	evs_config_free(&cfg);
	refuse("[repo A]\n", 1, "bad name of a repository in [repo A]");
	refuse("[repo a]\nengine = tape\n", 2, "unknown engine \"tape\"");
	refuse("[repo a]\nengine = dir\nengine = dir\n", 3, "\"engine\" given twice in [repo a]");
	refuse("[repo a]\nplain = no\n", 2, "plain must be yes, not \"no\"");
	refuse("[repo a]\nvg = v\nengine = dir\n", 2, "unknown key \"vg\" in [repo a]");
	refuse_whole("[repo a]\n", "[repo a] has no engine");
	refuse_whole("[repo a]\nengine = dir\n", "[repo a] has no path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_no_url),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_bad_pools),
		cmocka_unit_test(test_repos),
	};

	return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
