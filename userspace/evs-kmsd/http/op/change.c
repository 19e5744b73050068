// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations that change a CMK: state, names, rotation. */
#include <stdio.h>

#include "key/cmk.h"
#include "fail.h"
#include "http/op/ops.h"
#include "key/rotation.h"

#define DAYS_MIN 7
#define DAYS_MAX 1096

static int reply_state(struct kmsd_call *call, const char *outer, const struct kmsd_cmk *cmk,
		       struct evs_error *err)
{
	char state[12];

	snprintf(state, sizeof(state), "%d", cmk->state);
	return kmsd_reply_pairs(call->reply, outer, (const char *const[]){
		"key_id", cmk->id, "key_state", state, NULL }, err);
}

int kmsd_op_enable_key(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);

	if (!ret)
		ret = kmsd_cmk_enable(call->kmsd, &cmk, err);
	return ret ? ret : reply_state(call, "key_info", &cmk, err);
}

int kmsd_op_disable_key(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);

	if (!ret)
		ret = kmsd_cmk_disable(call->kmsd, &cmk, err);
	return ret ? ret : reply_state(call, "key_info", &cmk, err);
}

int kmsd_op_schedule_deletion(struct kmsd_call *call, struct evs_error *err)
{
	int64_t days = 0;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_call_number(call, "pending_days", KMSD_E_DAYS, &days, err);
	if (!ret && (days < DAYS_MIN || days > DAYS_MAX))
		ret = kmsd_fail(err, KMSD_E_DAYS, "pending_days: not %d to %d", DAYS_MIN,
				DAYS_MAX);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (!ret)
		ret = kmsd_cmk_schedule(call->kmsd, &cmk, days, err);
	return ret ? ret : reply_state(call, NULL, &cmk, err);
}

int kmsd_op_cancel_deletion(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);

	if (!ret)
		ret = kmsd_cmk_cancel(call->kmsd, &cmk, err);
	return ret ? ret : reply_state(call, NULL, &cmk, err);
}

int kmsd_op_update_alias(struct kmsd_call *call, struct evs_error *err)
{
	const char *alias;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_request_string(&call->req, "key_alias", NULL, &alias, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (!ret)
		ret = kmsd_cmk_rename(call->kmsd, &cmk, alias, err);
	return ret ? ret : kmsd_reply_pairs(call->reply, "key_info", (const char *const[]){
		"key_id", cmk.id, "key_alias", cmk.alias, NULL }, err);
}

int kmsd_op_update_description(struct kmsd_call *call, struct evs_error *err)
{
	const char *description;
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_request_string(&call->req, "key_description", NULL, &description, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (!ret)
		ret = kmsd_cmk_describe(call->kmsd, &cmk, description, err);
	return ret ? ret : kmsd_reply_pairs(call->reply, "key_info", (const char *const[]){
		"key_id", cmk.id, "key_description", cmk.description, NULL }, err);
}

static int set_rotation(struct kmsd_call *call, bool on, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);

	if (!ret)
		ret = kmsd_rotation_set(call->kmsd, &cmk, on, err);
	return ret ? ret : kmsd_reply_done(call->reply, err);
}

int kmsd_op_enable_rotation(struct kmsd_call *call, struct evs_error *err)
{
	return set_rotation(call, true, err);
}

int kmsd_op_disable_rotation(struct kmsd_call *call, struct evs_error *err)
{
	return set_rotation(call, false, err);
}

int kmsd_op_update_interval(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int64_t days = 0;
	int ret;

	ret = kmsd_call_number(call, "rotation_interval", KMSD_E_INTERVAL, &days, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (!ret)
		ret = kmsd_rotation_set_days(call->kmsd, &cmk, days, err);
	return ret ? ret : kmsd_reply_done(call->reply, err);
}

int kmsd_op_rotation_status(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *json;
	struct kmsd_cmk cmk;
	char last[24];
	int ret;

	ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (!ret)
		ret = kmsd_rotation_allowed(&cmk, err);
	if (ret)
		return ret;
	snprintf(last, sizeof(last), "%lld", (long long)cmk.rotated);
	json = json_object_new_object();
	if (json &&
	    (kmsd_json_put(json, "key_rotation_enabled", json_object_new_boolean(cmk.rotation)) ||
	     kmsd_json_put(json, "rotation_interval", json_object_new_int64(cmk.rotation_days)) ||
	     kmsd_json_add(json, "last_rotation_time", last) ||
	     kmsd_json_put(json, "number_of_rotations", json_object_new_int64(cmk.rotations)))) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}
