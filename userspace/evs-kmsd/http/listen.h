/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_LISTEN_H
#define KMSD_LISTEN_H

#include <stdbool.h>

#include "conf.h"
#include "error.h"
#include "http/socket.h"

/**
 * struct kmsd_listen - What the daemon listens on.
 * @unix_fd: the Unix socket, or -1
 * @tcp_fd: the TCP socket, or -1
 * @inherited: they came from systemd, which keeps them
 * @sock: the Unix socket when it is our own
 */
struct kmsd_listen {
	int unix_fd;
	int tcp_fd;
	bool inherited;
	struct kmsd_socket sock;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Take the sockets that systemd hands over, or open our own. @listen: release with
 * kmsd_listen_close(). @conf: where to listen. systemd's are known by LISTEN_PID and
 * LISTEN_FDS, which are removed from the environment: at most one Unix and one TCP socket.
 * Call it before there are threads.
 */
int kmsd_listen_open(struct kmsd_listen *listen, const struct kmsd_conf *conf,
		     struct evs_error *err);

/* Close them; a socket file of our own is removed. @listen: the sockets. */
void kmsd_listen_close(struct kmsd_listen *listen);

#endif /* KMSD_LISTEN_H */
