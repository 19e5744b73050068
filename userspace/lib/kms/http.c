// SPDX-License-Identifier: GPL-2.0-or-later
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "kms/alert.h"
#include "kms/curl.h"
#include "kms/http.h"
#include "kms/json.h"
#include "kms/peer.h"
#include "kms/trace.h"
#include "text.h"

#define USER_AGENT "evs"

struct evs_http {
	CURL *curl;
	struct evs_http_answer answer;
	const char *want;
	bool too_long;
	struct evs_peer peer;
	char error[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
	struct evs_http *http = user;
	size_t len = size * count;

	if (len > EVS_HTTP_ANSWER_MAX - http->answer.len) {
		http->too_long = true;
		return 0;
	}
	memcpy(http->answer.body->data + http->answer.len, data, len);
	http->answer.len += len;
	return len;
}

/* Where the value of a header begins when it is the one called @name, else 0. */
static size_t value_of(const char *data, size_t len, const char *name)
{
	size_t from = strlen(name);

	if (len <= from || strncasecmp(data, name, from) || data[from] != ':')
		return 0;
	for (from++; from < len && (data[from] == ' ' || data[from] == '\t'); from++)
		;
	return from;
}

static void keep_header(struct evs_http *http, const char *data, size_t len)
{
	if (len > EVS_HTTP_HEADER_MAX) {
		http->too_long = true;
		return;
	}
	evs_secret_wipe(http->answer.header);
	memcpy(http->answer.header->data, data, len);
}

static size_t take_header(char *data, size_t size, size_t count, void *user)
{
	struct evs_http *http = user;
	size_t len = size * count, from;
	char number[16];

	while (len && (data[len - 1] == '\r' || data[len - 1] == '\n'))
		len--;
	from = value_of(data, len, "X-Request-Id");
	if (from)
		evs_text_copy(http->answer.request_id, sizeof(http->answer.request_id),
			      data + from, len - from);
	/* The other form, a date, is not used by any KMS that is known. */
	from = value_of(data, len, "Retry-After");
	if (from && len - from < sizeof(number) && strspn(data + from, "0123456789") >= len - from) {
		evs_text_copy(number, sizeof(number), data + from, len - from);
		http->answer.retry_after = strtol(number, NULL, 10);
	}
	from = http->want ? value_of(data, len, http->want) : 0;
	if (from)
		keep_header(http, data + from, len - from);
	return size * count;
}

static CURLcode set_peer(struct evs_http *http)
{
	CURL *curl = http->curl;
	const char *socket = evs_config_socket(http->peer.url);
	CURLcode ret = CURLE_OK;

	if (socket)
		ret |= curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	ret |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
				strncmp(http->peer.url, "https:", 6) ? "http" : "https");
	return ret | evs_peer_set(curl, &http->peer);
}

static CURLcode set_options(struct evs_http *http)
{
	CURL *curl = http->curl;
	CURLcode ret = set_peer(http);

	ret |= curl_easy_setopt(curl, CURLOPT_PROXY, "");	/* whatever http_proxy says */
	ret |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	ret |= curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	ret |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	ret |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	ret |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	ret |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
	ret |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	return ret;
}

int evs_http_open(struct evs_http **http, const struct evs_http_peer *peer,
		  struct evs_error *err)
{
	struct evs_http *new;
	int ret;

	ret = evs_curl_start(err);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	if (evs_peer_open(&new->peer, peer, err))
		goto err_close;
	new->curl = curl_easy_init();
	new->answer.body = evs_secret_alloc(EVS_HTTP_ANSWER_MAX + 1);
	if (!new->answer.body) {
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto err_close;
	}
	if (!new->curl || set_options(new)) {
		evs_error_set(err, ENOMEM, "libcurl cannot be set up");
		goto err_close;
	}
	*http = new;
	return 0;

err_close:
	evs_http_close(new);
	return -err->errnum;
}

void evs_http_close(struct evs_http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	evs_secret_free(http->answer.body);
	evs_secret_free(http->answer.header);
	evs_peer_close(&http->peer);
	free(http);
}

/* The name of the peer in messages */
static const char *peer_name(const struct evs_http *http)
{
	const char *socket = evs_config_socket(http->peer.url);

	return socket ? socket : http->peer.url;
}

/* What to do about a daemon of this host that does not listen */
static const char *daemon_advice(const char *socket, long os_errno)
{
	if (os_errno != ENOENT && os_errno != ECONNREFUSED)
		return "";
	if (strcmp(socket, EVS_KMSD_SOCKET))
		return ": is its daemon running?";
	if (access(EVS_KMSD_CONFIG_PATH, F_OK))
		return ": the local KMS is not set up; to set it up, run: evs-kmsd init";
	return ": evs-kmsd is not running; to start it, run: systemctl start evs-kmsd";
}

static int unreachable(struct evs_http *http, CURLcode code, struct evs_error *err)
{
	const char *socket = evs_config_socket(http->peer.url);
	long os_errno = 0;

	switch (code) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &os_errno);
		evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE, "%s: %s%s", peer_name(http),
				    os_errno ? strerror((int)os_errno) : "cannot connect",
				    socket ? daemon_advice(socket, os_errno) : "");
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
			"%s: TLS: %s; see ca-file, client-cert-file and client-key-file in %s",
			http->peer.url, http->error[0] ? http->error : curl_easy_strerror(code),
			evs_config_path());
	default:
		evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE, "%s: %s", peer_name(http),
				    http->error[0] ? http->error : curl_easy_strerror(code));
	}
	/* A daemon of this host that is not there is not there a moment later either. */
	err->transient = !socket && evs_curl_transient(code);
	return -err->errnum;
}

static int explain(struct evs_http *http, CURLcode code, long timeout_ms, struct evs_error *err)
{
	if (http->too_long)
		return evs_error_set_class(err, EVS_CLASS_PROTOCOL,
					   "the answer is longer than %d bytes",
					   EVS_HTTP_ANSWER_MAX);
	if (evs_alert_refused(http->peer.alert, err))
		return -err->errnum;
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return evs_error_set(err, ENOMEM, "out of memory");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "the answer is not HTTP");
	case CURLE_OPERATION_TIMEDOUT:
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
					   "%s: no answer within %ld s", peer_name(http),
					   (timeout_ms + 999) / 1000);
	default:
		return unreachable(http, code, err);
	}
}

static int make_url(const struct evs_http *http, const char *path, char *url, size_t size,
		    struct evs_error *err)
{
	const char *base = evs_config_socket(http->peer.url) ? "http://localhost" : http->peer.url;
	size_t len = strlen(base);
	int written;

	while (len && base[len - 1] == '/')
		len--;
	written = snprintf(url, size, "%.*s%s", (int)len, base, path);
	if (written < 0 || (size_t)written >= size)
		return evs_error_set(err, ENAMETOOLONG, "request path is too long");
	return 0;
}

static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		curl_slist_free_all(*list);
	*list = longer;
	return longer;
}

static struct curl_slist *make_headers(const struct evs_http_request *request)
{
	struct curl_slist *list = NULL;
	size_t i;

	/*
	 * An empty Expect: spares the pause that curl makes before a larger body. It is
	 * not sent, but curl 7.88 signs it all the same.
	 */
	if (!request->sigv4 && !add_header(&list, "Expect:"))
		return NULL;
	for (i = 0; request->headers && request->headers[i]; i++)
		if (!add_header(&list, request->headers[i]))
			return NULL;
	return list;
}

static CURLcode set_request(struct evs_http *http, const struct evs_http_request *request)
{
	CURL *curl = http->curl;
	CURLcode ret = CURLE_OK;

	if (request->body) {
		ret |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
		ret |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
		ret |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->len);
	} else {
		ret |= curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	}
	ret |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	ret |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	if (request->sigv4) {
		ret |= curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->sigv4);
		ret |= curl_easy_setopt(curl, CURLOPT_USERPWD, request->login);
	}
	return ret;
}

/* Forgets the last answer, and makes room for the header that is wanted. */
static int begin_answer(struct evs_http *http, const char *want, struct evs_error *err)
{
	http->answer.status = 0;
	http->answer.len = 0;
	http->answer.request_id[0] = '\0';
	http->answer.retry_after = -1;
	http->error[0] = '\0';
	http->too_long = false;
	http->peer.alert = 0;
	http->want = want;
	evs_secret_wipe(http->answer.body);
	evs_secret_wipe(http->answer.header);
	if (want && !http->answer.header) {
		http->answer.header = evs_secret_alloc(EVS_HTTP_HEADER_MAX + 1);
		if (!http->answer.header)
			return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	}
	return 0;
}

static CURLcode perform(struct evs_http *http, const struct evs_http_request *request)
{
	CURLcode code;
	long status = 0;

	evs_trace_begin(request->method, "%s%s", http->peer.url, request->path);
	code = curl_easy_perform(http->curl);
	if (!code)
		curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
	evs_trace_end(status, !code ? NULL : http->error[0] ? http->error :
		      curl_easy_strerror(code));
	return code;
}

int evs_http_call(struct evs_http *http, const struct evs_http_request *request,
		  struct evs_http_answer *answer, struct evs_error *err)
{
	struct curl_slist *headers;
	char url[1024];
	CURLcode code;
	int ret;

	ret = make_url(http, request->path, url, sizeof(url), err);
	if (!ret)
		ret = begin_answer(http, request->want, err);
	if (ret)
		return ret;
	headers = make_headers(request);
	if (!headers)
		return evs_error_set(err, ENOMEM, "out of memory");
	code = set_request(http, request);
	if (!code)
		code = curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (!code)
		code = curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
	if (!code)
		code = perform(http, request);
	if (!code)
		code = curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &http->answer.status);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code || http->too_long)
		return explain(http, code, request->timeout_ms, err);
	*answer = http->answer;
	return 0;
}

int evs_http_take_dk(struct evs_http_answer *answer, int level, const char *name,
		     struct evs_secret *dk, struct evs_error *err)
{
	ssize_t len = evs_json_take_base64((char *)answer->body->data, answer->len, level, name,
					   dk->data, EVS_DK_SIZE);

	if (len == -ENOENT || len == -EINVAL)
		return -ENOENT;
	if (len != EVS_DK_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the data key is not of %d bytes", EVS_DK_SIZE);
	return 0;
}
