// SPDX-License-Identifier: GPL-2.0-or-later
/* delete: what it takes away is gone for good, so it asks, or is told --yes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/out.h"
#include "delete.h"
#include "detach.h"
#include "disk/header-copy.h"
#include "entries.h"
#include "proof.h"
#include "text.h"

/**
 * struct delete_request - What may go, and how.
 * @with_snapshots: the snapshots of the disk as well
 * @yes: ask nothing
 * @dry_run: only say what would go
 */
struct delete_request {
	bool with_snapshots;
	bool yes;
	bool dry_run;
};

#define DELETE_OPTIONS \
	{ "yes", 'y', NULL, WORD_NONE, "do not ask" }, \
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "print what would be deleted, delete nothing" }

static const struct verb_option options[] = {
	{ "with-snapshots", VERB_LONG('s'), NULL, WORD_NONE, "delete the snapshots of the disk as well" },
	DELETE_OPTIONS,
	{},
};

const struct verb_option delete_options[] = {
	DELETE_OPTIONS,
	{},
};

/* ---- what stands against it ---- */

static int refuse_snapshots(const struct target *target, const struct entries *snapshots,
			    struct evs_error *err)
{
	char names[512] = "", text[EVS_OBJECT_TEXT_SIZE];
	size_t i, used = 0;

	for (i = 0; i < snapshots->count && used < sizeof(names) - sizeof(text); i++) {
		evs_object_text(text, target->pool.config->name, &snapshots->list[i].object);
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 text);
	}
	return evs_error_set(err, EBUSY, "%s: has snapshots: %s%s; --with-snapshots deletes them as well",
			     target->text, names, i < snapshots->count ? ", ..." : "");
}

static int confirm(const struct target *target, const struct entries *snapshots,
		   struct evs_error *err)
{
	if (!cli_can_ask())
		return evs_error_set(err, ECANCELED, "%s: give --yes to delete it without being asked",
				     target->text);
	if (snapshots->count)
		evs_text_line(stderr, "evs-setup: %s and its %zu snapshots are lost for good.",
			      target->text, snapshots->count);
	else
		evs_text_line(stderr, "evs-setup: %s is lost for good.", target->text);
	return cli_confirm("Delete it?", target->text, err);
}

/* ---- deleting ---- */

static int delete_one(struct target *target, const struct evs_pool_entry *entry, bool dry_run,
		      struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	char text[EVS_OBJECT_TEXT_SIZE];

	evs_object_text(text, pool->config->name, &entry->object);
	/* Snapshots and images have none. */
	if (!dry_run && entry->record.encrypted && entry->object.kind == EVS_KIND_DISK)
		header_copy_drop(text, entry->record.id);
	if (!dry_run && evs_pool_delete(pool, entry, err)) {
		if (entry->object.kind == EVS_KIND_DISK && entry->record.encrypted)
			target_copy_header(target);
		return evs_error_prefix(err, "%s", text);
	}
	if (cli_settings()->json)
		return out_texts("deleted", err, "name", text, "uuid", entry->record.id, NULL);
	evs_text_line(stdout, "%s %s", text, entry->record.id);
	return 0;
}

/*
 * A key that other objects have as well is not gone with this one. That is told by the
 * digest of the key in their headers.
 */
static void tell_kind(struct target *target, const struct evs_pool_entry *entry,
		      const struct evs_volume *vol, const struct entries *all)
{
	struct evs_error ignored = {};
	char text[EVS_OBJECT_TEXT_SIZE];
	bool alone = vol, same;
	struct evs_volume *other;
	size_t i;

	for (i = 0; i < all->count && entry->record.encrypted; i++) {
		if (!all->list[i].record.encrypted)
			continue;
		evs_object_text(text, target->pool.config->name, &all->list[i].object);
		if (!vol || proof_read(&target->pool, &all->list[i], &other, &ignored)) {
			alone = false;
			cli_note("delete: %s: note: %s may have the same data key", target->text,
				 text);
			continue;
		}
		same = evs_volume_same_dk(vol, other);
		evs_volume_close(other);
		alone &= !same;
		if (same)
			cli_note("delete: %s: note: %s has the same data key: what was deleted can be read with it, where it is not overwritten",
				 target->text, text);
	}
	if (alone)
		cli_note("delete: %s: note: nothing else in pool %s has its data key: without a copy of its header, what was deleted cannot be read any more",
			 target->text, target->pool.config->name);
}

static int delete_found(struct target *target, const struct delete_request *req,
			const struct evs_pool_entry *entry, const struct entries *snapshots,
			struct evs_error *err)
{
	size_t i;
	int ret;

	ret = detach_refuse_attached(target, &entry->record, err);
	if (!ret && snapshots->count && !req->with_snapshots)
		ret = refuse_snapshots(target, snapshots, err);
	/* Before its snapshots go */
	if (!ret && snapshots->count && target->pool.ops->removable)
		ret = target->pool.ops->removable(&target->pool, &entry->object, err);
	if (!ret && !req->yes && !req->dry_run)
		ret = confirm(target, snapshots, err);
	for (i = 0; !ret && i < snapshots->count; i++)
		ret = delete_one(target, &snapshots->list[i], req->dry_run, err);
	return ret ? ret : delete_one(target, entry, req->dry_run, err);
}

/* What an unfinished rollback goes back to, or has kept, is needed to finish it. */
static int refuse_needed(const struct target *target, struct evs_error *err)
{
	struct evs_pool_entry entry;
	struct target disk;
	int ret;

	if (target->object.kind != EVS_KIND_SNAPSHOT)
		return 0;
	target_disk(&disk, target);
	ret = evs_pool_find(&disk.pool, &disk.object, &entry, err);
	return ret ? ret : target_refuse_rollback(&disk, &entry.record, err);
}

/* A damaged one can be deleted: nothing else can be done with it. */
static int delete_object(struct target *target, const struct delete_request *req,
			 struct evs_error *err)
{
	struct entries snapshots = {}, all;
	struct evs_error ignored = {};
	struct evs_volume *vol = NULL;
	struct evs_pool_entry entry;
	int ret;

	ret = evs_pool_lock(&target->pool, err);
	if (!ret)
		ret = evs_pool_find(&target->pool, &target->object, &entry, err);
	if (!ret && entry.record.encrypted && entry.object.kind != EVS_KIND_SNAPSHOT &&
	    proof_read(&target->pool, &entry, &vol, &ignored))
		vol = NULL;
	if (!ret)
		ret = refuse_needed(target, err);
	if (!ret && target->object.kind == EVS_KIND_DISK)
		ret = entries_get(&snapshots, &target->pool, &target->object, err);
	if (!ret)
		ret = delete_found(target, req, &entry, &snapshots, err);
	/* The header of a snapshot is that of its disk, which is still there. */
	if (!ret && !req->dry_run && entry.object.kind != EVS_KIND_SNAPSHOT &&
	    !entries_get(&all, &target->pool, NULL, &ignored)) {
		if (entry.record.encrypted)
			tell_kind(target, &entry, vol, &all);
		entries_free(&all);
	}
	evs_volume_close(vol);
	entries_free(&snapshots);
	return ret;
}

int delete_run(int argc, char *argv[], enum evs_kind kind, struct evs_error *err)
{
	struct delete_request req = {};
	struct target target;
	const char *name;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		req.yes |= opt == 'y';
		req.with_snapshots |= opt == VERB_LONG('s');
		req.dry_run |= opt == VERB_LONG('n');
	}
	if (opt < 0 || cli_operand(argc, argv, evs_kind_name(kind), &name, err))
		return -err->errnum;
	ret = target_open(&target, name, kind, err);
	if (ret)
		return ret;
	ret = delete_object(&target, &req, err);
	target_close(&target);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	return delete_run(argc, argv, EVS_KIND_DISK, err);
}

const struct verb verb_delete = {
	.name = "delete",
	.args = "[OPTION...] POOL/DISK",
	.brief = "delete a disk of a pool; its data is lost",
	.options = options,
	.notes = "The disk must be detached. Asks first, unless --yes is given. The header of an\n"
		 "encrypted disk is overwritten before its space is released. Prints what was deleted.\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
