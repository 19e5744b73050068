/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that plays a script: one answer for each connection, on a Unix
 * socket, and keeps what it was asked.
 */
#ifndef PEER_H
#define PEER_H

#include <pthread.h>
#include <stdio.h>

#include "script.h"

#define ERROR(status, code) HTTP(status, "{\"error\":{\"error_code\":\"" code "\"," \
	"\"error_msg\":\"words\"}}")

/**
 * struct peer - The server.
 * @path: its socket
 * @url: the same as URL
 * @script: answers, NULL for none in time
 * @request: method, path, blank, body of each request
 * @head: each request up to the empty line
 * @steps: how many answers
 * @played: how many were given
 */
struct peer {
	char path[64];
	char url[80];
	int listener;
	pthread_t thread;
	const char *script[STEPS_MAX];
	char *request[STEPS_MAX];
	char *head[STEPS_MAX];
	unsigned int steps;
	unsigned int played;
};

static void read_request(int fd, char **request, char **head)
{
	char *buf = script_read(fd), *body, *end;

	if (!buf)
		return;
	body = strstr(buf, "\r\n\r\n");
	end = strstr(buf, " HTTP/1.1");
	if (body && end) {
		if (asprintf(request, "%.*s %s", (int)(end - buf), buf, body + 4) < 0)
			*request = NULL;
		*head = strndup(buf, (size_t)(body + 2 - buf));
	}
	free(buf);
}

static void *play(void *arg)
{
	struct peer *p = arg;
	const char *answer;
	int fd;

	while (p->played < p->steps) {
		fd = accept(p->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		read_request(fd, &p->request[p->played], &p->head[p->played]);
		answer = p->script[p->played++];
		/* A client that hung up over an answer too long is no failure here. */
		if (answer && send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			perror("send");
		if (!answer)
			sleep(4);
		close(fd);
	}
	return NULL;
}

UNUSED static int peer_open(struct peer *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/evs-kms-test-%d.sock", getpid());
	snprintf(p->url, sizeof(p->url), "unix:%s", p->path);
	unlink(p->path);
	p->listener = script_listen(p->path);
	return p->listener < 0 ? -1 : 0;
}

UNUSED static void peer_script(struct peer *p, const char *answer)
{
	assert_true(p->steps < STEPS_MAX);
	p->script[p->steps++] = answer;
}

UNUSED static void peer_start(struct peer *p)
{
	assert_int_equal(pthread_create(&p->thread, NULL, play, p), 0);
}

/* All of the script was played, no more was asked. */
UNUSED static void peer_finish(struct peer *p)
{
	unsigned int i;

	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	assert_int_equal(p->played, p->steps);
	for (i = 0; i < p->steps; i++)
		assert_non_null(p->request[i]);
}

/* Forgets what was played, for another script on the same socket. */
UNUSED static void peer_reset(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < STEPS_MAX; i++) {
		free(p->request[i]);
		free(p->head[i]);
		p->request[i] = NULL;
		p->head[i] = NULL;
	}
	p->steps = 0;
	p->played = 0;
}

UNUSED static void peer_close(struct peer *p)
{
	peer_reset(p);
	close(p->listener);
	unlink(p->path);
}

#endif /* PEER_H */
