// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on customer master keys. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "key/cmk.h"
#include "fail.h"
#include "key/grant.h"
#include "http/op/ops.h"

#define LIMIT_MAX 1000

/* All that describe-key and list-keys tell; NULL when out of memory. */
static struct json_object *key_details(const struct kmsd_cmk *cmk)
{
	char state[12], created[24], deletion[24] = "", expires[24] = "";

	snprintf(state, sizeof(state), "%d", cmk->state);
	snprintf(created, sizeof(created), "%" PRId64, cmk->created);
	if (cmk->deletion)
		snprintf(deletion, sizeof(deletion), "%" PRId64, cmk->deletion);
	if (cmk->expires)
		snprintf(expires, sizeof(expires), "%" PRId64, cmk->expires);
	return kmsd_json_pairs((const char *const[]){
		"key_id", cmk->id, "key_alias", cmk->alias, "key_description", cmk->description,
		"key_spec", "AES_256", "key_usage", "ENCRYPT_DECRYPT",
		"creation_date", created, "scheduled_deletion_date", deletion,
		"key_state", state, "default_key_flag", cmk->is_default ? "1" : "0",
		"key_type", "1", "expiration_time", expires,
		"origin", cmk->external ? "external" : "kms", NULL });
}

/* What is asked for, where only one thing can be had. */
static int only(const struct kmsd_request *req, const char *name, const char *value,
		struct evs_error *err)
{
	const char *given;
	int ret;

	ret = kmsd_request_string(req, name, value, &given, err);
	if (ret)
		return ret;
	return strcmp(given, value) ? kmsd_fail(err, KMSD_E_PARAMETER, "%s: only %s is supported",
						name, value)
				    : 0;
}

static int take_origin(struct kmsd_call *call, struct kmsd_cmk *cmk, struct evs_error *err)
{
	const char *origin;
	int ret = kmsd_request_string(&call->req, "origin", "kms", &origin, err);

	if (ret)
		return ret;
	cmk->external = !strcmp(origin, "external");
	return cmk->external || !strcmp(origin, "kms")
		       ? 0 : kmsd_fail(err, KMSD_E_PARAMETER, "origin: neither kms nor external");
}

int kmsd_op_create_key(struct kmsd_call *call, struct evs_error *err)
{
	const char *alias = NULL, *description = NULL;
	struct kmsd_cmk cmk = {};
	int ret;

	ret = kmsd_request_string(&call->req, "key_alias", NULL, &alias, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "key_description", "", &description, err);
	if (!ret)
		ret = only(&call->req, "key_spec", "AES_256", err);
	if (!ret)
		ret = only(&call->req, "key_usage", "ENCRYPT_DECRYPT", err);
	if (!ret)
		ret = take_origin(call, &cmk, err);
	if (!ret)
		ret = kmsd_cmk_check_description(description, err);
	if (ret)
		return ret;
	if (strlen(alias) > EVS_CMK_ALIAS_MAX)
		return kmsd_fail(err, KMSD_E_ALIAS, "key_alias: more than %d characters",
				 EVS_CMK_ALIAS_MAX);
	strcpy(cmk.alias, alias);
	strcpy(cmk.description, description);
	strcpy(cmk.project, call->project);
	ret = kmsd_cmk_create(call->kmsd, &cmk, err);
	if (ret)
		return ret;
	memcpy(call->reply->key_id, cmk.id, sizeof(cmk.id));
	return kmsd_reply_pairs(call->reply, "key_info", (const char *const[]){
		"key_id", cmk.id, NULL }, err);
}

int kmsd_op_describe_key(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *json;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_call_key_id(call, KMSD_BY_NAME, &cmk, err);
	if (ret)
		return ret;
	json = json_object_new_object();
	if (json && kmsd_json_put(json, "key_info", key_details(&cmk))) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}

struct list {
	struct json_object *ids;
	struct json_object *details;
};

static int list_each(void *arg, const struct kmsd_cmk *cmk)
{
	struct list *list = arg;

	return kmsd_json_put(list->ids, NULL, json_object_new_string(cmk->id)) ||
	       kmsd_json_put(list->details, NULL, key_details(cmk)) ? -ENOMEM : 0;
}

/* The answer around the arrays, whose references it takes. */
static struct json_object *list_json(const struct kmsd_page *page, struct list *list)
{
	const struct kmsd_window window = { page->limit, page->offset };
	int64_t shown = (int64_t)json_object_array_length(list->ids);
	struct json_object *json = json_object_new_object();

	if (json && !kmsd_json_put(json, "keys", json_object_get(list->ids)) &&
	    !kmsd_json_put(json, "key_details", json_object_get(list->details)) &&
	    !kmsd_json_window(json, &window, shown, page->total))
		return json;
	json_object_put(json);
	return NULL;
}

int kmsd_op_list_keys(struct kmsd_call *call, struct evs_error *err)
{
	struct list list = {};
	struct kmsd_page page = { .each = list_each, .arg = &list };
	struct kmsd_window window;
	int ret;

	ret = kmsd_call_window(call, LIMIT_MAX, &window, err);
	if (ret)
		return ret;
	page.limit = window.limit;
	page.offset = window.offset;
	list.ids = json_object_new_array();
	list.details = json_object_new_array();
	ret = list.ids && list.details ? 0 : evs_error_set(err, ENOMEM, "out of memory");
	if (!ret)
		ret = kmsd_store_list(call->kmsd->store, call->project, &page, err);
	if (!ret)
		ret = kmsd_reply_json(call->reply, list_json(&page, &list), err);
	json_object_put(list.ids);
	json_object_put(list.details);
	return ret;
}

static struct json_object *quota(const char *type, int64_t used, int64_t limit)
{
	struct json_object *json = json_object_new_object();

	if (json && !kmsd_json_add(json, "type", type) &&
	    !kmsd_json_put(json, "used", json_object_new_int64(used)) &&
	    !kmsd_json_put(json, "quota", json_object_new_int64(limit)))
		return json;
	json_object_put(json);
	return NULL;
}

int kmsd_op_user_quotas(struct kmsd_call *call, struct evs_error *err)
{
	const struct kmsd_conf *conf = &call->kmsd->conf;
	struct json_object *json, *quotas, *list;
	int64_t cmks = 0, grants = 0;
	int ret;

	ret = kmsd_cmk_count(call->kmsd, call->project, &cmks, err);
	if (!ret)
		ret = kmsd_grant_most(call->kmsd, call->project, &grants, err);
	if (ret)
		return ret;
	json = json_object_new_object();
	quotas = json_object_new_object();
	list = json_object_new_array();
	if (!json || !quotas || !list ||
	    kmsd_json_put(list, NULL, quota("CMK", cmks, conf->cmks)) ||
	    kmsd_json_put(list, NULL, quota("grant_per_CMK", grants, conf->grants)) ||
	    kmsd_json_put(quotas, "resources", json_object_get(list)) ||
	    kmsd_json_put(json, "quotas", json_object_get(quotas)))
		ret = -ENOMEM;
	json_object_put(quotas);
	json_object_put(list);
	if (ret) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}
