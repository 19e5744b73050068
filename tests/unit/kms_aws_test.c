// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end aws: the documented requests and answers. No emulator of AWS KMS
 * is in Debian; that the signature is right is for libcurl.
 */
#include <errno.h>

#include "base64.h"
#include "kms/clock.h"
#include "hex.h"
#include "recorded.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OTHER "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e"
#define UUID "11111111-2222-3333-4444-555555555555"
#define CONTEXT "{\"purpose\":\"evs-dek\",\"volume\":\"" UUID "\"}"
#define REFUSAL(status, type, words) HTTP(status, "{\"__type\":\"" type "\",\"message\":\"" \
	words "\"}")

struct fixture {
	char dir[32];
	struct recorded server;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_secret *dk;
	struct evs_token token;
	struct evs_error err;
	char dk_text[EVS_BASE64_LEN(EVS_DK_SIZE) + 1];
	char answer[512];
};

static void set_path(struct fixture *f, const char *key, const char *prefix, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%s%s/%s", prefix, f->dir, name);
	assert_int_equal(evs_config_set(&f->cfg, key, path), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned char dk[EVS_DK_SIZE];
	size_t i;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/evs-aws-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	recorded_open(&f->server, f->dir);
	put_file(f->dir, "secret", "wJalrXUtnFEMI\n", 0);
	put_file(f->dir, "session", "FQoGZXIvYXdzE\n", 0);
	strcpy(f->cfg.name, "cloud");
	f->cfg.ops = evs_kms_backend("aws");
	f->cfg.timeout = 20;
	set_path(f, "url", "unix:", "sock");
	set_path(f, "secret-key-file", "", "secret");
	set_path(f, "session-token-file", "", "session");
	assert_int_equal(evs_config_set(&f->cfg, "region", "eu-central-1"), 0);
	assert_int_equal(evs_config_set(&f->cfg, "access-key", "AKIDEXAMPLE"), 0);
	check_ok(&f->err, evs_kms_open(&f->kms, &f->cfg, &f->err));
	check_ok(&f->err, evs_token_init(&f->token, "cloud", CMK, UUID, &f->err));
	for (i = 0; i < EVS_DK_SIZE; i++)
		dk[i] = (unsigned char)i;
	evs_base64_encode(f->dk_text, dk, sizeof(dk));
	snprintf(f->answer, sizeof(f->answer), "HTTP/1.1 200 OK\r\nx-amzn-RequestId: req-9\r\n"
		 "Connection: close\r\n\r\n{\"CiphertextBlob\":\"AQIDBA==\",\"KeyId\":"
		 "\"arn:aws:kms:eu-central-1:1:key/" CMK "\",\"Plaintext\":\"%s\"}", f->dk_text);
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

static void assert_request(struct fixture *f, const char *target, const char *body)
{
	const char *request = f->server.request[0], *end = strstr(request, "\r\n\r\n");
	const char *login = strstr(request, "\r\nAuthorization: AWS4-HMAC-SHA256 ");

	assert_ptr_equal(strstr(request, "POST / HTTP/1.1\r\n"), request);
	assert_contains(request, target);
	assert_contains(request, "\r\nContent-Type: application/x-amz-json-1.1\r\n");
	assert_contains(request, "\r\nX-Amz-Security-Token: FQoGZXIvYXdzE\r\n");
	assert_contains(request, "\r\nX-Amz-Date: 20");
	assert_non_null(login);
	assert_contains(login, "Credential=AKIDEXAMPLE/20");
	assert_contains(login, "/eu-central-1/kms/aws4_request");
	assert_contains(login, "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
			"x-amz-target,");
	if (strstr(request, "wJalrXUtnFEMI"))
		fail_msg("the secret key was sent");
	assert_non_null(end);
	assert_string_equal(end + 4, body);
}

static void expect_one(struct fixture *f, const char *answer)
{
	expect(&f->server, answer);
	expect(&f->server, NULL);
}

static void test_datakey(void **state)
{
	struct fixture *f = *state;
	char body[512];

	expect_one(f, f->answer);
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_request(f, "\r\nX-Amz-Target: TrentService.GenerateDataKey\r\n",
		       "{\"KeyId\":\"" CMK "\",\"EncryptionContext\":" CONTEXT
		       ",\"NumberOfBytes\":64}");
	assert_string_equal(f->token.wrapped_dk, "01020304");
	assert_int_equal(f->dk->data[63], 63);

	expect_one(f, f->answer);
	evs_secret_wipe(f->dk);
	check_ok(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_request(f, "\r\nX-Amz-Target: TrentService.Decrypt\r\n",
		       "{\"KeyId\":\"" CMK "\",\"EncryptionContext\":" CONTEXT
		       ",\"CiphertextBlob\":\"AQIDBA==\"}");
	assert_int_equal(f->dk->data[1], 1);
	assert_int_equal(f->dk->data[63], 63);

	expect_one(f, f->answer);
	check_ok(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err));
	snprintf(body, sizeof(body), "{\"KeyId\":\"" CMK "\",\"EncryptionContext\":" CONTEXT
		 ",\"Plaintext\":\"%s\"}", f->dk_text);
	assert_request(f, "\r\nX-Amz-Target: TrentService.Encrypt\r\n", body);
}

static void test_rewrap(void **state)
{
	struct fixture *f = *state;
	struct evs_token new = f->token;

	strcpy(new.cmk, OTHER);
	strcpy(f->token.wrapped_dk, "0A0B");
	expect_one(f, f->answer);
	f->kms->deadline = evs_clock.now_ms() + 5000;
	check_ok(&f->err, f->cfg.ops->rewrap(f->kms, &f->token, &new, &f->err));
	assert_request(f, "\r\nX-Amz-Target: TrentService.ReEncrypt\r\n",
		       "{\"SourceKeyId\":\"" CMK "\",\"SourceEncryptionContext\":" CONTEXT
		       ",\"DestinationKeyId\":\"" OTHER "\",\"DestinationEncryptionContext\":"
		       CONTEXT ",\"CiphertextBlob\":\"Cgs=\"}");
	assert_string_equal(new.wrapped_dk, "01020304");
	assert_string_equal(f->token.wrapped_dk, "0A0B");
}

static void test_describe(void **state)
{
	static const struct {
		const char *answer;
		enum evs_cmk_state state;
	} row[] = {
#define KEY(state) HTTP("200", "{\"KeyMetadata\":{\"KeyId\":\"" CMK "\",\"KeyState\":\"" state \
	"\",\"Description\":\"words\",\"KeySpec\":\"SYMMETRIC_DEFAULT\",\"Origin\":\"EXTERNAL\"," \
	"\"CreationDate\":1.5027E9,\"DeletionDate\":1502800000.25}}")
		{ KEY("Enabled"), EVS_CMK_STATE_ENABLED },
		{ KEY("Disabled"), EVS_CMK_STATE_DISABLED },
		{ KEY("PendingDeletion"), EVS_CMK_STATE_PENDING_DELETION },
		{ KEY("PendingImport"), EVS_CMK_STATE_PENDING_IMPORT },
		{ KEY("Creating"), EVS_CMK_STATE_WAITING },
		{ KEY("Unavailable"), EVS_CMK_STATE_UNKNOWN },
	};
	struct fixture *f = *state;
	struct evs_cmk cmk;
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		expect_one(f, row[i].answer);
		check_ok(&f->err, evs_kms_describe_key(f->kms, "alias/db", &cmk, &f->err));
		assert_int_equal(cmk.state, row[i].state);
		assert_string_equal(cmk.id, CMK);
		assert_string_equal(cmk.description, "words");
		assert_string_equal(cmk.origin, "external");
		assert_int_equal(cmk.created, 1502700000);
		assert_int_equal(cmk.deletion, 1502800000);
	}
	assert_request(f, "\r\nX-Amz-Target: TrentService.DescribeKey\r\n",
		       "{\"KeyId\":\"alias/db\"}");
}

static void test_rotate(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&f->server, KEY("Enabled"));
	expect(&f->server, HTTP("200", "{\"KeyId\":\"" CMK "\"}"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_rotate(f->kms, "alias/db", &cmk, &f->err));
	assert_contains(f->server.request[1],
			"\r\nX-Amz-Target: TrentService.RotateKeyOnDemand\r\n");
	assert_contains(f->server.request[1], "\r\n\r\n{\"KeyId\":\"" CMK "\"}");
	expect(&f->server, KEY("Enabled"));
	expect(&f->server, REFUSAL("400", "AccessDeniedException", "no"));
	expect(&f->server, NULL);
	check_fails(&f->err, evs_kms_rotate(f->kms, "alias/db", &cmk, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	assert_contains(f->err.text, "allow kms:RotateKeyOnDemand");
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk *cmks;
	size_t count;

	expect(&f->server, HTTP("200", "{\"Keys\":[{\"KeyId\":\"" OTHER "\",\"KeyArn\":\"x\"}],"
				"\"Truncated\":true,\"NextMarker\":\"m/1\"}"));
	expect(&f->server, HTTP("200", "{\"Keys\":[{\"KeyId\":\"" CMK "\"}],"
				"\"Truncated\":false}"));
	expect(&f->server, REFUSAL("400", "AccessDeniedException", "no"));
	expect(&f->server, KEY("Disabled"));
	expect(&f->server, NULL);
	check_ok(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err));
	assert_request(f, "\r\nX-Amz-Target: TrentService.ListKeys\r\n", "{\"Limit\":200}");
	assert_contains(f->server.request[1], "\r\n\r\n{\"Limit\":200,\"Marker\":\"m/1\"}");
	assert_contains(f->server.request[2], "\r\n\r\n{\"KeyId\":\"" OTHER "\"}");
	assert_int_equal(count, 2);
	assert_string_equal(cmks[0].id, OTHER);
	assert_int_equal(cmks[0].state, EVS_CMK_STATE_UNKNOWN);
	assert_string_equal(cmks[1].id, CMK);
	assert_int_equal(cmks[1].state, EVS_CMK_STATE_DISABLED);
	free(cmks);

	expect_one(f, HTTP("200", "{\"Keys\":[],\"Truncated\":true,\"NextMarker\":\"x\"}"));
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_PROTOCOL);
	expect_one(f, HTTP("200", "{\"Keys\":[{\"KeyId\":\"a b\"}]}"));
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_PROTOCOL);
	expect_one(f, HTTP("200", "{}"));
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_PROTOCOL);
	expect_one(f, REFUSAL("400", "AccessDeniedException", "no"));
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_NO_PERMISSION);
	assert_contains(f->err.text, "kms:ListKeys");
}

static void test_classes(void **state)
{
	static const struct {
		const char *answer;
		enum evs_class class;
	} row[] = {
		{ REFUSAL("400", "DisabledException", "key is disabled"), EVS_CLASS_CMK_DISABLED },
		{ REFUSAL("400", "DisabledException", "key is pending deletion."),
		  EVS_CLASS_CMK_PENDING_DELETION },
		{ REFUSAL("400", "com.amazonaws.kms#KMSInvalidStateException",
			  "key is pending deletion."), EVS_CLASS_CMK_PENDING_DELETION },
		{ REFUSAL("400", "KMSInvalidStateException", "key is pending import."),
		  EVS_CLASS_CMK_NO_MATERIAL },
		{ REFUSAL("400", "NotFoundException", "no such key"), EVS_CLASS_CMK_DELETED },
		{ REFUSAL("400", "AccessDeniedException", "not authorized"),
		  EVS_CLASS_NO_PERMISSION },
		{ REFUSAL("400", "UnrecognizedClientException", "token is invalid"),
		  EVS_CLASS_BAD_CREDENTIALS },
		{ REFUSAL("400", "InvalidSignatureException", "does not match"),
		  EVS_CLASS_BAD_CREDENTIALS },
		{ REFUSAL("400", "IncorrectKeyException", "x"), EVS_CLASS_WRONG_KEY },
		{ REFUSAL("400", "InvalidCiphertextException", ""), EVS_CLASS_TAMPERED },
		{ REFUSAL("400", "ValidationException", "x"), EVS_CLASS_BAD_REQUEST },
		{ HTTP("400", "<html>"), EVS_CLASS_PROTOCOL },
		{ HTTP("401", "{}"), EVS_CLASS_BAD_CREDENTIALS },
		{ HTTP("403", "{}"), EVS_CLASS_NO_PERMISSION },
		{ HTTP("200", "{}"), EVS_CLASS_PROTOCOL },
		{ HTTP("200", "{\"Plaintext\":\"AAAA\"}"), EVS_CLASS_TAMPERED },
		{ HTTP("200", "{\"Plaintext\":\"AAA\"}"), EVS_CLASS_PROTOCOL },
	};
	struct fixture *f = *state;
	size_t i;

	strcpy(f->token.wrapped_dk, "01020304");
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
	}
	expect_one(f, "HTTP/1.1 400 X\r\nx-amzn-RequestId: req-9\r\nConnection: close\r\n\r\n"
		      "{\"__type\":\"NotFoundException\",\"Message\":\"words\"}");
	check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_CMK_DELETED);
	assert_string_equal(f->err.code, "NotFoundException");
	assert_string_equal(f->err.request_id, "req-9");
	assert_contains(f->err.text, "words");
}

static void test_busy(void **state)
{
	static const char *const answer[] = {
		HTTP("429", "{}"), HTTP("500", "{}"), HTTP("503", "<html>"),
		REFUSAL("400", "ThrottlingException", "x"),
		REFUSAL("400", "KMSInvalidStateException", "key is unavailable"),
	};
	struct fixture *f = *state;
	struct evs_cmk cmk;
	size_t i;

	f->kms->deadline = evs_clock.now_ms() + 5000;
	for (i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
		expect_one(f, answer[i]);
		check_fails(&f->err, f->cfg.ops->describe_key(f->kms, CMK, &cmk, &f->err),
			    EVS_CLASS_KMS_BUSY);
		assert_true(f->err.transient);
	}
}

/* A gateway that has had no answer: what may be asked twice is, a rotation is not */
static void test_gateway(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&f->server, HTTP("502", "<html>"));
	expect(&f->server, HTTP("504", "{}"));
	expect_one(f, KEY("Enabled"));
	check_ok(&f->err, evs_kms_describe_key(f->kms, CMK, &cmk, &f->err));
	expect(&f->server, KEY("Enabled"));
	expect_one(f, HTTP("504", "{}"));
	check_fails(&f->err, evs_kms_rotate(f->kms, CMK, &cmk, &f->err),
		    EVS_CLASS_KMS_UNREACHABLE);
	assert_contains(f->err.text, "HTTP status 504");
}

static void test_odd(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk *cmks, cmk;
	char path[64];
	size_t count;

	expect_one(f, HTTP("200", "{\"Plaintext\":\"AAAA\",\"CiphertextBlob\":\"\"}"));
	check_fails(&f->err, evs_kms_encrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_PROTOCOL);
	assert_contains(f->err.text, "no CiphertextBlob");
	/* One key of a list that fails in another way than that it may not be seen */
	expect(&f->server, HTTP("200", "{\"Keys\":[{\"KeyId\":\"" CMK "\"}]}"));
	expect_one(f, REFUSAL("400", "InvalidSignatureException", "x"));
	check_fails(&f->err, evs_kms_list_keys(f->kms, &cmks, &count, &f->err),
		    EVS_CLASS_BAD_CREDENTIALS);
	/* A blob that is none is not sent, nor is anything without a key to sign by */
	strcpy(f->token.wrapped_dk, "0");
	check_fails(&f->err, evs_kms_decrypt_datakey(f->kms, &f->token, f->dk, &f->err),
		    EVS_CLASS_TAMPERED);
	snprintf(path, sizeof(path), "%s/secret", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(evs_kms_describe_key(f->kms, CMK, &cmk, &f->err), -ENOENT);
	assert_contains(f->err.text, "secret-key-file: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_datakey, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rewrap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_describe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rotate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_classes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gateway, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("kms_aws", tests, NULL, NULL);
}
