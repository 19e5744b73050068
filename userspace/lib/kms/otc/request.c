// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "kms/json.h"
#include "kms/otc/private.h"

#define MILLISECONDS_FROM 100000000000LL	/* no date in seconds is as large */

int evs_otc_no_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

int evs_otc_bad_answer(struct evs_error *err, const char *op, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "%s: bad answer: %s", op, why);
}

const char *evs_otc_project(const struct evs_config_kms *cfg)
{
	const char *project = evs_config_get(cfg, "project");

	return project ? project : EVS_OTC_PROJECT;
}

/* Is it the token that is refused, and not who has it? */
static bool refuses_token(long status, const struct evs_error *err)
{
	return status == 401 || !strcmp(err->code, "KMS.0302") || !strcmp(err->code, "KMS.0303");
}

int evs_otc_post(struct evs_kms *kms, const char *op, const char *body,
		 struct evs_http_answer *answer, struct evs_error *err)
{
	struct evs_otc *otc = kms->priv;
	char path[128 + EVS_KMS_PROJECT_MAX];
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct evs_http_request request = {
		.headers = headers, .method = body ? "POST" : "GET", .path = path, .body = body,
		.len = body ? strlen(body) : 0,
	};
	bool renewed = false;
	int ret;

	snprintf(path, sizeof(path), "/v1.0/%s/kms/%s", evs_otc_project(&kms->cfg), op);
	for (;;) {
		ret = otc->auth ? evs_otc_auth_headers(otc->auth, kms,
						       evs_config_get(&kms->cfg, "url"), NULL, 0,
						       &request, err) : 0;
		if (!ret)
			ret = evs_kms_http_call(kms, otc->http, &request, answer, err);
		if (ret || answer->status == 200 || answer->status == 204)
			return ret;
		ret = evs_otc_error(answer->status, (const char *)answer->body->data, answer->len,
				    err);
		if (renewed || !otc->auth || !refuses_token(answer->status, err) ||
		    !evs_otc_auth_renew(otc->auth))
			return ret;
		renewed = true;
	}
}

/* Of a request that is NULL, memory ran out while it was made. */
static int post_json(struct evs_kms *kms, const char *op, json_object *request,
		     struct evs_http_answer *answer, struct evs_error *err)
{
	const char *body;
	int ret;

	body = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	ret = body ? evs_otc_post(kms, op, body, answer, err) : evs_otc_no_memory(err);
	json_object_put(request);
	return ret;
}

int evs_otc_call(struct evs_kms *kms, const char *op, json_object *request, json_object **reply,
		 struct evs_error *err)
{
	struct evs_http_answer answer;
	int ret = post_json(kms, op, request, &answer, err);

	if (ret)
		return ret;
	*reply = evs_json_parse((const char *)answer.body->data, answer.len);
	return *reply ? 0 : evs_otc_bad_answer(err, op, "no JSON object");
}

int evs_otc_done(struct evs_kms *kms, const char *op, json_object *request,
		 struct evs_error *err)
{
	struct evs_http_answer answer;

	return post_json(kms, op, request, &answer, err);
}

void evs_otc_add(json_object **request, const char *name, json_object *value)
{
	if (*request && value && !json_object_object_add(*request, name, value))
		return;
	json_object_put(value);
	json_object_put(*request);
	*request = NULL;
}

void evs_otc_add_text(json_object **request, const char *name, const char *text)
{
	evs_otc_add(request, name, json_object_new_string(text));
}

json_object *evs_otc_request(const char *name, const char *text)
{
	json_object *request = json_object_new_object();

	evs_otc_add_text(&request, name, text);
	return request;
}

int64_t evs_otc_time(json_object *object, const char *name)
{
	int64_t when = 0;

	if (evs_json_number(object, name, &when))
		return 0;
	return when >= MILLISECONDS_FROM ? when / 1000 : when;
}
