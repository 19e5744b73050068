/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_HTTP_H
#define EVS_KMS_HTTP_H

#include <stdint.h>

#include "config.h"
#include "error.h"
#include "secret.h"

/* The largest answer that is read; the largest the protocol needs is far less. */
#define EVS_HTTP_ANSWER_MAX 65536
/* The longest header of an answer that is read: tokens of a cloud are long. */
#define EVS_HTTP_HEADER_MAX 32768

struct evs_http;

/**
 * struct evs_http_peer - Who is talked to.
 * @url: `unix:/path/of/socket`, or `https://` or `http://`, host and perhaps
 *	 port and path
 * @ca_file: certificates of who may sign the server's, PEM; NULL for the system's
 * @cert_file: certificate of this host, PEM; NULL for none
 * @key_file: its private key, PEM
 */
struct evs_http_peer {
	const char *url;
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
};

/**
 * struct evs_http_request - What is asked.
 * @method: "GET", "POST", "PUT", ...
 * @path: what comes behind the peer's URL; begins with "/", or is ""
 * @headers: whole header lines, NULL at the end; NULL for none
 * @body: the body, not copied; NULL for none
 * @len: its length
 * @timeout_ms: milliseconds for all of it
 * @want: header of the answer that is kept, without colon, or NULL
 * @sigv4: sign for `aws:amz:REGION:SERVICE`, or NULL
 * @login: access key, colon and secret key, to sign with
 */
struct evs_http_request {
	const char *method;
	const char *path;
	const char *const *headers;
	const void *body;
	size_t len;
	long timeout_ms;
	const char *want;
	const char *sigv4;
	const char *login;
};

/**
 * struct evs_http_answer - What came back.
 * @status: HTTP status
 * @request_id: X-Request-Id, or ""
 * @retry_after: seconds that the server asks to wait, -1 when it does not
 * @len: bytes in @body
 * @body: the body and a NUL; belongs to the connection, may hold a secret
 * @header: the header that was wanted, "" when it was not there; NULL unless
 *	    one was wanted. Belongs to the connection, may hold a secret
 */
struct evs_http_answer {
	long status;
	char request_id[64];
	long retry_after;
	size_t len;
	struct evs_secret *body;
	struct evs_secret *header;
};

/**
 * evs_http_open() - Prepare a connection; made at the first request.
 * @http: set to it
 * @peer: who is talked to; copied
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_http_open(struct evs_http **http, const struct evs_http_peer *peer,
		  struct evs_error *err);

/**
 * evs_http_close() - Release it, wiping what it still holds.
 * @http: the connection, or NULL
 */
void evs_http_close(struct evs_http *http);

/**
 * evs_http_call() - Send one request, read the answer.
 * @http: the connection
 * @request: what is asked
 * @answer: filled; valid until the next call
 * @err: filled on failure: EVS_CLASS_KMS_UNREACHABLE (transient when the same
 *	 may succeed a moment later), EVS_CLASS_BAD_CREDENTIALS when the server
 *	 objects to the certificate of this host, or EVS_CLASS_PROTOCOL
 *
 * Redirections are not followed: what is asked may hold a secret.
 *
 * Return: 0 when there is an answer, whatever its status, or a negative errno.
 */
int evs_http_call(struct evs_http *http, const struct evs_http_request *request,
		  struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_http_take_dk() - Take a data key in base64 out of an answer.
 * @answer: the answer, JSON; the digits in it become zeros
 * @level: 1 for a member of the object, 2 for one of an object in it
 * @name: name of the member
 * @dk: filled
 * @err: filled when the key is too short or too long
 *
 * Return: 0, -ENOENT, with nothing in @err, when there is no such member or it is no
 * base64, or another negative errno.
 */
int evs_http_take_dk(struct evs_http_answer *answer, int level, const char *name,
		     struct evs_secret *dk, struct evs_error *err);

#endif /* EVS_KMS_HTTP_H */
