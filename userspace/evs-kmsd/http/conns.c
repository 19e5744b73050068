// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/conns.h"
#include "log.h"
#include "http/socket.h"

struct kmsd_conn {
	struct kmsd_conn *next;
	struct kmsd_conn **prev;
	int fd;
	time_t until;
	bool cut;
	bool local;
	long uid;
};

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct kmsd_conn *list;
	unsigned int seconds;
	bool stop;
} conns = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void cut_late_ones(void)
{
	struct kmsd_conn *c;

	for (c = conns.list; c; c = c->next)
		if (!c->cut && c->until <= now()) {
			/* The library sees the end of it, and closes the socket */
			shutdown(c->fd, SHUT_RDWR);
			c->cut = true;
			kmsd_log("http: a connection took longer than %u seconds: cut off",
				 conns.seconds);
		}
}

static void *run(void *arg)
{
	struct timespec until;

	pthread_mutex_lock(&conns.lock);
	while (!conns.stop) {
		cut_late_ones();
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&conns.wake, &conns.lock, &until);
	}
	pthread_mutex_unlock(&conns.lock);
	return arg;
}

int kmsd_conns_start(unsigned int seconds, struct evs_error *err)
{
	int errnum;

	conns.stop = false;
	conns.seconds = seconds;
	errnum = pthread_create(&conns.thread, NULL, run, NULL);
	return errnum ? evs_error_set(err, errnum, "thread: %s", strerror(errnum)) : 0;
}

void kmsd_conns_stop(void)
{
	pthread_mutex_lock(&conns.lock);
	conns.stop = true;
	pthread_cond_signal(&conns.wake);
	pthread_mutex_unlock(&conns.lock);
	pthread_join(conns.thread, NULL);
}

struct kmsd_conn *kmsd_conn_add(int fd)
{
	struct kmsd_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->local = kmsd_socket_is_unix(fd);
	c->uid = c->local ? kmsd_socket_peer_uid(fd) : -1;
	pthread_mutex_lock(&conns.lock);
	c->until = now() + conns.seconds;
	c->next = conns.list;
	c->prev = &conns.list;
	if (c->next)
		c->next->prev = &c->next;
	conns.list = c;
	pthread_mutex_unlock(&conns.lock);
	return c;
}

bool kmsd_conn_peer(const struct kmsd_conn *c, long *uid)
{
	*uid = c->uid;
	return c->local;
}

void kmsd_conn_touch(struct kmsd_conn *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&conns.lock);
	c->until = now() + conns.seconds;
	pthread_mutex_unlock(&conns.lock);
}

void kmsd_conn_remove(struct kmsd_conn *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&conns.lock);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&conns.lock);
	free(c);
}
