// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTP: connections in, requests to the API, answers out, one log line each. */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http/conns.h"
#include "http/exchange.h"
#include "fail.h"
#include "log.h"
#include "http/server.h"
#include "http/tls.h"

#define THREADS 4
#define STOP_SECONDS 5
#define SPARE 16	/* connections that the library has not closed yet, for each thread */
#define HEADER_MAX 32768	/* of headers, in the library's memory for a connection */

struct kmsd_server {
	struct kmsd *kmsd;
	struct kmsd_listen listen;
	struct kmsd_tls tls;
	struct MHD_Daemon *local;	/* on the Unix socket */
	struct MHD_Daemon *remote;	/* by TLS */
	pthread_mutex_t lock;		/* protects active */
	pthread_cond_t idle;
	unsigned int active;		/* requests begun and not yet answered */
};

static void count(struct kmsd_server *server, int change)
{
	pthread_mutex_lock(&server->lock);
	server->active += (unsigned int)change;
	if (!server->active)
		pthread_cond_broadcast(&server->idle);
	pthread_mutex_unlock(&server->lock);
}

static struct kmsd_conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static int fd_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* Asks for a certificate of any CA, or none: it is the fingerprint that counts. */
static void ask_certificate(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (info && info->tls_session)
		gnutls_certificate_server_set_request(info->tls_session, GNUTLS_CERT_REQUEST);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	(void)arg;
	if (what != MHD_CONNECTION_NOTIFY_STARTED) {
		kmsd_conn_remove(*context);
		return;
	}
	*context = kmsd_conn_add(fd_of(connection));
	ask_certificate(connection);
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct kmsd_exchange *ex = kmsd_exchange_new();

	(void)uri;
	(void)connection;
	if (ex)
		count(arg, 1);
	return ex;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	(void)why;
	if (!*con_cls)
		return;
	kmsd_exchange_free(*con_cls);
	*con_cls = NULL;
	kmsd_conn_touch(conn_of(connection), true);
	count(arg, -1);
}

static void log_exchange(const struct kmsd_exchange *ex, const struct evs_error *err)
{
	const struct kmsd_reply *reply = &ex->reply;

	kmsd_log("%s cmk=%s status=%u code=%s request=%s from=%s%s%s", reply->op,
		 reply->key_id[0] ? reply->key_id : "-", reply->status,
		 reply->code[0] ? reply->code : "-", ex->id, ex->source[0] ? ex->source : "-",
		 err ? ": " : "", err ? err->text : "");
}

static enum MHD_Result refuse(struct MHD_Connection *connection, struct kmsd_exchange *ex,
			      const struct evs_error *err)
{
	ex->reply.type = "application/json";
	kmsd_api_refuse(&ex->reply, err);
	log_exchange(ex, err);
	return kmsd_exchange_respond(ex, connection);
}

static void find_source(struct MHD_Connection *connection, struct kmsd_exchange *ex)
{
	const struct kmsd_peer *peer = ex->peer;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info ? info->client_addr : NULL;

	if (peer->local) {
		snprintf(ex->source, sizeof(ex->source), "unix:uid=%ld", peer->uid);
	} else if (addr && addr->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, ex->source,
			  sizeof(ex->source));
	} else if (addr && addr->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)addr)->sin6_addr, ex->source,
			  sizeof(ex->source));
	}
}

/* Which client is it? Asked for each request: its section may have gone since the last. */
static int identify(struct kmsd_server *server, struct MHD_Connection *connection,
		    struct kmsd_peer *peer)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	pthread_rwlock_t *lock = &server->kmsd->clients_lock;
	int ret;

	if (!peer->local && (!info || !info->tls_session))
		return evs_error_set(&peer->unknown, EIO, "no TLS session");
	pthread_rwlock_rdlock(lock);
	ret = kmsd_peer_identify(peer, server->kmsd, &server->tls,
				 peer->local ? NULL : info->tls_session, &peer->unknown);
	pthread_rwlock_unlock(lock);
	return ret;
}

/* What two readers of one request might take for two requests. */
struct framing {
	unsigned int lengths;
	unsigned int encodings;
	bool bad_name;
};

static enum MHD_Result look_at(void *arg, enum MHD_ValueKind kind, const char *name,
			       const char *value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct framing *f = arg;

	(void)kind;
	(void)value;
	f->lengths += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
	f->encodings += !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	f->bad_name |= !*name || name[strspn(name, token)];
	return MHD_YES;
}

/* The library takes the first length of several, and blanks as part of a name. */
static int check_framing(struct MHD_Connection *connection, struct evs_error *err)
{
	struct framing f = {};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at, &f);
	if (f.lengths + f.encodings <= 1 && !f.bad_name)
		return 0;
	return kmsd_fail(err, KMSD_E_URL, f.bad_name ? "a header whose name is no token" :
			 "more than one Content-Length or Transfer-Encoding");
}

/* Headers are there. Who is no client is refused with a record of what it wanted. */
static enum MHD_Result begin(struct kmsd_server *server, struct MHD_Connection *connection,
			     struct kmsd_exchange *ex)
{
	struct kmsd_conn *conn = conn_of(connection);
	struct evs_error err = {};

	if (!conn)
		return MHD_NO;
	ex->begun = true;
	ex->peer = kmsd_conn_peer(conn);
	find_source(connection, ex);
	if (check_framing(connection, &err))
		return refuse(connection, ex, &err);
	if (!identify(server, connection, ex->peer))
		kmsd_conn_busy(conn);
	return MHD_YES;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static enum MHD_Result answer(struct kmsd_server *server, struct MHD_Connection *connection,
			      struct kmsd_exchange *ex, const char *method, const char *url)
{
	const struct kmsd_peer *peer = ex->peer;
	const struct kmsd_http http = {
		.method = method, .path = url, .source = ex->source, .request_id = ex->id,
		.local = peer->local, .client = peer->known ? &peer->client : NULL,
		.unknown = &peer->unknown, .uid = peer->uid,
		.fingerprint = peer->fingerprint, .claimed = peer->subject,
		.body = (char *)ex->body->data, .size = ex->used,
	};
	int64_t start = now_us();
	struct evs_error err = {};
	int ret;

	/* However long the token or the disk takes: that is not the client's fault */
	kmsd_conn_serve(conn_of(connection));
	ret = kmsd_api_handle(server->kmsd, &http, &ex->reply, &err);
	kmsd_conn_touch(conn_of(connection), false);
	explicit_bzero(ex->body->data, ex->used);
	kmsd_metrics_count(&server->kmsd->metrics, ex->reply.op, ex->reply.status, ex->reply.code,
			   now_us() - start);
	log_exchange(ex, ret ? &err : NULL);
	return kmsd_exchange_respond(ex, connection);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version,
				  const char *upload_data, size_t *upload_data_size,
				  void **con_cls)
{
	struct kmsd_server *server = arg;
	struct kmsd_exchange *ex = *con_cls;
	struct evs_error err = {};

	(void)version;
	if (!ex)
		return MHD_NO;
	if (!ex->begun)
		return begin(server, connection, ex);
	if (*upload_data_size) {
		kmsd_exchange_take(ex, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (ex->too_long) {
		kmsd_fail(&err, KMSD_E_TOO_LONG, "body: more than %d bytes", KMSD_BODY_MAX);
		return refuse(connection, ex, &err);
	}
	return answer(server, connection, ex, method, url);
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

static struct MHD_Daemon *start(struct kmsd_server *server, int fd, const struct kmsd_tls *tls)
{
	const struct kmsd_conf *conf = &server->kmsd->conf;
	struct MHD_OptionItem options[8] = {};
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	size_t n = 0;

	if (tls) {
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0,
							tls->certificate->data };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0,
							tls->private_key->data };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
							(void *)KMSD_TLS_PRIORITIES };
	}
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_message,
		NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		server, MHD_OPTION_URI_LOG_CALLBACK, on_uri, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_THREAD_POOL_SIZE, THREADS,
		MHD_OPTION_CONNECTION_LIMIT, THREADS * (unsigned int)(conf->connections + SPARE),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)conf->idle_seconds,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void stop_http(struct kmsd_server *server)
{
	if (server->remote)
		MHD_stop_daemon(server->remote);
	if (server->local)
		MHD_stop_daemon(server->local);
}

static int start_http(struct kmsd_server *server, struct evs_error *err)
{
	struct kmsd_listen *l = &server->listen;
	int ret = 0;

	if (l->tcp_fd >= 0)
		ret = kmsd_tls_load(&server->tls, &server->kmsd->conf, err);
	if (ret)
		return ret;
	if (l->tcp_fd >= 0)
		kmsd_metrics_expiry(&server->kmsd->metrics, "", server->tls.expires);
	if (l->unix_fd >= 0)
		server->local = start(server, l->unix_fd, NULL);
	if (l->tcp_fd >= 0)
		server->remote = start(server, l->tcp_fd, &server->tls);
	if ((l->unix_fd < 0 || server->local) && (l->tcp_fd < 0 || server->remote))
		return 0;
	stop_http(server);
	kmsd_tls_free(&server->tls);
	return evs_error_set(err, EIO, "the HTTP server does not start");
}

int kmsd_server_start(struct kmsd_server **out, struct kmsd *kmsd, struct evs_error *err)
{
	struct kmsd_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return evs_error_set(err, ENOMEM, "out of memory");
	server->kmsd = kmsd;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->idle, NULL);
	ret = kmsd_listen_open(&server->listen, &kmsd->conf, err);
	if (ret)
		goto err_free;
	ret = kmsd_conns_start(&kmsd->conf, err);
	if (ret)
		goto err_listen;
	ret = start_http(server, err);
	if (ret)
		goto err_conns;
	*out = server;
	return 0;

err_conns:
	kmsd_conns_stop();
err_listen:
	kmsd_listen_close(&server->listen);
err_free:
	pthread_cond_destroy(&server->idle);
	pthread_mutex_destroy(&server->lock);
	free(server);
	return ret;
}

int kmsd_server_reload(struct kmsd_server *server, struct kmsd_conf *conf, struct evs_error *err)
{
	struct kmsd *kmsd = server->kmsd;
	gnutls_x509_trust_list_t trust, old_trust = server->tls.trust;
	struct kmsd_clients old = kmsd->conf.clients;
	int ret;

	ret = kmsd_tls_load_trust(&trust, conf, err);
	if (ret)
		return ret;
	pthread_rwlock_wrlock(&kmsd->clients_lock);
	kmsd->conf.clients = conf->clients;
	server->tls.trust = trust;
	kmsd_conns_recheck(&kmsd->conf.clients);
	pthread_rwlock_unlock(&kmsd->clients_lock);
	conf->clients = old;
	if (old_trust)
		gnutls_x509_trust_list_deinit(old_trust, 1);
	return 0;
}

void kmsd_server_stop(struct kmsd_server *server)
{
	struct timespec until;

	if (server->local)
		MHD_quiesce_daemon(server->local);
	if (server->remote)
		MHD_quiesce_daemon(server->remote);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&server->lock);
	while (server->active)
		if (pthread_cond_timedwait(&server->idle, &server->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&server->lock);
	stop_http(server);
	kmsd_conns_stop();
	kmsd_pool_trim();
	kmsd_tls_free(&server->tls);
	kmsd_listen_close(&server->listen);
	pthread_cond_destroy(&server->idle);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
