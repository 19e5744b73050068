/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kills a process at a call to the kernel of its choice. cmocka comes before this. */
#ifndef KILLED_H
#define KILLED_H

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
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

/* ---- a program that stops at nothing but what changes something ---- */

static const long killed_calls[] = {
	SYS_write, SYS_pwrite64, SYS_ioctl, SYS_fsync, SYS_fallocate, SYS_ftruncate, SYS_unlink,
	SYS_unlinkat, SYS_mkdir, SYS_mkdirat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_sendto,
	SYS_openat, SYS_sendmsg,
};

/* Kill at this one alone, unless it is 0 */
static long killed_only;

#define KILLED_CALLS (sizeof(killed_calls) / sizeof(killed_calls[0]))

/* Not in User-Mode Linux: there it stops at every call, which takes longer. */
static inline bool killed_has_filter(void)
{
	return prctl(PR_GET_SECCOMP) >= 0;
}

static inline bool killed_stop_at_changes(void)
{
	struct sock_filter filter[KILLED_CALLS + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .len = KILLED_CALLS + 3, .filter = filter };
	size_t i;

	for (i = 0; i < KILLED_CALLS; i++)
		filter[i + 1] = (struct sock_filter)
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)killed_calls[i],
				 (unsigned char)(KILLED_CALLS - i), 0);
	filter[i + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[i + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	return !killed_has_filter() || !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* What the file system cannot: the call gives the target the data of the source. */
static inline void killed_clone(pid_t pid, const struct __ptrace_syscall_info *info)
{
#ifdef __x86_64__
	struct user_regs_struct regs;
	char path[64];
	int fds[2], i;
	struct stat st;
	ssize_t len;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid,
			 (int)info->seccomp.args[i ? 0 : 2]);
		fds[i] = open(path, (i ? O_WRONLY | O_TRUNC : O_RDONLY) | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(fstat(fds[0], &st), 0);
	for (; st.st_size > 0; st.st_size -= len) {
		len = sendfile(fds[1], fds[0], NULL, (size_t)st.st_size);
		assert_true(len > 0);
	}
	close(fds[0]);
	close(fds[1]);
	/* No call, and the return value of one that succeeded */
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);
	regs.orig_rax = (unsigned long long)-1;
	regs.rax = 0;
	assert_int_equal(ptrace(PTRACE_SETREGS, pid, NULL, &regs), 0);
#else
	(void)pid;
	(void)info;
#endif
}

static inline bool killed_is_listed(long call)
{
	size_t i;

	for (i = 0; i < KILLED_CALLS; i++)
		if (killed_calls[i] == call)
			return !killed_only || call == killed_only;
	return false;
}

/* Opening counts where it makes a file. The call is at one place, whoever stopped there. */
static inline bool killed_is_change(pid_t pid, const struct __ptrace_syscall_info *info)
{
	if (info->op == PTRACE_SYSCALL_INFO_EXIT || !killed_is_listed((long)info->seccomp.nr))
		return false;
	switch (info->seccomp.nr) {
	case SYS_openat:
		return info->seccomp.args[2] & O_CREAT;
	case SYS_ioctl:
		return info->seccomp.args[1] == FICLONE;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_ftruncate:
	case SYS_fallocate:
		return !killed_is_memory(pid, (int)info->seccomp.args[0]);
	default:
		return true;
	}
}

/* Has the program stopped at its last change, of so many that are @left? */
static inline bool killed_stops_at(pid_t pid, unsigned int *left)
{
	struct __ptrace_syscall_info info;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0);
	if (!killed_is_change(pid, &info))
		return false;
	if (!--*left)
		return true;
	if (info.seccomp.nr == SYS_ioctl)
		killed_clone(pid, &info);
	return false;
}

/*
 * Kills the child, which is traced and has called killed_stop_at_changes(), before its
 * @when-th such call, by whichever of its threads. Returns whether there was one.
 */
static inline bool killed_before(pid_t pid, unsigned int when)
{
	const int at_call = SIGTRAP | 0x80, go_on = killed_has_filter() ? PTRACE_CONT : PTRACE_SYSCALL;
	int status, signal = 0;
	pid_t who = pid;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL |
						      PTRACE_O_TRACECLONE |
						      PTRACE_O_TRACESYSGOOD));
	for (;;) {
		/* A thread that is gone meanwhile cannot go on. */
		assert_true(!ptrace(go_on, who, NULL, (void *)(long)signal) || errno == ESRCH);
		who = waitpid(-1, &status, __WALL | __WNOTHREAD);
		assert_true(who > 0);
		signal = 0;
		if (!WIFSTOPPED(status) && who != pid)
			continue;
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
		/* A thread begins with a stop of its own. */
		if (!(status >> 16) && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != at_call)
			signal = WSTOPSIG(status);
		if ((status >> 16 == PTRACE_EVENT_SECCOMP || WSTOPSIG(status) == at_call) &&
		    killed_stops_at(who, &when))
			break;
	}
	kill(pid, SIGKILL);
	do
		who = waitpid(-1, &status, __WALL | __WNOTHREAD);
	while (who > 0 && who != pid);
	assert_int_equal(who, pid);
	return true;
}

/* Each call in a long run, else one of so many */
static inline unsigned int one_of(unsigned int calls)
{
	const char *length = getenv("EVS_LONG");

	return length && atoi(length) > 1 ? 1 : calls;
}

#endif /* KILLED_H */
