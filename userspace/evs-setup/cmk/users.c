// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk users: what is lost with a CMK, before it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmk.h"
#include "disks.h"
#include "pool/record.h"

/* ---- notes ---- */

/**
 * struct telling - What was said so far.
 * @name: what messages call the CMK
 * @pool: the pool whose objects are counted, "" for none
 * @counts: how many of each kind there are in it
 * @attached: how many of its disks are attached
 */
struct telling {
	const char *name;
	char pool[EVS_POOL_NAME_MAX + 1];
	unsigned int counts[EVS_KIND_IMAGE + 1];
	unsigned int attached;
};

static void tell_pool(struct telling *telling)
{
	char text[128] = "", attached[32] = "";
	size_t used = 0;
	int kind;

	if (!*telling->pool)
		return;
	if (telling->attached)
		snprintf(attached, sizeof(attached), " (%u attached here)", telling->attached);
	for (kind = EVS_KIND_DISK; kind <= EVS_KIND_IMAGE; kind++)
		if (telling->counts[kind])
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s%u %s%s%s", used ? ", " : "",
						 telling->counts[kind], evs_kind_name(kind),
						 telling->counts[kind] == 1 ? "" : "s",
						 kind == EVS_KIND_DISK ? attached : "");
	cli_note("CMK %s protects %s in pool %s; move them first: evs-setup rewrap --pool %s --from-cmk %s --cmk CMK",
		 telling->name, text, telling->pool, telling->pool, telling->name);
	telling->pool[0] = '\0';
	memset(telling->counts, 0, sizeof(telling->counts));
	telling->attached = 0;
}

static void tell(void *arg, const struct cmk_user *user)
{
	struct telling *telling = arg;
	int kind;

	if (!user->pool || strcmp(telling->pool, user->pool))
		tell_pool(telling);
	if (!strcmp(user->kind, "pool"))
		return cli_note("CMK %s may protect what is in pool %s, which cannot be looked into: %s",
				telling->name, user->name, user->state);
	if (!user->pool)
		return cli_note("CMK %s protects %s %s, which is %s", telling->name, user->kind,
				user->name, user->state);
	snprintf(telling->pool, sizeof(telling->pool), "%s", user->pool);
	for (kind = EVS_KIND_DISK; kind <= EVS_KIND_IMAGE; kind++)
		telling->counts[kind] += !strcmp(user->kind, evs_kind_name(kind));
	telling->attached += !strcmp(user->state, "attached here");
}

int cmk_disks_tell(const char *kms, const struct evs_cmk *cmk, struct evs_error *err)
{
	struct telling telling = { .name = *cmk->alias ? cmk->alias : cmk->id };
	int found = cmk_users_find(kms, cmk->id, tell, &telling, err);

	tell_pool(&telling);
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
		.table = {
			.name = "users",
			.columns = columns,
			.column_count = sizeof(columns) / sizeof(columns[0]),
		},
	};

	if (cmk_take_kms(argc, argv, &listing.kms, err) ||
	    cli_operand(argc, argv, "CMK", &listing.ref, err))
		return -err->errnum;
	return cmk_with_kms(listing.kms, call_users, &listing, err);
}

const struct verb verb_cmk_users = {
	.name = "cmk users",
	.args = "[OPTION...] ID|ALIAS",
	.brief = "list what a customer master key protects, and is lost with it",
	.options = cmk_options,
	.notes = "That is what this host knows: disks, snapshots and images of pools, attached disks,\n"
		 "block devices, and disks of evstab(5), attached or not. Columns: NAME, KIND, STATE\n"
		 "and UUID.\n",
	.operands = { WORD_CMK },
	VERB_COLUMNS(columns),
	.run = run,
};
