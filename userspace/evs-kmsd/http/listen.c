// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/listen.h"

#define FIRST_FD 3
#define FDS_MAX 2
#define BACKLOG 128

static int take_fd(struct kmsd_listen *l, int fd, struct evs_error *err)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	int *slot;

	if (getsockname(fd, (struct sockaddr *)&addr, &size))
		return evs_error_set(err, errno, "descriptor %d from systemd: %m", fd);
	slot = addr.ss_family == AF_UNIX ? &l->unix_fd : &l->tcp_fd;
	if (*slot >= 0)
		return evs_error_set(err, EINVAL,
				     "systemd hands over two sockets of a kind: one ListenStream for each");
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK))
		return evs_error_set(err, errno, "descriptor %d from systemd: %m", fd);
	*slot = fd;
	return 0;
}

/* Returns how many descriptors there are for us. */
static int inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int count = pid && fds && atol(pid) == (long)getpid() ? atoi(fds) : 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count > 0 ? count : 0;
}

/* Splits ADDRESS:PORT, the address in brackets when it has colons itself. */
static int split(const char *text, char host[KMSD_ADDRESS_MAX + 1], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!len || !colon[1])
		return -EINVAL;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	*port = colon + 1;
	return 0;
}

static int open_tcp(const char *address, int *out, struct evs_error *err)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	char host[KMSD_ADDRESS_MAX + 1];
	struct addrinfo *info = NULL;
	int fd, yes = 1, ret = 0;
	const char *port;

	if (split(address, host, &port) || getaddrinfo(host, port, &hints, &info))
		return evs_error_set(err, EINVAL, "%s: not an address and port, as 192.0.2.1:9443",
				     address);
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The daemon starts before the network: the address may come later */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)) ||
	    bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG))
		ret = evs_error_set(err, errno, "%s: %m", address);
	freeaddrinfo(info);
	if (ret && fd >= 0)
		close(fd);
	if (!ret)
		*out = fd;
	return ret;
}

static bool has_users(const struct kmsd_clients *clients)
{
	size_t i;

	for (i = 0; i < clients->count; i++)
		if (clients->list[i].uid >= 0)
			return true;
	return false;
}

int kmsd_listen_open(struct kmsd_listen *l, const struct kmsd_conf *conf, struct evs_error *err)
{
	int count = inherited(), ret = 0, i;

	*l = (struct kmsd_listen){ .unix_fd = -1, .tcp_fd = -1, .inherited = count };
	if (count > FDS_MAX)
		return evs_error_set(err, EINVAL, "systemd hands over more than %d sockets",
				     FDS_MAX);
	for (i = 0; i < count && !ret; i++)
		ret = take_fd(l, FIRST_FD + i, err);
	if (count && !ret && l->tcp_fd >= 0 && !conf->certificate[0])
		ret = evs_error_set(err, EINVAL,
				    "systemd hands over a TCP socket: [listen] certificate and private-key are missing");
	if (!count && !ret) {
		ret = kmsd_socket_open(&l->sock, conf->socket, err);
		l->unix_fd = ret ? -1 : l->sock.fd;
		/* Whoever is no client of the daemon is refused by it */
		if (!ret && has_users(&conf->clients) && chmod(l->sock.path, 0666))
			ret = evs_error_set(err, errno, "%s: %m", l->sock.path);
	}
	/* A Unix socket from systemd does not keep the daemon from its own TCP address */
	if (!ret && l->tcp_fd < 0 && conf->address[0]) {
		ret = open_tcp(conf->address, &l->tcp_fd, err);
		if (ret)
			kmsd_listen_close(l);
	}
	return ret;
}

void kmsd_listen_close(struct kmsd_listen *l)
{
	if (l->tcp_fd >= 0)
		close(l->tcp_fd);
	if (!l->inherited)
		kmsd_socket_close(&l->sock);
	else if (l->unix_fd >= 0)
		close(l->unix_fd);
}
