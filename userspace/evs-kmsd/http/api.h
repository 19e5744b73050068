/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_API_H
#define KMSD_API_H

#include <stddef.h>

#include "iam/auth.h"
#include "error.h"
#include "kmsd.h"
#include "http/request.h"

/**
 * struct kmsd_reply - The answer to a request.
 * @status: HTTP status
 * @body: JSON, or text of @type
 * @size: its size
 * @secret: the memory that @body lies in when it holds a secret; NULL when
 *	    @body is from malloc()
 * @type: media type
 * @op: operation, for the log; "-" when the request names none
 * @key_id: the CMK it was about, for the log; "" when none
 * @code: code of the refusal, "" for success
 * @token: X-Subject-Token, "" for none
 */
struct kmsd_reply {
	unsigned int status;
	char *body;
	size_t size;
	struct evs_secret *secret;
	const char *type;
	const char *op;
	char key_id[EVS_CMK_ID_SIZE];
	char code[40];
	char token[2 * KMSD_TOKEN_BYTES + 1];
};

/**
 * kmsd_api_handle() - Answer one request.
 * @kmsd: the KMS
 * @http: the request; its body is changed
 * @reply: filled; release with kmsd_reply_free()
 * @err: filled when the request is refused; its text is for the log and may
 *	 tell more than the answer does
 *
 * Context: any thread.
 *
 * Return: 0 or a negative errno; there is an answer either way, unless there
 * is no memory, when @reply->body is NULL.
 */
int kmsd_api_handle(struct kmsd *kmsd, const struct kmsd_http *http, struct kmsd_reply *reply,
		    struct evs_error *err);

/**
 * kmsd_api_refuse() - Make the answer to a request that failed.
 * @reply: filled
 * @err: why; without a code it is the daemon's own failure, of which the
 *	 client hears no details
 * @request_id: X-Request-Id, which some forms of the answer repeat
 */
void kmsd_api_refuse(struct kmsd_reply *reply, const struct evs_error *err,
		     const char *request_id);

/**
 * kmsd_reply_free() - Wipe and release an answer.
 * @reply: the answer
 */
void kmsd_reply_free(struct kmsd_reply *reply);

/*
 * Between api.c and the operations.
 */

/* Parts of the URL that the operation picks out; the first is the project. */
#define KMSD_PARTS_MAX 3
#define KMSD_PART_SIZE 129

/**
 * struct kmsd_call - One operation being carried out.
 * @kmsd: the KMS
 * @http: the request
 * @route: the operation
 * @project: from the path
 * @parts: what stands for the asterisks of the route's pattern
 * @who: who calls
 * @known: the caller has shown that
 * @allowed: the caller's roles allow it; when not, a grant on the key has to
 * @claimed: whom a caller who is not known claims to be, for the audit log
 * @asked: what the request calls its CMK, for the audit log
 * @volume: the volume that it is about, for the audit log
 * @grant: id of the grant that it is about, for the audit log
 * @req: parsed body
 * @reply: to be filled with a body; key_id as soon as it is known
 */
struct kmsd_call {
	struct kmsd *kmsd;
	const struct kmsd_http *http;
	const struct kmsd_route *route;
	char project[EVS_KMS_PROJECT_MAX + 1];
	char parts[KMSD_PARTS_MAX][KMSD_PART_SIZE];
	struct kmsd_identity who;
	bool known;
	bool allowed;
	char claimed[KMSD_EVENT_TEXT];
	char asked[KMSD_EVENT_TEXT];
	char volume[KMSD_EVENT_TEXT];
	char grant[KMSD_EVENT_TEXT];
	struct kmsd_request req;
	struct kmsd_reply *reply;
};

typedef int (*kmsd_op)(struct kmsd_call *call, struct evs_error *err);

enum kmsd_route_flag {
	KMSD_R_CHANGE = 1 << 0,		/* runs in a transaction */
	KMSD_R_PUBLIC = 1 << 1,		/* needs nobody to be known */
	KMSD_R_NO_BODY = 1 << 2,
	KMSD_R_IAM = 1 << 3,		/* the identity service's, with its errors */
};

/**
 * struct kmsd_route - An operation and how it is called.
 * @name: for log and metrics
 * @method: HTTP method
 * @pattern: path, an asterisk for a part that varies
 * @run: carries it out
 * @event: name in the audit log; NULL for what leaves no trace
 * @permission: what the caller must be allowed
 * @grant: bit of the operation in a grant, 0 when it cannot be granted
 * @flags: KMSD_R_*
 */
struct kmsd_route {
	const char *name;
	const char *method;
	const char *pattern;
	kmsd_op run;
	const char *event;
	uint32_t permission;
	uint32_t grant;
	unsigned int flags;
};

/**
 * kmsd_route_find() - Find the operation that a request is for.
 * @call: http is taken, route, project and parts are filled
 * @err: filled when there is none
 *
 * Return: 0 or a negative errno.
 */
int kmsd_route_find(struct kmsd_call *call, struct evs_error *err);

/**
 * kmsd_project_valid() - Can something be the id of a project?
 * @project: letters, digits, _ and - when it can
 */
bool kmsd_project_valid(const char *project);

/**
 * kmsd_call_as() - Go on with what another operation does.
 * @call: the call, whose caller is known
 * @route: that operation: its permission, grant and event count from here on
 */
void kmsd_call_as(struct kmsd_call *call, const struct kmsd_route *route);

/**
 * kmsd_call_note() - Record that the operation of a call has been carried out.
 * @call: the call; its route has an event
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_call_note(struct kmsd_call *call, struct evs_error *err);

/* How a request may name a key. */
enum kmsd_by {
	KMSD_BY_ID,
	KMSD_BY_NAME,
};

/**
 * kmsd_call_cmk() - Find the CMK a request is about; may the caller do this to it?
 * @call: the call
 * @by: how it may be named
 * @name: what the request calls it
 * @cmk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_call_cmk(struct kmsd_call *call, enum kmsd_by by, const char *name,
		  struct kmsd_cmk *cmk, struct evs_error *err);

/**
 * kmsd_call_key_id() - The same for the member key_id.
 * @call: the call
 * @by: how it may be named
 * @cmk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_call_key_id(struct kmsd_call *call, enum kmsd_by by, struct kmsd_cmk *cmk,
		     struct evs_error *err);

/**
 * kmsd_call_number() - A mandatory number.
 * @call: the call
 * @name: the member
 * @code: of the refusal when it is no number
 * @value: set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_call_number(struct kmsd_call *call, const char *name, const char *code, int64_t *value,
		     struct evs_error *err);

/**
 * struct kmsd_window - A page of a list, as a request asks for it.
 * @limit: at most so many
 * @offset: so many are skipped
 */
struct kmsd_window {
	int64_t limit;
	int64_t offset;
};

/**
 * kmsd_call_window() - Members limit and marker.
 * @call: the call
 * @max: largest limit, and the one when none is given
 * @window: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_call_window(struct kmsd_call *call, int64_t max, struct kmsd_window *window,
		     struct evs_error *err);

/**
 * kmsd_json_window() - Members next_marker, truncated and total of an answer.
 * @json: the answer
 * @window: the page
 * @shown: entries on it
 * @total: entries on all pages
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_json_window(struct json_object *json, const struct kmsd_window *window, int64_t shown,
		     int64_t total);

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
 * kmsd_reply_text() - Answer with a text.
 * @reply: body and size are filled
 * @text: the text, or NULL when it could not be made; taken over
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_reply_text(struct kmsd_reply *reply, char *text, struct evs_error *err);

/**
 * kmsd_reply_empty() - Answer with 204 and nothing.
 * @reply: filled
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_reply_empty(struct kmsd_reply *reply, struct evs_error *err);

/**
 * kmsd_reply_pairs() - Answer with an object of strings.
 * @reply: body and size are filled
 * @outer: name of an object around it, or NULL
 * @pairs: names and values by turns, ended by NULL
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_reply_pairs(struct kmsd_reply *reply, const char *outer, const char *const *pairs,
		     struct evs_error *err);

/**
 * kmsd_reply_done() - Answer with {}.
 * @reply: body and size are filled
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_reply_done(struct kmsd_reply *reply, struct evs_error *err);

/**
 * kmsd_json_add() - Add a string to a JSON object.
 * @json: the object
 * @name: the member
 * @value: its value
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_json_add(struct json_object *json, const char *name, const char *value);

/**
 * kmsd_json_put() - Add a value to a JSON object or array.
 * @json: the object or array
 * @name: the member; NULL for an array
 * @value: its value, or NULL when it could not be made; taken over
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_json_put(struct json_object *json, const char *name, struct json_object *value);

/**
 * kmsd_json_pairs() - Make an object of strings.
 * @pairs: names and values by turns, ended by NULL
 *
 * Return: the object, or NULL when there is no memory.
 */
struct json_object *kmsd_json_pairs(const char *const *pairs);

#endif /* KMSD_API_H */
