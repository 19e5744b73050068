// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repo/borg/borg.h"
#include "text.h"

#define PIPE_SIZE (16 << 20)

void evs_borg_archive(const struct evs_repo_borg *repo, const char *name,
		      char text[BORG_ARCHIVE_SIZE])
{
	snprintf(text, BORG_ARCHIVE_SIZE, "%s::%s", repo->path, name);
}

/* What has gone wrong is said before a trace of calls and a description of the host. */
static int hear(void *arg, const char *line, struct evs_error *err)
{
	char *said = arg;

	(void)err;
	if (!*said && (strstr(line, "rror") || strstr(line, "exist")))
		snprintf(said, BORG_SAID_SIZE, "%s", line);
	return 0;
}

static int refine(const char *said, struct evs_error *err)
{
	char text[EVS_TEXT_COPY_MAX(BORG_SAID_SIZE)];

	if (err->errnum != EIO)
		return -err->errnum;
	evs_text_copy(text, sizeof(text), said, strlen(said));
	if (*text)
		evs_error_set(err, EIO, "borg: %s", text);
	if (strstr(err->text, "acquire the lock"))
		return evs_error_set(err, EBUSY,
				     "borg: another one is at work there, or was killed on another host; if none is, run: BORG_BASE_DIR="
				     BORG_STATE " borg break-lock PATH");
	if (strstr(err->text, "Broken pipe") || strstr(err->text, "onnection"))
		return evs_error_prefix(err, "the connection to the repository broke");
	if (strstr(err->text, "already exists"))
		err->errnum = EEXIST;
	else if (strstr(err->text, "does not exist") && strstr(err->text, "Archive"))
		err->errnum = ENOENT;
	return -err->errnum;
}

int evs_borg_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	sigset_t set, old;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* It inherits that: by itself it could take one before it has blocked them. */
	pthread_sigmask(SIG_BLOCK, &set, &old);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static void *run(void *arg)
{
	struct evs_borg_run *borg = arg;

	borg->ret = evs_run_program(&borg->run, &borg->err);
	close(borg->theirs);
	close(borg->told);
	return NULL;
}

static int open_ends(int *ends, int *stop, struct evs_error *err)
{
	if (pipe2(ends, O_CLOEXEC))
		return evs_error_set(err, errno, "borg: %m");
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stop))
		return 0;
	evs_error_set(err, errno, "borg: %m");
	close(ends[0]);
	close(ends[1]);
	return -err->errnum;
}

int evs_borg_start(struct evs_borg_run *borg, const struct evs_repo_borg *repo, bool feed,
		   struct evs_error *err)
{
	int ends[2], stop[2], ret;

	ret = open_ends(ends, stop, err);
	if (ret)
		return ret;
	/* So that it goes on while we hash, decrypt and write; else 1 MiB, which all may have */
	if (fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	borg->theirs = ends[feed ? 0 : 1];
	borg->fd = ends[feed ? 1 : 0];
	borg->stop = stop[0];
	borg->told = stop[1];
	borg->run = (struct evs_run){ .argv = borg->argv, .environment = repo->environment,
				      .stop = borg->told, .said = hear, .arg = borg->said };
	if (feed)
		borg->run.input = borg->theirs;
	else
		borg->run.data = borg->theirs;
	ret = evs_borg_thread(&borg->thread, run, borg);
	if (!ret)
		return 0;
	close(ends[0]);
	close(ends[1]);
	close(stop[0]);
	close(stop[1]);
	return evs_error_set(err, ret, "borg: cannot start a thread: %s", strerror(ret));
}

void evs_borg_stop(struct evs_borg_run *borg)
{
	shutdown(borg->stop, SHUT_RDWR);
}

int evs_borg_end(struct evs_borg_run *borg, struct evs_error *err)
{
	bool stopped = false;
	char none;

	close(borg->fd);
	/* Nothing comes but its end, or a signal, which pthread_join() would not heed. */
	if (read(borg->stop, &none, sizeof(none)) < 0) {
		stopped = true;
		evs_borg_stop(borg);
	}
	pthread_join(borg->thread, NULL);
	close(borg->stop);
	if (!borg->ret)
		return 0;
	if (stopped)
		return evs_error_set(err, ECANCELED, "interrupted");
	*err = borg->err;
	return refine(borg->said, err);
}

int evs_borg_call(const struct evs_repo_borg *repo, const char *const *argv, char **output,
		  struct evs_error *err)
{
	struct evs_run call = {
		.argv = argv, .environment = repo->environment, .output = output, .said = hear,
	};
	char said[BORG_SAID_SIZE] = "";
	int ret;

	call.arg = said;
	ret = evs_run_program(&call, err);
	return ret ? refine(said, err) : 0;
}
