// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that speaks to the KMS. The plug-in is a guest in udisksd, in a desktop's
 * file manager, in anything that links libcryptsetup: a KMS client, whose libraries
 * change what belongs to the process, has no place there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "text.h"

#define PROGRAM EVS_LIBEXECDIR "/evs-unwrap"
#define FIRST_FD 10	/* above the ones that the program gets */
#define DK_FD 3

/**
 * struct channel - What goes to the program and comes back.
 * @token: the token
 * @dk: memory for the DK
 * @said: where the program writes why it failed
 */
struct channel {
	int token;
	int dk;
	int said;
};

/*
 * Without glibc's fork(), which runs handlers of the process. Between it and
 * execve(2) there are only system calls, so it does not matter that other threads
 * may hold locks.
 */
static pid_t raw_fork(unsigned long end_signal)
{
	return (pid_t)syscall(SYS_clone, end_signal, NULL, NULL, NULL, 0UL);
}

static void exec_program(const struct channel *ch) __attribute__((noreturn));
static void exec_program(const struct channel *ch)
{
	static const char text[] = PROGRAM ": cannot be run";
	sigset_t none;
	int sig;

	if (dup2(ch->token, STDIN_FILENO) < 0 || dup2(ch->said, STDOUT_FILENO) < 0 ||
	    dup2(ch->said, STDERR_FILENO) < 0 || dup2(ch->dk, DK_FD) < 0)
		_exit(1);
	/* What is open without FD_CLOEXEC. Linux before 5.9 cannot; then it stays open. */
	syscall(SYS_close_range, DK_FD + 1, ~0U, 0);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(PROGRAM, PROGRAM, NULL);
	_exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

/*
 * A process that ends sends SIGCHLD to its parent, and may be found by a wait(2) that
 * is meant for another one. Not so one that was made to end without a signal; but
 * execve(2) undoes that, so the program runs in a child of such a process.
 */
static void run_between(const struct channel *ch) __attribute__((noreturn));
static void run_between(const struct channel *ch)
{
	pid_t pid, got;
	int status;

	signal(SIGCHLD, SIG_DFL);
	pid = raw_fork(SIGCHLD);
	if (!pid)
		exec_program(ch);
	if (pid < 0)
		_exit(1);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	_exit(got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static pid_t start(const struct channel *ch)
{
	sigset_t all, old;
	pid_t pid;

	/* No handler of the process may run in the child. */
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old))
		return -1;
	pid = raw_fork(0);
	if (!pid)
		run_between(ch);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* Why it failed, up to the end of the program */
static void read_said(int fd, char *text, size_t size)
{
	char raw[sizeof(((struct evs_error *)NULL)->text)];
	size_t len = 0;
	ssize_t got;

	do {
		got = read(fd, raw + len, sizeof(raw) - len);
		len += got > 0 ? (size_t)got : 0;
	} while ((got > 0 && len < sizeof(raw)) || (got < 0 && errno == EINTR));
	while (len && raw[len - 1] == '\n')
		len--;
	evs_text_copy(text, size, raw, len);
}

/* The exit status of the program; the text is why it is not 0. */
static int finish(pid_t pid, int said, char *text, size_t size)
{
	pid_t got;
	int status;

	read_said(said, text, size);
	do
		got = waitpid(pid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	return got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Above the descriptors that the program gets, which may be free in this process */
static int move_up(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD), errnum = errno;

	if (fd >= 0)
		close(fd);
	errno = errnum;
	return high;
}

/* A file rather than a pipe, which could end this process by SIGPIPE */
static int token_file(const char *json)
{
	int fd = move_up(memfd_create("evs-token", MFD_CLOEXEC));
	size_t len = strlen(json);

	if (fd < 0)
		return -1;
	if (write(fd, json, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

static int run_program(const struct channel *ch, int said, struct evs_error *err)
{
	char text[sizeof(err->text)];
	pid_t pid = start(ch);

	if (pid < 0)
		return evs_error_set(err, errno, "cannot start a process: %m");
	close(ch->said);
	if (!finish(pid, said, text, sizeof(text)))
		return 0;
	return evs_error_set(err, EIO, "%s", *text ? text : PROGRAM " failed");
}

int process_unwrap(const char *json, struct evs_secret **dk, struct evs_error *err)
{
	struct channel ch = { .token = token_file(json), .dk = -1, .said = -1 };
	int ends[2] = { -1, -1 }, fd, ret;

	*dk = evs_secret_alloc_shared(EVS_DK_SIZE, &fd);
	if (!*dk) {
		ret = evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out_close;
	}
	ch.dk = move_up(fd);
	if (ch.token < 0 || ch.dk < 0 || pipe2(ends, O_CLOEXEC)) {
		ret = evs_error_set(err, errno, "cannot start a process: %m");
		goto out_close;
	}
	ch.said = move_up(ends[1]);
	if (ch.said < 0)
		ret = evs_error_set(err, errno, "cannot start a process: %m");
	else
		ret = run_program(&ch, ends[0], err);
	close(ends[0]);
out_close:
	if (ch.dk >= 0)
		close(ch.dk);
	if (ch.token >= 0)
		close(ch.token);
	if (ret)
		evs_secret_free(*dk);
	return ret;
}
