// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/socket.h"

#define BACKLOG 128

static int make_directory(const char *path, struct evs_error *err)
{
	char dir[KMSD_SOCKET_MAX + 1];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		return evs_error_set(err, errno, "%s: %m", dir);
	return 0;
}

/* Who holds the lock owns the name of the socket, whatever lies there. */
static int lock(const char *path, struct evs_error *err)
{
	char name[KMSD_SOCKET_MAX + sizeof(".lock")];
	int fd, ret;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", name);
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	ret = errno == EWOULDBLOCK
		      ? evs_error_set(err, EADDRINUSE, "%s: another evs-kmsd listens there", path)
		      : evs_error_set(err, errno, "locking %s: %m", name);
	close(fd);
	return ret;
}

/*
 * Removes the socket that a killed process has left behind. Nothing else is removed:
 * a wrong path in the configuration must not cost a file. The lock says that no other
 * evs-kmsd listens there; another program may.
 */
static int remove_stale(const struct sockaddr_un *addr, struct evs_error *err)
{
	const char *path = addr->sun_path;
	struct stat st;
	int fd, ret;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : evs_error_set(err, errno, "%s: %m", path);
	if (!S_ISSOCK(st.st_mode))
		return evs_error_set(err, EEXIST,
				     "%s: exists and is not a socket: remove it, or change [listen] socket",
				     path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return evs_error_set(err, errno, "socket: %m");
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	/* EAGAIN: its backlog is full; EPROTOTYPE: of another kind, such as syslog's */
	if (!ret || errno != ECONNREFUSED)
		ret = evs_error_set(err, EADDRINUSE, "%s: another program listens there", path);
	else
		ret = unlink(path) ? evs_error_set(err, errno, "%s: %m", path) : 0;
	close(fd);
	return ret;
}

int kmsd_socket_open(struct kmsd_socket *sock, const char *path, struct evs_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return evs_error_set(err, ENAMETOOLONG, "%s: name too long for a socket", path);
	strcpy(addr.sun_path, path);
	strcpy(sock->path, path);
	ret = make_directory(path, err);
	if (ret)
		return ret;
	ret = sock->lock_fd = lock(path, err);
	if (ret < 0)
		return ret;
	sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->fd < 0) {
		ret = evs_error_set(err, errno, "socket: %m");
		goto err_unlock;
	}
	ret = remove_stale(&addr, err);
	if (ret)
		goto err_close;
	mask = umask(0177);
	ret = bind(sock->fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (ret || listen(sock->fd, BACKLOG) || lstat(path, &st)) {
		ret = evs_error_set(err, errno, "%s: %m", path);
		goto err_close;
	}
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	return 0;

err_close:
	close(sock->fd);
err_unlock:
	close(sock->lock_fd);
	return ret;
}

void kmsd_socket_close(struct kmsd_socket *sock)
{
	struct stat st;

	/* Somebody may have put something else there meanwhile. */
	if (!lstat(sock->path, &st) && st.st_dev == sock->dev && st.st_ino == sock->ino)
		unlink(sock->path);
	close(sock->fd);
	close(sock->lock_fd);
}

bool kmsd_socket_is_unix(int fd)
{
	int domain;
	socklen_t size = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX;
}

long kmsd_socket_peer_uid(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? -1 : (long)peer.uid;
}
