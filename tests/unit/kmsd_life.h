/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A KMS whose clock the test moves. */
#ifndef KMSD_LIFE_TEST_H
#define KMSD_LIFE_TEST_H

#include "kmsd_fixture.h"

#include "sweep.h"

#define DAY KMSD_DAY_MS

static struct fixture f;
static int64_t now_ms;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	now_ms = 1700000000000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void sweep(void)
{
	struct evs_error err = {};

	if (kmsd_sweep(&f.kmsd, &err))
		fail_msg("%s", err.text);
}

static char *new_key(const char *alias)
{
	return call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"%s\"}", alias);
}

static void expect_state(const char *key, const char *want)
{
	char *shown = call_ok(&f, "key_state", "describe-key", "{\"key_id\":\"%s\"}", key);

	assert_string_equal(shown, want);
	free(shown);
}

static char *wrap(const char *key, char **plain)
{
	struct answer a = call(&f, "create-datakey",
			       "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	char *cipher = strdup(member(&a, "cipher_text"));

	assert_int_equal(a.status, 200);
	*plain = strdup(member(&a, "plain_text"));
	answer_free(&a);
	return cipher;
}

#endif /* KMSD_LIFE_TEST_H */
