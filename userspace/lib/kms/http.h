/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_HTTP_H
#define EVS_KMS_HTTP_H

#include <stdint.h>

#include "error.h"
#include "secret.h"

/* The largest answer that is read; the largest the protocol needs is far less. */
#define EVS_HTTP_ANSWER_MAX 65536

struct evs_http;

/**
 * struct evs_http_answer - What came back.
 * @status: HTTP status
 * @request_id: X-Request-Id, or ""
 * @len: bytes in @body
 * @body: the body and a NUL; belongs to the connection, may hold a secret
 */
struct evs_http_answer {
	long status;
	char request_id[64];
	size_t len;
	struct evs_secret *body;
};

/**
 * evs_http_open() - Prepare a connection; made at the first request.
 * @http: set to it
 * @socket: path of the Unix socket
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_http_open(struct evs_http **http, const char *socket, struct evs_error *err);

/**
 * evs_http_close() - Release it, wiping what it still holds.
 * @http: the connection, or NULL
 */
void evs_http_close(struct evs_http *http);

/**
 * evs_http_post() - Send one JSON body, read the answer.
 * @http: the connection
 * @path: path of the URL
 * @body: the body, not copied
 * @timeout_ms: milliseconds for all of it
 * @answer: filled; valid until the next call
 * @err: filled on failure: EVS_CLASS_KMS_UNREACHABLE or EVS_CLASS_PROTOCOL
 *
 * Return: 0 when there is an answer, whatever its status, or a negative errno.
 */
int evs_http_post(struct evs_http *http, const char *path, const char *body, long timeout_ms,
		  struct evs_http_answer *answer, struct evs_error *err);

#endif /* EVS_KMS_HTTP_H */
