// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kms/backend.h"

/* Every form of body, every class. */
static const struct {
	long status;
	const char *body;
	enum evs_class class;
	const char *code;
	const char *text;
} cases[] = {
	/* the KMS */
	{ 400, "{\"error\":{\"error_code\":\"KMS.0209\",\"error_msg\":\"The key is disabled.\"}}",
	  EVS_CLASS_CMK_DISABLED, "KMS.0209", "The key is disabled." },
	{ 400, "{\"error\":{\"error_code\":\"KMS.1301\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_CMK_DISABLED, "KMS.1301", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.0210\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_CMK_PENDING_DELETION, "KMS.0210", "m" },
	{ 404, "{\"error\":{\"error_code\":\"KMS.0207\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_CMK_DELETED, "KMS.0207", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.0205\"}}",
	  EVS_CLASS_CMK_DELETED, "KMS.0205", "" },
	{ 403, "{\"error\":{\"error_code\":\"KMS.0306\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_NO_PERMISSION, "KMS.0306", "m" },
	{ 403, "{\"error\":{\"error_code\":\"KMS.0303\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_BAD_CREDENTIALS, "KMS.0303", "m" },
	{ 500, "{\"error\":{\"error_code\":\"KMS.0102\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_KMS_BUSY, "KMS.0102", "m" },
	{ 503, "{\"error\":{\"error_code\":\"KMS.0104\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_KMS_BUSY, "KMS.0104", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.2203\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_TAMPERED, "KMS.2203", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.0211\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_DEFAULT_KEY_FORBIDDEN, "KMS.0211", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.1104\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_ALIAS_EXISTS, "KMS.1104", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.1105\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_QUOTA, "KMS.1105", "m" },
	{ 400, "{\"error\":{\"error_code\":\"KMS.0208\",\"error_msg\":\"m\"}}",
	  EVS_CLASS_BAD_REQUEST, "KMS.0208", "m" },
	/* EVS and ECS */
	{ 403, "{\"error\":{\"code\":\"EVS.2143\",\"message\":\"Create an agency first.\"}}",
	  EVS_CLASS_NO_PERMISSION, "EVS.2143", "Create an agency first." },
	/* IAM, whose code is a number */
	{ 401, "{\"error\":{\"code\":401,\"message\":\"The token expired.\",\"title\":\"T\"}}",
	  EVS_CLASS_BAD_CREDENTIALS, "401", "The token expired." },
	/* the gateway: flat */
	{ 401, "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"Incorrect IAM information\","
	       "\"request_id\":\"r1\"}",
	  EVS_CLASS_BAD_CREDENTIALS, "APIGW.0301", "Incorrect IAM information" },
	{ 429, "{\"error_code\":\"APIGW.0308\",\"error_msg\":\"throttled\"}",
	  EVS_CLASS_KMS_BUSY, "APIGW.0308", "throttled" },
	/* none of these */
	{ 502, "<html>Bad Gateway</html>", EVS_CLASS_KMS_BUSY, "",
	  "HTTP status 502: <html>Bad Gateway</html>" },
	{ 404, "no\x1bthing\n", EVS_CLASS_PROTOCOL, "", "HTTP status 404: no thing " },
	{ 403, "", EVS_CLASS_NO_PERMISSION, "", "HTTP status 403" },
	{ 400, "{\"error\":[]}", EVS_CLASS_PROTOCOL, "", "HTTP status 400: {\"error\":[]}" },
	{ 302, "{}", EVS_CLASS_PROTOCOL, "", "HTTP status 302: {}" },
	{ 400, "{\"error\":{\"error_code\":\"a code that is far too long\"}}", EVS_CLASS_PROTOCOL,
	  "", "HTTP status 400: {\"error\":{\"error_code\":\"a code that is far too long\"}}" },
};

static void test_bodies(void **state)
{
	struct evs_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&err, 0, sizeof(err));
		if (evs_otc_error(cases[i].status, cases[i].body, strlen(cases[i].body), &err) !=
		    -evs_class_errno(cases[i].class) || err.class != cases[i].class ||
		    strcmp(err.code, cases[i].code) || strcmp(err.text, cases[i].text))
			fail_msg("%s: class %d, code \"%s\", text \"%s\"", cases[i].body,
				 err.class, err.code, err.text);
	}
}

static void test_request_id(void **state)
{
	static const char body[] = "{\"error_code\":\"APIGW.0301\",\"request_id\":\"r1\"}";
	struct evs_error err = {};

	(void)state;
	evs_otc_error(401, body, strlen(body), &err);
	assert_string_equal(err.request_id, "r1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_request_id),
	};

	return cmocka_run_group_tests_name("kms_error", tests, NULL, NULL);
}
