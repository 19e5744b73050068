/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon with one CMK, and data keys wrapped by it. */
#ifndef KMSD_DATAKEY_TEST_H
#define KMSD_DATAKEY_TEST_H

#include "kmsd_fixture.h"

#include "hex.h"

#define BLOB_HEX (2 * 188)
#define DK_HEX 128

static struct fixture f;
static char *cmk;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	cmk = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"one\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	free(cmk);
	return 0;
}

/* A data key wrapped with a context, {} or a whole object. */
static char *wrapped(const char *key, const char *context, char **plain)
{
	struct answer a = call(&f, "create-datakey",
			       "{\"key_id\":\"%s\",\"datakey_length\":\"512\","
			       "\"encryption_context\":%s}", key, context);
	char *blob;

	assert_int_equal(a.status, 200);
	assert_string_equal(member(&a, "key_id"), key);
	assert_int_equal(strlen(member(&a, "plain_text")), DK_HEX);
	blob = strdup(member(&a, "cipher_text"));
	if (plain)
		*plain = strdup(member(&a, "plain_text"));
	answer_free(&a);
	return blob;
}

static struct answer unwrap(const char *key, const char *blob, const char *context)
{
	return call(&f, "decrypt-datakey",
		    "{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":\"64\","
		    "\"encryption_context\":%s}", key, blob, context);
}

static void unwrap_gives(const char *key, const char *blob, const char *context,
			 const char *plain)
{
	struct answer a = unwrap(key, blob, context);

	assert_int_equal(a.status, 200);
	assert_string_equal(member(&a, "data_key"), plain);
	assert_string_equal(member(&a, "datakey_length"), "64");
	answer_free(&a);
}

#endif /* KMSD_DATAKEY_TEST_H */
