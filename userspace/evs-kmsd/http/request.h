/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_REQUEST_H
#define KMSD_REQUEST_H

#include <json-c/json.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "secret.h"

/**
 * struct kmsd_request - The JSON body of a request.
 * @json: the object; its secret member, plain_text, is blanked
 * @secret: what the secret member held, as it stood in the JSON text, escapes
 *	    and all; NULL when there is none
 * @secret_len: characters in @secret
 */
struct kmsd_request {
	struct json_object *json;
	struct evs_secret *secret;
	size_t secret_len;
};

/**
 * kmsd_request_init() - Parse a request.
 * @req: filled; release with kmsd_request_free(), also after a failure
 * @body: the JSON text, changed: the secret is moved out before the JSON
 *	  library, which wipes nothing, sees it
 * @size: its size
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_request_init(struct kmsd_request *req, char *body, size_t size, struct evs_error *err);

/**
 * kmsd_request_free() - Wipe and release a request.
 * @req: the request
 */
void kmsd_request_free(struct kmsd_request *req);

/**
 * kmsd_request_string() - A member that is a string.
 * @req: the request
 * @name: the member
 * @otherwise: value when it is absent; NULL when it is mandatory (KMS.0204)
 * @value: set; owned by @req
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_request_string(const struct kmsd_request *req, const char *name, const char *otherwise,
			const char **value, struct evs_error *err);

/**
 * kmsd_request_number() - A member that is a number or, as documented, a string of one.
 * @req: the request
 * @name: the member
 * @code: KMS code of the refusal when it is neither
 * @value: set; left alone when the member is absent
 * @err: filled on failure
 *
 * Return: 1 when the member is there, 0 when it is absent, or a negative errno.
 */
int kmsd_request_number(const struct kmsd_request *req, const char *name, const char *code,
			int64_t *value, struct evs_error *err);

#endif /* KMSD_REQUEST_H */
