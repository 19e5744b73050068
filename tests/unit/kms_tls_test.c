// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTPS with certificates on both sides, by the back ends that have it from
 * evs_http: who is let in, who is not, and what each is told.
 */
#include <errno.h>

#include "base64.h"
#include "hex.h"
#include "kms/backend.h"
#include "kms/kms.h"
#include "server.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"

struct fixture {
	char dir[32];
	unsigned int port;
	pid_t server;
	struct evs_config_kms cfg;
	struct evs_secret *dk;
	struct evs_error err;
};

static void set_file(struct fixture *f, const char *key, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(evs_config_set(&f->cfg, key, path), 0);
}

/* The section of a back end as it should be; what it does not need does no harm. */
static void configure(struct fixture *f, const char *backend)
{
	char url[64];

	memset(&f->cfg, 0, sizeof(f->cfg));
	strcpy(f->cfg.name, "cloud");
	f->cfg.ops = evs_kms_backend(backend);
	f->cfg.timeout = 20;
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", f->port);
	assert_int_equal(evs_config_set(&f->cfg, "url", url), 0);
	assert_int_equal(evs_config_set(&f->cfg, "region", "eu-central-1"), 0);
	assert_int_equal(evs_config_set(&f->cfg, "access-key", "AKIDEXAMPLE"), 0);
	set_file(f, "secret-key-file", "secret");
	set_file(f, "token-file", "secret");
	set_file(f, "ca-file", "ca.pem");
	set_file(f, "client-cert-file", "host.pem");
	set_file(f, "client-key-file", "host.key");
}

static void leave_out(struct fixture *f, const char *key)
{
	size_t i, kept = 0;

	for (i = 0; i < f->cfg.options.count; i++)
		if (strcmp(f->cfg.options.list[i].name, key))
			f->cfg.options.list[kept++] = f->cfg.options.list[i];
	f->cfg.options.count = kept;
}

static int set_up(void **state)
{
	char text[EVS_BASE64_LEN(EVS_DK_SIZE) + 1], answer[512];
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned char dk[EVS_DK_SIZE];
	size_t i;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/evs-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (i = 0; i < EVS_DK_SIZE; i++)
		dk[i] = (unsigned char)i;
	evs_base64_encode(text, dk, sizeof(dk));
	/* Of AWS at the outside, of transit within */
	snprintf(answer, sizeof(answer), "{\"Plaintext\":\"%s\",\"CiphertextBlob\":\"AQIDBA==\","
		 "\"KeyId\":\"x\",\"data\":{\"plaintext\":\"%s\",\"ciphertext\":\"vault:v1:a\"}}",
		 text, text);
	put_file(f->dir, "answer", answer, 0);
	put_file(f->dir, "secret", "s3cret\n", 0);
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	assert_non_null(f->dk);
	f->port = free_port();
	f->server = start_peer(f->dir, "https", f->port);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stop_server(f->server);
	remove_tree(f->dir);
	evs_secret_free(f->dk);
	free(f);
	return 0;
}

/* A data key by the section as it is now */
static int ask(struct fixture *f)
{
	struct evs_token token;
	struct evs_kms *kms;
	int ret;

	check_ok(&f->err, evs_kms_open(&kms, &f->cfg, &f->err));
	check_ok(&f->err, evs_token_init(&token, "cloud", CMK, UUID, &f->err));
	memset(f->dk->data, 0xff, EVS_DK_SIZE);
	ret = evs_kms_create_datakey(kms, &token, f->dk, &f->err);
	evs_kms_close(kms);
	return ret;
}

static void assert_refused(struct fixture *f, enum evs_class class, const char *text)
{
	check_fails(&f->err, ask(f), class);
	assert_contains(f->err.text, text);
	assert_wiped(f->dk);
}

static void check_backend(struct fixture *f, const char *backend, const char *asked)
{
	char *command;

	configure(f, backend);
	check_ok(&f->err, ask(f));
	assert_int_equal(f->dk->data[63], 63);
	assert_true(asprintf(&command, "grep -qx 'host POST %s' asked", asked) > 0);
	run(f->dir, command);

	/* Another that the server knows: it is the certificate that says who asks. */
	set_file(f, "client-cert-file", "other.pem");
	set_file(f, "client-key-file", "other.key");
	check_ok(&f->err, ask(f));
	run(f->dir, "grep -q '^other POST ' asked && rm asked");
	free(command);

	/* One that nobody vouches for */
	set_file(f, "client-cert-file", "stranger.pem");
	set_file(f, "client-key-file", "stranger.key");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS, "client-cert-file");
	assert_string_equal(f->err.code, "TLS alert 48");

	/* A server that we do not trust, nor by another name */
	configure(f, backend);
	set_file(f, "ca-file", "stranger.pem");
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE, "see ca-file");
	run(f->dir, "test ! -e asked");
}

static void test_transit(void **state)
{
	check_backend(*state, "transit", "/v1/transit/datakey/plaintext/" CMK);
}

static void test_aws(void **state)
{
	check_backend(*state, "aws", "/");
}

/* Whoever gives the token may ask for the certificate, too, first of all the KMS itself */
static void test_login(void **state)
{
	struct fixture *f = *state;

	configure(f, "otc");
	assert_int_equal(evs_config_set(&f->cfg, "auth", "password"), 0);
	assert_int_equal(evs_config_set(&f->cfg, "domain", "account"), 0);
	assert_int_equal(evs_config_set(&f->cfg, "user", "anna"), 0);
	assert_int_equal(evs_config_set(&f->cfg, "project", "p1"), 0);
	set_file(f, "password-file", "secret");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS, "user anna of account");
	run(f->dir, "grep -q '^host POST /v3/auth/tokens' asked && rm asked");
}

static void test_none(void **state)
{
	struct fixture *f = *state;

	configure(f, "transit");
	leave_out(f, "client-cert-file");
	leave_out(f, "client-key-file");
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS, "certificate required");
	assert_string_equal(f->err.code, "TLS alert 116");
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	char url[64];

	configure(f, "transit");
	set_file(f, "client-cert-file", "nothing.pem");
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE, "client-cert-file");
	configure(f, "transit");
	set_file(f, "client-key-file", "other.key");	/* of another certificate */
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE, "client-key-file");
	configure(f, "transit");
	set_file(f, "ca-file", "nothing.pem");
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE, "ca-file");
	configure(f, "transit");
	snprintf(url, sizeof(url), "https://localhost:%u", f->port);
	assert_int_equal(evs_config_set(&f->cfg, "url", url), 0);
	assert_refused(f, EVS_CLASS_KMS_UNREACHABLE, "TLS: ");
}

/* A private key that others can read is used by no one. */
static void test_open_key(void **state)
{
	struct fixture *f = *state;
	struct evs_kms *kms;

	configure(f, "transit");
	run(f->dir, "chmod 644 host.key");
	assert_int_equal(evs_kms_open(&kms, &f->cfg, &f->err), -EPERM);
	assert_contains(f->err.text, "KMS cloud: client-key-file: ");
	assert_contains(f->err.text, "host.key: open to others (mode 644): it is a secret, run: chmod 600 ");
	run(f->dir, "chmod 640 host.key");
	assert_int_equal(evs_kms_open(&kms, &f->cfg, &f->err), -EPERM);
	run(f->dir, "chmod 600 host.key");
	if (!geteuid()) {
		run(f->dir, "chown 1 host.key");
		assert_int_equal(evs_kms_open(&kms, &f->cfg, &f->err), -EPERM);
		assert_contains(f->err.text, "host.key: belongs to uid 1: ");
		run(f->dir, "chown 0 host.key");
	}
	check_ok(&f->err, ask(f));

	/* The key may stand behind the certificate; then that file is a secret */
	run(f->dir, "cat host.pem host.key >both.pem; chmod 644 both.pem");
	leave_out(f, "client-key-file");
	set_file(f, "client-cert-file", "both.pem");
	assert_int_equal(evs_kms_open(&kms, &f->cfg, &f->err), -EPERM);
	assert_contains(f->err.text, "both.pem: open to others (mode 644)");
	run(f->dir, "chmod 600 both.pem");
	check_ok(&f->err, ask(f));

	/* KMIP has the key from the same place, but a connection of its own */
	configure(f, "kmip");
	run(f->dir, "chmod 644 host.key");
	assert_int_equal(evs_config_set(&f->cfg, "url", "kmip://127.0.0.1"), 0);
	assert_int_equal(evs_kms_open(&kms, &f->cfg, &f->err), -EPERM);
	run(f->dir, "chmod 600 host.key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transit),
		cmocka_unit_test(test_aws),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_open_key),
	};

	return cmocka_run_group_tests_name("kms_tls", tests, set_up, tear_down);
}
