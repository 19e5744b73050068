/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_AWS_PRIVATE_H
#define EVS_KMS_AWS_PRIVATE_H

#include <json.h>

#include "kms/backend.h"

/* ---- request.c ---- */

/** evs_aws_bad_answer() - Report an answer that is none. @err: filled @why: what is wrong */
int evs_aws_bad_answer(struct evs_error *err, const char *why);

/**
 * evs_aws_call() - Make one call of the API.
 * @kms: the client
 * @op: name of the operation
 * @body: the request, JSON
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_aws_call(struct evs_kms *kms, const char *op, const char *body,
		 struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_aws_add() - Add a member to a request.
 * @request: the request
 * @name: name of the member
 * @value: its value, taken over; NULL stands for no memory
 *
 * Return: 0 or -ENOMEM.
 */
int evs_aws_add(json_object *request, const char *name, json_object *value);

/**
 * evs_aws_send() - Make one call with a request that was built.
 * @kms: the client
 * @op: name of the operation
 * @request: the request, which is released; NULL stands for no memory
 * @ret: what building it came to
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_aws_send(struct evs_kms *kms, const char *op, json_object *request, int ret,
		 struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_aws_call_key() - Make one call that takes the CMK alone.
 * @kms: the client
 * @op: name of the operation
 * @ref: id of the CMK
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_aws_call_key(struct evs_kms *kms, const char *op, const char *ref,
		     struct evs_http_answer *answer, struct evs_error *err);

/* ---- datakey.c: operations of struct evs_kms_ops ---- */

int evs_aws_create_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			   struct evs_error *err);
int evs_aws_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err);
int evs_aws_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err);
int evs_aws_rewrap(struct evs_kms *kms, const struct evs_token *old, struct evs_token *token,
		   struct evs_error *err);

#endif /* EVS_KMS_AWS_PRIVATE_H */
