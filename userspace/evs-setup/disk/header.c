// SPDX-License-Identifier: GPL-2.0-or-later
/* header backup, header restore, header label, header dump */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/table.h"
#include "disks.h"
#include "pool/place.h"
#include "tab.h"
#include "text.h"
#include "volume/volume.h"

#define BACKUP "the file of the backup"

static int take_two(int argc, char *argv[], const char *what, const char **device,
		    const char **second, struct evs_error *err)
{
	if (argc - optind < 2)
		return evs_error_set(err, EINVAL, "a device and %s are needed", what);
	if (argc - optind > 2)
		return evs_error_set(err, EINVAL, "unexpected argument %s", argv[optind + 2]);
	*device = argv[optind];
	*second = argv[optind + 1];
	return 0;
}

static int backup(const struct place *place, const char *file, struct evs_error *err)
{
	struct evs_volume *vol;
	struct evs_device dev;
	int ret;

	ret = evs_device_open(&dev, place->path, O_RDONLY, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, &dev, 0, err);
	if (!ret) {
		disks_warn_damage(place->ref, vol);
		ret = evs_volume_backup(vol, file, err);
		evs_volume_close(vol);
	}
	evs_device_close(&dev);
	return ret;
}

static int run_backup(int argc, char *argv[], struct evs_error *err)
{
	const char *device = NULL, *file = NULL;
	struct place place;
	int ret;

	if (cli_option(argc, argv, err) || take_two(argc, argv, BACKUP, &device, &file, err) ||
	    place_open(&place, device, 0, err))
		return -err->errnum;
	ret = backup(&place, file, err);
	place_close(&place);
	return ret;
}

/**
 * struct restore - What is asked.
 * @place: where the header is to be
 * @claim: the device
 * @force: whatever it holds
 */
struct restore {
	struct place place;
	struct claim claim;
	bool force;
};

static int agree(void *arg, const char *change, struct evs_error *err)
{
	struct restore *restore = arg;

	evs_text_line(stderr, "evs-setup: header restore: %s", change);
	if (restore->force)
		return 0;
	if (!cli_can_ask())
		return evs_error_set(err, EEXIST,
				     "%s: nothing was written; --force restores the header nevertheless",
				     restore->place.ref);
	if (cli_confirm("Restore the header?", restore->place.ref, err))
		return -err->errnum;
	return claim_confirm(&restore->claim, err);
}

/* A disk of a pool is what its record says, whatever --force allows elsewhere. */
static int check_record(const struct place *place, const char *file, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	if (!place->in_pool)
		return 0;
	ret = evs_volume_read(&vol, file, EVS_VOLUME_HEADER, err);
	if (ret)
		return ret;
	if (strcmp(evs_volume_uuid(vol), place->entry.record.id))
		ret = evs_error_set(err, EEXIST, "%s: is the header of disk %s, but %s is disk %s",
				    file, evs_volume_uuid(vol), place->ref,
				    place->entry.record.id);
	evs_volume_close(vol);
	return ret;
}

/* The header is restored: what cannot be looked at is no failure of that. */
static int settle(struct place *place, struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_volume *vol;
	int ret;

	if (evs_volume_read(&vol, place->path, EVS_VOLUME_HEADER, &ignored))
		return 0;
	tab_warn_stale("header restore", place->ref, place->path, evs_volume_uuid(vol),
		       evs_volume_token(vol));
	ret = place_settle(place, vol, err);
	evs_volume_close(vol);
	return ret;
}

static int run_restore(int argc, char *argv[], struct evs_error *err)
{
	const char *device = NULL, *file = NULL;
	struct restore restore = {};
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		restore.force = true;
	if (opt < 0 || take_two(argc, argv, BACKUP, &device, &file, err) ||
	    place_open(&restore.place, device, PLACE_WRITE | PLACE_DAMAGED, err))
		return -err->errnum;
	ret = check_record(&restore.place, file, err);
	if (!ret)
		ret = claim_open(&restore.claim, restore.place.path, err);
	if (!ret) {
		ret = evs_volume_restore(&restore.claim.dev, file, restore.force, agree, &restore,
					 err);
		claim_close(&restore.claim);
	}
	if (!ret)
		ret = settle(&restore.place, err);
	place_close(&restore.place);
	return ret;
}

static int run_label(int argc, char *argv[], struct evs_error *err)
{
	const char *device = NULL, *label = NULL;
	struct place place;
	int ret;

	if (cli_option(argc, argv, err) ||
	    take_two(argc, argv, "a label", &device, &label, err) ||
	    evs_label_check(label, err) ||
	    place_open(&place, device, PLACE_WRITE | PLACE_HOLD, err))
		return -err->errnum;
	ret = evs_volume_set_label(place.vol, label, err);
	place_close(&place);
	return ret;
}

/* ---- dump ---- */

enum column {
	COL_UUID,
	COL_LABEL,
	COL_SECTOR,
	COL_OFFSET,
	COL_KMS,
	COL_CMK,
	COL_CONTEXT,
	COL_WRAPPED,
};

static const struct table_column columns[] = {
	[COL_UUID] = { "UUID", NULL, TABLE_TEXT, true },
	[COL_LABEL] = { "LABEL", NULL, TABLE_TEXT, true },
	[COL_SECTOR] = { "SECTOR", "sector-size", TABLE_NUMBER, true },
	[COL_OFFSET] = { "OFFSET", NULL, TABLE_SIZE, true },
	[COL_KMS] = { "KMS", NULL, TABLE_TEXT, true },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[COL_CONTEXT] = { "CONTEXT", NULL, TABLE_TEXT, true },
	[COL_WRAPPED] = { "WRAPPED", "wrapped-dk", TABLE_TEXT, true },
};

static int add_token(struct table *table, const struct evs_volume *vol,
		     const struct evs_token *token, struct evs_error *err)
{
	char context[EVS_CONTEXT_PAIRS_MAX * (EVS_CONTEXT_NAME_MAX + EVS_CONTEXT_VALUE_MAX + 2) + 1];
	size_t i, used = 0;

	context[0] = '\0';
	for (i = 0; i < token->context.count; i++)
		used += (size_t)snprintf(context + used, sizeof(context) - used, "%s%s=%s",
					 i ? "," : "", token->context.pair[i].name,
					 token->context.pair[i].value);
	if (table_add(table, err) ||
	    table_set(table, COL_UUID, err, "%s", evs_volume_uuid(vol)) ||
	    (*evs_volume_label(vol) &&
	     table_set(table, COL_LABEL, err, "%s", evs_volume_label(vol))) ||
	    table_set(table, COL_SECTOR, err, "%u", evs_volume_sector_size(vol)) ||
	    table_set(table, COL_OFFSET, err, "%llu",
		      (unsigned long long)evs_volume_data_offset(vol)) ||
	    table_set(table, COL_KMS, err, "%s", token->kms) ||
	    table_set(table, COL_CMK, err, "%s", token->cmk) ||
	    table_set(table, COL_CONTEXT, err, "%s", context) ||
	    table_set(table, COL_WRAPPED, err, "%s", token->wrapped_dk))
		return -err->errnum;
	return 0;
}

static int dump(const struct evs_volume *vol, struct evs_error *err)
{
	struct table table = TABLE("tokens", columns);
	int ret = 0;
	size_t i;

	for (i = 0; i < evs_volume_token_count(vol) && !ret; i++)
		ret = add_token(&table, vol, evs_volume_token_at(vol, i), err);
	if (!ret)
		ret = table_print(&table, TABLE_PROPERTIES, err);
	table_free(&table);
	return ret;
}

static int run_dump(int argc, char *argv[], struct evs_error *err)
{
	struct evs_volume *vol;
	struct place place;
	const char *device;
	int ret;

	if (cli_option(argc, argv, err) < 0 ||
	    cli_operand(argc, argv, "device or file", &device, err) ||
	    place_open(&place, device, 0, err))
		return -err->errnum;
	ret = evs_volume_read(&vol, place.path, EVS_VOLUME_HEADER, err);
	if (!ret) {
		disks_warn_damage(device, vol);
		ret = dump(vol, err);
		evs_volume_close(vol);
	}
	place_close(&place);
	return ret;
}

static const struct verb_option restore_options[] = {
	{ "force", 'f', NULL, WORD_NONE,
	  "write it although the device holds another disk, something\n"
	  "else, or a header of this disk with another CMK or key" },
	{},
};

const struct verb verb_header_backup = {
	.name = "header backup",
	.args = PLACE_ARG " BACKUP",
	.brief = "copy the header of a disk into a new file",
	.notes = "Without its header a disk is lost. The copy holds the data key in wrapped form,\n"
		 "as the disk does: everyone who may use the CMK can open the disk with it.\n",
	.operands = { WORD_FILE, WORD_FILE },
	.run = run_backup,
};

const struct verb verb_header_restore = {
	.name = "header restore",
	.args = "[--force] " PLACE_ARG " BACKUP",
	.brief = "write a copy of a header back to its disk",
	.options = restore_options,
	.notes = "Asks first when the disk was rewrapped or encrypted anew after the backup.\n"
		 "Refuses a disk that is attached or otherwise in use.\n",
	.operands = { WORD_FILE, WORD_FILE },
	.run = run_restore,
};

const struct verb verb_header_label = {
	.name = "header label",
	.args = PLACE_ARG " LABEL",
	.brief = "change the label of a disk",
	.notes = "An empty LABEL removes the label. The disk may be attached.\n",
	.operands = { WORD_FILE, WORD_TEXT },
	.run = run_label,
};

const struct verb verb_header_dump = {
	.name = "header dump",
	.args = "[OPTION...] " PLACE_ARG,
	.brief = "show the header of a disk, or of a copy",
	.notes = "Prints one paragraph for each token: a rewrap that was interrupted leaves two.\n"
		 "Nothing of it is secret.\n",
	.operands = { WORD_FILE },
	VERB_COLUMNS(columns),
	.run = run_dump,
};
