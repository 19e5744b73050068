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

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Parse a request. @req: release with kmsd_request_free(), also after a failure. @body: the
 * JSON text, changed: the secret is moved out before the JSON library, which wipes nothing,
 * sees it.
 */
int kmsd_request_init(struct kmsd_request *req, char *body, size_t size, struct evs_error *err);

/* Wipe and release a request. */
void kmsd_request_free(struct kmsd_request *req);

/*
 * A member that is a string. @name: the member. @otherwise: value when it is absent; NULL when
 * it is mandatory (KMS.0204). @value: owned by @req.
 */
int kmsd_request_string(const struct kmsd_request *req, const char *name, const char *otherwise,
			const char **value, struct evs_error *err);

/*
 * A member that is a number or, as documented, a string of one. @name: the member. @code: KMS
 * code of the refusal when it is neither. @value: left alone when the member is absent.
 * Returns 1 when the member is there, 0 when it is absent, or a negative errno.
 */
int kmsd_request_number(const struct kmsd_request *req, const char *name, const char *code,
			int64_t *value, struct evs_error *err);

#endif /* KMSD_REQUEST_H */
