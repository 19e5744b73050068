// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end transit: the documented requests, header by header, and the
 * documented answers. There is no server of Vault or OpenBao in Debian.
 */
#include <errno.h>

#include "base64.h"
#include "hex.h"
#include "kms/clock.h"
#include "recorded.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define CIPHERTEXT "vault:v1:abcd/+EF=="
#define ERRORS(status, text) HTTP(status, "{\"errors\":[\"" text "\"]}")

struct fixture {
	char dir[32];
	struct recorded server;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_secret *dk;
	struct evs_token token;
	struct evs_error err;
	char aad[64];
	char dk_text[EVS_BASE64_LEN(EVS_DK_SIZE) + 1];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], dk[EVS_DK_SIZE];
	char url[80];
	size_t i;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/evs-transit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	recorded_open(&f->server, f->dir);
	put_file(f->dir, "token", "s.secret\n", 0);
	strcpy(f->cfg.name, "bao");
	f->cfg.ops = evs_kms_backend("transit");
	f->cfg.timeout = 20;
	snprintf(url, sizeof(url), "unix:%s", f->server.path);
	assert_int_equal(evs_config_set(&f->cfg, "url", url), 0);
	snprintf(url, sizeof(url), "%s/token", f->dir);
	assert_int_equal(evs_config_set(&f->cfg, "token-file", url), 0);
	assert_int_equal(evs_config_set(&f->cfg, "namespace", "team/a"), 0);
	check_ok(&f->err, evs_kms_open(&f->kms, &f->cfg, &f->err));
	check_ok(&f->err, evs_token_init(&f->token, "bao", "disks", UUID, &f->err));
	check_ok(&f->err, evs_context_digest(&f->token.context, digest, &f->err));
	evs_base64_encode(f->aad, digest, sizeof(digest));
	for (i = 0; i < EVS_DK_SIZE; i++)
		dk[i] = (unsigned char)i;
	evs_base64_encode(f->dk_text, dk, sizeof(dk));
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	assert_non_null(f->dk);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	recorded_close(&f->server);
	evs_kms_close(f->kms);
	evs_secret_free(f->dk);
	remove_tree(f->dir);
	free(f);
	return 0;
}

static void assert_request(struct fixture *f, const char *line, const char *body)
{
	const char *request = f->server.request[0], *end = strstr(request, "\r\n\r\n");

	assert_contains(request, line);
	assert_ptr_equal(strstr(request, line), request);
	assert_contains(request, "\r\nX-Vault-Token: s.secret\r\n");
	assert_contains(request, "\r\nX-Vault-Namespace: team/a\r\n");
	assert_contains(request, "\r\nX-Vault-Request: true\r\n");
	assert_non_null(end);
	assert_string_equal(end + 4, body);
}

static void test_datakey(void **state)
{
	struct fixture *f = *state;
	char answer[512], body[512];

	snprintf(answer, sizeof(answer), HTTP("200", "{\"request_id\":\"x\",\"data\":{"
		 "\"ciphertext\":\"" CIPHERTEXT "\",\"key_version\":1,\"plaintext\":\"%s\"}}"),
		 f->dk_text);
	expect(&f->server, answer);
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
	snprintf(body, sizeof(body), "{\"bits\":512,\"associated_data\":\"%s\"}", f->aad);
	assert_request(f, "POST /v1/transit/datakey/plaintext/disks HTTP/1.1\r\n", body);
	assert_int_equal(f->dk->data[63], 63);

	/* What was stored is given back as it was */
	expect(&f->server, answer);
	expect(&f->server, NULL);
	evs_secret_wipe(f->dk);
	check_ok(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err));
	snprintf(body, sizeof(body), "{\"ciphertext\":\"" CIPHERTEXT
		 "\",\"associated_data\":\"%s\"}", f->aad);
	assert_request(f, "POST /v1/transit/decrypt/disks HTTP/1.1\r\n", body);
	assert_int_equal(f->dk->data[1], 1);
	assert_int_equal(f->dk->data[63], 63);

	expect(&f->server, answer);
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err));
	snprintf(body, sizeof(body), "{\"plaintext\":\"%s\",\"associated_data\":\"%s\"}",
		 f->dk_text, f->aad);
	assert_request(f, "POST /v1/transit/encrypt/disks HTTP/1.1\r\n", body);
}

static void test_describe(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&f->server, HTTP("200", "{\"data\":{\"type\":\"aes256-gcm96\","
				  "\"soft_deleted\":true,\"keys\":{\"1\":1442851412}}}"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_describe_key(f->kms, "disks", &cmk, &f->err));
	assert_request(f, "GET /v1/transit/keys/disks HTTP/1.1\r\n", "");
	assert_int_equal(cmk.state, EVS_CMK_STATE_DISABLED);
	expect(&f->server, HTTP("200", "{\"data\":{\"type\":\"rsa-2048\"}}"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "disks", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
}

#define A_KEY(type) HTTP("200", "{\"data\":{\"type\":\"" type "\"}}")
static void test_create(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&f->server, ERRORS("404", ""));
	expect(&f->server, HTTP("204", ""));
	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_create_key(f->kms, "disks", NULL, &cmk, &f->err));
	assert_string_equal(cmk.id, "disks");
	assert_contains(f->server.request[1], "POST /v1/transit/keys/disks HTTP/1.1\r\n");
	assert_contains(f->server.request[1], "\r\n\r\n{\"type\":\"aes256-gcm96\"}");
	/* One that is there, or perhaps is: it is not overwritten */
	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_create_key(f->kms, "disks", NULL, &cmk, &f->err),
		    EVS_CLASS_ALIAS_EXISTS);
	expect(&f->server, ERRORS("403", "permission denied"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_create_key(f->kms, "disks", NULL, &cmk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	check_fails(&f->err, evs_kms_create_key(f->kms, "disks", "text", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "has no description");
}

static void test_rotate(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, HTTP("204", ""));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_rotate(f->kms, "disks", &cmk, &f->err));
	assert_string_equal(cmk.id, "disks");
	assert_contains(f->server.request[1], "POST /v1/transit/keys/disks/rotate HTTP/1.1\r\n");
	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, ERRORS("403", "permission denied"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_rotate(f->kms, "disks", &cmk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	assert_contains(f->err.text, "update on transit/keys/disks/rotate");
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk *cmks;
	size_t count;

	expect(&f->server, HTTP("200", "{\"data\":{\"keys\":[\"a\",\"sign\",\"../x\",\"b\",\"c\"]}}"));
	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, A_KEY("ed25519"));
	expect(&f->server, ERRORS("403", "permission denied"));
	expect(&f->server, A_KEY("aes256-gcm96"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_request(f, "GET /v1/transit/keys?list=true HTTP/1.1\r\n", "");
	assert_int_equal(count, 3);
	assert_string_equal(cmks[0].id, "a");
	assert_int_equal(cmks[0].state, EVS_CMK_STATE_ENABLED);
	assert_string_equal(cmks[1].id, "b");
	assert_int_equal(cmks[1].state, EVS_CMK_STATE_UNKNOWN);
	assert_string_equal(cmks[2].id, "c");
	free(cmks);

	/* None is told by a 404; a mount that is none, too, but in words */
	expect(&f->server, HTTP("404", "{\"errors\":[]}"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_int_equal(count, 0);
	free(cmks);
	expect(&f->server, ERRORS("404", "no handler for route"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_CMK_DELETED);
	expect(&f->server, HTTP("404", "<html>"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_CMK_DELETED);
	expect(&f->server, HTTP("200", "{\"data\":{}}"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_PROTOCOL);
}

/* Status and words of the answer to a decrypt, its class. Retries end with the time. */
static void test_classes(void **state)
{
	static const struct {
		const char *answer;
		enum evs_class class;
	} row[] = {
		{ ERRORS("400", "encryption key not found"), EVS_CLASS_CMK_DELETED },
		{ ERRORS("404", ""), EVS_CLASS_CMK_DELETED },
		{ ERRORS("400", "key is soft deleted"), EVS_CLASS_CMK_DISABLED },
		{ ERRORS("400", "cipher: message authentication failed"), EVS_CLASS_TAMPERED },
		{ ERRORS("400", "invalid ciphertext: no prefix"), EVS_CLASS_TAMPERED },
		{ ERRORS("400", "ciphertext version is disallowed by policy (too old)"),
		  EVS_CLASS_CMK_NO_MATERIAL },
		{ ERRORS("400", "something else"), EVS_CLASS_BAD_REQUEST },
		{ ERRORS("403", "permission denied"), EVS_CLASS_NO_PERMISSION },
		{ ERRORS("403", "bad token"), EVS_CLASS_BAD_CREDENTIALS },
		{ ERRORS("401", "missing client token"), EVS_CLASS_BAD_CREDENTIALS },
		{ HTTP("200", "{\"data\":{}}"), EVS_CLASS_PROTOCOL },
		{ HTTP("200", "{\"data\":{\"plaintext\":\"AAAA\"}}"), EVS_CLASS_TAMPERED },
		{ HTTP("200", "{\"data\":{\"plaintext\":\"!\"}}"), EVS_CLASS_PROTOCOL },
	};
	struct fixture *f = *state;
	size_t i;

	evs_hex_encode(f->token.wrapped_dk, CIPHERTEXT, strlen(CIPHERTEXT));
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		/* The sentence may ask for the key's state: both get the same answer. */
		expect(&f->server, row[i].answer);
		if (row[i].class != EVS_CLASS_CMK_DELETED && row[i].class != EVS_CLASS_PROTOCOL &&
		    row[i].class != EVS_CLASS_BAD_CREDENTIALS)
			expect(&f->server, row[i].answer);
		expect(&f->server, NULL);
		check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
			    row[i].class);
		assert_wiped(f->dk);
		assert_string_equal(f->err.request_id, "req-1");
	}
}

/* What may pass is told as such; the client would ask again. */
static void test_busy(void **state)
{
	static const char *const answer[] = {
		ERRORS("412", ""), ERRORS("429", ""), ERRORS("472", ""), ERRORS("473", ""),
		ERRORS("500", ""), ERRORS("503", "Vault is sealed"),
	};
	struct fixture *f = *state;
	struct evs_cmk cmk;
	size_t i;

	f->kms->deadline = evs_clock.now_ms() + 5000;
	for (i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
		expect(&f->server, answer[i]);
		expect(&f->server, NULL);
		check_fails(&f->err, f->cfg.ops->describe_key(f->kms, "disks", &cmk, &f->err),
			    EVS_CLASS_KMS_BUSY);
		assert_true(f->err.transient);
	}
}

static void test_odd_answers(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk, *cmks;
	char path[64];
	size_t count;

	expect(&f->server, HTTP("200", "{\"data\":{}}"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "disks", &cmk, &f->err),
		    EVS_CLASS_PROTOCOL);
	assert_contains(f->err.text, "no type of the key");
	expect(&f->server, HTTP("200", "{\"data\":{\"ciphertext\":\"x\",\"plaintext\":\"AAAA\"}}"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_PROTOCOL);
	assert_contains(f->err.text, "no ciphertext");
	/* A key of the list that cannot be asked for in any other way than it may not */
	expect(&f->server, HTTP("200", "{\"data\":{\"keys\":[\"a\"]}}"));
	expect(&f->server, ERRORS("401", "missing client token"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_BAD_CREDENTIALS);
	snprintf(path, sizeof(path), "%s/token", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(evs_kms_describe_key(f->kms, "disks", &cmk, &f->err), -ENOENT);
	assert_contains(f->err.text, "token-file: ");
	assert_int_equal(evs_kms_list_keys(f->kms, &cmks, &count, &f->err), -ENOENT);
}

static void test_not_sent(void **state)
{
	static const char *const name[] = { "..", "a/b", "a?b", "%2e" };
	struct fixture *f = *state;
	struct evs_cmk cmk;
	size_t i;

	check_fails(&f->err, evs_kms_describe_key(f->kms, "", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	evs_hex_encode(f->token.wrapped_dk, CIPHERTEXT, strlen(CIPHERTEXT));
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		strcpy(f->token.cmk, name[i]);
		check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
			    EVS_CLASS_BAD_REQUEST);
	}
	strcpy(f->token.cmk, "disks");
	evs_hex_encode(f->token.wrapped_dk, "vault:v1:\"", 10);
	check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_TAMPERED);
}

static void test_base64(void **state)
{
	/* RFC 4648, 10 */
	static const char *const row[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	}, *const bad[] = { "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg=a", "Zm 9", "Zm9\n" };
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		evs_base64_encode(text, row[i][0], strlen(row[i][0]));
		assert_string_equal(text, row[i][1]);
		assert_int_equal(evs_base64_decode(text, strlen(row[i][0]), row[i][1],
						   strlen(row[i][1])), strlen(row[i][0]));
		assert_memory_equal(text, row[i][0], strlen(row[i][0]));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (evs_base64_decode(text, sizeof(text), bad[i], strlen(bad[i])) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(evs_base64_decode(text, 2, "Zm9v", 4), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_datakey, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_describe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_create, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rotate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_classes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_sent, set_up, tear_down),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests_name("kms_transit", tests, NULL, NULL);
}
