// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

/* One datagram: no reason to link a daemon that holds keys with libsystemd. */
int kmsd_notify(const char *state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	ssize_t sent;
	int fd;

	if (!len)
		return 0;
	if ((*path != '/' && *path != '@') || len >= sizeof(addr.sun_path)) {
		errno = EINVAL;
		return -errno;
	}
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	if (sent < 0) {
		int errnum = errno;

		close(fd);
		errno = errnum;
		return -errnum;
	}
	close(fd);
	return 0;
}
