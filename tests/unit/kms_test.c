// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The KMS client against answers that a sound KMS would not give, and the
 * requests it sends, byte for byte. The peer is a thread that plays a script:
 * one answer for each connection. kmsd_client_test.c has the real daemon.
 */
#include "peer.h"

#include <errno.h>

#include "hex.h"
#include "kms/backend.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OTHER "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e"
#define UUID "11111111-2222-3333-4444-555555555555"

#define ZEROS_16 "00000000000000000000000000000000"
#define ZEROS_64 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
/* SHA-256 of 64 zero bytes, from the API's documentation. */
#define ZEROS_DIGEST "F5A5FD42D16A20302798EF6ED309979B43003D2320D9F0E8EA9831A92759FB4B"
#define KEY_64 ZEROS_16 ZEROS_16 "01" "000000000000000000000000000000" ZEROS_16

#define KEY_INFO(alias, state) HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\"," \
	"\"key_alias\":\"" alias "\",\"key_state\":" state "," \
	"\"default_key_flag\":\"0\",\"creation_date\":\"1638806642000\"," \
	"\"scheduled_deletion_date\":\"1796083200\"}}")

struct fixture {
	struct peer peer;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_secret *dk;
	struct evs_token token;
	struct evs_error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || peer_open(&f->peer))
		return -1;
	strcpy(f->cfg.name, "local");
	f->cfg.ops = evs_kms_backend("otc");
	if (evs_config_set(&f->cfg, "url", f->peer.url) || evs_config_set(&f->cfg, "project", "p1"))
		return -1;
	f->cfg.timeout = 5;
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!f->dk || evs_kms_open(&f->kms, &f->cfg, &f->err) ||
	    evs_token_init(&f->token, "local", CMK, UUID, &f->err))
		return -1;
	*state = f;
	return 0;
}

static void script(struct fixture *f, const char *answer)
{
	peer_script(&f->peer, answer);
}

static void start(struct fixture *f)
{
	peer_start(&f->peer);
}

static void finish(struct fixture *f)
{
	peer_finish(&f->peer);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	peer_close(&f->peer);
	evs_kms_close(f->kms);
	evs_secret_free(f->dk);
	free(f);
	return 0;
}

static void assert_wiped(const struct evs_secret *dk)
{
	static const unsigned char zeros[EVS_DK_SIZE];

	assert_memory_equal(dk->data, zeros, EVS_DK_SIZE);
}

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

/* ---- requests and good answers ---- */

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

/* ---- refusals ---- */

static void test_disabled(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.0209"));
	script(f, KEY_INFO("db-prod", "\"3\""));
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), -EKEYREVOKED);
	finish(f);
	assert_int_equal(f->err.class, EVS_CLASS_CMK_DISABLED);
	assert_string_equal(f->err.code, "KMS.0209");
	assert_string_equal(f->err.request_id, "req-1");
	assert_string_equal(f->err.text, "CMK db-prod (" CMK "): disabled (KMS.0209 words); "
			    "enable it with: evs-setup cmk enable db-prod");
}

static void test_pending_deletion(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("400", "KMS.0210"));
	script(f, KEY_INFO("db-prod", "\"4\""));
	start(f);
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), -EKEYEXPIRED);
	finish(f);
	assert_contains(f->err.text, "CMK db-prod (" CMK "): scheduled for deletion on 2026-12-01 "
			"(KMS.0210 words); cancel with: evs-setup cmk cancel-deletion db-prod, "
			"then enable it");
}

/* The question who it is fails as well: the id has to do. */
static void test_deleted(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("404", "KMS.0207"));
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), -ENOKEY);
	finish(f);
	assert_contains(f->err.text, "CMK " CMK ": no such CMK, or it was deleted (KMS.0207 words)");
	assert_contains(f->err.text, "cannot be read");
}

static void test_no_permission(void **state)
{
	struct fixture *f = *state;

	script(f, ERROR("403", "KMS.0306"));
	script(f, ERROR("403", "KMS.0306"));
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), -EACCES);
	finish(f);
	assert_contains(f->err.text, "CMK " CMK ": no permission (KMS.0306 words)");
	assert_contains(f->err.text, "kms:dek:crypto");
}

/* One code of the KMS stands for several states: the state decides. */
static void test_disable_twice(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	script(f, KEY_INFO("db-prod", "\"3\""));
	script(f, ERROR("400", "KMS.1301"));
	script(f, KEY_INFO("db-prod", "\"3\""));
	start(f);
	assert_int_equal(evs_kms_disable_key(f->kms, "alias/db-prod", &cmk, &f->err), -EINVAL);
	finish(f);
	assert_contains(f->err.text, "is disabled already (KMS.1301 words)");
}

static void test_enable_pending(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	script(f, KEY_INFO("db-prod", "\"4\""));
	script(f, ERROR("400", "KMS.1201"));
	script(f, KEY_INFO("db-prod", "\"4\""));
	start(f);
	assert_int_equal(evs_kms_enable_key(f->kms, "db-prod", &cmk, &f->err), -EKEYEXPIRED);
	finish(f);
	assert_contains(f->err.text, "scheduled for deletion on 2026-12-01");
}

static void test_busy(void **state)
{
	struct fixture *f = *state;

	script(f, "HTTP/1.1 503 X\r\nRetry-After: 3600\r\nX-Request-Id: req-1\r\n\r\n"
	       "{\"error\":{\"error_code\":\"KMS.0104\",\"error_msg\":\"words\"}}");
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), -EAGAIN);
	finish(f);
	assert_contains(f->err.text, "KMS local: cannot answer now (KMS.0104 words)");
}

/* ---- answers that are wrong ---- */

/* Each must be refused, and leave no byte of a key. */
static const struct {
	const char *answer;
	int ret;
	const char *why;
} bad_decrypt[] = {
	{ HTTP("200", "{\"data_key\":\"" KEY_64 "\",\"datakey_length\":\"64\",\"datakey_dgst\":\""
	       ZEROS_DIGEST "\"}"), -EBADMSG, "SHA-256" },
	{ HTTP("200", "{\"data_key\":\"" ZEROS_64 "\",\"datakey_length\":\"32\","
	       "\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"), -EBADMSG, "64 bytes" },
	{ HTTP("200", "{\"data_key\":\"" ZEROS_16 "\",\"datakey_length\":\"64\","
	       "\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"), -EBADMSG, "64 bytes" },
	{ HTTP("200", "{\"data_key\":\"" ZEROS_64 "01\",\"datakey_length\":\"64\","
	       "\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"), -EBADMSG, "64 bytes" },
	{ HTTP("200", "{\"data_key\":\"" KEY_64 "\",\"datakey_length\":\"64\"}"), -EPROTO,
	  "datakey_dgst" },
	{ HTTP("200", "{\"data_key\":\"" KEY_64 "\",\"datakey_dgst\":\"" ZEROS_DIGEST "\"}"),
	  -EPROTO, "datakey_length" },
	{ HTTP("200", "{\"plain_text\":\"" KEY_64 "\"}"), -EPROTO, "no data key" },
	{ HTTP("200", "{\"data_key\":\"" KEY_64 "\",\"data_key\":\"" KEY_64 "\"}"), -EPROTO,
	  "no data key" },
	{ HTTP("200", "{\"data_key\":\"" KEY_64 "\""), -EPROTO, "no JSON" },
	{ HTTP("200", ""), -EPROTO, "no data key" },
	{ HTTP("200", "<html>"), -EPROTO, "no data key" },
	{ HTTP("301", "{}"), -EPROTO, "HTTP status 301" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, "not HTTP" },
	{ "", -EHOSTUNREACH, "KMS local" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", -EHOSTUNREACH, "KMS local" },
};

static void test_bad_decrypt(void **state)
{
	struct fixture *f = *state;
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(bad_decrypt) / sizeof(bad_decrypt[0]); i++) {
		peer_reset(&f->peer);
		/* A refusal that concerns the CMK is followed by the question who it is. */
		script(f, bad_decrypt[i].answer);
		if (bad_decrypt[i].ret == -EBADMSG)
			script(f, KEY_INFO("db-prod", "\"2\""));
		start(f);
		memset(f->dk->data, 0xff, EVS_DK_SIZE);
		ret = evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err);
		if (ret != bad_decrypt[i].ret || !strstr(f->err.text, bad_decrypt[i].why))
			fail_msg("%s: %d \"%s\"", bad_decrypt[i].answer, ret, f->err.text);
		pthread_join(f->peer.thread, NULL);
		assert_wiped(f->dk);
	}
}

static void test_bad_create(void **state)
{
	struct fixture *f = *state;

	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"plain_text\":\"" ZEROS_64 "\","
		       "\"cipher_text\":\"0200\"}"));
	script(f, HTTP("200", "{\"key_id\":\"" OTHER "\",\"plain_text\":\"" KEY_64 "\","
		       "\"cipher_text\":\"0200\"}"));
	script(f, HTTP("200", "{\"key_id\":\"" CMK "\",\"plain_text\":\"" KEY_64 "\"}"));
	start(f);
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), -EPROTO);
	assert_contains(f->err.text, "equal halves");
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), -EPROTO);
	assert_contains(f->err.text, "another CMK");
	assert_int_equal(evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err), -EPROTO);
	assert_contains(f->err.text, "no cipher_text");
	finish(f);
	assert_wiped(f->dk);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	char *answer = calloc(1, 100000);

	assert_non_null(answer);
	strcpy(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	memset(answer + strlen(answer), ' ', 90000);
	script(f, answer);
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err), -EPROTO);
	finish(f);
	assert_contains(f->err.text, "longer than 65536 bytes");
	free(answer);
}

static void test_endless_list(void **state)
{
	static const char page[] = HTTP("200", "{\"key_details\":[{\"key_id\":\"" CMK "\","
					"\"key_state\":\"2\"}],\"next_marker\":\"1\","
					"\"truncated\":\"true\"}");
	struct fixture *f = *state;
	struct evs_cmk *cmks;
	size_t count;

	script(f, page);
	script(f, page);
	start(f);
	assert_int_equal(evs_kms_list_keys(f->kms, &cmks, &count, &f->err), -EPROTO);
	finish(f);
	assert_null(cmks);
	assert_int_equal(count, 0);
}

/* ---- no answer ---- */

static void test_timeout(void **state)
{
	struct fixture *f = *state;

	evs_kms_close(f->kms);
	f->cfg.timeout = 2;
	assert_int_equal(evs_kms_open(&f->kms, &f->cfg, &f->err), 0);
	script(f, NULL);
	start(f);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
			 -EHOSTUNREACH);
	finish(f);
	assert_contains(f->err.text, "no answer within 2 s");
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;

	unlink(f->peer.path);
	assert_int_equal(evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
			 -EHOSTUNREACH);
	assert_int_equal(f->err.class, EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "KMS local: ");
	assert_contains(f->err.text, f->peer.path);
	assert_contains(f->err.text, "No such file");
}

/* Refused here already: nothing is sent. */
static void test_bad_references(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	assert_int_equal(evs_kms_describe_key(f->kms, "", &cmk, &f->err), -EINVAL);
	assert_int_equal(evs_kms_describe_key(f->kms, "a b", &cmk, &f->err), -EINVAL);
	assert_int_equal(evs_kms_describe_key(f->kms, "alias/", &cmk, &f->err), -EINVAL);
	assert_int_equal(evs_kms_create_key(f->kms, CMK, NULL, &cmk, &f->err), -EINVAL);
	assert_true(evs_cmk_is_id(CMK));
	assert_false(evs_cmk_is_id("0D0466B0-e727-4d9c-b35d-f84bb474a37f"));
	assert_false(evs_cmk_is_id("0d0466b00e727-4d9c-b35d-f84bb474a37f"));
}

#define kms_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
		kms_test(test_disabled),
		kms_test(test_pending_deletion),
		kms_test(test_deleted),
		kms_test(test_no_permission),
		kms_test(test_disable_twice),
		kms_test(test_enable_pending),
		kms_test(test_busy),
		kms_test(test_bad_decrypt),
		kms_test(test_bad_create),
		kms_test(test_too_long),
		kms_test(test_endless_list),
		kms_test(test_timeout),
		kms_test(test_nobody_listens),
		kms_test(test_bad_references),
	};

	return cmocka_run_group_tests_name("kms", tests, NULL, NULL);
}
