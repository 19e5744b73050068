// SPDX-License-Identifier: GPL-2.0-or-later
/* Users and their roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "fail.h"
#include "iam/iam.h"

#define PASSWORD_MIN 8
#define PASSWORD_MAX 128

static struct kmsd_db *writing(struct kmsd_call *call)
{
	return kmsd_store_writing(call->kmsd->store);
}

static struct json_object *user_json(const char *id, const char *name, const char *domain)
{
	struct json_object *json = kmsd_json_pairs((const char *const[]){
		"id", id, "name", name, "domain_id", domain, NULL });

	if (json && kmsd_json_put(json, "enabled", json_object_new_boolean(true))) {
		json_object_put(json);
		json = NULL;
	}
	return json;
}

static int reply_object(struct kmsd_call *call, unsigned int status, const char *name,
			struct json_object *value, struct evs_error *err)
{
	struct json_object *json = json_object_new_object();

	if (!json || kmsd_json_put(json, name, value)) {
		json_object_put(json);
		json = NULL;
	}
	call->reply->status = status;
	return kmsd_reply_json(call->reply, json, err);
}

int kmsd_iam_user_create(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *user = kmsd_iam_object(call->req.json, "user");
	const char *name = kmsd_iam_text(user, "name"), *domain = kmsd_iam_text(user, "domain_id");
	unsigned char salt[KMSD_SALT_SIZE], hash[KMSD_HASH_SIZE];
	struct kmsd_request *req = &call->req;
	char id[KMSD_IAM_ID_SIZE];
	ssize_t size;
	int ret;

	if (!domain)
		domain = KMSD_DOMAIN;
	ret = kmsd_iam_check_name("user: name", name, err);
	if (!ret)
		ret = kmsd_iam_check_name("user: domain_id", domain, err);
	if (ret)
		return ret;
	size = req->secret ? kmsd_request_unescape(req) : -EINVAL;
	if (size < PASSWORD_MIN || size > PASSWORD_MAX)
		return kmsd_fail(err, KMSD_IAM_BAD, "user: password: not %d to %d bytes",
				 PASSWORD_MIN, PASSWORD_MAX);
	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		return evs_error_set(err, EIO, "getrandom: %m");
	ret = kmsd_iam_new_id(id, err);
	if (!ret)
		ret = kmsd_password_hash(salt, req->secret->data, req->secret_len, hash, err);
	if (!ret)
		ret = kmsd_db_run(writing(call), err, "INSERT INTO iam_user VALUES (?, ?, ?, ?, ?)",
				  "sssbb", id, name, domain, salt, sizeof(salt), hash,
				  sizeof(hash));
	if (ret == -EEXIST)
		return kmsd_fail(err, KMSD_IAM_CONFLICT, "user: there is a user %s already", name);
	if (ret < 0)
		return ret;
	return reply_object(call, 201, "user", user_json(id, name, domain), err);
}

static int take_user(void *arg, sqlite3_stmt *row)
{
	return kmsd_json_put(arg, NULL, user_json((const char *)sqlite3_column_text(row, 0),
						  (const char *)sqlite3_column_text(row, 1),
						  (const char *)sqlite3_column_text(row, 2)));
}

int kmsd_iam_user_list(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *array = json_object_new_array();
	char name[KMSD_IAM_NAME_MAX + 1];
	int ret;

	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	kmsd_iam_query(call, "name", name, sizeof(name));
	ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_user, array,
			   "SELECT id, name, domain FROM iam_user WHERE ?1 IN ('', name)"
			   " ORDER BY domain, name", "s", name);
	if (ret < 0) {
		json_object_put(array);
		return ret;
	}
	return reply_object(call, 200, "users", array, err);
}

int kmsd_iam_user_delete(struct kmsd_call *call, struct evs_error *err)
{
	return kmsd_iam_removed(call, kmsd_db_run(writing(call), err,
						  "DELETE FROM iam_user WHERE id = ?", "s",
						  call->parts[0]), "user", err);
}

int kmsd_iam_role_list(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *array = json_object_new_array();
	char name[KMSD_IAM_NAME_MAX + 1];
	size_t i;

	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	kmsd_iam_query(call, "display_name", name, sizeof(name));
	for (i = 0; i < kmsd_role_count; i++) {
		const struct kmsd_role *r = &kmsd_roles[i];

		if (name[0] && strcmp(name, r->name))
			continue;
		if (kmsd_json_put(array, NULL, kmsd_json_pairs((const char *const[]){
			"id", r->id, "name", r->id, "display_name", r->name, NULL }))) {
			json_object_put(array);
			return evs_error_set(err, ENOMEM, "out of memory");
		}
	}
	return reply_object(call, 200, "roles", array, err);
}

static int role_add(struct kmsd_call *call, const char *project, struct evs_error *err)
{
	const struct kmsd_role *role = kmsd_role_find(call->parts[2]);
	int64_t there = 0;
	int ret;

	if (!role)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no role %.64s", call->parts[2]);
	ret = kmsd_db_number(writing(call), err, &there, "SELECT 1 FROM iam_user WHERE id = ?", "s",
			     call->parts[1]);
	if (ret < 0)
		return ret;
	if (!there)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no such user");
	ret = kmsd_db_run(writing(call), err, "INSERT OR IGNORE INTO iam_role VALUES (?, ?, ?)",
			  "sss", call->parts[1], project, role->id);
	return ret < 0 ? ret : kmsd_reply_empty(call->reply, err);
}

static int role_remove(struct kmsd_call *call, const char *project, struct evs_error *err)
{
	const struct kmsd_role *role = kmsd_role_find(call->parts[2]);

	if (!role)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no role %.64s", call->parts[2]);
	return kmsd_iam_removed(call, kmsd_db_run(writing(call), err,
						  "DELETE FROM iam_role WHERE user = ? AND project = ?"
						  " AND role = ?", "sss", call->parts[1], project,
						  role->id), "role of this user", err);
}

int kmsd_iam_role_add(struct kmsd_call *call, struct evs_error *err)
{
	return role_add(call, call->project, err);
}

int kmsd_iam_role_remove(struct kmsd_call *call, struct evs_error *err)
{
	return role_remove(call, call->project, err);
}

int kmsd_iam_role_add_all(struct kmsd_call *call, struct evs_error *err)
{
	return role_add(call, KMSD_ALL_PROJECTS, err);
}

int kmsd_iam_role_remove_all(struct kmsd_call *call, struct evs_error *err)
{
	return role_remove(call, KMSD_ALL_PROJECTS, err);
}
