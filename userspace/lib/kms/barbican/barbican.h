/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_BARBICAN_H
#define EVS_KMS_BARBICAN_H

#include <json.h>

#include "kms/backend.h"

struct evs_otc_auth;

/**
 * struct evs_barbican - What a client of Barbican keeps.
 * @http: connection to it
 * @auth: who this is to Keystone
 */
struct evs_barbican {
	struct evs_http *http;
	struct evs_otc_auth *auth;
};

/* A CMK: a key of AES-256 */
#define EVS_BARBICAN_KEY_SIZE 32

/* ---- wrap.c ---- */

/**
 * evs_barbican_wrap() - Wrap a DK with AES-256-GCM, here in this process.
 * @key: the CMK, EVS_BARBICAN_KEY_SIZE bytes
 * @token: the context is bound in, wrapped_dk is filled
 * @dk: secret of EVS_DK_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_barbican_wrap(const unsigned char *key, struct evs_token *token,
		      const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_barbican_unwrap() - Undo it.
 * @key: the CMK, EVS_BARBICAN_KEY_SIZE bytes
 * @token: context and wrapped_dk are read
 * @dk: secret of EVS_DK_SIZE bytes, filled; wiped on failure
 * @err: filled on failure: EVS_CLASS_TAMPERED when key, context and wrapped DK
 *	 do not belong together
 *
 * Return: 0 or a negative errno.
 */
int evs_barbican_unwrap(const unsigned char *key, const struct evs_token *token,
			struct evs_secret *dk, struct evs_error *err);

/* ---- request.c ---- */

/** evs_barbican_bad_answer() - Report an answer that is none. @err: filled @why: what is wrong */
int evs_barbican_bad_answer(struct evs_error *err, const char *why);

/**
 * evs_barbican_call() - Make one call.
 * @kms: the client
 * @path: path and query
 * @body: the request, JSON; NULL for a GET
 * @accept: a header that says what the answer shall be, or NULL for JSON
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * A token that is refused is renewed once.
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_barbican_call(struct evs_kms *kms, const char *path, const char *body,
		      const char *accept, struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_barbican_call_json() - Make one call whose answer is JSON without secrets.
 * @kms: the client
 * @path: path and query
 * @body: the request, JSON; NULL for a GET
 * @reply: set to the answer, for json_object_put()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_barbican_call_json(struct evs_kms *kms, const char *path, const char *body,
			   json_object **reply, struct evs_error *err);

#endif /* EVS_KMS_BARBICAN_H */
