// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests that the KMS client sends, byte for byte, and what it makes of good
 * answers. kmsd_client_test.c has the real daemon.
 */
#include "kms_call.h"

/* A request as wanted, but for the key, another each time, that ends it. */
static void assert_request(char *request, const char *want)
{
	char *at = strstr(request, ",\"recipient\":\"");

	assert_non_null(at);
	assert_int_equal(strspn(at + 14, "0123456789ABCDEF"), 64);
	assert_string_equal(at + 14 + 64, "\"}");
	strcpy(at, "}");
	assert_string_equal(request, want);
}

static void test_decrypt(void **state)
{
	struct fixture *f = *state;

	/* Numbers as strings or not, hex of either case: all are in use. */
	script(f, HTTP("200", "{\"data_key\":\"" ZEROS_64 "\",\"datakey_length\":64,"
		       "\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"));
	start(f);
	strcpy(f->token.wrapped_dk, "02AB");
	memset(f->dk->data, 0xff, EVS_DK_SIZE);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), 0);
	finish(f);
	assert_wiped(f->dk);
	assert_request(f->peer.request[0], "POST /v1.0/p1/kms/decrypt-datakey "
			    "{\"key_id\":\"" CMK "\",\"datakey_cipher_length\":\"64\","
			    "\"encryption_context\":{\"purpose\":\"evs-dek\",\"volume\":\"" UUID
			    "\"},\"cipher_text\":\"02AB\"}");
}

static void test_create(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64 "\","
		       "\"cipher_text\":\"0200\"}"));
	start(f);
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), 0);
	finish(f);
	assert_string_equal(f->token.wrapped_dk, "0200");
	assert_int_equal(f->dk->data[32], 1);
	assert_contains(f->peer.request[0], "/kms/create-datakey ");
	assert_contains(f->peer.request[0], "\"datakey_length\":\"512\"");
}

#define MADE HTTP("200", "{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64 "\"," \
		  "\"cipher_text\":\"02AB\"}")
#define WRAPPED(id) HTTP("200", "{\"key_id\":\"" id "\",\"cipher_text\":\"02cd\"," \
			 "\"datakey_length\":\"64\"}")
#define NO_PLAIN HTTP("400", "{\"error\":{\"error_code\":\"KMS.0204\",\"error_msg\":\"no\"}}")

/* By a key that was made for it, and that the request has wrapped */
static void test_encrypt(void **state)
{
	struct fixture *f = *state;

	script(f, MADE);
	script(f, WRAPPED(CMK));
	start(f);
	assert_int_equal(evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err), 0);
	finish(f);
	assert_string_equal(f->token.wrapped_dk, "02cd");
	assert_contains(f->peer.request[0], "/kms/create-datakey {\"key_id\":\"" CMK "\"");
	assert_contains(f->peer.request[1], "\"datakey_plain_length\":\"64\"");
	assert_contains(f->peer.request[1], ",\"sealed_text\":\"");
	assert_contains(f->peer.request[1], ",\"transport_cipher_text\":\"02AB\"}");
	assert_null(strstr(f->peer.request[1], "plain_text"));
	assert_null(strstr(f->peer.request[1], ZEROS_64));
}

/* A KMS that does not know this misses the DK, and gets it */
static void test_encrypt_elsewhere(void **state)
{
	struct fixture *f = *state;

	script(f, MADE);
	script(f, NO_PLAIN);
	script(f, WRAPPED(CMK));
	start(f);
	assert_int_equal(evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err), 0);
	finish(f);
	assert_string_equal(f->token.wrapped_dk, "02cd");
	assert_contains(f->peer.request[2], "\"datakey_plain_length\":\"64\"");
	assert_contains(f->peer.request[2], ",\"plain_text\":\"" ZEROS_64 ZEROS_DIGEST "\"}");
}

/* The last answer in the script is what the other CMK has wrapped */
static void rewrap(struct fixture *f)
{
	struct evs_token new = f->token;

	script(f, WRAPPED(OTHER));
	start(f);
	strcpy(f->token.wrapped_dk, "02AB");
	strcpy(new.cmk, OTHER);
	assert_int_equal(evs_kms_rewrap_datakey(f->kms, &f->token, &new, &f->err), 0);
	finish(f);
	assert_string_equal(new.wrapped_dk, "02cd");
}

/* The DK is not in it: it stays where it is */
static void test_rewrap(void **state)
{
	struct fixture *f = *state;

	rewrap(f);
	assert_string_equal(f->peer.request[0], "POST /v1.0/p1/kms/encrypt-datakey "
			    "{\"key_id\":\"" OTHER "\",\"datakey_plain_length\":\"64\","
			    "\"encryption_context\":{\"purpose\":\"evs-dek\",\"volume\":\"" UUID
			    "\"},\"source_key_id\":\"" CMK "\",\"source_cipher_text\":\"02AB\"}");
}

static void test_rewrap_elsewhere(void **state)
{
	struct fixture *f = *state;

	script(f, NO_PLAIN);
	script(f, HTTP("200", "{\"data_key\":\"" ZEROS_64 "\",\"datakey_length\":64,"
		       "\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"));
	script(f, HTTP("200", "{\"key_id\":\"" OTHER "\",\"plain_text\":\"" KEY_64 "\","
		       "\"cipher_text\":\"02AB\"}"));
	rewrap(f);
	assert_contains(f->peer.request[1], "/kms/decrypt-datakey {\"key_id\":\"" CMK "\"");
	assert_contains(f->peer.request[3], "/kms/encrypt-datakey {\"key_id\":\"" OTHER "\"");
	assert_contains(f->peer.request[3], ",\"sealed_text\":\"");
}

static void test_describe(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	script(f, KEY_INFO("db-prod", "\"2\""));
	script(f, KEY_INFO("db-prod", "4"));
	start(f);
	assert_int_equal(evs_kms_describe_key(f->kms, "db-prod", &cmk, &f->err), 0);
	assert_string_equal(cmk.id, CMK);
	assert_string_equal(cmk.alias, "db-prod");
	assert_int_equal(cmk.state, EVS_CMK_STATE_ENABLED);
	assert_false(cmk.is_default);
	/* Milliseconds and seconds. */
	assert_int_equal(cmk.created, 1638806642);
	assert_int_equal(cmk.deletion, 1796083200);
	assert_int_equal(evs_kms_describe_key(f->kms, CMK, &cmk, &f->err), 0);
	assert_int_equal(cmk.state, EVS_CMK_STATE_PENDING_DELETION);
	finish(f);
	assert_contains(f->peer.request[0], "alias\\/db-prod\"");
	assert_contains(f->peer.request[1], "\"" CMK "\"");
}

static void test_list_pages(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk *cmks;
	size_t count;

	script(f, HTTP("200", "{\"keys\":[\"" CMK "\"],\"key_details\":[{\"key_id\":\"" CMK "\","
		       "\"key_state\":\"2\"}],\"next_marker\":\"1\",\"truncated\":\"true\"}"));
	script(f, HTTP("200", "{\"key_details\":[{\"key_id\":\"" OTHER "\",\"key_state\":\"3\"}],"
		       "\"next_marker\":\"\",\"truncated\":\"false\",\"total\":2}"));
	start(f);
	assert_int_equal(evs_kms_list_keys(f->kms, &cmks, &count, &f->err), 0);
	finish(f);
	assert_int_equal(count, 2);
	assert_string_equal(cmks[1].id, OTHER);
	assert_int_equal(cmks[1].state, EVS_CMK_STATE_DISABLED);
	assert_null(strstr(f->peer.request[0], "marker"));
	assert_contains(f->peer.request[1], "\"marker\":\"1\"");
	free(cmks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kms_test(test_decrypt),
		kms_test(test_create),
		kms_test(test_encrypt),
		kms_test(test_encrypt_elsewhere),
		kms_test(test_rewrap),
		kms_test(test_rewrap_elsewhere),
		kms_test(test_describe),
		kms_test(test_list_pages),
	};

	return cmocka_run_group_tests_name("kms", tests, NULL, NULL);
}
