// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "kms/json.h"
#include "repo/repo.h"

#define TOKEN_MARK ".token."
#define STAMP_LEN 16	/* 20261130T060000Z */

static const struct evs_repo_ops *const engines[] = {
	&evs_repo_borg_ops,
	&evs_repo_dir_ops,
};

const struct evs_repo_ops *evs_repo_engine(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}

int evs_repo_open(struct evs_repo *repo, const struct evs_config_repo *config,
		  struct evs_error *err)
{
	int ret;

	*repo = (struct evs_repo){ .config = config, .ops = config->ops };
	ret = repo->ops->open(repo, err);
	return ret ? evs_error_prefix(err, "repository %s", config->name) : 0;
}

void evs_repo_close(struct evs_repo *repo)
{
	repo->ops->close(repo);
	repo->engine = NULL;
}

static int prefix(const struct evs_repo *repo, const char *name, struct evs_error *err)
{
	return evs_error_prefix(err, "%s::%s", repo->config->name, name);
}

/* ---- the list ---- */

/* The name of a backup begins with its time, which no engine has to be asked for. */
static time_t get_made(const char *name)
{
	char text[EVS_DATE_SIZE];

	if (strlen(name) <= STAMP_LEN || name[8] != 'T' || name[STAMP_LEN - 1] != 'Z')
		return 0;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6,
		 name + 9, name + 11, name + 13);
	return (time_t)evs_date_read(text);
}

/* Is it BACKUP.token.N? */
static bool split_token(const char *archive, char name[EVS_BACKUP_SIZE], unsigned int *number)
{
	const char *mark = strstr(archive, TOKEN_MARK);
	unsigned long value;
	char *end;

	if (!mark || (size_t)(mark - archive) >= EVS_BACKUP_SIZE)
		return false;
	snprintf(name, EVS_BACKUP_SIZE, "%.*s", (int)(mark - archive), archive);
	value = strtoul(mark + strlen(TOKEN_MARK), &end, 10);
	*number = (unsigned int)value;
	return value && value < UINT32_MAX && !*end;
}

static bool take_comment(struct evs_backup_entry *entry, const char *text)
{
	json_object *comment;
	bool ours;

	*entry->id = '\0';
	*entry->disk = '\0';
	if (!text)
		return true;
	comment = evs_json_parse(text, strlen(text));
	ours = comment && !evs_json_text(comment, "id", entry->id, sizeof(entry->id)) &&
	       evs_uuid_valid(entry->id) &&
	       !evs_json_text(comment, "disk", entry->disk, sizeof(entry->disk));
	json_object_put(comment);
	return ours;
}

/* Those of the backups, and behind them those of tokens, which name their backup as well */
static int add_entry(void *arg, const struct evs_repo_archive *archive, struct evs_error *err)
{
	struct evs_backup_list *list = arg;
	struct evs_backup_entry *entry, found = {};

	if (!split_token(archive->name, found.name, &found.token)) {
		if (!evs_backup_name_valid(archive->name) || !take_comment(&found, archive->comment))
			return 0;
		strcpy(found.name, archive->name);
		found.made = get_made(archive->name);
	}
	entry = reallocarray(list->entry, list->count + 1, sizeof(*entry));
	if (!entry)
		return evs_error_set(err, ENOMEM, "out of memory");
	list->entry = entry;
	entry[list->count++] = found;
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct evs_backup_entry *one = a, *other = b;
	int names = strcmp(one->name, other->name);

	return names || one->token == other->token ? names : one->token < other->token ? -1 : 1;
}

/* Each token goes to its backup, which is right before them; the highest is the last. */
static void take_tokens(struct evs_backup_list *list)
{
	struct evs_backup_entry *backup = NULL;
	size_t i, count = 0;

	for (i = 0; i < list->count; i++) {
		if (!list->entry[i].token) {
			list->entry[count] = list->entry[i];
			backup = &list->entry[count++];
		} else if (backup && !strcmp(backup->name, list->entry[i].name)) {
			backup->token = list->entry[i].token;
		}
	}
	list->count = count;
}

int evs_repo_list(struct evs_repo *repo, struct evs_backup_list *list, struct evs_error *err)
{
	int ret;

	*list = (struct evs_backup_list){};
	ret = repo->ops->list(repo, add_entry, list, err);
	if (ret) {
		free(list->entry);
		*list = (struct evs_backup_list){};
		return evs_error_prefix(err, "repository %s", repo->config->name);
	}
	if (list->count)
		qsort(list->entry, list->count, sizeof(*list->entry), order);
	take_tokens(list);
	return 0;
}

/* ---- the manifest ---- */

int evs_repo_manifest(struct evs_repo *repo, const char *name, struct evs_manifest *manifest,
		      struct evs_error *err)
{
	char *text;
	int ret;

	ret = repo->ops->get(repo, name, EVS_REPO_MANIFEST, &text, err);
	if (ret == -ENOENT)
		return evs_error_set(err, ENOENT, "%s::%s: there is no such backup",
				     repo->config->name, name);
	if (ret)
		return prefix(repo, name, err);
	ret = evs_manifest_parse(manifest, text, err);
	free(text);
	if (!ret && strcmp(manifest->name, name)) {
		evs_manifest_free(manifest);
		ret = evs_error_set(err, EBADMSG, "its manifest is that of another backup");
	}
	return ret ? prefix(repo, name, err) : 0;
}

/* ---- tokens ---- */

/**
 * struct search - The newest token of a backup.
 * @name: the backup
 * @number: the highest so far
 */
struct search {
	const char *name;
	unsigned int number;
};

static int find_token(void *arg, const struct evs_repo_archive *archive, struct evs_error *err)
{
	struct search *search = arg;
	char name[EVS_BACKUP_SIZE];
	unsigned int number;

	(void)err;
	if (split_token(archive->name, name, &number) && !strcmp(name, search->name) &&
	    number > search->number)
		search->number = number;
	return 0;
}

static void token_name(char text[EVS_ARCHIVE_SIZE], const char *name, unsigned int number)
{
	snprintf(text, EVS_ARCHIVE_SIZE, "%s" TOKEN_MARK "%u", name, number);
}

static int read_token(struct evs_repo *repo, const char *name, unsigned int number,
		      struct evs_token *token, struct evs_error *err)
{
	char archive[EVS_ARCHIVE_SIZE], *text;
	int ret;

	token_name(archive, name, number);
	ret = repo->ops->get(repo, archive, EVS_REPO_TOKEN, &text, err);
	if (!ret) {
		ret = evs_token_from_json(token, text, err);
		free(text);
	}
	return ret ? prefix(repo, archive, err) : 0;
}

int evs_repo_token(struct evs_repo *repo, const char *name, struct evs_token *token,
		   unsigned int *number, struct evs_error *err)
{
	struct search search = { .name = name };
	int ret;

	*number = 0;
	ret = repo->ops->list(repo, find_token, &search, err);
	if (ret || !search.number)
		return ret;
	ret = read_token(repo, name, search.number, token, err);
	if (!ret)
		*number = search.number;
	return ret;
}

int evs_repo_protection(struct evs_repo *repo, struct evs_backup_entry *entry,
			struct evs_record *record, struct evs_error *err)
{
	struct evs_manifest manifest;
	struct evs_token token;
	int ret;

	*record = (struct evs_record){ .encrypted = true };
	/* A token tells what is asked, and is shorter than a manifest. */
	if (!entry->token || !*entry->id) {
		ret = evs_repo_manifest(repo, entry->name, &manifest, err);
		if (ret)
			return ret;
		*record = manifest.record;
		strcpy(entry->disk, manifest.disk);
		strcpy(entry->id, manifest.record.id);
		evs_manifest_free(&manifest);
	}
	strcpy(record->id, entry->id);
	ret = entry->token ? read_token(repo, entry->name, entry->token, &token, err) : 0;
	if (!ret && entry->token) {
		strcpy(record->kms, token.kms);
		strcpy(record->cmk, token.cmk);
	}
	return ret;
}

int evs_repo_add_token(struct evs_repo *repo, const char *name, unsigned int number,
		       const struct evs_token *token, struct evs_error *err)
{
	char archive[EVS_ARCHIVE_SIZE], json[EVS_TOKEN_JSON_MAX];
	int ret;

	token_name(archive, name, number);
	ret = evs_token_to_json(token, json, err);
	if (!ret)
		ret = repo->ops->put(repo, archive, json, err);
	return ret ? prefix(repo, archive, err) : 0;
}
