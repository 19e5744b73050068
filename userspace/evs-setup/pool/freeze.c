// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What freezes is a child that thaws again, at the latest when the time is over or
 * when the caller has died: the caller may hang in what stands on a file system that
 * is frozen, and then nobody else would end that. Should the child be killed, the
 * caller thaws.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "freeze.h"

/**
 * struct report - What the child tells: first, when all is frozen, and at the end.
 * @late: it was thawed before the caller asked for it
 * @err: what failed
 */
struct report {
	bool late;
	struct evs_error err;
};

/* ---- in the child ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits for the command, up to the end of the time: then it is killed. */
static int wait_command(pid_t pid, uint64_t deadline)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	int status;
	pid_t ret;

	for (;;) {
		ret = waitpid(pid, &status, WNOHANG);
		if (ret == pid)
			return status;
		if (ret < 0 && errno != EINTR)
			return -1;
		if (now_ms() >= deadline)
			break;
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

static int spawn_shell(pid_t *pid, const char *command)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int ret;

	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	sigemptyset(&none);
	sigfillset(&all);
	ret = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	/* Standard output has the result of the verb. */
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	if (!ret)
		ret = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

static int run_command(const char *option, const char *command, unsigned int seconds,
		       struct evs_error *err)
{
	uint64_t deadline = now_ms() + seconds * UINT64_C(1000);
	int status, ret;
	pid_t pid;

	ret = spawn_shell(&pid, command);
	if (ret)
		return evs_error_set(err, ret, "%s: cannot be run: %s", option, strerror(ret));
	status = wait_command(pid, deadline);
	if (status >= 0 && WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (status >= 0 && WIFEXITED(status))
		return evs_error_set(err, EIO, "%s: the command has failed with exit status %d",
				     option, WEXITSTATUS(status));
	return evs_error_set(err, ETIMEDOUT, "%s: the command did not end within %u s", option,
			     seconds);
}

/* What waits to be written first, so that it is frozen for a moment only */
static void flush_all(const struct freeze *freeze)
{
	size_t i;

	for (i = 0; i < freeze->mounts.count; i++)
		if (freeze->states[i] == FREEZE_WANTED)
			syncfs(freeze->mounts.mounted[i].fd);
}

/* It counts as frozen before it is: should this be killed, the caller thaws it. */
static int freeze_all(const struct freeze *freeze, struct evs_error *err)
{
	const struct mounted *mounted = freeze->mounts.mounted;
	size_t i;

	for (i = 0; i < freeze->mounts.count; i++) {
		if (freeze->states[i] != FREEZE_WANTED)
			continue;
		freeze->states[i] = FREEZE_FROZEN;
		if (!ioctl(mounted[i].fd, FIFREEZE, 0))
			continue;
		freeze->states[i] = FREEZE_UNABLE;
		if (errno == EBUSY)
			return evs_error_set(err, EBUSY,
				"%s: is frozen already; thaw it with: fsfreeze --unfreeze %s",
				mounted[i].path, mounted[i].path);
		if (errno != EOPNOTSUPP)
			return evs_error_set(err, errno, "%s: cannot be frozen: %m",
					     mounted[i].path);
	}
	return 0;
}

/* All that can be thawed is, whatever fails. Returns whether all were frozen until now. */
static bool thaw_all(const struct freeze *freeze, struct evs_error *err)
{
	const struct mounted *mounted = freeze->mounts.mounted;
	bool whole = true;
	size_t i;

	for (i = freeze->mounts.count; i--;) {
		if (freeze->states[i] != FREEZE_FROZEN || !ioctl(mounted[i].fd, FITHAW, 0))
			continue;
		whole = false;
		/* Thawed by somebody else, when it is not frozen */
		if (errno != EINVAL)
			evs_error_set(err, EIO,
				"%s: cannot be thawed: %m; thaw it with: fsfreeze --unfreeze %s",
				mounted[i].path, mounted[i].path);
	}
	return whole;
}

static void send_report(int socket, const struct report *report)
{
	if (send(socket, report, sizeof(*report), MSG_NOSIGNAL) < 0)
		return;		/* the caller has died */
}

/* Returns whether the caller has asked to thaw before the time was over. */
static bool wait_caller(int socket, uint64_t deadline)
{
	struct pollfd poll_fd = { .fd = socket, .events = POLLIN };
	uint64_t now;
	char byte;
	int ret;

	do {
		now = now_ms();
		ret = poll(&poll_fd, 1, now < deadline ? (int)(deadline - now) : 0);
	} while (ret < 0 && errno == EINTR);
	return ret > 0 && recv(socket, &byte, 1, 0) == 1;
}

static void hold(const struct freeze *freeze, int socket)
{
	const struct freeze_options *options = freeze->options;
	struct report report = {};
	uint64_t deadline;
	int ret = 0;

	if (options->command)
		ret = run_command("--freeze-command", options->command, options->timeout,
				  &report.err);
	if (!ret)
		flush_all(freeze);
	deadline = now_ms() + options->timeout * UINT64_C(1000);
	if (!ret)
		ret = freeze_all(freeze, &report.err);
	if (!ret) {
		send_report(socket, &report);
		report.late = !wait_caller(socket, deadline);
	}
	if (!thaw_all(freeze, &report.err))
		report.late = true;
	/* What a command has frozen may take another one even when it has failed. */
	if (options->thaw_command) {
		struct evs_error thawing = {};

		if (run_command("--thaw-command", options->thaw_command, options->timeout,
				&thawing) && !report.err.errnum)
			report.err = thawing;
	}
	send_report(socket, &report);
}

static void __attribute__((noreturn)) child(const struct freeze *freeze, int socket)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP };
	size_t i;

	/* It ends when the caller does. */
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	hold(freeze, socket);
	_exit(0);
}

/* ---- in the caller ---- */

static size_t states_size(const struct freeze *freeze)
{
	return (freeze->mounts.count + 1) * sizeof(*freeze->states);
}

/* Writing goes on there while everything else holds still. */
static const char *needed_by(const struct freeze *freeze, dev_t fs)
{
	size_t i;

	if (fs == mounts_number_at("/"))
		return "it is the root file system";
	if (fs == mounts_number_at("/etc/lvm"))
		return "LVM writes to /etc/lvm";
	if (fs == mounts_number_at("/run"))
		return "it holds /run";
	for (i = 0; i < freeze->count; i++)
		if (freeze->disks[i].below && fs == mounts_number_at(freeze->disks[i].below))
			return "the pool lies on it";
	return NULL;
}

static int select_mounts(struct freeze *freeze, struct evs_error *err)
{
	const struct mounted *mounted;
	struct freeze_disk *disk;
	const char *why;
	size_t i;

	freeze->states = mmap(NULL, states_size(freeze), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (freeze->states == MAP_FAILED) {
		freeze->states = NULL;
		return evs_error_set(err, errno, "out of memory");
	}
	for (i = 0; i < freeze->mounts.count; i++) {
		mounted = &freeze->mounts.mounted[i];
		disk = &freeze->disks[mounted->disk];
		why = mounted->fd < 0 ? "its mount point cannot be reached" :
		      needed_by(freeze, mounted->fs);
		freeze->states[i] = why ? FREEZE_NOT : FREEZE_WANTED;
		if (!why)
			continue;
		disk->consistent = false;
		cli_note("%s: %s is not frozen: %s; the snapshot is as after a power cut",
			 disk->name, mounted->path, why);
	}
	return 0;
}

static int flush_node(const struct freeze_disk *disk, struct evs_error *err)
{
	int fd = open(disk->node, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || fsync(fd))
		ret = evs_error_set(err, errno, "%s: cannot be flushed: %m", disk->node);
	if (fd >= 0)
		close(fd);
	return ret;
}

/*
 * Of a disk of which nothing is mounted, nobody knows who may write to it, such as a
 * virtual machine: that is for the command to say.
 */
static int prepare(struct freeze *freeze, struct evs_error *err)
{
	dev_t *devs = calloc(freeze->count, sizeof(*devs));
	size_t i, j;
	int ret;

	if (!devs)
		return evs_error_set(err, ENOMEM, "out of memory");
	for (i = 0; i < freeze->count; i++)
		devs[i] = freeze->disks[i].node ? freeze->disks[i].dev : 0;
	ret = mounts_find(&freeze->mounts, devs, freeze->count, err);
	free(devs);
	for (i = 0; !ret && i < freeze->count; i++) {
		struct freeze_disk *disk = &freeze->disks[i];

		for (j = 0; j < freeze->mounts.count; j++)
			if (freeze->mounts.mounted[j].disk == i)
				break;
		disk->consistent = !disk->node || j < freeze->mounts.count ||
				   freeze->options->command;
		if (disk->node && j == freeze->mounts.count)
			ret = flush_node(disk, err);
	}
	return ret ? ret : select_mounts(freeze, err);
}

static int receive(const struct freeze *freeze, struct report *report)
{
	ssize_t got;

	do
		got = recv(freeze->socket, report, sizeof(*report), 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*report) ? 0 : -EIO;
}

static int start(struct freeze *freeze, struct evs_error *err)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return evs_error_set(err, errno, "cannot make a socket: %m");
	freeze->child = fork();
	if (!freeze->child) {
		close(sockets[0]);
		child(freeze, sockets[1]);
	}
	close(sockets[1]);
	freeze->socket = sockets[0];
	if (freeze->child > 0)
		return 0;
	close(freeze->socket);
	return evs_error_set(err, errno, "cannot start a process: %m");
}

static void release(struct freeze *freeze)
{
	if (freeze->states)
		munmap(freeze->states, states_size(freeze));
	mounts_free(&freeze->mounts);
	memset(freeze, 0, sizeof(*freeze));
}

/* Waits for the end of the child, and does its work where it was killed. */
static void finish(struct freeze *freeze, struct report *report)
{
	int status, ret = receive(freeze, report);

	close(freeze->socket);
	while (waitpid(freeze->child, &status, 0) < 0 && errno == EINTR)
		;
	if (!ret)
		return;
	*report = (struct report){ .late = true };
	thaw_all(freeze, &report->err);
}

int freeze_begin(struct freeze *freeze, struct freeze_disk *disks, size_t count,
		 const struct freeze_options *options, struct evs_error *err)
{
	struct report report = {};
	int ret;

	*freeze = (struct freeze){ .options = options, .disks = disks, .count = count };
	ret = prepare(freeze, err);
	if (!ret)
		ret = start(freeze, err);
	if (ret) {
		release(freeze);
		return ret;
	}
	if (receive(freeze, &report) || report.err.errnum) {
		*err = report.err;
		finish(freeze, &report);
		release(freeze);
		return err->errnum ? -err->errnum :
		       evs_error_set(err, EIO, "the process that freezes has died");
	}
	return 0;
}

static void torn(struct freeze_disk *disk, const char *what, const char *why)
{
	disk->consistent = false;
	cli_note("%s: %s %s; the snapshot is as after a power cut", disk->name, what, why);
}

/* What became of it, which is told only now that everything is thawed */
static void judge(struct freeze *freeze, bool late)
{
	struct freeze_disk *disk;
	size_t i;

	for (i = 0; i < freeze->mounts.count; i++)
		if (freeze->states[i] == FREEZE_UNABLE)
			torn(&freeze->disks[freeze->mounts.mounted[i].disk],
			     freeze->mounts.mounted[i].path, "cannot be frozen");
	for (i = 0; late && i < freeze->count; i++) {
		disk = &freeze->disks[i];
		if (disk->node && disk->consistent)
			torn(disk, disk->node, "was thawed before the snapshot was made");
	}
}

int freeze_end(struct freeze *freeze, struct evs_error *err)
{
	struct report report;
	int ret = 0;

	/* It may be gone: finish() finds that out. */
	if (send(freeze->socket, "", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		ret = evs_error_set(err, errno, "cannot tell the process that thaws: %m");
	finish(freeze, &report);
	judge(freeze, report.late);
	if (report.err.errnum) {
		*err = report.err;
		ret = -err->errnum;
	}
	release(freeze);
	return ret;
}
