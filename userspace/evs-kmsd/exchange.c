// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "exchange.h"
#include "hex.h"

/* Locked memory is dear to get: what has been used is kept, wiped, for the next. */
#define SPARE_MAX 16

static struct {
	pthread_mutex_t lock;
	struct evs_secret *bodies[SPARE_MAX];
	size_t count;
} spare = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct evs_secret *body_get(void)
{
	struct evs_secret *body = NULL;

	pthread_mutex_lock(&spare.lock);
	if (spare.count)
		body = spare.bodies[--spare.count];
	pthread_mutex_unlock(&spare.lock);
	return body ? body : evs_secret_alloc(KMSD_BODY_MAX);
}

static void body_put(struct evs_secret *body, size_t used)
{
	if (!body)
		return;
	explicit_bzero(body->data, used);
	pthread_mutex_lock(&spare.lock);
	if (spare.count < SPARE_MAX) {
		spare.bodies[spare.count++] = body;
		body = NULL;
	}
	pthread_mutex_unlock(&spare.lock);
	evs_secret_free(body);
}

void kmsd_exchange_trim(void)
{
	pthread_mutex_lock(&spare.lock);
	while (spare.count)
		evs_secret_free(spare.bodies[--spare.count]);
	pthread_mutex_unlock(&spare.lock);
}

struct kmsd_exchange *kmsd_exchange_new(const char *uri)
{
	struct kmsd_exchange *ex = calloc(1, sizeof(*ex));
	unsigned char id[KMSD_REQUEST_ID_SIZE];

	if (!ex)
		return NULL;
	ex->uri = strdup(uri);
	ex->body = body_get();
	ex->reply.op = "-";
	if (!ex->uri || !ex->body || getrandom(id, sizeof(id), 0) != sizeof(id)) {
		body_put(ex->body, 0);
		free(ex->uri);
		free(ex);
		return NULL;
	}
	evs_hex_encode(ex->id, id, sizeof(id));
	return ex;
}

void kmsd_exchange_free(struct kmsd_exchange *ex)
{
	kmsd_reply_free(&ex->reply);
	body_put(ex->body, ex->too_long ? KMSD_BODY_MAX : ex->used);
	free(ex->uri);
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
	evs_secret_free(secret);
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
	    MHD_add_response_header(response, "X-Request-Id", ex->id) != MHD_YES ||
	    (reply->token[0] &&
	     MHD_add_response_header(response, "X-Subject-Token", reply->token) != MHD_YES))
		ret = MHD_NO;
	else
		ret = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return ret;
}
