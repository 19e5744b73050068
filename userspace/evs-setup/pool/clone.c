// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the engine clones has the header of its source, with its UUID and its wrapped
 * data key. It gets its own before it gets a name: nobody ever finds two disks with one
 * UUID. The KMS is asked first, by the header of the source, when nothing is made yet.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "by-copy.h"
#include "clone.h"
#include "cli/cli.h"
#include "create.h"
#include "detach.h"
#include "identity.h"
#include "progress.h"
#include "proof.h"
#include "volume/volume.h"

#define SIZE_UNIT 4096

/**
 * struct clone - One clone on its way.
 * @target: what it shall be called
 * @req: how it shall be
 * @source: what it is made of, with its record
 * @text: how messages call that
 * @vol: header of the source, NULL where that is plain
 * @identity: what the clone gets, where that is not plain
 * @work: the clone
 */
struct clone {
	struct target *target;
	const struct clone_request *req;
	struct evs_pool_entry source;
	char text[EVS_OBJECT_TEXT_SIZE];
	struct evs_volume *vol;
	struct identity identity;
	struct evs_unfinished work;
};

/* ---- the source ---- */

static int parse_source(struct clone *clone, struct evs_error *err)
{
	static const char *const forms[] = { "POOL/DISK", "POOL/DISK@SNAPSHOT", "POOL/image:NAME" };
	const char *own = clone->target->pool.config->name, *text = clone->req->source, *rest;
	struct evs_object *source = &clone->source.object;
	char pool[EVS_POOL_NAME_MAX + 1];
	int kind = EVS_KIND_IMAGE;

	rest = evs_object_split(text, pool);
	if (!rest)
		return evs_error_set(err, EINVAL, "%s: is of no pool: it has no slash", text);
	if (strcmp(pool, own))
		return evs_error_set(err, EINVAL,
				     "%s: is of another pool than %s: make a copy there first, by image copy",
				     text, clone->target->text);
	if (evs_object_parse(source, rest, err))
		return evs_error_prefix(err, "%s", text);
	evs_object_text(clone->text, own, source);
	if (clone->req->kinds & CLONE_FROM(source->kind))
		return 0;
	while (!(clone->req->kinds & CLONE_FROM(kind)))
		kind--;
	return evs_error_set(err, EINVAL, "%s: is the name of a %s: give %s", text,
			     evs_kind_name(source->kind), forms[kind]);
}

/* The usable size of the clone; less than the source would cut off what is at its end. */
static int check_size(struct clone *clone, struct evs_error *err)
{
	uint64_t size = clone->req->size, least = clone->source.record.size;

	if (!size)
		return 0;
	if (size % SIZE_UNIT || size > INT64_MAX - EVS_DATA_OFFSET)
		return evs_error_set(err, EINVAL, "--size %llu: must be a multiple of %d",
				     (unsigned long long)size, SIZE_UNIT);
	if (size < least)
		return evs_error_set(err, EINVAL,
				     "--size %llu: is less than the %llu bytes of %s: it can only be larger",
				     (unsigned long long)size, (unsigned long long)least, clone->text);
	return 0;
}

/* Its own pool is locked. */
static int check(struct clone *clone, struct evs_error *err)
{
	struct target *target = clone->target;
	struct evs_pool_entry *source = &clone->source;
	int ret;

	ret = evs_pool_find(&target->pool, &source->object, source, err);
	if (!ret && source->object.kind == EVS_KIND_DISK) {
		struct target disk = *target;

		disk.object = source->object;
		strcpy(disk.text, clone->text);
		ret = target_refuse_rollback(&disk, &source->record, err);
		if (!ret)
			ret = detach_refuse_attached(&disk, &source->record, err);
	}
	if (!ret)
		ret = check_size(clone, err);
	if (!ret && clone->req->label && !source->record.encrypted)
		ret = evs_error_set(err, EINVAL, "--label: %s is plain, so its clone has no header",
				    clone->text);
	if (!ret && source->record.encrypted == false && target->pool.config->encrypt_always)
		ret = evs_error_set(err, EPERM,
				    "%s: pool %s has encrypt = always, and %s is plain; make an encrypted copy of it by image copy",
				    target->text, target->pool.config->name, clone->text);
	if (!ret)
		ret = target_free_name(target, err);
	return ret ? ret : evs_pool_room(&target->pool, clone->req->copy ? source->used : 0, err);
}

static int look(struct clone *clone, struct evs_error *err)
{
	struct evs_pool *pool = &clone->target->pool;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (ret)
		return ret;
	ret = check(clone, err);
	if (!ret && clone->source.record.encrypted)
		ret = proof_read(pool, &clone->source, &clone->vol, err);
	evs_pool_unlock(pool);
	return ret;
}

/* ---- the KMS ---- */

/* One unwrap and one wrap, under the CMK of the source */
static int ask_kms(struct clone *clone, struct evs_error *err)
{
	int ret;

	clone->identity.uuid = clone->work.record.id;
	clone->identity.label = clone->req->label;
	ret = identity_make(&clone->identity, &clone->target->config, clone->vol, err);
	return ret ? target_explain(clone->text, clone->source.object.kind, err) : 0;
}

static void fill_record(struct clone *clone)
{
	const struct evs_record *source = &clone->source.record;
	struct evs_record *record = &clone->work.record;

	record->encrypted = source->encrypted;
	record->size = clone->req->size ? clone->req->size : source->size;
	record->consistent = source->consistent;
	strcpy(record->from, source->id);
	if (!source->encrypted)
		return;
	strcpy(record->kms, clone->identity.new.kms);
	strcpy(record->cmk, clone->identity.new.cmk);
}

/* ---- the clone ---- */

static int identify(struct clone *clone, struct evs_error *err)
{
	struct evs_pool *pool = &clone->target->pool;
	const struct evs_object *object = &clone->work.object;
	char path[PATH_MAX];
	int ret;

	ret = pool->ops->activate(pool, object, true, path, sizeof(path), err);
	if (!ret)
		ret = identity_write(&clone->identity, clone->vol, path, err);
	return ret ? ret : pool->ops->deactivate(pool, object, err);
}

/* A long copy: others may use the pool meanwhile. */
static int flatten(struct clone *clone, struct evs_error *err)
{
	struct evs_pool *pool = &clone->target->pool;
	struct progress progress;
	int ret;

	if (!clone->req->flatten || !pool->ops->flatten)
		return 0;
	evs_pool_unlock(pool);
	progress_begin(&progress, clone->target->text);
	ret = pool->ops->flatten(pool, &clone->work.object, progress_tell, &progress, err);
	progress_end(&progress);
	return ret ? ret : evs_pool_lock(pool, err);
}

static int make(struct clone *clone, struct evs_error *err)
{
	struct evs_pool *pool = &clone->target->pool;
	struct evs_unfinished *work = &clone->work;
	char id[EVS_UUID_SIZE];
	uint64_t bytes;
	int ret;

	strcpy(id, clone->source.record.id);
	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = check(clone, err);
	if (!ret && strcmp(id, clone->source.record.id))
		ret = evs_error_set(err, EBUSY, "%s: was replaced meanwhile; try again",
				    clone->text);
	if (!ret)
		ret = clone->req->copy ?
		      copy_data(pool, &clone->source, work, clone->target->text, err) :
		      pool->ops->clone(pool, &clone->source.object, &work->object, &work->record,
				       err);
	if (!ret && clone->vol)
		ret = identify(clone, err);
	bytes = work->record.size + (clone->vol ? evs_volume_data_offset(clone->vol) : 0);
	if (!ret && bytes > clone->source.bytes)
		ret = pool->ops->grow(pool, &work->object, bytes, err);
	if (!ret)
		ret = flatten(clone, err);
	return ret ? ret : evs_pool_commit(pool, work, &clone->target->object, err);
}

static void advise(const struct clone *clone)
{
	const char *text = clone->target->text;

	if (clone->target->object.kind != EVS_KIND_DISK)
		return;
	cli_note("create: %s: note: the file systems, volume groups and partitions in it have the UUIDs of those in %s; XFS is mounted beside its original by -o nouuid, a volume group is renamed by vgimportclone",
		 text, clone->text);
	if (clone->req->size > clone->source.record.size)
		cli_note("create: %s: note: it is larger than %s: move the second copy of a GPT to its end by sgdisk -e, then let partition and file system grow",
			 text, clone->text);
}

static int run(struct clone *clone, struct evs_error *err)
{
	const struct evs_record *record = &clone->work.record;
	int ret;

	ret = look(clone, err);
	if (!ret && clone->vol)
		ret = ask_kms(clone, err);
	if (ret)
		return ret;
	fill_record(clone);
	if (!clone->req->dry_run) {
		ret = make(clone, err);
		if (ret)
			return ret;
		if (clone->vol && clone->target->object.kind == EVS_KIND_DISK)
			target_copy_header(clone->target);
		advise(clone);
		return create_print(clone->target->text, record, err);
	}
	cli_note("create: nothing was made, as --dry-run is given");
	strcpy(clone->work.record.id, "-");
	return create_print(clone->target->text, record, err);
}

int clone_in_pool(struct target *target, const struct clone_request *req, struct evs_error *err)
{
	struct clone *clone = calloc(1, sizeof(*clone));
	int ret;

	if (!clone)
		return evs_error_set(err, ENOMEM, "out of memory");
	clone->target = target;
	clone->req = req;
	ret = parse_source(clone, err);
	if (!ret)
		ret = evs_pool_begin(&clone->work, target->object.kind, err);
	if (!ret) {
		ret = run(clone, err);
		evs_pool_abandon(&target->pool, &clone->work);
	}
	evs_volume_close(clone->vol);
	free(clone);
	return ret;
}
