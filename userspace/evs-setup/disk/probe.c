// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe: what the header of a disk says, for people and for udev rules.
 */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "block.h"
#include "block/loop.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/table.h"
#include "disks.h"
#include "pool/place.h"
#include "volume/export.h"

enum column {
	COL_DEVICE,
	COL_UUID,
	COL_LABEL,
	COL_KMS,
	COL_CMK,
	COL_SECTOR,
	COL_OFFSET,
	COL_SIZE,
	COL_ATTACHED,
};

static const struct table_column columns[] = {
	[COL_DEVICE] = { "DEVICE", NULL, TABLE_TEXT, true },
	[COL_UUID] = { "UUID", NULL, TABLE_TEXT, true },
	[COL_LABEL] = { "LABEL", NULL, TABLE_TEXT, true },
	[COL_KMS] = { "KMS", NULL, TABLE_TEXT, true },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[COL_SECTOR] = { "SECTOR", "sector-size", TABLE_NUMBER, true },
	[COL_OFFSET] = { "OFFSET", NULL, TABLE_SIZE, true },
	[COL_SIZE] = { "SIZE", NULL, TABLE_SIZE, true },
	[COL_ATTACHED] = { "ATTACHED-AS", NULL, TABLE_TEXT, true },
};

/* The disk over a device or file, "" when there is none */
static void find_disk(const char *path, char *disk, size_t size)
{
	struct evs_error ignored = {};
	char loop[64];
	struct stat st;

	*disk = '\0';
	if (stat(path, &st))
		return;
	if (S_ISREG(st.st_mode) &&
	    (loop_find(&st, loop, sizeof(loop), &ignored) <= 0 || stat(loop, &st)))
		return;
	evs_block_disk(st.st_rdev, disk, size);
}

static int print_properties(const char *path, const struct evs_volume *vol, const char *disk,
			    struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	struct table table = TABLE("disks", columns);
	int ret;

	if (table_add(&table, err) || table_set(&table, COL_DEVICE, err, "%s", path) ||
	    table_set(&table, COL_UUID, err, "%s", evs_volume_uuid(vol)) ||
	    (*evs_volume_label(vol) &&
	     table_set(&table, COL_LABEL, err, "%s", evs_volume_label(vol))) ||
	    table_set(&table, COL_KMS, err, "%s", token->kms) ||
	    table_set(&table, COL_CMK, err, "%s", token->cmk) ||
	    table_set(&table, COL_SECTOR, err, "%u", evs_volume_sector_size(vol)) ||
	    table_set(&table, COL_OFFSET, err, "%llu",
		      (unsigned long long)evs_volume_data_offset(vol)) ||
	    table_set(&table, COL_SIZE, err, "%llu",
		      (unsigned long long)evs_volume_data_size(vol)) ||
	    (*disk && table_set(&table, COL_ATTACHED, err, "/dev/%s", disk)))
		ret = -err->errnum;
	else
		ret = table_print(&table, TABLE_PROPERTIES, err);
	table_free(&table);
	return ret;
}

static int probe(const struct place *place, bool export, struct evs_error *err)
{
	char disk[NAME_MAX + 1];
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_read(&vol, place->path, 0, err);
	if (ret)
		return ret;
	disks_warn_damage(place->ref, vol);
	find_disk(place->path, disk, sizeof(disk));
	if (export)
		out_own();
	ret = export ? evs_export(vol, disk, err) :
	      print_properties(place->ref, vol, disk, err);
	evs_volume_close(vol);
	return ret;
}

static const struct verb_option options[] = {
	{ "export", 'e', NULL, WORD_NONE, "print lines KEY=value, for udev rules and shell scripts" },
	{},
};

static int run(int argc, char *argv[], struct evs_error *err)
{
	bool export = false;
	struct place place;
	char node[PATH_MAX];
	const char *ref;
	dev_t dev;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		export = true;
	if (opt < 0 || cli_operand(argc, argv, "device or file", &ref, err))
		return -err->errnum;
	if (evs_block_number(ref, &dev)) {
		evs_block_node(dev, node, sizeof(node));
		ref = node;
	}
	ret = place_open(&place, ref, 0, err);
	if (ret)
		return ret;
	ret = probe(&place, export, err);
	place_close(&place);
	return ret;
}

const struct verb verb_probe = {
	.name = "probe",
	.args = "[OPTION...] " PLACE_ARG "|MAJOR:MINOR",
	.brief = "show what the header of a disk says, attached or not",
	.options = options,
	.notes = "Does not ask for the key. Exits with 4 where there is no EVS disk.\n",
	.operands = { WORD_FILE },
	VERB_COLUMNS(columns),
	.run = run,
};
