/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server on a Unix socket that plays a script: one answer for each request. */
#ifndef RECORDED_H
#define RECORDED_H

#include <pthread.h>
#include <stdbool.h>

#include "kms/backend.h"
#include "kms/kms.h"
#include "script.h"
#include "server.h"

struct recorded {
	char path[64];
	int listener;
	pthread_t thread;
	const char *script[STEPS_MAX];
	char *request[STEPS_MAX];	/* as it came */
	unsigned int steps;
	unsigned int played;
};

UNUSED static void *play(void *arg)
{
	struct recorded *r = arg;
	const char *answer;
	int fd;

	while (r->played < r->steps) {
		fd = accept(r->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		r->request[r->played] = script_read(fd);
		answer = r->script[r->played++];
		if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			perror("send");
		close(fd);
	}
	return NULL;
}

UNUSED static void recorded_open(struct recorded *r, const char *dir)
{
	snprintf(r->path, sizeof(r->path), "%s/sock", dir);
	r->listener = script_listen(r->path);
	assert_true(r->listener >= 0);
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
