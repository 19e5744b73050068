// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on grants. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "key/cmk.h"
#include "fail.h"
#include "key/grant.h"
#include "http/op/ops.h"
#include "names.h"

#define LIMIT_MAX 100

static int check_principal(const char *name, const char *id, struct evs_error *err)
{
	return evs_word_valid(id, KMSD_USER_MAX)
		       ? 0 : kmsd_fail(err, KMSD_E_GRANTEE,
				       "%s: not a client's name: up to %d letters, digits, '.', '_' and '-'",
				       name, KMSD_USER_MAX);
}

static int read_operations(struct kmsd_call *call, uint32_t *operations, struct evs_error *err)
{
	struct json_object *list;
	const char *name;
	size_t i, op;

	*operations = 0;
	if (!json_object_object_get_ex(call->req.json, "operations", &list) || !list)
		return kmsd_fail(err, KMSD_E_MISSING, "operations is missing");
	if (!json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		return kmsd_fail(err, KMSD_E_FORMAT, "operations: not a list");
	for (i = 0; i < json_object_array_length(list); i++) {
		name = json_object_get_string(json_object_array_get_idx(list, i));
		for (op = 0; op < KMSD_GRANT_OPERATIONS; op++)
			if (name && !strcmp(name, kmsd_grant_names[op]))
				break;
		if (op == KMSD_GRANT_OPERATIONS)
			return kmsd_fail(err, KMSD_E_PARAMETER,
					 "operations: %.64s cannot be granted", name ? name : "null");
		*operations |= 1u << op;
	}
	return *operations != KMSD_G_CREATE_GRANT
		       ? 0 : kmsd_fail(err, KMSD_E_GRANT_ONLY,
				       "operations: create-grant cannot be the only one");
}

static int read_grant(struct kmsd_call *call, struct kmsd_grant *g, struct evs_error *err)
{
	const char *grantee = "", *name = "", *retiring = "";
	int ret;

	ret = kmsd_request_string(&call->req, "grantee_principal", NULL, &grantee, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "name", "", &name, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "retiring_principal", "", &retiring, err);
	if (!ret)
		ret = read_operations(call, &g->operations, err);
	if (!ret)
		ret = check_principal("grantee_principal", grantee, err);
	if (!ret && retiring[0])
		ret = check_principal("retiring_principal", retiring, err);
	if (ret)
		return ret;
	if (strlen(name) > KMSD_GRANT_NAME_MAX)
		return kmsd_fail(err, KMSD_E_PARAMETER, "name: more than %d bytes",
				 KMSD_GRANT_NAME_MAX);
	strcpy(g->grantee, grantee);
	strcpy(g->retiring, retiring);
	strcpy(g->name, name);
	return 0;
}

/*
 * By a grant, nobody hands on more than it has, and what it has handed on ends with it.
 * The caller's role is one in the project of the URL, and says nothing of a key of another.
 */
static int check_handed_on(struct kmsd_call *call, const struct kmsd_cmk *cmk,
			   struct kmsd_grant *grant, struct evs_error *err)
{
	int ret;

	if (call->who.permissions & KMSD_P_GRANT_CREATE && !strcmp(cmk->project, call->project))
		return 0;
	ret = kmsd_grant_covering(call->kmsd, cmk->id, call->http->client,
				  grant->operations | KMSD_G_CREATE_GRANT, grant->parent, err);
	if (ret)
		return ret;
	return grant->parent[0] ? 0 : kmsd_fail(err, KMSD_E_PERMISSION,
						"operations: more than %s has been granted",
						call->who.name);
}

/*
 * A grant is to the client that has the name now, not to one that has it later. A caller
 * without an identity is not the daemon's: there, names are never given anew.
 */
static int find_grantee(struct kmsd_call *call, struct kmsd_grant *grant, struct evs_error *err)
{
	const struct kmsd_client *c;

	kmsd_client_identity(call->http->client, grant->identity);
	if (!grant->identity[0])
		return 0;
	pthread_rwlock_rdlock(&call->kmsd->clients_lock);
	c = kmsd_clients_by_name(&call->kmsd->conf.clients, grant->grantee);
	if (c)
		kmsd_client_identity(c, grant->identity);
	pthread_rwlock_unlock(&call->kmsd->clients_lock);
	return c ? 0 : kmsd_fail(err, KMSD_E_GRANTEE,
				 "grantee_principal: there is no client %s: add its section [client %s] to evs-kmsd.conf first",
				 grant->grantee, grant->grantee);
}

int kmsd_op_create_grant(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_grant grant = {};
	struct kmsd_cmk cmk;
	int ret;

	ret = read_grant(call, &grant, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (ret)
		return ret;
	if (cmk.is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be granted", cmk.alias);
	ret = kmsd_cmk_usable(&cmk, err);
	if (!ret)
		ret = check_handed_on(call, &cmk, &grant, err);
	if (!ret)
		ret = find_grantee(call, &grant, err);
	if (ret)
		return ret;
	memcpy(grant.cmk, cmk.id, sizeof(grant.cmk));
	strcpy(grant.issuer, call->who.name);
	ret = kmsd_grant_add(call->kmsd, &grant, err);
	strcpy(call->grant, grant.id);
	return ret ? ret : kmsd_reply_pairs(call->reply, NULL, (const char *const[]){
		"grant_id", grant.id, NULL }, err);
}

static int list_each(void *arg, const struct kmsd_grant *g)
{
	struct json_object *json = json_object_new_object(), *ops = json_object_new_array();
	char created[24];
	int ret = -ENOMEM, i;

	snprintf(created, sizeof(created), "%lld", (long long)g->created);
	if (!json || !ops)
		goto out;
	for (i = 0; i < KMSD_GRANT_OPERATIONS; i++)
		if (g->operations & 1u << i &&
		    kmsd_json_put(ops, NULL, json_object_new_string(kmsd_grant_names[i])))
			goto out;
	if (kmsd_json_add(json, "key_id", g->cmk) || kmsd_json_add(json, "grant_id", g->id) ||
	    kmsd_json_add(json, "grantee_principal", g->grantee) ||
	    kmsd_json_put(json, "operations", json_object_get(ops)) ||
	    kmsd_json_add(json, "issuing_principal", g->issuer) ||
	    kmsd_json_add(json, "creation_date", created) ||
	    (g->name[0] && kmsd_json_add(json, "name", g->name)) ||
	    (g->retiring[0] && kmsd_json_add(json, "retiring_principal", g->retiring)))
		goto out;
	ret = kmsd_json_put(arg, NULL, json_object_get(json));
out:
	json_object_put(ops);
	json_object_put(json);
	return ret;
}

static int list(struct kmsd_call *call, struct kmsd_grant_list *list, struct evs_error *err)
{
	struct json_object *json = NULL, *array;
	struct kmsd_window window;
	int ret;

	ret = kmsd_call_window(call, LIMIT_MAX, &window, err);
	if (ret)
		return ret;
	array = json_object_new_array();
	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	list->limit = window.limit;
	list->offset = window.offset;
	list->each = list_each;
	list->arg = array;
	ret = kmsd_grant_walk(call->kmsd, list, err);
	if (ret)
		goto out;
	json = json_object_new_object();
	if (json && (kmsd_json_put(json, "grants", json_object_get(array)) ||
		     kmsd_json_window(json, &window, (int64_t)json_object_array_length(array),
				      list->total))) {
		json_object_put(json);
		json = NULL;
	}
	ret = kmsd_reply_json(call->reply, json, err);
out:
	json_object_put(array);
	return ret;
}

int kmsd_op_list_grants(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_grant_list on_key = {};
	struct kmsd_cmk cmk;
	int ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);

	on_key.cmk = cmk.id;
	return ret ? ret : list(call, &on_key, err);
}

int kmsd_op_list_retirable(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_grant_list mine = { .retiring = call->who.name };

	return list(call, &mine, err);
}

/* The grant that a request names, which must be one on the key that it names. */
static int named_grant(struct kmsd_call *call, struct kmsd_grant *grant, struct evs_error *err)
{
	const char *key_id, *grant_id;
	int ret;

	ret = kmsd_request_string(&call->req, "key_id", NULL, &key_id, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "grant_id", NULL, &grant_id, err);
	if (!ret)
		ret = kmsd_grant_find(call->kmsd, grant_id, grant, err);
	if (ret)
		return ret;
	return strcmp(key_id, grant->cmk) ? kmsd_fail(err, KMSD_E_GRANT_MISMATCH,
						      "the grant is not one on key %.36s", key_id)
					  : 0;
}

int kmsd_op_revoke_grant(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_grant grant;
	struct kmsd_cmk cmk;
	int ret;

	ret = named_grant(call, &grant, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_ID, &cmk, err);
	if (ret)
		return ret;
	ret = kmsd_grant_delete(call->kmsd, grant.id, err);
	return ret ? ret : kmsd_reply_done(call->reply, err);
}

int kmsd_op_retire_grant(struct kmsd_call *call, struct evs_error *err)
{
	const char *who = call->who.name;
	struct kmsd_grant grant;
	bool may;
	int ret;

	ret = named_grant(call, &grant, err);
	if (ret)
		return ret;
	may = !strcmp(grant.issuer, who) || !strcmp(grant.retiring, who) ||
	      (grant.operations & KMSD_G_RETIRE_GRANT && !strcmp(grant.grantee, who));
	if (!may)
		return kmsd_fail(err, KMSD_E_PERMISSION,
				 "%s has not made this grant, and may not retire it", who);
	memcpy(call->reply->key_id, grant.cmk, sizeof(grant.cmk));
	ret = kmsd_grant_delete(call->kmsd, grant.id, err);
	return ret ? ret : kmsd_reply_done(call->reply, err);
}
