// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to Barbican, with or without Keystone in front, and what it answers when it refuses */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "kms/barbican/barbican.h"
#include "kms/json.h"
#include "kms/otc/auth.h"
#include "text.h"

#define HEADERS_MAX 8

int evs_barbican_bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "Barbican: bad answer: %s", why);
}

/* ---- refusals ---- */

static enum evs_class classify(long status, const char *text)
{
	switch (status) {
	case 401:
		return EVS_CLASS_BAD_CREDENTIALS;
	case 403:
		return strcasestr(text, "quota") ? EVS_CLASS_QUOTA :
		       EVS_CLASS_NO_PERMISSION;
	case 404:	/* which anything gives that is not Barbican, too */
		if (strcasestr(text, "no payload"))
			return EVS_CLASS_CMK_NO_MATERIAL;
		return strcasestr(text, "not found") ? EVS_CLASS_CMK_DELETED :
		       EVS_CLASS_PROTOCOL;
	case 429:
		return EVS_CLASS_KMS_BUSY;
	default:
		if (status >= 500)
			return EVS_CLASS_KMS_BUSY;
		return status >= 400 ? EVS_CLASS_BAD_REQUEST : EVS_CLASS_PROTOCOL;
	}
}

/* {"code","title","description"} of Barbican, {"error":{"message"}} of Keystone's filter */
static int refused(const struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len);
	char text[200] = "";

	if (evs_json_text(root, "description", text, sizeof(text)))
		evs_json_text(json_object_object_get(root, "error"), "message", text,
			      sizeof(text));
	json_object_put(root);
	snprintf(err->code, sizeof(err->code), "HTTP %ld", answer->status);
	return evs_error_set_class(err, classify(answer->status, text), "%s", text);
}

/* ---- requests ---- */

static int ask(struct evs_kms *kms, const char *path, const char *body, const char *accept,
	       struct evs_http_answer *answer, struct evs_error *err)
{
	const char *project = evs_config_get(&kms->cfg, "project"), *auth;
	struct evs_barbican *barbican = kms->priv;
	struct evs_http_request request = {
		.method = body ? "POST" : "GET", .path = path, .body = body,
		.len = body ? strlen(body) : 0, .want = "X-Openstack-Request-Id",
	};
	const char *headers[HEADERS_MAX + 1] = {};
	char who[32 + EVS_KMS_PROJECT_MAX];
	size_t count = 0;
	int ret;

	ret = evs_otc_auth_headers(barbican->auth, kms, evs_config_get(&kms->cfg, "url"), NULL, 0,
				   &request, err);
	if (ret)
		return ret;
	while (request.headers[count] && count < HEADERS_MAX - 2) {
		headers[count] = request.headers[count];
		count++;
	}
	headers[count++] = accept ? accept : "Accept: application/json";
	auth = evs_config_get(&kms->cfg, "auth");
	if (!auth || !strcmp(auth, "none")) {	/* else the token says it */
		snprintf(who, sizeof(who), "X-Project-Id: %s", project);
		headers[count++] = who;
	}
	request.headers = headers;
	ret = evs_kms_http_call(kms, barbican->http, &request, answer, err);
	if (!ret)
		evs_text_copy(err->request_id, sizeof(err->request_id),
			      (char *)answer->header->data, strlen((char *)answer->header->data));
	return ret;
}

int evs_barbican_call(struct evs_kms *kms, const char *path, const char *body, const char *accept,
		      struct evs_http_answer *answer, struct evs_error *err)
{
	struct evs_barbican *barbican = kms->priv;
	int ret;

	ret = ask(kms, path, body, accept, answer, err);
	if (!ret && answer->status == 401 && evs_otc_auth_renew(barbican->auth))
		ret = ask(kms, path, body, accept, answer, err);
	if (ret)
		return ret;
	return answer->status / 100 == 2 ? 0 : refused(answer, err);
}

int evs_barbican_call_json(struct evs_kms *kms, const char *path, const char *body,
			   json_object **reply, struct evs_error *err)
{
	struct evs_http_answer answer;
	int ret = evs_barbican_call(kms, path, body, NULL, &answer, err);

	if (ret)
		return ret;
	*reply = evs_json_parse((const char *)answer.body->data, answer.len);
	return *reply ? 0 : evs_barbican_bad_answer(err, "no JSON object");
}
