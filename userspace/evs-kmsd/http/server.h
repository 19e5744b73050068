/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SERVER_H
#define KMSD_SERVER_H

#include "error.h"
#include "kmsd.h"
#include "http/listen.h"

struct kmsd_server;

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Answer requests, in threads of its own. @server: release with kmsd_server_stop(). @kmsd: the
 * KMS; its configuration says on which sockets.
 */
int kmsd_server_start(struct kmsd_server **server, struct kmsd *kmsd, struct evs_error *err);

/*
 * Take clients, client-ca and client-crl of a new configuration. @conf: the configuration;
 * what is not used any more is put there in exchange. @err: nothing has changed then. The
 * connections of who is no client any more are cut off.
 */
int kmsd_server_reload(struct kmsd_server *server, struct kmsd_conf *conf,
		       struct evs_error *err);

/* Take no more connections, finish the requests, release. */
void kmsd_server_stop(struct kmsd_server *server);

#endif /* KMSD_SERVER_H */
