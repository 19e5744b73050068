// SPDX-License-Identifier: GPL-2.0-or-later
/* The KMS client against refusals, answers that a sound KMS would not give, and none. */
#include "kms_call.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests_name("kms_refusal", tests, NULL, NULL);
}
