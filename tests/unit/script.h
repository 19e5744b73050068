/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For servers that play a script: one connection, one request, one answer. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

#define STEPS_MAX 8
#define REQUEST_MAX 65536
#define HTTP(status, body) "HTTP/1.1 " status " X\r\nX-Request-Id: req-1\r\n" \
	"Connection: close\r\n\r\n" body

/* A socket that listens at @path, or -1 */
UNUSED static int script_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 4))
		return fd;
	close(fd);
	return -1;
}

/* A socket that listens at a TCP port of this host, in place of @old; sets the port */
UNUSED static int script_listen_tcp(int old, unsigned int *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close(old);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

/* A whole request, as it came, to be freed; NULL when memory has run out */
UNUSED static char *script_read(int fd)
{
	char *buf = calloc(1, REQUEST_MAX), *body, *length;
	size_t used = 0, need = REQUEST_MAX - 1;
	ssize_t got;

	while (buf && used < need) {
		got = read(fd, buf + used, need - used);
		if (got <= 0)
			break;
		used += (size_t)got;
		body = strstr(buf, "\r\n\r\n");
		length = strcasestr(buf, "content-length:");
		if (body)
			need = (size_t)(body + 4 - buf) +
			       (length && length < body ? strtoul(length + 15, NULL, 10) : 0);
	}
	return buf;
}

#endif /* SCRIPT_H */
