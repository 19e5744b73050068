/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_EXCHANGE_H
#define KMSD_EXCHANGE_H

#include <microhttpd.h>

#include "http/api.h"
#include "http/conns.h"
#include "pool.h"

#define KMSD_REQUEST_ID_SIZE 16

/**
 * struct kmsd_exchange - One request and its answer.
 * @body: what has arrived so far; locked, for it may hold a secret
 * @used: bytes in @body
 * @too_long: more has arrived than @body takes
 * @begun: its headers have been seen
 * @reply: the answer
 * @id: X-Request-Id
 * @source: from where
 * @peer: who is at the other end; NULL until @begun
 */
struct kmsd_exchange {
	struct evs_secret *body;
	size_t used;
	bool too_long;
	bool begun;
	struct kmsd_reply reply;
	char id[2 * KMSD_REQUEST_ID_SIZE + 1];
	char source[80];
	struct kmsd_peer *peer;
};

/*
 * A request begins. Returns the exchange, or NULL when there is no memory or it cannot be
 * locked.
 */
struct kmsd_exchange *kmsd_exchange_new(void);

/* It is over; what was secret is wiped. */
void kmsd_exchange_free(struct kmsd_exchange *ex);

/* Take a part of the body. @data: the part, which is wiped. */
void kmsd_exchange_take(struct kmsd_exchange *ex, const char *data, size_t size);

/* Hand the answer to the HTTP library. @connection: its connection. */
enum MHD_Result kmsd_exchange_respond(struct kmsd_exchange *ex,
				      struct MHD_Connection *connection);

#endif /* KMSD_EXCHANGE_H */
