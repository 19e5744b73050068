// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on customer master keys. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "cmk.h"
#include "fail.h"

#define LIMIT_MAX 1000
#define DESCRIPTION_MAX 255	/* characters */

/* There are no accounts yet: every key belongs to the one that is there. */
#define DOMAIN_ID "local"

static void note_key(struct kmsd_call *call, const struct kmsd_cmk *cmk)
{
	memcpy(call->reply->key_id, cmk->id, sizeof(cmk->id));
}

/* Wraps an object as {"key_info": ...}; takes its reference. */
static int reply_key_info(struct kmsd_call *call, struct json_object *info, struct evs_error *err)
{
	struct json_object *json = json_object_new_object();

	if (!info || !json || json_object_object_add(json, "key_info", info)) {
		json_object_put(info);
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}

/* All that describe-key and list-keys tell; NULL when out of memory. */
static struct json_object *key_details(const struct kmsd_cmk *cmk)
{
	struct json_object *json = json_object_new_object();
	char state[12], created[24];
	const struct {
		const char *name;
		const char *value;
	} members[] = {
		{ "key_id", cmk->id },
		{ "domain_id", DOMAIN_ID },
		{ "key_alias", cmk->alias },
		{ "realm", DOMAIN_ID },
		{ "key_description", cmk->description },
		{ "key_spec", "AES_256" },
		{ "key_usage", "ENCRYPT_DECRYPT" },
		{ "creation_date", created },
		{ "scheduled_deletion_date", "" },
		{ "key_state", state },
		{ "default_key_flag", cmk->is_default ? "1" : "0" },
		{ "key_type", "1" },
		{ "expiration_time", "" },
		{ "origin", "kms" },
	};
	size_t i;

	snprintf(state, sizeof(state), "%d", cmk->state);
	snprintf(created, sizeof(created), "%" PRId64, cmk->created);
	for (i = 0; json && i < sizeof(members) / sizeof(members[0]); i++)
		if (kmsd_json_add(json, members[i].name, members[i].value)) {
			json_object_put(json);
			json = NULL;
		}
	return json;
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

/* Length in characters; the parser has checked that it is UTF-8. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

int kmsd_op_create_key(struct kmsd_call *call, struct evs_error *err)
{
	const char *alias = NULL, *description = NULL;
	struct json_object *info;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_request_string(&call->req, "key_alias", NULL, &alias, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "key_description", "", &description, err);
	if (!ret)
		ret = only(&call->req, "key_spec", "AES_256", err);
	if (!ret)
		ret = only(&call->req, "key_usage", "ENCRYPT_DECRYPT", err);
	if (!ret)
		ret = only(&call->req, "origin", "kms", err);
	if (ret)
		return ret;
	if (characters(description) > DESCRIPTION_MAX)
		return kmsd_fail(err, KMSD_E_DESCRIPTION,
				 "key_description: more than %d characters", DESCRIPTION_MAX);
	ret = kmsd_cmk_create(call->kmsd, call->project, alias, description, &cmk, err);
	if (ret)
		return ret;
	note_key(call, &cmk);

	info = json_object_new_object();
	if (info && (kmsd_json_add(info, "key_id", cmk.id) ||
		     kmsd_json_add(info, "domain_id", DOMAIN_ID))) {
		json_object_put(info);
		info = NULL;
	}
	return reply_key_info(call, info, err);
}

int kmsd_op_describe_key(struct kmsd_call *call, struct evs_error *err)
{
	const char *key_id;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_request_string(&call->req, "key_id", NULL, &key_id, err);
	if (!ret)
		ret = kmsd_cmk_find(call->kmsd, call->project, key_id, &cmk, err);
	if (ret)
		return ret;
	note_key(call, &cmk);
	return reply_key_info(call, key_details(&cmk), err);
}

static int change_state(struct kmsd_call *call,
			int (*change)(struct kmsd *, struct kmsd_cmk *, struct evs_error *),
			struct evs_error *err)
{
	struct json_object *info;
	const char *key_id;
	struct kmsd_cmk cmk;
	char state[12];
	int ret;

	ret = kmsd_request_string(&call->req, "key_id", NULL, &key_id, err);
	if (!ret)
		ret = kmsd_cmk_find_id(call->kmsd, call->project, key_id, &cmk, err);
	if (ret)
		return ret;
	note_key(call, &cmk);
	ret = change(call->kmsd, &cmk, err);
	if (ret)
		return ret;

	snprintf(state, sizeof(state), "%d", cmk.state);
	info = json_object_new_object();
	if (info && (kmsd_json_add(info, "key_id", cmk.id) ||
		     kmsd_json_add(info, "key_state", state))) {
		json_object_put(info);
		info = NULL;
	}
	return reply_key_info(call, info, err);
}

int kmsd_op_enable_key(struct kmsd_call *call, struct evs_error *err)
{
	return change_state(call, kmsd_cmk_enable, err);
}

int kmsd_op_disable_key(struct kmsd_call *call, struct evs_error *err)
{
	return change_state(call, kmsd_cmk_disable, err);
}

struct list {
	struct json_object *ids;
	struct json_object *details;
};

static int list_add(struct json_object *array, struct json_object *item)
{
	if (!item || json_object_array_add(array, item)) {
		json_object_put(item);
		return -ENOMEM;
	}
	return 0;
}

static int list_each(void *arg, const struct kmsd_cmk *cmk)
{
	struct list *list = arg;

	return list_add(list->ids, json_object_new_string(cmk->id)) ||
			       list_add(list->details, key_details(cmk))
		       ? -ENOMEM
		       : 0;
}

static int list_page(const struct kmsd_request *req, struct kmsd_page *page,
		     struct evs_error *err)
{
	int64_t state = EVS_CMK_STATE_UNKNOWN;
	int ret;

	ret = kmsd_request_number(req, "limit", KMSD_E_LIMIT, &page->limit, err);
	if (ret < 0)
		return ret;
	if (page->limit < 1 || page->limit > LIMIT_MAX)
		return kmsd_fail(err, KMSD_E_LIMIT, "limit: not 1 to %d", LIMIT_MAX);
	ret = kmsd_request_number(req, "marker", KMSD_E_MARKER, &page->offset, err);
	if (ret < 0)
		return ret;
	if (page->offset < 0)
		return kmsd_fail(err, KMSD_E_MARKER, "marker: less than 0");
	ret = kmsd_request_number(req, "key_state", KMSD_E_PARAMETER, &state, err);
	if (ret < 0)
		return ret;
	if (ret && (state < EVS_CMK_STATE_WAITING || state > EVS_CMK_STATE_PENDING_IMPORT))
		return kmsd_fail(err, KMSD_E_PARAMETER, "key_state: not 1 to 5");
	page->state = (enum evs_cmk_state)state;
	return 0;
}

/* The answer around the arrays. */
static struct json_object *list_json(const struct kmsd_page *page, struct list *list)
{
	size_t shown = json_object_array_length(list->ids);
	bool truncated = page->offset + (int64_t)shown < page->total && shown;
	struct json_object *json = json_object_new_object();
	char marker[24] = "";

	if (truncated)
		snprintf(marker, sizeof(marker), "%" PRId64, page->offset + (int64_t)shown);
	if (!json || json_object_object_add(json, "keys", json_object_get(list->ids)) ||
	    json_object_object_add(json, "key_details", json_object_get(list->details)) ||
	    kmsd_json_add(json, "next_marker", marker) ||
	    kmsd_json_add(json, "truncated", truncated ? "true" : "false") ||
	    json_object_object_add(json, "total", json_object_new_int64(page->total))) {
		json_object_put(json);
		return NULL;
	}
	return json;
}

int kmsd_op_list_keys(struct kmsd_call *call, struct evs_error *err)
{
	struct list list = {};
	struct kmsd_page page = { .limit = LIMIT_MAX, .each = list_each, .arg = &list };
	int ret;

	ret = list_page(&call->req, &page, err);
	if (ret)
		return ret;
	list.ids = json_object_new_array();
	list.details = json_object_new_array();
	if (!list.ids || !list.details)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	if (!ret)
		ret = kmsd_store_list(call->kmsd->store, call->project, &page, err);
	if (!ret)
		ret = kmsd_reply_json(call->reply, list_json(&page, &list), err);
	json_object_put(list.ids);
	json_object_put(list.details);
	return ret;
}
