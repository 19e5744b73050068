/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_IAM_H
#define KMSD_IAM_H

#include "ops.h"

/* What the files of the identity service share. */

#define KMSD_IAM_ID_SIZE 33	/* 32 hex digits and the NUL */
#define KMSD_IAM_NAME_MAX 64

/**
 * kmsd_iam_new_id() - An id for a user or an agency.
 * @id: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_iam_new_id(char id[KMSD_IAM_ID_SIZE], struct evs_error *err);

/**
 * kmsd_iam_object() - An object within an object.
 * @json: the outer one, or NULL
 * @name: the member
 *
 * Return: the object, or NULL when there is none.
 */
struct json_object *kmsd_iam_object(struct json_object *json, const char *name);

/**
 * kmsd_iam_text() - A string within an object.
 * @json: the object, or NULL
 * @name: the member
 *
 * Return: the string, or NULL when there is none.
 */
const char *kmsd_iam_text(struct json_object *json, const char *name);

/**
 * kmsd_iam_check_name() - May something be called so?
 * @what: what it is, for the message
 * @name: the name, or NULL
 * @err: filled when not
 *
 * Return: 0 or a negative errno.
 */
int kmsd_iam_check_name(const char *what, const char *name, struct evs_error *err);

/**
 * kmsd_iam_query() - A parameter of the request's URL.
 * @call: the call
 * @name: the parameter
 * @value: filled, decoded; "" when it is not given
 * @size: room there
 */
void kmsd_iam_query(const struct kmsd_call *call, const char *name, char *value, size_t size);

#endif /* KMSD_IAM_H */
