/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_TRANSIT_PRIVATE_H
#define EVS_KMS_TRANSIT_PRIVATE_H

#include <json.h>

#include "kms/backend.h"

/** evs_transit_bad_answer() - Report an answer that is none. @err: filled @why: what is wrong */
int evs_transit_bad_answer(struct evs_error *err, const char *why);

/**
 * evs_transit_refused() - Report an answer that is a refusal.
 * @answer: the answer
 * @err: class, code and the engine's words are filled
 *
 * Return: the negative errno of the class.
 */
int evs_transit_refused(const struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_transit_is_name() - Could this be a key, or a mount, of one word?
 * @name: the name
 *
 * Names come from a disk as well, and must not lead to another path.
 */
bool evs_transit_is_name(const char *name);

/** evs_transit_mount() - Where the engine is mounted. @kms: the client */
const char *evs_transit_mount(const struct evs_kms *kms);

/**
 * evs_transit_ask() - Make one call, whatever the status of its answer.
 * @kms: the client
 * @what: path below the mount, and query
 * @body: the request, JSON; NULL for a GET
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Return: 0 when there is an answer, otherwise a negative errno.
 */
int evs_transit_ask(struct evs_kms *kms, const char *what, const char *body,
		    struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_transit_call() - Make one call about one key.
 * @kms: the client
 * @op: name of the operation
 * @name: name of the key
 * @suffix: what the path has behind it
 * @body: the request, JSON; NULL for a GET
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_transit_call(struct evs_kms *kms, const char *op, const char *name, const char *suffix,
		     const char *body, struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_transit_data() - The member "data" of an answer.
 * @answer: the answer
 * @root: set to the whole answer, for json_object_put()
 *
 * Return: the member, NULL when there is none.
 */
json_object *evs_transit_data(const struct evs_http_answer *answer, json_object **root);

#endif /* EVS_KMS_TRANSIT_PRIVATE_H */
