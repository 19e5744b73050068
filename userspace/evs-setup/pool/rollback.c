// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot rollback: a clone of the snapshot takes the place of the disk, at once. The
 * header lies inside the snapshot, as it was then: after a rewrap it names a CMK that
 * may be gone by now. So the clone gets the present one, as long as that has the key of
 * the snapshot's data.
 *
 * Where a clone would lose the snapshots of the disk, the engine goes back in place:
 *
 *   1. the record of the disk says so: other verbs refuse it until step 6
 *   2. the snapshot before-rollback keeps the disk, with its header and size
 *   3. the engine takes the disk back
 *   4. the header comes from before-rollback
 *   5. the size does as well
 *   6. the record says that it is complete
 *   7. before-rollback goes
 *
 * Killed in between, it is begun anew, with the before-rollback that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "create.h"
#include "detach.h"
#include "proof.h"
#include "text.h"
#include "volume/volume.h"

/* The snapshot that a rollback in place makes of the disk, and removes at its end */
#define KEPT "before-rollback"

/**
 * struct rollback - One rollback.
 * @target: the snapshot
 * @snapshot: the same, as it was found
 * @disk: its disk
 * @entry: the same, as it was found
 * @kept: in place: before-rollback; not there yet while it has no name
 * @yes: ask nothing
 * @dry_run: only say what would be done
 * @work: what takes the place of the disk; in place, its record alone
 */
struct rollback {
	struct target target;
	struct evs_pool_entry snapshot;
	struct target disk;
	struct evs_pool_entry entry;
	struct evs_pool_entry kept;
	bool yes;
	bool dry_run;
	struct evs_unfinished work;
};

static const struct verb_option options[] = {
	{ "yes", 'y', NULL, WORD_NONE, "do not ask" },
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "check everything, change nothing" },
	{},
};

/* ---- before anything is changed ---- */

/* The user may have made a snapshot of that name; what an earlier rollback left has a maker. */
static int check_kept(struct rollback *rollback, bool unfinished, struct evs_error *err)
{
	bool ours = *rollback->kept.record.maker;

	if (unfinished || (ours && strcmp(rollback->target.object.snapshot, KEPT)))
		return 0;
	return evs_error_set(err, EEXIST,
			     "%s@" KEPT ": a rollback makes a snapshot of this name; delete it first: evs-setup snapshot delete %s@" KEPT,
			     rollback->disk.text, rollback->disk.text);
}

/* In the middle of an earlier one, the bytes of the disk are nothing to go by. */
static int find_in_place(struct rollback *rollback, struct evs_error *err)
{
	struct target *disk = &rollback->disk;
	struct evs_object kept = disk->object;
	struct evs_error why = {};
	bool unfinished;
	int ret;

	ret = evs_pool_find(&disk->pool, &disk->object, &rollback->entry, err);
	unfinished = !ret && *rollback->entry.record.rollback;
	if (!ret && !unfinished)
		ret = target_find(disk, &rollback->entry, err);
	if (ret)
		return ret;
	kept.kind = EVS_KIND_SNAPSHOT;
	strcpy(kept.snapshot, KEPT);
	ret = evs_pool_find(&disk->pool, &kept, &rollback->kept, &why);
	if (!ret)
		return check_kept(rollback, unfinished, err);
	if (ret == -ENOENT)
		return 0;
	*err = why;
	return ret;
}

static int find(struct rollback *rollback, struct evs_error *err)
{
	struct target *target = &rollback->target, *disk = &rollback->disk;
	struct evs_pool *pool = &target->pool;
	int ret;

	target_disk(disk, target);
	ret = target_find(target, &rollback->snapshot, err);
	if (!ret)
		ret = pool->ops->rollback ? find_in_place(rollback, err) :
		      target_find(disk, &rollback->entry, err);
	if (!ret)
		ret = detach_refuse_attached(disk, &rollback->entry.record, err);
	return ret ? ret : evs_pool_room(pool, 0, err);
}

static int confirm(const struct rollback *rollback, struct evs_error *err)
{
	if (!cli_can_ask())
		return evs_error_set(err, ECANCELED,
				     "%s: give --yes to take it back to %s without being asked",
				     rollback->disk.text, rollback->target.text);
	evs_text_line(stderr, "evs-setup: %s: what was written since %s was made is lost for good.",
		      rollback->disk.text, rollback->target.text);
	return cli_confirm("Go back to it?", rollback->disk.text, err);
}

/* ---- the header ---- */

/* Returns -EKEYREJECTED where the disk has got another data key since. */
static int keep_header(const char *from, const char *to, struct evs_error *err)
{
	struct evs_device dev;
	struct evs_volume *vol;
	struct claim claim;
	int ret;

	ret = claim_open(&claim, to, err);
	if (ret)
		return ret;
	ret = evs_device_open(&dev, from, O_RDONLY, err);
	if (!ret) {
		ret = evs_volume_open(&vol, &dev, 0, err);
		if (!ret) {
			ret = evs_volume_copy_header(vol, &claim.dev, err);
			evs_volume_close(vol);
		}
		evs_device_close(&dev);
	}
	claim_close(&claim);
	return ret;
}

/* The header of the snapshot stays: it alone has the key of this data. */
static void take_over(struct rollback *rollback)
{
	struct evs_record *record = &rollback->work.record;

	strcpy(record->kms, rollback->snapshot.record.kms);
	strcpy(record->cmk, rollback->snapshot.record.cmk);
	cli_note("snapshot rollback: %s: note: has got another data key since %s was made; it is protected again by CMK %s of KMS %s",
		 rollback->disk.text, rollback->target.text, record->cmk, record->kms);
}

static int write_header(struct rollback *rollback, const struct evs_object *present,
			const struct evs_object *new, struct evs_error *err)
{
	struct evs_pool *pool = &rollback->target.pool;
	char from[PATH_MAX], to[PATH_MAX];
	struct evs_error why = {}, ignored = {};
	int ret;

	ret = pool->ops->activate(pool, present, false, from, sizeof(from), err);
	if (!ret)
		ret = pool->ops->activate(pool, new, true, to, sizeof(to), err);
	if (ret)
		return ret;
	ret = keep_header(from, to, &why);
	if (ret == -EKEYREJECTED) {
		take_over(rollback);
		ret = 0;
	}
	if (ret)
		*err = why;
	pool->ops->deactivate(pool, present, &ignored);
	return ret ? ret : pool->ops->deactivate(pool, new, err);
}

/* ---- by a clone ---- */

static int replace(struct rollback *rollback, struct evs_error *err)
{
	struct evs_pool *pool = &rollback->target.pool;
	struct evs_unfinished *work = &rollback->work;
	struct evs_error ignored = {};
	int ret;

	ret = pool->ops->clone(pool, &rollback->snapshot.object, &work->object, &work->record,
			       err);
	if (!ret && work->record.encrypted)
		ret = write_header(rollback, &rollback->disk.object, &work->object, err);
	/* The disk may have grown since: it does not shrink. */
	if (!ret && rollback->entry.bytes > rollback->snapshot.bytes)
		ret = pool->ops->grow(pool, &work->object, rollback->entry.bytes, err);
	if (!ret)
		ret = pool->ops->replace(pool, &work->object, &rollback->disk.object, err);
	if (ret)
		return ret;
	/* It is done; its name says that it is complete, whatever its tags do. */
	work->record.maker[0] = '\0';
	pool->ops->save(pool, &rollback->disk.object, &work->record, &ignored);
	return 0;
}

static int make(struct rollback *rollback, struct evs_error *err)
{
	struct evs_unfinished *work = &rollback->work;
	char maker[EVS_MAKER_SIZE];
	int ret;

	ret = evs_pool_begin(work, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	/* What comes to be is the disk, with its UUID. */
	strcpy(maker, work->record.maker);
	work->record = rollback->entry.record;
	work->record.consistent = rollback->snapshot.record.consistent;
	strcpy(work->record.maker, maker);
	ret = replace(rollback, err);
	/* After the replacement, there is nothing to be removed under its name. */
	evs_pool_abandon(&rollback->target.pool, work);
	return ret ? evs_error_prefix(err, "%s", rollback->disk.text) : 0;
}

/* ---- in place ---- */

static int keep(struct rollback *rollback, struct evs_error *err)
{
	struct evs_pool_entry *kept = &rollback->kept;
	struct evs_pool *pool = &rollback->target.pool;
	int ret;

	if (*kept->object.name)
		return 0;
	kept->object = rollback->disk.object;
	kept->object.kind = EVS_KIND_SNAPSHOT;
	strcpy(kept->object.snapshot, KEPT);
	kept->bytes = rollback->entry.bytes;
	evs_pool_snapshot_record(&kept->record, &rollback->entry.record);
	/* Nobody writes to it: it is detached. */
	kept->record.consistent = EVS_CONSISTENT_FS;
	ret = evs_record_maker(kept->record.maker);
	if (ret)
		return evs_error_set(err, -ret, "cannot tell this boot: %s", strerror(-ret));
	return evs_pool_snapshot(pool, &kept->object, &kept->record, err);
}

/* Its snapshot of before is gone with it, or is what the next one begins with. */
static int begin(struct rollback *rollback, struct evs_error *err)
{
	const struct evs_object *disk = &rollback->disk.object;
	struct evs_pool *pool = &rollback->target.pool;
	struct evs_record *record = &rollback->work.record;
	struct evs_error ignored = {};
	int ret = 0;

	if (!*record->rollback && *rollback->kept.object.name) {
		ret = pool->ops->remove(pool, &rollback->kept.object, err);
		rollback->kept = (struct evs_pool_entry){};
	}
	if (!ret)
		ret = pool->ops->deactivate(pool, disk, err);
	if (ret)
		return ret;
	strcpy(record->rollback, rollback->target.object.snapshot);
	ret = pool->ops->save(pool, disk, record, err);
	if (!ret)
		ret = keep(rollback, err);
	/* Nothing has happened to the disk by this one. */
	if (ret)
		pool->ops->save(pool, disk, &rollback->entry.record, &ignored);
	return ret;
}

static int finish(struct rollback *rollback, struct evs_error *err)
{
	const struct evs_object *disk = &rollback->disk.object;
	const struct evs_pool_entry *kept = &rollback->kept;
	struct evs_pool *pool = &rollback->target.pool;
	struct evs_record *record = &rollback->work.record;
	int ret;

	ret = pool->ops->rollback(pool, &rollback->snapshot.object, err);
	if (!ret && record->encrypted)
		ret = write_header(rollback, &kept->object, disk, err);
	if (!ret && kept->bytes > rollback->snapshot.bytes)
		ret = pool->ops->grow(pool, disk, kept->bytes, err);
	if (ret)
		return ret;
	record->rollback[0] = '\0';
	record->consistent = rollback->snapshot.record.consistent;
	return pool->ops->save(pool, disk, record, err);
}

static int go_back(struct rollback *rollback, struct evs_error *err)
{
	struct evs_pool *pool = &rollback->target.pool;
	struct evs_error ignored = {};
	int ret;

	ret = begin(rollback, err);
	if (ret)
		return evs_error_prefix(err, "%s", rollback->disk.text);
	ret = finish(rollback, err);
	if (ret) {
		cli_note("snapshot rollback: %s: is not finished; finish it with: evs-setup snapshot rollback %s",
			 rollback->disk.text, rollback->target.text);
		return evs_error_prefix(err, "%s", rollback->disk.text);
	}
	/* What stays of it is removed by the next one. */
	pool->ops->remove(pool, &rollback->kept.object, &ignored);
	return 0;
}

/* ---- the verb ---- */

static int roll_back(struct rollback *rollback, struct evs_error *err)
{
	int ret;

	ret = evs_pool_lock(&rollback->target.pool, err);
	if (!ret)
		ret = find(rollback, err);
	if (!ret && !rollback->yes && !rollback->dry_run)
		ret = confirm(rollback, err);
	rollback->work.record = rollback->entry.record;
	if (!ret && !rollback->dry_run)
		ret = rollback->target.pool.ops->rollback ? go_back(rollback, err) :
		      make(rollback, err);
	if (ret)
		return ret;
	if (rollback->dry_run)
		cli_note("snapshot rollback: nothing was changed, as --dry-run is given");
	return create_print(rollback->disk.text, &rollback->work.record, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct rollback rollback = {};
	const char *name;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		rollback.yes |= opt == 'y';
		rollback.dry_run |= opt == VERB_LONG('n');
	}
	if (opt < 0 || cli_operand(argc, argv, "snapshot", &name, err))
		return -err->errnum;
	ret = target_open(&rollback.target, name, EVS_KIND_SNAPSHOT, err);
	if (ret)
		return ret;
	ret = roll_back(&rollback, err);
	target_close(&rollback.target);
	return ret;
}

const struct verb verb_snapshot_rollback = {
	.name = "snapshot rollback",
	.args = "[OPTION...] POOL/DISK@SNAPSHOT",
	.brief = "take a disk back to one of its snapshots",
	.options = options,
	.notes = "The disk must be detached. What was written since the snapshot is lost. Asks first,\n"
		 "unless --yes is given. The disk keeps its header with its present CMK, its size and\n"
		 "its snapshots. Prints the disk, its UUID, and the id of the CMK, or \"plain\". In Ceph,\n"
		 "a rollback takes a while; until its end there is a snapshot before-rollback.\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
