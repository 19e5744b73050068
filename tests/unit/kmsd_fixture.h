/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A KMS of its own for each test program: a real SoftHSM2 token and a real
 * database in a directory that goes away, and, where wanted, the real daemon
 * on a socket there.
 */
#ifndef KMSD_FIXTURE_H
#define KMSD_FIXTURE_H

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http/api.h"
#include "common.h"
#include "conf.h"
#include "init.h"
#include "kmsd.h"

/**
 * struct fixture - One KMS.
 * @dir: its directory
 * @state: state directory in it
 * @config: configuration file
 * @socket: socket
 * @log: what the daemon writes to stderr
 * @kmsd: opened in this process, by fixture_open()
 * @pid: the daemon, 0 when it does not run
 */
struct fixture {
	char dir[64];
	char state[80];
	char config[80];
	char socket[80];
	char log[80];
	struct kmsd kmsd;
	pid_t pid;
};

UNUSED static void fixture_dir(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->dir, "/tmp/evs-kmsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	snprintf(f->config, sizeof(f->config), "%s/kmsd.conf", f->dir);
	snprintf(f->socket, sizeof(f->socket), "%s/sock", f->dir);
	snprintf(f->log, sizeof(f->log), "%s/log", f->dir);
}

UNUSED static int fixture_try_init(struct fixture *f, struct evs_error *err)
{
	struct kmsd_init init = {
		.state_dir = f->state, .config = f->config, .socket = f->socket,
	};

	return kmsd_init(&init, err);
}

/* Has clients in this process, and those that it starts, find the daemon. */
UNUSED static void fixture_client(const struct fixture *f, unsigned int timeout)
{
	char path[96];
	FILE *config;

	snprintf(path, sizeof(path), "%s/evs.conf", f->dir);
	config = fopen(path, "we");
	assert_non_null(config);
	fprintf(config, "[kms local]\nurl = unix:%s\ntimeout = %u\n", f->socket, timeout);
	assert_int_equal(fclose(config), 0);
	assert_int_equal(setenv("EVS_CONF", path, 1), 0);
}

/* Adds a section to the configuration. */
UNUSED static void fixture_configure(const struct fixture *f, const char *text)
{
	FILE *config = fopen(f->config, "a");

	assert_non_null(config);
	fputs(text, config);
	assert_int_equal(fclose(config), 0);
}

UNUSED static void fixture_init(struct fixture *f)
{
	struct evs_error err = {};

	fixture_dir(f);
	if (fixture_try_init(f, &err))
		fail_msg("kmsd_init: %s", err.text);
	fixture_configure(f, "[quota]\ncmks = 100000\n");
}

/* Opens the KMS in this process, without a socket. */
UNUSED static void fixture_open(struct fixture *f)
{
	struct evs_error err = {};
	struct kmsd_conf conf;

	if (kmsd_conf_load(&conf, f->config, &err) || kmsd_open(&f->kmsd, &conf, &err))
		fail_msg("%s", err.text);
}

/* After fixture_open() */
UNUSED static void fixture_close(struct fixture *f)
{
	kmsd_close(&f->kmsd);
	remove_tree(f->dir);
}

/* For a struct kmsd_clock that the test moves: its argument is the time */
UNUSED static int64_t fake_now(void *arg)
{
	return *(int64_t *)arg;
}

UNUSED static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

UNUSED static pid_t spawn_daemon(const struct fixture *f)
{
	const char *build = getenv("BUILD");
	char program[256];
	pid_t pid;
	int fd;

	snprintf(program, sizeof(program), "%s/evs-kmsd/evs-kmsd", build ? build : "build");
	assert_int_equal(access(program, X_OK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	/* A test that fails must not leave a daemon that holds its output open */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(f->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execl(program, program, "--config", f->config, NULL);
	_exit(127);
}

UNUSED static int try_connect(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, f->socket);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

UNUSED static void daemon_start(struct fixture *f)
{
	int tries, fd;

	f->pid = spawn_daemon(f);
	for (tries = 0; tries < 1500; tries++) {
		fd = try_connect(f);
		if (fd >= 0) {
			close(fd);
			return;
		}
		if (waitpid(f->pid, NULL, WNOHANG))
			break;
		sleep_ms(10);
	}
	fail_msg("evs-kmsd does not start; see %s", f->log);
}

/* Returns the wait status. */
UNUSED static int daemon_stop(struct fixture *f, int sig)
{
	int status = -1;

	/* Of one that did not start there is nothing: 0 is this process's group */
	assert_true(f->pid > 0);
	kill(f->pid, sig);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	return status;
}

/**
 * struct answer - What a call came back with.
 * @status: HTTP status, 0 when there was no answer
 * @request_id: X-Request-Id
 * @json: the body, NULL when it is none
 * @text: the body
 */
struct answer {
	long status;
	char request_id[64];
	struct json_object *json;
	char *text;
	size_t size;
};

UNUSED static void answer_free(struct answer *a)
{
	json_object_put(a->json);
	free(a->text);
	memset(a, 0, sizeof(*a));
}

/* A member, also of key_info or error; "" when there is none. */
UNUSED static const char *member(const struct answer *a, const char *name)
{
	static const char *const outer[] = { "key_info", "error" };
	struct json_object *value, *inner;
	size_t i;

	if (json_object_object_get_ex(a->json, name, &value))
		return json_object_get_string(value);
	for (i = 0; i < 2; i++)
		if (json_object_object_get_ex(a->json, outer[i], &inner) &&
		    json_object_object_get_ex(inner, name, &value))
			return json_object_get_string(value);
	return "";
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	char *text = realloc(a->text, a->size + size * n + 1);

	if (!text)
		return 0;
	memcpy(text + a->size, data, size * n);
	a->text = text;
	a->size += size * n;
	text[a->size] = '\0';
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "X-Request-Id: ";
	struct answer *a = arg;

	if (size * n > strlen(name) && !strncasecmp(data, name, strlen(name)))
		snprintf(a->request_id, sizeof(a->request_id), "%.*s",
			 (int)(size * n - strlen(name) - 2), data + strlen(name));
	return size * n;
}

/* One request over the socket. */
UNUSED static struct answer http(const char *socket, const char *method, const char *path,
				 const char *body)
{
	CURL *curl = curl_easy_init();
	struct answer a = {};
	char url[512];

	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
	if (curl_easy_perform(curl) == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
		a.json = a.text ? json_tokener_parse(a.text) : NULL;
	}
	curl_easy_cleanup(curl);
	return a;
}

/* One request to the KMS in this process from @client, NULL for none. */
UNUSED static struct answer local_as(struct fixture *f, const struct kmsd_client *client,
				     const char *method, const char *path, const char *body)
{
	static const struct evs_error unknown = {
		.errnum = EINVAL, .code = "KMS.0302", .text = "no client",
	};
	char *copy = strdup(body ? body : "");
	struct kmsd_http http = {
		.method = method, .path = path, .source = "test", .request_id = "id",
		.local = client == &kmsd_client_root, .claimed = "CN=nobody",
		.client = client, .unknown = &unknown, .body = copy, .size = strlen(copy),
	};
	struct answer a = {};
	struct evs_error err = {};
	struct kmsd_reply reply;

	kmsd_api_handle(&f->kmsd, &http, &reply, &err);
	free(copy);
	a.status = reply.status;
	a.text = strndup(reply.body, reply.size);
	a.size = reply.size;
	a.json = json_tokener_parse(a.text);
	kmsd_reply_free(&reply);
	return a;
}

/* The same, from root on the socket. */
UNUSED static struct answer local(struct fixture *f, const char *method, const char *path,
				  const char *body)
{
	return local_as(f, &kmsd_client_root, method, path, body);
}

/* One call of an operation: over the socket when the daemon runs, else locally. */
UNUSED static struct answer call(struct fixture *f, const char *op, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
UNUSED static struct answer call(struct fixture *f, const char *op, const char *fmt, ...)
{
	char path[128], *body;
	struct answer a;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&body, fmt, args) < 0)
		abort();
	va_end(args);
	snprintf(path, sizeof(path), "/v1.0/default/kms/%s", op);
	a = f->pid ? http(f->socket, "POST", path, body) : local(f, "POST", path, body);
	free(body);
	return a;
}

/* The call succeeds; returns a copy of a member of the answer. */
#define call_ok(f, name, op, ...) check_ok(call(f, op, __VA_ARGS__), name, __FILE__, __LINE__)
UNUSED static char *check_ok(struct answer a, const char *name, const char *file, int line)
{
	char *value = strdup(member(&a, name));

	if (a.status != 200) {
		print_error("status %ld: %s\n", a.status, a.text ? a.text : "");
		_fail(file, line);
	}
	answer_free(&a);
	return value;
}

/* The call succeeds; what it answers is of no interest. */
#define call_done(f, op, ...) free(call_ok(f, "key_id", op, __VA_ARGS__))

/* The call is refused with an HTTP status and a code. */
#define call_refused(f, status, code, op, ...) \
	check_refused(call(f, op, __VA_ARGS__), status, code, __FILE__, __LINE__)
UNUSED static void check_refused(struct answer a, long status, const char *code, const char *file,
				 int line)
{
	if (a.status != status || strcmp(member(&a, "error_code"), code) ||
	    !member(&a, "error_msg")[0]) {
		print_error("want %ld %s, got %ld: %s\n", status, code, a.status,
			    a.text ? a.text : "");
		_fail(file, line);
	}
	answer_free(&a);
}

UNUSED static int root_only(void **state)
{
	(void)state;
	if (!geteuid())
		return 0;
	print_message("needs root: the KMS serves no one else\n");
	return -1;
}

#endif /* KMSD_FIXTURE_H */
