// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backup verify: every byte is read and compared with the manifest, and both copies of
 * the header are checked: all of that without any key.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "pool/cmks.h"
#include "pool/progress.h"
#include "ref.h"
#include "rewrap.h"
#include "secret.h"

enum column {
	COL_NAME,
	COL_STATE,
	COL_CMK,
	COL_CMK_STATE,
};

static const struct table_column columns[] = {
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_STATE] = { "STATE", NULL, TABLE_TEXT, true },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[COL_CMK_STATE] = { "CMK-STATE", NULL, TABLE_TEXT, true },
};

static const struct verb_option options[] = {
	{ "deep", VERB_LONG('d'), NULL, WORD_NONE,
	  "have the KMS unwrap the data key as well, and check that\nit is the key of the backup" },
	{},
};

/**
 * struct verify - What is verified.
 * @ref: the repository
 * @deep: ask the KMS for data keys
 * @rewraps: what rewraps of this verb share
 * @table: what is printed
 * @cmks: states of CMKs that were asked for
 * @manifest: of the backup that is read
 * @progress: how far it is
 * @bad: blocks of it that are damaged
 * @damaged: backups that are, or whose data key the KMS does not give
 */
struct verify {
	struct ref ref;
	bool deep;
	struct evs_rewraps rewraps;
	struct table table;
	struct cmks cmks;
	const struct evs_manifest *manifest;
	struct progress progress;
	size_t bad;
	size_t damaged;
};

/* All damage is told, and not only the first. */
static int check_block(void *arg, uint64_t offset, const void *data, size_t length,
		       struct evs_error *err)
{
	struct verify *verify = arg;
	struct evs_error found = {};
	int ret;

	ret = progress_tell(&verify->progress, offset + length, verify->manifest->bytes, err);
	if (ret)
		return ret;
	ret = evs_manifest_check(verify->manifest, (size_t)(offset / EVS_BLOCK), data, &found);
	if (!ret)
		return 0;
	cli_note("%s::%s", verify->ref.repo.config->name, found.text);
	verify->bad++;
	return 0;
}

static int check_data(struct verify *verify, const char *name, struct evs_error *err)
{
	struct evs_repo *repo = &verify->ref.repo;
	struct evs_manifest manifest;
	int ret;

	ret = evs_repo_manifest(repo, name, &manifest, err);
	if (ret)
		return ret;
	verify->manifest = &manifest;
	verify->bad = 0;
	progress_begin(&verify->progress, name);
	ret = repo->ops->read(repo, &manifest, 0, check_block, verify, err);
	progress_end(&verify->progress);
	if (ret)
		evs_error_prefix(err, "%s::%s", repo->config->name, name);
	evs_manifest_free(&manifest);
	return ret;
}

static int check_key(struct verify *verify, struct evs_volume *vol, struct evs_error *err)
{
	struct evs_rewrap rewrap;
	int ret;

	ret = evs_rewrap_begin(&rewrap, &verify->rewraps, vol, err);
	if (!ret)
		evs_rewrap_end(&rewrap);
	return ret;
}

static int check_header(struct verify *verify, const char *name, struct evs_error *err)
{
	struct evs_repo *repo = &verify->ref.repo;
	const struct evs_token *token;
	struct evs_backup backup;
	const char *state;
	int ret;

	ret = evs_backup_open(&backup, repo, name, false, err);
	if (ret)
		return ret;
	if (backup.vol) {
		token = evs_volume_token(backup.vol);
		state = cmks_state(&verify->cmks, &verify->ref.config, token->kms, token->cmk);
		if (table_set(&verify->table, COL_CMK, err, "%s", token->cmk) ||
		    (state && table_set(&verify->table, COL_CMK_STATE, err, "%s", state)))
			ret = -err->errnum;
		else if (*evs_volume_damage(backup.vol))
			ret = evs_error_set(err, EBADMSG, "%s::%s: %s", repo->config->name, name,
					    evs_volume_damage(backup.vol));
		else if (verify->deep && check_key(verify, backup.vol, err))
			ret = evs_error_prefix(err, "%s::%s", repo->config->name, name);
	}
	evs_backup_close(&backup);
	return ret;
}

static int verify_one(struct verify *verify, const char *name, struct evs_error *err)
{
	struct evs_repo *repo = &verify->ref.repo;
	struct evs_error why = {};
	const char *state;
	int ret;

	if (table_add(&verify->table, err) ||
	    table_set(&verify->table, COL_NAME, err, "%s::%s", repo->config->name, name))
		return -err->errnum;
	state = "damaged";
	ret = check_data(verify, name, &why);
	if (!ret && !verify->bad)
		ret = check_header(verify, name, &why);
	if (ret == -ECANCELED) {
		*err = why;
		return ret;
	}
	if (ret)
		cli_note("%s", why.text);
	/* The KMS may give the key another time. */
	if (ret && why.class != EVS_CLASS_NONE && why.class != EVS_CLASS_WRONG_KEY &&
	    why.class != EVS_CLASS_TAMPERED)
		state = "no-key";
	else if (!ret && !verify->bad)
		state = "intact";
	if (strcmp(state, "intact"))
		verify->damaged++;
	return table_set(&verify->table, COL_STATE, err, "%s", state);
}

static int verify_all(struct verify *verify, struct evs_error *err)
{
	struct evs_backup_list list = {};
	size_t i, count = 0;
	int ret;

	ret = evs_repo_list(&verify->ref.repo, &list, err);
	for (i = 0; i < list.count && !ret; i++) {
		if (*verify->ref.name && strcmp(verify->ref.name, list.entry[i].name))
			continue;
		ret = verify_one(verify, list.entry[i].name, err);
		count++;
	}
	free(list.entry);
	if (!ret && !count && *verify->ref.name)
		ret = evs_error_set(err, ENOENT, "%s: there is no such backup", verify->ref.text);
	if (!ret)
		ret = table_print(&verify->table, TABLE_COLUMNS, err);
	if (!ret && verify->damaged)
		ret = evs_error_set(err, EBADMSG, "%s: %zu of %zu backups cannot be restored as they were",
				    verify->ref.text, verify->damaged, count);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct verify verify = {
		.table = {
			.name = "backups",
			.columns = columns,
			.column_count = sizeof(columns) / sizeof(columns[0]),
		},
	};
	const char *operand;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		verify.deep = true;
	if (opt < 0 || cli_operand(argc, argv, "repository or backup", &operand, err) ||
	    (verify.deep && evs_process_harden(err)) ||
	    ref_open(&verify.ref, operand, REF_EITHER, err))
		return -err->errnum;
	verify.rewraps.config = &verify.ref.config;
	ret = verify_all(&verify, err);
	evs_rewraps_close(&verify.rewraps);
	cmks_free(&verify.cmks);
	table_free(&verify.table);
	ref_close(&verify.ref);
	return ret;
}

const struct verb verb_backup_verify = {
	.name = "backup verify",
	.args = "[OPTION...] REPO|REPO::BACKUP",
	.brief = "check backups for damage",
	.options = options,
	.notes = "Reads all of them and needs no key. What is damaged is named with the bytes of the\n"
		 "object; then the exit status is 4.\n",
	.operands = { WORD_REPO },
	VERB_COLUMNS(columns),
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
