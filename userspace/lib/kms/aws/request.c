// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to AWS KMS, signed by libcurl, and what it answers when it refuses */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "kms/aws/private.h"
#include "kms/json.h"
#include "text.h"

/* ---- refusals ---- */

static const struct {
	const char *type;
	enum evs_class class;
} exceptions[] = {
	{ "DisabledException", EVS_CLASS_CMK_DISABLED },
	{ "NotFoundException", EVS_CLASS_CMK_DELETED },
	{ "AccessDeniedException", EVS_CLASS_NO_PERMISSION },
	{ "UnrecognizedClientException", EVS_CLASS_BAD_CREDENTIALS },
	{ "InvalidSignatureException", EVS_CLASS_BAD_CREDENTIALS },
	{ "IncompleteSignatureException", EVS_CLASS_BAD_CREDENTIALS },
	{ "MissingAuthenticationTokenException", EVS_CLASS_BAD_CREDENTIALS },
	{ "ExpiredTokenException", EVS_CLASS_BAD_CREDENTIALS },
	{ "InvalidClientTokenId", EVS_CLASS_BAD_CREDENTIALS },
	{ "IncorrectKeyException", EVS_CLASS_WRONG_KEY },
	{ "InvalidCiphertextException", EVS_CLASS_TAMPERED },
	{ "AlreadyExistsException", EVS_CLASS_ALIAS_EXISTS },
	{ "LimitExceededException", EVS_CLASS_QUOTA },
	{ "KMSInternalException", EVS_CLASS_KMS_BUSY },
	{ "DependencyTimeoutException", EVS_CLASS_KMS_BUSY },
	{ "KeyUnavailableException", EVS_CLASS_KMS_BUSY },
	{ "ThrottlingException", EVS_CLASS_KMS_BUSY },
};

static enum evs_class classify(long status, const char *type, const char *message)
{
	size_t i;

	/* Both may stand for a key that awaits its deletion. */
	if (!strcmp(type, "KMSInvalidStateException") || !strcmp(type, "DisabledException")) {
		if (strcasestr(message, "pending deletion"))
			return EVS_CLASS_CMK_PENDING_DELETION;
		if (strcasestr(message, "pending import"))
			return EVS_CLASS_CMK_NO_MATERIAL;
		return strcasestr(message, "unavailable") ? EVS_CLASS_KMS_BUSY :
		       EVS_CLASS_CMK_DISABLED;
	}
	for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (!strcmp(type, exceptions[i].type))
			return exceptions[i].class;
	if (status == 429 || status >= 500)
		return EVS_CLASS_KMS_BUSY;
	if (status == 401)
		return EVS_CLASS_BAD_CREDENTIALS;
	if (status == 403)
		return EVS_CLASS_NO_PERMISSION;
	return *type && status >= 400 ? EVS_CLASS_BAD_REQUEST : EVS_CLASS_PROTOCOL;
}

static int refused(const struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len);
	char full[128], message[200];
	const char *type;
	enum evs_class class;

	evs_json_text(root, "__type", full, sizeof(full));
	type = strrchr(full, '#') ? strrchr(full, '#') + 1 : full;
	if (evs_json_text(root, "message", message, sizeof(message)))
		evs_json_text(root, "Message", message, sizeof(message));
	json_object_put(root);
	class = classify(answer->status, type, message);
	if (*type)
		snprintf(err->code, sizeof(err->code), "%.*s", (int)sizeof(err->code) - 1, type);
	else
		snprintf(err->code, sizeof(err->code), "HTTP %ld", answer->status);
	return evs_error_set_class(err, class, "%s", message);
}

int evs_aws_bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "AWS KMS: bad answer: %s", why);
}

/* ---- requests ---- */

/* "@prefix@the line of a file", in locked memory. */
static struct evs_secret *with_file(struct evs_kms *kms, const char *prefix, const char *key,
				    struct evs_error *err)
{
	struct evs_secret *line, *text;

	if (evs_secret_read(&line, evs_config_get(&kms->cfg, key), err)) {
		evs_error_prefix(err, "%s", key);
		return NULL;
	}
	text = evs_secret_alloc(strlen(prefix) + line->size + 1);
	if (text)
		strcpy(stpcpy((char *)text->data, prefix), (char *)line->data);
	else
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	evs_secret_free(line);
	return text;
}

int evs_aws_call(struct evs_kms *kms, const char *op, const char *body,
		 struct evs_http_answer *answer, struct evs_error *err)
{
	bool temporary = evs_config_get(&kms->cfg, "session-token-file");
	char target[64], scope[96], user[96];
	const char *headers[] = { "Content-Type: application/x-amz-json-1.1", target, NULL, NULL };
	struct evs_secret *login, *session = NULL;
	struct evs_http_request request = {
		.method = "POST", .path = "/", .headers = headers, .body = body,
		.len = strlen(body), .want = "x-amzn-RequestId", .sigv4 = scope,
	};
	int ret;

	snprintf(target, sizeof(target), "X-Amz-Target: TrentService.%s", op);
	snprintf(scope, sizeof(scope), "aws:amz:%s:kms", evs_config_get(&kms->cfg, "region"));
	snprintf(user, sizeof(user), "%s:", evs_config_get(&kms->cfg, "access-key"));
	login = with_file(kms, user, "secret-key-file", err);
	if (!login)
		return -err->errnum;
	if (temporary)
		session = with_file(kms, "X-Amz-Security-Token: ", "session-token-file", err);
	ret = temporary && !session ? -err->errnum : 0;
	if (!ret) {
		headers[2] = session ? (const char *)session->data : NULL;
		request.login = (const char *)login->data;
		ret = evs_kms_http_call(kms, kms->priv, &request, answer, err);
	}
	evs_secret_free(login);
	evs_secret_free(session);
	if (ret)
		return ret;
	evs_text_copy(err->request_id, sizeof(err->request_id), (char *)answer->header->data,
		      strlen((char *)answer->header->data));
	return answer->status == 200 ? 0 : refused(answer, err);
}

int evs_aws_add(json_object *request, const char *name, json_object *value)
{
	if (!value || json_object_object_add(request, name, value)) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int evs_aws_send(struct evs_kms *kms, const char *op, json_object *request, int ret,
		 struct evs_http_answer *answer, struct evs_error *err)
{
	const char *body = request && !ret ?
		json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	if (body)
		ret = evs_aws_call(kms, op, body, answer, err);
	else if (!err->errnum)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	json_object_put(request);
	return ret;
}

int evs_aws_call_key(struct evs_kms *kms, const char *op, const char *ref,
		     struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *request = json_object_new_object();
	int ret;

	ret = request ? evs_aws_add(request, "KeyId", json_object_new_string(ref)) : -ENOMEM;
	return evs_aws_send(kms, op, request, ret, answer, err);
}
