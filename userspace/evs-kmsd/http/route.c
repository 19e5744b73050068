// SPDX-License-Identifier: GPL-2.0-or-later
/* Which operation is a request for? */
#include <string.h>

#include "fail.h"
#include "key/grant.h"
#include "http/op/ops.h"
#include "text.h"

#define KMS "v1.0/*/kms/"

/* Those of the KMS that are a POST of a JSON object to their own name. */
#define POST(name, run, event, permission, grant, change) \
	{ name, "POST", KMS name, run, event, permission, grant, change }

/* The most frequent ones first. */
static const struct kmsd_route routes[] = {
	POST("decrypt-datakey", kmsd_op_decrypt_datakey, "decryptDatakey", KMSD_P_DEK_CRYPTO,
	     KMSD_G_DECRYPT_DATAKEY, false),
	POST("create-datakey", kmsd_op_create_datakey, "createDataKey", KMSD_P_DEK_CREATE,
	     KMSD_G_CREATE_DATAKEY, false),
	POST("encrypt-datakey", kmsd_op_encrypt_datakey, "encryptDatakey", KMSD_P_DEK_CRYPTO,
	     KMSD_G_ENCRYPT_DATAKEY, false),
	POST("describe-key", kmsd_op_describe_key, NULL, KMSD_P_CMK_GET, KMSD_G_DESCRIBE_KEY, false),
	POST("list-keys", kmsd_op_list_keys, NULL, KMSD_P_CMK_LIST, 0, false),
	POST("create-key", kmsd_op_create_key, "createKey", KMSD_P_CMK_CREATE, 0, true),
	POST("enable-key", kmsd_op_enable_key, "enableKey", KMSD_P_CMK_ENABLE, 0, true),
	POST("disable-key", kmsd_op_disable_key, "disableKey", KMSD_P_CMK_DISABLE, 0, true),
	POST("schedule-key-deletion", kmsd_op_schedule_deletion, "scheduleKeyDeletion",
	     KMSD_P_CMK_UPDATE, 0, true),
	POST("cancel-key-deletion", kmsd_op_cancel_deletion, "cancelKeyDeletion",
	     KMSD_P_CMK_UPDATE, 0, true),
	POST("update-key-alias", kmsd_op_update_alias, "updateKeyAlias", KMSD_P_CMK_UPDATE, 0,
	     true),
	POST("update-key-description", kmsd_op_update_description, "updateKeyDescription",
	     KMSD_P_CMK_UPDATE, 0, true),
	POST("enable-key-rotation", kmsd_op_enable_rotation, "enableKeyRotation",
	     KMSD_P_CMK_ROTATE, 0, true),
	POST("disable-key-rotation", kmsd_op_disable_rotation, "disableKeyRotation",
	     KMSD_P_CMK_ROTATE, 0, true),
	POST("update-key-rotation-interval", kmsd_op_update_interval,
	     "updateKeyRotationInterval", KMSD_P_CMK_ROTATE, 0, true),
	POST("get-key-rotation-status", kmsd_op_rotation_status, NULL, KMSD_P_CMK_GET, 0, false),
	POST("create-grant", kmsd_op_create_grant, "createGrant", KMSD_P_GRANT_CREATE,
	     KMSD_G_CREATE_GRANT, true),
	POST("list-grants", kmsd_op_list_grants, NULL, KMSD_P_GRANT_LIST, 0, false),
	POST("list-retirable-grants", kmsd_op_list_retirable, NULL, 0, 0, false),
	POST("retire-grant", kmsd_op_retire_grant, "retireGrant", 0, 0, true),
	POST("revoke-grant", kmsd_op_revoke_grant, "revokeGrant", KMSD_P_GRANT_REVOKE, 0, true),
	POST("create-agency", kmsd_op_create_agency, "createAgency", KMSD_P_AGENCY, 0, true),
	POST("describe-agency", kmsd_op_describe_agency, NULL, KMSD_P_CMK_QUOTA, 0, false),
	POST("delete-agency", kmsd_op_delete_agency, "deleteAgency", KMSD_P_AGENCY, 0, true),
	POST("get-parameters-for-import", kmsd_op_import_parameters, NULL, KMSD_P_CMK_IMPORT, 0,
	     false),
	POST("import-key-material", kmsd_op_import_material, "importKeyMaterial",
	     KMSD_P_CMK_IMPORT, 0, true),
	POST("delete-imported-key-material", kmsd_op_delete_material,
	     "deleteImportedKeyMaterial", KMSD_P_CMK_IMPORT, 0, true),
	{ "user-quotas", "GET", KMS "user-quotas", kmsd_op_user_quotas, NULL, KMSD_P_CMK_QUOTA,
	  0, false },
	{ "metrics", "GET", "metrics", kmsd_op_metrics, NULL, KMSD_P_METRICS, 0, false },
};

/* Compares a path with a pattern, whose asterisk stands for the project. */
static bool match(const char *pattern, const char *path, const char **project, size_t *len)
{
	*project = NULL;
	*len = 0;
	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			*project = path;
			*len = strcspn(path, "/");
			path += *len;
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return !*path;
}

static int take_project(struct kmsd_call *call, const char *project, size_t len,
			struct evs_error *err)
{
	evs_text_copy(call->project, sizeof(call->project), project, len);
	if (len <= EVS_KMS_PROJECT_MAX && kmsd_project_valid(call->project))
		return 0;
	call->project[0] = '\0';
	return kmsd_fail(err, KMSD_E_PROJECT, "not the id of a project");
}

int kmsd_route_find(struct kmsd_call *call, struct evs_error *err)
{
	const char *path = call->http->path + (call->http->path[0] == '/'), *project = NULL;
	const struct kmsd_route *other = NULL, *r = routes;
	size_t i, len;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++, r++) {
		if (!match(r->pattern, path, &project, &len))
			continue;
		if (strcmp(r->method, call->http->method)) {
			other = r;
			continue;
		}
		call->route = r;
		call->reply->op = r->name;
		return project ? take_project(call, project, len, err) : 0;
	}
	if (!other)
		return kmsd_fail(err, KMSD_E_URL, "no such URL");
	call->reply->op = other->name;
	return kmsd_fail(err, KMSD_E_METHOD, "the method is %s", other->method);
}
