// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The new identity of a copy of a disk, against the real daemon, and killed at every
 * call to the kernel that can change something: each time the copy must open. Needs
 * root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include "disk_fixture.h"
#include "killed.h"
#include "rewrap.h"
#include "unwrap.h"

#define NEW_UUID "21111111-2222-3333-4444-555555555555"

static struct fixture kmsd;
static char disk[96], original[96];
static struct evs_cmk cmk;
static struct evs_config config;
static struct evs_rewraps rewraps = { .config = &config };
static struct evs_rewrap rewrap;

static int set_up(void **state)
{
	struct evs_error err = {};

	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	snprintf(disk, sizeof(disk), "%s/disk", kmsd.dir);
	snprintf(original, sizeof(original), "%s/original", kmsd.dir);
	fixture_client(&kmsd, 10);
	daemon_start(&kmsd);
	if (evs_config_load(&config, &err))
		fail_msg("%s", err.text);
	make_disk(&config, original, "origin", &cmk, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	evs_rewraps_close(&rewraps);
	evs_config_free(&config);
	daemon_stop(&kmsd, SIGTERM);
	remove_tree(kmsd.dir);
	return 0;
}

/* The tokens of the original, and of the copy to come; nothing is written. */
static int begin(struct evs_error *err)
{
	struct evs_device dev;
	struct evs_volume *vol = open_disk(original, 0, &dev);
	int ret;

	ret = evs_rewrap_begin(&rewrap, &rewraps, vol, err);
	if (!ret)
		ret = evs_rewrap_for(&rewrap, NEW_UUID, err);
	close_disk(vol, &dev);
	return ret;
}

static int reidentify(const char *label, struct evs_error *err)
{
	struct evs_device dev;
	struct evs_volume *vol = open_disk(disk, 0, &dev);
	int ret = evs_volume_reidentify(vol, NEW_UUID, label, &rewrap.old, &rewrap.new, err);

	close_disk(vol, &dev);
	return ret;
}

/* Every token of the disk gives its key. Returns how many there are. */
static size_t must_open(struct evs_token *token)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_device dev;
	struct evs_volume *vol = open_disk(disk, 0, &dev);
	size_t count = evs_volume_token_count(vol), i;

	assert_non_null(dk);
	for (i = 0; i < count; i++)
		if (evs_unwrap(evs_volume_token_at(vol, i), dk, NULL, &err) ||
		    evs_volume_verify_dk(vol, dk, &err))
			fail_msg("%s", err.text);
	*token = *evs_volume_token(vol);
	evs_secret_free(dk);
	close_disk(vol, &dev);
	return count;
}

static const char *volume_of(const struct evs_token *token)
{
	size_t i;

	for (i = 0; i < token->context.count; i++)
		if (!strcmp(token->context.pair[i].name, EVS_CONTEXT_VOLUME))
			return token->context.pair[i].value;
	return "";
}

static void test_identity(void **state)
{
	struct evs_device dev, origin;
	struct evs_volume *vol, *first;
	struct evs_error err = {};
	struct evs_token token;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	if (begin(&err) || reidentify("copy", &err))
		fail_msg("%s", err.text);
	assert_int_equal(must_open(&token), 1);
	assert_string_equal(volume_of(&token), NEW_UUID);
	assert_string_equal(token.cmk, cmk.id);
	/* cryptsetup finds its key slot by the token. */
	assert_int_equal(token.keyslots, 1);
	vol = open_disk(disk, 0, &dev);
	first = open_disk(original, 0, &origin);
	assert_string_equal(evs_volume_uuid(vol), NEW_UUID);
	assert_string_equal(evs_volume_label(vol), "copy");
	assert_string_equal(evs_volume_damage(vol), "");
	assert_true(evs_volume_same_dk(vol, first));
	assert_string_equal(evs_volume_uuid(first), UUID);
	close_disk(first, &origin);
	close_disk(vol, &dev);
	evs_rewrap_end(&rewrap);
}

/* A label that does not fit changes nothing; without one, the copy has none. */
static void test_label(void **state)
{
	struct evs_error err = {};
	struct evs_device dev;
	struct evs_volume *vol;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	assert_int_equal(begin(&err), 0);
	assert_int_equal(reidentify("a label that is longer than what LUKS2 has room for", &err),
			 -EINVAL);
	assert_int_equal(reidentify("", &err), 0);
	vol = open_disk(disk, 0, &dev);
	assert_string_equal(evs_volume_label(vol), "");
	assert_string_equal(evs_volume_uuid(vol), NEW_UUID);
	close_disk(vol, &dev);
	evs_rewrap_end(&rewrap);
}

/* The KMS is asked before there is anything to write to. */
static void test_refused(void **state)
{
	struct evs_error err = {};

	(void)state;
	if (geteuid())
		skip();
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", cmk.id);
	assert_int_equal(begin(&err), -EKEYREVOKED);
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", cmk.id);
}

/* What a rewrap left that was cut short goes; the token that gave the key is kept to the end. */
static void test_two_tokens(void **state)
{
	struct evs_error err = {};
	struct evs_device dev;
	struct evs_volume *vol;
	struct evs_token token;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(begin(&err), 0);
	copy_disk(original, disk);
	vol = open_disk(disk, 0, &dev);
	token = rewrap.old;
	strcpy(token.wrapped_dk, "00ff");
	assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	close_disk(vol, &dev);
	if (reidentify("", &err))
		fail_msg("%s", err.text);
	assert_int_equal(must_open(&token), 1);
	assert_string_equal(volume_of(&token), NEW_UUID);
	evs_rewrap_end(&rewrap);
}

static pid_t start_traced(void)
{
	struct evs_error err = {};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP))
		_exit(126);
	_exit(reidentify("copy", &err) ? 1 : 0);
}

static void test_killed(void **state)
{
	unsigned int when, seen[3] = {};
	struct evs_error err = {};
	struct evs_token token;
	bool more = true;
	size_t count;
	int late;

#ifdef __SANITIZE_ADDRESS__
	skip();		/* its search for leaks refuses to run in a traced process */
#endif

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(begin(&err), 0);
	for (when = 1; more; when++) {
		for (late = 0; late <= 1 && more; late++) {
			copy_disk(original, disk);
			more = killed_at(start_traced(), when, late);
			count = must_open(&token);
			assert_in_range(count, 1, 2);
			seen[count == 1 && !strcmp(volume_of(&token), NEW_UUID) ? 0 : count]++;
		}
	}
	evs_rewrap_end(&rewrap);
	print_message("# killed at %u calls: old token %u times, both %u, new %u\n", when - 2,
		      seen[1], seen[2], seen[0]);
	assert_true(seen[0] && seen[1] && seen[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_two_tokens),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests_name("identity", tests, set_up, tear_down);
}
