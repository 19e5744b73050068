// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/evs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "keyring.h"
#include "token.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define UUID "11111111-2222-3333-4444-555555555555"
#define HEAD "{\"type\":\"evs-kms\",\"keyslots\":[],"
#define GOOD HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"" CMK "\"," \
	"\"context\":{\"purpose\":\"evs-dek\",\"volume\":\"" UUID "\"},\"wrapped-dk\":\"02AB\"}"

/* Of disks with these key slots, to JSON and back */
static void round_trip(uint32_t keyslots, char json[EVS_TOKEN_JSON_MAX], struct evs_token *back)
{
	struct evs_error err = {};
	struct evs_token token;

	assert_int_equal(evs_token_init(&token, "local", CMK, UUID, &err), 0);
	strcpy(token.wrapped_dk, "02AB");
	token.keyslots = keyslots;
	assert_int_equal(evs_token_to_json(&token, json, &err), 0);
	assert_int_equal(evs_token_from_json(back, json, &err), 0);
	assert_int_equal(back->keyslots, keyslots);
}

static void test_round_trip(void **state)
{
	char json[EVS_TOKEN_JSON_MAX];
	struct evs_token back;

	(void)state;
	round_trip(0, json, &back);
	assert_string_equal(json, GOOD);
	assert_string_equal(back.kms, "local");
	assert_string_equal(back.cmk, CMK);
	assert_string_equal(back.wrapped_dk, "02AB");
	assert_int_equal(back.context.count, 2);
	assert_string_equal(back.context.pair[1].name, "volume");
	assert_string_equal(back.context.pair[1].value, UUID);
}

static void test_keyslots(void **state)
{
	char json[EVS_TOKEN_JSON_MAX];
	struct evs_token back;

	(void)state;
	round_trip(1U << 31 | 1U << 10 | 1, json, &back);
	assert_non_null(strstr(json, "\"keyslots\":[\"0\",\"10\",\"31\"]"));
}

static void test_largest(void **state)
{
	struct evs_token token, back;
	struct evs_error err = {};
	char json[EVS_TOKEN_JSON_MAX];

	(void)state;
	assert_int_equal(evs_token_init(&token, "local", CMK, UUID, &err), 0);
	memset(token.wrapped_dk, 'A', EVS_WRAPPED_HEX_MAX);
	assert_int_equal(evs_token_to_json(&token, json, &err), 0);
	assert_int_equal(evs_token_from_json(&back, json, &err), 0);
	assert_int_equal(strlen(back.wrapped_dk), EVS_WRAPPED_HEX_MAX);
}

static void test_uuid(void **state)
{
	(void)state;
	assert_true(evs_uuid_valid(UUID));
	assert_false(evs_uuid_valid("111111112222-3333-4444-5555555555550"));
	assert_false(evs_uuid_valid(UUID "0"));
	assert_false(evs_uuid_valid("1111111g-2222-3333-4444-555555555555"));
}

static void test_init_refuses(void **state)
{
	struct evs_error err = {};
	char id[EVS_CMK_REF_SIZE + 1];
	struct evs_token token;

	(void)state;
	memset(id, 'x', sizeof(id));
	id[EVS_CMK_REF_SIZE] = '\0';
	assert_int_equal(evs_token_init(&token, "local", id, UUID, &err), -EINVAL);
	/* What a token may have, the kernel takes as the name of the disk's CMK. */
	id[EVS_CMK_REF_SIZE - 1] = '\0';
	assert_int_equal(evs_token_init(&token, "local", id, UUID, &err), 0);
	assert_in_range(strlen(id), 1, EVS_CMK_MAX);
	assert_int_equal(evs_token_init(&token, "a b", CMK, UUID, &err), -EINVAL);
	assert_int_equal(evs_token_init(&token, "local", "a key", UUID, &err), -EINVAL);
	assert_int_equal(evs_token_init(&token, "local", CMK, "1234", &err), -EINVAL);
	assert_int_equal(evs_token_init(&token, "local", CMK,
					"AAAAAAAA-2222-3333-4444-555555555555", &err), -EINVAL);
}

/* Each is a good token with one thing wrong, and the part of the text that tells it. */
static const struct {
	const char *json;
	int ret;
	const char *why;
} hostile[] = {
	{ "", -EBADMSG, "no JSON object" },
	{ "[]", -EBADMSG, "no JSON object" },
	{ "{", -EBADMSG, "no JSON object" },
	{ GOOD "x", -EBADMSG, "no JSON object" },
	{ "{\"version\":1}", -EBADMSG, "\"keyslots\" is missing" },
	{ "{\"version\":1,\"keyslots\":{}}", -EBADMSG, "\"keyslots\" is no array" },
	{ "{\"version\":1,\"keyslots\":[0]}", -EBADMSG, "\"keyslots\" is no string" },
	{ "{\"version\":1,\"keyslots\":[\"32\"]}", -EBADMSG, "\"keyslots\" names none" },
	{ "{\"version\":1,\"keyslots\":[\"-1\"]}", -EBADMSG, "\"keyslots\" names none" },
	{ "{\"version\":1,\"keyslots\":[\"0000\"]}", -EBADMSG, "\"keyslots\" is too long" },
	{ HEAD "\"kms\":\"local\"}", -EBADMSG, "\"version\" is missing" },
	{ HEAD "\"version\":\"1\"}", -EBADMSG, "\"version\" is no integer" },
	{ HEAD "\"version\":2}", -EPROTONOSUPPORT, "version 2" },
	{ HEAD "\"version\":1}", -EBADMSG, "\"kms\" is missing" },
	{ HEAD "\"version\":1,\"kms\":7}", -EBADMSG, "\"kms\" is no string" },
	{ HEAD "\"version\":1,\"kms\":\"\"}", -EBADMSG, "\"kms\" is empty" },
	{ HEAD "\"version\":1,\"kms\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", -EBADMSG,
	  "\"kms\" is too long" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":null}", -EBADMSG, "\"cmk\" is missing" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\"}", -EBADMSG,
	  "\"context\" is missing" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\",\"context\":[]}", -EBADMSG,
	  "\"context\" is no object" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\",\"context\":{\"a\":1}}", -EBADMSG,
	  "\"context\" is no string" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\",\"context\":{\"\":\"b\"}}", -EBADMSG,
	  "bad name" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\",\"context\":{\"a\":\"1\",\"b\":\"1\","
	  "\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":\"1\",\"g\":\"1\",\"h\":\"1\",\"i\":\"1\"}}",
	  -EBADMSG, "too many" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x\",\"context\":{}}", -EBADMSG,
	  "\"wrapped-dk\" is missing" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"x y\",\"context\":{},"
	  "\"wrapped-dk\":\"02\"}", -EBADMSG, "\"cmk\" is no CMK id" },
	{ HEAD "\"version\":1,\"kms\":\"lo cal\",\"cmk\":\"" CMK "\",\"context\":{},"
	  "\"wrapped-dk\":\"02\"}", -EBADMSG, "\"kms\" is no name" },
	{ HEAD "\"version\":1,\"kms\":\"lo\\u0000\",\"cmk\":\"" CMK "\",\"context\":{},"
	  "\"wrapped-dk\":\"02\"}", -EBADMSG, "has a NUL" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"" CMK "\",\"context\":{},"
	  "\"wrapped-dk\":\"023\"}", -EBADMSG, "\"wrapped-dk\" is no hex" },
	{ HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"" CMK "\",\"context\":{},"
	  "\"wrapped-dk\":\"0x\"}", -EBADMSG, "\"wrapped-dk\" is no hex" },
	{ HEAD "\"version\":1,\"kms\":{\"a\":{\"b\":{\"c\":{}}}}}", -EBADMSG, "no JSON object" },
};

static void test_hostile(void **state)
{
	struct evs_error err = {};
	struct evs_token token;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		if (evs_token_from_json(&token, hostile[i].json, &err) != hostile[i].ret ||
		    !strstr(err.text, hostile[i].why))
			fail_msg("%s: %d %s, expected %d %s", hostile[i].json, -err.errnum,
				 err.text, hostile[i].ret, hostile[i].why);
	}
}

static void test_oversized(void **state)
{
	char json[2 * EVS_TOKEN_JSON_MAX];
	struct evs_error err = {};
	struct evs_token token;
	int used;

	(void)state;
	used = snprintf(json, sizeof(json), HEAD "\"version\":1,\"kms\":\"local\",\"cmk\":\"" CMK
			"\",\"context\":{},\"wrapped-dk\":\"");
	memset(json + used, 'A', EVS_WRAPPED_HEX_MAX + 2);
	strcpy(json + used + EVS_WRAPPED_HEX_MAX + 2, "\"}");
	assert_int_equal(evs_token_from_json(&token, json, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "\"wrapped-dk\" is too long"));
	memset(json + used, 'A', EVS_TOKEN_JSON_MAX);
	strcpy(json + used + EVS_TOKEN_JSON_MAX, "\"}");
	assert_int_equal(evs_token_from_json(&token, json, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "larger than"));
}

static void context_put(struct evs_context *context, const char *name, const char *value)
{
	strcpy(context->pair[context->count].name, name);
	strcpy(context->pair[context->count++].value, value);
}

/* The order of the pairs does not matter, where a name ends does. */
static void test_context_digest(void **state)
{
	static const char *const other[][4] = {
		{ "a", "1", "b", "2x" }, { "a", "2", "b", "1" }, { "a1", "", "b", "2" },
		{ "a", "1b", "2", "" },
	};
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], second[EVS_CONTEXT_DIGEST_SIZE];
	/* SHA-256 of 00000001 'a' 00000001 '1' 00000001 'b' 00000001 '2', by sha256sum */
	static const unsigned char want[] = {
		0x6f, 0xa2, 0xd8, 0x7f, 0x48, 0xfc, 0x7d, 0xdf,
		0xb9, 0xc9, 0xc2, 0x42, 0x86, 0xfc, 0xec, 0xde,
		0x68, 0x24, 0x51, 0x93, 0x88, 0x82, 0x79, 0x59,
		0x54, 0xeb, 0x5a, 0xba, 0x74, 0xc1, 0x99, 0x68,
	};
	struct evs_context context = {};
	struct evs_error err = {};
	size_t i;

	(void)state;
	context_put(&context, "b", "2");
	context_put(&context, "a", "1");
	assert_int_equal(evs_context_digest(&context, digest, &err), 0);
	assert_memory_equal(digest, want, sizeof(want));
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		context.count = 0;
		context_put(&context, other[i][0], other[i][1]);
		context_put(&context, other[i][2], other[i][3]);
		assert_int_equal(evs_context_digest(&context, second, &err), 0);
		assert_memory_not_equal(digest, second, sizeof(digest));
	}
}

/* What evs-setup tells the helper: kms= and cmk= may be there, device= must be. */
static void test_callout(void **state)
{
	static const struct {
		const char *text;
		const char *kms;
		const char *cmk;
		const char *device;
	} good[] = {
		{ "device=/dev/sdb", NULL, NULL, "/dev/sdb" },
		{ "kms=local cmk=a,b device=/dev/a b", "local", "a,b", "/dev/a b" },
		{ "cmk=x device=/d kms=y", NULL, "x", "/d kms=y" },
	};
	static const char *const bad[] = { "", "device=", "device=sdb", "kms=local", "kms=a cmk=b",
					   "cmk=b kms=a device=/d", "kms=adevice=/d" };
	struct evs_token token = { .kms = "local", .cmk = "a,b" };
	struct evs_error err = {};
	const char *device;
	struct evs_pin pin;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(evs_keyring_parse(strcpy(text, good[i].text), &pin, &device, &err), 0);
		assert_string_equal(device, good[i].device);
		assert_int_equal(!pin.kms, !good[i].kms);
		assert_int_equal(!pin.cmk, !good[i].cmk);
		if (pin.kms)
			assert_string_equal(pin.kms, good[i].kms);
		if (pin.cmk)
			assert_string_equal(pin.cmk, good[i].cmk);
		assert_int_equal(evs_pin_allows(&pin, &token), i < 2);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(evs_keyring_parse(strcpy(text, bad[i]), &pin, &device, &err), -EINVAL);
	pin = (struct evs_pin){ .kms = "other", .cmk = "a,b" };
	assert_false(evs_pin_allows(&pin, &token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_keyslots),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_oversized),
		cmocka_unit_test(test_context_digest),
		cmocka_unit_test(test_callout),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
