// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "kms/backend.h"
#include "kms/json.h"
#include "text.h"

#define MESSAGE_MAX 200

/* A prefix ending in '*' stands for all codes that begin so; first match counts. */
static const struct {
	const char *code;
	enum evs_class class;
} code_class[] = {
	{ "KMS.01*", EVS_CLASS_KMS_BUSY },
	{ "KMS.0205", EVS_CLASS_CMK_DELETED },
	{ "KMS.0207", EVS_CLASS_CMK_DELETED },
	{ "KMS.0209", EVS_CLASS_CMK_DISABLED },
	{ "KMS.1301", EVS_CLASS_CMK_DISABLED },
	{ "KMS.0210", EVS_CLASS_CMK_PENDING_DELETION },
	{ "KMS.1402", EVS_CLASS_CMK_PENDING_DELETION },
	{ "KMS.0211", EVS_CLASS_DEFAULT_KEY_FORBIDDEN },
	{ "KMS.0301", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0302", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0303", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0304", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0305", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0321", EVS_CLASS_BAD_CREDENTIALS },
	{ "APIGW.03*", EVS_CLASS_BAD_CREDENTIALS },
	{ "KMS.0306", EVS_CLASS_NO_PERMISSION },
	{ "KMS.0307", EVS_CLASS_NO_PERMISSION },
	{ "KMS.0322", EVS_CLASS_NO_PERMISSION },
	{ "KMS.0326", EVS_CLASS_NO_PERMISSION },
	{ "KMS.0327", EVS_CLASS_NO_PERMISSION },
	{ "KMS.0330", EVS_CLASS_NO_PERMISSION },
	{ "EVS.2044", EVS_CLASS_NO_PERMISSION },
	{ "EVS.2055", EVS_CLASS_NO_PERMISSION },
	{ "EVS.2143", EVS_CLASS_NO_PERMISSION },
	{ "EVS.2265", EVS_CLASS_NO_PERMISSION },
	{ "EVS.2040", EVS_CLASS_CMK_DISABLED },
	{ "EVS.2105", EVS_CLASS_CMK_DELETED },
	{ "KMS.1104", EVS_CLASS_ALIAS_EXISTS },
	{ "KMS.1105", EVS_CLASS_QUOTA },
	{ "KMS.2404", EVS_CLASS_QUOTA },
	{ "KMS.2405", EVS_CLASS_QUOTA },
	{ "KMS.2103", EVS_CLASS_TAMPERED },
	{ "KMS.2201", EVS_CLASS_TAMPERED },
	{ "KMS.2203", EVS_CLASS_TAMPERED },
	{ "KMS.2204", EVS_CLASS_TAMPERED },
};

static enum evs_class classify(long status, const char *code)
{
	size_t i, len;

	if (status == 429)	/* whoever it comes from, gateways included */
		return EVS_CLASS_KMS_BUSY;
	for (i = 0; i < sizeof(code_class) / sizeof(code_class[0]); i++) {
		len = strlen(code_class[i].code);
		if (code_class[i].code[len - 1] == '*' ?
		    !strncmp(code, code_class[i].code, len - 1) : !strcmp(code, code_class[i].code))
			return code_class[i].class;
	}
	if (status == 401)
		return EVS_CLASS_BAD_CREDENTIALS;
	if (status == 403)
		return EVS_CLASS_NO_PERMISSION;
	if (status >= 500)
		return EVS_CLASS_KMS_BUSY;
	return *code && status >= 400 ? EVS_CLASS_BAD_REQUEST : EVS_CLASS_PROTOCOL;
}

/* A message too long to be kept is better cut than lost. */
static void get_message(json_object *object, const char *name, char *message)
{
	json_object *value;

	if (json_object_object_get_ex(object, name, &value) &&
	    json_object_is_type(value, json_type_string))
		evs_text_copy(message, MESSAGE_MAX, json_object_get_string(value),
			      (size_t)json_object_get_string_len(value));
}

/*
 * The forms known: the KMS's {"error":{"error_code","error_msg"}}, that of EVS
 * {"error":{"code","message"}}, that of IAM, which has a number as code, and
 * the gateway's, which is flat.
 */
static void parse_body(json_object *root, struct evs_error *err, char *message)
{
	json_object *inner;

	if (evs_json_text(root, "error_code", err->code, sizeof(err->code)) == 0) {
		get_message(root, "error_msg", message);
		evs_json_text(root, "request_id", err->request_id, sizeof(err->request_id));
		return;
	}
	if (!json_object_object_get_ex(root, "error", &inner) ||
	    !json_object_is_type(inner, json_type_object))
		return;
	if (evs_json_text(inner, "error_code", err->code, sizeof(err->code)) == 0) {
		get_message(inner, "error_msg", message);
	} else {
		evs_json_text(inner, "code", err->code, sizeof(err->code));
		get_message(inner, "message", message);
	}
}

int evs_otc_error(long status, const char *body, size_t len, struct evs_error *err)
{
	char message[MESSAGE_MAX] = "";
	enum evs_class class;
	json_object *root;

	err->code[0] = '\0';
	root = evs_json_parse(body, len);
	if (root)
		parse_body(root, err, message);
	json_object_put(root);
	class = classify(status, err->code);
	if (!message[0] && !err->code[0])
		evs_text_copy(message, sizeof(message), body, len);
	if (err->code[0])
		return evs_error_set_class(err, class, "%s", message);
	return evs_error_set_class(err, class, "HTTP status %ld%s%s", status,
				   message[0] ? ": " : "", message);
}
