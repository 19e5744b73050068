/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kills a process at a call to the kernel of its choice. cmocka comes before this. */
#ifndef KILLED_H
#define KILLED_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Is this descriptor of the process a file in memory, such as the image of a header? */
static inline bool killed_is_memory(pid_t pid, int fd)
{
	char link[64], target[16] = "";

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	return readlink(link, target, sizeof(target) - 1) > 0 && !strncmp(target, "/memfd:", 7);
}

/* Calls that change the disk, or that tell somebody else to change something */
static inline bool killed_changes_something(pid_t pid, const struct __ptrace_syscall_info *info)
{
	static const long calls[] = {
		SYS_write, SYS_pwrite64, SYS_writev, SYS_fsync, SYS_fdatasync, SYS_flock,
		SYS_unlinkat, SYS_ftruncate, SYS_fallocate, SYS_sendto,
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == (long)info->entry.nr)
			return !killed_is_memory(pid, (int)info->entry.args[0]);
	return false;
}

/*
 * Lets a traced child, which has stopped at its start, run up to its @when-th call
 * that changes something, and kills it there: before the call, or @after it. Returns
 * whether there was such a call; without one, it must have ended well.
 */
static inline bool killed_at(pid_t pid, unsigned int when, bool after)
{
	struct __ptrace_syscall_info info;
	unsigned int seen = 0;
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			if (!killed_changes_something(pid, &info) || ++seen != when)
				continue;
			if (!after)
				break;
		} else if (after && seen == when) {
			break;
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

#endif /* KILLED_H */
