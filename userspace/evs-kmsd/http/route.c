// SPDX-License-Identifier: GPL-2.0-or-later
/* Which operation is a request for? */
#include <string.h>

#include "fail.h"
#include "key/grant.h"
#include "http/op/ops.h"

#define KMS "v1.0/*/kms/"
#define AGENCY "v3.0/OS-AGENCY/"
#define CREDENTIAL "v3.0/OS-CREDENTIAL/credentials"
#define TEMPORARY "v3.0/OS-CREDENTIAL/securitytokens"

#define CHANGE KMSD_R_CHANGE
#define IAM (KMSD_R_IAM | KMSD_R_CHANGE)

/* Those of the KMS that are a POST of a JSON object to their own name. */
#define POST(name, run, event, permission, grant, flags) \
	{ name, "POST", KMS name, run, event, permission, grant, flags }

/* The most frequent ones first. */
static const struct kmsd_route routes[] = {
	POST("decrypt-datakey", kmsd_op_decrypt_datakey, "decryptDatakey", KMSD_P_DEK_CRYPTO,
	     KMSD_G_DECRYPT_DATAKEY, 0),
	POST("create-datakey", kmsd_op_create_datakey, "createDataKey", KMSD_P_DEK_CREATE,
	     KMSD_G_CREATE_DATAKEY, 0),
	POST("encrypt-datakey", kmsd_op_encrypt_datakey, "encryptDatakey", KMSD_P_DEK_CRYPTO,
	     KMSD_G_ENCRYPT_DATAKEY, 0),
	POST("describe-key", kmsd_op_describe_key, NULL, KMSD_P_CMK_GET, KMSD_G_DESCRIBE_KEY, 0),
	POST("list-keys", kmsd_op_list_keys, NULL, KMSD_P_CMK_LIST, 0, 0),
	POST("create-datakey-without-plaintext", kmsd_op_create_datakey_blind,
	     "createDataKeyWithoutPlaintext", KMSD_P_DEK_CREATE, KMSD_G_CREATE_DATAKEY_BLIND, 0),
	POST("create-key", kmsd_op_create_key, "createKey", KMSD_P_CMK_CREATE, 0, CHANGE),
	POST("enable-key", kmsd_op_enable_key, "enableKey", KMSD_P_CMK_ENABLE, 0, CHANGE),
	POST("disable-key", kmsd_op_disable_key, "disableKey", KMSD_P_CMK_DISABLE, 0, CHANGE),
	POST("schedule-key-deletion", kmsd_op_schedule_deletion, "scheduleKeyDeletion",
	     KMSD_P_CMK_UPDATE, 0, CHANGE),
	POST("cancel-key-deletion", kmsd_op_cancel_deletion, "cancelKeyDeletion",
	     KMSD_P_CMK_UPDATE, 0, CHANGE),
	POST("update-key-alias", kmsd_op_update_alias, "updateKeyAlias", KMSD_P_CMK_UPDATE, 0,
	     CHANGE),
	POST("update-key-description", kmsd_op_update_description, "updateKeyDescription",
	     KMSD_P_CMK_UPDATE, 0, CHANGE),
	POST("enable-key-rotation", kmsd_op_enable_rotation, "enableKeyRotation",
	     KMSD_P_CMK_ROTATE, 0, CHANGE),
	POST("disable-key-rotation", kmsd_op_disable_rotation, "disableKeyRotation",
	     KMSD_P_CMK_ROTATE, 0, CHANGE),
	POST("update-key-rotation-interval", kmsd_op_update_interval,
	     "updateKeyRotationInterval", KMSD_P_CMK_ROTATE, 0, CHANGE),
	POST("get-key-rotation-status", kmsd_op_rotation_status, NULL, KMSD_P_CMK_GET, 0, 0),
	POST("gen-random", kmsd_op_gen_random, "genRandom", KMSD_P_CMK_GENERATE, 0, 0),
	POST("encrypt-data", kmsd_op_encrypt_data, "encryptData", KMSD_P_CMK_CRYPTO, 0, 0),
	POST("decrypt-data", kmsd_op_decrypt_data, "decryptData", KMSD_P_CMK_CRYPTO, 0, 0),
	POST("create-grant", kmsd_op_create_grant, "createGrant", KMSD_P_GRANT_CREATE,
	     KMSD_G_CREATE_GRANT, CHANGE),
	POST("list-grants", kmsd_op_list_grants, NULL, KMSD_P_GRANT_LIST, 0, 0),
	POST("list-retirable-grants", kmsd_op_list_retirable, NULL, 0, 0, 0),
	POST("retire-grant", kmsd_op_retire_grant, "retireGrant", 0, 0, CHANGE),
	POST("revoke-grant", kmsd_op_revoke_grant, "revokeGrant", KMSD_P_GRANT_REVOKE, 0, CHANGE),
	POST("create-agency", kmsd_op_create_agency, "createAgency", KMSD_P_AGENCY, 0, CHANGE),
	POST("describe-agency", kmsd_op_describe_agency, NULL, KMSD_P_CMK_QUOTA, 0, 0),
	POST("delete-agency", kmsd_op_delete_agency, "deleteAgency", KMSD_P_AGENCY, 0, CHANGE),
	POST("get-parameters-for-import", kmsd_op_import_parameters, NULL, KMSD_P_CMK_IMPORT, 0,
	     0),
	POST("import-key-material", kmsd_op_import_material, "importKeyMaterial",
	     KMSD_P_CMK_IMPORT, 0, CHANGE),
	POST("delete-imported-key-material", kmsd_op_delete_material,
	     "deleteImportedKeyMaterial", KMSD_P_CMK_IMPORT, 0, CHANGE),
	{ "user-instances", "GET", KMS "user-instances", kmsd_op_user_instances, NULL,
	  KMSD_P_CMK_INSTANCE, 0, 0 },
	{ "user-quotas", "GET", KMS "user-quotas", kmsd_op_user_quotas, NULL, KMSD_P_CMK_QUOTA,
	  0, 0 },
	{ "tag-instances", "POST", KMS "resource_instances/action", kmsd_op_tag_instances, NULL,
	  KMSD_P_CMK_LIST, 0, 0 },
	{ "tag-project", "GET", KMS "tags", kmsd_op_tag_project, NULL, KMSD_P_CMK_LIST, 0, 0 },
	{ "tag-list", "GET", KMS "*/tags", kmsd_op_tag_list, NULL, KMSD_P_CMK_GET, 0, 0 },
	{ "tag-add", "POST", KMS "*/tags", kmsd_op_tag_add, "createKeyTag", KMSD_P_CMK_TAG, 0,
	  CHANGE },
	{ "tag-batch", "POST", KMS "*/tags/action", kmsd_op_tag_batch, "batchUpdateKeyTags",
	  KMSD_P_CMK_TAG, 0, CHANGE },
	{ "tag-delete", "DELETE", KMS "*/tags/*", kmsd_op_tag_delete, "deleteKeyTag",
	  KMSD_P_CMK_TAG, 0, CHANGE | KMSD_R_NO_BODY },

	{ "versions", "GET", "", kmsd_op_versions, NULL, 0, 0, 0 },
	{ "version", "GET", "v1.0", kmsd_op_version, NULL, 0, 0, 0 },
	{ "version", "GET", "v1.0/", kmsd_op_version, NULL, 0, 0, 0 },
	{ "metrics", "GET", "metrics", kmsd_op_metrics, NULL, KMSD_P_METRICS, 0, 0 },

	/* No transaction: the password takes its time, and others want to change things */
	{ "token-create", "POST", "v3/auth/tokens", kmsd_iam_token_create, "createToken", 0, 0,
	  KMSD_R_IAM | KMSD_R_PUBLIC },
	{ "user-create", "POST", "v3/users", kmsd_iam_user_create, "createUser", KMSD_P_IAM, 0,
	  IAM },
	{ "user-list", "GET", "v3/users", kmsd_iam_user_list, NULL, KMSD_P_IAM, 0, KMSD_R_IAM },
	{ "user-delete", "DELETE", "v3/users/*", kmsd_iam_user_delete, "deleteUser", KMSD_P_IAM,
	  0, IAM | KMSD_R_NO_BODY },
	{ "role-list", "GET", "v3/roles", kmsd_iam_role_list, NULL, KMSD_P_IAM, 0, KMSD_R_IAM },
	{ "role-add", "PUT", "v3/projects/*/users/*/roles/*", kmsd_iam_role_add, "addRole",
	  KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "role-remove", "DELETE", "v3/projects/*/users/*/roles/*", kmsd_iam_role_remove,
	  "removeRole", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "role-add-all", "PUT", "v3/domains/*/users/*/roles/*", kmsd_iam_role_add_all,
	  "addRole", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "role-remove-all", "DELETE", "v3/domains/*/users/*/roles/*", kmsd_iam_role_remove_all,
	  "removeRole", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "credential-create", "POST", CREDENTIAL, kmsd_iam_credential_create,
	  "createCredential", KMSD_P_IAM, 0, IAM },
	{ "credential-delete", "DELETE", CREDENTIAL "/*", kmsd_iam_credential_delete,
	  "deleteCredential", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "temporary-create", "POST", TEMPORARY, kmsd_iam_temporary_create, "createTemporaryKey",
	  0, 0, IAM | KMSD_R_PUBLIC },
	{ "agency-create", "POST", AGENCY "agencies", kmsd_iam_agency_create, "createAgency",
	  KMSD_P_IAM, 0, IAM },
	{ "agency-list", "GET", AGENCY "agencies", kmsd_iam_agency_list, NULL, KMSD_P_IAM, 0,
	  KMSD_R_IAM },
	{ "agency-show", "GET", AGENCY "agencies/*", kmsd_iam_agency_show, NULL, KMSD_P_IAM, 0,
	  KMSD_R_IAM },
	{ "agency-delete", "DELETE", AGENCY "agencies/*", kmsd_iam_agency_delete,
	  "deleteAgency", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "agency-role-list", "GET", AGENCY "projects/*/agencies/*/roles",
	  kmsd_iam_agency_role_list, NULL, KMSD_P_IAM, 0, KMSD_R_IAM },
	{ "agency-role-add", "PUT", AGENCY "projects/*/agencies/*/roles/*",
	  kmsd_iam_agency_role_add, "addAgencyRole", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
	{ "agency-role-remove", "DELETE", AGENCY "projects/*/agencies/*/roles/*",
	  kmsd_iam_agency_role_remove, "removeAgencyRole", KMSD_P_IAM, 0, IAM | KMSD_R_NO_BODY },
};

/* Compares a path with a pattern, and keeps what the asterisks stand for. */
static bool match(const char *pattern, const char *path, char parts[][KMSD_PART_SIZE])
{
	size_t len, n = 0;

	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len >= KMSD_PART_SIZE)
			return false;
		memcpy(parts[n], path, len);
		parts[n++][len] = '\0';
		path += len;
	}
	return !*path;
}

bool kmsd_project_valid(const char *project)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t len = strlen(project);

	return len && len <= EVS_KMS_PROJECT_MAX && strspn(project, allowed) == len;
}

static int check_project(struct kmsd_call *call, struct evs_error *err)
{
	if (!kmsd_project_valid(call->parts[0]))
		return kmsd_fail(err, call->route->flags & KMSD_R_IAM ? KMSD_IAM_BAD
								      : KMSD_E_PROJECT,
				 "not the id of a project");
	strcpy(call->project, call->parts[0]);
	return 0;
}

int kmsd_route_find(struct kmsd_call *call, struct evs_error *err)
{
	const char *path = call->http->path + (call->http->path[0] == '/');
	const struct kmsd_route *other = NULL, *r = routes;
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++, r++) {
		if (!match(r->pattern, path, call->parts))
			continue;
		if (strcmp(r->method, call->http->method)) {
			other = r;
			continue;
		}
		call->route = r;
		call->reply->op = r->name;
		return !strncmp(r->pattern, KMS, strlen(KMS)) || strstr(r->pattern, "projects/*")
			       ? check_project(call, err) : 0;
	}
	if (!other)
		return kmsd_fail(err, KMSD_E_URL, "no such URL");
	call->reply->op = other->name;
	return kmsd_fail(err, other->flags & KMSD_R_IAM ? KMSD_IAM_METHOD : KMSD_E_METHOD,
			 "the method is %s", other->method);
}
