// SPDX-License-Identifier: GPL-2.0-or-later
/* The HTTP part: TLS, sockets from systemd, limits, stopping. */
#include "kmsd_tls.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/ioctl.h>

static void test_tls(void **state)
{
	char text[256] = "";
	int fd;

	(void)state;
	make_certificates();
	add_client("client", "auditor");
	start_tls("");
	assert_int_equal(https_status("/metrics", tls12, "client", "evs_kmsd"), 200);
	assert_int_equal(https_status("/metrics", tls13, "client", "evs_kmsd"), 200);
	/* Nothing older, and nothing in the clear */
	sh("! openssl s_client -connect 127.0.0.1:%d -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null", port);
	fd = tcp_connect();
	assert_int_equal(send(fd, "GET /v1.0 HTTP/1.0\r\n\r\n", 22, MSG_NOSIGNAL), 22);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) < 12 || !strstr(text, "200"));
	close(fd);
	/* There, root is nobody */
	assert_int_equal(https_status("/v1.0/default/kms/user-quotas", tls13, NULL, "KMS.0301"), 403);
	assert_int_equal(https_status("/metrics", tls13, NULL, "KMS.0301"), 403);
	free(call_ok(&f, "total", "list-keys", "{}"));	/* the Unix socket as ever */
}

/*
 * What the environment says about TLS counts neither for the daemon nor for its
 * client: no session keys in a file or in the log, and nobody else to trust.
 */
static void test_environment(void **state)
{
	const char *build = getenv("BUILD");
	char *program = realpath(build ? build : "build", NULL), text[160];

	(void)state;
	assert_non_null(program);
	snprintf(text, sizeof(text), "%s/daemon-keys", f.dir);
	setenv("SSLKEYLOGFILE", text, 1);
	setenv("GNUTLS_DEBUG_LEVEL", "9", 1);
	start_tls("");
	unsetenv("SSLKEYLOGFILE");
	unsetenv("GNUTLS_DEBUG_LEVEL");
	/* What fails tells whether the server is trusted: the login, or TLS */
	sh("printf 'x\\n' >pw; chmod 600 pw; printf '[kms c]\\nurl = https://127.0.0.1:%d\\n"
	   "auth = password\\nuser = u\\ndomain = local\\nproject = default\\npassword-file = "
	   "%s/pw\\n' >no-ca.conf; { cat no-ca.conf; echo ca-file = %s/ca.pem; } >ca.conf",
	   port, f.dir, f.dir);
	sh("SSLKEYLOGFILE=$PWD/client-keys EVS_CONF=$PWD/ca.conf %s/evs-setup/evs-setup cmk list "
	   "--kms c 2>said; cat said; grep -q 'user u of local' said", program);
	sh("SSL_CERT_FILE=$PWD/ca.pem EVS_CONF=$PWD/no-ca.conf %s/evs-setup/evs-setup cmk list "
	   "--kms c 2>said; cat said; grep -q 'TLS: ' said", program);
	/* GnuTLS has started, and said so, before main() */
	sh("test ! -e client-keys && test ! -e daemon-keys && ! grep -q 'gnutls.[3-9]' log");
	free(program);
}

static void test_bad_key_file(void **state)
{
	char text[512];
	int status;

	(void)state;
	make_certificates();
	sh("chmod 644 server.key");
	snprintf(text, sizeof(text),
		 "[listen]\naddress = 127.0.0.1:1\ncertificate = %s/server.pem\nprivate-key = %s/server.key\n",
		 f.dir, f.dir);
	fixture_configure(&f, text);
	f.pid = 0;
	assert_true(waitpid(spawn_daemon(&f), &status, 0) > 0);
	assert_int_not_equal(status, 0);
}

/* Reads until the other end closes; true when it did. */
static bool closed_by_peer(int fd)
{
	struct timeval patience = { .tv_sec = 30 };
	char data[256];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do
		n = recv(fd, data, sizeof(data), 0);
	while (n > 0);
	return !n || errno == ECONNRESET;
}

/* A header a second, each a sign of life, and never the end of the request. */
static void *dribble(void *arg)
{
	int fd = *(int *)arg;
	bool alive = true;

	for (int i = 0; i < 60 && alive; i++) {
		alive = send(fd, "X-A: b\r\n", 8, MSG_NOSIGNAL) == 8;
		sleep_ms(500);
	}
	return alive ? arg : NULL;
}

static void *one_call(void *arg)
{
	struct answer a = call(&f, "create-key", "{\"key_alias\":\"stop-%d\"}", *(int *)arg);
	bool good = a.status == 200;

	answer_free(&a);
	return good ? arg : NULL;
}

/* A slow client is cut off; one that waits for a slow database is not. */
static void test_slow_request(void **state)
{
	static const char head[] = "POST /v1.0/default/kms/list-keys HTTP/1.1\r\nHost: x\r\n";
	pthread_t threads[16], waiting;
	void *survived, *good;
	sqlite3 *db = NULL;
	char path[128];
	int fds[16];

	(void)state;
	fixture_configure(&f, "[limits]\nrequest-seconds = 2\nidle-seconds = 10\nconnections = 32\n");
	daemon_start(&f);
	for (int i = 0; i < 16; i++) {
		fds[i] = try_connect(&f);
		assert_true(fds[i] >= 0);
		assert_int_equal(send(fds[i], head, strlen(head), MSG_NOSIGNAL), strlen(head));
		assert_int_equal(pthread_create(&threads[i], NULL, dribble, &fds[i]), 0);
	}
	snprintf(path, sizeof(path), "%s/kms.db", f.state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(pthread_create(&waiting, NULL, one_call, &fds[0]), 0);
	for (int i = 0; i < 16; i++) {
		pthread_join(threads[i], &survived);
		assert_null(survived);
		assert_true(closed_by_peer(fds[i]));
	}
	sqlite3_close(db);
	pthread_join(waiting, &good);
	assert_non_null(good);
	for (int i = 0; i < 16; i++)
		close(fds[i]);
}

/* One request on a connection that stays open; false when it has been cut off. */
static bool answered(int fd)
{
	static const char request[] = "POST /v1.0/default/kms/list-keys HTTP/1.1\r\nHost: x\r\n"
				      "Content-Length: 2\r\n\r\n{}";
	char text[1024];
	size_t used = 0;
	ssize_t n;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return false;
	do {
		n = recv(fd, text + used, sizeof(text) - 1 - used, 0);
		used += n > 0 ? (size_t)n : 0;
		text[used] = '\0';
	} while (n > 0 && (!strstr(text, "total") || text[used - 1] != '}'));
	return n > 0;
}

/* How many of @fds are still open? Those that are not have been read to their end. */
static int count_open(const int *fds, int n)
{
	int open = 0;
	char byte;

	for (int i = 0; i < n; i++)
		open += recv(fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
	return open;
}

/*
 * As many as there may be, all silent: those who come later take the place of the one that
 * has been idle for longest, never of the one before. Who comes later is known only of those
 * that have been let in: several threads do that.
 */
static void test_full_house(void **state)
{
	int fds[64];

	(void)state;
	fixture_configure(&f, "[limits]\nrequest-seconds = 600\nidle-seconds = 600\nconnections = 8\n");
	daemon_start(&f);
	for (int i = 0; i < 64; i++) {
		fds[i] = try_connect(&f);
		assert_true(fds[i] >= 0);
		assert_true(i >= 32 || answered(fds[i]));
		assert_true(!i || i >= 32 || answered(fds[i - 1]));
	}
	for (int tries = 0; tries < 6000 && count_open(fds, 64) > 8; tries++)
		sleep_ms(10);
	assert_int_equal(count_open(fds, 64), 8);
	free(call_ok(&f, "total", "list-keys", "{}"));
	for (int i = 0; i < 64; i++)
		close(fds[i]);
}

/* One address has its share of connections and no more. */
static void test_peer_limit(void **state)
{
	int fds[8], closed = 0, i, tries;
	char byte;

	(void)state;
	fds[0] = first_tcp("");
	for (i = 1; i < 8; i++)
		fds[i] = tcp_connect();
	/* Which ones are refused depends on who accepts first; how many does not */
	for (tries = 0; tries < 1000 && closed < 4; tries++) {
		for (i = 0, closed = 0; i < 8; i++)
			closed += recv(fds[i], &byte, 1, MSG_DONTWAIT) >= 0 ||
				  (errno != EAGAIN && errno != EINTR);
		sleep_ms(10);
	}
	assert_int_equal(closed, 4);
	for (i = 0; i < 8; i++)
		close(fds[i]);
}

/* From 127.0.0.@last; -1 when it is refused. */
static int connect_from(unsigned int last)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + last - 1),
	}, to = from;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((unsigned short)port);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -1;
}

/* Eight addresses with all the places there are, silent: a client is served all the same. */
static void test_lockout(void **state)
{
	int fds[256];
	size_t i;

	(void)state;
	make_certificates();
	add_client("client", "auditor");
	start_tls("");
	assert_int_equal(daemon_stop(&f, SIGTERM), 0);
	sh("sed -i 's/^connections-per-peer.*/connections-per-peer = 32/; "
	   "s/^\\(request\\|idle\\)-seconds.*/\\1-seconds = 600/' kmsd.conf");
	daemon_start(&f);
	for (i = 0; i < 256; i++)
		fds[i] = connect_from(2 + (unsigned int)i / 32);
	for (i = 0; i < 8; i++)
		assert_int_equal(https_status("/metrics", tls13, "client", "evs_kmsd"), 200);
	for (i = 0; i < 256; i++)
		close(fds[i]);
}

/* Sends it as it stands; the first line of the answer, "" for none. Then the other end closes. */
static void raw(const char *request, char line[64])
{
	struct timeval patience = { .tv_sec = 60 };
	int fd = try_connect(&f);
	size_t used = 0;
	ssize_t n = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while (n > 0 && used < 63) {
		n = recv(fd, line + used, 63 - used, 0);
		used += n > 0 ? (size_t)n : 0;
	}
	line[used] = '\0';
	line[strcspn(line, "\r")] = '\0';
	assert_true(closed_by_peer(fd));
	close(fd);
}

/* What two readers might take for two requests is refused, and the connection with it. */
static void test_strict(void **state)
{
#define POST "POST /v1.0/default/kms/list-keys HTTP/1.1\r\nHost: x\r\n"
	static const struct {
		const char *request;
		const char *status;
	} row[] = {
		{ POST "Connection: close\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK" },
		{ POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "HTTP/1.1 400 Bad Request" },
		{ POST "Content-Length: 2\r\ncontent-length: 2\r\n\r\n{}", "HTTP/1.1 400 Bad Request" },
		{ POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		  "HTTP/1.1 400 Bad Request" },
		{ POST "X-Header : x\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400 Bad Request" },
		{ POST "Content-Length : 2\r\n\r\n{}", "HTTP/1.1 400 Bad Request" },
	};
	char line[64];
	size_t i;

	(void)state;
	daemon_start(&f);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		raw(row[i].request, line);
		if (strcmp(line, row[i].status))
			fail_msg("%s: %s", row[i].request, line);
	}
}

static void test_big_header(void **state)
{
	char *header = malloc(70000);
	int fd;

	(void)state;
	daemon_start(&f);
	fd = try_connect(&f);
	memset(header, 'x', 70000);
	memcpy(header, "GET /v1.0 HTTP/1.1\r\nX-A: ", 25);
	while (send(fd, header, 70000, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	assert_true(closed_by_peer(fd));
	close(fd);
	free(header);
	free(call_ok(&f, "total", "list-keys", "{}"));
}

/* The socket is there before the daemon is, and stays when it goes. */
static void test_activation(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char program[256], pid[16];
	const char *build = getenv("BUILD");

	(void)state;
	configure_tls("");
	strcpy(addr.sun_path, f.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	snprintf(program, sizeof(program), "%s/evs-kmsd/evs-kmsd", build ? build : "build");
	for (int round = 0; round < 2; round++) {
		f.pid = fork();
		if (!f.pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			snprintf(pid, sizeof(pid), "%d", getpid());
			setenv("LISTEN_PID", pid, 1);
			setenv("LISTEN_FDS", "1", 1);
			if (dup2(fd, 3) != 3)
				_exit(1);
			dup2(open(f.log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
			execl(program, program, "--config", f.config, NULL);
			_exit(127);
		}
		free(call_ok(&f, "total", "list-keys", "{}"));	/* waits in the backlog */
		/* A Unix socket that is handed over replaces the configured one, and no other */
		assert_int_equal(https_status("/metrics", tls13, NULL, "KMS.0301"), 403);
		assert_int_equal(daemon_stop(&f, SIGTERM), 0);
		assert_int_equal(access(f.socket, F_OK), 0);
	}
	close(fd);
}

/* What has begun is finished: the answer comes, or the connection never was. */
static void test_graceful_stop(void **state)
{
	static const char head[] = "POST /v1.0/default/kms/list-keys HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 2\r\n\r\n{";
	char text[512] = "";
	int number = 1, unread, fd;
	pthread_t thread;
	void *good;

	(void)state;
	daemon_start(&f);
	fd = try_connect(&f);
	assert_int_equal(send(fd, head, strlen(head), 0), strlen(head));
	do {
		sleep_ms(200);
		assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
	} while (unread);
	assert_int_equal(pthread_create(&thread, NULL, one_call, &number), 0);
	pthread_join(thread, &good);
	assert_non_null(good);
	kill(f.pid, SIGTERM);
	sleep_ms(300);
	assert_int_equal(send(fd, "}", 1, MSG_NOSIGNAL), 1);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "200 OK"));
	close(fd);
	assert_int_equal(waitpid(f.pid, &number, 0), f.pid);
	assert_int_equal(number, 0);
	f.pid = 0;
}

/* The log can be looked at while the daemon runs, and after. */
static void test_audit_command(void **state)
{
	const char *build = getenv("BUILD");
	char program[PATH_MAX];

	(void)state;
	assert_non_null(realpath(build ? build : "build", program));
	strcat(program, "/evs-kmsd/evs-kmsd --config kmsd.conf");
	daemon_start(&f);
	call_done(&f, "create-key", "{\"key_alias\":\"a\"}");
	sh("%s audit verify | grep ': records 1 to 1,'", program);
	sh("%s audit show | grep '^1 .* createKey cmk=.* client=root from=unix:uid=0'", program);
	assert_int_equal(daemon_stop(&f, SIGTERM), 0);
	sh("%s audit verify", program);
	sh("sed -i s/createKey/deleteKey/ state/audit.log; ! %s audit verify", program);
	sh("! %s audit forge", program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_key_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_house, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lockout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_activation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_graceful_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audit_command, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_server", tests, NULL, NULL);
}
