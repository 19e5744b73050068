// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS through libcurl: it looks names up, connects and shakes hands within a
 * time, wipes its memory (see http.c), and then leaves the stream to us.
 */
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/alert.h"
#include "kms/clock.h"
#include "kms/curl.h"
#include "kms/peer.h"
#include "kms/tls.h"

struct evs_tls {
	CURL *curl;
	struct evs_peer peer;
	bool connected;
	char error[CURL_ERROR_SIZE];
};

/* ---- failures ---- */

static int fail(struct evs_tls *tls, CURLcode code, struct evs_error *err)
{
	const char *why = tls->error[0] ? tls->error : curl_easy_strerror(code);
	int alert = tls->peer.alert;

	evs_tls_disconnect(tls);
	if (evs_alert_refused(alert, err))
		return -err->errnum;
	evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE, "%s: %s", tls->peer.url, why);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
			"%s: TLS: %s; see ca-file, client-cert-file and client-key-file in %s",
			tls->peer.url, why, evs_config_path());
	default:
		err->transient = evs_curl_transient(code);
		return -err->errnum;
	}
}

static int time_over(struct evs_tls *tls, struct evs_error *err)
{
	evs_tls_disconnect(tls);
	return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE, "%s: no answer in time",
				   tls->peer.url);
}

/* ---- the connection ---- */

int evs_tls_open(struct evs_tls **tls, const struct evs_http_peer *peer, struct evs_error *err)
{
	struct evs_tls *new;
	int ret;

	ret = evs_curl_start(err);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	ret = new ? evs_peer_open(&new->peer, peer, err) :
	      evs_error_set(err, ENOMEM, "out of memory");
	if (ret)
		evs_tls_close(new);
	else
		*tls = new;
	return ret;
}

void evs_tls_disconnect(struct evs_tls *tls)
{
	curl_easy_cleanup(tls->curl);
	tls->curl = NULL;
	tls->connected = false;
	tls->peer.alert = 0;
}

void evs_tls_close(struct evs_tls *tls)
{
	if (!tls)
		return;
	evs_tls_disconnect(tls);
	evs_peer_close(&tls->peer);
	free(tls);
}

static CURLcode set_options(struct evs_tls *tls, long timeout_ms)
{
	CURL *curl = tls->curl;
	CURLcode ret = CURLE_OK;

	ret |= curl_easy_setopt(curl, CURLOPT_URL, tls->peer.url);
	ret |= curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	ret |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	ret |= curl_easy_setopt(curl, CURLOPT_PROXY, "");	/* whatever https_proxy says */
	ret |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	ret |= curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
	ret |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, tls->error);
	ret |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	return ret | evs_peer_set(curl, &tls->peer);
}

int evs_tls_connect(struct evs_tls *tls, int64_t deadline, struct evs_error *err)
{
	int64_t left = deadline - evs_clock.now_ms();
	CURLcode code;

	if (tls->connected)
		return 0;
	if (left <= 0)
		return time_over(tls, err);
	tls->curl = curl_easy_init();
	if (!tls->curl || set_options(tls, (long)left)) {
		evs_tls_disconnect(tls);
		return evs_error_set(err, ENOMEM, "libcurl cannot be set up");
	}
	tls->error[0] = '\0';
	code = curl_easy_perform(tls->curl);
	if (code)
		return fail(tls, code, err);
	tls->connected = true;
	return 0;
}

/* Until there is something to be done with the socket, or the time is over. */
static int wait_for(struct evs_tls *tls, short events, int64_t deadline, struct evs_error *err)
{
	int64_t left = deadline - evs_clock.now_ms();
	struct pollfd fd = { .events = events };
	curl_socket_t socket;
	int ret;

	if (left <= 0)
		return time_over(tls, err);
	if (curl_easy_getinfo(tls->curl, CURLINFO_ACTIVESOCKET, &socket))
		return fail(tls, CURLE_RECV_ERROR, err);
	fd.fd = socket;
	ret = poll(&fd, 1, (int)left);
	if (ret < 0 && errno != EINTR)
		return fail(tls, CURLE_RECV_ERROR, err);
	return 0;
}

int evs_tls_send(struct evs_tls *tls, const void *data, size_t size, int64_t deadline,
		 struct evs_error *err)
{
	const char *at = data;
	CURLcode code;
	size_t sent;
	int ret;

	tls->error[0] = '\0';
	while (size) {
		code = curl_easy_send(tls->curl, at, size, &sent);
		if (code == CURLE_AGAIN) {
			ret = wait_for(tls, POLLOUT, deadline, err);
			if (ret)
				return ret;
			continue;
		}
		if (code)
			return fail(tls, code, err);
		at += sent;
		size -= sent;
	}
	return 0;
}

int evs_tls_receive(struct evs_tls *tls, void *data, size_t size, int64_t deadline,
		    struct evs_error *err)
{
	char *at = data;
	CURLcode code;
	size_t got;
	int ret;

	tls->error[0] = '\0';
	while (size) {
		code = curl_easy_recv(tls->curl, at, size, &got);
		if (code == CURLE_AGAIN) {
			ret = wait_for(tls, POLLIN, deadline, err);
			if (ret)
				return ret;
			continue;
		}
		if (code || !got) {
			if (!code)
				strcpy(tls->error, "the server hung up");
			return fail(tls, CURLE_RECV_ERROR, err);
		}
		at += got;
		size -= got;
	}
	return 0;
}
