/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_API_H
#define KMSD_API_H

#include <stddef.h>

#include "error.h"
#include "kmsd.h"
#include "request.h"

/**
 * struct kmsd_reply - The answer to a request.
 * @status: HTTP status
 * @body: JSON
 * @size: its size
 * @secret: the memory that @body lies in when it holds a data key; NULL when
 *	    @body is from malloc()
 * @op: operation, for the log; "-" when the request names none
 * @key_id: the CMK it was about, for the log; "" when none
 * @code: KMS code, "" for success
 */
struct kmsd_reply {
	unsigned int status;
	char *body;
	size_t size;
	struct evs_secret *secret;
	const char *op;
	char key_id[EVS_CMK_ID_SIZE];
	char code[16];
};

/**
 * kmsd_api_handle() - Answer one request.
 * @kmsd: the KMS
 * @method: HTTP method
 * @path: path of the URL
 * @body: body of the request; changed
 * @size: its size
 * @reply: filled; release with kmsd_reply_free()
 * @err: filled when the request is refused; its text is for the log and may
 *	 tell more than the answer does
 *
 * Context: any thread.
 *
 * Return: 0 or a negative errno; there is an answer either way, unless there
 * is no memory, when @reply->body is NULL.
 */
int kmsd_api_handle(struct kmsd *kmsd, const char *method, const char *path, char *body,
		    size_t size, struct kmsd_reply *reply, struct evs_error *err);

/**
 * kmsd_api_refuse() - Make the answer to a request that failed.
 * @reply: filled
 * @err: why; without a KMS code it is the daemon's own failure, of which the
 *	 client hears no details
 */
void kmsd_api_refuse(struct kmsd_reply *reply, const struct evs_error *err);

/**
 * kmsd_reply_free() - Wipe and release an answer.
 * @reply: the answer
 */
void kmsd_reply_free(struct kmsd_reply *reply);

/*
 * Between api.c and the operations in api-cmk.c and api-datakey.c.
 */

/**
 * struct kmsd_call - One operation being carried out.
 * @kmsd: the KMS
 * @project: from the path
 * @req: parsed body
 * @reply: to be filled with a body; key_id as soon as it is known
 */
struct kmsd_call {
	struct kmsd *kmsd;
	char project[EVS_KMS_PROJECT_MAX + 1];
	struct kmsd_request req;
	struct kmsd_reply *reply;
};

typedef int (*kmsd_op)(struct kmsd_call *call, struct evs_error *err);

int kmsd_op_create_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_list_keys(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_describe_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_enable_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_disable_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_create_datakey(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_encrypt_datakey(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_decrypt_datakey(struct kmsd_call *call, struct evs_error *err);

/**
 * kmsd_reply_json() - Answer with a JSON object.
 * @reply: body and size are filled
 * @json: the object, or NULL when it could not be made; its reference is taken
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_reply_json(struct kmsd_reply *reply, struct json_object *json, struct evs_error *err);

/**
 * kmsd_json_add() - Add a string to a JSON object.
 * @json: the object
 * @name: the member
 * @value: its value
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_json_add(struct json_object *json, const char *name, const char *value);

#endif /* KMSD_API_H */
