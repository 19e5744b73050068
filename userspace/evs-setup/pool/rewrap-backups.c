// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "create.h"
#include "disk/rewrap-one.h"
#include "repo/repo.h"
#include "rewrap-copies.h"
#include "rewrap-work.h"

/**
 * struct backup_work - One backup of it.
 * @work: all the rest
 * @repo: its repository
 * @name: its name there
 * @open: the same, open
 * @text: how the user calls it
 */
struct backup_work {
	struct rewrap_work *work;
	struct evs_repo *repo;
	const char *name;
	struct evs_backup open;
	char text[EVS_POOL_NAME_MAX + EVS_BACKUP_SIZE + 3];
};

/* Gives the token to the repository, where it counts from then on. */
static int add_token(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	struct backup_work *backup = arg;
	const struct rewrap_copies *req = backup->work->req;
	int ret = evs_rewrap_under(rewrap, req->to.kms, req->to.cmk, err);

	if (!ret)
		ret = evs_repo_add_token(backup->repo, backup->name, backup->open.token + 1,
					 &rewrap->new, err);
	return ret ? ret : rewrap_print(backup->text, evs_volume_uuid(rewrap->vol), &rewrap->new,
					err);
}

static int rewrap_backup(struct backup_work *backup, struct evs_error *err)
{
	struct rewrap_work *work = backup->work;
	int ret;

	ret = evs_backup_open(&backup->open, backup->repo, backup->name, false, err);
	if (ret)
		return ret;
	if (!rewrap_is_done(work, backup->open.vol)) {
		ret = rewrap_with(&work->rewraps, backup->open.vol, add_token, backup, err);
		work->backups += !ret;
	}
	evs_backup_close(&backup->open);
	return ret;
}

/* As far as the list tells */
static bool may_be_meant(const struct rewrap_work *work, const struct evs_backup_entry *entry)
{
	char pool[EVS_POOL_NAME_MAX + 1];

	if (!*entry->id)
		return true;
	if (*work->disk)
		return !strcmp(entry->id, work->uuid);
	return evs_object_split(entry->disk, pool) && !strcmp(pool, work->name);
}

static int handle_backup(struct rewrap_work *work, struct evs_repo *repo, struct evs_backup_entry *entry,
			 struct evs_error *err)
{
	struct backup_work backup = { .work = work, .repo = repo, .name = entry->name };
	struct evs_error why = {};
	struct evs_record record;
	int ret;

	if (!may_be_meant(work, entry))
		return 0;
	snprintf(backup.text, sizeof(backup.text), "%s::%s", repo->config->name, entry->name);
	ret = evs_repo_protection(repo, entry, &record, &why);
	if (!ret && (!record.encrypted || !may_be_meant(work, entry)))
		return 0;
	if (!ret && rewrap_find_cmks(work, record.kms, err))
		return -err->errnum;
	if (!ret && !*work->disk && strcmp(record.cmk, work->from))
		return 0;
	if (!ret && work->req->dry_run) {
		work->backups++;
		return create_print(backup.text, &record, err);
	}
	if (!ret)
		ret = rewrap_backup(&backup, &why);
	if (ret) {
		work->failed++;
		cli_note("rewrap: %s", why.text);
	}
	return 0;
}

static int handle_repo(struct rewrap_work *work, const struct evs_config_repo *config,
		       struct evs_error *err)
{
	struct evs_backup_list list = {};
	struct evs_error why = {};
	struct evs_repo repo;
	size_t i;
	int ret;

	ret = evs_repo_open(&repo, config, &why);
	if (!ret) {
		ret = evs_repo_list(&repo, &list, &why);
		for (i = 0; i < list.count && !err->errnum; i++)
			handle_backup(work, &repo, &list.entry[i], err);
		free(list.entry);
		evs_repo_close(&repo);
	}
	if (ret) {
		work->failed++;
		cli_note("rewrap: %s", why.text);
	}
	return -err->errnum;
}

int rewrap_backups(struct rewrap_work *work, struct evs_error *err)
{
	size_t i;
	int ret = 0;

	if (*work->disk && !*work->uuid)
		return 0;
	for (i = 0; !ret && i < work->config.repo_count; i++)
		ret = handle_repo(work, &work->config.repos[i], err);
	return ret;
}
