// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "http/exchange.h"
#include "hex.h"
#include "pool.h"

struct kmsd_exchange *kmsd_exchange_new(void)
{
	struct kmsd_exchange *ex = calloc(1, sizeof(*ex));
	unsigned char id[KMSD_REQUEST_ID_SIZE];

	if (!ex)
		return NULL;
	ex->body = kmsd_secret_get(KMSD_BODY_MAX);
	ex->reply.op = "-";
	if (!ex->body || getrandom(id, sizeof(id), 0) != sizeof(id)) {
		kmsd_secret_put(ex->body);
		free(ex);
		return NULL;
	}
	evs_hex_encode(ex->id, id, sizeof(id));
	return ex;
}

void kmsd_exchange_free(struct kmsd_exchange *ex)
{
	kmsd_reply_free(&ex->reply);
	kmsd_secret_put_used(ex->body, ex->used);
	free(ex);
}

void kmsd_exchange_take(struct kmsd_exchange *ex, const char *data, size_t size)
{
	if (ex->too_long || size > KMSD_BODY_MAX - ex->used) {
		ex->too_long = true;
	} else {
		memcpy(ex->body->data + ex->used, data, size);
		ex->used += size;
	}
	/*
	 * This is a window into MHD's buffer, which it forgets now but does
	 * not wipe, and it may show a secret.
	 */
	explicit_bzero((char *)data, size);
}

static void free_text(void *body)
{
	free(body);
}

static void free_secret(void *secret)
{
	kmsd_secret_put(secret);
}

enum MHD_Result kmsd_exchange_respond(struct kmsd_exchange *ex,
				      struct MHD_Connection *connection)
{
	struct kmsd_reply *reply = &ex->reply;
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (!reply->body)
		return MHD_NO;
	if (reply->secret)
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			reply->size, reply->body, free_secret, reply->secret);
	else
		response = MHD_create_response_from_buffer_with_free_callback(
			reply->size, reply->body, free_text);
	if (!response)
		return MHD_NO;
	reply->secret = NULL;
	reply->body = NULL;
	if ((reply->type &&
	     MHD_add_response_header(response, "Content-Type", reply->type) != MHD_YES) ||
	    MHD_add_response_header(response, "X-Request-Id", ex->id) != MHD_YES)
		ret = MHD_NO;
	else
		ret = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return ret;
}
