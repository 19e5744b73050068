/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONNS_H
#define KMSD_CONNS_H

#include <stdbool.h>

#include "error.h"
#include "http/peer.h"

/*
 * The HTTP library closes connections that are silent. One that sends, or
 * takes, a byte now and then is never silent: each has a time by which its
 * request must be there, or its answer be gone, and is cut off then.
 *
 * Nobody can keep others out by holding connections: one address (IPv6: one /64,
 * on the Unix socket: one user other than root) has a limited number, and when all
 * places are taken, a new connection gets that of an idle one.
 */

struct kmsd_conn;

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Watch connections from now on. @conf: how many, how many of a peer, and how long a request
 * may take to arrive and an answer to leave.
 */
int kmsd_conns_start(const struct kmsd_conf *conf, struct evs_error *err);

/* Watch no more; there are no connections left. */
void kmsd_conns_stop(void);

/*
 * A connection begins; it is cut off at once where there are too many. @fd: its socket, which
 * is not closed before kmsd_conn_remove(). Returns the connection, or NULL when there is no
 * memory.
 */
struct kmsd_conn *kmsd_conn_add(int fd);

/*
 * Who is at the other end. Returns the peer; the thread that serves the connection may change
 * it while it holds the KMS's clients_lock.
 */
struct kmsd_peer *kmsd_conn_peer(struct kmsd_conn *conn);

/* A client's request has begun: the connection is not idle. */
void kmsd_conn_busy(struct kmsd_conn *conn);

/* A request has arrived: no time limit until kmsd_conn_touch(). @conn: the connection, or NULL. */
void kmsd_conn_serve(struct kmsd_conn *conn);

/*
 * An answer is ready, or has left: the time starts anew. @conn: the connection,
 * or NULL. @idle: no request is being served.
 */
void kmsd_conn_touch(struct kmsd_conn *conn, bool idle);

/* A connection ends. @conn: the connection, or NULL. */
void kmsd_conn_remove(struct kmsd_conn *conn);

/*
 * Cut off whoever is no client any more. @clients: the clients as they are now; the KMS's
 * clients_lock is held for writing.
 */
void kmsd_conns_recheck(const struct kmsd_clients *clients);

#endif /* KMSD_CONNS_H */
