// SPDX-License-Identifier: GPL-2.0-or-later
/* The identity service: tokens, agencies and their roles; and the metadata service. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cloud.h"
#include "fail.h"
#include "hex.h"

#define TOKENS "/v3/auth/tokens"
#define ROLES "/v3/roles"
#define AGENCIES "/v3.0/OS-AGENCY/agencies"
#define AGENCY_ROLES "/v3.0/OS-AGENCY/projects/"
#define METADATA "/openstack/latest/securitykey"

#define TOKEN_MS (INT64_C(24) * 60 * 60 * KMSD_SECOND_MS)
#define KEY_MS (INT64_C(60) * 60 * KMSD_SECOND_MS)

/* One request to IAM. @parts: what stands in its path behind the part that names it */
struct call {
	struct otc_cloud *cloud;
	const struct otc_request *req;
	struct otc_answer *answer;
	struct json_object *body;
	char parts[3][OTC_NAME_MAX + 1];
	struct evs_error *err;
};

static struct json_object *object(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_is_type(json, json_type_object) &&
	       json_object_object_get_ex(json, name, &value) &&
	       json_object_is_type(value, json_type_object) ? value : NULL;
}

static const char *text(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_is_type(json, json_type_object) &&
	       json_object_object_get_ex(json, name, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* Answers with an object of one member, which is taken over. */
static int reply(struct call *call, unsigned int status, const char *name,
		 struct json_object *value)
{
	struct json_object *json = json_object_new_object();

	if (!json || kmsd_json_put(json, name, value)) {
		json_object_put(json);
		json = NULL;
	}
	call->answer->reply.status = status;
	return kmsd_reply_json(&call->answer->reply, json, call->err);
}

static int reply_empty(struct call *call)
{
	call->answer->reply.status = 204;
	return kmsd_reply_text(&call->answer->reply, strdup(""), call->err);
}

/* Hex digits, at random; @size with the NUL. */
static int new_id(char *id, size_t size, struct evs_error *err)
{
	unsigned char random[OTC_TOKEN_SIZE / 2];

	if (getrandom(random, size / 2, 0) != (ssize_t)(size / 2))
		return evs_error_set(err, EIO, "getrandom: %m");
	evs_hex_encode(id, random, size / 2);
	return 0;
}

static void format_time(int64_t ms, char out[40])
{
	time_t t = ms / KMSD_SECOND_MS;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 40, "%Y-%m-%dT%H:%M:%S.000000Z", &tm);
}

/* ---- tokens ---- */

static bool has_method(struct json_object *identity, const char *method)
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

static int by_password(struct call *call, struct json_object *identity, struct otc_token *token)
{
	struct json_object *who = object(object(identity, "password"), "user");
	const char *name = text(who, "name"), *account = text(object(who, "domain"), "name");
	const char *password = text(who, "password");
	const struct otc_user *user;

	if (!name || !account || !password)
		return kmsd_fail(call->err, "400", "auth: no user, domain and password in it");
	user = otc_user(call->cloud, name);
	if (!user || strcmp(user->account, account) || !user->password[0] ||
	    strcmp(user->password, password))
		return kmsd_fail(call->err, "401", "The username or password is wrong.");
	strcpy(token->user, user->name);
	return 0;
}

/* By one's own token for one's own account, or a key that lasts, and the role there. */
static int by_agency(struct call *call, struct json_object *identity, struct otc_token *token)
{
	struct json_object *assume = object(identity, "assume_role");
	const char *account = text(assume, "domain_name"), *name = text(assume, "agency_name");
	const struct otc_agency *agency;
	struct otc_who who;

	if (!name)
		name = text(assume, "xrole_name");
	if (!account || !name)
		return kmsd_fail(call->err, "400", "auth: no domain and agency in it");
	if (otc_identify(call->cloud, call->req, &who, call->err) || !who.user || who.agency ||
	    (who.token && who.token->project[0]))
		return kmsd_fail(call->err, "401",
				 "it takes the user's own token for the account, or a key");
	if (!otc_user_has(who.user, "", OTC_AGENT_OPERATOR))
		return kmsd_fail(call->err, "403",
				 "%s needs the role Agent Operator in account %s to take up an agency",
				 who.user->name, who.user->account);
	agency = otc_agency_named(call->cloud, account, name);
	if (!agency || strcmp(agency->trusted, who.user->account))
		return kmsd_fail(call->err, "404",
				 "%s has no agency %s for %s: its security administrator has to create it: evs-setup agency create",
				 account, name, who.user->account);
	strcpy(token->user, who.user->name);
	strcpy(token->agency, agency->id);
	return 0;
}

/* A token is for a project of the account whose token it is, or for that account. */
static int take_scope(struct call *call, struct json_object *auth, struct otc_token *token)
{
	struct json_object *scope = object(auth, "scope");
	const char *project = text(object(scope, "project"), "id"), *account;
	const struct otc_project *there;

	account = token->agency[0] ? otc_agency(call->cloud, token->agency)->account
				   : otc_user(call->cloud, token->user)->account;
	if (!project) {
		const char *named = text(object(scope, "domain"), "name");

		return named && strcmp(named, account)
			       ? kmsd_fail(call->err, "401", "account %s is another", named) : 0;
	}
	there = otc_project(call->cloud, project);
	if (!there || strcmp(there->account, account))
		return kmsd_fail(call->err, "401", "account %s has no project %.64s", account,
				 project);
	strcpy(token->project, there->id);
	return 0;
}

static int create_token(struct call *call)
{
	struct json_object *auth = object(call->body, "auth"), *identity;
	struct otc_token token = {};
	char expires[40];
	int ret;

	identity = object(auth, "identity");
	if (has_method(identity, "password"))
		ret = by_password(call, identity, &token);
	else if (has_method(identity, "assume_role"))
		ret = by_agency(call, identity, &token);
	else
		ret = kmsd_fail(call->err, "400", "auth: methods: neither password nor assume_role");
	if (!ret)
		ret = take_scope(call, auth, &token);
	if (!ret)
		ret = new_id(token.text, sizeof(token.text), call->err);
	token.expires = kmsd_clock_now(&call->cloud->kmsd->clock) + TOKEN_MS;
	if (!ret)
		ret = otc_issue(call->cloud, &token, call->err);
	if (ret)
		return ret;
	strcpy(call->answer->token, token.text);
	format_time(token.expires, expires);
	return reply(call, 201, "token", kmsd_json_pairs((const char *const[]){
		"expires_at", expires, NULL }));
}

/* A temporary access key for the agency of the instance, which trusts the service. */
static int get_key(struct call *call)
{
	const struct otc_conf *conf = &call->cloud->conf;
	const struct otc_agency *agency =
		otc_agency_named(call->cloud, conf->account, conf->instance);
	struct otc_token token = {};
	char expires[40];
	int ret;

	if (!agency || strcmp(agency->trusted, OTC_INSTANCES))
		return kmsd_fail(call->err, "404", "this instance has no agency");
	strcpy(token.agency, agency->id);
	ret = new_id(token.text, sizeof(token.text), call->err);
	if (!ret)
		ret = new_id(token.access, sizeof(token.access), call->err);
	if (!ret)
		ret = new_id(token.secret, sizeof(token.secret), call->err);
	token.expires = kmsd_clock_now(&call->cloud->kmsd->clock) + KEY_MS;
	if (!ret)
		ret = otc_issue(call->cloud, &token, call->err);
	if (ret)
		return ret;
	format_time(token.expires, expires);
	return reply(call, 200, "credential", kmsd_json_pairs((const char *const[]){
		"access", token.access, "secret", token.secret, "securitytoken", token.text,
		"expires_at", expires, NULL }));
}

/* ---- agencies, for the security administrator of their account ---- */

static struct json_object *role_json(enum otc_role_id role)
{
	return kmsd_json_pairs((const char *const[]){
		"id", otc_roles[role].id, "name", otc_roles[role].id, "display_name",
		otc_roles[role].name, NULL });
}

static int list_roles(struct call *call)
{
	const char *name = call->req->query(call->req->arg, "display_name");
	struct json_object *array = json_object_new_array();

	for (int i = 0; array && i < OTC_ROLES; i++)
		if (!name || !strcmp(name, otc_roles[i].name))
			kmsd_json_put(array, NULL, role_json((enum otc_role_id)i));
	return reply(call, 200, "roles", array);
}

/* Who asks has to be that, with a token for the account or a key of his own. */
static int check_administrator(struct call *call, const char *account)
{
	struct otc_who who;
	int ret = otc_identify(call->cloud, call->req, &who, call->err);

	if (ret)
		return strcmp(call->err->code, "APIGW.0301")
			       ? kmsd_fail(call->err, "401", "The token must be updated.") : ret;
	if (!who.user || who.agency || (who.token && who.token->project[0]) ||
	    strcmp(who.user->account, account) ||
	    !otc_user_has(who.user, "", OTC_SECURITY_ADMINISTRATOR))
		return kmsd_fail(call->err, "403",
				 "%s needs the role Security Administrator in account %.64s",
				 who.user ? who.user->name : "an instance", account);
	return 0;
}

static struct json_object *agency_json(const struct otc_agency *a)
{
	return kmsd_json_pairs((const char *const[]){
		"id", a->id, "name", a->name, "domain_id", a->account, "trust_domain_name",
		a->trusted, NULL });
}

static int create_agency(struct call *call)
{
	struct json_object *json = object(call->body, "agency");
	const char *name = text(json, "name"), *account = text(json, "domain_id");
	const char *trusted = text(json, "trust_domain_name");
	struct otc_cloud *cloud = call->cloud;
	struct otc_agency agency = {};
	int ret;

	if (!name || !account || !trusted || strlen(name) > OTC_NAME_MAX ||
	    strlen(trusted) > OTC_NAME_MAX)
		return kmsd_fail(call->err, "400", "agency: no name, domain_id, trust_domain_name");
	ret = check_administrator(call, account);
	if (ret)
		return ret;
	if (otc_agency_named(cloud, account, name) || cloud->agency_count == OTC_ITEMS_MAX)
		return kmsd_fail(call->err, "409", "there is an agency %s already", name);
	ret = new_id(agency.id, sizeof(agency.id), call->err);
	if (ret)
		return ret;
	strcpy(agency.name, name);
	strcpy(agency.account, account);
	strcpy(agency.trusted, trusted);
	cloud->agencies[cloud->agency_count++] = agency;
	return reply(call, 201, "agency", agency_json(&agency));
}

static int list_agencies(struct call *call)
{
	const char *account = call->req->query(call->req->arg, "domain_id");
	const char *name = call->req->query(call->req->arg, "name");
	struct json_object *array;
	int ret = check_administrator(call, account ? account : "");

	if (ret)
		return ret;
	array = json_object_new_array();
	for (size_t i = 0; array && i < call->cloud->agency_count; i++) {
		const struct otc_agency *a = &call->cloud->agencies[i];

		if (!strcmp(a->account, account) && (!name || !strcmp(a->name, name)))
			kmsd_json_put(array, NULL, agency_json(a));
	}
	return reply(call, 200, "agencies", array);
}

/* The agency that the path names, which has to be one of the caller's account. */
static int find_agency(struct call *call, const char *id, struct otc_agency **agency)
{
	*agency = otc_agency(call->cloud, id);
	if (!*agency)
		return kmsd_fail(call->err, "404", "there is no such agency");
	return check_administrator(call, (*agency)->account);
}

/* What it has been given ends with it: tokens and keys, and its grants on keys of the KMS. */
static int delete_agency(struct call *call)
{
	struct otc_cloud *cloud = call->cloud;
	struct otc_agency *agency;
	int ret = find_agency(call, call->parts[0], &agency);

	if (!ret)
		ret = kmsd_db_run(kmsd_store_writing(cloud->kmsd->store), call->err,
				  "DELETE FROM key_grant WHERE ? IN (issuer, grantee)", "s",
				  agency->id);
	if (ret < 0)
		return ret;
	*agency = cloud->agencies[--cloud->agency_count];
	return reply_empty(call);
}

static int list_agency_roles(struct call *call)
{
	struct json_object *array;
	struct otc_agency *agency;
	int ret = find_agency(call, call->parts[1], &agency);

	if (ret)
		return ret;
	array = json_object_new_array();
	for (size_t i = 0; array && i < agency->count; i++)
		if (!strcmp(agency->grants[i].project, call->parts[0]))
			kmsd_json_put(array, NULL, role_json(agency->grants[i].role));
	return reply(call, 200, "roles", array);
}

/* In a project of the agency's own account, and no role that is the account's alone. */
static int add_agency_role(struct call *call)
{
	const struct otc_project *project = otc_project(call->cloud, call->parts[0]);
	struct otc_agency *agency;
	int ret = find_agency(call, call->parts[1], &agency);

	if (ret)
		return ret;
	if (!project || strcmp(project->account, agency->account))
		return kmsd_fail(call->err, "403", "account %s has no project %s", agency->account,
				 call->parts[0]);
	if (strcmp(call->parts[2], otc_roles[OTC_KMS_ADMINISTRATOR].id))
		return kmsd_fail(call->err, "404", "no role %s for a project", call->parts[2]);
	if (otc_agency_has(agency, project->id, OTC_KMS_ADMINISTRATOR))
		return reply_empty(call);
	if (agency->count == OTC_ITEMS_MAX)
		return kmsd_fail(call->err, "409", "too many roles");
	agency->grants[agency->count].role = OTC_KMS_ADMINISTRATOR;
	strcpy(agency->grants[agency->count++].project, project->id);
	return reply_empty(call);
}

/* ---- requests ---- */

static const struct route {
	const char *method;
	const char *pattern;
	int (*run)(struct call *call);
} routes[] = {
	{ "POST", TOKENS, create_token },
	{ "GET", METADATA, get_key },
	{ "GET", ROLES, list_roles },
	{ "POST", AGENCIES, create_agency },
	{ "GET", AGENCIES, list_agencies },
	{ "DELETE", AGENCIES "/*", delete_agency },
	{ "GET", AGENCY_ROLES "*/agencies/*/roles", list_agency_roles },
	{ "PUT", AGENCY_ROLES "*/agencies/*/roles/*", add_agency_role },
};

static bool match(const char *pattern, const char *path, char parts[][OTC_NAME_MAX + 1])
{
	size_t len, n = 0;

	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len > OTC_NAME_MAX)
			return false;
		memcpy(parts[n], path, len);
		parts[n++][len] = '\0';
		path += len;
	}
	return !*path;
}

static struct json_object *parse(const struct otc_request *req)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *json;

	if (!tok)
		return NULL;
	json = json_tokener_parse_ex(tok, req->body, (int)req->size);
	json_tokener_free(tok);
	return json;
}

bool otc_iam(struct otc_cloud *cloud, const struct otc_request *req, struct otc_answer *answer,
	     int *ret, struct evs_error *err)
{
	struct call call = { .cloud = cloud, .req = req, .answer = answer, .err = err };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].method, req->method) ||
		    !match(routes[i].pattern, req->path, call.parts))
			continue;
		call.body = req->size ? parse(req) : NULL;
		*ret = routes[i].run(&call);
		json_object_put(call.body);
		return true;
	}
	return false;
}
