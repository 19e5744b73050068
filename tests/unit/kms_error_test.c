// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	{ 503, "<html>Unavailable</html>", EVS_CLASS_KMS_BUSY, "",
	  "HTTP status 503: <html>Unavailable</html>" },
	{ 404, "no\x1bthing\n", EVS_CLASS_PROTOCOL, "", "HTTP status 404: no thing " },
	{ 403, "", EVS_CLASS_NO_PERMISSION, "", "HTTP status 403" },
	{ 400, "{\"error\":[]}", EVS_CLASS_PROTOCOL, "", "HTTP status 400: {\"error\":[]}" },
	{ 302, "{}", EVS_CLASS_PROTOCOL, "", "HTTP status 302: {}" },
	{ 400, "{\"error\":{\"error_code\":\"a code that is much longer than any code could ever be\"}}",
	  EVS_CLASS_PROTOCOL, "", "HTTP status 400: {\"error\":{\"error_code\":"
	  "\"a code that is much longer than any code could ever be\"}}" },
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

/* Every code that the KMS documents, and those of EVS and the gateway that matter. */
static const struct {
	long status;
	const char *code;
	enum evs_class class;
} codes[] = {
	{ 401, "APIGW.0301", EVS_CLASS_BAD_CREDENTIALS },
	{ 401, "APIGW.0302", EVS_CLASS_BAD_CREDENTIALS },
	{ 401, "APIGW.0303", EVS_CLASS_BAD_CREDENTIALS },
	{ 429, "APIGW.0308", EVS_CLASS_KMS_BUSY },
	{ 400, "EVS.1043", EVS_CLASS_BAD_REQUEST },
	{ 400, "EVS.2040", EVS_CLASS_CMK_DISABLED },
	{ 400, "EVS.2041", EVS_CLASS_BAD_REQUEST },
	{ 500, "EVS.2042", EVS_CLASS_KMS_BUSY },
	{ 403, "EVS.2044", EVS_CLASS_NO_PERMISSION },
	{ 403, "EVS.2055", EVS_CLASS_NO_PERMISSION },
	{ 500, "EVS.2105", EVS_CLASS_CMK_DELETED },
	{ 403, "EVS.2143", EVS_CLASS_NO_PERMISSION },
	{ 403, "EVS.2265", EVS_CLASS_NO_PERMISSION },
	{ 500, "KMS.0100", EVS_CLASS_KMS_BUSY },
	{ 500, "KMS.0101", EVS_CLASS_KMS_BUSY },
	{ 500, "KMS.0102", EVS_CLASS_KMS_BUSY },
	{ 500, "KMS.0103", EVS_CLASS_KMS_BUSY },
	{ 503, "KMS.0104", EVS_CLASS_KMS_BUSY },
	{ 400, "KMS.0201", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0202", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0203", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0204", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0205", EVS_CLASS_CMK_DELETED },
	{ 400, "KMS.0206", EVS_CLASS_BAD_REQUEST },
	{ 404, "KMS.0207", EVS_CLASS_CMK_DELETED },
	{ 400, "KMS.0208", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0209", EVS_CLASS_CMK_DISABLED },
	{ 400, "KMS.0210", EVS_CLASS_CMK_PENDING_DELETION },
	{ 400, "KMS.0211", EVS_CLASS_DEFAULT_KEY_FORBIDDEN },
	{ 400, "KMS.0214", EVS_CLASS_BAD_REQUEST },
	{ 405, "KMS.0215", EVS_CLASS_BAD_REQUEST },
	{ 403, "KMS.0301", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0302", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0303", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0304", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0305", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0306", EVS_CLASS_NO_PERMISSION },
	{ 403, "KMS.0307", EVS_CLASS_NO_PERMISSION },
	{ 400, "KMS.0308", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0309", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0310", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0312", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0313", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0319", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.0320", EVS_CLASS_BAD_REQUEST },
	{ 403, "KMS.0321", EVS_CLASS_BAD_CREDENTIALS },
	{ 403, "KMS.0322", EVS_CLASS_NO_PERMISSION },
	{ 400, "KMS.0324", EVS_CLASS_BAD_REQUEST },
	{ 403, "KMS.0326", EVS_CLASS_NO_PERMISSION },
	{ 403, "KMS.0327", EVS_CLASS_NO_PERMISSION },
	{ 403, "KMS.0328", EVS_CLASS_NO_PERMISSION },
	{ 403, "KMS.0330", EVS_CLASS_NO_PERMISSION },
	{ 400, "KMS.1101", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1103", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1104", EVS_CLASS_ALIAS_EXISTS },
	{ 400, "KMS.1105", EVS_CLASS_QUOTA },
	{ 400, "KMS.1201", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1301", EVS_CLASS_CMK_DISABLED },
	{ 400, "KMS.1401", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1402", EVS_CLASS_CMK_PENDING_DELETION },
	{ 400, "KMS.1501", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1601", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1602", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1801", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1901", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.1903", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2001", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2101", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2102", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2103", EVS_CLASS_TAMPERED },
	{ 400, "KMS.2104", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2201", EVS_CLASS_TAMPERED },
	{ 400, "KMS.2202", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2203", EVS_CLASS_TAMPERED },
	{ 400, "KMS.2204", EVS_CLASS_TAMPERED },
	{ 400, "KMS.2401", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2402", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2404", EVS_CLASS_QUOTA },
	{ 400, "KMS.2405", EVS_CLASS_QUOTA },
	{ 400, "KMS.2501", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2502", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2601", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2602", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2603", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2604", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2605", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2606", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2701", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.2901", EVS_CLASS_BAD_REQUEST },
	{ 400, "KMS.3001", EVS_CLASS_BAD_REQUEST },
	{ 404, "KMS.3901", EVS_CLASS_BAD_REQUEST },
};

static void test_codes(void **state)
{
	struct evs_error err;
	char body[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		memset(&err, 0, sizeof(err));
		snprintf(body, sizeof(body),
			 "{\"error\":{\"error_code\":\"%s\",\"error_msg\":\"words\"}}", codes[i].code);
		if (evs_otc_error(codes[i].status, body, strlen(body), &err) !=
		    -evs_class_errno(codes[i].class) || err.class != codes[i].class ||
		    strcmp(err.code, codes[i].code) || strcmp(err.text, "words") ||
		    err.transient != (codes[i].class == EVS_CLASS_KMS_BUSY))
			fail_msg("%s: class %d, code \"%s\", text \"%s\"", codes[i].code, err.class,
				 err.code, err.text);
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
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_request_id),
	};

	return cmocka_run_group_tests_name("kms_error", tests, NULL, NULL);
}
