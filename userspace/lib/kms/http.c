// SPDX-License-Identifier: GPL-2.0-or-later
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kms/http.h"
#include "text.h"

#define USER_AGENT "evs"
#define REQUEST_ID "X-Request-Id:"

struct evs_http {
	CURL *curl;
	struct curl_slist *headers;
	struct evs_http_answer answer;
	bool too_long;
	char *socket;
	char error[CURL_ERROR_SIZE];
};

/*
 * curl moves every body through buffers of its own and frees them as they
 * are. It is told to take its memory here, where the size is kept in front of
 * each piece so that freeing can wipe it.
 */
union piece {
	size_t size;
	max_align_t align;
};

static void *wiping_malloc(size_t size)
{
	union piece *piece;

	if (size > SIZE_MAX - sizeof(*piece))
		return NULL;
	piece = malloc(sizeof(*piece) + size);
	if (!piece)
		return NULL;
	piece->size = size;
	return piece + 1;
}

static void wiping_free(void *mem)
{
	union piece *piece = mem;

	if (!mem)
		return;
	piece--;
	explicit_bzero(mem, piece->size);
	free(piece);
}

static void *wiping_realloc(void *mem, size_t size)
{
	void *grown = wiping_malloc(size);
	size_t old;

	if (!mem || !grown)
		return grown;
	old = ((union piece *)mem - 1)->size;
	memcpy(grown, mem, old < size ? old : size);
	wiping_free(mem);
	return grown;
}

static void *wiping_calloc(size_t count, size_t size)
{
	void *mem;

	if (size && count > SIZE_MAX / size)
		return NULL;
	mem = wiping_malloc(count * size);
	if (mem)
		memset(mem, 0, count * size);
	return mem;
}

static char *wiping_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = wiping_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static CURLcode curl_started;

static void start_curl(void)
{
	curl_started = curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free,
					    wiping_realloc, wiping_strdup, wiping_calloc);
}

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

static size_t take_header(char *data, size_t size, size_t count, void *user)
{
	const size_t name = strlen(REQUEST_ID);
	struct evs_http *http = user;
	size_t len = size * count, from = name;

	if (len > name && !strncasecmp(data, REQUEST_ID, name)) {
		while (from < len && (data[from] == ' ' || data[from] == '\t'))
			from++;
		while (len > from && (data[len - 1] == '\r' || data[len - 1] == '\n'))
			len--;
		evs_text_copy(http->answer.request_id, sizeof(http->answer.request_id),
			      data + from, len - from);
	}
	return size * count;
}

static int add_header(struct evs_http *http, const char *header)
{
	struct curl_slist *list = curl_slist_append(http->headers, header);

	if (!list)
		return -ENOMEM;
	http->headers = list;
	return 0;
}

static CURLcode set_options(struct evs_http *http)
{
	CURL *curl = http->curl;
	CURLcode ret = CURLE_OK;

	ret |= curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->socket);
	ret |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	ret |= curl_easy_setopt(curl, CURLOPT_PROXY, "");	/* whatever http_proxy says */
	ret |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	ret |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
	ret |= curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	ret |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
	ret |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	ret |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	ret |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	ret |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
	ret |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	return ret;
}

int evs_http_open(struct evs_http **http, const char *socket, struct evs_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct evs_http *new;

	pthread_once(&once, start_curl);
	if (curl_started)
		return evs_error_set(err, EIO, "libcurl does not start: %s",
				     curl_easy_strerror(curl_started));
	new = calloc(1, sizeof(*new));
	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	new->socket = strdup(socket);
	new->curl = curl_easy_init();
	new->answer.body = evs_secret_alloc(EVS_HTTP_ANSWER_MAX + 1);
	if (!new->answer.body) {
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto err_close;
	}
	/* An empty Expect: spares the pause that curl makes before a larger body. */
	if (!new->socket || !new->curl || add_header(new, "Content-Type: application/json") ||
	    add_header(new, "X-Language: en-us") || add_header(new, "Expect:") ||
	    set_options(new)) {
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
	curl_slist_free_all(http->headers);
	evs_secret_free(http->answer.body);
	free(http->socket);
	free(http);
}

static int explain(struct evs_http *http, CURLcode code, long timeout_ms, struct evs_error *err)
{
	long os_errno = 0;

	if (http->too_long)
		return evs_error_set_class(err, EVS_CLASS_PROTOCOL,
					   "the answer is longer than %d bytes",
					   EVS_HTTP_ANSWER_MAX);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return evs_error_set(err, ENOMEM, "out of memory");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "the answer is not HTTP");
	case CURLE_OPERATION_TIMEDOUT:
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
					   "%s: no answer within %ld s", http->socket,
					   (timeout_ms + 999) / 1000);
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &os_errno);
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
					   "%s: %s: is its daemon running?", http->socket,
					   os_errno ? strerror((int)os_errno) : "cannot connect");
	default:
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE, "%s: %s", http->socket,
					   http->error[0] ? http->error :
					   curl_easy_strerror(code));
	}
}

int evs_http_post(struct evs_http *http, const char *path, const char *body, long timeout_ms,
		  struct evs_http_answer *answer, struct evs_error *err)
{
	char url[512];
	CURLcode code;
	int len;

	len = snprintf(url, sizeof(url), "http://localhost%s", path);
	if (len < 0 || (size_t)len >= sizeof(url))
		return evs_error_set(err, ENAMETOOLONG, "request path is too long");
	http->answer.len = 0;
	http->answer.request_id[0] = '\0';
	http->error[0] = '\0';
	http->too_long = false;
	evs_secret_wipe(http->answer.body);
	code = curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (!code)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
	if (!code)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	if (!code)
		code = curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	if (!code)
		code = curl_easy_perform(http->curl);
	if (!code)
		code = curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &http->answer.status);
	if (code)
		return explain(http, code, timeout_ms, err);
	*answer = http->answer;
	return 0;
}
