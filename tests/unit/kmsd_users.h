/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A KMS in this process for each test, with a clock that the test moves, and the
 * users that call it.
 */
#ifndef KMSD_USERS_H
#define KMSD_USERS_H

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

UNUSED static char *iam_ok(const char *method, const char *uri, long status, const char *outer,
			   const char *name, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
UNUSED static char *iam_ok(const char *method, const char *uri, long status, const char *outer,
			   const char *name, const char *fmt, ...)
{
	struct json_object *inner = NULL, *value = NULL;
	struct answer a;
	char *body, *result;
	va_list args;

	va_start(args, fmt);
	assert_true(vasprintf(&body, fmt, args) >= 0);
	va_end(args);
	a = local(&f, method, uri, body, NULL);
	free(body);
	if (a.status != status)
		fail_msg("%s %s: %ld %s", method, uri, a.status, a.text);
	if (outer) {
		assert_true(json_object_object_get_ex(a.json, outer, &inner));
		assert_true(json_object_object_get_ex(inner, name, &value));
	}
	result = strdup(value ? json_object_get_string(value) : "");
	answer_free(&a);
	return result;
}

/* Makes a user; returns its id. */
UNUSED static char *new_user(const char *name, const char *domain, const char *role,
			     const char *project)
{
	char *id = iam_ok("POST", "/v3/users", 201, "user", "id",
			  "{\"user\":{\"name\":\"%s\",\"domain_id\":\"%s\",\"password\":\"pass%sword\"}}",
			  name, domain, name);
	char uri[256];

	if (!role)
		return id;
	snprintf(uri, sizeof(uri), project ? "/v3/projects/%s/users/%s/roles/%s"
					   : "/v3/domains/%s/users/%s/roles/%s",
		 project ? project : domain, id, role);
	free(iam_ok("PUT", uri, 204, NULL, NULL, "%s", ""));
	return id;
}

UNUSED static struct answer login(const char *name, const char *domain, const char *password,
				  const char *project)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
		 "\"password\":\"%s\",\"domain\":{\"name\":\"%s\"}}}},\"scope\":{\"project\":{\"id\":\"%s\"}}}}",
		 name, password, domain, project);
	return local(&f, "POST", "/v3/auth/tokens", body, (const char *const[]){ NULL });
}

UNUSED static void get_token(const char *name, const char *domain, const char *project,
			     char token[80])
{
	char password[80];
	struct answer a;

	snprintf(password, sizeof(password), "pass%sword", name);
	a = login(name, domain, password, project);
	if (a.status != 201)
		fail_msg("%ld %s", a.status, a.text);
	assert_int_equal(strlen(a.token), 64);
	strcpy(token, a.token);
	answer_free(&a);
}

UNUSED static struct answer with_token(const char *token, const char *project, const char *op,
				       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
UNUSED static struct answer with_token(const char *token, const char *project, const char *op,
				       const char *fmt, ...)
{
	const char *const headers[] = { "X-Auth-Token", token, NULL };
	char uri[128], body[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(body, sizeof(body), fmt, args);
	va_end(args);
	snprintf(uri, sizeof(uri), "/v1.0/%s/kms/%s", project, op);
	return local(&f, "POST", uri, body, headers);
}

/* A call with a token is refused, or succeeds and returns a member of the answer. */
#define refused(status, code, ...) check_refused(with_token(__VA_ARGS__), status, code, __FILE__, __LINE__)
#define allowed(name, ...) check_ok(with_token(__VA_ARGS__), name, __FILE__, __LINE__)

#endif /* KMSD_USERS_H */
