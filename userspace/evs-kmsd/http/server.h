/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SERVER_H
#define KMSD_SERVER_H

#include "error.h"
#include "kmsd.h"
#include "http/listen.h"

struct kmsd_server;

/**
 * kmsd_server_start() - Answer requests, in threads of its own.
 * @server: set; release with kmsd_server_stop()
 * @kmsd: the KMS; its configuration says on which sockets
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_server_start(struct kmsd_server **server, struct kmsd *kmsd, struct evs_error *err);

/**
 * kmsd_server_reload() - Take clients, client-ca and client-crl of a new configuration.
 * @server: the server
 * @conf: the configuration; what is not used any more is put there in exchange
 * @err: filled on failure; nothing has changed then
 *
 * The connections of who is no client any more are cut off.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_server_reload(struct kmsd_server *server, struct kmsd_conf *conf,
		       struct evs_error *err);

/**
 * kmsd_server_stop() - Take no more connections, finish the requests, release.
 * @server: the server
 */
void kmsd_server_stop(struct kmsd_server *server);

#endif /* KMSD_SERVER_H */
