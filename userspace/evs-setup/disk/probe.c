// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe: what the header of a disk says, for people and for udev rules.
 */
#include <blkid.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "block/backing.h"
#include "block/loop.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/table.h"
#include "disks.h"
#include "probe.h"
#include "volume/volume.h"

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

/* Rules know a device below a disk by its number only: evs/backing_dev */
static bool parse_number(const char *text, dev_t *dev)
{
	unsigned int dev_major, dev_minor;
	int end = 0;

	if (strspn(text, "0123456789:") != strlen(text) ||
	    sscanf(text, "%8u:%8u%n", &dev_major, &dev_minor, &end) != 2 || text[end])
		return false;
	*dev = makedev(dev_major, dev_minor);
	return true;
}

/* Is this disk over the device? */
static bool stands_on(const char *disk, dev_t dev)
{
	unsigned int dev_major, dev_minor;
	char path[PATH_MAX];
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/evs/backing_dev", disk);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%u:%u", &dev_major, &dev_minor) == 2 &&
		makedev(dev_major, dev_minor) == dev;
	fclose(file);
	return found;
}

/*
 * The disk over a device or file, "" when there is none. Out of sysfs: asking
 * the kernel over netlink would load the module for every device with a header.
 */
static void find_disk(const char *path, char *disk, size_t size)
{
	struct evs_error ignored = {};
	const struct dirent *entry;
	char loop[64];
	struct stat st;
	DIR *dir;

	*disk = '\0';
	if (stat(path, &st))
		return;
	if (S_ISREG(st.st_mode) &&
	    (loop_find(&st, loop, sizeof(loop), &ignored) <= 0 || stat(loop, &st)))
		return;
	dir = opendir("/sys/block");
	if (!dir)
		return;
	while (!*disk && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "evs", 3) && stands_on(entry->d_name, st.st_rdev))
			snprintf(disk, size, "%s", entry->d_name);
	closedir(dir);
}

void probe_defuse(char *text)
{
	while ((text = strpbrk(text, " \t!\"#$&'()*;<>?[\\]^`{|}~%,")))
		*text = '_';
}

static int print_label(const char *label, struct evs_error *err)
{
	char text[4 * EVS_LABEL_MAX + 1], *c;

	if (!*label)
		return 0;
	if (blkid_safe_string(label, text, sizeof(text)))
		return evs_error_set(err, EINVAL, "bad label");
	probe_defuse(text);
	for (c = text; (c = strchr(c, '/')); c++)
		*c = '_';
	printf("EVS_LABEL=%s\n", text);
	if (blkid_encode_string(label, text, sizeof(text)))
		return evs_error_set(err, EINVAL, "bad label");
	printf("EVS_LABEL_ENC=%s\n", text);
	return 0;
}

static int print_export(const char *path, const struct evs_volume *vol, struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	char disk[NAME_MAX + 1], cmk[EVS_CMK_REF_SIZE];
	int ret;

	find_disk(path, disk, sizeof(disk));
	printf("EVS_UUID=%s\n", evs_volume_uuid(vol));
	ret = print_label(evs_volume_label(vol), err);
	strcpy(cmk, token->cmk);
	probe_defuse(cmk);
	printf("EVS_KMS=%s\nEVS_CMK=%s\n", token->kms, cmk);
	printf("EVS_SECTOR_SIZE=%u\n", evs_volume_sector_size(vol));
	printf("EVS_OFFSET=%llu\n", (unsigned long long)evs_volume_data_offset(vol));
	printf("EVS_SIZE=%llu\n", (unsigned long long)evs_volume_data_size(vol));
	if (*disk)
		printf("EVS_ATTACHED_AS=%s\n", disk);
	return ret;
}

static int print_properties(const char *path, const struct evs_volume *vol,
			    struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	struct table table = {
		.name = "disks",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
	char disk[NAME_MAX + 1];
	int ret;

	find_disk(path, disk, sizeof(disk));
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

static const struct verb_option options[] = {
	{ "export", 'e', NULL, WORD_NONE, "print lines KEY=value, for udev rules and shell scripts" },
	{},
};

static int run(int argc, char *argv[], struct evs_error *err)
{
	char node[PATH_MAX];
	struct evs_volume *vol;
	bool export = false;
	const char *path;
	dev_t dev;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		export = true;
	if (opt < 0 || cli_operand(argc, argv, "device or file", &path, err))
		return -err->errnum;
	if (parse_number(path, &dev)) {
		backing_node(dev, node, sizeof(node));
		path = node;
	}
	ret = evs_volume_read(&vol, path, 0, err);
	if (ret)
		return ret;
	disks_warn_damage(path, vol);
	if (export)
		out_own();
	ret = export ? print_export(path, vol, err) : print_properties(path, vol, err);
	evs_volume_close(vol);
	return ret;
}

const struct verb verb_probe = {
	.name = "probe",
	.args = "[OPTION...] DEVICE|FILE|MAJOR:MINOR",
	.brief = "show what the header of a disk says, attached or not",
	.options = options,
	.notes = "Does not ask for the key. Exits with 4 where there is no EVS disk.\n",
	.operands = { WORD_FILE },
	VERB_COLUMNS(columns),
	.run = run,
};
