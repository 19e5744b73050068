// SPDX-License-Identifier: GPL-2.0-or-later
/* Customer master keys: their names, their life, their material. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uuid.h>

#include "key/cmk.h"
#include "fail.h"
#include "key/material.h"
#include "key/rotation.h"

#define DESCRIPTION_MAX 255
#define ALIAS_PREFIX "alias/"

static int check_alias(const char *alias, struct evs_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:/_-";
	static const char reserved[] = "/default";
	size_t len = strlen(alias);

	if (!len || len > EVS_CMK_ALIAS_MAX || strspn(alias, allowed) != len)
		return kmsd_fail(err, KMSD_E_ALIAS,
				 "key_alias: 1 to 255 letters, digits and :/_- are allowed");
	if (len >= strlen(reserved) && !strcmp(alias + len - strlen(reserved), reserved))
		return kmsd_fail(err, KMSD_E_ALIAS,
				 "key_alias: */default is reserved for default master keys");
	return 0;
}

/* Adds the CMK, and its first material unless that is to be imported. */
static int add(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	uuid_t id;
	int ret;

	uuid_generate_random(id);
	uuid_unparse_lower(id, cmk->id);
	cmk->created = cmk->rotated = kmsd_clock_now(&kmsd->clock);
	cmk->state = cmk->external ? EVS_CMK_STATE_PENDING_IMPORT : EVS_CMK_STATE_ENABLED;
	ret = kmsd_store_add(kmsd->store, cmk, err);
	if (!ret && !cmk->external)
		ret = kmsd_material_generate(kmsd, cmk, 1, err);
	return ret;
}

static int check_quota(struct kmsd *kmsd, const char *project, struct evs_error *err)
{
	int64_t used = 0;
	int ret;

	ret = kmsd_cmk_count(kmsd, project, &used, err);
	if (ret)
		return ret;
	return used < kmsd->conf.cmks ? 0 : kmsd_fail(err, KMSD_E_TOO_MANY,
						      "the project has %lld keys, and may not have more",
						      (long long)used);
}

int kmsd_cmk_count(struct kmsd *kmsd, const char *project, int64_t *count, struct evs_error *err)
{
	int ret = kmsd_db_number(kmsd_store_reading(kmsd->store), err, count,
				 "SELECT count(*) FROM cmk WHERE project = ? AND NOT is_default"
				 " AND (state != 4 OR deletion > ?)", "si", project,
				 kmsd_clock_now(&kmsd->clock));

	return ret < 0 ? ret : 0;
}

/* A key that goes on its date is gone then, whether it has been swept away or not. */
static bool is_gone(struct kmsd *kmsd, const struct kmsd_cmk *cmk)
{
	return cmk->state == EVS_CMK_STATE_PENDING_DELETION && cmk->deletion &&
	       cmk->deletion <= kmsd_clock_now(&kmsd->clock);
}

/* What the dates say that the database does not say yet. Returns @ret, or -ENOENT. */
static int settle(struct kmsd *kmsd, struct kmsd_cmk *cmk, int ret, struct evs_error *err)
{
	if (ret)
		return ret;
	if (is_gone(kmsd, cmk))
		return evs_error_set(err, ENOENT, "CMK %s has been deleted", cmk->id);
	if (cmk->expires && cmk->expires <= kmsd_clock_now(&kmsd->clock)) {
		cmk->version = 0;
		cmk->wrapped_size = 0;
		if (cmk->state == EVS_CMK_STATE_ENABLED || cmk->state == EVS_CMK_STATE_DISABLED)
			cmk->state = EVS_CMK_STATE_PENDING_IMPORT;
	}
	return 0;
}

/* May a key have this alias? -ESTALE while the row of one that is gone still has it. */
static int claim_alias(struct kmsd *kmsd, const char *project, const char *alias,
		       struct evs_error *err)
{
	struct kmsd_cmk holder = {};
	int ret = kmsd_store_by_alias(kmsd->store, project, alias, &holder, err);

	if (ret == -ENOENT)
		return 0;
	if (!ret && is_gone(kmsd, &holder))
		return evs_error_set(err, ESTALE, "CMK %s has not been deleted yet", holder.id);
	return ret ? ret : kmsd_fail(err, KMSD_E_ALIAS_EXISTS,
				     "key_alias: another key has the alias %s", alias);
}

int kmsd_cmk_check_description(const char *description, struct evs_error *err)
{
	size_t count = 0;

	/* Characters; the parser has checked that it is UTF-8 */
	for (const char *c = description; *c; c++)
		count += (*c & 0xc0) != 0x80;
	return count <= DESCRIPTION_MAX ? 0 : kmsd_fail(err, KMSD_E_DESCRIPTION,
							"key_description: more than %d characters",
							DESCRIPTION_MAX);
}

int kmsd_cmk_create(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = check_alias(cmk->alias, err);

	if (!ret)
		ret = claim_alias(kmsd, cmk->project, cmk->alias, err);
	if (!ret)
		ret = check_quota(kmsd, cmk->project, err);
	if (!ret)
		ret = add(kmsd, cmk, err);
	return ret;
}

int kmsd_cmk_make_default(struct kmsd *kmsd, const char *project, struct kmsd_cmk *cmk,
			  struct evs_error *err)
{
	int ret;

	/* Another request may just have made it */
	ret = kmsd_store_by_alias(kmsd->store, project, EVS_CMK_DEFAULT, cmk, err);
	if (ret != -ENOENT)
		return ret;
	memset(cmk, 0, sizeof(*cmk));
	snprintf(cmk->project, sizeof(cmk->project), "%s", project);
	snprintf(cmk->alias, sizeof(cmk->alias), "%s", EVS_CMK_DEFAULT);
	snprintf(cmk->description, sizeof(cmk->description), "Default master key for EVS");
	cmk->is_default = true;
	return add(kmsd, cmk, err);
}

static int find_alias(struct kmsd *kmsd, const char *project, const char *alias,
		      struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = settle(kmsd, cmk, kmsd_store_by_alias(kmsd->store, project, alias, cmk, err),
			 err);

	if (ret == -ENOENT && strcmp(alias, EVS_CMK_DEFAULT))
		return kmsd_fail(err, KMSD_E_NO_KEY, "no key has the alias %s", alias);
	return ret;
}

int kmsd_cmk_find_id(struct kmsd *kmsd, const char *project, const char *key_id,
		     struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret;

	/* The documented form: 8-4-4-4-12 characters of 0-9a-z */
	if (strlen(key_id) != EVS_CMK_ID_SIZE - 1 ||
	    strspn(key_id, "0123456789abcdefghijklmnopqrstuvwxyz-") != EVS_CMK_ID_SIZE - 1)
		return kmsd_fail(err, KMSD_E_KEY_ID, "key_id: not the id of a key");
	for (size_t i = 0; i < EVS_CMK_ID_SIZE - 1; i++)
		if ((key_id[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
			return kmsd_fail(err, KMSD_E_KEY_ID, "key_id: not the id of a key");

	ret = settle(kmsd, cmk, project ? kmsd_store_by_id(kmsd->store, project, key_id, cmk, err)
					: kmsd_store_by_any(kmsd->store, key_id, cmk, err), err);
	if (ret == -ENOENT)
		return kmsd_fail(err, KMSD_E_NO_KEY, "key %s does not exist", key_id);
	return ret;
}

int kmsd_cmk_find(struct kmsd *kmsd, const char *project, const char *key_id,
		  struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (!strncmp(key_id, ALIAS_PREFIX, strlen(ALIAS_PREFIX)))
		return find_alias(kmsd, project, key_id + strlen(ALIAS_PREFIX), cmk, err);
	return kmsd_cmk_find_id(kmsd, project, key_id, cmk, err);
}

static const char *state_name(enum evs_cmk_state state)
{
	switch (state) {
	case EVS_CMK_STATE_WAITING:
		return "waiting for activation";
	case EVS_CMK_STATE_ENABLED:
		return "enabled";
	case EVS_CMK_STATE_DISABLED:
		return "disabled";
	case EVS_CMK_STATE_PENDING_IMPORT:
		return "waiting for its material";
	default:
		return "in an unknown state";
	}
}

/*
 * A state that stands in the way: 2 and 3 are told apart by the caller, who
 * knows what was asked for.
 */
static int wrong_state(const struct kmsd_cmk *cmk, const char *otherwise, struct evs_error *err)
{
	time_t when = cmk->deletion / KMSD_SECOND_MS;
	char date[32] = "an unknown date";
	struct tm tm;

	if (cmk->state != EVS_CMK_STATE_PENDING_DELETION)
		return kmsd_fail(err, otherwise, "key %s is %s", cmk->id, state_name(cmk->state));
	if (gmtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	return kmsd_fail(err, KMSD_E_PENDING_DELETION, "key %s is scheduled for deletion on %s",
			 cmk->id, date);
}

static int set_state(struct kmsd *kmsd, struct kmsd_cmk *cmk, enum evs_cmk_state to,
		     int64_t deletion, const char *otherwise, struct evs_error *err)
{
	int ret = kmsd_store_set_state(kmsd->store, cmk->id, cmk->state, to, deletion, err);

	/* Only the sweep moves a key behind the back of a request */
	if (ret == -ESTALE)
		return kmsd_fail(err, otherwise, "key %s has just changed its state", cmk->id);
	if (!ret) {
		cmk->state = to;
		cmk->deletion = deletion;
	}
	return ret;
}

int kmsd_cmk_enable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret;

	if (cmk->state != EVS_CMK_STATE_DISABLED)
		return wrong_state(cmk, KMSD_E_NOT_DISABLED, err);
	ret = set_state(kmsd, cmk, EVS_CMK_STATE_ENABLED, 0, KMSD_E_NOT_DISABLED, err);
	/* One that has become due while it was disabled is rotated at once */
	if (!ret && kmsd_rotation_is_due(kmsd, cmk))
		ret = kmsd_rotation_rotate(kmsd, cmk, err);
	return ret;
}

int kmsd_cmk_disable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be disabled", cmk->alias);
	if (cmk->state != EVS_CMK_STATE_ENABLED)
		return wrong_state(cmk, KMSD_E_NOT_ENABLED, err);
	return set_state(kmsd, cmk, EVS_CMK_STATE_DISABLED, 0, KMSD_E_NOT_ENABLED, err);
}

int kmsd_cmk_schedule(struct kmsd *kmsd, struct kmsd_cmk *cmk, int64_t days,
		      struct evs_error *err)
{
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be deleted", cmk->alias);
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION)
		return kmsd_fail(err, KMSD_E_PENDING_ALREADY,
				 "key %s is scheduled for deletion already", cmk->id);
	if (cmk->state == EVS_CMK_STATE_WAITING)
		return wrong_state(cmk, KMSD_E_PARAMETER, err);
	return set_state(kmsd, cmk, EVS_CMK_STATE_PENDING_DELETION,
			 kmsd_clock_now(&kmsd->clock) + days * KMSD_DAY_MS, KMSD_E_PENDING_ALREADY,
			 err);
}

int kmsd_cmk_cancel(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->state != EVS_CMK_STATE_PENDING_DELETION)
		return kmsd_fail(err, KMSD_E_NOT_PENDING, "key %s is %s, not scheduled for deletion",
				 cmk->id, state_name(cmk->state));
	return set_state(kmsd, cmk,
			 cmk->version ? EVS_CMK_STATE_DISABLED : EVS_CMK_STATE_PENDING_IMPORT, 0,
			 KMSD_E_NOT_PENDING, err);
}

static int may_change(const struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be changed", cmk->alias);
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION)
		return wrong_state(cmk, KMSD_E_PENDING_DELETION, err);
	return 0;
}

int kmsd_cmk_rename(struct kmsd *kmsd, struct kmsd_cmk *cmk, const char *alias,
		    struct evs_error *err)
{
	int ret = may_change(cmk, err);

	if (!ret)
		ret = check_alias(alias, err);
	if (!ret && strcmp(alias, cmk->alias))
		ret = claim_alias(kmsd, cmk->project, alias, err);
	if (ret)
		return ret;
	snprintf(cmk->alias, sizeof(cmk->alias), "%s", alias);
	ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			  "UPDATE cmk SET alias = ? WHERE id = ?", "ss", cmk->alias, cmk->id);
	return ret < 0 ? ret : 0;
}

int kmsd_cmk_describe(struct kmsd *kmsd, struct kmsd_cmk *cmk, const char *description,
		      struct evs_error *err)
{
	int ret;

	ret = may_change(cmk, err);
	if (!ret)
		ret = kmsd_cmk_check_description(description, err);
	if (ret)
		return ret;
	snprintf(cmk->description, sizeof(cmk->description), "%s", description);
	ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			  "UPDATE cmk SET description = ? WHERE id = ?", "ss", cmk->description,
			  cmk->id);
	return ret < 0 ? ret : 0;
}

int kmsd_cmk_usable(const struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->state == EVS_CMK_STATE_ENABLED)
		return 0;
	return wrong_state(cmk, cmk->state == EVS_CMK_STATE_DISABLED ? KMSD_E_DISABLED
								     : KMSD_E_NOT_ENABLED, err);
}

int kmsd_cmk_unwrap(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		    struct evs_secret **key, struct evs_error *err)
{
	int ret = kmsd_cmk_usable(cmk, err);

	return ret ? ret : kmsd_material_get(kmsd, cmk, version, key, err);
}

int kmsd_cmk_destroy(struct kmsd *kmsd, const char *id, struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(kmsd->store);
	int ret;

	ret = kmsd_material_destroy(kmsd, id, err);
	if (!ret)
		ret = kmsd_db_run(db, err, "DELETE FROM cmk WHERE id = ?", "s", id);
	return ret < 0 ? ret : 0;
}
