// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Identity service (IAM v3) and metadata service of Open Telekom Cloud and
 * Huawei Cloud, and Keystone, which the former has been.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "date.h"
#include "kms/json.h"
#include "kms/otc/iam.h"
#include "kms/otc/private.h"

/* The catalogue of all services would make the answer many times as long. */
#define TOKENS_PATH "/v3/auth/tokens?nocatalog=1"
#define METADATA_PATH "/openstack/latest/securitykey"
#define EXPIRES "expires_at"

static const char json_header[] = "Content-Type: application/json";

/* An object with one member; takes the value over. NULL when out of memory. */
static json_object *wrap(const char *name, json_object *value)
{
	json_object *object = json_object_new_object();

	if (!value) {
		json_object_put(object);
		return NULL;
	}
	if (!object)
		json_object_put(value);
	else
		evs_otc_add(&object, name, value);
	return object;
}

/*
 * {"auth":{"identity":{"methods":[METHOD],METHOD:HOW},"scope":{KIND:{"id"|"name":WHICH}}}};
 * without project and domain the scope is left out.
 */
static json_object *auth_request(const char *method, json_object *how, const char *project,
				 const char *domain)
{
	json_object *identity = wrap(method, how), *methods = json_object_new_array(), *auth;
	json_object *name = json_object_new_string(method);

	if (!methods || !name || json_object_array_add(methods, name)) {
		json_object_put(name);
		json_object_put(methods);
		methods = NULL;
	}
	evs_otc_add(&identity, "methods", methods);
	auth = wrap("identity", identity);
	if (project)
		evs_otc_add(&auth, "scope", wrap("project", evs_otc_request("id", project)));
	else if (domain)
		evs_otc_add(&auth, "scope", wrap("domain", evs_otc_request("name", domain)));
	return wrap("auth", auth);
}

/* The text of @request with the secret where its member @name is "", in locked memory */
static struct evs_secret *fill_in(json_object *request, const char *name,
				  const struct evs_secret *secret, struct evs_error *err)
{
	const char *text, *place = NULL, *value = (const char *)secret->data;
	struct evs_secret *filled = NULL;
	size_t len = strlen(value);
	char *at, empty[32];

	snprintf(empty, sizeof(empty), "\"%s\":\"\"", name);
	text = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	if (text)
		place = strstr(text, empty);
	if (!place) {
		evs_otc_no_memory(err);
		return NULL;
	}
	place += strlen(empty) - 1;
	filled = evs_secret_alloc(strlen(text) + EVS_JSON_ESCAPED_MAX(len));
	if (!filled) {
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		return NULL;
	}
	at = mempcpy(filled->data, text, (size_t)(place - text));
	at += evs_json_escape(at, value, len);
	strcpy(at, place);
	return filled;
}

static json_object *password_request(const struct evs_iam_user *user)
{
	json_object *who = evs_otc_request("name", user->name);

	evs_otc_add(&who, "domain", evs_otc_request("name", user->domain));
	evs_otc_add_text(&who, "password", "");
	return auth_request("password", wrap("user", who), user->project, user->domain);
}

/* The credential is for one project, so there is no scope to choose. */
static json_object *credential_request(const char *id)
{
	json_object *credential = evs_otc_request("id", id);

	evs_otc_add_text(&credential, "secret", "");
	return auth_request("application_credential", credential, NULL, NULL);
}

/* A refusal here is about who asks, whatever the service calls it. */
static int refused(const struct evs_http_answer *answer, const char *what, struct evs_error *err)
{
	evs_otc_error(answer->status, (const char *)answer->body->data, answer->len, err);
	if (err->class == EVS_CLASS_KMS_BUSY)
		return -err->errnum;
	evs_error_set_class(err, EVS_CLASS_BAD_CREDENTIALS, "%s", err->text);
	return evs_error_prefix(err, "%s", what);
}

/* Takes the token of an answer behind what is in @line. */
static int take_token(const struct evs_http_answer *answer, struct evs_secret *line,
		      int64_t *expires, struct evs_error *err)
{
	json_object *reply = evs_json_parse((const char *)answer->body->data, answer->len);
	const char *token = (const char *)answer->header->data;
	size_t used = strlen((const char *)line->data);
	char when[64];

	evs_json_text(json_object_object_get(reply, "token"), EXPIRES, when, sizeof(when));
	json_object_put(reply);
	*expires = evs_date_read(when);
	if (!*token || strlen(token) >= line->size - used)
		return evs_otc_bad_answer(err, "auth/tokens",
					  "no X-Subject-Token, or too long a one");
	strcpy((char *)line->data + used, token);
	return 0;
}

/* Asks for a token with a request that still lacks the secret, and releases it. */
static int ask_token(struct evs_kms *kms, struct evs_http *iam, json_object *what,
		     const char *name, const struct evs_secret *secret,
		     struct evs_http_answer *answer, struct evs_error *err)
{
	const char *const headers[] = { json_header, NULL };
	struct evs_secret *body = fill_in(what, name, secret, err);
	struct evs_http_request request = {
		.method = "POST", .path = TOKENS_PATH, .headers = headers,
		.want = "X-Subject-Token",
	};
	int ret;

	json_object_put(what);
	if (!body)
		return -err->errnum;
	request.body = body->data;
	request.len = strlen((const char *)body->data);
	ret = evs_kms_http_call(kms, iam, &request, answer, err);
	evs_secret_free(body);
	return ret;
}

int evs_iam_password(struct evs_kms *kms, struct evs_http *iam, const struct evs_iam_user *user,
		     struct evs_secret *line, int64_t *expires, struct evs_error *err)
{
	struct evs_http_answer answer;
	char what[128];
	int ret;

	ret = ask_token(kms, iam, password_request(user), "password", user->password, &answer,
			err);
	if (ret)
		return ret;
	if (answer.status == 201)
		return take_token(&answer, line, expires, err);
	snprintf(what, sizeof(what), "user %.40s of %.40s", user->name, user->domain);
	return refused(&answer, what, err);
}

int evs_iam_credential(struct evs_kms *kms, struct evs_http *iam, const char *id,
		       const struct evs_secret *secret, struct evs_secret *line,
		       int64_t *expires, struct evs_error *err)
{
	struct evs_http_answer answer;
	char what[128];
	int ret;

	ret = ask_token(kms, iam, credential_request(id), "secret", secret, &answer, err);
	if (ret)
		return ret;
	if (answer.status == 201)
		return take_token(&answer, line, expires, err);
	snprintf(what, sizeof(what), "application credential %.40s", id);
	return refused(&answer, what, err);
}

static json_object *agency_request(const struct evs_iam_agency *agency, const char *name)
{
	json_object *role = evs_otc_request("domain_name", agency->domain);

	evs_otc_add_text(&role, name, agency->name);
	return auth_request("assume_role", role, agency->project, NULL);
}

static int ask_agency(struct evs_kms *kms, struct evs_http *iam,
		      const struct evs_iam_agency *agency, const char *name,
		      const struct evs_secret *own, struct evs_http_answer *answer,
		      struct evs_error *err)
{
	const char *const headers[] = { json_header, (const char *)own->data, NULL };
	json_object *body = agency_request(agency, name);
	struct evs_http_request request = {
		.method = "POST", .path = TOKENS_PATH, .headers = headers,
		.want = "X-Subject-Token",
	};
	const char *text;
	int ret;

	text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : NULL;
	if (text) {
		request.body = text;
		request.len = strlen(text);
		ret = evs_kms_http_call(kms, iam, &request, answer, err);
	} else {
		ret = evs_otc_no_memory(err);
	}
	json_object_put(body);
	return ret;
}

int evs_iam_agency(struct evs_kms *kms, struct evs_http *iam,
		   const struct evs_iam_agency *agency, const struct evs_secret *own,
		   struct evs_secret *line, int64_t *expires, struct evs_error *err)
{
	/* The table of the documentation names the second, its example the first. */
	static const char *const names[] = { "xrole_name", "agency_name" };
	struct evs_http_answer answer;
	char what[128], *colon;
	size_t i;
	int ret;

	for (i = 0; i < 2; i++) {
		ret = ask_agency(kms, iam, agency, names[i], own, &answer, err);
		if (ret)
			return ret;
		if (answer.status != 400)
			break;
	}
	if (answer.status != 201) {
		snprintf(what, sizeof(what), "agency %.40s of %.40s", agency->name,
			 agency->domain);
		return refused(&answer, what, err);
	}
	colon = strchr((char *)line->data, ' ');
	if (colon)
		explicit_bzero(colon + 1, line->size - (size_t)(colon + 1 - (char *)line->data));
	return take_token(&answer, line, expires, err);
}

static int take_key(struct evs_http_answer *answer, char access[EVS_IAM_ACCESS_MAX],
		    struct evs_secret *secret, struct evs_secret *line, int64_t *expires,
		    struct evs_error *err)
{
	size_t used = strlen((const char *)line->data);
	char *body = (char *)answer->body->data, when[64];
	json_object *reply, *credential;
	int ret = 0;

	if (evs_json_take_text(body, answer->len, "secret", (char *)secret->data,
			       secret->size) <= 0 ||
	    evs_json_take_text(body, answer->len, "securitytoken", (char *)line->data + used,
			       line->size - used) <= 0)
		return evs_otc_bad_answer(err, "metadata", "no secret or securitytoken");
	reply = evs_json_parse(body, answer->len);
	credential = json_object_object_get(reply, "credential");
	if (evs_json_text(credential, "access", access, EVS_IAM_ACCESS_MAX) ||
	    !evs_config_is_word(access))
		ret = evs_otc_bad_answer(err, "metadata", "no access key");
	evs_json_text(credential, EXPIRES, when, sizeof(when));
	*expires = evs_date_read(when);
	json_object_put(reply);
	return ret;
}

int evs_iam_metadata(struct evs_kms *kms, struct evs_http *metadata,
		     char access[EVS_IAM_ACCESS_MAX], struct evs_secret *secret,
		     struct evs_secret *line, int64_t *expires, struct evs_error *err)
{
	struct evs_http_request request = { .method = "GET", .path = METADATA_PATH };
	struct evs_http_answer answer;
	int ret;

	ret = evs_kms_http_call(kms, metadata, &request, &answer, err);
	if (ret)
		return evs_error_prefix(err, "metadata service");
	if (answer.status == 200)
		return take_key(&answer, access, secret, line, expires, err);
	return refused(&answer, "metadata service: has this instance an agency?", err);
}
