// SPDX-License-Identifier: GPL-2.0-or-later
/* backup list and show: the list needs no manifest, which may be large. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "date.h"
#include "pool/cmks.h"
#include "ref.h"

/* ---- list ---- */

enum list_column {
	LIST_NAME,
	LIST_DISK,
	LIST_MADE,
	LIST_UUID,
};

static const struct table_column list_columns[] = {
	[LIST_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[LIST_DISK] = { "DISK", NULL, TABLE_TEXT, true },
	[LIST_MADE] = { "MADE", NULL, TABLE_TEXT, true },
	[LIST_UUID] = { "UUID", NULL, TABLE_TEXT, true },
};

static int add_row(struct table *table, const char *repo, const struct evs_backup_entry *entry,
		   struct evs_error *err)
{
	char made[EVS_DATE_SIZE];

	evs_date_time(made, entry->made);
	if (table_add(table, err) ||
	    table_set(table, LIST_NAME, err, "%s::%s", repo, entry->name) ||
	    (*entry->disk && table_set(table, LIST_DISK, err, "%s", entry->disk)) ||
	    (entry->made && table_set(table, LIST_MADE, err, "%s", made)) ||
	    (*entry->id && table_set(table, LIST_UUID, err, "%s", entry->id)))
		return -err->errnum;
	return 0;
}

static int list(struct ref *ref, struct evs_error *err)
{
	struct table table = {
		.name = "backups",
		.columns = list_columns,
		.column_count = sizeof(list_columns) / sizeof(list_columns[0]),
	};
	struct evs_backup_list backups;
	size_t i;
	int ret;

	ret = evs_repo_list(&ref->repo, &backups, err);
	if (ret)
		return ret;
	for (i = 0; i < backups.count && !ret; i++)
		ret = add_row(&table, ref->repo.config->name, &backups.entry[i], err);
	if (!ret)
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	free(backups.entry);
	return ret;
}

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	const char *operand;
	struct ref ref;
	int ret;

	if (cli_option(argc, argv, err) < 0 ||
	    cli_operand(argc, argv, "repository", &operand, err) ||
	    ref_open(&ref, operand, REF_REPO, err))
		return -err->errnum;
	ret = list(&ref, err);
	ref_close(&ref);
	return ret;
}

const struct verb verb_backup_list = {
	.name = "backup list",
	.args = "[OPTION...] REPO",
	.brief = "list the backups of a repository",
	.operands = { WORD_REPO },
	VERB_COLUMNS(list_columns),
	.needs = VERB_NEEDS_ROOT,
	.run = run_list,
};

/* ---- show ---- */

enum show_column {
	SHOW_NAME,
	SHOW_DISK,
	SHOW_UUID,
	SHOW_MADE,
	SHOW_ATTRIBUTE,
	SHOW_SIZE,
	SHOW_KMS,
	SHOW_CMK,
	SHOW_CMK_STATE,
	SHOW_TOKEN,
	SHOW_CONSISTENT,
	SHOW_KEY,
};

static const struct table_column show_columns[] = {
	[SHOW_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[SHOW_DISK] = { "DISK", NULL, TABLE_TEXT, true },
	[SHOW_UUID] = { "UUID", NULL, TABLE_TEXT, true },
	[SHOW_MADE] = { "MADE", NULL, TABLE_TEXT, true },
	[SHOW_ATTRIBUTE] = { "ATTRIBUTE", NULL, TABLE_TEXT, true },
	[SHOW_SIZE] = { "SIZE", NULL, TABLE_SIZE, true },
	[SHOW_KMS] = { "KMS", NULL, TABLE_TEXT, true },
	[SHOW_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[SHOW_CMK_STATE] = { "CMK-STATE", NULL, TABLE_TEXT, true },
	[SHOW_TOKEN] = { "TOKEN", NULL, TABLE_NUMBER, true },
	[SHOW_CONSISTENT] = { "CONSISTENT", NULL, TABLE_TEXT, true },
	[SHOW_KEY] = { "KEY", NULL, TABLE_TEXT, true },
};

/* The newest token counts, and not the one that was in the header. */
static int set_key(struct table *table, const struct ref *ref, const struct evs_backup *backup,
		   struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(backup->vol);
	struct cmks cmks = {};
	const char *state;
	int ret = 0;

	state = cmks_state(&cmks, &ref->config, token->kms, token->cmk);
	if (table_set(table, SHOW_KMS, err, "%s", token->kms) ||
	    table_set(table, SHOW_CMK, err, "%s", token->cmk) ||
	    (state && table_set(table, SHOW_CMK_STATE, err, "%s", state)) ||
	    table_set(table, SHOW_TOKEN, err, "%u", backup->token) ||
	    table_set(table, SHOW_KEY, err, "%s", backup->manifest.key))
		ret = -err->errnum;
	cmks_free(&cmks);
	return ret;
}

static int show(const struct ref *ref, const struct evs_backup *backup, struct evs_error *err)
{
	const struct evs_manifest *manifest = &backup->manifest;
	const struct evs_record *record = &manifest->record;
	struct table table = {
		.name = "backups",
		.columns = show_columns,
		.column_count = sizeof(show_columns) / sizeof(show_columns[0]),
	};
	char made[EVS_DATE_SIZE];
	int ret = 0;

	evs_date_time(made, record->made);
	if (table_add(&table, err) || table_set(&table, SHOW_NAME, err, "%s", ref->text) ||
	    table_set(&table, SHOW_DISK, err, "%s", manifest->disk) ||
	    table_set(&table, SHOW_UUID, err, "%s", record->id) ||
	    table_set(&table, SHOW_MADE, err, "%s", made) ||
	    table_set(&table, SHOW_ATTRIBUTE, err, record->encrypted ? "encrypted" : "plain") ||
	    table_set(&table, SHOW_SIZE, err, "%" PRIu64, record->size) ||
	    table_set(&table, SHOW_CONSISTENT, err,
		      record->consistent == EVS_CONSISTENT_FS ? "fs" : "crash") ||
	    (backup->vol && set_key(&table, ref, backup, err)) ||
	    table_print(&table, TABLE_PROPERTIES, err))
		ret = -err->errnum;
	table_free(&table);
	return ret;
}

static int run_show(int argc, char *argv[], struct evs_error *err)
{
	struct evs_backup backup;
	const char *operand;
	struct ref ref;
	int ret;

	if (cli_option(argc, argv, err) < 0 ||
	    cli_operand(argc, argv, "backup", &operand, err) ||
	    ref_open(&ref, operand, REF_BACKUP, err))
		return -err->errnum;
	ret = evs_backup_open(&backup, &ref.repo, ref.name, false, err);
	if (!ret) {
		ret = show(&ref, &backup, err);
		evs_backup_close(&backup);
	}
	ref_close(&ref);
	return ret;
}

const struct verb verb_backup_show = {
	.name = "backup show",
	.args = "[OPTION...] REPO::BACKUP",
	.brief = "print what is known of a backup",
	.notes = "CMK and KMS are those that open it now; TOKEN is how often that was changed.\n",
	.operands = { WORD_BACKUP },
	VERB_COLUMNS(show_columns),
	.needs = VERB_NEEDS_ROOT,
	.run = run_show,
};
