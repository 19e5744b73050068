// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on tags of CMKs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key/cmk.h"
#include "fail.h"
#include "http/op/ops.h"

#define NAME_MAX_CHARS 36
#define VALUE_MAX_CHARS 43
#define TAGS_MAX 10
#define LIMIT_MAX 1000
#define LIMIT_DEFAULT 10

static bool is_good(const char *text, size_t max)
{
	size_t count = 0;

	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || strchr("*<>\\=", *text))
			return false;
		count += (*text & 0xc0) != 0x80;
	}
	return count <= max;
}

static const char *text_member(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(json, name, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static int add(struct kmsd_call *call, const char *id, struct json_object *tag,
	       struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(call->kmsd->store);
	const char *name = text_member(tag, "key"), *value = text_member(tag, "value");
	int64_t count = 0;
	int ret;

	if (!name || !value)
		return kmsd_fail(err, KMSD_E_MISSING, "tag: key or value is missing");
	if (!name[0] || !is_good(name, NAME_MAX_CHARS) || !is_good(value, VALUE_MAX_CHARS))
		return kmsd_fail(err, KMSD_E_PARAMETER,
				 "tag: key of 1 to %d, value of at most %d characters, none of *<>\\=",
				 NAME_MAX_CHARS, VALUE_MAX_CHARS);
	ret = kmsd_db_run(db, err, "INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", "sss", id, name,
			  value);
	if (ret >= 0)
		ret = kmsd_db_number(db, err, &count, "SELECT count(*) FROM tag WHERE cmk = ?",
				     "s", id);
	if (ret < 0)
		return ret;
	return count <= TAGS_MAX ? 0 : kmsd_fail(err, KMSD_E_PARAMETER,
						 "tag: a key has at most %d tags", TAGS_MAX);
}

static int delete(struct kmsd_call *call, const char *id, const char *name, struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(call->kmsd->store), err,
			      "DELETE FROM tag WHERE cmk = ? AND name = ?", "ss", id, name);

	return ret < 0 ? ret : 0;
}

int kmsd_op_tag_add(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *tag;
	struct kmsd_cmk cmk;
	int ret = kmsd_call_cmk(call, KMSD_BY_ID, call->parts[1], &cmk, err);

	if (!ret && !json_object_object_get_ex(call->req.json, "tag", &tag))
		ret = kmsd_fail(err, KMSD_E_MISSING, "tag is missing");
	if (!ret)
		ret = add(call, cmk.id, tag, err);
	return ret ? ret : kmsd_reply_empty(call->reply, err);
}

int kmsd_op_tag_delete(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_cmk cmk;
	int ret = kmsd_call_cmk(call, KMSD_BY_ID, call->parts[1], &cmk, err);

	if (!ret)
		ret = delete(call, cmk.id, call->parts[2], err);
	return ret ? ret : kmsd_reply_empty(call->reply, err);
}

int kmsd_op_tag_batch(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *tags = NULL, *tag;
	const char *action, *name;
	struct kmsd_cmk cmk;
	size_t i;
	int ret;

	ret = kmsd_request_string(&call->req, "action", NULL, &action, err);
	if (!ret)
		ret = kmsd_call_cmk(call, KMSD_BY_ID, call->parts[1], &cmk, err);
	if (ret)
		return ret;
	if (strcmp(action, "create") && strcmp(action, "delete"))
		return kmsd_fail(err, KMSD_E_PARAMETER, "action: neither create nor delete");
	json_object_object_get_ex(call->req.json, "tags", &tags);
	if (!json_object_is_type(tags, json_type_array))
		return kmsd_fail(err, KMSD_E_MISSING, "tags is missing");
	for (i = 0; !ret && i < json_object_array_length(tags); i++) {
		tag = json_object_array_get_idx(tags, i);
		name = text_member(tag, "key");
		ret = !strcmp(action, "create") ? add(call, cmk.id, tag, err)
						: delete(call, cmk.id, name ? name : "", err);
	}
	return ret ? ret : kmsd_reply_empty(call->reply, err);
}

static int take_tag(void *arg, sqlite3_stmt *row)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);
	const char *value = (const char *)sqlite3_column_text(row, 1);

	return kmsd_json_put(arg, NULL, kmsd_json_pairs((const char *const[]){
		"key", name, "value", value, NULL }));
}

static int read_tags(struct kmsd_call *call, const char *id, struct json_object *array,
		     struct evs_error *err)
{
	int ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_tag, array,
			       "SELECT name, value FROM tag WHERE cmk = ? ORDER BY name", "s", id);

	return ret < 0 ? ret : 0;
}

static int reply_array(struct kmsd_call *call, const char *name, struct json_object *array,
		       struct evs_error *err)
{
	struct json_object *json = json_object_new_object();

	if (json && kmsd_json_put(json, name, json_object_get(array))) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}

int kmsd_op_tag_list(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *array;
	struct kmsd_cmk cmk;
	int ret = kmsd_call_cmk(call, KMSD_BY_ID, call->parts[1], &cmk, err);

	if (ret)
		return ret;
	array = json_object_new_array();
	ret = array ? read_tags(call, cmk.id, array, err)
		    : evs_error_set(err, ENOMEM, "out of memory");
	if (!ret)
		ret = reply_array(call, "tags", array, err);
	json_object_put(array);
	return ret;
}

/* Collects the values of each name; rows come sorted by name. */
static int take_project_tag(void *arg, sqlite3_stmt *row)
{
	struct json_object *array = arg, *last, *values;
	const char *name = (const char *)sqlite3_column_text(row, 0);
	size_t count = json_object_array_length(array);

	last = count ? json_object_array_get_idx(array, count - 1) : NULL;
	if (!last || strcmp(text_member(last, "key"), name)) {
		last = kmsd_json_pairs((const char *const[]){ "key", name, NULL });
		if (!last || kmsd_json_put(last, "values", json_object_new_array()))
			return json_object_put(last), -ENOMEM;
		if (kmsd_json_put(array, NULL, last))
			return -ENOMEM;
	}
	json_object_object_get_ex(last, "values", &values);
	return kmsd_json_put(values, NULL, json_object_new_string(
		(const char *)sqlite3_column_text(row, 1)));
}

int kmsd_op_tag_project(struct kmsd_call *call, struct evs_error *err)
{
	static const char sql[] =
		"SELECT DISTINCT t.name, t.value FROM tag t JOIN cmk c ON c.id = t.cmk"
		" WHERE c.project = ? ORDER BY t.name, t.value";
	struct json_object *array = json_object_new_array();
	int ret;

	ret = array ? kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_project_tag,
				   array, sql, "s", call->project)
		    : evs_error_set(err, ENOMEM, "out of memory");
	if (ret >= 0)
		ret = reply_array(call, "tags", array, err);
	json_object_put(array);
	return ret;
}

/**
 * struct search - CMKs by their tags.
 * @call: the call
 * @wanted: tags of the request: each with a key and a list of values, or NULL
 * @name: resource_name to match, or NULL
 * @limit: entries wanted
 * @offset: entries to skip
 * @total: entries that match
 * @found: those on the page
 */
struct search {
	struct kmsd_call *call;
	struct json_object *wanted;
	const char *name;
	int64_t limit;
	int64_t offset;
	int64_t total;
	struct json_object *found;
};

static bool has_value(struct json_object *values, const char *value)
{
	size_t i, count = json_object_is_type(values, json_type_array)
				  ? json_object_array_length(values) : 0;
	struct json_object *item;

	for (i = 0; i < count; i++) {
		item = json_object_array_get_idx(values, i);
		if (json_object_is_type(item, json_type_string) &&
		    !strcmp(json_object_get_string(item), value))
			return true;
	}
	return !count;
}

static bool has_tag(struct json_object *tags, struct json_object *wanted)
{
	const char *name = text_member(wanted, "key");
	struct json_object *tag, *values = NULL;
	size_t i;

	json_object_object_get_ex(wanted, "values", &values);
	for (i = 0; i < json_object_array_length(tags); i++) {
		tag = json_object_array_get_idx(tags, i);
		if (name && !strcmp(text_member(tag, "key"), name) &&
		    has_value(values, text_member(tag, "value")))
			return true;
	}
	return false;
}

static int search_each(struct search *s, const struct kmsd_cmk *cmk, struct evs_error *err)
{
	struct json_object *tags = json_object_new_array(), *item;
	size_t i;
	int ret;

	ret = tags ? read_tags(s->call, cmk->id, tags, err)
		   : evs_error_set(err, ENOMEM, "out of memory");
	if (ret || (s->name && strcmp(s->name, cmk->alias)))
		goto out;
	for (i = 0; s->wanted && i < json_object_array_length(s->wanted); i++)
		if (!has_tag(tags, json_object_array_get_idx(s->wanted, i)))
			goto out;
	if (s->total++ < s->offset || s->total - s->offset > s->limit)
		goto out;
	item = kmsd_json_pairs((const char *const[]){
		"resource_id", cmk->id, "resource_name", cmk->alias, NULL });
	if (!item || kmsd_json_put(item, "tags", json_object_get(tags))) {
		json_object_put(item);
		ret = evs_error_set(err, ENOMEM, "out of memory");
	} else if (kmsd_json_put(s->found, NULL, item)) {
		ret = evs_error_set(err, ENOMEM, "out of memory");
	}
out:
	json_object_put(tags);
	return ret;
}

static int search(struct search *s, struct evs_error *err)
{
	static const char sql[] =
		"SELECT id FROM cmk WHERE project = (SELECT project FROM cmk WHERE seq = ?)"
		" ORDER BY seq";
	char (*ids)[EVS_CMK_ID_SIZE] = NULL;
	struct kmsd_store *store = s->call->kmsd->store;
	struct kmsd_cmk cmk;
	int64_t first = 0;
	int count, ret, i;

	ret = kmsd_db_number(kmsd_store_reading(store), err, &first,
			     "SELECT seq FROM cmk WHERE project = ? LIMIT 1", "s",
			     s->call->project);
	if (ret < 0)
		return ret;
	count = kmsd_store_ids(store, &ids, err, sql, first);
	ret = count < 0 ? count : 0;
	for (i = 0; !ret && i < count; i++)
		if (!kmsd_store_by_any(store, ids[i], &cmk, err))
			ret = search_each(s, &cmk, err);
	free(ids);
	return ret;
}

static int read_search(struct search *s, const char **action, struct evs_error *err)
{
	struct kmsd_request *req = &s->call->req;
	struct json_object *matches, *match;
	int ret;

	ret = kmsd_request_string(req, "action", NULL, action, err);
	if (!ret)
		ret = kmsd_request_number(req, "limit", KMSD_E_LIMIT, &s->limit, err);
	if (ret >= 0)
		ret = kmsd_request_number(req, "offset", KMSD_E_MARKER, &s->offset, err);
	if (ret < 0)
		return ret;
	if (strcmp(*action, "filter") && strcmp(*action, "count"))
		return kmsd_fail(err, KMSD_E_PARAMETER, "action: neither filter nor count");
	if (s->limit < 1 || s->limit > LIMIT_MAX)
		return kmsd_fail(err, KMSD_E_LIMIT, "limit: not 1 to %d", LIMIT_MAX);
	if (s->offset < 0)
		return kmsd_fail(err, KMSD_E_MARKER, "offset: less than 0");
	if (json_object_object_get_ex(req->json, "tags", &s->wanted) &&
	    !json_object_is_type(s->wanted, json_type_array))
		return kmsd_fail(err, KMSD_E_FORMAT, "tags: not a list");
	if (json_object_object_get_ex(req->json, "matches", &matches) &&
	    json_object_is_type(matches, json_type_array) && json_object_array_length(matches)) {
		match = json_object_array_get_idx(matches, 0);
		if (!text_member(match, "key") || strcmp(text_member(match, "key"), "resource_name"))
			return kmsd_fail(err, KMSD_E_PARAMETER,
					 "matches: only resource_name is supported");
		s->name = text_member(match, "value");
	}
	return 0;
}

int kmsd_op_tag_instances(struct kmsd_call *call, struct evs_error *err)
{
	struct search s = { .call = call, .limit = LIMIT_DEFAULT };
	struct json_object *json;
	const char *action;
	int ret;

	ret = read_search(&s, &action, err);
	if (ret)
		return ret;
	s.found = json_object_new_array();
	ret = s.found ? search(&s, err) : evs_error_set(err, ENOMEM, "out of memory");
	if (ret)
		goto out;
	json = json_object_new_object();
	if (json && ((!strcmp(action, "filter") &&
		      kmsd_json_put(json, "resources", json_object_get(s.found))) ||
		     kmsd_json_put(json, "total_count", json_object_new_int64(s.total)))) {
		json_object_put(json);
		json = NULL;
	}
	ret = kmsd_reply_json(call->reply, json, err);
out:
	json_object_put(s.found);
	return ret;
}
