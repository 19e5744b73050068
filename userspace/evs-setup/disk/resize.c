// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "disks.h"
#include "pool/resize.h"
#include "pool/target.h"
#include "volume/volume.h"

enum column {
	COL_DEVICE,
	COL_NAME,
	COL_SIZE,
};

static const struct table_column columns[] = {
	[COL_DEVICE] = { "DEVICE", NULL, TABLE_TEXT, true },
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_SIZE] = { "SIZE", NULL, TABLE_SIZE, true },
};

static const struct verb_option options[] = {
	{ "size", VERB_LONG('z'), "BYTES", WORD_TEXT,
	  "grow to this size, by default up to the end of the device\nbelow; BYTES may end in K, M, G or T" },
	{},
};

/* How large its header lets a disk be, as the device below is now */
static int header_size(const struct evs_disk *disk, uint64_t *size, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	ret = disks_read_header(disk, &vol, err);
	if (ret)
		return ret;
	*size = evs_volume_data_size(vol);
	evs_volume_close(vol);
	return 0;
}

static int print_size(const struct evs_disk *disk, struct evs_error *err)
{
	struct table table = TABLE("disks", columns);
	char path[32];
	int ret;

	if (!cli_settings()->json) {
		printf("%" PRIu64 "\n", disk->size);
		return 0;
	}
	disks_path(disk, path, sizeof(path));
	if (table_add(&table, err) || table_set(&table, COL_DEVICE, err, "%s", path) ||
	    table_set(&table, COL_NAME, err, "%s", disk->name) ||
	    table_set(&table, COL_SIZE, err, "%" PRIu64, disk->size))
		ret = -err->errnum;
	else
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	return ret;
}

static int resize(struct evs_nl *nl, struct evs_disk *disk, uint64_t size, const char *ref,
		  struct evs_error *err)
{
	/* What has no key any more is refused by the kernel; its device may be gone. */
	bool usable = disk->state == EVS_DEV_STATE_LIVE || disk->state == EVS_DEV_STATE_SUSPENDED;
	int ret;

	if (!size && *disk->uuid && usable) {
		ret = header_size(disk, &size, err);
		if (ret)
			return ret;
	}
	ret = evs_nl_resize(nl, disk->id, size, disk, err);
	if (ret)
		return evs_error_prefix(err, "%s", ref);
	return print_size(disk, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_disk disk;
	struct evs_nl *nl;
	uint64_t size = 0;
	const char *ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (cli_bytes("--size", optarg, &size, err))
			return -err->errnum;
		if (!size)
			return evs_error_set(err, EINVAL, "--size 0: must be larger than 0");
	}
	if (opt < 0 || cli_operand(argc, argv, "disk", &ref, err))
		return -err->errnum;
	ret = target_is_pool(ref, err);
	if (ret)
		return ret < 0 ? ret : resize_in_pool(ref, size, err);
	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return ret;
	ret = resize(nl, &disk, size, ref, err);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_resize = {
	.name = "resize",
	.args = "[--size BYTES] DISK\n"
		"       evs-setup resize --size BYTES POOL/DISK",
	.brief = "grow a disk with the device below and print its size in bytes",
	.options = options,
	.notes = "The disk may be in use. It cannot shrink. A disk of a pool is made larger together\n"
		 "with what is below it, and need not be attached.\n"
		 "\n"
		 DISKS_HELP,
	.operands = { WORD_DISK },
	.needs = VERB_NEEDS_ADMIN,
	.run = run,
};
