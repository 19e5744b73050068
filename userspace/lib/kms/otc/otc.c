// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KMS v1.0 REST API of Open Telekom Cloud and Huawei Cloud: POST with a JSON
 * object to /v1.0/{project}/kms/<operation>. Numbers are sent as strings, as
 * documented, and taken either way.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/json.h"
#include "kms/otc/private.h"

#define PAGE_KEYS "20"		/* the longest descriptions of so many fit an answer */
#define KEYS_MAX 100000
#define ALIAS_PREFIX "alias/"

/* ---- CMKs ---- */

static int get_cmk(json_object *info, void *one)
{
	struct evs_cmk *cmk = one;
	char alias[EVS_CMK_ALIAS_MAX + sizeof(ALIAS_PREFIX)];
	const char *plain;
	int64_t number;

	memset(cmk, 0, sizeof(*cmk));
	if (evs_json_text(info, "key_id", cmk->id, sizeof(cmk->id)) || !evs_cmk_is_id(cmk->id))
		return -EPROTO;
	if (evs_json_number(info, "key_state", &number))
		return -EPROTO;
	if (number > EVS_CMK_STATE_UNKNOWN && number <= EVS_CMK_STATE_PENDING_IMPORT)
		cmk->state = (enum evs_cmk_state)number;
	/* All others only inform; what is missing or odd stays empty. */
	evs_json_text(info, "key_alias", alias, sizeof(alias));
	plain = strncmp(alias, ALIAS_PREFIX, strlen(ALIAS_PREFIX)) ? alias :
		alias + strlen(ALIAS_PREFIX);
	if (strlen(plain) <= EVS_CMK_ALIAS_MAX)
		strcpy(cmk->alias, plain);
	evs_json_text(info, "key_description", cmk->description, sizeof(cmk->description));
	evs_json_text(info, "key_spec", cmk->spec, sizeof(cmk->spec));
	evs_json_text(info, "origin", cmk->origin, sizeof(cmk->origin));
	cmk->is_default = !evs_json_number(info, "default_key_flag", &number) && number == 1;
	cmk->created = evs_otc_time(info, "creation_date");
	cmk->deletion = evs_otc_time(info, "scheduled_deletion_date");
	return 0;
}

static int create_key(struct evs_kms *kms, const char *alias, const char *description,
		      const char *origin, char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	json_object *request = evs_otc_request("key_alias", alias);
	json_object *reply;
	int ret;

	if (description)
		evs_otc_add_text(&request, "key_description", description);
	if (origin)
		evs_otc_add_text(&request, "origin", origin);
	ret = evs_otc_call(kms, "create-key", request, &reply, err);
	if (ret)
		return ret;
	if (evs_json_text(json_object_object_get(reply, "key_info"), "key_id", id,
			  EVS_CMK_REF_SIZE) || !evs_cmk_is_id(id))
		ret = evs_otc_bad_answer(err, "create-key", "no key_id");
	json_object_put(reply);
	return ret;
}

int evs_otc_create_key(struct evs_kms *kms, const char *alias, const char *description,
		       char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	return create_key(kms, alias, description, NULL, id, err);
}

int evs_otc_create_external_key(struct evs_kms *kms, const char *alias,
				const char *description, char id[EVS_CMK_REF_SIZE],
				struct evs_error *err)
{
	return create_key(kms, alias, description, "external", id, err);
}

int evs_otc_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	json_object *reply;
	int ret;

	ret = evs_otc_call(kms, "describe-key", evs_otc_request("key_id", ref), &reply, err);
	if (ret)
		return ret;
	if (get_cmk(json_object_object_get(reply, "key_info"), cmk))
		ret = evs_otc_bad_answer(err, "describe-key", "no key_info with key_id and key_state");
	json_object_put(reply);
	return ret;
}

int evs_otc_set_enabled(struct evs_kms *kms, const char *id, bool enabled,
			struct evs_error *err)
{
	const char *op = enabled ? "enable-key" : "disable-key";
	json_object *reply;
	int64_t state;
	int ret;

	ret = evs_otc_call(kms, op, evs_otc_request("key_id", id), &reply, err);
	if (ret)
		return ret;
	if (evs_json_number(json_object_object_get(reply, "key_info"), "key_state", &state) ||
	    state != (enabled ? EVS_CMK_STATE_ENABLED : EVS_CMK_STATE_DISABLED))
		ret = evs_otc_bad_answer(err, op, "key_state is not what was asked for");
	json_object_put(reply);
	return ret;
}

int evs_otc_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err)
{
	static const struct evs_otc_list list = {
		.op = "list-keys", .limit = PAGE_KEYS, .max = KEYS_MAX, .member = "key_details",
		.size = sizeof(**cmks), .get = get_cmk, .bad = "a key without key_id or key_state",
	};
	void *got;
	int ret = evs_otc_list(kms, &list, NULL, &got, count, err);

	*cmks = got;
	return ret;
}

/* ---- the client ---- */

static int otc_open(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_otc *otc = calloc(1, sizeof(*otc));
	int ret;

	if (!otc)
		return evs_otc_no_memory(err);
	kms->priv = otc;
	ret = evs_kms_http_open(&otc->http, &kms->cfg, err);
	return ret ? ret : evs_otc_auth_open(&otc->auth, &kms->cfg, err);
}

void evs_otc_close(struct evs_kms *kms)
{
	struct evs_otc *otc = kms->priv;

	if (!otc)
		return;
	evs_http_close(otc->http);
	evs_http_close(otc->iam);
	evs_otc_auth_close(otc->auth);
	free(otc);
}

static const struct evs_config_key otc_keys[] = {
	EVS_KMS_HTTP_KEYS,
	EVS_OTC_AUTH_KEYS,
	{ "project", evs_config_is_word, "be the id of a project", false },
	{},
};

const struct evs_kms_ops evs_otc_ops = {
	.name = "otc",
	.keys = otc_keys,
	.check = evs_otc_auth_check,
	.open = otc_open,
	.advise = evs_otc_advise,
	EVS_OTC_CALLS,
	.create_agency = evs_otc_create_agency,
	.find_agency = evs_otc_find_agency,
	.delete_agency = evs_otc_delete_agency,
};
