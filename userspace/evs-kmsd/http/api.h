/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_API_H
#define KMSD_API_H

#include <stddef.h>

#include "error.h"
#include "http/request.h"
#include "kmsd.h"

/*
 * From a request to its answer: the server fills in a struct kmsd_http and calls
 * kmsd_api_handle(), which finds the operation (route.c), sees whether the caller may do
 * that, carries it out (http/op) and has it recorded.
 */

/**
 * struct kmsd_http - A request as it came in.
 * @method: HTTP method
 * @path: path of the URL, decoded
 * @source: from where, for the audit log
 * @uid: user id behind the Unix socket
 * @fingerprint: of the client's certificate, for the audit log; NULL or "" for none
 * @claimed: whom a caller who is no client claims to be, likewise
 * @request_id: X-Request-Id of the answer
 * @client: the client that sends it, by its connection; NULL for none of them
 * @unknown: why it is none of them
 * @local: it came over the Unix socket
 * @body: changed while it is parsed
 * @size: its size
 */
struct kmsd_http {
	const char *method, *path;
	const char *source;
	long uid;
	const char *fingerprint, *claimed;
	const char *request_id;
	const struct kmsd_client *client;
	const struct evs_error *unknown;
	bool local;
	char *body;
	size_t size;
};

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
};

/*
 * Answer one request. @http: the request; its body is changed. @reply: release with
 * kmsd_reply_free(). @err: filled when the request is refused; its text is for the log and may
 * tell more than the answer does. Context: any thread. Returns 0 or a negative errno; there is
 * an answer either way, unless there is no memory, when @reply->body is NULL.
 */
int kmsd_api_handle(struct kmsd *kmsd, const struct kmsd_http *http, struct kmsd_reply *reply,
		    struct evs_error *err);

/* Makes the answer to a request that failed; without a code, the client hears no details. */
void kmsd_api_refuse(struct kmsd_reply *reply, const struct evs_error *err);

/* Wipes and releases an answer. */
void kmsd_reply_free(struct kmsd_reply *reply);

/* ---- between api.c and the operations ---- */

/**
 * struct kmsd_caller - Who makes a request.
 * @name: name of the client, "" while it is not known
 * @permissions: what it may do in the project of the request
 * @no_agency: it could do more if the project had an agency
 */
struct kmsd_caller {
	char name[KMSD_USER_MAX + 1];
	uint32_t permissions;
	bool no_agency;
};

/**
 * struct kmsd_call - One operation being carried out.
 * @kmsd: the KMS
 * @http: the request
 * @route: the operation
 * @project: from the path, "" for none
 * @who: who calls
 * @allowed: the caller's role allows it; when not, a grant on the key has to
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
	struct kmsd_caller who;
	bool allowed;
	char asked[KMSD_EVENT_TEXT];
	char volume[KMSD_EVENT_TEXT];
	char grant[KMSD_EVENT_TEXT];
	struct kmsd_request req;
	struct kmsd_reply *reply;
};

/**
 * struct kmsd_route - An operation and how it is called.
 * @name: for log and metrics
 * @method: HTTP method
 * @pattern: path, an asterisk for the project
 * @run: carries it out
 * @event: name in the audit log; NULL for what leaves no trace
 * @permission: what the caller must be allowed
 * @grant: bit of the operation in a grant, 0 when it cannot be granted
 * @change: runs in a transaction
 */
struct kmsd_route {
	const char *name;
	const char *method;
	const char *pattern;
	int (*run)(struct kmsd_call *call, struct evs_error *err);
	const char *event;
	uint32_t permission;
	uint32_t grant;
	bool change;
};

/* All of these that return int return 0, or a negative errno with @err filled. */

/* Finds the operation that call->http is for; route and project are filled. */
int kmsd_route_find(struct kmsd_call *call, struct evs_error *err);

/* Goes on with what another operation does: its permission, grant and event count now. */
void kmsd_call_as(struct kmsd_call *call, const struct kmsd_route *route);

/* Records that the operation of a call, which has an event, has been carried out. */
int kmsd_call_note(struct kmsd_call *call, struct evs_error *err);

/* How a request may name a key. */
enum kmsd_by {
	KMSD_BY_ID,
	KMSD_BY_NAME,
};

/* Finds the CMK that the request calls @name; may the caller do this to it? */
int kmsd_call_cmk(struct kmsd_call *call, enum kmsd_by by, const char *name,
		  struct kmsd_cmk *cmk, struct evs_error *err);

/* The same for the member key_id. */
int kmsd_call_key_id(struct kmsd_call *call, enum kmsd_by by, struct kmsd_cmk *cmk,
		     struct evs_error *err);

/* Takes a mandatory number; @code is that of the refusal when it is no number. */
int kmsd_call_number(struct kmsd_call *call, const char *name, const char *code, int64_t *value,
		     struct evs_error *err);

/* A page of a list: at most @limit entries, behind the first @offset. */
struct kmsd_window {
	int64_t limit;
	int64_t offset;
};

/* Takes the members limit, which is @max unless given, and marker. */
int kmsd_call_window(struct kmsd_call *call, int64_t max, struct kmsd_window *window,
		     struct evs_error *err);

/* Adds next_marker, truncated and total to an answer. Returns 0 or -ENOMEM. */
int kmsd_json_window(struct json_object *json, const struct kmsd_window *window, int64_t shown,
		     int64_t total);

/* Answers with a JSON object, whose reference is taken; NULL when it could not be made. */
int kmsd_reply_json(struct kmsd_reply *reply, struct json_object *json, struct evs_error *err);

/* Answers with a text, which is taken over; NULL when it could not be made. */
int kmsd_reply_text(struct kmsd_reply *reply, char *text, struct evs_error *err);

/*
 * Answers with an object of strings: names and values by turns, ended by NULL. @outer:
 * name of an object around it, or NULL.
 */
int kmsd_reply_pairs(struct kmsd_reply *reply, const char *outer, const char *const *pairs,
		     struct evs_error *err);

/* Answers with {}. */
int kmsd_reply_done(struct kmsd_reply *reply, struct evs_error *err);

/* Adds a string to an object. Returns 0 or -ENOMEM. */
int kmsd_json_add(struct json_object *json, const char *name, const char *value);

/*
 * Adds a value, which is taken over, to an object, or to an array where @name is NULL.
 * Returns 0, or -ENOMEM, also when @value is NULL.
 */
int kmsd_json_put(struct json_object *json, const char *name, struct json_object *value);

/* Makes an object of strings, as kmsd_reply_pairs(); NULL when there is no memory. */
struct json_object *kmsd_json_pairs(const char *const *pairs);

#endif /* KMSD_API_H */
