/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A KMS in this process for each test, with a clock that the test moves, and
 * clients that call it.
 */
#ifndef KMSD_LOCAL_H
#define KMSD_LOCAL_H

#include "kmsd_fixture.h"

static struct fixture f;
static int64_t now_ms;

UNUSED static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	now_ms = 1700000000000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	return 0;
}

UNUSED static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

/* A client, of its project, that is not in the configuration. */
#define CLIENT(client, where, what) \
	{ .name = client, .uid = -1, .project = where, .role = KMSD_ROLE_##what }

/* One call of an operation by a client, in its own project. */
UNUSED static struct answer call_as(const struct kmsd_client *client, const char *op,
				    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
UNUSED static struct answer call_as(const struct kmsd_client *client, const char *op,
				    const char *fmt, ...)
{
	char path[160], body[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(body, sizeof(body), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "/v1.0/%s/kms/%s", client->project, op);
	return local_as(&f, client, "POST", path, body);
}

/* A client's call is refused, or succeeds and returns a member of the answer. */
#define refused(status, code, ...) check_refused(call_as(__VA_ARGS__), status, code, __FILE__, __LINE__)
#define allowed(name, ...) check_ok(call_as(__VA_ARGS__), name, __FILE__, __LINE__)

#endif /* KMSD_LOCAL_H */
