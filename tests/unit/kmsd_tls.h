/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon with TLS: certificates for it and for clients, and requests with them.
 */
#ifndef KMSD_TLS_TEST_H
#define KMSD_TLS_TEST_H

#include "kmsd_fixture.h"

#include <netinet/in.h>
#include <stdbool.h>

static struct fixture f;
static int port;

/* Runs a command in the fixture's directory. */
UNUSED static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
UNUSED static void sh(const char *fmt, ...)
{
	char command[1024], all[1200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(all, sizeof(all), "cd %s && { %s; } >/dev/null 2>&1", f.dir, command);
	if (system(all))
		fail_msg("%s", command);
}

/* A CA, and certificates for the server and for a client; another CA's client. */
UNUSED static void make_certificates(void)
{
	static const char *const ca[] = { "ca", "other" };

	for (int i = 0; i < 2; i++)
		sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		   "-subj /CN=%s -keyout %s.key -out %s.pem", ca[i], ca[i], ca[i]);
	sh("printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' >server.ext; "
	   "printf 'subjectAltName=DNS:host.example\\nextendedKeyUsage=clientAuth\\n' >client.ext; cp client.ext stranger.ext");
	for (int i = 0; i < 3; i++) {
		static const char *const who[] = { "server", "client", "stranger" };

		sh("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s "
		   "-keyout %s.key -out %s.csr && openssl x509 -req -in %s.csr -CA %s.pem -CAkey "
		   "%s.key -CAcreateserial -days 2 -extfile %s.ext -out %s.pem && chmod 600 %s.key",
		   who[i], who[i], who[i], who[i], ca[i == 2], ca[i == 2], who[i], who[i], who[i]);
	}
	/* Those that nobody vouches for */
	sh("for i in self admin; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	   "-nodes -days 400 -subj /CN=$i -keyout $i.key -out $i.pem || exit; done");
}

/* A section [client NAME] for the certificate of that name. */
UNUSED static void add_client(const char *name, const char *role)
{
	sh("{ echo '[client %s]'; echo fingerprint = $(openssl x509 -in %s.pem -noout -fingerprint "
	   "-sha256 | cut -d= -f2); echo 'role = %s'; } >>kmsd.conf", name, name, role);
}

/* A port that nobody listens on, most likely. */
UNUSED static int free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

UNUSED static int setup(void **state)
{
	if (root_only(state))
		return -1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	return 0;
}

static bool have_certificates(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/admin.pem", f.dir);
	return !access(path, F_OK);
}

/* TLS, and what else is given for [listen]. */
UNUSED static void configure_tls(const char *more)
{
	char text[1024];

	if (!have_certificates())
		make_certificates();
	port = free_port();
	snprintf(text, sizeof(text),
		 "[listen]\naddress = 127.0.0.1:%d\ncertificate = %s/server.pem\nprivate-key = "
		 "%s/server.key\n%s[limits]\nconnections-per-peer = 4\nrequest-seconds = 30\n"
		 "idle-seconds = 30\n", port, f.dir, f.dir, more);
	fixture_configure(&f, text);
}

/* Returns a descriptor, or -1. */
UNUSED static int try_tcp(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((unsigned short)port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

UNUSED static int tcp_connect(void)
{
	int fd = try_tcp();

	assert_true(fd >= 0);
	return fd;
}

/* The port is open a moment after the socket that daemon_start() waits for. */
UNUSED static int start_configured(void)
{
	int fd, tries = 6000;

	daemon_start(&f);
	while ((fd = try_tcp()) < 0 && --tries)
		sleep_ms(10);
	assert_true(fd >= 0);
	return fd;
}

UNUSED static int first_tcp(const char *more)
{
	configure_tls(more);
	return start_configured();
}

UNUSED static void start_tls(const char *more)
{
	close(first_tcp(more));
}

UNUSED static int teardown(void **state)
{
	(void)state;
	if (f.pid && daemon_stop(&f, SIGTERM))
		return -1;
	remove_tree(f.dir);
	return 0;
}

/* A request by TLS, to be made. */
UNUSED static CURL *https_open(const char *path, long version, const char *client, struct answer *a)
{
	CURL *curl = curl_easy_init();
	char url[128], ca[128], cert[128], key[128];

	snprintf(url, sizeof(url), "https://127.0.0.1:%d%s", port, path);
	snprintf(ca, sizeof(ca), "%s/ca.pem", f.dir);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, version);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (client) {
		snprintf(cert, sizeof(cert), "%s/%s.pem", f.dir, client);
		snprintf(key, sizeof(key), "%s/%s.key", f.dir, client);
		curl_easy_setopt(curl, CURLOPT_SSLCERT, cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
	}
	return curl;
}

/* Makes it; the HTTP status, 0 when there was no answer. */
UNUSED static long https(const char *path, long version, const char *client, char *text, size_t size)
{
	struct answer a = {};
	CURL *curl = https_open(path, version, client, &a);
	long status;

	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
	snprintf(text, size, "%s", a.text ? a.text : "");
	curl_easy_cleanup(curl);
	status = a.status;
	answer_free(&a);
	return status;
}

/* The same, with an answer that shows a text. */
UNUSED static long https_status(const char *path, long version, const char *client, const char *want)
{
	char text[16384];
	long status;

	status = https(path, version, client, text, sizeof(text));
	if (want && !strstr(text, want))
		fail_msg("%ld %s", status, text);
	return status;
}

static const long tls12 = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2;
static const long tls13 = CURL_SSLVERSION_TLSv1_3;

#endif /* KMSD_TLS_TEST_H */
