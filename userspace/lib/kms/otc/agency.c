// SPDX-License-Identifier: GPL-2.0-or-later
/* Agencies, in the identity service (IAM) of the cloud */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kms/json.h"
#include "kms/otc/private.h"
#include "kms/sign.h"

#define AGENCIES "/v3.0/OS-AGENCY/agencies"
#define DESCRIPTION "lets disks be encrypted with the keys of this project"

/**
 * struct call - One request to IAM.
 * @method: method
 * @path: path without query
 * @query: the query
 * @pairs: how many
 * @body: the body, NULL for none; released by call_iam()
 */
struct call {
	const char *method;
	const char *path;
	struct evs_sign_pair query[2];
	size_t pairs;
	json_object *body;
};

static int open_iam(struct evs_kms *kms, const char *account, const char **url,
		    struct evs_error *err)
{
	struct evs_otc *otc = kms->priv;
	struct evs_http_peer peer = {
		.url = evs_config_get(&kms->cfg, "iam-url"),
		.ca_file = evs_config_get(&kms->cfg, "ca-file"),
		.cert_file = evs_config_get(&kms->cfg, "client-cert-file"),
		.key_file = evs_config_get(&kms->cfg, "client-key-file"),
	};

	if (!peer.url)
		peer.url = evs_config_get(&kms->cfg, "url");
	*url = peer.url;
	if (otc->iam)
		return 0;
	evs_otc_auth_account(otc->auth, account);
	return evs_http_open(&otc->iam, &peer, err);
}

/* Sends it; returns the HTTP status, or a negative errno when there is no answer. */
static int send_call(struct evs_kms *kms, const struct call *call, const char *url,
		     struct evs_http_answer *answer, struct evs_error *err)
{
	struct evs_otc *otc = kms->priv;
	char query[512], path[1024];
	struct evs_http_request request = { .method = call->method, .path = path };
	int ret;

	if (evs_sign_query(call->query, call->pairs, query, sizeof(query)) < 0)
		return evs_error_set(err, ENAMETOOLONG, "a name is too long");
	snprintf(path, sizeof(path), "%s%s%s", call->path, *query ? "?" : "", query);
	if (call->body) {
		request.body = json_object_to_json_string_ext(call->body, JSON_C_TO_STRING_PLAIN);
		if (!request.body)
			return evs_otc_no_memory(err);
		request.len = strlen(request.body);
	}
	ret = evs_otc_auth_headers(otc->auth, kms, url, call->query, call->pairs, &request, err);
	if (!ret)
		ret = evs_kms_http_call(kms, otc->iam, &request, answer, err);
	return ret ? ret : (int)answer->status;
}

/* @reply may be NULL. An agency that is there already is -EEXIST. */
static int call_iam(struct evs_kms *kms, const char *account, const struct call *call,
		    json_object **reply, struct evs_error *err)
{
	struct evs_http_answer answer;
	const char *url;
	int ret;

	ret = open_iam(kms, account, &url, err);
	if (!ret)
		ret = send_call(kms, call, url, &answer, err);
	json_object_put(call->body);
	if (ret < 0)
		return ret;
	if (ret == 409)
		return evs_error_set(err, EEXIST, "there is such an agency already");
	if (ret > 299)
		return evs_otc_error(ret, (const char *)answer.body->data, answer.len, err);
	if (!reply)
		return 0;
	*reply = evs_json_parse((const char *)answer.body->data, answer.len);
	return *reply ? 0 : evs_otc_bad_answer(err, call->path, "no JSON object");
}

/* Takes the id of the first member of @list whose @name is @value; "" when there is none. */
static int find_in(json_object *reply, const char *list, const char *name, const char *value,
		   char *id, size_t size, json_object **found)
{
	json_object *array = json_object_object_get(reply, list), *one;
	char text[256];
	size_t i;

	*id = '\0';
	if (!json_object_is_type(array, json_type_array))
		return -EPROTO;
	for (i = 0; i < json_object_array_length(array); i++) {
		one = json_object_array_get_idx(array, i);
		if (evs_json_text(one, name, text, sizeof(text)) || strcmp(text, value))
			continue;
		if (found)
			*found = one;
		/* It becomes part of a path. */
		return evs_json_text(one, "id", id, size) || !evs_config_is_word(id) ? -EPROTO : 0;
	}
	return 0;
}

static int find_role(struct evs_kms *kms, const struct evs_agency *agency, char *id, size_t size,
		     struct evs_error *err)
{
	const struct call call = {
		.method = "GET", .path = "/v3/roles",
		.query = { { "display_name", agency->role } }, .pairs = 1,
	};
	json_object *reply;
	int ret;

	ret = call_iam(kms, agency->account, &call, &reply, err);
	if (ret)
		return ret;
	if (find_in(reply, "roles", "display_name", agency->role, id, size, NULL))
		ret = evs_otc_bad_answer(err, "roles", "no list of roles");
	else if (!*id)
		ret = evs_error_set(err, ENOENT, "there is no role %s", agency->role);
	json_object_put(reply);
	return ret;
}

static int has_role(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	char path[256], id[72];
	const struct call call = { .method = "GET", .path = path };
	json_object *reply;
	int ret;

	snprintf(path, sizeof(path), "/v3.0/OS-AGENCY/projects/%s/agencies/%s/roles",
		 evs_otc_project(&kms->cfg), agency->id);
	ret = call_iam(kms, agency->account, &call, &reply, err);
	if (ret)
		return ret;
	if (find_in(reply, "roles", "display_name", agency->role, id, sizeof(id), NULL))
		ret = evs_otc_bad_answer(err, "roles", "no list of roles");
	agency->granted = *id;
	json_object_put(reply);
	return ret;
}

static int find(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	const struct call call = {
		.method = "GET", .path = AGENCIES,
		.query = { { "domain_id", agency->account }, { "name", agency->name } },
		.pairs = 2,
	};
	json_object *reply, *one = NULL;
	int ret;

	ret = call_iam(kms, agency->account, &call, &reply, err);
	if (ret)
		return ret;
	if (find_in(reply, "agencies", "name", agency->name, agency->id, sizeof(agency->id), &one))
		ret = evs_otc_bad_answer(err, "agencies", "no list of agencies");
	else if (!*agency->id)
		ret = evs_error_set(err, ENOENT, "account %s has no agency %s; make it with: evs-setup agency create",
				    agency->account, agency->name);
	else
		evs_json_text(one, "trust_domain_name", agency->trusted, sizeof(agency->trusted));
	json_object_put(reply);
	return ret;
}

int evs_otc_find_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	int ret = find(kms, agency, err);

	return ret ? ret : has_role(kms, agency, err);
}

static json_object *agency_body(const struct evs_agency *agency)
{
	json_object *inner = evs_otc_request("name", agency->name);
	json_object *body = json_object_new_object();

	evs_otc_add_text(&inner, "domain_id", agency->account);
	evs_otc_add_text(&inner, "trust_domain_name", agency->trusted);
	evs_otc_add_text(&inner, "description", DESCRIPTION);
	evs_otc_add(&body, "agency", inner);
	return body;
}

int evs_otc_create_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	char role[72], path[256];
	struct call create = { .method = "POST", .path = AGENCIES, .body = agency_body(agency) };
	const struct call grant = { .method = "PUT", .path = path };
	struct evs_agency there;
	int ret;

	if (!create.body)
		return evs_otc_no_memory(err);
	ret = find_role(kms, agency, role, sizeof(role), err);
	if (ret) {
		json_object_put(create.body);
		return ret;
	}
	ret = call_iam(kms, agency->account, &create, NULL, err);
	if (ret && ret != -EEXIST)
		return ret;
	there = *agency;
	ret = find(kms, &there, err);
	if (ret)
		return ret;
	if (strcmp(there.trusted, agency->trusted))
		return evs_error_set(err, EEXIST,
			"account %s has an agency %s, but for %s: delete it with: evs-setup agency delete",
			agency->account, agency->name, there.trusted);
	strcpy(agency->id, there.id);
	snprintf(path, sizeof(path), "/v3.0/OS-AGENCY/projects/%s/agencies/%s/roles/%s",
		 evs_otc_project(&kms->cfg), agency->id, role);
	ret = call_iam(kms, agency->account, &grant, NULL, err);
	return ret ? ret : has_role(kms, agency, err);
}

int evs_otc_delete_agency(struct evs_kms *kms, const struct evs_agency *agency,
			  struct evs_error *err)
{
	char path[256];
	const struct call call = { .method = "DELETE", .path = path };

	snprintf(path, sizeof(path), AGENCIES "/%s", agency->id);
	return call_iam(kms, agency->account, &call, NULL, err);
}
