// SPDX-License-Identifier: GPL-2.0-or-later
/* From a request to an operation, with leave and with a trace, and to an answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api.h"
#include "key/agency.h"
#include "key/cmk.h"
#include "fail.h"
#include "key/grant.h"
#include "log.h"
#include "text.h"
#include "sweep.h"

/* Says who would have to do what. */
static int refuse_permission(struct kmsd_call *call, struct evs_error *err)
{
	const char *name = call->who.name;
	uint32_t permission = call->route->permission;

	if (call->who.no_agency && permission & KMSD_P_KMS)
		return kmsd_fail(err, KMSD_E_PERMISSION,
				 "project %s does not let EVS use its keys: an administrator of the project has to run, once: evs-setup agency create",
				 call->project);
	return kmsd_fail(err, KMSD_E_PERMISSION,
			 "client %s has the role %s; this takes %s: whoever runs evs-kmsd has to set it in [client %s] of evs-kmsd.conf%s%s%s",
			 name, kmsd_role_name(call->http->client->role),
			 kmsd_roles_with(permission), name,
			 call->route->grant ? ", or an administrator of the key's project has to run: evs-setup cmk grant add --to " : "",
			 call->route->grant ? name : "", call->route->grant ? " CMK" : "");
}

void kmsd_call_as(struct kmsd_call *call, const struct kmsd_route *route)
{
	call->route = route;
	call->allowed = (call->who.permissions & route->permission) == route->permission;
}

/* The client that the connection vouches for: what its role allows in its project. */
static int identify(struct kmsd_call *call, struct evs_error *err)
{
	const struct kmsd_client *c = call->http->client;
	struct kmsd_agency agency;
	int ret;

	if (!c) {
		*err = *call->http->unknown;
		return -err->errnum;
	}
	strcpy(call->who.name, c->name);
	if (call->project[0] && c->project[0] && strcmp(call->project, c->project))
		return kmsd_fail(err, KMSD_E_OTHER_PROJECT,
				 "client %s is for project %s, the URL names %s", c->name,
				 c->project, call->project);
	call->who.permissions = kmsd_role_permissions(c->role);
	if (c->role != KMSD_ROLE_USER)
		return 0;
	ret = kmsd_agency_find(call->kmsd, call->project, &agency, err);
	if (!ret && !agency.creator[0]) {
		call->who.no_agency = true;
		call->who.permissions = KMSD_P_NONE;
	}
	return ret;
}

/* Who is it, and does the role allow it? What only a grant may allow is left open. */
static int authorize(struct kmsd_call *call, struct evs_error *err)
{
	int ret = identify(call, err);

	if (ret)
		return ret;
	kmsd_call_as(call, call->route);
	return call->allowed || call->route->grant ? 0 : refuse_permission(call, err);
}

static void note_text(char out[KMSD_EVENT_TEXT], struct json_object *json, const char *name)
{
	struct json_object *value;

	if (json_object_object_get_ex(json, name, &value) &&
	    json_object_is_type(value, json_type_string))
		evs_text_copy(out, KMSD_EVENT_TEXT, json_object_get_string(value),
			      (size_t)json_object_get_string_len(value));
}

/* What a request is about, for its record: also when it is refused before that is looked at. */
static void note_objects(struct kmsd_call *call)
{
	struct json_object *context;

	note_text(call->asked, call->req.json, "key_id");
	note_text(call->grant, call->req.json, "grant_id");
	if (json_object_object_get_ex(call->req.json, "encryption_context", &context))
		note_text(call->volume, context, "volume");
}

static int parse(struct kmsd_call *call, struct evs_error *err)
{
	const struct kmsd_http *http = call->http;
	int ret;

	if (!strcmp(http->method, "GET"))
		return 0;
	ret = kmsd_request_init(&call->req, http->body, http->size, err);
	note_objects(call);
	return ret;
}

static struct kmsd_event make_event(const struct kmsd_call *call, const char *name,
				    const struct evs_error *err)
{
	const struct kmsd_http *http = call->http;

	return (struct kmsd_event){
		.time = kmsd_clock_now(&call->kmsd->clock), .local = http->local, .uid = http->uid,
		.text = {
			[KMSD_EV_NAME] = name, [KMSD_EV_PROJECT] = call->project,
			[KMSD_EV_CLIENT] = call->who.name,
			[KMSD_EV_CLAIMED] = call->who.name[0] ? NULL : http->claimed,
			[KMSD_EV_FINGERPRINT] = http->fingerprint, [KMSD_EV_SOURCE] = http->source,
			[KMSD_EV_CMK] = call->reply->key_id,
			[KMSD_EV_ASKED] = call->reply->key_id[0] ? "" : call->asked,
			[KMSD_EV_VOLUME] = call->volume, [KMSD_EV_GRANT] = call->grant,
			[KMSD_EV_CODE] = !err ? "" : err->code[0] ? err->code : KMSD_E_INTERNAL,
			[KMSD_EV_REQUEST] = http->request_id,
		},
		.status = !err ? call->reply->status :
			  err->code[0] ? kmsd_http_status(err->code) : 500,
		.refused = err,
	};
}

int kmsd_call_note(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_event event = make_event(call, call->route->event, NULL);

	return kmsd_audit_note(call->kmsd->audit, &event, err);
}

/* Something that changes nothing: it has not happened unless there is a record. */
static int run(struct kmsd_call *call, struct evs_error *err)
{
	int ret = call->route->run(call, err);

	return ret || !call->route->event ? ret : kmsd_call_note(call, err);
}

/* Leaves the transaction open unless it fails. */
static int begin_change(struct kmsd_call *call, struct evs_error *err)
{
	int ret = kmsd_store_begin(call->kmsd->store, err);

	if (ret)
		return ret;
	ret = call->route->run(call, err);
	if (ret)
		kmsd_store_rollback(call->kmsd->store);
	return ret;
}

/* A change, its record, and nothing else between: one transaction. */
static int run_change(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_store *store = call->kmsd->store;
	struct kmsd_event event;
	struct evs_error later = {};
	int ret;

	ret = begin_change(call, err);
	/* A key that is in the way, but gone: deleting it is a change with its own record */
	if (ret == -ESTALE) {
		ret = kmsd_sweep_deletions(call->kmsd, err);
		if (!ret)
			ret = begin_change(call, err);
	}
	if (ret)
		return ret;
	event = make_event(call, call->route->event, NULL);
	ret = kmsd_audit_commit(call->kmsd->audit, &event, err);
	/* Done and recorded; what is left to erase, the next sweep erases */
	if (!ret && kmsd_store_scrub(store, &later))
		kmsd_log("%s", later.text);
	return ret;
}

/* A refusal is recorded as well. When that fails, there is nothing to hold back. */
static void record_refusal(struct kmsd_call *call, const struct evs_error *why)
{
	struct evs_error err = {};
	struct kmsd_event event;

	if (!call->route || !call->route->event)
		return;
	event = make_event(call, call->route->event, why);
	if (kmsd_audit_note(call->kmsd->audit, &event, &err))
		kmsd_log("%s", err.text);
}

int kmsd_api_handle(struct kmsd *kmsd, const struct kmsd_http *http, struct kmsd_reply *reply,
		    struct evs_error *err)
{
	struct kmsd_call call = { .kmsd = kmsd, .http = http, .reply = reply };
	int ret;

	*reply = (struct kmsd_reply){ .status = 200, .op = "-", .type = "application/json" };
	ret = kmsd_route_find(&call, err);
	if (!ret)
		ret = authorize(&call, err);
	if (!ret)
		ret = parse(&call, err);
	if (!ret)
		ret = call.route->change ? run_change(&call, err) : run(&call, err);
	kmsd_request_free(&call.req);
	if (ret) {
		record_refusal(&call, err);
		kmsd_api_refuse(reply, err);
	}
	return ret;
}

/* evs/default makes itself when it is first asked for: a change of its own. */
static int make_default(struct kmsd_call *call, struct kmsd_cmk *cmk, struct evs_error *err)
{
	struct kmsd_store *store = call->kmsd->store;
	struct kmsd_event event;
	int ret;

	ret = kmsd_store_begin(store, err);
	if (ret)
		return ret;
	ret = kmsd_cmk_make_default(call->kmsd, call->project, cmk, err);
	if (ret) {
		kmsd_store_rollback(store);
		return ret;
	}
	memcpy(call->reply->key_id, cmk->id, sizeof(cmk->id));
	event = make_event(call, "createKey", NULL);
	return kmsd_audit_commit(call->kmsd->audit, &event, err);
}

/*
 * A key of another project that somebody has granted the caller the use of.
 * @err says that there is no such key, and does so still when there is not.
 */
static int find_granted(struct kmsd_call *call, const char *name, struct kmsd_cmk *cmk,
			struct evs_error *err)
{
	struct evs_error ignored = {};
	uint32_t operations;
	int ret;

	if (!call->route->grant || kmsd_cmk_find_id(call->kmsd, NULL, name, cmk, &ignored))
		return -EINVAL;
	ret = kmsd_grant_operations(call->kmsd, cmk->id, call->http->client, &operations, err);
	if (ret)
		return ret;
	if (!(operations & call->route->grant))
		return -EINVAL;
	call->allowed = true;
	return 0;
}

int kmsd_call_cmk(struct kmsd_call *call, enum kmsd_by by, const char *name,
		  struct kmsd_cmk *cmk, struct evs_error *err)
{
	struct evs_error why = {};
	uint32_t operations;
	int ret;

	ret = by == KMSD_BY_ID ? kmsd_cmk_find_id(call->kmsd, call->project, name, cmk, &why)
			       : kmsd_cmk_find(call->kmsd, call->project, name, cmk, &why);
	if (ret == -ENOENT && call->allowed)
		ret = make_default(call, cmk, &why);
	else if (ret == -ENOENT)
		return refuse_permission(call, err);
	if (ret && !strcmp(why.code, KMSD_E_NO_KEY))
		ret = find_granted(call, name, cmk, &why);
	if (ret) {
		*err = why;
		return ret;
	}
	memcpy(call->reply->key_id, cmk->id, sizeof(cmk->id));
	if (call->allowed)
		return 0;
	ret = kmsd_grant_operations(call->kmsd, cmk->id, call->http->client, &operations, err);
	if (ret)
		return ret;
	return operations & call->route->grant ? 0 : refuse_permission(call, err);
}

int kmsd_call_key_id(struct kmsd_call *call, enum kmsd_by by, struct kmsd_cmk *cmk,
		     struct evs_error *err)
{
	const char *key_id;
	int ret;

	ret = kmsd_request_string(&call->req, "key_id", NULL, &key_id, err);
	return ret ? ret : kmsd_call_cmk(call, by, key_id, cmk, err);
}

int kmsd_call_number(struct kmsd_call *call, const char *name, const char *code, int64_t *value,
		     struct evs_error *err)
{
	int ret = kmsd_request_number(&call->req, name, code, value, err);

	if (!ret)
		return kmsd_fail(err, KMSD_E_MISSING, "%s is missing", name);
	return ret < 0 ? ret : 0;
}

int kmsd_call_window(struct kmsd_call *call, int64_t max, struct kmsd_window *window,
		     struct evs_error *err)
{
	int ret;

	*window = (struct kmsd_window){ .limit = max };
	ret = kmsd_request_number(&call->req, "limit", KMSD_E_LIMIT, &window->limit, err);
	if (ret < 0)
		return ret;
	if (window->limit < 1 || window->limit > max)
		return kmsd_fail(err, KMSD_E_LIMIT, "limit: not 1 to %lld", (long long)max);
	ret = kmsd_request_number(&call->req, "marker", KMSD_E_MARKER, &window->offset, err);
	if (ret < 0)
		return ret;
	if (window->offset < 0)
		return kmsd_fail(err, KMSD_E_MARKER, "marker: less than 0");
	return 0;
}
