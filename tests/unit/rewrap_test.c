// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-setup rewrap against the real daemon, and killed at every call to the
 * kernel that can change something: each time the disk must open with what is
 * left. Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "disk_fixture.h"
#include "killed.h"

static struct fixture kmsd;
static char disk[96], original[96];
static struct evs_cmk first, second;

static const char *built(const char *program)
{
	static char path[256];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", program);
	return path;
}

/* The same daemon as a second KMS, and one that nobody runs */
static void configure_others(void)
{
	FILE *config = fopen(getenv("EVS_CONF"), "ae");

	assert_non_null(config);
	fprintf(config, "[kms other]\nurl = unix:%s\ntimeout = 10\n"
		"[kms gone]\nurl = unix:%s/nothing\ntimeout = 1\n", kmsd.socket, kmsd.dir);
	assert_int_equal(fclose(config), 0);
}

static int set_up(void **state)
{
	struct evs_error err = {};
	struct evs_config config;

	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	snprintf(disk, sizeof(disk), "%s/disk", kmsd.dir);
	snprintf(original, sizeof(original), "%s/original", kmsd.dir);
	fixture_client(&kmsd, 10);
	configure_others();
	daemon_start(&kmsd);
	if (evs_config_load(&config, &err))
		fail_msg("%s", err.text);
	make_disk(&config, original, NULL, &first, &second);
	evs_config_free(&config);
	copy_disk(original, disk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	daemon_stop(&kmsd, SIGTERM);
	remove_tree(kmsd.dir);
	return 0;
}

/* Runs a program with its output in @out; returns its exit status. */
static int run(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int run(char *out, size_t size, const char *fmt, ...)
{
	char command[1024];
	va_list args;
	size_t used;
	FILE *pipe;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	used = fread(out, 1, size - 1, pipe);
	out[used] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void must_rewrap(const char *options)
{
	char out[2048];

	if (run(out, sizeof(out), "%s rewrap %s %s 2>&1", built("evs-setup/evs-setup"), options, disk))
		fail_msg("%s", out);
}

/* The helper gets the key of the disk. */
static void must_open(void)
{
	char out[2048];

	if (run(out, sizeof(out), "%s -D " UUID " %s 2>&1", built("evs-request-key/evs-request-key"),
		disk))
		fail_msg("%s", out);
}

/* How many tokens the disk has, and the first of them */
static size_t tokens(struct evs_token *token)
{
	struct evs_error err = {};
	struct evs_volume *vol;
	size_t count;

	if (evs_volume_read(&vol, disk, 0, &err))
		fail_msg("%s", err.text);
	*token = *evs_volume_token(vol);
	count = evs_volume_token_count(vol);
	evs_volume_close(vol);
	return count;
}

static void test_rewrap(void **state)
{
	struct evs_token before, after;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	assert_int_equal(tokens(&before), 1);
	must_rewrap("");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.cmk, first.id);
	assert_string_not_equal(after.wrapped_dk, before.wrapped_dk);
	assert_memory_equal(&after.context, &before.context, sizeof(after.context));
	must_open();
	must_rewrap("--cmk second");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.cmk, second.id);
	must_open();
}

/* A refusal of the KMS leaves the header as it was, to the byte. */
static void test_refused(void **state)
{
	struct evs_token token;
	char out[2048];

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", second.id);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --cmk second %s 2>&1",
			     built("evs-setup/evs-setup"), disk), 2);
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", second.id);
	assert_non_null(strstr(out, "CMK second ("));
	assert_non_null(strstr(out, "disabled"));
	assert_int_equal(tokens(&token), 1);
	assert_int_equal(run(out, sizeof(out), "cmp %s %s", disk, original), 0);
	must_open();
}

/* Fails, with these words, and leaves the header as it was, to the byte. */
static void must_refuse(const char *options, int status, const char *words)
{
	char out[2048];

	assert_int_equal(run(out, sizeof(out), "%s rewrap %s %s 2>&1", built("evs-setup/evs-setup"),
			     options, disk), status);
	if (!strstr(out, words))
		fail_msg("no \"%s\" in: %s", words, out);
	assert_int_equal(run(out, sizeof(out), "cmp %s %s", disk, original), 0);
}

/* To another KMS, which alone gives the key from then on */
static void test_other_kms(void **state)
{
	struct evs_token before, after;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	tokens(&before);
	must_refuse("--kms nowhere", 4, "KMS \"nowhere\" is not configured");
	must_refuse("--kms gone", 6, "KMS gone");
	must_refuse("--kms other --cmk nothing", 2, "nothing");
	must_rewrap("--kms other --cmk second");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.kms, "other");
	assert_string_equal(after.cmk, second.id);
	assert_memory_equal(&after.context, &before.context, sizeof(after.context));
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", first.id);
	must_open();
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", first.id);
	must_rewrap("");
	tokens(&after);
	assert_string_equal(after.kms, "other");
	assert_string_equal(after.cmk, second.id);
	/* Without a CMK, the default one */
	must_rewrap("--kms " EVS_KMS_LOCAL);
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.kms, EVS_KMS_LOCAL);
	assert_string_not_equal(after.cmk, second.id);
	must_open();
}

/* ---- all disks of evstab(5) ---- */

static void test_all(void **state)
{
	char path[160], out[4096];
	struct evs_token token;
	FILE *tab;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	snprintf(path, sizeof(path), "%s/evstab", kmsd.dir);
	assert_int_equal(setenv("EVSTAB", path, 1), 0);
	tab = fopen(path, "we");
	assert_non_null(tab);
	fprintf(tab, "absent %s/absent noauto\ndata %s noauto\n", kmsd.dir, disk);
	assert_int_equal(fclose(tab), 0);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all --cmk second 2>&1",
			     built("evs-setup/evs-setup")), 0);
	assert_non_null(strstr(out, "absent is not there: left out"));
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.cmk, second.id);

	/* One that fails stops no other. */
	tab = fopen(path, "we");
	assert_non_null(tab);
	fprintf(tab, "absent %s/absent\nbad\ndata %s\n", kmsd.dir, disk);
	assert_int_equal(fclose(tab), 0);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all --cmk first 2>&1",
			     built("evs-setup/evs-setup")), 4);
	assert_non_null(strstr(out, "2 of 3 lines of"));
	tokens(&token);
	assert_string_equal(token.cmk, first.id);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all %s 2>&1",
			     built("evs-setup/evs-setup"), disk), 1);
	assert_int_equal(unsetenv("EVSTAB"), 0);
}

/* ---- killed ---- */

/* Stops at nothing but writes and waits for the medium: create reads 16 MiB of noise. */
static bool stop_at_writes(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]),
				      .filter = filter };

	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static pid_t start_traced(const char *verb, const char *kms, bool writes)
{
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	fd = open("/dev/null", O_RDWR);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || (writes && !stop_at_writes()))
		_exit(126);
	execl(built("evs-setup/evs-setup"), "evs-setup", verb, "--kms", kms, "--cmk", "second",
	      disk, NULL);
	_exit(127);
}

static bool kill_at(const char *kms, unsigned int when, bool after)
{
	return killed_at(start_traced("rewrap", kms, false), when, after);
}

/* Killed before every such call, and @after it, on its way to a CMK of @kms */
static void rewrap_killed(const char *kms, bool after)
{
	size_t count, seen[3] = {};
	struct evs_token token;
	unsigned int when;
	char options[48];
	bool more = true;
	int late;

	snprintf(options, sizeof(options), "--kms %s --cmk second", kms);
	for (when = 1; more; when++) {
		for (late = 0; late <= after && more; late++) {
			copy_disk(original, disk);
			more = kill_at(kms, when, late);
			count = tokens(&token);
			assert_in_range(count, 1, 2);
			if (more)
				seen[count == 1 && !strcmp(token.cmk, second.id) ? 0 : count]++;
			must_open();
			/* What it left is put in order by the next one. */
			must_rewrap(options);
			assert_int_equal(tokens(&token), 1);
			assert_string_equal(token.kms, kms);
			assert_string_equal(token.cmk, second.id);
		}
	}
	print_message("# killed at %u calls: old token %zu times, both %zu, new %zu\n", when - 2,
		      seen[1], seen[2], seen[0]);
	/* It was caught in all three of its stages. */
	assert_true(seen[0] && seen[1] && seen[2]);
}

static void test_killed(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip();		/* its search for leaks refuses to run in a traced process */
#endif

	(void)state;
	if (geteuid())
		skip();
	rewrap_killed(EVS_KMS_LOCAL, true);
}

static void test_move_killed(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif

	(void)state;
	if (geteuid())
		skip();
	rewrap_killed("other", false);
}

/*
 * Lets create run up to its @when-th write or wait for the medium, and kills it
 * before that. Returns how many there were.
 */
static unsigned int kill_create_at(unsigned int when)
{
	unsigned int seen = 0;
	int status;
	pid_t pid;

	assert_int_equal(truncate(disk, 0), 0);
	assert_int_equal(truncate(disk, DISK_SIZE), 0);
	pid = start_traced("create", EVS_KMS_LOCAL, true);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	do {
		assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return seen;
		}
	} while (!WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) ||
		 ++seen < when);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return seen;
}

/* Is there a whole disk, or none? */
static bool is_made(void)
{
	struct evs_error err = {};
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_read(&vol, disk, 0, &err);
	if (ret) {
		assert_int_equal(ret, -EMEDIUMTYPE);
		return false;
	}
	assert_string_equal(evs_volume_token(vol)->cmk, second.id);
	evs_volume_close(vol);
	return true;
}

/* Cut short before any of its last six steps, or every tenth one before these */
static void test_create_killed(void **state)
{
	unsigned int all, when, made = 0;

#ifdef __SANITIZE_ADDRESS__
	skip();
#endif

	(void)state;
	if (geteuid())
		skip();
	all = kill_create_at(UINT_MAX);
	assert_true(is_made());
	assert_in_range(all, 20, 100);
	for (when = 1; when <= all; when++) {
		if (when + 6 <= all && when % 10 != 1)
			continue;
		assert_int_equal(kill_create_at(when), when);
		/* Once it is there, it is there at each later step. */
		if (is_made())
			made++;
		else
			assert_int_equal(made, 0);
	}
	print_message("# create killed before %u steps, a disk was there at the last %u\n", all,
		      made);
	assert_in_range(made, 1, 4);
	copy_disk(original, disk);
}

/* The disk as a rewrap that was cut short leaves it: with the token of @disk as well */
static void restore_with_token(void)
{
	struct evs_error err = {};
	struct evs_token token;
	struct evs_device dev;
	struct evs_volume *vol;

	tokens(&token);
	copy_disk(original, disk);
	assert_int_equal(evs_device_open(&dev, disk, O_RDWR, &err), 0);
	assert_int_equal(evs_volume_open(&vol, &dev, 0, &err), 0);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	evs_volume_close(vol);
	evs_device_close(&dev);
}

/* Cut short with both tokens, the old CMK then disabled: the new token has to do. */
static void test_second_token(void **state)
{
	struct evs_token token;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	must_rewrap("--cmk second");
	restore_with_token();
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", first.id);
	must_open();
	must_rewrap("");
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.kms, EVS_KMS_LOCAL);
	assert_string_equal(token.cmk, second.id);

	/* The same between two KMSs */
	must_rewrap("--kms other");
	restore_with_token();
	must_open();
	must_rewrap("--cmk second");
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", first.id);
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.kms, "other");
	assert_string_equal(token.cmk, second.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrap),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_second_token),
		cmocka_unit_test(test_other_kms),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_move_killed),
		cmocka_unit_test(test_create_killed),
	};

	return cmocka_run_group_tests_name("rewrap", tests, set_up, tear_down);
}
