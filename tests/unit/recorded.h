/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server on a Unix socket that plays a script: one answer for each request. */
#ifndef RECORDED_H
#define RECORDED_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/un.h>

#include "kms/backend.h"
#include "kms/kms.h"
#include "server.h"

#define STEPS_MAX 8
#define REQUEST_MAX 65536
#define ANSWER(status, body) "HTTP/1.1 " status " X\r\nX-Request-Id: req-1\r\n" \
	"Connection: close\r\n\r\n" body

struct recorded {
	char path[64];
	int listener;
	pthread_t thread;
	const char *script[STEPS_MAX];
	char *request[STEPS_MAX];	/* as it came */
	unsigned int steps;
	unsigned int played;
};

UNUSED static void read_request(int fd, char **request)
{
	char *buf = calloc(1, REQUEST_MAX), *body, *length;
	size_t used = 0, need = 0;
	ssize_t got;

	while (buf && (!need || used < need)) {
		got = read(fd, buf + used, REQUEST_MAX - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
		body = strstr(buf, "\r\n\r\n");
		length = strcasestr(buf, "content-length:");
		if (body)
			need = (size_t)(body + 4 - buf) + (length ? strtoul(length + 15, NULL, 10) : 0);
	}
	*request = buf;
}

UNUSED static void *play(void *arg)
{
	struct recorded *r = arg;
	const char *answer;
	int fd;

	while (r->played < r->steps) {
		fd = accept(r->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		read_request(fd, &r->request[r->played]);
		answer = r->script[r->played++];
		if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			perror("send");
		close(fd);
	}
	return NULL;
}

UNUSED static void recorded_open(struct recorded *r, const char *dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(r->path, sizeof(r->path), "%s/sock", dir);
	strcpy(addr.sun_path, r->path);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(r->listener, 4), 0);
}

UNUSED static void expect(struct recorded *r, const char *answer)
{
	unsigned int i;

	if (!answer) {		/* that was all: play it */
		assert_int_equal(pthread_create(&r->thread, NULL, play, r), 0);
		return;
	}
	if (r->played) {	/* a new script */
		pthread_join(r->thread, NULL);
		for (i = 0; i < r->played; i++)
			free(r->request[i]);
		memset(r->request, 0, sizeof(r->request));
		r->steps = r->played = 0;
	}
	assert_true(r->steps < STEPS_MAX);
	r->script[r->steps++] = answer;
}

UNUSED static void recorded_close(struct recorded *r)
{
	unsigned int i;

	shutdown(r->listener, SHUT_RDWR);
	if (r->steps)
		pthread_join(r->thread, NULL);
	assert_int_equal(r->played, r->steps);
	for (i = 0; i < r->played; i++)
		free(r->request[i]);
	close(r->listener);
}

#endif /* RECORDED_H */
