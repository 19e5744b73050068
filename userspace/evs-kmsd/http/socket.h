/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SOCKET_H
#define KMSD_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf.h"
#include "error.h"

/**
 * struct kmsd_socket - A listening AF_UNIX socket.
 * @fd: the socket
 * @lock_fd: file beside it, held by flock() while the socket is ours
 * @path: where it is
 * @dev: device of the socket file
 * @ino: inode number of the socket file
 */
struct kmsd_socket {
	int fd;
	int lock_fd;
	char path[KMSD_SOCKET_MAX + 1];
	dev_t dev;
	ino_t ino;
};

/*
 * Listen, for root alone. @sock: release with kmsd_socket_close(). @path: where; its directory
 * is made when only that is missing. A socket that a killed process has left behind is
 * replaced; anything else that has this name stays as it is. Changes the umask for a moment:
 * call it before there are threads. Returns 0 or a negative errno; -EADDRINUSE when another
 * process listens there, -EEXIST when something that is no socket has this name.
 */
int kmsd_socket_open(struct kmsd_socket *sock, const char *path, struct evs_error *err);

/* Stop listening and remove the socket. */
void kmsd_socket_close(struct kmsd_socket *sock);

/* Is a socket an AF_UNIX one? */
bool kmsd_socket_is_unix(int fd);

/* Who is at the other end of a connection? Returns uid, or -1 when the kernel does not tell. */
long kmsd_socket_peer_uid(int fd);

#endif /* KMSD_SOCKET_H */
