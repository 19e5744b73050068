// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create POOL/DISK: have the KMS make a data key, then make an unfinished disk, write
 * its header, and give it its name. Whenever that is cut short, there is no disk.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "create.h"
#include "kms/kms.h"
#include "text.h"
#include "volume/volume.h"

#define SIZE_UNIT 4096

int create_print(const char *text, const struct evs_record *record, struct evs_error *err)
{
	if (cli_settings()->json)
		return out_texts("disks", err, "name", text, "uuid", record->id, "attribute",
				 record->encrypted ? "encrypted" : "plain", "kms", record->kms,
				 "cmk", record->cmk, NULL);
	evs_text_line(stdout, "%s %s %s", text, record->id,
		      record->encrypted ? record->cmk : "plain");
	return 0;
}

/* ---- the options ---- */

int create_option(struct create_request *req, int opt, struct evs_error *err)
{
	switch (opt) {
	case VERB_LONG('k'):
		req->kms = optarg;
		return 0;
	case VERB_LONG('c'):
		req->cmk = optarg;
		return 0;
	case VERB_LONG('p'):
		req->plain = true;
		return 0;
	case VERB_LONG('n'):
		req->dry_run = true;
		return 0;
	case 'L':
		/* Before anything is made in the KMS or wiped */
		if (evs_label_check(optarg, err))
			return evs_error_prefix(err, "--label %s", optarg);
		req->label = optarg;
		return 0;
	default:
		return -ENOENT;
	}
}

int create_check_plain(const struct create_request *req, const char *what, struct evs_error *err)
{
	if (req->plain && (req->kms || req->cmk || req->label || req->sector_size))
		return evs_error_set(err, EINVAL,
				     "a plain %s has no header: leave out --plain, or what sets KMS, CMK, label or sector size",
				     what);
	return 0;
}

/* ---- before anything is made ---- */

int create_check(struct target *target, const struct create_request *req, struct evs_error *err)
{
	const struct evs_config_pool *pool = target->pool.config;

	if (!req->size || req->size % SIZE_UNIT || req->size > INT64_MAX - EVS_DATA_OFFSET)
		return evs_error_set(err, EINVAL, "--size %llu: must be a multiple of %d, and not 0",
				     (unsigned long long)req->size, SIZE_UNIT);
	if (req->plain && pool->encrypt_always)
		return evs_error_set(err, EPERM,
				     "%s: pool %s has encrypt = always; leave --plain out, or choose another pool",
				     target->text, pool->name);
	if (target_free_name(target, err) || evs_pool_room(&target->pool, 0, err))
		return -err->errnum;
	return 0;
}

int create_ask_kms(struct target *target, const struct create_request *req,
		   struct evs_record *record, struct evs_token *token, struct evs_secret *dk,
		   struct evs_error *err)
{
	const char *name = req->kms ? req->kms : EVS_KMS_LOCAL;
	const struct evs_config_kms *endpoint;
	struct evs_kms *kms;
	struct evs_cmk cmk;
	int ret;

	endpoint = evs_config_kms(&target->config, name, err);
	ret = endpoint ? evs_kms_open(&kms, endpoint, err) : -err->errnum;
	if (ret)
		return ret;
	ret = evs_kms_describe_key(kms, req->cmk ? req->cmk : EVS_CMK_DEFAULT, &cmk, err);
	if (!ret)
		ret = evs_token_init(token, name, cmk.id, record->id, err);
	if (!ret && !req->dry_run)
		ret = evs_kms_create_datakey(kms, token, dk, err);
	evs_kms_close(kms);
	if (ret)
		return ret;
	record->encrypted = true;
	strcpy(record->cmk, token->cmk);
	strcpy(record->kms, token->kms);
	return 0;
}

/* ---- the disk ---- */

static int write_header(const char *path, const struct create_request *req,
			const struct evs_record *record, const struct evs_token *token,
			const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_format format = {
		.uuid = record->id,
		.label = req->label,
		.sector_size = req->sector_size,
	};
	struct claim claim;
	int ret;

	ret = claim_open(&claim, path, err);
	if (ret)
		return ret;
	ret = evs_volume_check_format(&claim.dev, &format, err);
	if (!ret)
		ret = evs_volume_format(&claim.dev, &format, token, dk, err);
	claim_close(&claim);
	return ret;
}

static int fill(struct target *target, const struct create_request *req,
		const struct evs_unfinished *work, const struct evs_token *token,
		const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->activate(pool, &work->object, true, path, sizeof(path), err);
	if (!ret)
		ret = write_header(path, req, &work->record, token, dk, err);
	return ret ? ret : pool->ops->deactivate(pool, &work->object, err);
}

int create_blank(struct target *target, const struct create_request *req,
		 struct evs_unfinished *work, const struct evs_token *token,
		 const struct evs_secret *dk, struct evs_error *err)
{
	uint64_t bytes = req->size + (req->plain ? 0 : EVS_DATA_OFFSET);
	struct evs_pool *pool = &target->pool;
	int ret;

	ret = pool->ops->create(pool, &work->object, bytes, &work->record, err);
	return ret || req->plain ? ret : fill(target, req, work, token, dk, err);
}

/* The KMS may have taken its time: what was looked at before is looked at again. */
static int make(struct target *target, const struct create_request *req,
		struct evs_unfinished *work, const struct evs_token *token,
		const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = create_check(target, req, err);
	if (!ret)
		ret = create_blank(target, req, work, token, dk, err);
	if (!ret)
		ret = evs_pool_commit(pool, work, &target->object, err);
	return ret;
}

int create_in_pool(struct target *target, const struct create_request *req,
		   struct evs_error *err)
{
	struct evs_secret *dk = NULL;
	struct evs_unfinished work;
	struct evs_token token;
	int ret;

	/* An engine that is slow to answer is asked once with the lock. */
	ret = evs_pool_lock(&target->pool, err);
	if (!ret)
		ret = create_check(target, req, err);
	evs_pool_unlock(&target->pool);
	if (!ret)
		ret = evs_pool_begin(&work, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	work.record.size = req->size;
	if (!req->plain) {
		dk = evs_secret_alloc(EVS_DK_SIZE);
		ret = dk ? create_ask_kms(target, req, &work.record, &token, dk, err) :
		      evs_error_set(err, ENOMEM, "cannot lock memory for the data key: %m");
	}
	if (!ret && !req->dry_run)
		ret = make(target, req, &work, &token, dk, err);
	evs_secret_free(dk);
	evs_pool_abandon(&target->pool, &work);
	if (ret)
		return ret;
	if (!req->dry_run && !req->plain)
		target_copy_header(target);
	if (!req->dry_run)
		return create_print(target->text, &work.record, err);
	cli_note("create: nothing was made, as --dry-run is given");
	strcpy(work.record.id, "-");
	return create_print(target->text, &work.record, err);
}
