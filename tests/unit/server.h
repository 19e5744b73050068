/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests that start a real server: a directory that goes away, files in
 * it, and a child that does not outlive the test.
 */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

/* A file of @dir with mode 0600; "%D" and "%P" in @text stand for @dir and @port. */
UNUSED static void put_file(const char *dir, const char *name, const char *text,
			    unsigned int port)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'D')
			assert_true(fputs(dir, f) >= 0);
		else if (text[0] == '%' && text[1] == 'P')
			assert_true(fprintf(f, "%u", port) > 0);
		else
			assert_true(fputc(*text, f) != EOF);
		text += text[0] == '%' && (text[1] == 'D' || text[1] == 'P');
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* A port of this host that is free at the moment. */
UNUSED static unsigned int free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

/* Runs a shell command in @dir to its end; its output is shown when it fails. */
UNUSED static void run(const char *dir, const char *command)
{
	char *line;

	assert_true(asprintf(&line, "cd %s && (%s) >run.log 2>&1 || { cat run.log; false; }", dir,
			     command) > 0);
	if (system(line))
		fail_msg("%s", command);
	free(line);
}

static bool listens(unsigned int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), ret;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return !ret;
}

static bool is_up(const char *dir, unsigned int port)
{
	char ready[64];

	if (port)
		return listens(port);
	snprintf(ready, sizeof(ready), "%s/ready", dir);
	return !access(ready, F_OK);
}

/*
 * Starts a server in @dir, which must come to listen on @port of 127.0.0.1; one that
 * has no port makes the file "ready" there.
 */
UNUSED static pid_t start_server(const char *dir, char *const argv[], unsigned int port)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	int fd, tries;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);		/* it may have children of its own */
		if (chdir(dir))
			_exit(126);
		fd = open("server-output.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	for (tries = 0; tries < 6000; tries++) {
		if (is_up(dir, port))
			return pid;
		if (waitpid(pid, NULL, WNOHANG))
			break;
		nanosleep(&pause, NULL);
	}
	run(dir, "cat server-output.log >&2; false");
	return -1;
}

/* Starts one of tests/peers, whose files are in @dir. */
UNUSED static pid_t start_peer(const char *dir, const char *name, unsigned int port)
{
	char path[64], number[16], *script;
	pid_t pid;

	snprintf(path, sizeof(path), "../tests/peers/%s", name);
	snprintf(number, sizeof(number), "%u", port);
	script = realpath(path, NULL);
	assert_non_null(script);
	pid = start_server(dir, (char *const[]){ script, (char *)dir, number, NULL }, port);
	free(script);
	return pid;
}

UNUSED static void stop_server(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define check_fails(err, call, want) check_class(call, err, want, #call, __LINE__)
UNUSED static void check_class(int ret, const struct evs_error *err, enum evs_class want,
			       const char *call, int line)
{
	if (ret != -evs_class_errno(want) || err->class != want)
		fail_msg("line %d: %s: %d, class %d, want %d: %s", line, call, ret, err->class,
			 want, err->text);
}

#define check_ok(err, call) check_done(call, err, #call, __LINE__)
UNUSED static void check_done(int ret, const struct evs_error *err, const char *call, int line)
{
	if (ret)
		fail_msg("line %d: %s: %d: %s", line, call, ret, err->text);
}

UNUSED static void assert_wiped(const struct evs_secret *dk)
{
	static const unsigned char zeros[EVS_DK_SIZE];

	assert_memory_equal(dk->data, zeros, EVS_DK_SIZE);
}

#endif /* SERVER_H */
