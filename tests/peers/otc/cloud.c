// SPDX-License-Identifier: GPL-2.0-or-later
/* The gateway: which service a request is for, and refusals in each one's form. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "fail.h"
#include "sign.h"

int otc_open(struct otc_cloud *cloud, struct kmsd *kmsd, const char *path, struct evs_error *err)
{
	*cloud = (struct otc_cloud){ .kmsd = kmsd };
	pthread_mutex_init(&cloud->lock, NULL);
	return otc_conf_load(&cloud->conf, path, err);
}

void otc_close(struct otc_cloud *cloud)
{
	free(cloud->tokens);
	pthread_mutex_destroy(&cloud->lock);
}

/* Grants that those users have made, or have been given, who are no longer there */
static int end_grants(struct otc_cloud *cloud, const struct otc_conf *before,
		      struct evs_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < before->user_count; i++)
		if (!otc_user(cloud, before->users[i].name))
			ret = kmsd_db_run(kmsd_store_writing(cloud->kmsd->store), err,
					  "DELETE FROM key_grant WHERE ? IN (issuer, grantee)",
					  "s", before->users[i].name);
	return ret < 0 ? ret : 0;
}

int otc_reload(struct otc_cloud *cloud, const char *path, struct evs_error *err)
{
	struct otc_conf *conf = malloc(sizeof(*conf)), before;
	int ret;

	if (!conf)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = otc_conf_load(conf, path, err);
	if (!ret) {
		pthread_mutex_lock(&cloud->lock);
		before = cloud->conf;
		cloud->conf = *conf;
		ret = end_grants(cloud, &before, err);
		pthread_mutex_unlock(&cloud->lock);
	}
	free(conf);
	return ret;
}

/* ---- refusals ---- */

static struct json_object *iam_body(unsigned int status, const char *text)
{
	static const struct {
		unsigned int status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 409, "Conflict" },
	};
	const char *title = "";
	struct json_object *json;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	json = kmsd_json_pairs((const char *const[]){ "message", text, "title", title, NULL });
	if (json && kmsd_json_put(json, "code", json_object_new_int64(status))) {
		json_object_put(json);
		json = NULL;
	}
	return json;
}

/* IAM has statuses for codes; the gateway's own refusal is flat. */
static void refuse(const struct otc_request *req, struct kmsd_reply *reply,
		   const struct evs_error *err)
{
	unsigned int status = (unsigned int)atoi(err->code);
	struct json_object *json = json_object_new_object();
	struct evs_error ignored = {};

	kmsd_reply_free(reply);
	if (!strcmp(err->code, OTC_E_SIGNATURE)) {
		reply->status = 401;
		json_object_put(json);
		json = kmsd_json_pairs((const char *const[]){ "error_code", err->code,
			"error_msg", err->text, "request_id", req->id, NULL });
	} else if (status) {
		reply->status = status;
		kmsd_json_put(json, "error", iam_body(status, err->text));
	} else {
		reply->status = err->code[0] ? 403 : 500;
		kmsd_json_put(json, "error", kmsd_json_pairs((const char *const[]){
			"error_code", err->code, "error_msg", err->text, NULL }));
	}
	kmsd_reply_json(reply, json, &ignored);
}

/* ---- the KMS ---- */

/* PROJECT of /v1.0/PROJECT/kms/... */
static bool project_of(const char *path, char project[EVS_KMS_PROJECT_MAX + 1])
{
	static const char prefix[] = "/v1.0/";
	size_t len;

	if (strncmp(path, prefix, strlen(prefix)))
		return false;
	path += strlen(prefix);
	len = strcspn(path, "/");
	if (len > EVS_KMS_PROJECT_MAX || strncmp(path + len, "/kms/", strlen("/kms/")))
		return false;
	memcpy(project, path, len);
	project[len] = '\0';
	return true;
}

/* Who makes a KMS call, as a client of the KMS; without a role, the KMS refuses it. */
static int as_client(struct otc_cloud *cloud, const struct otc_request *req, const char *project,
		     struct kmsd_client *client, struct evs_error *err)
{
	const char *scope = req->header(req->arg, "X-Project-Id");
	struct otc_who who;
	int ret = otc_identify(cloud, req, &who, err);
	bool allowed;

	if (ret)
		return ret;
	/* A token is for one project, and one for the account for none; a key has no scope */
	if (who.token && !who.token->access[0])
		scope = who.token->project;
	if (scope && strcmp(scope, project))
		return kmsd_fail(err, "KMS.0321",
				 "the token is for project %s, the URL names %s", scope, project);
	allowed = who.agency ? otc_agency_has(who.agency, project, OTC_KMS_ADMINISTRATOR)
			     : otc_user_has(who.user, project, OTC_KMS_ADMINISTRATOR);
	*client = (struct kmsd_client){
		.uid = -1, .role = allowed ? KMSD_ROLE_ADMINISTRATOR : KMSD_ROLE_NONE,
	};
	strcpy(client->name, who.agency ? who.agency->id : who.user->name);
	strcpy(client->project, project);
	return 0;
}

/* The cloud's words for a refusal: an action of its permission model. */
static const char *action_of(const char *op)
{
	static const struct {
		const char *op, *action;
	} table[] = {
		{ "create-key", "kms:cmk:create" }, { "enable-key", "kms:cmk:enable" },
		{ "disable-key", "kms:cmk:disable" }, { "list-keys", "kms:cmk:list" },
		{ "describe-key", "kms:cmk:get" }, { "user-quotas", "kms:cmk:getQuota" },
		{ "get-key-rotation-status", "kms:cmk:get" },
		{ "schedule-key-deletion", "kms:cmk:update" },
		{ "cancel-key-deletion", "kms:cmk:update" },
		{ "update-key-alias", "kms:cmk:update" },
		{ "update-key-description", "kms:cmk:update" },
		{ "create-datakey", "kms:dek:create" }, { "encrypt-datakey", "kms:dek:crypto" },
		{ "decrypt-datakey", "kms:dek:crypto" }, { "create-grant", "kms:grant:create" },
		{ "list-grants", "kms:grant:list" }, { "revoke-grant", "kms:grant:revoke" },
		{ "retire-grant", "kms:grant:retire" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(op, table[i].op))
			return table[i].action;
	return strstr(op, "rotation") ? "kms:cmk:rotate" : "kms:cmk:import";
}

static int call_kms(struct otc_cloud *cloud, const struct otc_request *req,
		    struct kmsd_reply *reply, struct evs_error *err)
{
	struct kmsd_http http = {
		.method = req->method, .path = req->path, .source = "cloud",
		.request_id = req->id, .body = req->body, .size = req->size,
	};
	char project[EVS_KMS_PROJECT_MAX + 1];
	struct evs_error ignored = {};
	struct kmsd_client client;
	int ret;

	if (!project_of(req->path, project))
		return kmsd_fail(err, "404", "no such URL");
	pthread_mutex_lock(&cloud->lock);
	ret = as_client(cloud, req, project, &client, err);
	pthread_mutex_unlock(&cloud->lock);
	if (ret)
		return ret;
	http.client = &client;
	kmsd_api_handle(cloud->kmsd, &http, reply, &ignored);	/* refuses by itself */
	return strcmp(reply->code, KMSD_E_PERMISSION)
		       ? 0 : kmsd_fail(err, KMSD_E_PERMISSION,
				       "Policy doesn't allow %s to be performed: user %s, project %s",
				       action_of(reply->op), client.name, project);
}

void otc_handle(struct otc_cloud *cloud, const struct otc_request *req,
		struct otc_answer *answer)
{
	struct evs_error err = {};
	bool iam;
	int ret;

	*answer = (struct otc_answer){
		.reply = { .status = 200, .op = "-", .type = "application/json" },
	};
	pthread_mutex_lock(&cloud->lock);
	iam = otc_iam(cloud, req, answer, &ret, &err);
	pthread_mutex_unlock(&cloud->lock);
	if (!iam)
		ret = call_kms(cloud, req, &answer->reply, &err);
	if (ret)
		refuse(req, &answer->reply, &err);
}
