// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTP: connections in, requests to the API, answers out, one log line each. */
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api.h"
#include "fail.h"
#include "hex.h"
#include "log.h"
#include "server.h"
#include "socket.h"

#define THREADS 4
#define CONNECTIONS_MAX 64
#define IDLE_SECONDS 15
#define STOP_SECONDS 5
#define BODY_MAX 65536
#define REQUEST_ID_SIZE 16

struct kmsd_server {
	struct kmsd *kmsd;
	struct kmsd_socket sock;
	struct MHD_Daemon *http;
	pthread_mutex_t lock;	/* protects active */
	pthread_cond_t idle;
	unsigned int active;	/* requests begun and not yet answered */
};

/**
 * struct exchange - One request and its answer.
 * @body: what has arrived so far; locked, for it may hold a data key
 * @used: bytes in @body
 * @too_long: more has arrived than @body takes
 * @reply: the answer
 * @id: X-Request-Id
 */
struct exchange {
	struct evs_secret *body;
	size_t used;
	bool too_long;
	struct kmsd_reply reply;
	char id[2 * REQUEST_ID_SIZE + 1];
};

static void count(struct kmsd_server *server, int change)
{
	pthread_mutex_lock(&server->lock);
	server->active += (unsigned int)change;
	if (!server->active)
		pthread_cond_broadcast(&server->idle);
	pthread_mutex_unlock(&server->lock);
}

static struct exchange *exchange_begin(struct kmsd_server *server)
{
	struct exchange *ex = calloc(1, sizeof(*ex));
	unsigned char id[REQUEST_ID_SIZE];

	if (!ex)
		return NULL;
	ex->body = evs_secret_alloc(BODY_MAX);
	if (!ex->body || getrandom(id, sizeof(id), 0) != sizeof(id)) {
		evs_secret_free(ex->body);
		free(ex);
		return NULL;
	}
	evs_hex_encode(ex->id, id, sizeof(id));
	count(server, 1);
	return ex;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct exchange *ex = *con_cls;

	(void)connection;
	(void)why;
	if (!ex)
		return;
	kmsd_reply_free(&ex->reply);
	evs_secret_free(ex->body);
	free(ex);
	*con_cls = NULL;
	count(arg, -1);
}

static void free_json(void *body)
{
	free(body);
}

static void free_secret(void *secret)
{
	evs_secret_free(secret);
}

/* Hands the answer to the HTTP library, which frees it once it is sent. */
static enum MHD_Result respond(struct MHD_Connection *connection, struct exchange *ex)
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
			reply->size, reply->body, free_json);
	if (!response)
		return MHD_NO;
	reply->secret = NULL;
	reply->body = NULL;
	if (MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES ||
	    MHD_add_response_header(response, "X-Request-Id", ex->id) != MHD_YES)
		ret = MHD_NO;
	else
		ret = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return ret;
}

static void log_exchange(const struct exchange *ex, const struct evs_error *err)
{
	const struct kmsd_reply *reply = &ex->reply;

	kmsd_log("%s cmk=%s status=%u code=%s request=%s%s%s", reply->op,
		 reply->key_id[0] ? reply->key_id : "-", reply->status,
		 reply->code[0] ? reply->code : "-", ex->id, err ? ": " : "",
		 err ? err->text : "");
}

static enum MHD_Result refuse(struct MHD_Connection *connection, struct exchange *ex,
			      const struct evs_error *err)
{
	ex->reply.op = "-";
	kmsd_api_refuse(&ex->reply, err);
	log_exchange(ex, err);
	return respond(connection, ex);
}

static enum MHD_Result begin(struct kmsd_server *server, struct MHD_Connection *connection,
			     void **con_cls)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct exchange *ex = exchange_begin(server);
	struct evs_error err = {};

	*con_cls = ex;
	if (!ex)
		return MHD_NO;
	if (info && kmsd_socket_peer_is_root(info->connect_fd))
		return MHD_YES;
	/* Said before the body is read: MHD then closes the connection */
	kmsd_fail(&err, KMSD_E_PERMISSION, "only root may use this KMS");
	return refuse(connection, ex, &err);
}

static void take_body(struct exchange *ex, const char *data, size_t size)
{
	if (size > BODY_MAX - ex->used)
		ex->too_long = true;
	else
		memcpy(ex->body->data + ex->used, data, size);
	ex->used = ex->too_long ? 0 : ex->used + size;
	/*
	 * This is a window into MHD's buffer, which it forgets now but does
	 * not wipe, and it may show a data key.
	 */
	explicit_bzero((char *)data, size);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version,
				  const char *upload_data, size_t *upload_data_size,
				  void **con_cls)
{
	struct kmsd_server *server = arg;
	struct exchange *ex = *con_cls;
	struct evs_error err = {};
	int ret;

	(void)version;
	if (!ex)
		return begin(server, connection, con_cls);
	if (*upload_data_size) {
		take_body(ex, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (ex->too_long) {
		kmsd_fail(&err, KMSD_E_TOO_LONG, "body: more than %d bytes", BODY_MAX);
		return refuse(connection, ex, &err);
	}
	ret = kmsd_api_handle(server->kmsd, method, url, (char *)ex->body->data, ex->used,
			      &ex->reply, &err);
	evs_secret_wipe(ex->body);
	log_exchange(ex, ret ? &err : NULL);
	return respond(connection, ex);
}

static void on_message(void *arg, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
static void on_message(void *arg, const char *fmt, va_list args)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	kmsd_log("http: %s", text);
}

int kmsd_server_start(struct kmsd_server **out, struct kmsd *kmsd, const char *path,
		      struct evs_error *err)
{
	struct kmsd_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return evs_error_set(err, ENOMEM, "out of memory");
	server->kmsd = kmsd;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->idle, NULL);
	ret = kmsd_socket_open(&server->sock, path, err);
	if (ret)
		goto err_free;
	server->http = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
		MHD_OPTION_LISTEN_SOCKET, server->sock.fd, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		IDLE_SECONDS, MHD_OPTION_END);
	if (!server->http) {
		ret = evs_error_set(err, EIO, "%s: the HTTP server does not start", path);
		goto err_close;
	}
	*out = server;
	return 0;

err_close:
	kmsd_socket_close(&server->sock);
err_free:
	pthread_cond_destroy(&server->idle);
	pthread_mutex_destroy(&server->lock);
	free(server);
	return ret;
}

void kmsd_server_stop(struct kmsd_server *server)
{
	struct timespec until;

	MHD_quiesce_daemon(server->http);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&server->lock);
	while (server->active)
		if (pthread_cond_timedwait(&server->idle, &server->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&server->lock);
	MHD_stop_daemon(server->http);
	kmsd_socket_close(&server->sock);
	pthread_cond_destroy(&server->idle);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
