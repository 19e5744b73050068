// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "block/backing.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "cmk-state.h"
#include "config.h"
#include "disks.h"
#include "pool/list.h"
#include "prometheus.h"

enum column {
	COL_NAME,
	COL_DEVICE,
	COL_SIZE,
	COL_SECTOR,
	COL_RO,
	COL_STATE,
	COL_BACKING,
	COL_UUID,
	COL_OFFSET,
	COL_CIPHER,
	COL_KEY,
	COL_OPENERS,
	COL_CMK,
	COL_DISCARDS,
	COL_NO_PARTSCAN,
	COL_LAZY,
	COL_READS,
	COL_WRITES,
	COL_BYTES_READ,
	COL_BYTES_WRITTEN,
	COL_ERRORS,
	COL_IN_FLIGHT,
	COL_BOUNCE_PAGES,
	COL_CMK_STATE,
};

static const struct table_column columns[] = {
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_DEVICE] = { "DEVICE", NULL, TABLE_TEXT, true },
	[COL_SIZE] = { "SIZE", NULL, TABLE_SIZE, true },
	[COL_SECTOR] = { "SECTOR", "sector-size", TABLE_NUMBER, true },
	[COL_RO] = { "RO", "read-only", TABLE_BOOL, true },
	[COL_STATE] = { "STATE", NULL, TABLE_TEXT, true },
	[COL_BACKING] = { "BACKING", NULL, TABLE_TEXT, true },
	[COL_UUID] = { "UUID", NULL, TABLE_TEXT, true },
	[COL_OFFSET] = { "OFFSET", NULL, TABLE_SIZE, false },
	[COL_CIPHER] = { "CIPHER", NULL, TABLE_TEXT, false },
	[COL_KEY] = { "KEY", "key-serial", TABLE_NUMBER, false },
	[COL_OPENERS] = { "OPENERS", NULL, TABLE_NUMBER, false },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, false },
	[COL_DISCARDS] = { "ALLOW-DISCARDS", NULL, TABLE_BOOL, false },
	[COL_NO_PARTSCAN] = { "NO-PARTSCAN", NULL, TABLE_BOOL, false },
	[COL_LAZY] = { "LAZY", NULL, TABLE_BOOL, false },
	[COL_READS] = { "READS", NULL, TABLE_NUMBER, false },
	[COL_WRITES] = { "WRITES", NULL, TABLE_NUMBER, false },
	[COL_BYTES_READ] = { "BYTES-READ", NULL, TABLE_SIZE, false },
	[COL_BYTES_WRITTEN] = { "BYTES-WRITTEN", NULL, TABLE_SIZE, false },
	[COL_ERRORS] = { "ERRORS", NULL, TABLE_NUMBER, false },
	[COL_IN_FLIGHT] = { "IN-FLIGHT", NULL, TABLE_NUMBER, false },
	[COL_BOUNCE_PAGES] = { "BOUNCE-PAGES", NULL, TABLE_NUMBER, false },
	[COL_CMK_STATE] = { "CMK-STATE", NULL, TABLE_TEXT, false },
};

/*
 * What the kernel remembers of a key that was taken away may be another one by now.
 * A disk that was resumed by what was kept of it has a DK, but no key.
 */
static bool has_key(const struct evs_disk *disk)
{
	return disk->key_serial &&
	       (disk->state == EVS_DEV_STATE_LIVE || disk->state == EVS_DEV_STATE_DETACHING);
}

static int set_number(struct table *table, enum column column, uint64_t number,
		      struct evs_error *err)
{
	return table_set(table, column, err, "%" PRIu64, number);
}

static int set_counters(struct table *table, const struct evs_disk *disk, struct evs_error *err)
{
	if (set_number(table, COL_READS, disk->reads, err) ||
	    set_number(table, COL_WRITES, disk->writes, err) ||
	    set_number(table, COL_BYTES_READ, disk->bytes_read, err) ||
	    set_number(table, COL_BYTES_WRITTEN, disk->bytes_written, err) ||
	    set_number(table, COL_ERRORS, disk->errors, err) ||
	    set_number(table, COL_IN_FLIGHT, disk->in_flight, err) ||
	    set_number(table, COL_BOUNCE_PAGES, disk->bounce_pages, err))
		return -err->errnum;
	return 0;
}

static int add_disk(struct table *table, const struct evs_disk *disk, struct evs_error *err)
{
	char path[32], backing[PATH_MAX];

	disks_path(disk, path, sizeof(path));
	backing_name(disk->backing_dev, backing, sizeof(backing));
	if (table_add(table, err) || table_set(table, COL_NAME, err, "%s", disk->name) ||
	    table_set(table, COL_DEVICE, err, "%s", path) ||
	    set_number(table, COL_SIZE, disk->size, err) ||
	    table_set(table, COL_SECTOR, err, "%u", disk->sector_size) ||
	    table_set(table, COL_RO, err, "%d", disk->read_only) ||
	    table_set(table, COL_STATE, err, "%s", evs_nl_state_name(disk->state)) ||
	    table_set(table, COL_BACKING, err, "%s", backing) ||
	    (*disk->uuid && table_set(table, COL_UUID, err, "%s", disk->uuid)) ||
	    set_number(table, COL_OFFSET, disk->offset, err) ||
	    table_set(table, COL_CIPHER, err, "%s", disk->cipher) ||
	    (has_key(disk) && table_set(table, COL_KEY, err, "%d", disk->key_serial)) ||
	    table_set(table, COL_OPENERS, err, "%u", disk->openers) ||
	    (*disk->cmk && table_set(table, COL_CMK, err, "%s", disk->cmk)) ||
	    table_set(table, COL_DISCARDS, err, "%d", disk->allow_discards) ||
	    table_set(table, COL_NO_PARTSCAN, err, "%d", disk->no_partscan) ||
	    table_set(table, COL_LAZY, err, "%d", disk->lazy))
		return -err->errnum;
	return set_counters(table, disk, err);
}

/* One that is half re-keyed cannot be attached: the way on is told in place of that. */
static int tell_half_rekeyed(const char *path, struct evs_error *err)
{
	struct evs_error why = {};
	struct evs_volume *vol;
	int ret = evs_volume_read(&vol, path, 0, &why);

	if (ret == -EALREADY)
		*err = why;
	else if (!ret)
		evs_volume_close(vol);
	return -err->errnum;
}

/* The disk that is meant, or all of them */
static int get_disks(const char *ref, struct evs_disk **disks, size_t *count,
		     struct evs_error *err)
{
	struct evs_nl *nl;
	int ret;

	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	if (!ref) {
		ret = evs_nl_dump(nl, disks, count, err);
	} else {
		*count = 1;
		*disks = calloc(1, sizeof(**disks));
		if (*disks)
			ret = disks_find(nl, ref, *disks, err);
		else
			ret = evs_error_set(err, ENOMEM, "out of memory");
		if (ret == -ENODEV)
			ret = tell_half_rekeyed(ref, err);
		if (ret)
			free(*disks);
	}
	evs_nl_close(nl);
	return ret;
}

/* Who reads all of a disk's properties is told what its header says beside the KMS. */
static void tell_slots(const struct evs_disk *disk)
{
	struct evs_error ignored = {};
	char backing[PATH_MAX];
	struct evs_volume *vol;

	if (!*disk->uuid || cli_settings()->quiet || disks_read_header(disk, &vol, &ignored))
		return;
	backing_name(disk->backing_dev, backing, sizeof(backing));
	disks_note_slots(disk->name, backing, vol);
	evs_volume_close(vol);
}

/* Asks no KMS unless @ask; then nothing but time is lost when a KMS does not answer. */
static int print_disks(const char *ref, enum table_form form, bool ask, struct evs_error *err)
{
	struct table table = TABLE("disks", columns);
	struct cmk_states states;
	struct evs_disk *disks;
	size_t i, count;
	int ret;

	ret = get_disks(ref, &disks, &count, err);
	if (ret)
		return ret;
	cmk_state_start(&states, disks, ask ? count : 0, CMK_WAIT_PERSON);
	cmk_state_ask(&states);
	for (i = 0; i < count && !ret; i++) {
		ret = add_disk(&table, &disks[i], err);
		if (!ret && cmk_state_name(&states, i))
			ret = table_set(&table, COL_CMK_STATE, err, "%s",
					cmk_state_name(&states, i));
	}
	if (!ret)
		ret = table_print(&table, form, err);
	for (i = 0; i < count && !ret; i++) {
		cmk_state_tell(&states, i);
		if (form == TABLE_PROPERTIES)
			tell_slots(&disks[i]);
	}
	cmk_state_free(&states);
	table_free(&table);
	free(disks);
	return ret;
}

static int print_metrics(const char *ref, bool ask, struct evs_error *err)
{
	struct evs_error ignored = {};
	struct cmk_states states;
	struct evs_config config;
	struct evs_disk *disks;
	size_t count;
	int ret;

	ret = get_disks(ref, &disks, &count, err);
	if (ret)
		return ret;
	cmk_state_start(&states, disks, ask ? count : 0, CMK_WAIT_JOB);
	cmk_state_ask(&states);
	prometheus_print(disks, count, &states);
	cmk_state_free(&states);
	free(disks);
	/* What is wrong with it is for doctor to say. */
	if (!evs_config_load(&config, &ignored)) {
		prometheus_print_kms(&config);
		evs_config_free(&config);
	}
	return 0;
}

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	const char *pool;
	bool verify = false;
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		verify = true;
	if (opt < 0)
		return opt;
	if (optind < argc)
		return cli_operand(argc, argv, "pool", &pool, err) ? -err->errnum :
		       list_pool(pool, NULL, verify, err);
	if (verify)
		return evs_error_set(err, EINVAL, "--verify needs a pool");
	/* Programs look at it again and again; a person reads it once. */
	return print_disks(NULL, TABLE_COLUMNS, !cli_settings()->json && !cli_settings()->quiet,
			   err);
}

static int run_status(int argc, char *argv[], struct evs_error *err)
{
	const char *ref = NULL;
	bool metrics = false, ask = !cli_settings()->quiet;
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		metrics = true;
	if (opt < 0 || (optind < argc && cli_operand(argc, argv, "disk", &ref, err)))
		return -err->errnum;
	if (!metrics)
		return print_disks(ref, TABLE_PROPERTIES, ask, err);
	if (cli_settings()->json)
		return evs_error_set(err, EINVAL, "give --prometheus or --json, not both");
	return print_metrics(ref, ask, err);
}

static const struct verb_option list_options[] = {
	{ "verify", VERB_LONG('V'), NULL, WORD_NONE,
	  "compare each object of the pool with its record" },
	{},
};

const struct verb verb_list = {
	.name = "list",
	.args = "[OPTION...] [POOL]",
	.brief = "list the attached disks, or what is in a pool",
	.options = list_options,
	.notes = "With --json, prints all that status prints except cmk-state; sizes are in bytes.\n"
		 "A pool has the columns NAME, KIND, SIZE, USED, ATTRIBUTE, CMK, CMK-STATE, STATE,\n"
		 "FROM, ATTACHED, UUID, KMS, MADE and CONSISTENT; with --json, CMK-STATE is there when\n"
		 "--verify or --output asks for it.\n"
		 "\n"
		 CMK_STATE_HELP
		 "--json does not ask either.\n",
	.operands = { WORD_POOL },
	VERB_COLUMNS(columns),
	.needs = VERB_NEEDS_ADMIN,
	.run = run_list,
};

static const struct verb_option status_options[] = {
	{ "prometheus", VERB_LONG('p'), NULL, WORD_NONE,
	  "print metrics in the text format of Prometheus" },
	{},
};

const struct verb verb_status = {
	.name = "status",
	.args = "[OPTION...] [DISK]",
	.brief = "show all properties of one attached disk, or of all",
	.options = status_options,
	.notes = DISKS_HELP
		 "\n"
		 CMK_STATE_HELP
		 "--prometheus waits for 20 seconds at most.\n",
	.operands = { WORD_DISK },
	VERB_COLUMNS(columns),
	.needs = VERB_NEEDS_ADMIN,
	.run = run_status,
};
