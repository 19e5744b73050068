// SPDX-License-Identifier: GPL-2.0-or-later
/* Agencies: a project's leave for somebody else to use its keys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "iam/iam.h"

#define DESCRIPTION_MAX 255

static struct kmsd_db *writing(struct kmsd_call *call)
{
	return kmsd_store_writing(call->kmsd->store);
}

static struct json_object *agency_json(const char *id, const char *name, const char *domain,
				       const char *trusted, const char *description,
				       int64_t created)
{
	time_t t = created / KMSD_SECOND_MS;
	char when[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S.000000", &tm);
	return kmsd_json_pairs((const char *const[]){
		"id", id, "name", name, "domain_id", domain, "trust_domain_id", trusted,
		"trust_domain_name", trusted, "description", description, "duration", "FOREVER",
		"create_time", when, NULL });
}

static int take_agency(void *arg, sqlite3_stmt *row)
{
	const char *text[5];

	for (int i = 0; i < 5; i++)
		text[i] = (const char *)sqlite3_column_text(row, i);
	return kmsd_json_put(arg, NULL, agency_json(text[0], text[1], text[2], text[3], text[4],
						    sqlite3_column_int64(row, 5)));
}

static int reply_object(struct kmsd_call *call, const char *name, struct json_object *value,
			struct evs_error *err)
{
	struct json_object *json = json_object_new_object();

	if (!json || kmsd_json_put(json, name, value)) {
		json_object_put(json);
		json = NULL;
	}
	return kmsd_reply_json(call->reply, json, err);
}

int kmsd_iam_agency_create(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *agency = kmsd_iam_object(call->req.json, "agency");
	const char *name = kmsd_iam_text(agency, "name");
	const char *domain = kmsd_iam_text(agency, "domain_id");
	const char *trusted = kmsd_iam_text(agency, "trust_domain_name");
	const char *description = kmsd_iam_text(agency, "description");
	int64_t now = kmsd_clock_now(&call->kmsd->clock);
	char id[KMSD_IAM_ID_SIZE];
	int ret;

	if (!domain)
		domain = KMSD_DOMAIN;
	if (!trusted)
		trusted = kmsd_iam_text(agency, "trust_domain_id");
	if (!description)
		description = "";
	ret = kmsd_iam_check_name("agency: name", name, err);
	if (!ret)
		ret = kmsd_iam_check_name("agency: domain_id", domain, err);
	if (!ret)
		ret = kmsd_iam_check_name("agency: trust_domain_name", trusted, err);
	if (!ret && strlen(description) > DESCRIPTION_MAX)
		ret = kmsd_fail(err, KMSD_IAM_BAD, "agency: description: more than %d bytes",
				DESCRIPTION_MAX);
	if (!ret)
		ret = kmsd_iam_new_id(id, err);
	if (!ret)
		ret = kmsd_db_run(writing(call), err,
				  "INSERT INTO iam_agency VALUES (?, ?, ?, ?, ?, ?)", "sssssi", id,
				  name, domain, trusted, description, now);
	if (ret == -EEXIST)
		return kmsd_fail(err, KMSD_IAM_CONFLICT, "there is an agency %s already", name);
	if (ret < 0)
		return ret;
	call->reply->status = 201;
	return reply_object(call, "agency",
			    agency_json(id, name, domain, trusted, description, now), err);
}

#define AGENCY_COLUMNS \
	"SELECT id, name, domain, trust_domain, description, created FROM iam_agency "

int kmsd_iam_agency_list(struct kmsd_call *call, struct evs_error *err)
{
	char name[KMSD_IAM_NAME_MAX + 1], domain[KMSD_IAM_NAME_MAX + 1];
	struct json_object *array = json_object_new_array();
	int ret;

	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	kmsd_iam_query(call, "name", name, sizeof(name));
	kmsd_iam_query(call, "domain_id", domain, sizeof(domain));
	ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_agency, array,
			   AGENCY_COLUMNS "WHERE ?1 IN ('', name) AND ?2 IN ('', domain)"
			   " ORDER BY domain, name", "ss", name, domain);
	if (ret < 0) {
		json_object_put(array);
		return ret;
	}
	return reply_object(call, "agencies", array, err);
}

int kmsd_iam_agency_show(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *array = json_object_new_array();
	int ret;

	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_agency, array,
			   AGENCY_COLUMNS "WHERE id = ?", "s", call->parts[0]);
	if (!ret)
		ret = kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no such agency");
	if (ret > 0)
		ret = reply_object(call, "agency",
				   json_object_get(json_object_array_get_idx(array, 0)), err);
	json_object_put(array);
	return ret;
}

int kmsd_iam_agency_delete(struct kmsd_call *call, struct evs_error *err)
{
	return kmsd_iam_removed(call, kmsd_db_run(writing(call), err,
						  "DELETE FROM iam_agency WHERE id = ?", "s",
						  call->parts[0]), "agency", err);
}

static int take_role(void *arg, sqlite3_stmt *row)
{
	const struct kmsd_role *role =
		kmsd_role_find((const char *)sqlite3_column_text(row, 0));

	return role ? kmsd_json_put(arg, NULL, kmsd_json_pairs((const char *const[]){
		"id", role->id, "name", role->id, "display_name", role->name, NULL })) : 0;
}

int kmsd_iam_agency_role_list(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *array = json_object_new_array();
	int ret;

	if (!array)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_db_each(kmsd_store_reading(call->kmsd->store), err, take_role, array,
			   "SELECT role FROM iam_agency_role WHERE project = ? AND agency = ?", "ss",
			   call->project, call->parts[1]);
	if (ret < 0) {
		json_object_put(array);
		return ret;
	}
	return reply_object(call, "roles", array, err);
}

int kmsd_iam_agency_role_add(struct kmsd_call *call, struct evs_error *err)
{
	const struct kmsd_role *role = kmsd_role_find(call->parts[2]);
	int64_t there = 0;
	int ret;

	if (!role)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no role %.64s", call->parts[2]);
	ret = kmsd_db_number(writing(call), err, &there, "SELECT 1 FROM iam_agency WHERE id = ?",
			     "s", call->parts[1]);
	if (ret < 0)
		return ret;
	if (!there)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no such agency");
	ret = kmsd_db_run(writing(call), err,
			  "INSERT OR IGNORE INTO iam_agency_role VALUES (?, ?, ?)", "sss",
			  call->parts[1], call->project, role->id);
	return ret < 0 ? ret : kmsd_reply_empty(call->reply, err);
}

int kmsd_iam_agency_role_remove(struct kmsd_call *call, struct evs_error *err)
{
	const struct kmsd_role *role = kmsd_role_find(call->parts[2]);
	int ret;

	ret = role ? kmsd_db_run(writing(call), err,
				 "DELETE FROM iam_agency_role WHERE agency = ? AND project = ?"
				 " AND role = ?", "sss", call->parts[1], call->project, role->id) : 0;
	if (!ret)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "the agency has no such role");
	return ret < 0 ? ret : kmsd_reply_empty(call->reply, err);
}
