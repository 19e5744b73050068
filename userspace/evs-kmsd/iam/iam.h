/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_IAM_H
#define KMSD_IAM_H

#include "http/op/ops.h"

/* What the files of the identity service share. */

#define KMSD_IAM_ID_SIZE 33	/* 32 hex digits and the NUL */
#define KMSD_IAM_NAME_MAX 64
#define KMSD_IAM_TIME_SIZE 40

/**
 * struct kmsd_subject - For whom a token or a temporary access key is.
 * @user: id of the user, "" when it is for an agency
 * @agency: id of the agency, "" when it is for a user
 * @name: name of it
 * @domain: whose
 * @salt: of a user's password
 * @hash: of a user's password
 */
struct kmsd_subject {
	char user[KMSD_USER_MAX + 1];
	char agency[KMSD_USER_MAX + 1];
	char name[KMSD_USER_MAX + 1];
	char domain[KMSD_USER_MAX + 1];
	unsigned char salt[KMSD_SALT_SIZE];
	unsigned char hash[KMSD_HASH_SIZE];
};

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

/**
 * kmsd_iam_removed() - Answer a request that was to remove something.
 * @call: the call
 * @rows: how many rows went from the database, or a negative errno
 * @what: what they are, for the message when there were none
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_iam_removed(struct kmsd_call *call, int rows, const char *what, struct evs_error *err);

/**
 * kmsd_iam_time() - A time as the identity service writes it.
 * @ms: milliseconds since 1970
 * @text: filled
 */
void kmsd_iam_time(int64_t ms, char text[KMSD_IAM_TIME_SIZE]);

/**
 * kmsd_iam_has_method() - Is this the one method by which somebody wants in?
 * @identity: auth.identity of the request
 * @method: the method
 */
bool kmsd_iam_has_method(struct json_object *identity, const char *method);

/**
 * kmsd_iam_by_agency() - Take up an agency: the method assume_role.
 * @call: the call; who is filled with who asks
 * @identity: auth.identity of the request
 * @project: for the message when there is no such agency
 * @s: agency, name and domain are filled
 * @err: filled on failure
 *
 * Who signs with a temporary access key is refused: it would outlive itself.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_iam_by_agency(struct kmsd_call *call, struct json_object *identity, const char *project,
		       struct kmsd_subject *s, struct evs_error *err);

#endif /* KMSD_IAM_H */
