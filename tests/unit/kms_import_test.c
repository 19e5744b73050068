// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key material from outside, quotas and grants of one's own: the client against the
 * real daemon. Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include "kms/kms.h"

#define UUID "11111111-2222-3333-4444-555555555555"

static struct fixture kmsd;
static struct evs_config cfg;
static struct evs_kms *kms;
static struct evs_error err;
static struct evs_cmk cmk;
static char key_path[96];

static int set_up(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	snprintf(key_path, sizeof(key_path), "%s/material", kmsd.dir);
	fixture_client(&kmsd, 20);
	daemon_start(&kmsd);
	return evs_config_load(&cfg, &err) ||
	       evs_kms_open(&kms, evs_config_kms(&cfg, EVS_KMS_LOCAL, &err), &err) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	evs_kms_close(kms);
	evs_config_free(&cfg);
	daemon_stop(&kmsd, SIGTERM);
	return remove_tree(kmsd.dir);
}

static void write_key(char first, size_t size, mode_t mode)
{
	char bytes[64];
	int fd;

	unlink(key_path);
	fd = open(key_path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	memset(bytes, first, sizeof(bytes));
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct evs_secret *read_key(void)
{
	struct evs_secret *key;

	if (evs_secret_read_key(&key, key_path, EVS_CMK_MATERIAL_SIZE, &err))
		fail_msg("%s", err.text);
	return key;
}

/* Imports 32 times the same character. */
static int import(char first, int64_t expires)
{
	struct evs_secret *key;
	int ret;

	write_key(first, EVS_CMK_MATERIAL_SIZE, 0600);
	key = read_key();
	ret = evs_kms_import_material(kms, "mine", key, expires, &cmk, &err);
	evs_secret_free(key);
	return ret;
}

static void test_key_file(void **state)
{
	struct evs_secret *key;
	char first[EVS_CMK_MATERIAL_SIZE];

	(void)state;
	if (geteuid())
		skip();
	/* A newline in a key is part of it. */
	write_key('\n', EVS_CMK_MATERIAL_SIZE, 0600);
	key = read_key();
	memset(first, '\n', sizeof(first));
	assert_int_equal(key->size, EVS_CMK_MATERIAL_SIZE);
	assert_memory_equal(key->data, first, sizeof(first));
	evs_secret_free(key);
	write_key('x', EVS_CMK_MATERIAL_SIZE - 1, 0600);
	assert_int_equal(evs_secret_read_key(&key, key_path, EVS_CMK_MATERIAL_SIZE, &err), -EINVAL);
	write_key('x', EVS_CMK_MATERIAL_SIZE + 1, 0600);
	assert_int_equal(evs_secret_read_key(&key, key_path, EVS_CMK_MATERIAL_SIZE, &err), -EINVAL);
	write_key('x', EVS_CMK_MATERIAL_SIZE, 0640);
	assert_int_equal(evs_secret_read_key(&key, key_path, EVS_CMK_MATERIAL_SIZE, &err), -EPERM);
}

static void test_import(void **state)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE), *back = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_token token;

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(dk);
	assert_non_null(back);
	assert_int_equal(evs_kms_create_external_key(kms, "mine", NULL, &cmk, &err), 0);
	assert_int_equal(cmk.state, EVS_CMK_STATE_PENDING_IMPORT);
	assert_string_equal(cmk.origin, "external");
	assert_int_equal(evs_token_init(&token, EVS_KMS_LOCAL, cmk.id, UUID, &err), 0);
	assert_int_equal(evs_kms_create_datakey(kms, &token, dk, &err), -ENODATA);
	assert_non_null(strstr(err.text, "import it with: evs-setup cmk import --file FILE mine"));
	assert_int_equal(import('a', 1), -EINVAL);
	assert_string_equal(err.code, "KMS.2602");
	if (import('a', 0))
		fail_msg("%s", err.text);
	assert_int_equal(cmk.state, EVS_CMK_STATE_ENABLED);
	assert_int_equal(import('a', 0), -EINVAL);
	assert_string_equal(err.code, "KMS.0310");
	if (evs_kms_create_datakey(kms, &token, dk, &err))
		fail_msg("%s", err.text);

	assert_int_equal(evs_kms_delete_material(kms, "mine", &cmk, &err), 0);
	assert_int_equal(cmk.state, EVS_CMK_STATE_PENDING_IMPORT);
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), -ENODATA);
	/* Only the very same brings back what it protects. */
	assert_int_equal(import('b', 0), -EINVAL);
	assert_string_equal(err.code, "KMS.2606");
	assert_int_equal(import('a', (int64_t)time(NULL) + 1000), 0);
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), 0);
	assert_memory_equal(back->data, dk->data, EVS_DK_SIZE);
	evs_secret_free(dk);
	evs_secret_free(back);
}

static void test_import_refused(void **state)
{
	struct evs_secret *key;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(evs_kms_create_key(kms, "of-the-kms", NULL, &cmk, &err), 0);
	write_key('a', EVS_CMK_MATERIAL_SIZE, 0600);
	key = read_key();
	assert_int_equal(evs_kms_import_material(kms, "of-the-kms", key, 0, &cmk, &err), -EINVAL);
	assert_string_equal(err.code, "KMS.0309");
	assert_int_equal(evs_kms_delete_material(kms, "of-the-kms", &cmk, &err), -EINVAL);
	evs_secret_free(key);
}

static void test_quotas(void **state)
{
	struct evs_quota before[EVS_QUOTAS_MAX], after[EVS_QUOTAS_MAX];
	size_t count;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(evs_kms_get_quotas(kms, before, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(before[0].type, "CMK");
	assert_int_equal(before[0].limit, 100000);
	assert_int_equal(evs_kms_create_key(kms, "one-more", NULL, &cmk, &err), 0);
	assert_int_equal(evs_kms_get_quotas(kms, after, &count, &err), 0);
	assert_int_equal(after[0].used, before[0].used + 1);
}

/* Grants on two CMKs, one of which the asker may give back */
static void test_retirable(void **state)
{
	struct evs_grant grant = { .grantee = "root", .retiring = "root",
				   .operation_count = 1, .operations = { "describe-key" } };
	struct evs_grant other = { .grantee = "root", .operation_count = 1,
				   .operations = { "describe-key" } };
	struct evs_grant *grants;
	size_t count;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(evs_kms_create_key(kms, "lent", NULL, &cmk, &err), 0);
	if (evs_kms_create_grant(kms, "lent", &grant, &err) ||
	    evs_kms_create_grant(kms, "lent", &other, &err) ||
	    evs_kms_list_retirable_grants(kms, &grants, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(count, 1);
	assert_string_equal(grants[0].id, grant.id);
	assert_string_equal(grants[0].cmk, cmk.id);
	free(grants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_file),       cmocka_unit_test(test_import),
		cmocka_unit_test(test_import_refused), cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_retirable),
	};

	return cmocka_run_group_tests_name("kms_import", tests, set_up, tear_down);
}
