/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_TLS_H
#define EVS_KMS_TLS_H

#include <stddef.h>

#include "error.h"
#include "kms/http.h"

struct evs_tls;

/**
 * evs_tls_open() - Prepare a TLS connection for a protocol that is not HTTP.
 * @tls: set to it; no connection yet
 * @peer: who is talked to: @url is `https://host:port`
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_tls_open(struct evs_tls **tls, const struct evs_http_peer *peer, struct evs_error *err);

/**
 * evs_tls_close() - Release it.
 * @tls: the connection, or NULL
 */
void evs_tls_close(struct evs_tls *tls);

/**
 * evs_tls_connect() - Connect unless that is done.
 * @tls: the connection
 * @deadline: evs_clock.now_ms() when it must be over
 * @err: filled on failure: EVS_CLASS_BAD_CREDENTIALS when the server ends the
 *	 handshake with an alert, else EVS_CLASS_KMS_UNREACHABLE
 *
 * After a failure of this or the two below there is no connection any more.
 *
 * Return: 0 or a negative errno.
 */
int evs_tls_connect(struct evs_tls *tls, int64_t deadline, struct evs_error *err);

/**
 * evs_tls_send() - Send all of it.
 * @tls: the connection
 * @data: the bytes
 * @size: how many
 * @deadline: evs_clock.now_ms() when it must be over
 * @err: filled on failure, as evs_tls_connect() does
 *
 * Return: 0 or a negative errno.
 */
int evs_tls_send(struct evs_tls *tls, const void *data, size_t size, int64_t deadline,
		 struct evs_error *err);

/**
 * evs_tls_receive() - Wait for just so many bytes.
 * @tls: the connection
 * @data: filled
 * @size: how many
 * @deadline: evs_clock.now_ms() when it must be over
 * @err: filled on failure, as evs_tls_connect() does
 *
 * Return: 0 or a negative errno.
 */
int evs_tls_receive(struct evs_tls *tls, void *data, size_t size, int64_t deadline,
		    struct evs_error *err);

/**
 * evs_tls_disconnect() - Give the connection up, after an answer that makes no sense.
 * @tls: the connection
 */
void evs_tls_disconnect(struct evs_tls *tls);

#endif /* EVS_KMS_TLS_H */
