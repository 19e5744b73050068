// SPDX-License-Identifier: GPL-2.0-or-later
/* Tokens: by password, and by taking up an agency. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "iam/iam.h"
#include "text.h"

bool kmsd_iam_has_method(struct json_object *identity, const char *method)
{
	struct json_object *methods = NULL, *first;

	json_object_object_get_ex(identity, "methods", &methods);
	if (!json_object_is_type(methods, json_type_array) ||
	    json_object_array_length(methods) != 1)
		return false;
	first = json_object_array_get_idx(methods, 0);
	return json_object_is_type(first, json_type_string) &&
	       !strcmp(json_object_get_string(first), method);
}

static int take_user(void *arg, sqlite3_stmt *row)
{
	struct kmsd_subject *s = arg;
	size_t size;
	int ret;

	kmsd_db_text(row, 0, s->user, sizeof(s->user));
	kmsd_db_text(row, 1, s->name, sizeof(s->name));
	kmsd_db_text(row, 2, s->domain, sizeof(s->domain));
	ret = kmsd_db_blob(row, 3, s->salt, sizeof(s->salt), &size);
	return ret ? ret : kmsd_db_blob(row, 4, s->hash, sizeof(s->hash), &size);
}

static int find_user(struct kmsd_call *call, struct json_object *user, struct kmsd_subject *s,
		     struct evs_error *err)
{
	static const char by_id[] =
		"SELECT id, name, domain, salt, hash FROM iam_user WHERE id = ?";
	static const char by_name[] =
		"SELECT id, name, domain, salt, hash FROM iam_user WHERE domain = ? AND name = ?";
	struct kmsd_db *db = kmsd_store_reading(call->kmsd->store);
	struct json_object *domain = kmsd_iam_object(user, "domain");
	const char *id = kmsd_iam_text(user, "id"), *name = kmsd_iam_text(user, "name");
	const char *where = kmsd_iam_text(domain, "name");

	if (!where)
		where = kmsd_iam_text(domain, "id");
	if (id)
		return kmsd_db_each(db, err, take_user, s, by_id, "s", id);
	if (!name)
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: no user in it");
	return kmsd_db_each(db, err, take_user, s, by_name, "ss", where ? where : KMSD_DOMAIN,
			    name);
}

static int by_password(struct kmsd_call *call, struct json_object *identity, struct kmsd_subject *s,
		       struct evs_error *err)
{
	struct json_object *user =
		kmsd_iam_object(kmsd_iam_object(identity, "password"), "user");
	unsigned char hash[KMSD_HASH_SIZE];
	struct kmsd_request *req = &call->req;
	const char *name;
	int found, ret;

	if (!user || !req->secret || kmsd_request_unescape(req) < 0)
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: no user and password in it");
	name = kmsd_iam_text(user, kmsd_iam_text(user, "id") ? "id" : "name");
	if (name)
		evs_text_copy(call->claimed, sizeof(call->claimed), name, strlen(name));
	found = find_user(call, user, s, err);
	if (found < 0)
		return found;
	/* Computed for a user that does not exist as well: it takes the same time */
	ret = kmsd_password_hash(s->salt, req->secret->data, req->secret_len, hash, err);
	if (!ret && (CRYPTO_memcmp(hash, s->hash, sizeof(hash)) || !found))
		ret = kmsd_fail(err, KMSD_IAM_AUTH, "The username or password is wrong.");
	explicit_bzero(hash, sizeof(hash));
	if (!ret) {
		snprintf(call->who.id, sizeof(call->who.id), "%s", s->user);
		snprintf(call->who.name, sizeof(call->who.name), "%s", s->name);
		call->known = true;
	}
	return ret;
}

static int take_agency(void *arg, sqlite3_stmt *row)
{
	struct kmsd_subject *s = arg;

	kmsd_db_text(row, 0, s->agency, sizeof(s->agency));
	kmsd_db_text(row, 1, s->name, sizeof(s->name));
	kmsd_db_text(row, 2, s->domain, sizeof(s->domain));
	return 0;
}

int kmsd_iam_by_agency(struct kmsd_call *call, struct json_object *identity, const char *project,
		       struct kmsd_subject *s, struct evs_error *err)
{
	static const char sql[] =
		"SELECT id, name, domain FROM iam_agency"
		" WHERE domain = ? AND name = ? AND trust_domain = ?";
	struct json_object *assume = kmsd_iam_object(identity, "assume_role");
	const char *domain = kmsd_iam_text(assume, "domain_name");
	const char *name = kmsd_iam_text(assume, "agency_name");
	int ret;

	if (!domain)
		domain = kmsd_iam_text(assume, "domain_id");
	if (!name)
		name = kmsd_iam_text(assume, "xrole_name");
	if (!domain || !name)
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: no domain and agency in it");
	ret = kmsd_auth(call->kmsd, call->http, "", &call->who, err);
	if (ret && err->code[0])
		return kmsd_fail(err, KMSD_IAM_AUTH, "The token must be updated.");
	if (ret)
		return ret;
	call->known = true;
	/* A token lives longer than the key, and would give another one */
	if (call->who.temporary)
		return kmsd_fail(err, KMSD_IAM_AUTH,
				 "X-Auth-Token is missing: a temporary access key gives no token");
	if (!(call->who.permissions & KMSD_P_AGENT))
		return kmsd_fail(err, KMSD_IAM_FORBIDDEN,
				 "%s needs the role Agent Operator to take up an agency",
				 call->who.name);
	ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_agency, s, sql, "sss",
			   domain, name, call->who.domain);
	if (!ret)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND,
				 "%s has no agency %s for %s: its security administrator has to create it, and to give it a role in project %s: evs-setup agency create",
				 domain, name, call->who.domain, project[0] ? project : "-");
	return ret < 0 ? ret : 0;
}

static struct json_object *describe(const struct kmsd_subject *s, const char *project, int64_t issued,
				    int64_t expires)
{
	char from[KMSD_IAM_TIME_SIZE], to[KMSD_IAM_TIME_SIZE];
	struct json_object *token, *user, *json = json_object_new_object();

	kmsd_iam_time(issued, from);
	kmsd_iam_time(expires, to);
	token = kmsd_json_pairs((const char *const[]){ "issued_at", from, "expires_at", to, NULL });
	user = kmsd_json_pairs((const char *const[]){
		"id", s->agency[0] ? s->agency : s->user, "name", s->name, NULL });
	if (!json || !token || !user ||
	    kmsd_json_put(user, "domain", kmsd_json_pairs((const char *const[]){
		"id", s->domain, "name", s->domain, NULL })) ||
	    kmsd_json_put(token, "user", json_object_get(user)) ||
	    (project[0] && kmsd_json_put(token, "project", kmsd_json_pairs((const char *const[]){
		"id", project, "name", project, NULL }))) ||
	    kmsd_json_put(json, "token", json_object_get(token))) {
		json_object_put(json);
		json = NULL;
	}
	json_object_put(user);
	json_object_put(token);
	return json;
}

static int issue(struct kmsd_call *call, const struct kmsd_subject *s, const char *project,
		 struct evs_error *err)
{
	int64_t now = kmsd_clock_now(&call->kmsd->clock);
	int64_t expires = now + call->kmsd->conf.token_hours * 60 * 60 * KMSD_SECOND_MS;
	unsigned char hash[KMSD_HASH_SIZE];
	int ret;

	ret = kmsd_token_new(call->reply->token, hash, err);
	if (ret)
		return ret;
	ret = kmsd_db_run(kmsd_store_writing(call->kmsd->store), err,
			  "INSERT INTO iam_token (hash, user, agency, project, expires)"
			  " VALUES (?, ?, ?, ?, ?)", "bSSsi", hash, sizeof(hash), s->user,
			  s->agency, project, expires);
	if (ret < 0)
		return ret;
	call->reply->status = 201;
	return kmsd_reply_json(call->reply, describe(s, project, now, expires), err);
}

int kmsd_iam_token_create(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *auth = kmsd_iam_object(call->req.json, "auth");
	struct json_object *identity = kmsd_iam_object(auth, "identity");
	struct json_object *scope = kmsd_iam_object(kmsd_iam_object(auth, "scope"), "project");
	const char *project = kmsd_iam_text(scope, "id");
	struct kmsd_subject s = {};
	int ret;

	if (!identity)
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: no identity in it");
	if (!project)
		project = kmsd_iam_text(scope, "name");
	if (!project)
		project = "";
	if (project[0] && !kmsd_project_valid(project))
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: not the id of a project");
	strcpy(call->project, project);
	if (kmsd_iam_has_method(identity, "password"))
		ret = by_password(call, identity, &s, err);
	else if (kmsd_iam_has_method(identity, "assume_role"))
		ret = kmsd_iam_by_agency(call, identity, project, &s, err);
	else
		ret = kmsd_fail(err, KMSD_IAM_BAD, "auth: methods: neither password nor assume_role");
	return ret ? ret : issue(call, &s, project, err);
}
