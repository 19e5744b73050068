// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot rollback: a clone of the snapshot takes the place of the disk, at once. The
 * header lies inside the snapshot, as it was then: after a rewrap it names a CMK that
 * may be gone by now. So the clone gets the present one, as long as that has the key of
 * the snapshot's data.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "create.h"
#include "detach.h"
#include "proof.h"
#include "text.h"
#include "volume/volume.h"

/**
 * struct rollback - One rollback.
 * @target: the snapshot
 * @snapshot: the same, as it was found
 * @disk: its disk
 * @entry: the same, as it was found
 * @yes: ask nothing
 * @dry_run: only say what would be done
 * @work: what takes the place of the disk
 */
struct rollback {
	struct target target;
	struct evs_pool_entry snapshot;
	struct target disk;
	struct evs_pool_entry entry;
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

static int find(struct rollback *rollback, struct evs_error *err)
{
	struct target *target = &rollback->target, *disk = &rollback->disk;
	struct evs_pool *pool = &target->pool;
	int ret;

	/* It is in the same pool, which is open and locked once. */
	*disk = *target;
	disk->object.kind = EVS_KIND_DISK;
	disk->object.snapshot[0] = '\0';
	evs_object_text(disk->text, pool->config->name, &disk->object);
	ret = target_find(target, &rollback->snapshot, err);
	if (!ret)
		ret = target_find(disk, &rollback->entry, err);
	if (!ret)
		ret = detach_refuse_attached(disk, &rollback->entry.record, err);
	if (!ret && !pool->ops->replace)
		ret = evs_error_set(err, EOPNOTSUPP,
				    "%s: engine %s cannot take a disk back; make a new one with: evs-setup create --from-snapshot %s",
				    disk->text, pool->ops->name, target->text);
	return ret ? ret : evs_pool_room(pool, 0, err);
}

static int confirm(const struct rollback *rollback, struct evs_error *err)
{
	char answer[8];

	if (!isatty(STDIN_FILENO))
		return evs_error_set(err, ECANCELED,
				     "%s: give --yes to take it back to %s without being asked",
				     rollback->disk.text, rollback->target.text);
	evs_text_line(stderr, "evs-setup: %s: what was written since %s was made is lost for good.",
		      rollback->disk.text, rollback->target.text);
	fputs("Go back to it? Type yes: ", stderr);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n"))
		return evs_error_set(err, ECANCELED, "%s: kept as it is", rollback->disk.text);
	return 0;
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

static int write_header(struct rollback *rollback, struct evs_error *err)
{
	struct evs_pool *pool = &rollback->target.pool;
	const struct evs_object *new = &rollback->work.object, *disk = &rollback->disk.object;
	char from[PATH_MAX], to[PATH_MAX];
	struct evs_error why = {}, ignored = {};
	int ret;

	ret = pool->ops->activate(pool, disk, false, from, sizeof(from), err);
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
	pool->ops->deactivate(pool, disk, &ignored);
	return ret ? ret : pool->ops->deactivate(pool, new, err);
}

/* ---- the rollback ---- */

static int replace(struct rollback *rollback, struct evs_error *err)
{
	struct evs_pool *pool = &rollback->target.pool;
	struct evs_unfinished *work = &rollback->work;
	struct evs_error ignored = {};
	int ret;

	ret = pool->ops->clone(pool, &rollback->snapshot.object, &work->object, &work->record,
			       err);
	if (!ret && work->record.encrypted)
		ret = write_header(rollback, err);
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
		ret = make(rollback, err);
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
	.notes = "The disk must be detached; what was written since is lost, so it asks first, unless\n"
		 "--yes is given. The disk keeps its header, with the CMK of today, and its size; its\n"
		 "snapshots stay. Prints the disk, its UUID, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
