// SPDX-License-Identifier: GPL-2.0-or-later
/* list POOL: the records, by one call of the engine, and what is attached. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "cmk/cmk.h"
#include "cmks.h"
#include "disk/disks.h"
#include "entries.h"
#include "link.h"
#include "list.h"
#include "proof.h"

enum column {
	COL_NAME,
	COL_KIND,
	COL_SIZE,
	COL_USED,
	COL_ATTRIBUTE,
	COL_CMK,
	COL_CMK_STATE,
	COL_STATE,
	COL_FROM,
	COL_ATTACHED,
	COL_UUID,
	COL_KMS,
	COL_MADE,
	COL_CONSISTENT,
};

const struct table_column list_columns[LIST_COLUMN_COUNT] = {
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_KIND] = { "KIND", NULL, TABLE_TEXT, false },
	[COL_SIZE] = { "SIZE", NULL, TABLE_SIZE, true },
	[COL_USED] = { "USED", NULL, TABLE_SIZE, true },
	[COL_ATTRIBUTE] = { "ATTRIBUTE", NULL, TABLE_TEXT, true },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[COL_CMK_STATE] = { "CMK-STATE", NULL, TABLE_TEXT, true },
	[COL_STATE] = { "STATE", NULL, TABLE_TEXT, true },
	[COL_FROM] = { "FROM", NULL, TABLE_TEXT, true },
	[COL_ATTACHED] = { "ATTACHED", NULL, TABLE_TEXT, true },
	[COL_UUID] = { "UUID", NULL, TABLE_TEXT, false },
	[COL_KMS] = { "KMS", NULL, TABLE_TEXT, false },
	[COL_MADE] = { "MADE", NULL, TABLE_TEXT, false },
	[COL_CONSISTENT] = { "CONSISTENT", NULL, TABLE_TEXT, false },
};

/**
 * struct listing - What is printed, and what it is looked up in.
 * @config: evs.conf
 * @pool: the pool
 * @all: all of its objects
 * @disks: what the driver has attached
 * @disk_count: how many
 * @cmks: states of CMKs that were asked for
 * @verify: look into each object
 * @damaged: how many are not what their records say
 */
struct listing {
	struct evs_config config;
	struct evs_pool pool;
	struct entries all;
	struct evs_disk *disks;
	size_t disk_count;
	struct cmks cmks;
	bool verify;
	size_t damaged;
};

/* ---- what is known of one ---- */

static const char *state_of(struct listing *listing, const struct evs_pool_entry *entry)
{
	struct evs_error err = {};

	if (entry->object.unfinished)
		return "unfinished";
	if (*entry->record.rollback)
		return "rollback";
	if (!listing->verify || !proof_check(&listing->pool, entry, &err))
		return "ok";
	listing->damaged++;
	cli_note("list: %s", err.text);
	return "damaged";
}

/* The name of what it was made from; its UUID when that is gone, or elsewhere */
static void name_source(const struct listing *listing, const struct evs_record *record,
			char text[EVS_OBJECT_TEXT_SIZE])
{
	size_t i;

	strcpy(text, record->from);
	for (i = 0; i < listing->all.count; i++) {
		if (strcmp(listing->all.list[i].record.id, record->from))
			continue;
		/* The disk comes before its snapshots, which have its UUID. */
		evs_object_text(text, listing->pool.config->name, &listing->all.list[i].object);
		return;
	}
}

static bool where(const struct listing *listing, const struct evs_pool_entry *entry, char *node,
		  size_t size)
{
	char name[LINK_SIZE];
	struct stat st;
	size_t i;

	if (entry->object.kind != EVS_KIND_DISK || entry->object.unfinished)
		return false;
	for (i = 0; i < listing->disk_count; i++) {
		if (listing->disks[i].state == EVS_DEV_STATE_DEAD ||
		    strcmp(listing->disks[i].uuid, entry->record.id))
			continue;
		disks_path(&listing->disks[i], node, size);
		return true;
	}
	link_name(name, &listing->pool, &entry->object);
	return !entry->record.encrypted && !link_read(name, node, size) && !stat(node, &st) &&
	       S_ISBLK(st.st_mode);
}

/* ---- rows ---- */

static int set(struct table *table, enum column column, const char *text, struct evs_error *err)
{
	return *text ? table_set(table, column, err, "%s", text) : 0;
}

static int set_cmk(struct listing *listing, struct table *table, const struct evs_record *record,
		   struct evs_error *err)
{
	const char *state;

	if (!record->encrypted)
		return 0;
	state = cmks_state(&listing->cmks, &listing->config, record->kms, record->cmk);
	if (set(table, COL_CMK, record->cmk, err) || set(table, COL_KMS, record->kms, err) ||
	    (state && set(table, COL_CMK_STATE, state, err)))
		return -err->errnum;
	return 0;
}

static int add_row(struct listing *listing, struct table *table,
		   const struct evs_pool_entry *entry, struct evs_error *err)
{
	static const char *const consistencies[] = { "", "crash", "fs" };
	char text[EVS_OBJECT_TEXT_SIZE], from[EVS_OBJECT_TEXT_SIZE], node[PATH_MAX], made[EVS_DATE_SIZE];
	const struct evs_record *record = &entry->record;

	evs_object_text(text, listing->pool.config->name, &entry->object);
	name_source(listing, record, from);
	cmk_date(made, record->made);
	if (table_add(table, err) || set(table, COL_NAME, text, err) ||
	    set(table, COL_KIND, evs_kind_name(record->kind), err) ||
	    table_set(table, COL_SIZE, err, "%" PRIu64, record->size) ||
	    (entry->used != EVS_POOL_UNKNOWN &&
	     table_set(table, COL_USED, err, "%" PRIu64, entry->used)) ||
	    set(table, COL_ATTRIBUTE, record->encrypted ? "encrypted" : "plain", err) ||
	    set_cmk(listing, table, record, err) ||
	    set(table, COL_STATE, state_of(listing, entry), err) ||
	    set(table, COL_FROM, from, err) ||
	    (where(listing, entry, node, sizeof(node)) &&
	     set(table, COL_ATTACHED, node, err)) ||
	    set(table, COL_UUID, record->id, err) || set(table, COL_MADE, made, err) ||
	    set(table, COL_CONSISTENT, consistencies[record->consistent], err))
		return -err->errnum;
	return 0;
}

/* @only is that of list_pool(). */
static bool is_wanted(const struct evs_object *object, const char *only)
{
	if (!only)
		return true;
	if (!strcmp(only, LIST_IMAGES))
		return object->kind == EVS_KIND_IMAGE && !object->unfinished;
	return object->kind == EVS_KIND_SNAPSHOT && !object->unfinished &&
	       (!*only || !strcmp(object->name, only));
}

static int print(struct listing *listing, const char *disk, struct evs_error *err)
{
	struct table table = {
		.name = "objects",
		.columns = list_columns,
		.column_count = LIST_COLUMN_COUNT,
	};
	const struct evs_object *object;
	int ret = 0;
	size_t i;

	for (i = 0; i < listing->all.count && !ret; i++) {
		object = &listing->all.list[i].object;
		if (is_wanted(object, disk))
			ret = add_row(listing, &table, &listing->all.list[i], err);
	}
	if (!ret)
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	if (!ret && listing->damaged)
		ret = evs_error_set(err, EBADMSG, "pool %s: %zu of %zu objects are damaged",
				    listing->pool.config->name, listing->damaged,
				    listing->all.count);
	return ret;
}

/* ---- the whole ---- */

/*
 * A person reads the list once; programs look at it again and again, and say so where they
 * want to know.
 */
static bool asks_kms(bool verify)
{
	const struct cli_settings *settings = cli_settings();

	if (settings->columns)
		return strcasestr(settings->columns, list_columns[COL_CMK_STATE].name);
	return verify || (!settings->json && !settings->quiet);
}

static int open_pool(struct listing *listing, const char *name, struct evs_error *err)
{
	const struct evs_config_pool *pool;

	if (evs_config_load(&listing->config, err))
		return -err->errnum;
	pool = evs_config_pool(&listing->config, name);
	if (pool && !evs_pool_open(&listing->pool, pool, err))
		return 0;
	if (!pool)
		evs_error_set(err, ENOENT, "%s: there is no [pool %s] in %s", name, name,
			      evs_config_path());
	evs_config_free(&listing->config);
	return -err->errnum;
}

int list_pool(const char *name, const char *disk, bool verify, struct evs_error *err)
{
	struct listing listing = { .verify = verify, .cmks.silent = !asks_kms(verify) };
	struct evs_error ignored = {};
	struct evs_nl *nl;
	int ret;

	ret = open_pool(&listing, name, err);
	if (ret)
		return ret;
	/* Without the driver, nothing is attached. */
	if (!evs_nl_open(&nl, &ignored)) {
		evs_nl_dump(nl, &listing.disks, &listing.disk_count, &ignored);
		evs_nl_close(nl);
	}
	ret = entries_get(&listing.all, &listing.pool, NULL, err);
	if (!ret)
		ret = print(&listing, disk, err);
	entries_free(&listing.all);
	cmks_free(&listing.cmks);
	free(listing.disks);
	evs_pool_close(&listing.pool);
	evs_config_free(&listing.config);
	return ret;
}
