// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rekey POOL/DISK: the plaintext is copied through two EVS disks, so that neither data
 * key is in this process while that takes its time. The copy is made under a UUID of its
 * own, as both are there at once, and gets that of the disk at the end; the KMS has
 * wrapped its key for either before anything is made.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "create.h"
#include "detach.h"
#include "disk/rekey.h"
#include "kms/kms.h"
#include "place.h"
#include "proof.h"
#include "transfer.h"

/**
 * struct rekey - One disk that gets a new key.
 * @target: the disk
 * @entry: the same, as it was found
 * @label: its label
 * @transfer: the copy
 * @ranges: what there is to copy
 * @copy: token of the copy, as long as it is one
 * @final: token for the UUID of the disk
 * @dk: the new key, until the header of the copy is written
 */
struct rekey {
	struct target target;
	struct evs_pool_entry entry;
	char label[EVS_LABEL_MAX + 1];
	struct transfer transfer;
	struct evs_ranges ranges;
	struct evs_token copy;
	struct evs_token final;
	struct evs_secret *dk;
};

/* ---- before anything is made ---- */

static int read_header(struct rekey *rekey, struct evs_error *err)
{
	struct create_request *req = &rekey->transfer.req;
	struct evs_volume *vol;
	int ret;

	ret = proof_read(&rekey->target.pool, &rekey->entry, &vol, err);
	if (ret)
		return ret;
	strcpy(rekey->label, evs_volume_label(vol));
	req->label = *rekey->label ? rekey->label : NULL;
	req->sector_size = evs_volume_sector_size(vol);
	req->size = evs_volume_data_size(vol);
	req->kms = rekey->entry.record.kms;
	req->cmk = rekey->entry.record.cmk;
	evs_volume_close(vol);
	return 0;
}

static int look(struct rekey *rekey, struct evs_error *err)
{
	struct target *target = &rekey->target;
	struct evs_pool *pool = &target->pool;
	int ret;

	ret = target_find(target, &rekey->entry, err);
	if (!ret && !rekey->entry.record.encrypted)
		ret = evs_error_set(err, EMEDIUMTYPE, "%s: is plain: it has no data key",
				    target->text);
	if (!ret && !pool->ops->replace)
		ret = evs_error_set(err, EOPNOTSUPP,
				    "%s: engine %s cannot put another disk in its place; make a copy with a new key by: evs-setup image create, image copy",
				    target->text, pool->ops->name);
	if (!ret)
		ret = detach_refuse_attached(target, &rekey->entry.record, err);
	if (!ret)
		ret = target_refuse_rollback(target, &rekey->entry.record, err);
	if (!ret)
		ret = read_header(rekey, err);
	if (!ret)
		ret = transfer_ranges(pool, &rekey->entry, &rekey->ranges, err);
	return ret ? ret : evs_pool_room(pool, evs_ranges_bytes(&rekey->ranges) + EVS_DATA_OFFSET,
					 err);
}

/* The key of @copy, wrapped once more, and unwrapped to see that it is that key. */
static int wrap_again(struct rekey *rekey, struct evs_kms *kms, struct evs_error *err)
{
	const struct evs_record *record = &rekey->entry.record;
	struct evs_secret *again;
	int ret;

	ret = evs_token_init(&rekey->final, record->kms, record->cmk, record->id, err);
	if (!ret)
		ret = evs_kms_encrypt_datakey(kms, &rekey->final, rekey->dk, err);
	if (ret)
		return ret;
	again = evs_secret_alloc(EVS_DK_SIZE);
	if (!again)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = evs_kms_decrypt_datakey(kms, &rekey->final, again, err);
	if (!ret && memcmp(again->data, rekey->dk->data, EVS_DK_SIZE))
		ret = evs_error_set(err, EKEYREJECTED, "KMS %s: has wrapped another key",
				    record->kms);
	evs_secret_free(again);
	return ret;
}

static int ask_kms(struct rekey *rekey, struct evs_error *err)
{
	const struct evs_config_kms *endpoint;
	struct evs_kms *kms;
	int ret;

	ret = create_ask_kms(&rekey->target, &rekey->transfer.req, &rekey->transfer.work.record,
			     &rekey->copy, rekey->dk, err);
	if (ret || rekey->transfer.req.dry_run)
		return ret;
	endpoint = evs_config_kms(&rekey->target.config, rekey->entry.record.kms, err);
	ret = endpoint ? evs_kms_open(&kms, endpoint, err) : -err->errnum;
	if (ret)
		return ret;
	ret = wrap_again(rekey, kms, err);
	evs_kms_close(kms);
	return ret;
}

/* ---- the copy ---- */

static int take_identity(struct rekey *rekey, struct evs_error *err)
{
	struct evs_pool *pool = &rekey->target.pool;
	const struct evs_object *object = &rekey->transfer.work.object;
	struct evs_volume *vol;
	struct claim claim;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->activate(pool, object, true, path, sizeof(path), err);
	if (!ret)
		ret = claim_open(&claim, path, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, &claim.dev, 0, err);
	if (!ret) {
		rekey->copy = *evs_volume_token(vol);
		rekey->final.keyslots = rekey->copy.keyslots;
		ret = evs_volume_reidentify(vol, rekey->entry.record.id, rekey->label, &rekey->copy,
					    &rekey->final, err);
		evs_volume_close(vol);
	}
	claim_close(&claim);
	return ret ? ret : pool->ops->deactivate(pool, object, err);
}

/* Called with the plaintext of the disk open, and without the lock */
static int make_copy(struct transfer *transfer, struct evs_error *err)
{
	struct rekey *rekey = (void *)((char *)transfer - offsetof(struct rekey, transfer));
	struct evs_pool *pool = &rekey->target.pool;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (ret)
		return ret;
	ret = create_blank(&rekey->target, &transfer->req, &transfer->work, &rekey->copy,
			   rekey->dk, err);
	evs_secret_free(rekey->dk);
	rekey->dk = NULL;
	if (!ret)
		ret = transfer_fill(transfer, err);
	if (!ret)
		ret = take_identity(rekey, err);
	evs_pool_unlock(pool);
	return ret;
}

/* ---- its place ---- */

/* Nobody attached it meanwhile, but it may have been rewrapped or resized. */
static int look_again(struct rekey *rekey, struct evs_error *err)
{
	const struct evs_record *before = &rekey->entry.record;
	struct evs_pool_entry now;
	int ret;

	ret = target_find(&rekey->target, &now, err);
	if (!ret)
		ret = detach_refuse_attached(&rekey->target, &now.record, err);
	if (!ret && (strcmp(now.record.id, before->id) || strcmp(now.record.cmk, before->cmk) ||
		     strcmp(now.record.kms, before->kms) || *now.record.rollback ||
		     now.bytes != rekey->entry.bytes))
		ret = evs_error_set(err, EBUSY, "%s: was changed meanwhile; try again",
				    rekey->target.text);
	return ret;
}

static int put_in_place(struct rekey *rekey, struct evs_error *err)
{
	struct evs_unfinished *work = &rekey->transfer.work;
	struct evs_pool *pool = &rekey->target.pool;
	struct evs_error ignored = {};
	char maker[EVS_MAKER_SIZE];
	int ret;

	ret = look_again(rekey, err);
	if (ret)
		return ret;
	/* What comes to be is the disk, with its UUID. */
	strcpy(maker, work->record.maker);
	work->record = rekey->entry.record;
	strcpy(work->record.maker, maker);
	ret = pool->ops->save(pool, &work->object, &work->record, err);
	if (!ret)
		ret = pool->ops->replace(pool, &work->object, &rekey->target.object, err);
	if (ret)
		return ret;
	/* It is done; its name says that it is complete, whatever its tags do. */
	work->record.maker[0] = '\0';
	pool->ops->save(pool, &rekey->target.object, &work->record, &ignored);
	target_copy_header(&rekey->target);
	return 0;
}

static int run(struct rekey *rekey, struct evs_error *err)
{
	struct transfer *transfer = &rekey->transfer;
	struct evs_pool *pool = &rekey->target.pool;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = look(rekey, err);
	evs_pool_unlock(pool);
	if (!ret)
		ret = ask_kms(rekey, err);
	if (ret || transfer->req.dry_run)
		return ret;
	transfer->work.record.size = transfer->req.size;
	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = look_again(rekey, err);
	if (!ret)
		ret = transfer_from(transfer, pool, &rekey->entry, make_copy, err);
	if (!ret)
		ret = evs_pool_lock(pool, err);
	return ret ? ret : put_in_place(rekey, err);
}

static int rekey_target(struct rekey *rekey, struct evs_error *err)
{
	int ret;

	rekey->transfer.target = &rekey->target;
	rekey->transfer.ranges = &rekey->ranges;
	rekey->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!rekey->dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = evs_pool_begin(&rekey->transfer.work, EVS_KIND_DISK, err);
	if (!ret) {
		ret = run(rekey, err);
		evs_pool_abandon(&rekey->target.pool, &rekey->transfer.work);
	}
	evs_secret_free(rekey->dk);
	evs_ranges_free(&rekey->ranges);
	return ret;
}

static int rekey_in_pool(const char *name, bool dry_run, struct evs_error *err)
{
	struct rekey *rekey = calloc(1, sizeof(*rekey));
	int ret;

	if (!rekey)
		return evs_error_set(err, ENOMEM, "out of memory");
	rekey->transfer.req.dry_run = dry_run;
	ret = target_open(&rekey->target, name, EVS_KIND_DISK, err);
	if (!ret) {
		ret = rekey_target(rekey, err);
		if (!ret && dry_run)
			cli_note("rekey: nothing was changed, as --dry-run is given");
		if (!ret)
			ret = create_print(rekey->target.text, &rekey->entry.record, err);
		target_close(&rekey->target);
	}
	free(rekey);
	return ret;
}

/* ---- the verb ---- */

static const struct verb_option options[] = {
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE,
	  "check everything, ask the KMS, change nothing" },
	{},
};

static int run_verb(int argc, char *argv[], struct evs_error *err)
{
	bool dry_run = false;
	const char *name;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		dry_run = true;
	if (opt < 0 || cli_operand(argc, argv, "disk", &name, err) || evs_process_harden(err))
		return -err->errnum;
	ret = target_is_pool(name, err);
	if (!ret)
		return rekey_device(name, dry_run, err);
	return ret < 0 ? ret : rekey_in_pool(name, dry_run, err);
}

const struct verb verb_rekey = {
	.name = "rekey",
	.args = "[OPTION...] " PLACE_ARG,
	.brief = "give a disk a new data key; all its data is rewritten",
	.options = options,
	.notes = "The disk must be detached. UUID, label and CMK stay. A pool needs room for a copy,\n"
		 "snapshots keep the old key, and an interruption leaves the disk as it was. A device\n"
		 "or file is rewritten in place: after an interruption the same command goes on, and\n"
		 "until then the disk cannot be attached. Prints the disk, its UUID, and the id of the\n"
		 "CMK.\n",
	.operands = { WORD_FILE },
	.needs = VERB_NEEDS_ROOT,
	.run = run_verb,
};
