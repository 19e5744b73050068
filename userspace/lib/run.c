// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "text.h"

#define OUTPUT_MAX (256U << 20)
#define SYSTEM_FOLDERS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define FIRST_FD 3	/* above the ones that the program gets */

/**
 * struct stream - What a program writes to one of its descriptors.
 * @fd: end of the pipe, -1 once it has ended
 * @data: what was read and not yet taken, with a NUL
 * @length: bytes of @data
 * @room: bytes that @data has room for
 */
struct stream {
	int fd;
	char *data;
	size_t length;
	size_t room;
};

/**
 * struct child - A program that runs.
 * @run: what was asked for
 * @pid: its process
 * @output: its stdout
 * @errors: its stderr
 * @last: last line of @errors that says something
 */
struct child {
	const struct evs_run *run;
	pid_t pid;
	struct stream output;
	struct stream errors;
	char last[400];
};

static bool find_in(const char *name, const char *folders, char *path, size_t size)
{
	const char *end;
	int len;

	for (; folders; folders = *end ? end + 1 : NULL) {
		end = strchrnul(folders, ':');
		len = snprintf(path, size, "%.*s/%s", (int)(end - folders), folders, name);
		/* An empty entry is the working directory for a shell: not here. */
		if (*folders == '/' && len > 0 && (size_t)len < size && !access(path, X_OK))
			return true;
	}
	return false;
}

static int find_program(const char *name, char *path, size_t size, struct evs_error *err)
{
	if (*name == '/' && strlen(name) < size && !access(name, X_OK)) {
		strcpy(path, name);
		return 0;
	}
	if (find_in(name, getenv("PATH"), path, size) ||
	    find_in(name, SYSTEM_FOLDERS, path, size))
		return 0;
	return evs_error_set(err, ENOPKG, "%s: there is no such program here; install it", name);
}

/*
 * In a process that shares the memory of the caller, which waits, until execve(2): so
 * locked memory is not copied into one where it is not locked. No library but thin
 * wrappers of system calls; the caller has all signals blocked.
 */
static void exec_program(const struct child *child, const char *path, char *const *environment,
			 const int *fds, pid_t parent, volatile int *errnum)
	__attribute__((noreturn));
static void exec_program(const struct child *child, const char *path, char *const *environment,
			 const int *fds, pid_t parent, volatile int *errnum)
{
	const struct sigaction normal = { .sa_handler = SIG_DFL };
	sigset_t none;
	int fd, sig;

	for (sig = 1; sig < NSIG; sig++)
		sigaction(sig, &normal, NULL);
	/* What it starts goes with it when it is to end: see listen_to(). */
	if (child->run->data || child->run->stop)
		setpgid(0, 0);
	/* The parent may have died before it asked. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)
		_exit(127);
	for (fd = 0; fd < FIRST_FD; fd++) {
		if (dup2(fds[fd], fd) < 0)
			goto failed;
	}
	if (syscall(SYS_close_range, FIRST_FD, ~0U, 0))
		goto failed;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* It does not change the arguments, but its type is from before const. */
	execve(path, (char *const *)child->run->argv, environment);
failed:
	*errnum = errno;
	_exit(127);
}

static int start(struct child *child, const char *path, const int *fds, struct evs_error *err)
{
	char folders[4096], locale[] = "LC_ALL=C";
	char *environment[EVS_RUN_VARIABLES + 3] = { folders, locale };
	const char *const *more = child->run->environment;
	const char *given = getenv("PATH");
	volatile int errnum = 0;
	pid_t parent = getpid();
	sigset_t all, old;
	int len, i;

	/* It does not change them, but its type is from before const. */
	for (i = 0; more && more[i] && i < EVS_RUN_VARIABLES; i++)
		environment[i + 2] = (char *)more[i];
	len = snprintf(folders, sizeof(folders), "PATH=%s%s" SYSTEM_FOLDERS, given ? given : "",
		       given && *given ? ":" : "");
	if (len < 0 || (size_t)len >= sizeof(folders))
		return evs_error_set(err, E2BIG, "PATH in the environment is too long");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	child->pid = vfork();
	if (!child->pid)
		exec_program(child, path, environment, fds, parent, &errnum);
	if (child->pid < 0)
		errnum = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (!errnum)
		return 0;
	if (child->pid > 0)
		waitpid(child->pid, NULL, 0);
	return evs_error_set(err, errnum, "%s: cannot be run: %s", path, strerror(errnum));
}

static int stream_grow(struct stream *stream)
{
	size_t room = stream->room ? 2 * stream->room : 4096;
	char *data;

	if (stream->length + 1024 < stream->room)
		return 0;
	if (room > OUTPUT_MAX)
		return -EFBIG;
	data = realloc(stream->data, room);
	if (!data)
		return -ENOMEM;
	stream->data = data;
	stream->room = room;
	return 0;
}

/* Return: 0, also at its end, where @fd becomes -1, or a negative errno. */
static int stream_read(struct stream *stream)
{
	ssize_t got;
	int ret = stream_grow(stream);

	if (ret)
		return ret;
	got = read(stream->fd, stream->data + stream->length,
		   stream->room - stream->length - 1);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	stream->length += (size_t)got;
	stream->data[stream->length] = '\0';
	if (!got) {
		close(stream->fd);
		stream->fd = -1;
	}
	return 0;
}

/* Give its lines away: the last one may lack an end only once the stream has ended. */
static int stream_lines(struct stream *stream, evs_run_line_fn *line, void *arg,
			struct evs_error *err)
{
	char *start = stream->data, *end;
	int ret = 0;

	while (!ret && start && *start) {
		end = start + strcspn(start, "\r\n");
		if (!*end && stream->fd >= 0)
			break;
		if (*end)
			*end++ = '\0';
		if (*start)
			ret = line(arg, start, err);
		start = end;
	}
	if (start && start != stream->data) {
		stream->length -= (size_t)(start - stream->data);
		memmove(stream->data, start, stream->length + 1);
	}
	return ret;
}

/* LVM indents, and warns of what is no failure; rbd begins with its own name. */
static int hear(void *arg, const char *line, struct evs_error *err)
{
	struct child *child = arg;
	const char *name = basename(child->run->argv[0]), *text = line + strspn(line, " \t");
	size_t len = strlen(name);

	if (!strncmp(text, name, len) && text[len] == ':')
		text += len + 1 + strspn(text + len + 1, " ");
	if (*text && (strncmp(text, "WARNING", 7) || !*child->last))
		evs_text_copy(child->last, sizeof(child->last), text, strlen(text));
	return child->run->said ? child->run->said(child->run->arg, line, err) : 0;
}

static int take(struct child *child, struct evs_error *err)
{
	int ret = stream_lines(&child->errors, hear, child, err);

	if (!ret && child->run->line)
		ret = stream_lines(&child->output, child->run->line, child->run->arg, err);
	return ret;
}

/*
 * One whose data nobody reads any more is told to end: that it finds a broken pipe is not
 * enough. ssh(1) for one goes on to wait for the other side, which may wait for it to read.
 */
static bool is_to_end(const struct pollfd *data, const struct pollfd *stop)
{
	return data->revents & POLLERR || stop->revents & (POLLERR | POLLHUP);
}

/* Read until both have ended, that is until the program has. */
static int listen_to(struct child *child, struct evs_error *err)
{
	struct stream *streams[] = { &child->output, &child->errors };
	struct pollfd polls[4] = {
		[2] = { .fd = child->run->data ? child->run->data : -1 },
		[3] = { .fd = child->run->stop ? child->run->stop : -1 },
	};
	int ret = 0, i;

	while (!ret && (child->output.fd >= 0 || child->errors.fd >= 0)) {
		for (i = 0; i < 2; i++)
			polls[i] = (struct pollfd){ .fd = streams[i]->fd, .events = POLLIN };
		if (poll(polls, 4, -1) < 0) {
			ret = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (is_to_end(&polls[2], &polls[3])) {
			kill(-child->pid, SIGTERM);
			polls[2].fd = -1;
			polls[3].fd = -1;
		}
		for (i = 0; i < 2 && !ret; i++)
			ret = polls[i].revents ? stream_read(streams[i]) : 0;
		if (ret)
			return evs_error_set(err, -ret, "%s: its output cannot be read: %s",
					     child->run->argv[0], strerror(-ret));
		ret = take(child, err);
	}
	return ret;
}

/* Wait for its end, and for what it has said to be the reason if it failed by itself. */
static int finish(struct child *child, int ret, int *status, struct evs_error *err)
{
	const char *name = child->run->argv[0];
	int got;

	if (ret)
		kill(child->pid, SIGTERM);
	while (waitpid(child->pid, &got, 0) < 0) {
		if (errno != EINTR)
			return evs_error_set(err, errno, "%s: its end cannot be told: %m", name);
	}
	*status = WIFEXITED(got) ? WEXITSTATUS(got) : 128 + WTERMSIG(got);
	if (ret || !*status)
		return ret;
	if (WIFSIGNALED(got))
		return evs_error_set(err, EIO, "%s: ended by signal %d", name, WTERMSIG(got));
	if (!*child->last)
		return evs_error_set(err, EIO, "%s: failed with exit status %d", name, *status);
	return evs_error_set(err, EIO, "%s: %s", name, child->last);
}

static void close_all(int *fds, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* The ends of the child are in @fds; those of ours in its streams. */
static int open_pipes(struct child *child, int *fds, struct evs_error *err)
{
	int output[2] = { -1, -1 }, errors[2] = { -1, -1 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || pipe2(output, O_CLOEXEC) || pipe2(errors, O_CLOEXEC)) {
		evs_error_set(err, errno, "%s: cannot be run: %m", child->run->argv[0]);
		close_all((int []){ null, output[0], output[1] }, 3);
		return -err->errnum;
	}
	child->output.fd = output[0];
	child->errors.fd = errors[0];
	fds[0] = null;
	fds[1] = output[1];
	fds[2] = errors[1];
	return 0;
}

static int run_child(struct child *child, const char *path, int *status, struct evs_error *err)
{
	int fds[FIRST_FD], given[FIRST_FD], ret;

	ret = open_pipes(child, fds, err);
	if (ret)
		return ret;
	memcpy(given, fds, sizeof(given));
	if (child->run->input)
		given[0] = child->run->input;
	if (child->run->data)
		given[1] = child->run->data;
	ret = start(child, path, given, err);
	close_all(fds, FIRST_FD);
	if (!ret)
		ret = finish(child, listen_to(child, err), status, err);
	close_all((int []){ child->output.fd, child->errors.fd }, 2);
	free(child->errors.data);
	return ret;
}

int evs_run_program(struct evs_run *run, struct evs_error *err)
{
	const struct sigaction normal = { .sa_handler = SIG_DFL };
	struct child child = { .run = run };
	struct sigaction before;
	char path[4096];
	int ret;

	run->status = -1;
	ret = find_program(run->argv[0], path, sizeof(path), err);
	if (ret)
		return ret;
	/* While it is ignored, a process that ends leaves no exit status. */
	sigaction(SIGCHLD, &normal, &before);
	ret = run_child(&child, path, &run->status, err);
	sigaction(SIGCHLD, &before, NULL);
	if (!ret && run->output)
		*run->output = child.output.data;
	else
		free(child.output.data);
	return ret;
}

int evs_run(const char *const argv[], char **output, struct evs_error *err)
{
	struct evs_run run = { .argv = argv, .output = output };

	return evs_run_program(&run, err);
}

int evs_run_json(const char *const argv[], struct json_object **answer, struct evs_error *err)
{
	char *output;
	int ret = evs_run(argv, &output, err);

	if (ret)
		return ret;
	*answer = json_tokener_parse(output);
	free(output);
	if (!*answer)
		return evs_error_set(err, EPROTO, "%s: its output is no JSON", argv[0]);
	return 0;
}
