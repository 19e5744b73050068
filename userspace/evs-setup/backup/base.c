// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With incremental = yes, a snapshot of the disk is kept for each backup, until the next
 * one: the engine of the pool tells what has changed since then.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "cli/cli.h"
#include "pool/entries.h"

#define PREFIX "backup-%s-"
#define NAME_MAX_LEN 59
#define STAMP_LEN 16	/* 20261130T060000Z */

static const struct evs_backup_entry *newest(const struct base *base, const char *id)
{
	size_t i;

	for (i = base->list.count; i; i--)
		if (!strcmp(base->list.entry[i - 1].id, id))
			return &base->list.entry[i - 1];
	return NULL;
}

/* One that is damaged is no base: the backup is whole then. */
static void find_manifest(struct base *base, struct evs_repo *repo, const char *id)
{
	const struct evs_backup_entry *entry = newest(base, id);
	struct evs_error err = {};

	if (!entry)
		return;
	if (!evs_repo_manifest(repo, entry->name, &base->manifest, &err))
		base->found = true;
	else
		cli_note("warning: %s; the new backup does not build on it", err.text);
}

int base_find(struct base *base, struct evs_repo *repo, struct target *target,
	      const struct evs_pool_entry *entry, struct evs_error *err)
{
	bool snapshot = entry->object.kind == EVS_KIND_SNAPSHOT;
	struct evs_error ignored = {};
	struct evs_pool_entry found;
	int ret;

	/* Nothing to build on, and the engine tells of a name that is taken. */
	if (!repo->ops->layers)
		return 0;
	ret = evs_repo_list(repo, &base->list, err);
	if (ret)
		return ret;
	find_manifest(base, repo, snapshot ? entry->record.from : entry->record.id);
	base->keep = !snapshot && evs_config_repo_get(repo->config, "incremental");
	snprintf(base->prefix, sizeof(base->prefix), PREFIX, repo->config->name);
	base->before = entry->object;
	base->before.kind = EVS_KIND_SNAPSHOT;
	if (!base->keep || !base->found || !*base->manifest.snapshot)
		return 0;
	strcpy(base->before.snapshot, base->manifest.snapshot);
	base->has_before = !evs_pool_find(&target->pool, &base->before, &found, &ignored);
	return 0;
}

static bool is_taken(const struct base *base, const char *name)
{
	size_t i;

	for (i = 0; i < base->list.count; i++)
		if (!strcmp(base->list.entry[i].name, name))
			return true;
	return false;
}

static bool is_there(struct evs_pool *pool, const struct evs_object *snapshot)
{
	struct evs_error ignored = {};
	struct evs_pool_entry entry;

	return !evs_pool_find(pool, snapshot, &entry, &ignored);
}

static void name_kept(struct base *base, struct evs_pool *pool, char *stamp)
{
	char *name = base->kept.snapshot, *c;
	unsigned int more = 1;

	for (c = stamp; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	base->kept = base->before;
	snprintf(name, sizeof(base->kept.snapshot), "%s%s", base->prefix, stamp);
	/* One that was killed in this second has left another one. */
	while (is_there(pool, &base->kept) && more < 9)
		snprintf(name, sizeof(base->kept.snapshot), "%s%.16s-%u", base->prefix, stamp,
			 ++more);
}

void base_rename(struct evs_manifest *manifest, unsigned int number)
{
	const char *disk = strchr(manifest->disk, '/');
	int pool = disk ? (int)(disk - manifest->disk) : 0;

	snprintf(manifest->name + STAMP_LEN, sizeof(manifest->name) - STAMP_LEN, "-%.*s-%.*s-%u",
		 pool, manifest->disk, NAME_MAX_LEN - pool, disk ? disk + 1 : manifest->disk,
		 number);
}

void base_name(struct base *base, struct evs_pool *pool, struct evs_manifest *manifest)
{
	char stamp[20], disk[EVS_BACKUP_DISK_SIZE], *c;
	time_t now = time(NULL);
	unsigned int more = 1;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	strcpy(disk, manifest->disk);
	c = strchr(disk, '/');
	if (c)
		*c = '-';
	snprintf(manifest->name, sizeof(manifest->name), "%s-%.70s", stamp, disk);
	while (is_taken(base, manifest->name))
		base_rename(manifest, ++more);
	if (base->keep)
		name_kept(base, pool, stamp);
}

int base_changed(struct base *base, struct evs_pool *pool, const struct evs_object *source,
		 uint64_t bytes, struct evs_error *err)
{
	int ret;

	if (!base->has_before)
		return 0;
	base->changed.size = bytes;
	ret = pool->ops->changed(pool, &base->before, source, evs_ranges_add, &base->changed, err);
	if (ret == -EOPNOTSUPP) {
		cli_note("backup create: note: %s; all of the disk is read", err->text);
		*err = (struct evs_error){};
		return 0;
	}
	base->has_changed = !ret;
	return ret;
}

void base_settle(struct base *base, struct evs_pool *pool, const struct evs_object *disk,
		 bool made)
{
	struct evs_error ignored = {};
	struct entries entries = {};
	struct evs_object *object;
	size_t i;

	if (!base->keep)
		return;
	if (entries_get(&entries, pool, disk, &ignored))
		return;
	for (i = 0; i < entries.count; i++) {
		object = &entries.list[i].object;
		if (strncmp(object->snapshot, base->prefix, strlen(base->prefix)))
			continue;
		/* What neither of the two is was left by one that was killed. */
		if (!strcmp(object->snapshot, made ? base->kept.snapshot : base->before.snapshot))
			continue;
		if (!made && strcmp(object->snapshot, base->kept.snapshot))
			continue;
		evs_pool_delete(pool, &entries.list[i], &ignored);
	}
	entries_free(&entries);
}

void base_free(struct base *base)
{
	free(base->list.entry);
	evs_manifest_free(&base->manifest);
	evs_ranges_free(&base->changed);
}
