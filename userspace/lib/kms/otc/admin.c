// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kms/json.h"
#include "kms/otc/private.h"
#include "text.h"

#define PAGE_GRANTS "50"
#define GRANTS_MAX 10000
#define GRANT_ID_LEN 64

/* ---- deletion ---- */

/* The answers of these two have no key_info around them. */
static int change_deletion(struct evs_kms *kms, const char *op, json_object *request,
			   enum evs_cmk_state want, struct evs_error *err)
{
	json_object *reply;
	int64_t state;
	int ret;

	ret = evs_otc_call(kms, op, request, &reply, err);
	if (ret)
		return ret;
	if (evs_json_number(reply, "key_state", &state) ||
	    (state != want && state != EVS_CMK_STATE_PENDING_IMPORT))
		ret = evs_otc_bad_answer(err, op, "key_state is not what was asked for");
	json_object_put(reply);
	return ret;
}

int evs_otc_schedule_deletion(struct evs_kms *kms, const char *id, unsigned int days,
			      int64_t *when, struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id);
	struct evs_error ignored = {};
	struct evs_cmk cmk;
	char number[16];
	int ret;

	snprintf(number, sizeof(number), "%u", days);
	evs_otc_add_text(&request, "pending_days", number);
	ret = change_deletion(kms, "schedule-key-deletion", request,
			      EVS_CMK_STATE_PENDING_DELETION, err);
	if (ret)
		return ret;
	/* The date is told by describe-key alone; not to know it is no failure. */
	*when = kms->ops->describe_key(kms, id, &cmk, &ignored) ? 0 : cmk.deletion;
	return 0;
}

int evs_otc_cancel_deletion(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	return change_deletion(kms, "cancel-key-deletion", evs_otc_request("key_id", id),
			       EVS_CMK_STATE_DISABLED, err);
}

/* ---- names ---- */

int evs_otc_rename(struct evs_kms *kms, const char *id, const char *alias,
		   struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id);

	evs_otc_add_text(&request, "key_alias", alias);
	return evs_otc_done(kms, "update-key-alias", request, err);
}

int evs_otc_set_description(struct evs_kms *kms, const char *id, const char *description,
			    struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id);

	evs_otc_add_text(&request, "key_description", description);
	return evs_otc_done(kms, "update-key-description", request, err);
}

/* ---- rotation ---- */

int evs_otc_set_rotation(struct evs_kms *kms, const char *id, bool on, struct evs_error *err)
{
	return evs_otc_done(kms, on ? "enable-key-rotation" : "disable-key-rotation",
			    evs_otc_request("key_id", id), err);
}

int evs_otc_set_rotation_interval(struct evs_kms *kms, const char *id, unsigned int days,
				  struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id);

	/* The one number that is documented as such */
	evs_otc_add(&request, "rotation_interval", json_object_new_int((int32_t)days));
	return evs_otc_done(kms, "update-key-rotation-interval", request, err);
}

/* Documented as a string, shown as a boolean */
static int get_bool(json_object *object, const char *name, bool *value)
{
	json_object *member;
	const char *text;

	if (!json_object_object_get_ex(object, name, &member))
		return -ENOENT;
	if (json_object_is_type(member, json_type_boolean)) {
		*value = json_object_get_boolean(member);
		return 0;
	}
	text = json_object_get_string(member);
	if (!text || (strcasecmp(text, "true") && strcasecmp(text, "false")))
		return -EINVAL;
	*value = !strcasecmp(text, "true");
	return 0;
}

int evs_otc_get_rotation(struct evs_kms *kms, const char *id, struct evs_rotation *rotation,
			 struct evs_error *err)
{
	const char *op = "get-key-rotation-status";
	json_object *reply;
	int64_t number;
	int ret;

	memset(rotation, 0, sizeof(*rotation));
	ret = evs_otc_call(kms, op, evs_otc_request("key_id", id), &reply, err);
	if (ret)
		return ret;
	if (get_bool(reply, "key_rotation_enabled", &rotation->on))
		ret = evs_otc_bad_answer(err, op, "no key_rotation_enabled");
	if (!evs_json_number(reply, "rotation_interval", &number) && number > 0 && number < 100000)
		rotation->interval = (unsigned int)number;
	rotation->count = -1;
	evs_json_number(reply, "number_of_rotations", &rotation->count);
	rotation->last = evs_otc_time(reply, "last_rotation_time");
	json_object_put(reply);
	return ret;
}

/* ---- grants ---- */

static bool grant_id_valid(const char *id)
{
	return strlen(id) == GRANT_ID_LEN &&
	       strspn(id, "0123456789abcdefABCDEF") == GRANT_ID_LEN;
}

static json_object *operations_of(const struct evs_grant *grant)
{
	json_object *list = json_object_new_array(), *name;
	size_t i;

	for (i = 0; list && i < grant->operation_count; i++) {
		name = json_object_new_string(grant->operations[i]);
		if (!name || json_object_array_add(list, name)) {
			json_object_put(name);
			json_object_put(list);
			return NULL;
		}
	}
	return list;
}

int evs_otc_create_grant(struct evs_kms *kms, const char *id, struct evs_grant *grant,
			 struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id), *reply;
	int ret;

	evs_otc_add_text(&request, "grantee_principal", grant->grantee);
	evs_otc_add(&request, "operations", operations_of(grant));
	if (*grant->name)
		evs_otc_add_text(&request, "name", grant->name);
	if (*grant->retiring)
		evs_otc_add_text(&request, "retiring_principal", grant->retiring);
	ret = evs_otc_call(kms, "create-grant", request, &reply, err);
	if (ret)
		return ret;
	if (evs_json_text(reply, "grant_id", grant->id, sizeof(grant->id)) ||
	    !grant_id_valid(grant->id))
		ret = evs_otc_bad_answer(err, "create-grant", "no grant_id");
	json_object_put(reply);
	return ret;
}

static int get_grant(json_object *info, void *one_grant)
{
	json_object *operations = json_object_object_get(info, "operations"), *one;
	struct evs_grant *grant = one_grant;
	size_t i, count;

	memset(grant, 0, sizeof(*grant));
	if (evs_json_text(info, "grant_id", grant->id, sizeof(grant->id)) ||
	    !grant_id_valid(grant->id))
		return -EPROTO;
	evs_json_text(info, "key_id", grant->cmk, sizeof(grant->cmk));
	evs_json_text(info, "name", grant->name, sizeof(grant->name));
	evs_json_text(info, "grantee_principal", grant->grantee, sizeof(grant->grantee));
	evs_json_text(info, "retiring_principal", grant->retiring, sizeof(grant->retiring));
	evs_json_text(info, "issuing_principal", grant->issuer, sizeof(grant->issuer));
	grant->created = evs_otc_time(info, "creation_date");
	if (!json_object_is_type(operations, json_type_array))
		return -EPROTO;
	count = json_object_array_length(operations);
	for (i = 0; i < count && i < EVS_GRANT_OPERATIONS_MAX; i++) {
		one = json_object_array_get_idx(operations, i);
		if (!json_object_is_type(one, json_type_string))
			return -EPROTO;
		evs_text_copy(grant->operations[i], sizeof(grant->operations[i]),
			      json_object_get_string(one),
			      (size_t)json_object_get_string_len(one));
	}
	grant->operation_count = i;
	return 0;
}

#define GRANTS(name) { \
	.op = name, .limit = PAGE_GRANTS, .max = GRANTS_MAX, .member = "grants", \
	.size = sizeof(struct evs_grant), .get = get_grant, \
	.bad = "a grant without grant_id or operations", \
}

static const struct evs_otc_list on_cmk = GRANTS("list-grants");
static const struct evs_otc_list retirable = GRANTS("list-retirable-grants");

int evs_otc_list_grants(struct evs_kms *kms, const char *id, struct evs_grant **grants,
			size_t *count, struct evs_error *err)
{
	void *got;
	int ret = evs_otc_list(kms, &on_cmk, id, &got, count, err);

	*grants = got;
	return ret;
}

int evs_otc_list_retirable_grants(struct evs_kms *kms, struct evs_grant **grants, size_t *count,
				  struct evs_error *err)
{
	void *got;
	int ret = evs_otc_list(kms, &retirable, NULL, &got, count, err);

	*grants = got;
	return ret;
}

int evs_otc_revoke_grant(struct evs_kms *kms, const char *id, const char *grant, bool retire,
			 struct evs_error *err)
{
	json_object *request = evs_otc_request("key_id", id);

	evs_otc_add_text(&request, "grant_id", grant);
	return evs_otc_done(kms, retire ? "retire-grant" : "revoke-grant", request, err);
}

/* ---- quotas ---- */

static int get_quota(json_object *resource, struct evs_quota *quota)
{
	return evs_json_text(resource, "type", quota->type, sizeof(quota->type)) ||
	       !*quota->type || evs_json_number(resource, "used", &quota->used) ||
	       evs_json_number(resource, "quota", &quota->limit) ? -EPROTO : 0;
}

int evs_otc_get_quotas(struct evs_kms *kms, struct evs_quota quotas[EVS_QUOTAS_MAX],
		       size_t *count, struct evs_error *err)
{
	const char *op = "user-quotas";
	struct evs_http_answer answer;
	json_object *reply, *list;
	int ret;

	ret = evs_otc_post(kms, op, NULL, &answer, err);
	if (ret)
		return ret;
	reply = evs_json_parse((const char *)answer.body->data, answer.len);
	list = json_object_object_get(json_object_object_get(reply, "quotas"), "resources");
	if (!json_object_is_type(list, json_type_array))
		ret = evs_otc_bad_answer(err, op, "no quotas with resources");
	for (*count = 0; !ret && *count < EVS_QUOTAS_MAX &&
	     *count < json_object_array_length(list); (*count)++)
		if (get_quota(json_object_array_get_idx(list, *count), &quotas[*count]))
			ret = evs_otc_bad_answer(err, op, "a quota without type, used or quota");
	json_object_put(reply);
	return ret;
}
