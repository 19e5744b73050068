// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end kmip against the server of PyKMIP, which this test starts, and
 * against answers that no server should give.
 */
#include <errno.h>
#include <stdbool.h>

#include "hex.h"
#include "kms/kmip/kmip.h"
#include "kms_fixture.h"

/* What this client cannot do is done with the client of PyKMIP. */
static void pykmip(struct fixture *f, const char *what)
{
	char *command;

	assert_true(asprintf(&command, "/usr/bin/python3 -W ignore -c '"
		"from kmip import enums\n"
		"from kmip.pie.client import ProxyKmipClient\n"
		"with ProxyKmipClient(hostname=\"127.0.0.1\", port=%u, cert=\"host.pem\", "
		"key=\"host.key\", ca=\"ca.pem\", ssl_version=\"PROTOCOL_TLSv1_2\") "
		"as c:\n %s'", f->port, what) > 0);
	run(f->dir, command);
	free(command);
}

static void configure(struct fixture *f)
{
	char url[64];

	snprintf(url, sizeof(url), "kmip://127.0.0.1:%u", f->port);
	set(f, "url", url);
	set_file(f, "ca-file", "ca.pem");
	set_file(f, "client-cert-file", "host.pem");
	set_file(f, "client-key-file", "host.key");
}

static int set_up(void **state)
{
	struct fixture *f = fixture_new("kmip", "vault", 20);

	f->port = free_port();
	f->server = start_peer(f->dir, "kmip", f->port);
	configure(f);
	reopen(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

/* ---- against the server ---- */

static void test_keys(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk made, found, *cmks;
	size_t count, i, seen = 0;

	make_cmk(f, "db-prod", &made);
	assert_int_equal(made.state, EVS_CMK_STATE_ENABLED);
	assert_string_equal(made.alias, "db-prod");
	assert_string_equal(made.spec, "AES_256");
	assert_true(made.created > 1600000000);
	check_ok(&f->err, evs_kms_describe_key(f->kms, "db-prod", &found, &f->err));
	assert_string_equal(found.id, made.id);
	check_ok(&f->err, evs_kms_describe_key(f->kms, made.id, &found, &f->err));
	assert_string_equal(found.alias, "db-prod");
	check_fails(&f->err, evs_kms_create_key(f->kms, "db-prod", NULL, &found, &f->err),
		    EVS_CLASS_ALIAS_EXISTS);
	pykmip(f, "c.create(enums.CryptographicAlgorithm.AES, 128, name=\"short\")");
	check_fails(&f->err, evs_kms_describe_key(f->kms, "short", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	check_fails(&f->err, evs_kms_create_key(f->kms, "new", "words", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	pykmip(f, "for i in 1, 2: c.create(enums.CryptographicAlgorithm.AES, 256, name=\"twice\")");
	check_fails(&f->err, evs_kms_describe_key(f->kms, "twice", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	check_fails(&f->err, evs_kms_create_key(f->kms, "twice", NULL, &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "nothing", &found, &f->err),
		    EVS_CLASS_CMK_DELETED);
	assert_string_equal(f->err.code, "KMIP 0x1");
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	for (i = 0; i < count; i++) {
		assert_string_equal(cmks[i].spec, "AES_256");
		seen += !strcmp(cmks[i].id, made.id);
	}
	assert_int_equal(seen, 1);
	free(cmks);
	check_fails(&f->err, evs_kms_disable_key(f->kms, "db-prod", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "only for good");
}

static void test_wrap(void **state)
{
	struct fixture *f = *state;
	unsigned char first[EVS_DK_SIZE];
	struct evs_token old;
	struct evs_cmk cmk;

	make_cmk(f, "wrap", &cmk);
	wrap_new(f, cmk.id);
	assert_int_equal(strlen(f->token.wrapped_dk), 2 * (12 + 64 + 16));
	assert_unwraps(f);
	memcpy(first, f->dk->data, EVS_DK_SIZE);
	old = f->token;
	wrap_new(f, cmk.id);
	assert_memory_not_equal(first, f->dk->data, EVS_DK_SIZE);
	reopen(f);
	assert_unwraps(f);
	check_ok(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_unwraps(f);
	f->token = old;
	memcpy(f->dk->data, first, EVS_DK_SIZE);
	assert_unwraps(f);
}

/* AES-GCM as PyKMIP's server does it is AES-GCM: its key, read out, opens it too. */
static void test_oracle(void **state)
{
	struct fixture *f = *state;
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE];
	char aad[2 * sizeof(digest) + 1], dk[2 * EVS_DK_SIZE + 1], *what;
	struct evs_cmk cmk;

	make_cmk(f, "oracle", &cmk);
	wrap_new(f, cmk.id);
	check_ok(&f->err, evs_context_digest(&f->token.context, digest, &f->err));
	evs_hex_encode(aad, digest, sizeof(digest));
	evs_hex_encode(dk, f->dk->data, EVS_DK_SIZE);
	assert_true(asprintf(&what, "k = c.get(\"%s\").value; x = bytes.fromhex\n "
		"from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n "
		"w = x(\"%s\"); assert AESGCM(k).decrypt(w[:12], w[12:], x(\"%s\")) == x(\"%s\")",
		cmk.id, f->token.wrapped_dk, aad, dk) > 0);
	pykmip(f, what);
	free(what);
}

static void test_tampered(void **state)
{
	struct fixture *f = *state;
	static const size_t at[] = { 0, 23, 24, 151, 152, 183 };	/* IV, ciphertext, tag */
	struct evs_cmk cmk, second;
	struct evs_token good;
	size_t i;

	make_cmk(f, "one", &cmk);
	make_cmk(f, "two", &second);
	wrap_new(f, cmk.id);
	good = f->token;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		f->token = good;
		f->token.wrapped_dk[at[i]] = good.wrapped_dk[at[i]] == '0' ? '1' : '0';
		assert_refused(f, EVS_CLASS_TAMPERED);
	}
	assert_string_equal(f->err.code, "KMIP 0x100");
	f->token = good;
	f->token.context.pair[1].value[0] ^= 1;
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token = good;
	f->token.wrapped_dk[182] = '\0';
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token = good;
	strcpy(f->token.cmk, second.id);
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token = good;
	assert_unwraps(f);
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;
	char *what;

	/* Not activated */
	pykmip(f, "c.create(enums.CryptographicAlgorithm.AES, 256, name=\"early\", "
		  "cryptographic_usage_mask=[enums.CryptographicUsageMask.ENCRYPT, "
		  "enums.CryptographicUsageMask.DECRYPT])");
	check_ok(&f->err, evs_kms_describe_key(f->kms, "early", &cmk, &f->err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_WAITING);
	check_ok(&f->err, evs_token_init(&f->token, "vault", cmk.id, UUID, &f->err));
	check_fails(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_CMK_NO_MATERIAL);
	assert_string_equal(f->err.code, "KMIP 0xC");
	check_ok(&f->err, evs_kms_enable_key(f->kms, "early", &cmk, &f->err));
	check_fails(&f->err, evs_kms_enable_key(f->kms, "early", &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "is enabled already");
	wrap_new(f, cmk.id);
	assert_unwraps(f);

	/* Deactivated, then destroyed */
	assert_true(asprintf(&what, "c.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, "
			     "\"%s\")", cmk.id) > 0);
	pykmip(f, what);
	free(what);
	assert_refused(f, EVS_CLASS_CMK_DISABLED);
	check_ok(&f->err, evs_kms_describe_key(f->kms, "early", &cmk, &f->err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_DISABLED);
	check_fails(&f->err, evs_kms_enable_key(f->kms, "early", &cmk, &f->err),
		    EVS_CLASS_CMK_DISABLED);
	assert_contains(f->err.text, "KMIP deactivates a key for good");
	assert_true(asprintf(&what, "c.destroy(\"%s\")", cmk.id) > 0);
	pykmip(f, what);
	free(what);
	assert_refused(f, EVS_CLASS_CMK_DELETED);
}

static void test_identity(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	make_cmk(f, "mine", &cmk);
	wrap_new(f, cmk.id);

	/* Somebody else */
	set_file(f, "client-cert-file", "other.pem");
	set_file(f, "client-key-file", "other.key");
	reopen(f);
	assert_refused(f, EVS_CLASS_NO_PERMISSION);

	/* A certificate that the server does not trust */
	set_file(f, "client-cert-file", "stranger.pem");
	set_file(f, "client-key-file", "stranger.key");
	reopen(f);
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(f->err.code, "TLS alert");

	/* A server that we do not trust */
	set_file(f, "ca-file", "stranger.pem");
	reopen(f);
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "ca-file");
	set_file(f, "ca-file", "ca.pem");
	set_file(f, "client-cert-file", "nothing.pem");
	reopen(f);
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "client-cert-file");

	set_file(f, "client-cert-file", "host.pem");
	set_file(f, "client-key-file", "host.key");
	reopen(f);
	assert_unwraps(f);
}

static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	make_cmk(f, "gone", &cmk);
	wrap_new(f, cmk.id);
	stop_server(f->server);
	f->server = 0;
	f->cfg.timeout = 2;
	f->kms->cfg.timeout = 2;
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	reopen(f);
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "KMS vault: https://127.0.0.1:");
}

/* ---- without a server ---- */

static void test_classes(void **state)
{
	static const struct {
		enum evs_kmip_op op;
		int64_t reason;
		enum evs_class class;
	} row[] = {
		{ KMIP_OP_DECRYPT, 0x01, EVS_CLASS_CMK_DELETED },
		{ KMIP_OP_DECRYPT, 0x03, EVS_CLASS_BAD_CREDENTIALS },
		{ KMIP_OP_DECRYPT, 0x04, EVS_CLASS_BAD_REQUEST },
		{ KMIP_OP_DECRYPT, 0x07, EVS_CLASS_BAD_REQUEST },
		{ KMIP_OP_DECRYPT, 0x0A, EVS_CLASS_TAMPERED },
		{ KMIP_OP_ENCRYPT, 0x0A, EVS_CLASS_BAD_REQUEST },
		{ KMIP_OP_DECRYPT, 0x0C, EVS_CLASS_NO_PERMISSION },
		{ KMIP_OP_DECRYPT, 0x13, EVS_CLASS_CMK_NO_MATERIAL },
		{ KMIP_OP_DECRYPT, 0x100, EVS_CLASS_TAMPERED },
		{ KMIP_OP_LOCATE, 0x100, EVS_CLASS_KMS_BUSY },
		{ KMIP_OP_ENCRYPT, 0x100, EVS_CLASS_KMS_BUSY },
		{ KMIP_OP_DECRYPT, 0, EVS_CLASS_BAD_REQUEST },
		{ KMIP_OP_DECRYPT, 0x7FFFFFFF, EVS_CLASS_BAD_REQUEST },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (evs_kmip_class(row[i].op, row[i].reason) != row[i].class)
			fail_msg("op 0x%x reason 0x%llx: class %d", row[i].op,
				 (long long)row[i].reason, evs_kmip_class(row[i].op, row[i].reason));
}

#define ITEM(length, rest) "42007B01" length "42007A0100000000" rest
#define STATUS(n) "42007F0500000004" "0000000" n "00000000"
#define OPERATION(n) "42005C0500000004" "000000" n "00000000"

static void test_answers(void **state)
{
	static const struct {
		const char *hex;
		enum evs_class class;
		const char *text;
	} row[] = {
		{ ITEM("00000008", ""), EVS_CLASS_PROTOCOL, "no result" },
		{ "4200780100000000", EVS_CLASS_PROTOCOL, "no response message" },
		{ "42007B0100000008", EVS_CLASS_PROTOCOL, "no response message" },
		{ "42007B0800000000", EVS_CLASS_PROTOCOL, "no response message" },
		{ ITEM("00000010", "42000F0100000000"), EVS_CLASS_PROTOCOL, "no result" },
		{ ITEM("00000020", "42000F0100000010" STATUS("0")), EVS_CLASS_PROTOCOL,
		  "of another operation" },
		{ ITEM("00000030", "42000F0100000020" OPERATION("1F") STATUS("0")),
		  EVS_CLASS_PROTOCOL, "of another operation" },
		{ ITEM("00000030", "42000F0100000020" OPERATION("20") STATUS("0")),
		  EVS_CLASS_PROTOCOL, "no payload" },
		{ ITEM("00000020", "42000F0100000010" STATUS("1")), EVS_CLASS_BAD_REQUEST,
		  "refused" },
		{ ITEM("00000020", "42000F0100000010" STATUS("2")), EVS_CLASS_BAD_REQUEST,
		  "refused" },
		{ ITEM("00000040", "42000F0100000030" STATUS("1")
		       "42007E0500000004" "0000000C00000000"
		       "42007D0700000007" "6E6F1B5B6E6F6F00"), EVS_CLASS_NO_PERMISSION,
		  "permission denied: no [noo" },
	};
	unsigned char data[128];
	struct evs_ttlv payload;
	struct evs_error err;
	ssize_t size;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		err = (struct evs_error){};
		size = evs_hex_decode(data, sizeof(data), row[i].hex, strlen(row[i].hex));
		assert_true(size > 0);
		check_fails(&err, evs_kmip_parse(KMIP_OP_DECRYPT, data, (size_t)size, &payload,
						 &err), row[i].class);
		assert_contains(err.text, row[i].text);
	}
}

static void test_url(void **state)
{
	static const char *const good[] = {
		"kmip://a", "kmip://a.b:5696", "kmip://[::1]", "kmip://[::1]:1", "kmip://127.0.0.1",
	}, *const bad[] = {
		"", "kmip://", "kmip://:1", "kmip://a:", "kmip://a:x", "kmip://[::1", "kmip://a/b",
		"https://a", "kmip://a b", "kmip://u@a", "kmip://[]x", "kmip://a:1/",
	};
	const struct evs_config_key *key = evs_kms_backend("kmip")->keys;
	size_t i;

	(void)state;
	assert_string_equal(key->name, "url");
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!key->valid(good[i]))
			fail_msg("refused: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (key->valid(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest with_server[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_gone),
	};
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_url),
	};
	int failed = cmocka_run_group_tests_name("kms_kmip", alone, NULL, NULL);

	return failed + cmocka_run_group_tests_name("kms_kmip_server", with_server, set_up,
						    tear_down);
}
