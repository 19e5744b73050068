// SPDX-License-Identifier: GPL-2.0-or-later
/* The back end barbican, request by request, against recorded answers, Keystone's among them. */
#include "kms_barbican.h"

#define ID "5ea0a511-4d2d-4e5d-b27b-6c86a1bb8a1c"
#define ORDER "b18afb34-0476-4152-8cae-ecd93fa03437"
#define KEY "0123456789abcdef0123456789ABCDEF"
#define REF(kind, id) "\"http://elsewhere:9311/v1/" kind "s/" id "\""
#define SECRET(rest) "{\"status\":\"ACTIVE\",\"name\":\"db-prod\",\"secret_ref\":" \
	REF("secret", ID) ",\"content_types\":{\"default\":\"application/octet-stream\"}," rest "}"
#define AES "\"secret_type\":\"symmetric\",\"algorithm\":\"AES\",\"bit_length\":256"
#define TOKEN(token) "HTTP/1.1 201 X\r\nX-Subject-Token: " token "\r\nConnection: close\r\n\r\n" \
	"{\"token\":{\"expires_at\":\"2099-11-25T12:00:00.000000Z\"}}"
#define REFUSAL(status, text) HTTP(status, "{\"code\":" status ",\"title\":\"X\"," \
	"\"description\":\"" text "\"}")

static int set_up_recorded(void **state)
{
	struct fixture *f = new_fixture();
	char url[80];

	recorded_open(&recording, f->dir);
	f->cfg.timeout = 20;
	snprintf(url, sizeof(url), "unix:%s", recording.path);
	set(f, "url", url);
	reopen(f);
	check_ok(&f->err, evs_token_init(&f->token, "cloud", ID, UUID, &f->err));
	*state = f;
	return 0;
}

static void assert_request(unsigned int i, const char *line, const char *header)
{
	const char *request = recording.request[i];

	assert_contains(request, line);
	assert_ptr_equal(strstr(request, line), request);
	assert_contains(request, header);
}

static void test_create(void **state)
{
	struct fixture *f = *state;
	struct evs_cmk cmk;

	expect(&recording, HTTP("200", "{\"secrets\":[],\"total\":0}"));
	expect(&recording, HTTP("202", "{\"order_ref\":" REF("order", ORDER) "}"));
	expect(&recording, HTTP("200", "{\"status\":\"PENDING\"}"));
	expect(&recording, HTTP("503", "busy"));
	expect(&recording, HTTP("200", "{\"status\":\"ACTIVE\",\"secret_ref\":"
					 REF("secret", ID) "}"));
	expect(&recording, HTTP("200", SECRET(AES)));
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_create_key(f->kms, "db-prod", NULL, &cmk, &f->err));
	assert_string_equal(cmk.id, ID);
	assert_request(0, "GET /v1/secrets?limit=2&name=db-prod HTTP/1.1\r\n",
		       "\r\nX-Project-Id: p1\r\n");
	assert_request(1, "POST /v1/orders HTTP/1.1\r\n", "\r\n\r\n{\"type\":\"key\",\"meta\":"
		       "{\"name\":\"db-prod\",\"algorithm\":\"aes\",\"bit_length\":256,"
		       "\"payload_content_type\":\"application/octet-stream\"}}");
	assert_request(4, "GET /v1/orders/" ORDER " HTTP/1.1\r\n",
		       "\r\nAccept: application/json\r\n");

	expect(&recording, HTTP("200", "{\"secrets\":[],\"total\":0}"));
	expect(&recording, HTTP("202", "{\"order_ref\":" REF("order", ORDER) "}"));
	expect(&recording, HTTP("200", "{\"status\":\"ERROR\",\"error_reason\":\"no HSM\"}"));
	expect(&recording, NULL);
	check_fails(&f->err, evs_kms_create_key(f->kms, "db-prod", NULL, &cmk, &f->err),
		    EVS_CLASS_BAD_REQUEST);
	assert_contains(f->err.text, "the key could not be made: no HSM");
}

static void test_payload(void **state)
{
	struct fixture *f = *state;

	expect(&recording, HTTP("200", KEY));
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_request(0, "GET /v1/secrets/" ID "/payload HTTP/1.1\r\n",
		       "\r\nAccept: application/octet-stream\r\n");
	expect(&recording, HTTP("200", KEY));
	expect(&recording, NULL);
	assert_unwraps(f);
	strcpy(f->token.cmk, "../../v3/users");
	assert_int_equal(unwrap(f), -EBADMSG);
	assert_contains(f->err.text, "is no CMK id of KMS cloud");
}

static void test_token(void **state)
{
	struct fixture *f = *state;
	char path[64];

	put_file(f->dir, "password", "s3cret\n", 0);
	snprintf(path, sizeof(path), "%s/password", f->dir);
	set(f, "auth", "password");
	set(f, "user", "disks");
	set(f, "domain", "Default");
	set(f, "password-file", path);
	assert_int_equal(f->cfg.ops->check(&f->cfg, &f->err), -EINVAL);
	assert_contains(f->err.text, "iam-url");
	set(f, "iam-url", evs_config_get(&f->cfg, "url"));
	check_ok(&f->err, f->cfg.ops->check(&f->cfg, &f->err));
	reopen(f);

	/* The first one was revoked meanwhile: a second is asked for, once. */
	expect(&recording, TOKEN("one"));
	expect(&recording, HTTP("401", "{\"error\":{\"code\":401,\"message\":\"no\"}}"));
	expect(&recording, TOKEN("two"));
	expect(&recording, HTTP("200", KEY));
	expect(&recording, NULL);
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
	assert_request(0, "POST /v3/auth/tokens?nocatalog=1 HTTP/1.1\r\n",
		       "{\"auth\":{\"identity\":{\"password\":{\"user\":{\"name\":\"disks\","
		       "\"domain\":{\"name\":\"Default\"},\"password\":\"s3cret\"}},"
		       "\"methods\":[\"password\"]},\"scope\":{\"project\":{\"id\":\"p1\"}}}}");
	assert_request(1, "GET /v1/secrets/" ID "/payload HTTP/1.1\r\n",
		       "\r\nX-Auth-Token: one\r\n");
	assert_request(3, "GET /v1/secrets/" ID "/payload HTTP/1.1\r\n",
		       "\r\nX-Auth-Token: two\r\n");
	assert_null(strstr(recording.request[3], "X-Project-Id"));
	expect(&recording, HTTP("200", KEY));
	expect(&recording, NULL);
	assert_unwraps(f);

	reopen(f);
	expect(&recording, HTTP("401", "{\"error\":{\"code\":401,\"message\":\"wrong\"}}"));
	expect(&recording, NULL);
	assert_refused(f, EVS_CLASS_BAD_CREDENTIALS);
	assert_contains(f->err.text, "user disks of Default");
}

/* Status and words of the answer to a fetch, its class; retries end with the time. */
static void test_classes(void **state)
{
	static const struct {
		const char *answer;
		enum evs_class class;
	} row[] = {
		{ REFUSAL("404", "Secret not found."), EVS_CLASS_CMK_DELETED },
		{ REFUSAL("404", "Not Found. Sorry but your secret has no payload."),
		  EVS_CLASS_CMK_NO_MATERIAL },
		{ REFUSAL("404", ""), EVS_CLASS_PROTOCOL },
		{ HTTP("404", "<html>Not Found</html>"), EVS_CLASS_PROTOCOL },
		{ REFUSAL("403", "attempt not allowed"), EVS_CLASS_NO_PERMISSION },
		{ REFUSAL("403", "Creation not allowed because a quota has been reached."),
		  EVS_CLASS_QUOTA },
		{ HTTP("401", "{\"error\":{\"message\":\"words\"}}"), EVS_CLASS_BAD_CREDENTIALS },
		{ REFUSAL("406", "Not Acceptable"), EVS_CLASS_BAD_REQUEST },
		{ HTTP("400", "<html>"), EVS_CLASS_BAD_REQUEST },
		{ HTTP("302", ""), EVS_CLASS_PROTOCOL },
		{ HTTP("200", ""), EVS_CLASS_BAD_REQUEST },
		{ HTTP("200", KEY "x"), EVS_CLASS_BAD_REQUEST },
	};
	struct fixture *f = *state;
	size_t i;

	memset(f->token.wrapped_dk, '0', 2 * (12 + 64 + 16));
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		/* The sentence may ask what the secret is: both get the same answer. */
		expect(&recording, row[i].answer);
		if (row[i].class == EVS_CLASS_CMK_NO_MATERIAL ||
		    row[i].class == EVS_CLASS_NO_PERMISSION ||
		    row[i].class == EVS_CLASS_BAD_REQUEST)
			expect(&recording, row[i].answer);
		expect(&recording, NULL);
		check_fails(&f->err, unwrap(f), row[i].class);
		assert_wiped(f->back);
	}
	for (i = 0; i < 2; i++) {	/* repeated while there is time */
		expect(&recording, i ? HTTP("429", "") : HTTP("500", "x"));
		expect(&recording, HTTP("200", KEY));
		expect(&recording, HTTP("200", SECRET(AES)));
		expect(&recording, NULL);
		assert_refused(f, EVS_CLASS_TAMPERED);
		assert_contains(f->err.text, "CMK db-prod (" ID "): the wrapped key");
	}
}

static void test_answers(void **state)
{
	static const char *const bad[] = {
		"[]", "x", "{}", SECRET("\"secret_ref\":1"),
		"{\"status\":\"ACTIVE\",\"secret_ref\":\"http://a/v1/secrets/..\"," AES "}",
		"{\"status\":\"ACTIVE\",\"secret_ref\":\"" ID "\"," AES "}",
		"{\"secret_ref\":" REF("secret", ID) "," AES "}",
	};
	struct fixture *f = *state;
	char answer[512];
	struct evs_cmk cmk;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(answer, sizeof(answer), HTTP("200", "%s"), bad[i]);
		expect(&recording, answer);
		expect(&recording, NULL);
		check_fails(&f->err, evs_kms_describe_key(f->kms, ID, &cmk, &f->err),
			    EVS_CLASS_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, set_up_recorded, tear_down),
		cmocka_unit_test_setup_teardown(test_payload, set_up_recorded, tear_down),
		cmocka_unit_test_setup_teardown(test_token, set_up_recorded, tear_down),
		cmocka_unit_test_setup_teardown(test_classes, set_up_recorded, tear_down),
		cmocka_unit_test_setup_teardown(test_answers, set_up_recorded, tear_down),
	};

	return cmocka_run_group_tests_name("kms_barbican_calls", tests, NULL, NULL);
}
