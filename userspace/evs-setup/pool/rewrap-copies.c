// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrap --all-copies, rewrap --pool: each snapshot and image has a header of its own,
 * with the CMK of its day. The record of an object is written when all else is done, so
 * that one which was cut short is found again by it. So has each backup: it stays as it
 * is, and what is wrapped anew is added to its repository.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "create.h"
#include "disk/header-copy.h"
#include "disk/rewrap-one.h"
#include "entries.h"
#include "proof.h"
#include "rewrap-copies.h"
#include "rewrap-work.h"
#include "target.h"

/* ---- the CMKs ---- */

/* One that is deleted is known by its id alone. */
static int find_cmk(struct rewrap_work *work, const char *kms_name, const char *ref, char *id,
		    struct evs_error *err)
{
	struct evs_kms *kms;
	struct evs_cmk cmk;
	int ret;

	ret = evs_rewraps_kms(&work->rewraps, kms_name, &kms, err);
	if (!ret)
		ret = evs_kms_describe_key(kms, ref, &cmk, err);
	if (!ret)
		strcpy(id, cmk.id);
	return ret;
}

/* A KMS that does not know it protects nothing with it. */
static int find_from(struct rewrap_work *work, const char *kms, struct evs_error *err)
{
	struct evs_error why = {};
	int ret = find_cmk(work, kms, work->req->from_cmk, work->from, &why);

	if (!ret)
		work->known = true;
	else if (why.class == EVS_CLASS_CMK_DELETED)
		work->unknown = why;
	else
		*err = why;
	return -err->errnum;
}

int rewrap_find_cmks(struct rewrap_work *work, const char *kms, struct evs_error *err)
{
	const struct rewrap_copies *req = work->req;
	const char *other = req->to.kms ? req->to.kms : kms;
	int ret = 0;

	if (!strcmp(work->kms, kms))
		return 0;
	work->from[0] = '\0';
	work->to[0] = '\0';
	if (req->from_cmk)
		ret = find_from(work, kms, err);
	if (!ret && (req->to.cmk || req->to.kms) && (!req->from_cmk || *work->from))
		ret = find_cmk(work, other, req->to.cmk ? req->to.cmk : EVS_CMK_DEFAULT, work->to, err);
	if (!ret && *work->from && !strcmp(work->from, work->to) && !strcmp(other, kms))
		ret = evs_error_set(err, EINVAL, "--from-cmk %s and --cmk %s are the same key",
				    req->from_cmk, req->to.cmk);
	if (!ret)
		strcpy(work->kms, kms);
	return ret;
}

/* ---- one object ---- */

bool rewrap_is_done(const struct rewrap_work *work, const struct evs_volume *vol)
{
	const struct evs_token *token = evs_volume_token(vol);

	return *work->to && evs_volume_token_count(vol) == 1 && !strcmp(token->cmk, work->to) &&
	       !strcmp(token->kms, work->req->to.kms ? work->req->to.kms : work->kms);
}

static int rewrap_header(struct rewrap_work *work, struct evs_pool_entry *entry, const char *path,
			 const char *text, struct evs_volume **vol, struct evs_error *err)
{
	struct claim claim;
	int ret;

	ret = claim_open_header(&claim, path, err);
	if (ret)
		return ret;
	ret = evs_volume_open(vol, &claim.dev, 0, err);
	if (!ret && strcmp(evs_volume_uuid(*vol), entry->record.id)) {
		ret = evs_error_set(err, EBADMSG, "%s: holds the header of another disk", text);
		evs_volume_close(*vol);
	}
	if (!ret && !rewrap_is_done(work, *vol)) {
		ret = rewrap_volume(&work->rewraps, *vol, work->req->to, err);
		if (!ret && entry->object.kind == EVS_KIND_DISK)
			header_copy_take(text, &claim.dev);
		if (!ret)
			ret = rewrap_announce(*vol, &claim.dev, text, err);
		if (ret)
			evs_volume_close(*vol);
		else
			work->done++;
	}
	claim_close(&claim);
	return ret;
}

static int rewrap_object(struct rewrap_work *work, struct evs_pool_entry *entry, const char *text,
			 struct evs_error *err)
{
	struct evs_pool *pool = &work->pool;
	struct evs_error ignored = {};
	struct evs_volume *vol;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->activate(pool, &entry->object, true, path, sizeof(path), err);
	if (ret)
		return ret;
	ret = rewrap_header(work, entry, path, text, &vol, err);
	/* One that is attached stays active; a snapshot is read-only again. */
	pool->ops->deactivate(pool, &entry->object, &ignored);
	if (ret)
		return ret;
	ret = proof_record(pool, entry, vol, err);
	evs_volume_close(vol);
	return ret < 0 ? ret : 0;
}

static bool is_meant(const struct rewrap_work *work, const struct evs_pool_entry *entry)
{
	if (!entry->record.encrypted || entry->object.unfinished)
		return false;
	if (*work->disk)
		return entry->object.kind != EVS_KIND_IMAGE &&
		       !strcmp(entry->object.name, work->disk);
	return !strcmp(entry->record.cmk, work->from);
}

static int handle(struct rewrap_work *work, struct evs_pool_entry *entry, struct evs_error *err)
{
	char text[EVS_OBJECT_TEXT_SIZE];
	struct evs_error why = {};

	if (!entry->record.encrypted)
		return 0;
	if (rewrap_find_cmks(work, entry->record.kms, err))
		return -err->errnum;
	if (!is_meant(work, entry))
		return 0;
	if (*work->disk && entry->object.kind == EVS_KIND_DISK)
		strcpy(work->uuid, entry->record.id);
	evs_object_text(text, work->name, &entry->object);
	if (work->req->dry_run) {
		work->done++;
		return create_print(text, &entry->record, err);
	}
	if (rewrap_object(work, entry, text, &why)) {
		work->failed++;
		cli_note("rewrap: %s: %s", text, why.text);
	}
	return 0;
}

/* ---- all of them ---- */

static int rewrap_objects(struct rewrap_work *work, struct evs_error *err)
{
	struct entries all;
	size_t i;
	int ret;

	ret = evs_pool_lock(&work->pool, err);
	if (!ret)
		ret = entries_get(&all, &work->pool, NULL, err);
	if (ret)
		return ret;
	for (i = 0; !ret && i < all.count; i++)
		ret = handle(work, &all.list[i], err);
	entries_free(&all);
	/* A repository may be far away. */
	evs_pool_unlock(&work->pool);
	return ret;
}

static void tell(const struct rewrap_work *work)
{
	unsigned int all = work->done + work->backups;
	char backups[64] = "";

	if (work->config.repo_count)
		snprintf(backups, sizeof(backups), " and %u backup%s of its disks", work->backups,
			 work->backups == 1 ? "" : "s");
	cli_note("rewrap: %u object%s of pool %s%s %s", work->done, work->done == 1 ? "" : "s",
		 work->name, backups, work->req->dry_run ? "would be rewrapped" :
		 all == 1 && !*backups ? "is rewrapped" : "are rewrapped");
}

static int rewrap_all(struct rewrap_work *work, struct evs_error *err)
{
	int ret = work->open ? rewrap_objects(work, err) : 0;

	if (!ret)
		ret = rewrap_backups(work, err);
	if (!ret && work->failed)
		return evs_error_set(err, EBUSY,
				     "%u of %u objects and backups of pool %s are not rewrapped; give the same command again",
				     work->failed, work->failed + work->done + work->backups,
				     work->name);
	if (!ret && work->unknown.errnum && !work->known) {
		*err = work->unknown;
		ret = -err->errnum;
	}
	if (!ret && !work->open && !work->backups)
		ret = evs_error_set(err, ENOENT,
				    "--pool %s: is no pool of %s, and no backup of its disks is protected by %s",
				    work->name, evs_config_path(), work->req->from_cmk);
	if (!ret)
		tell(work);
	return ret;
}

static int open_pool(struct rewrap_work *work, struct evs_error *err)
{
	const struct evs_config_pool *pool;
	struct target target;
	int ret;

	if (work->req->disk) {
		ret = target_open(&target, work->req->disk, EVS_KIND_DISK, err);
		if (ret)
			return ret;
		strcpy(work->disk, target.object.name);
		work->config = target.config;
		work->pool = target.pool;
		strcpy(work->name, target.pool.config->name);
		work->open = true;
		return 0;
	}
	if (!evs_pool_name_valid(work->req->pool))
		return evs_error_set(err, EINVAL, "--pool %s: is no name of a pool",
				     work->req->pool);
	strcpy(work->name, work->req->pool);
	ret = evs_config_load(&work->config, err);
	if (ret)
		return ret;
	/* Of one that is gone, there may be backups. */
	pool = evs_config_pool(&work->config, work->name);
	ret = pool ? evs_pool_open(&work->pool, pool, err) : 0;
	work->open = pool && !ret;
	if (ret)
		evs_config_free(&work->config);
	return ret;
}

int rewrap_copies(const struct rewrap_copies *req, struct evs_error *err)
{
	struct rewrap_work work = { .req = req };
	int ret;

	ret = open_pool(&work, err);
	if (ret)
		return ret;
	work.rewraps.config = &work.config;
	ret = rewrap_all(&work, err);
	evs_rewraps_close(&work.rewraps);
	if (work.open)
		evs_pool_close(&work.pool);
	evs_config_free(&work.config);
	return ret;
}
