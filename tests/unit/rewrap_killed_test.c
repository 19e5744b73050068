// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-setup rewrap and create, killed at each step. */
#include "rewrap_fixture.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "killed.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_move_killed),
		cmocka_unit_test(test_create_killed),
	};

	return cmocka_run_group_tests_name("rewrap_killed", tests, set_up, tear_down);
}
