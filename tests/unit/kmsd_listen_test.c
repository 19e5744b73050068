// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the daemon listens, and what it needs for TLS: all that it does not start with. */
#include "kmsd_fixture.h"

#include <netinet/in.h>

#include "http/listen.h"
#include "http/tls.h"

/* Addresses to listen at: those that are none, one that is taken, and with colons in it. */
static void test_listen(void **state)
{
	static const char *const bad[] = { "127.0.0.1", "127.0.0.1:", ":9443", "localhost:9443",
					   "127.0.0.1:https", "1.2.3:x" };
	struct sockaddr_in6 addr;
	socklen_t size = sizeof(addr);
	struct kmsd_conf conf = {};
	struct evs_error err = {};
	struct kmsd_listen l, other;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_dir(&f);
	strcpy(conf.socket, f.socket);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(conf.address, bad[i]);
		if (kmsd_listen_open(&l, &conf, &err) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_contains(err.text, "not an address and port");
	}
	/* Nor is there a socket where there cannot be one */
	conf.address[0] = '\0';
	strcpy(conf.socket, "/proc/none/sock");
	assert_int_equal(kmsd_listen_open(&l, &conf, &err), -ENOENT);
	snprintf(conf.socket, sizeof(conf.socket), "%s/folder", f.dir);
	assert_int_equal(mkdir(conf.socket, 0700), 0);
	assert_int_equal(kmsd_listen_open(&l, &conf, &err), -EEXIST);
	assert_int_equal(rmdir(conf.socket), 0);
	strcpy(conf.socket, f.socket);
	strcpy(conf.address, "[::1]:0");
	assert_int_equal(kmsd_listen_open(&l, &conf, &err), 0);
	assert_int_equal(getsockname(l.tcp_fd, (struct sockaddr *)&addr, &size), 0);
	assert_int_equal(addr.sin6_family, AF_INET6);
	snprintf(conf.address, sizeof(conf.address), "[::1]:%u", ntohs(addr.sin6_port));
	strcat(conf.socket, "2");
	assert_int_equal(kmsd_listen_open(&other, &conf, &err), -EADDRINUSE);
	kmsd_listen_close(&l);
	/* Neither is left behind */
	assert_int_equal(access(f.socket, F_OK), -1);
	assert_int_equal(access(conf.socket, F_OK), -1);
	remove_tree(f.dir);
}

/* Nothing that others have put there is removed, but for a socket that nobody serves. */
static void test_in_the_way(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char target[sizeof(addr.sun_path) + 8];
	struct evs_error err = {};
	struct kmsd_socket sock;
	struct fixture f;
	struct stat st;
	int fd;

	(void)state;
	fixture_dir(&f);
	fd = open(f.socket, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
	assert_int_equal(kmsd_socket_open(&sock, f.socket, &err), -EEXIST);
	assert_contains(err.text, "is not a socket: remove it, or change [listen] socket");
	assert_true(!stat(f.socket, &st) && st.st_size == 4);

	/* Nor a link, wherever it leads */
	snprintf(target, sizeof(target), "%s.t", f.socket);
	assert_int_equal(rename(f.socket, target), 0);
	assert_int_equal(symlink(target, f.socket), 0);
	assert_int_equal(kmsd_socket_open(&sock, f.socket, &err), -EEXIST);
	assert_true(!lstat(f.socket, &st) && S_ISLNK(st.st_mode));
	assert_int_equal(unlink(f.socket), 0);

	/* A socket of another program, which is served; then no longer */
	strcpy(addr.sun_path, f.socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(kmsd_socket_open(&sock, f.socket, &err), -EADDRINUSE);
	assert_contains(err.text, "another program listens there");
	assert_int_equal(access(f.socket, F_OK), 0);
	close(fd);
	assert_int_equal(kmsd_socket_open(&sock, f.socket, &err), 0);

	/* Nor, at the end, what has taken the place of our own */
	assert_int_equal(unlink(f.socket), 0);
	assert_int_equal(rename(target, f.socket), 0);
	kmsd_socket_close(&sock);
	assert_true(!stat(f.socket, &st) && st.st_size == 4);
	remove_tree(f.dir);
}

/* What systemd hands over, and may not: one too many, two of a kind, TCP without TLS. */
static void test_bad_handover(void **state)
{
	static const struct {
		int family, count;
		const char *why;
	} row[] = {
		{ AF_UNIX, 3, "more than 2 sockets" },
		{ AF_UNIX, 2, "two sockets of a kind" },
		{ AF_INET, 1, "certificate and private-key are missing" },
		{ 0, 1, "descriptor 3 from systemd: " },
	};
	int old[2] = { dup(3), dup(4) }, fd, i;
	struct kmsd_conf conf = {};
	struct evs_error err = {};
	struct kmsd_listen l;
	char number[16];
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(row) / sizeof(row[0]); n++) {
		fd = socket(row[n].family ? row[n].family : AF_UNIX, SOCK_STREAM, 0);
		assert_true(fd >= 0 && dup2(fd, 4) == 4 && dup2(fd, 3) == 3);
		if (fd > 4)
			close(fd);
		if (!row[n].family)
			close(3);
		snprintf(number, sizeof(number), "%d", getpid());
		setenv("LISTEN_PID", number, 1);
		snprintf(number, sizeof(number), "%d", row[n].count);
		setenv("LISTEN_FDS", number, 1);
		assert_int_not_equal(kmsd_listen_open(&l, &conf, &err), 0);
		assert_contains(err.text, row[n].why);
		/* Not for what the daemon starts */
		assert_null(getenv("LISTEN_FDS"));
	}
	for (i = 0; i < 2; i++) {
		close(3 + i);
		if (old[i] < 0)
			continue;
		assert_int_equal(dup2(old[i], 3 + i), 3 + i);
		close(old[i]);
	}
}

/* Certificate and key as the daemon reads them before it starts to listen */
static void test_bad_pem(void **state)
{
	static const char *const row[][3] = {
		{ "none.pem", "a.key", "none.pem: No such file" },
		{ "empty", "a.key", "empty: not a PEM file" },
		{ "large", "a.key", "large: not a PEM file of up to 65536 bytes" },
		{ "a.pem", "open.key", "open.key: open to others (mode 644)" },
		{ "a.pem", "b.key", "b.key: " },
		{ ".", "a.key", "Is a directory" },
	};
	struct kmsd_conf conf = {};
	struct evs_error err = {};
	struct kmsd_tls tls;
	struct fixture f;
	char command[512];
	size_t i;

	(void)state;
	fixture_dir(&f);
	snprintf(command, sizeof(command), "cd %s; for i in a b; do openssl req -x509 -newkey ec "
		 "-pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$i -keyout $i.key "
		 "-out $i.pem 2>/dev/null || exit; chmod 600 $i.key; done; touch empty; "
		 "truncate -s 65536 large; cp a.key open.key; chmod 644 open.key", f.dir);
	assert_int_equal(system(command), 0);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(conf.certificate, sizeof(conf.certificate), "%s/%s", f.dir, row[i][0]);
		snprintf(conf.private_key, sizeof(conf.private_key), "%s/%s", f.dir, row[i][1]);
		assert_int_not_equal(kmsd_tls_load(&tls, &conf, &err), 0);
		assert_contains(err.text, row[i][2]);
	}
	snprintf(conf.certificate, sizeof(conf.certificate), "%s/a.pem", f.dir);
	snprintf(conf.private_key, sizeof(conf.private_key), "%s/a.key", f.dir);
	assert_int_equal(kmsd_tls_load(&tls, &conf, &err), 0);
	kmsd_tls_free(&tls);
	remove_tree(f.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_in_the_way),
		cmocka_unit_test(test_bad_handover),
		cmocka_unit_test(test_bad_pem),
	};

	return cmocka_run_group_tests_name("kmsd_listen", tests, NULL, NULL);
}
