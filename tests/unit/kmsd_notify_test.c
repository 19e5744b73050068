// SPDX-License-Identifier: GPL-2.0-or-later
/* What evs-kmsd tells the service manager. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "notify.h"

/* A service manager that listens at a path, or at an abstract name after @ */
static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, path);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					  strlen(path))), 0);
	return fd;
}

static void check_told(const char *path)
{
	int fd = listen_at(path);
	char text[32] = "";

	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(kmsd_notify("READY=1"), 0);
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
	assert_string_equal(text, "READY=1");
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), -1);
	close(fd);
}

static void test_told(void **state)
{
	char dir[] = "/tmp/evs-notify-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	check_told(path);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof(path), "@evs-notify-%d", (int)getpid());
	check_told(path);
}

static void test_not_told(void **state)
{
	char path[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(kmsd_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
	assert_int_equal(kmsd_notify("READY=1"), -ENOENT);
	assert_int_equal(errno, ENOENT);
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	assert_int_equal(kmsd_notify("READY=1"), -EINVAL);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(kmsd_notify("READY=1"), -EINVAL);
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_not_told),
	};

	return cmocka_run_group_tests_name("kmsd_notify", tests, NULL, NULL);
}
