// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot create: of several disks at one moment. All pools are locked, then all disks
 * hold still, then the engines make the snapshots.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "by-copy.h"
#include "create.h"
#include "delete.h"
#include "detach.h"
#include "freeze.h"
#include "list.h"
#include "text.h"

#define SNAPSHOTS_MAX 32

/**
 * struct snapshot - One that is to be made.
 * @target: its name; its pool is locked by the first target that is of it
 * @disk: the disk
 * @record: what it will be
 * @made: it, on its way
 * @node: where the disk is attached, "" when it is not
 * @below: folder of the engine, which must not be frozen, "" when there is none
 */
struct snapshot {
	struct target target;
	struct evs_pool_entry disk;
	struct evs_record record;
	struct evs_snapshot made;
	char node[PATH_MAX];
	char below[PATH_MAX];
};

/**
 * struct request - What is on the command line.
 * @no_freeze: do not have the disks hold still
 * @copy: copy all data where the engine has no snapshots
 * @dry_run: only say what would be made
 * @freeze: how the disks are to hold still
 * @list: the snapshots
 * @count: how many are open
 */
struct request {
	bool no_freeze;
	bool copy;
	bool dry_run;
	struct freeze_options freeze;
	struct snapshot *list;
	size_t count;
};

/* ---- create: looking ---- */

static bool has_lock(const struct request *req, const struct snapshot *snapshot)
{
	const struct snapshot *other;

	for (other = req->list; other < snapshot; other++)
		if (!strcmp(other->target.pool.config->name, snapshot->target.pool.config->name))
			return true;
	return false;
}

static int refuse_twice(const struct request *req, const struct snapshot *snapshot,
			struct evs_error *err)
{
	const struct snapshot *other;

	for (other = req->list; other < snapshot; other++)
		if (!strcmp(other->target.text, snapshot->target.text))
			return evs_error_set(err, EINVAL, "%s: given twice", snapshot->target.text);
	return 0;
}

static int look(const struct request *req, struct snapshot *snapshot, struct evs_error *err)
{
	struct target *target = &snapshot->target, disk;
	struct stat st;
	int ret;

	if (refuse_twice(req, snapshot, err))
		return -err->errnum;
	ret = has_lock(req, snapshot) ? 0 : evs_pool_lock(&target->pool, err);
	if (ret)
		return ret;
	target_disk(&disk, target);
	if (target_find(&disk, &snapshot->disk, err) ||
	    target_free_name(target, err) ||
	    evs_pool_room(&target->pool, req->copy ? snapshot->disk.used : 0, err))
		return -err->errnum;
	evs_pool_snapshot_record(&snapshot->record, &snapshot->disk.record);
	if (!detach_where(&disk, &snapshot->disk.record, snapshot->node, sizeof(snapshot->node)))
		snapshot->node[0] = '\0';
	if (req->copy && *snapshot->node)
		return evs_error_set(err, EBUSY,
				     "%s: is attached as %s; --copy needs a detached disk", disk.text,
				     snapshot->node);
	if (!*snapshot->node)
		return 0;
	if (target->pool.ops->activate(&target->pool, &disk.object, false, snapshot->below,
				       sizeof(snapshot->below), err))
		return -err->errnum;
	/* What lies on no file system needs none. */
	if (stat(snapshot->below, &st) || !S_ISREG(st.st_mode))
		snapshot->below[0] = '\0';
	return 0;
}

/* ---- create: making ---- */

/* What the host cannot see may write to a disk that is not attached here. */
static bool has_commands(const struct request *req)
{
	return req->freeze.command || req->freeze.thaw_command;
}

/* Whether a disk holds still is known at the end, which one that is killed does not see. */
static int begin_all(struct request *req, size_t *begun, struct evs_error *err)
{
	struct snapshot *snapshot;
	int ret = 0;

	for (*begun = 0; *begun < req->count && !ret; ++*begun) {
		snapshot = &req->list[*begun];
		snapshot->record.consistent = *snapshot->node || has_commands(req) ?
					      EVS_CONSISTENT_CRASH : EVS_CONSISTENT_FS;
		ret = evs_snapshot_begin(&snapshot->target.pool, &snapshot->made,
					 &snapshot->target.object, &snapshot->record, err);
		if (ret)
			evs_error_prefix(err, "%s", snapshot->target.text);
	}
	return ret;
}

static int take_all(struct request *req, struct evs_error *err)
{
	struct snapshot *snapshot;
	int ret = 0;
	size_t i;

	for (i = 0; i < req->count && !ret; i++) {
		snapshot = &req->list[i];
		ret = evs_snapshot_take(&snapshot->target.pool, &snapshot->made, err);
		if (ret)
			evs_error_prefix(err, "%s", snapshot->target.text);
	}
	return ret;
}

static int take_frozen(struct request *req, struct freeze_disk *disks, int *thawed,
		       struct evs_error *err)
{
	struct evs_error thaw = {};
	struct freeze freeze;
	int ret;

	ret = freeze_begin(&freeze, disks, req->count, &req->freeze, err);
	if (ret)
		return ret;
	ret = take_all(req, err);
	*thawed = freeze_end(&freeze, &thaw);
	if (!ret && *thawed)
		*err = thaw;
	return ret;
}

static int end_all(struct request *req, const struct freeze_disk *disks, struct evs_error *err)
{
	struct snapshot *snapshot;
	int ret = 0;
	size_t i;

	for (i = 0; i < req->count && !ret; i++) {
		snapshot = &req->list[i];
		ret = evs_snapshot_end(&snapshot->target.pool, &snapshot->made,
				       disks[i].consistent ? EVS_CONSISTENT_FS :
				       EVS_CONSISTENT_CRASH, err);
		if (ret)
			evs_error_prefix(err, "%s", snapshot->target.text);
	}
	return ret;
}

/* All or none: those that were made go again when one fails. */
static int make_all(struct request *req, struct freeze_disk *disks, bool freeze,
		    struct evs_error *err)
{
	struct evs_error end = {};
	int ret, thawed = 0;
	size_t begun;

	ret = begin_all(req, &begun, err);
	if (!ret)
		ret = freeze ? take_frozen(req, disks, &thawed, err) : take_all(req, err);
	if (!ret) {
		ret = end_all(req, disks, &end);
		if (ret)
			*err = end;
	}
	if (!ret)
		return thawed;
	while (begun--)
		evs_snapshot_drop(&req->list[begun].target.pool, &req->list[begun].made);
	return ret;
}

static int make(struct request *req, struct evs_error *err)
{
	struct freeze_disk disks[SNAPSHOTS_MAX] = {};
	bool freeze = has_commands(req);
	struct stat st;
	size_t i;

	for (i = 0; i < req->count; i++) {
		disks[i].name = req->list[i].target.text;
		/* Nobody writes to one that is not attached. */
		disks[i].consistent = !*req->list[i].node;
		if (!*req->list[i].node)
			continue;
		freeze = true;
		disks[i].node = req->list[i].node;
		if (stat(disks[i].node, &st))
			return evs_error_set(err, errno, "%s: %m", disks[i].node);
		disks[i].dev = st.st_rdev;
		disks[i].below = *req->list[i].below ? req->list[i].below : NULL;
	}
	return make_all(req, disks, freeze && !req->no_freeze, err);
}

static int make_copy(struct snapshot *snapshot, struct evs_error *err)
{
	int ret;

	/* Nobody writes to it: it is detached. */
	snapshot->record.consistent = EVS_CONSISTENT_FS;
	ret = copy_snapshot(&snapshot->target, &snapshot->disk, &snapshot->record, err);
	return ret ? evs_error_prefix(err, "%s", snapshot->target.text) : 0;
}

static int create(struct request *req, int count, char *names[], struct evs_error *err)
{
	int ret = 0, i;
	size_t k;

	for (i = 0; i < count && !ret; i++) {
		ret = target_open(&req->list[i].target, names[i], EVS_KIND_SNAPSHOT, err);
		if (ret)
			break;
		req->count++;
		ret = look(req, &req->list[i], err);
	}
	if (!ret && !req->dry_run)
		ret = req->copy ? make_copy(req->list, err) : make(req, err);
	if (!ret && req->dry_run)
		cli_note("snapshot create: nothing was made, as --dry-run is given");
	for (k = 0; k < req->count && !ret; k++)
		ret = create_print(req->list[k].target.text, &req->list[k].record, err);
	for (k = 0; k < req->count; k++)
		target_close(&req->list[k].target);
	return ret;
}

static const struct verb_option create_options[] = {
	{ "no-freeze", VERB_LONG('f'), NULL, WORD_NONE,
	  "do not freeze file systems: the snapshot is as after a\npower failure" },
	{ "freeze-command", VERB_LONG('F'), "COMMAND", WORD_TEXT,
	  "run this shell command before, for example for a\nguest agent" },
	{ "thaw-command", VERB_LONG('T'), "COMMAND", WORD_TEXT, "run this shell command after" },
	{ "freeze-timeout", VERB_LONG('t'), "SECONDS", WORD_TEXT,
	  "thaw after this time in any case, by default 10" },
	{ "copy", VERB_LONG('c'), NULL, WORD_NONE,
	  "copy all data of a detached disk, where the file system\nof the pool cannot clone files" },
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "check everything, make nothing" },
	{},
};

static int take_option(struct request *req, int opt, struct evs_error *err)
{
	char *end;

	switch (opt) {
	case VERB_LONG('f'):
		req->no_freeze = true;
		return 0;
	case VERB_LONG('F'):
		req->freeze.command = optarg;
		return 0;
	case VERB_LONG('T'):
		req->freeze.thaw_command = optarg;
		return 0;
	case VERB_LONG('c'):
		req->copy = true;
		return 0;
	case VERB_LONG('n'):
		req->dry_run = true;
		return 0;
	default:
		req->freeze.timeout = (unsigned int)strtoul(optarg, &end, 10);
		if (*optarg >= '0' && *optarg <= '9' && !*end && req->freeze.timeout &&
		    req->freeze.timeout <= FREEZE_TIMEOUT_MAX)
			return 0;
		return evs_error_set(err, EINVAL, "--freeze-timeout %s: must be 1 to %d seconds",
				     optarg, FREEZE_TIMEOUT_MAX);
	}
}

static int run_create(int argc, char *argv[], struct evs_error *err)
{
	struct request req = { .freeze.timeout = FREEZE_TIMEOUT };
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (take_option(&req, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if (optind == argc)
		return evs_error_set(err, EINVAL, "the snapshot is missing: give POOL/DISK@SNAPSHOT");
	if (argc - optind > SNAPSHOTS_MAX)
		return evs_error_set(err, EINVAL, "more than %d snapshots at once", SNAPSHOTS_MAX);
	if (req.copy && argc - optind > 1)
		return evs_error_set(err, EINVAL, "--copy takes one snapshot, as it takes long");
	if ((req.no_freeze || req.copy) && (req.freeze.command || req.freeze.thaw_command))
		return evs_error_set(err, EINVAL,
				     "--no-freeze and --copy take no commands to freeze and thaw");
	req.list = calloc(SNAPSHOTS_MAX, sizeof(*req.list));
	if (!req.list)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = create(&req, argc - optind, argv + optind, err);
	free(req.list);
	return ret;
}

const struct verb verb_snapshot_create = {
	.name = "snapshot create",
	.args = "[OPTION...] POOL/DISK@SNAPSHOT...",
	.brief = "make snapshots of one or more disks at the same moment",
	.options = create_options,
	.notes = "File systems on attached disks are frozen meanwhile. A snapshot has the attribute,\n"
		 "the CMK and the data key of its disk. Prints the name, the UUID and the CMK of each.\n",
	.operands = { WORD_POOL_DISK, WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_create,
};

/* ---- the others ---- */

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	char pool[EVS_POOL_NAME_MAX + 1];
	const char *operand, *disk;

	if (cli_option(argc, argv, err) < 0 || cli_operand(argc, argv, "disk", &operand, err))
		return -err->errnum;
	disk = evs_object_split(operand, pool);
	return list_pool(disk ? pool : operand, disk ? disk : "", false, err);
}

const struct verb verb_snapshot_list = {
	.name = "snapshot list",
	.args = "[OPTION...] POOL/DISK|POOL",
	.brief = "list the snapshots of a disk, or of all disks of a pool",
	.operands = { WORD_POOL_DISK },
	VERB_COLUMNS(list_columns),
	.needs = VERB_NEEDS_ADMIN,
	.run = run_list,
};

static int run_delete(int argc, char *argv[], struct evs_error *err)
{
	return delete_run(argc, argv, EVS_KIND_SNAPSHOT, err);
}

const struct verb verb_snapshot_delete = {
	.name = "snapshot delete",
	.args = "[OPTION...] POOL/DISK@SNAPSHOT",
	.brief = "delete a snapshot",
	.options = delete_options,
	.notes = "Asks first, unless --yes is given. Prints what was deleted.\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_delete,
};
