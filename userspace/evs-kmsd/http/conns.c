// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/conns.h"
#include "http/socket.h"
#include "log.h"

#define TIME_NEVER INT64_MAX	/* of the monotonic clock */
#define PREFIX_SIZE 8	/* of an IPv6 address: who has one address has its /64 */

struct kmsd_conn {
	struct kmsd_conn *next;
	struct kmsd_conn **prev;
	int fd;
	time_t until;
	bool cut;
	bool busy;
	bool known;
	struct kmsd_peer peer;
	unsigned char address[PREFIX_SIZE];	/* what counts as one peer by network */
};

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct kmsd_conn *list;
	unsigned int seconds;
	int64_t limit;
	int64_t peer_limit;
	time_t told;
	bool stop;
} conns = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The library sees the end of it, and closes the socket. */
static void cut(struct kmsd_conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->cut = true;
}

static void cut_late_ones(void)
{
	struct kmsd_conn *c;

	for (c = conns.list; c; c = c->next)
		if (!c->cut && c->until <= now()) {
			cut(c);
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

int kmsd_conns_start(const struct kmsd_conf *conf, struct evs_error *err)
{
	int errnum;

	conns.stop = false;
	conns.seconds = (unsigned int)conf->request_seconds;
	conns.limit = conf->connections;
	conns.peer_limit = conf->peer_connections;
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

static void set_address(struct kmsd_conn *c)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);

	if (getpeername(c->fd, (struct sockaddr *)&addr, &size))
		return;
	if (addr.ss_family == AF_INET6 &&
	    !IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&addr)->sin6_addr))
		memcpy(c->address, &((struct sockaddr_in6 *)&addr)->sin6_addr, PREFIX_SIZE);
	else if (addr.ss_family == AF_INET6)
		memcpy(c->address, &((struct sockaddr_in6 *)&addr)->sin6_addr.s6_addr[12],
		       sizeof(in_addr_t));
	else if (addr.ss_family == AF_INET)
		memcpy(c->address, &((struct sockaddr_in *)&addr)->sin_addr, sizeof(in_addr_t));
}

static bool same_peer(const struct kmsd_conn *a, const struct kmsd_conn *b)
{
	return a->peer.local == b->peer.local && a->peer.uid == b->peer.uid &&
	       !memcmp(a->address, b->address, PREFIX_SIZE);
}

/* How many connections has the peer of @c, itself not counted when it is not listed yet? */
static int64_t count_peer(const struct kmsd_conn *c)
{
	const struct kmsd_conn *i;
	int64_t n = 0;

	for (i = conns.list; i; i = i->next)
		n += !i->cut && same_peer(i, c);
	return n;
}

/*
 * Is @a a better one to lose than @b, which is younger, or NULL? Of two that began in the
 * same second the younger one stays: its request may be on the way.
 */
static bool rather(const struct kmsd_conn *a, const struct kmsd_conn *b)
{
	int64_t more;

	if (!b || a->known != b->known)
		return !b || !a->known;
	more = count_peer(a) - count_peer(b);
	return more ? more > 0 : a->until <= b->until;
}

/* Makes room for one more; false when every connection has a request on its way. */
static bool make_room(const struct kmsd_conn *newcomer)
{
	struct kmsd_conn *c, *victim = NULL;
	int64_t total = 0;

	for (c = conns.list; c; c = c->next)
		total += !c->cut && c->peer.local == newcomer->peer.local;
	if (total < conns.limit)
		return true;
	for (c = conns.list; c; c = c->next)
		if (!c->cut && !c->busy && c->peer.local == newcomer->peer.local &&
		    rather(c, victim))
			victim = c;
	if (victim)
		cut(victim);
	return victim;
}

static bool may_come(const struct kmsd_conn *c)
{
	bool root = c->peer.local && c->peer.uid == kmsd_client_root.uid;

	return (root || count_peer(c) < conns.peer_limit) && make_room(c);
}

struct kmsd_conn *kmsd_conn_add(int fd)
{
	struct kmsd_conn *c = calloc(1, sizeof(*c));
	bool tell = false;

	if (!c)
		return NULL;
	c->fd = fd;
	c->peer.local = kmsd_socket_is_unix(fd);
	c->peer.uid = c->peer.local ? kmsd_socket_peer_uid(fd) : -1;
	set_address(c);
	pthread_mutex_lock(&conns.lock);
	c->until = now() + conns.seconds;
	if (!may_come(c)) {
		tell = conns.told != now();
		conns.told = now();
		cut(c);
	}
	c->next = conns.list;
	c->prev = &conns.list;
	if (c->next)
		c->next->prev = &c->next;
	conns.list = c;
	pthread_mutex_unlock(&conns.lock);
	if (tell)
		kmsd_log("http: too many connections, of one peer or of all: refused");
	return c;
}

struct kmsd_peer *kmsd_conn_peer(struct kmsd_conn *c)
{
	return &c->peer;
}

void kmsd_conn_busy(struct kmsd_conn *c)
{
	pthread_mutex_lock(&conns.lock);
	c->busy = true;
	c->known = true;
	pthread_mutex_unlock(&conns.lock);
}

void kmsd_conn_serve(struct kmsd_conn *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&conns.lock);
	c->until = TIME_NEVER;
	pthread_mutex_unlock(&conns.lock);
}

void kmsd_conn_touch(struct kmsd_conn *c, bool idle)
{
	if (!c)
		return;
	pthread_mutex_lock(&conns.lock);
	c->until = now() + conns.seconds;
	if (idle)
		c->busy = false;
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

void kmsd_conns_recheck(const struct kmsd_clients *clients)
{
	struct kmsd_conn *c;

	pthread_mutex_lock(&conns.lock);
	for (c = conns.list; c; c = c->next)
		if (!c->cut && c->peer.known && !kmsd_peer_stays(&c->peer, clients))
			cut(c);
	pthread_mutex_unlock(&conns.lock);
}
