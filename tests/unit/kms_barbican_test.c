// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end barbican against the API server of Debian's Barbican, which this test
 * starts.
 */
#include "kms_barbican.h"

static int set_up(void **state)
{
	struct fixture *f = new_fixture();
	char url[64];

	f->port = free_port();
	f->server = start_peer(f->dir, "barbican", f->port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", f->port);
	set(f, "url", url);
	reopen(f);
	*state = f;
	return 0;
}

/* What this client cannot do is done as another client of Barbican. */
static void other_client(struct fixture *f, const char *what)
{
	char *command;

	assert_true(asprintf(&command, "api() { p=$1; shift; curl -sf "
			     "-H \"X-Project-Id: ${P:-p1}\" "
			     "-H \"Content-Type: ${T:-application/json}\" \"$@\" "
			     "http://127.0.0.1:%u/v1/$p; }; %s", f->port, what) > 0);
	run(f->dir, command);
	free(command);
}

static void test_keys(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk made, found, *cmks;
	size_t count, i, seen = 0;

	make_cmk(f, "db-prod", &made);
	assert_int_equal(made.state, EVS_CMK_STATE_ENABLED);
	assert_true(evs_cmk_is_id(made.id));
	assert_string_equal(made.alias, "db-prod");
	assert_string_equal(made.spec, "AES_256");
	assert_true(made.created > 1600000000);
	assert_int_equal(made.deletion, 0);
	check_ok(&f->err, evs_kms_describe_key(f->kms, "db-prod", &found, &f->err));
	assert_string_equal(found.id, made.id);
	check_ok(&f->err, evs_kms_describe_key(f->kms, made.id, &found, &f->err));
	assert_string_equal(found.alias, "db-prod");
	assert_contains(f->err.request_id, "req-");
	check_fails(&f->err, evs_kms_create_key(f->kms, "db-prod", NULL, &found, &f->err),
		    EVS_CLASS_ALIAS_EXISTS);
	check_fails(&f->err, evs_kms_create_key(f->kms, "new", "words", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "nothing", &found, &f->err),
		    EVS_CLASS_CMK_DELETED);
	check_fails(&f->err, evs_kms_describe_key(f->kms, UUID, &found, &f->err),
		    EVS_CLASS_CMK_DELETED);
	assert_string_equal(f->err.code, "HTTP 404");

	/* Secrets of others: a text, a short key, a name given twice, an end that is set */
	other_client(f, "api secrets -d '{\"name\":\"words\",\"payload\":\"abc\","
			"\"payload_content_type\":\"text/plain\"}' && "
			"for i in 1 2; do api secrets -d '{\"name\":\"twice\"}'; done && "
			"api orders -d '{\"type\":\"key\",\"meta\":{\"name\":\"short\","
			"\"algorithm\":\"aes\",\"bit_length\":128}}' && "
			"api orders -d '{\"type\":\"key\",\"meta\":{\"name\":\"ends\","
			"\"algorithm\":\"AES\",\"bit_length\":256,"
			"\"expiration\":\"2099-01-01T00:00:00\"}}'");
	check_fails(&f->err, evs_kms_describe_key(f->kms, "words", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	check_fails(&f->err, evs_kms_describe_key(f->kms, "short", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "is no symmetric key of AES-256");
	check_fails(&f->err, evs_kms_describe_key(f->kms, "twice", &found, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "several secrets have this name");
	check_ok(&f->err, evs_kms_describe_key(f->kms, "ends", &found, &f->err));
	assert_int_equal(found.deletion, 4070908800);

	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	for (i = 0; i < count; i++) {
		assert_string_equal(cmks[i].spec, "AES_256");
		seen += !strcmp(cmks[i].id, made.id);
	}
	assert_int_equal(count, 2);
	assert_int_equal(seen, 1);
	free(cmks);
}

/* More than fit a page, none twice, none left out. */
static void test_pages(void **state)
{
	struct fixture *f = *state;
	size_t count, before, i, j;
	struct evs_cmk *cmks;

	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &before, &f->err));
	free(cmks);
	other_client(f, "for i in $(seq 60); do api secrets -d '{\"name\":\"many\","
			"\"algorithm\":\"aes\",\"bit_length\":256,"
			"\"secret_type\":\"symmetric\"}'; done");
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_int_equal(count, before + 60);
	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(cmks[i].id, cmks[j].id);
	free(cmks);
}

static void test_wrap(void **state)
{
	struct fixture *f = *state;
	unsigned char first[EVS_DK_SIZE];
	struct evs_token old, token;
	struct evs_cmk cmk, other;

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

	/* The same DK by the same CMK: another wrapping. And by another CMK. */
	f->token = old;
	memcpy(f->dk->data, first, EVS_DK_SIZE);
	assert_unwraps(f);
	token = old;
	check_ok(&f->err, evs_kms_rewrap_datakey(f->kms, &old, &token, &f->err));
	assert_string_not_equal(token.wrapped_dk, old.wrapped_dk);
	f->token = token;
	assert_unwraps(f);
	make_cmk(f, "wrap-too", &other);
	strcpy(token.cmk, other.id);
	check_ok(&f->err, evs_kms_rewrap_datakey(f->kms, &old, &token, &f->err));
	f->token = token;
	assert_unwraps(f);
	strcpy(f->token.cmk, cmk.id);
	assert_refused(f, EVS_CLASS_TAMPERED);
}

/* What Barbican hands out opens it, by somebody else's AES-GCM. */
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
	assert_true(asprintf(&what, "api secrets/%s/payload -H 'Accept: application/octet-stream' "
		"-o key && /usr/bin/python3 -c '"
		"from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n"
		"x = bytes.fromhex; k = open(\"key\", \"rb\").read(); w = x(\"%s\")\n"
		"assert AESGCM(k).decrypt(w[:12], w[12:], x(\"%s\")) == x(\"%s\")'",
		cmk.id, f->token.wrapped_dk, aad, dk) > 0);
	other_client(f, what);
	free(what);
}

static void test_tampered(void **state)
{
	static const size_t at[] = { 0, 23, 24, 151, 152, 183 };	/* IV, ciphertext, tag */
	struct fixture *f = *state;
	struct evs_token good;
	struct evs_cmk cmk;
	size_t i;

	make_cmk(f, "one", &cmk);
	wrap_new(f, cmk.id);
	good = f->token;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		f->token = good;
		f->token.wrapped_dk[at[i]] = good.wrapped_dk[at[i]] == '0' ? '1' : '0';
		assert_refused(f, EVS_CLASS_TAMPERED);
	}
	f->token = good;
	f->token.context.pair[1].value[0] ^= 1;
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token = good;
	f->token.wrapped_dk[182] = '\0';
	assert_refused(f, EVS_CLASS_TAMPERED);
	f->token = good;
	assert_unwraps(f);
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;
	char *what;

	/* A secret whose payload is still to come, and one of another size */
	other_client(f, "api secrets -d '{\"name\":\"early\",\"algorithm\":\"aes\","
			"\"bit_length\":256,\"secret_type\":\"symmetric\"}'");
	check_ok(&f->err, evs_kms_describe_key(f->kms, "early", &cmk, &f->err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_PENDING_IMPORT);
	check_ok(&f->err, evs_token_init(&f->token, "cloud", cmk.id, UUID, &f->err));
	check_fails(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_CMK_NO_MATERIAL);
	assert_true(asprintf(&what, "printf short | T=application/octet-stream api secrets/%s "
			     "-X PUT --data-binary @-", cmk.id) > 0);
	other_client(f, what);
	free(what);
	check_fails(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "the secret has 5 bytes");

	/* Another project's, then deleted */
	make_cmk(f, "late", &cmk);
	wrap_new(f, cmk.id);
	set(f, "project", "p2");
	reopen(f);
	assert_refused(f, EVS_CLASS_NO_PERMISSION);
	assert_string_equal(f->err.code, "HTTP 403");
	set(f, "project", "p1");
	reopen(f);
	assert_unwraps(f);
	assert_true(asprintf(&what, "api secrets/%s -X DELETE", cmk.id) > 0);
	other_client(f, what);
	free(what);
	assert_refused(f, EVS_CLASS_CMK_DELETED);
}

static void test_quota(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	set(f, "project", "p3");
	reopen(f);
	make_cmk(f, "first", &cmk);
	other_client(f, "for i in $(seq 19); do P=p3 api orders -d '{\"type\":"
			"\"key\",\"meta\":{\"algorithm\":\"aes\",\"bit_length\":256}}'; done");
	check_fails(&f->err, evs_kms_create_key(f->kms, "last", NULL, &cmk, &f->err),
		    EVS_CLASS_QUOTA);
	set(f, "project", "p1");
	reopen(f);
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
	reopen(f);
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "KMS cloud: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests_name("kms_barbican", tests, set_up, tear_down);
}
