// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot create: of several disks at one moment. All pools are locked, then all disks
 * hold still, then the engines make the snapshots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "by-copy.h"
#include "create.h"
#include "delete.h"
#include "list.h"
#include "take.h"

/**
 * struct request - What is on the command line.
 * @no_freeze: do not have the disks hold still
 * @copy: copy all data where the engine has no snapshots
 * @dry_run: only say what would be made
 * @freeze: how the disks are to hold still
 * @targets: the names; a pool is locked by the first target that is of it
 * @disks: the disks
 * @takes: the snapshots
 * @count: how many are open
 */
struct request {
	bool no_freeze;
	bool copy;
	bool dry_run;
	struct freeze_options freeze;
	struct target targets[TAKE_MAX];
	struct evs_pool_entry disks[TAKE_MAX];
	struct take takes[TAKE_MAX];
	size_t count;
};

/* ---- create: looking ---- */

static bool has_lock(const struct request *req, const struct target *target)
{
	const struct target *other;

	for (other = req->targets; other < target; other++)
		if (!strcmp(other->pool.config->name, target->pool.config->name))
			return true;
	return false;
}

static int refuse_twice(const struct request *req, const struct target *target,
			struct evs_error *err)
{
	const struct target *other;

	for (other = req->targets; other < target; other++)
		if (!strcmp(other->text, target->text))
			return evs_error_set(err, EINVAL, "%s: given twice", target->text);
	return 0;
}

static int look(struct request *req, size_t at, struct evs_error *err)
{
	struct target *target = &req->targets[at], disk;
	struct evs_pool_entry *entry = &req->disks[at];
	struct take *take = &req->takes[at];
	int ret;

	if (refuse_twice(req, target, err))
		return -err->errnum;
	ret = has_lock(req, target) ? 0 : evs_pool_lock(&target->pool, err);
	if (ret)
		return ret;
	target_disk(&disk, target);
	if (target_find(&disk, entry, err) || target_free_name(target, err) ||
	    evs_pool_room(&target->pool, req->copy ? entry->used : 0, err))
		return -err->errnum;
	take->text = target->text;
	take->pool = &target->pool;
	take->name = &target->object;
	evs_pool_snapshot_record(&take->record, &entry->record);
	ret = take_look(take, &disk, entry, err);
	if (!ret && req->copy && *take->node)
		ret = evs_error_set(err, EBUSY, "%s: is attached as %s; --copy needs a detached disk",
				    disk.text, take->node);
	return ret;
}

/* ---- create: making ---- */

static int make_copy(struct request *req, struct evs_error *err)
{
	struct take *take = req->takes;
	int ret;

	/* Nobody writes to it: it is detached. */
	take->record.consistent = EVS_CONSISTENT_FS;
	ret = copy_snapshot(req->targets, req->disks, &take->record, err);
	return ret ? evs_error_prefix(err, "%s", take->text) : 0;
}

static int make(struct request *req, struct evs_error *err)
{
	if (req->copy)
		return make_copy(req, err);
	return take_all(req->takes, req->count, req->no_freeze ? NULL : &req->freeze, err);
}

static int create(struct request *req, int count, char *names[], struct evs_error *err)
{
	int ret = 0, i;
	size_t k;

	for (i = 0; i < count && !ret; i++) {
		ret = target_open(&req->targets[i], names[i], EVS_KIND_SNAPSHOT, err);
		if (ret)
			break;
		req->count++;
		ret = look(req, (size_t)i, err);
	}
	if (!ret && !req->dry_run)
		ret = make(req, err);
	if (!ret && req->dry_run)
		cli_note("snapshot create: nothing was made, as --dry-run is given");
	for (k = 0; k < req->count && !ret; k++)
		ret = create_print(req->targets[k].text, &req->takes[k].record, err);
	for (k = 0; k < req->count; k++)
		target_close(&req->targets[k]);
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

static int check(const struct request *req, int count, struct evs_error *err)
{
	if (!count)
		return evs_error_set(err, EINVAL, "the snapshot is missing: give POOL/DISK@SNAPSHOT");
	if (count > TAKE_MAX)
		return evs_error_set(err, EINVAL, "more than %d snapshots at once", TAKE_MAX);
	if (req->copy && count > 1)
		return evs_error_set(err, EINVAL, "--copy takes one snapshot, as it takes long");
	if ((req->no_freeze || req->copy) && (req->freeze.command || req->freeze.thaw_command))
		return evs_error_set(err, EINVAL,
				     "--no-freeze and --copy take no commands to freeze and thaw");
	return 0;
}

static int run_create(int argc, char *argv[], struct evs_error *err)
{
	struct request *req = calloc(1, sizeof(*req));
	int opt, ret = 0;

	if (!req)
		return evs_error_set(err, ENOMEM, "out of memory");
	req->freeze.timeout = FREEZE_TIMEOUT;
	while (!ret && (opt = cli_option(argc, argv, err)))
		ret = opt < 0 ? opt : take_option(req, opt, err);
	if (!ret)
		ret = check(req, argc - optind, err);
	if (!ret)
		ret = create(req, argc - optind, argv + optind, err);
	free(req);
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
