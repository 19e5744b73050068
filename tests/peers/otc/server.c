// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTP on 127.0.0.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"

#define THREADS 4
#define BODY_MAX 65536

struct otc_server {
	struct otc_cloud *cloud;
	struct MHD_Daemon *daemon;
};

/* One request while it arrives. */
struct arriving {
	char *uri;
	char body[BODY_MAX];
	size_t size;
	bool begun;	/* its headers are there */
};

static const char *header(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_HEADER_KIND, name);
}

static const char *query(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct otc_answer *answer)
{
	struct kmsd_reply *reply = &answer->reply;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->size, reply->body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret = MHD_NO;

	if (response &&
	    MHD_add_response_header(response, "Content-Type", reply->type) == MHD_YES &&
	    (!answer->token[0] ||
	     MHD_add_response_header(response, "X-Subject-Token", answer->token) == MHD_YES))
		ret = MHD_queue_response(connection, reply->status, response);
	if (response)
		MHD_destroy_response(response);
	kmsd_reply_free(reply);
	return ret;
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct arriving *a = calloc(1, sizeof(*a));

	(void)arg;
	(void)connection;
	if (a)
		a->uri = strdup(uri);
	return a;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct otc_server *server = arg;
	struct arriving *a = *con_cls;
	struct otc_request req = {
		.method = method, .path = url, .header = header, .query = query,
		.arg = connection, .id = "0123456789ABCDEF",
	};
	struct otc_answer answer;

	(void)version;
	if (!a || !a->uri || *size > sizeof(a->body) - a->size)
		return MHD_NO;
	if (!a->begun || *size) {
		if (*size)
			memcpy(a->body + a->size, data, *size);
		a->size += *size;
		*size = 0;
		a->begun = true;
		return MHD_YES;
	}
	req.uri = a->uri;
	req.body = a->body;
	req.size = a->size;
	otc_handle(server->cloud, &req, &answer);
	return respond(connection, &answer);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct arriving *a = *con_cls;

	(void)arg;
	(void)connection;
	(void)why;
	if (a)
		free(a->uri);
	free(a);
	*con_cls = NULL;
}

int otc_server_start(struct otc_server **out, struct otc_cloud *cloud, unsigned int *port,
		     struct evs_error *err)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct otc_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;

	if (!server)
		return evs_error_set(err, ENOMEM, "out of memory");
	server->cloud = cloud;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
		server, MHD_OPTION_SOCK_ADDR, &addr, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_END);
	if (!server->daemon) {
		free(server);
		return evs_error_set(err, EIO, "the HTTP server does not start");
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	*port = info->port;
	*out = server;
	return 0;
}

void otc_server_stop(struct otc_server *server)
{
	MHD_stop_daemon(server->daemon);
	free(server);
}
