/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONNS_H
#define KMSD_CONNS_H

#include <stdbool.h>

#include "error.h"

/*
 * The HTTP library closes connections that are silent. One that sends, or
 * takes, a byte now and then is never silent: each has a time by which its
 * request must be there, or its answer be gone, and is cut off then.
 */

struct kmsd_conn;

/**
 * kmsd_conns_start() - Watch connections from now on.
 * @seconds: that a request may take to arrive, and an answer to leave
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_conns_start(unsigned int seconds, struct evs_error *err);

/**
 * kmsd_conns_stop() - Watch no more; there are no connections left.
 */
void kmsd_conns_stop(void);

/**
 * kmsd_conn_add() - A connection begins.
 * @fd: its socket, which is not closed before kmsd_conn_remove()
 *
 * Return: the connection, or NULL when there is no memory.
 */
struct kmsd_conn *kmsd_conn_add(int fd);

/**
 * kmsd_conn_peer() - Who is at the other end, as the kernel said when it began.
 * @conn: the connection
 * @uid: set to the user id, -1 when it is not known
 *
 * Return: whether it is a Unix socket.
 */
bool kmsd_conn_peer(const struct kmsd_conn *conn, long *uid);

/**
 * kmsd_conn_touch() - A request has arrived, or an answer has left: the time starts anew.
 * @conn: the connection, or NULL
 */
void kmsd_conn_touch(struct kmsd_conn *conn);

/**
 * kmsd_conn_remove() - A connection ends.
 * @conn: the connection, or NULL
 */
void kmsd_conn_remove(struct kmsd_conn *conn);

#endif /* KMSD_CONNS_H */
