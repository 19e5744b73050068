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

static int add_entry(void *arg, const struct evs_repo_archive *archive, struct evs_error *err)
{
	struct evs_backup_list *list = arg;
	struct evs_backup_entry *entry;

	if (!evs_backup_name_valid(archive->name))
		return 0;
	entry = reallocarray(list->entry, list->count + 1, sizeof(*entry));
	if (!entry)
		return evs_error_set(err, ENOMEM, "out of memory");
	list->entry = entry;
	entry += list->count;
	if (!take_comment(entry, archive->comment))
		return 0;
	strcpy(entry->name, archive->name);
	entry->made = get_made(archive->name);
	list->count++;
	return 0;
}

static int order(const void *a, const void *b)
{
	return strcmp(((const struct evs_backup_entry *)a)->name,
		      ((const struct evs_backup_entry *)b)->name);
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
	size_t len = strlen(((struct search *)arg)->name);
	struct search *search = arg;
	unsigned long number;
	char *end;

	(void)err;
	if (strncmp(archive->name, search->name, len) ||
	    strncmp(archive->name + len, TOKEN_MARK, strlen(TOKEN_MARK)))
		return 0;
	number = strtoul(archive->name + len + strlen(TOKEN_MARK), &end, 10);
	if (!*end && number > search->number && number < UINT32_MAX)
		search->number = (unsigned int)number;
	return 0;
}

static void token_name(char text[EVS_ARCHIVE_SIZE], const char *name, unsigned int number)
{
	snprintf(text, EVS_ARCHIVE_SIZE, "%s" TOKEN_MARK "%u", name, number);
}

int evs_repo_token(struct evs_repo *repo, const char *name, struct evs_token *token,
		   unsigned int *number, struct evs_error *err)
{
	struct search search = { .name = name };
	char archive[EVS_ARCHIVE_SIZE], *text;
	int ret;

	*number = 0;
	ret = repo->ops->list(repo, find_token, &search, err);
	if (ret || !search.number)
		return ret ? prefix(repo, name, err) : 0;
	token_name(archive, name, search.number);
	ret = repo->ops->get(repo, archive, EVS_REPO_TOKEN, &text, err);
	if (!ret) {
		ret = evs_token_from_json(token, text, err);
		free(text);
	}
	if (ret)
		return prefix(repo, archive, err);
	*number = search.number;
	return 0;
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
