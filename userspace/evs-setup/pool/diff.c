// SPDX-License-Identifier: GPL-2.0-or-later
/* snapshot diff: what an incremental backup would have to read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "target.h"

enum column {
	COL_OFFSET,
	COL_LENGTH,
};

static const struct table_column columns[] = {
	[COL_OFFSET] = { "OFFSET", NULL, TABLE_NUMBER, true },
	[COL_LENGTH] = { "LENGTH", NULL, TABLE_NUMBER, true },
};

static int add_range(void *arg, uint64_t offset, uint64_t length, struct evs_error *err)
{
	struct table *table = arg;

	if (table_add(table, err) || table_set(table, COL_OFFSET, err, "%" PRIu64, offset) ||
	    table_set(table, COL_LENGTH, err, "%" PRIu64, length))
		return -err->errnum;
	return 0;
}

/* The other side: another snapshot of the same disk, or the disk as it is now */
static int take_after(const struct target *target, const char *text, struct evs_object *after,
		      struct evs_error *err)
{
	char pool[EVS_POOL_NAME_MAX + 1] = "";
	const char *rest;

	*after = (struct evs_object){ .kind = EVS_KIND_DISK };
	strcpy(after->name, target->object.name);
	if (!text)
		return 0;
	rest = evs_object_split(text, pool);
	if (!rest || strcmp(pool, target->pool.config->name) ||
	    evs_object_parse(after, rest, err) || after->kind == EVS_KIND_IMAGE ||
	    strcmp(after->name, target->object.name))
		return evs_error_set(err, EINVAL, "%s: is no other snapshot of the disk of %s", text,
				     target->text);
	return 0;
}

static int diff(struct target *target, const struct evs_object *after, struct evs_error *err)
{
	struct table table = TABLE("changed", columns);
	struct evs_pool *pool = &target->pool;
	struct evs_pool_entry before, entry;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = target_find(target, &before, err);
	if (!ret)
		ret = evs_pool_find(pool, after, &entry, err);
	if (!ret) {
		ret = pool->ops->changed(pool, &target->object, after, add_range, &table, err);
		if (ret)
			evs_error_prefix(err, "%s", target->text);
	}
	if (!ret)
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_object after;
	struct target target;
	int ret;

	if (cli_option(argc, argv, err) < 0)
		return -err->errnum;
	if (argc - optind < 1 || argc - optind > 2)
		return evs_error_set(err, EINVAL, "give one or two snapshots, POOL/DISK@SNAPSHOT");
	ret = target_open(&target, argv[optind], EVS_KIND_SNAPSHOT, err);
	if (ret)
		return ret;
	ret = take_after(&target, argc - optind > 1 ? argv[optind + 1] : NULL, &after, err);
	if (!ret)
		ret = diff(&target, &after, err);
	target_close(&target);
	return ret;
}

const struct verb verb_snapshot_diff = {
	.name = "snapshot diff",
	.args = "[OPTION...] POOL/DISK@SNAPSHOT [POOL/DISK@SNAPSHOT]",
	.brief = "print the ranges that may have changed since a snapshot, or between two",
	.notes = "Prints offset and length, in bytes, of ranges of the object in the pool: the data of\n"
		 "an encrypted disk begins behind its header, at 16777216.\n",
	.operands = { WORD_POOL_DISK, WORD_POOL_DISK },
	VERB_COLUMNS(columns),
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
