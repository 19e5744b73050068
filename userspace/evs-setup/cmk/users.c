// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk users: what is lost with a CMK, before it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmk.h"
#include "disks.h"
#include "pool/record.h"

/* ---- notes ---- */

/**
 * struct group - What there is of a pool.
 * @pool: its name
 * @counts: how many of each kind there are in it
 * @attached: how many of its disks are attached
 * @backups: how many backups of its disks there are
 */
struct group {
	char pool[EVS_POOL_NAME_MAX + 1];
	unsigned int counts[EVS_KIND_IMAGE + 1];
	unsigned int attached;
	unsigned int backups;
};

/**
 * struct telling - What is still to be said.
 * @name: what messages call the CMK
 * @groups: the pools
 * @count: how many
 */
struct telling {
	const char *name;
	struct group *groups;
	size_t count;
};

static void tell_group(const struct telling *telling, const struct group *group)
{
	char text[256] = "", attached[32] = "";
	size_t used = 0;
	int kind;

	if (group->attached)
		snprintf(attached, sizeof(attached), " (%u attached here)", group->attached);
	for (kind = EVS_KIND_DISK; kind <= EVS_KIND_IMAGE; kind++)
		if (group->counts[kind])
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s%u %s%s%s", used ? ", " : "",
						 group->counts[kind], evs_kind_name(kind),
						 group->counts[kind] == 1 ? "" : "s",
						 kind == EVS_KIND_DISK ? attached : "");
	if (used)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " in pool %s%s",
					 group->pool, group->backups ? ", and " : "");
	if (group->backups)
		snprintf(text + used, sizeof(text) - used, "%u backup%s of disks of %s%s",
			 group->backups, group->backups == 1 ? "" : "s", used ? "it" : "pool ",
			 used ? "" : group->pool);
	cli_note("CMK %s protects %s; move them first: evs-setup rewrap --pool %s --from-cmk %s --cmk CMK",
		 telling->name, text, group->pool, telling->name);
}

static struct group *find_group(struct telling *telling, const char *pool)
{
	struct group *groups;
	size_t i;

	for (i = 0; i < telling->count; i++)
		if (!strcmp(telling->groups[i].pool, pool))
			return &telling->groups[i];
	groups = reallocarray(telling->groups, telling->count + 1, sizeof(*groups));
	if (!groups)
		return NULL;
	telling->groups = groups;
	groups += telling->count++;
	*groups = (struct group){};
	snprintf(groups->pool, sizeof(groups->pool), "%s", pool);
	return groups;
}

static void tell(void *arg, const struct cmk_user *user)
{
	struct telling *telling = arg;
	struct group *group;
	int kind;

	if (user->hidden)
		return cli_note("CMK %s may protect what is in %s %s, which cannot be looked into: %s",
				telling->name, user->kind, user->name, user->state);
	group = user->pool ? find_group(telling, user->pool) : NULL;
	if (!group)
		return cli_note("CMK %s protects %s %s, which is %s", telling->name, user->kind,
				user->name, user->state);
	for (kind = EVS_KIND_DISK; kind <= EVS_KIND_IMAGE; kind++)
		group->counts[kind] += !strcmp(user->kind, evs_kind_name(kind));
	group->backups += !strcmp(user->kind, "backup");
	group->attached += !strcmp(user->state, "attached here");
}

int cmk_disks_tell(const char *kms, const struct evs_cmk *cmk, struct evs_error *err)
{
	struct telling telling = { .name = *cmk->alias ? cmk->alias : cmk->id };
	int found = cmk_users_find(kms, cmk->id, tell, &telling, err);
	size_t i;

	for (i = 0; i < telling.count; i++)
		tell_group(&telling, &telling.groups[i]);
	free(telling.groups);
	return found;
}

/* ---- the verb ---- */

enum column {
	COL_NAME,
	COL_KIND,
	COL_STATE,
	COL_UUID,
};

static const struct table_column columns[] = {
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_KIND] = { "KIND", NULL, TABLE_TEXT, true },
	[COL_STATE] = { "STATE", NULL, TABLE_TEXT, true },
	[COL_UUID] = { "UUID", NULL, TABLE_TEXT, false },
};

/**
 * struct listing - The table, and the first failure to fill it.
 * @kms: name of the KMS
 * @ref: the CMK
 * @table: the table
 * @err: filled when it could not be filled
 */
struct listing {
	const char *kms;
	const char *ref;
	struct table table;
	struct evs_error *err;
};

static void add(void *arg, const struct cmk_user *user)
{
	struct listing *listing = arg;
	struct table *table = &listing->table;
	struct evs_error *err = listing->err;

	if (err->errnum || table_add(table, err) ||
	    table_set(table, COL_NAME, err, "%s", user->name) ||
	    table_set(table, COL_KIND, err, "%s", user->kind) ||
	    table_set(table, COL_STATE, err, "%s", user->state))
		return;
	if (*user->uuid)
		table_set(table, COL_UUID, err, "%s", user->uuid);
}

static int call_users(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct listing *listing = arg;
	const char *id = listing->ref;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_describe_key(kms, listing->ref, &cmk, err);
	/* What is left of its disks is still to be found. */
	if (ret && err->class != EVS_CLASS_CMK_DELETED)
		return ret;
	if (!ret)
		id = cmk.id;
	*err = (struct evs_error){};
	listing->err = err;
	ret = cmk_users_find(listing->kms, id, add, listing, err);
	if (ret >= 0)
		ret = err->errnum ? -err->errnum :
		      table_print(&listing->table, TABLE_COLUMNS, err);
	table_free(&listing->table);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct listing listing = {
		.kms = EVS_KMS_LOCAL,
		.table = TABLE("users", columns),
	};

	if (cmk_take_kms(argc, argv, &listing.kms, err) ||
	    cli_operand(argc, argv, "CMK", &listing.ref, err))
		return -err->errnum;
	return cmk_with_kms(listing.kms, call_users, &listing, err);
}

const struct verb verb_cmk_users = {
	.name = "cmk users",
	CMK_VERB_OPERAND,
	.brief = "list what a customer master key protects, and is lost with it",
	.notes = "That is what this host knows: disks, snapshots and images of pools, backups in\n"
		 "repositories, attached disks, block devices, and disks of evstab(5), attached or not.\n"
		 "Columns: NAME, KIND, STATE and UUID.\n",
	VERB_COLUMNS(columns),
	.run = run,
};
