// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms/json.h"
#include "pool/record.h"
#include "repo/borg/borg.h"

#define STATE "/var/lib/evs"
#define NO_KEY "none"
#define MEMORY_CHUNK 128	/* what borg keeps in memory for each chunk, about */

static bool is_chunk(const char *value)
{
	return !strcmp(value, "64K") || !strcmp(value, "128K") || !strcmp(value, "256K") ||
	       !strcmp(value, "512K") || !strcmp(value, "1M");
}

static bool is_place(const char *value)
{
	return evs_config_is_path(value) || (!strncmp(value, "ssh://", 6) && value[6] &&
					     evs_config_is_text(value) && !strpbrk(value, " \t"));
}

static bool is_key(const char *value)
{
	return !strcmp(value, NO_KEY) || evs_config_is_path(value);
}

static const struct evs_config_key keys[] = {
	{ "path", is_place, "be an absolute path or ssh://[USER@]HOST[:PORT]/PATH", true },
	{ "key-file", is_key, "be an absolute path, or " NO_KEY, true },
	{ "chunk", is_chunk, "be 64K, 128K, 256K, 512K or 1M", false },
	{},
};

/* ---- opening ---- */

/* Whoever can read it can put another backup in the place of one. */
static int check_key(const char *path, struct evs_error *err)
{
	struct stat st;

	if (!strcmp(path, NO_KEY))
		return 0;
	if (lstat(path, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return evs_error_set(err, EPERM,
				     "%s: must be a file that only its owner, root, can read: chmod 600",
				     path);
	return 0;
}

static int check_path(const char *path, struct evs_error *err)
{
	struct stat st;

	/* Over ssh, that is told by what is done first. */
	if (*path != '/')
		return 0;
	if (stat(path, &st))
		return evs_error_set(err, errno, "%s: %m; make it by: borg init -e authenticated-blake2 %s",
				     path, path);
	return 0;
}

static int make_state(struct evs_error *err)
{
	if ((mkdir(STATE, 0755) && errno != EEXIST) || (mkdir(BORG_STATE, 0700) && errno != EEXIST))
		return evs_error_set(err, errno, BORG_STATE ": %m");
	return 0;
}

static void set_variables(struct evs_repo_borg *borg, const char *key)
{
	char (*text)[sizeof(borg->variables[0])] = borg->variables;
	char maker[EVS_MAKER_SIZE];
	size_t i, count = BORG_VARIABLES;

	snprintf(text[0], sizeof(*text), "BORG_BASE_DIR=" BORG_STATE);
	snprintf(text[1], sizeof(*text), "BORG_RSH=ssh -oBatchMode=yes");
	snprintf(text[2], sizeof(*text), "BORG_RELOCATED_REPO_ACCESS_IS_OK=no");
	/* It is one for borg where it authenticates alone: what is in it is encrypted already. */
	snprintf(text[3], sizeof(*text), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes");
	snprintf(text[4], sizeof(*text), "BORG_DISPLAY_PASSPHRASE=no");
	if (!strcmp(key, NO_KEY))
		snprintf(text[5], sizeof(*text), "BORG_PASSPHRASE=");
	else
		snprintf(text[5], sizeof(*text), "BORG_PASSCOMMAND=cat %s", key);
	/*
	 * By itself it takes the address of a network interface for that, which a container's
	 * may come before, and then does not know a lock for its own that a killed one left.
	 */
	if (evs_record_maker(maker))
		count--;
	else
		snprintf(text[6], sizeof(*text), "BORG_HOST_ID=evs-%s", strchr(maker, ':') + 1);
	for (i = 0; i < count; i++)
		borg->environment[i] = text[i];
}

static unsigned long chunk_size(const struct evs_config_repo *config)
{
	const char *chunk = evs_config_repo_get(config, "chunk");
	unsigned long kib = chunk ? strtoul(chunk, NULL, 10) : EVS_CHUNK >> 10;

	return kib == 1 ? 1UL << 20 : kib << 10;
}

static uint64_t memory(const struct evs_config_repo *config, uint64_t bytes)
{
	return bytes / chunk_size(config) * MEMORY_CHUNK;
}

static int open_borg(struct evs_repo *repo, struct evs_error *err)
{
	const char *key = evs_config_repo_get(repo->config, "key-file");
	struct evs_repo_borg *borg = calloc(1, sizeof(*borg));

	if (!borg)
		return evs_error_set(err, ENOMEM, "out of memory");
	borg->path = evs_config_repo_get(repo->config, "path");
	if (check_key(key, err) || check_path(borg->path, err) || make_state(err)) {
		free(borg);
		return -err->errnum;
	}
	snprintf(borg->chunk, sizeof(borg->chunk), "fixed,%lu", chunk_size(repo->config));
	set_variables(borg, key);
	repo->engine = borg;
	return 0;
}

static void close_borg(struct evs_repo *repo)
{
	evs_borg_drop(repo->engine);
	free(repo->engine);
}

/* ---- archives ---- */

static int give(json_object *archive, evs_repo_archive_fn *each, void *arg, struct evs_error *err)
{
	const char *name = json_object_get_string(json_object_object_get(archive, "archive"));
	const char *comment = json_object_get_string(json_object_object_get(archive, "comment"));
	struct evs_repo_archive found = { .name = name, .comment = comment ? comment : "" };

	return name && strlen(name) < EVS_ARCHIVE_SIZE ? each(arg, &found, err) : 0;
}

static int list(struct evs_repo *repo, evs_repo_archive_fn *each, void *arg,
		struct evs_error *err)
{
	json_object *root, *archives = NULL;
	char *output;
	size_t i;
	int ret;

	ret = evs_borg_list(repo->engine, &output, err);
	if (ret)
		return ret;
	root = evs_json_parse(output, strlen(output));
	free(output);
	if (root)
		archives = json_object_object_get(root, "archives");
	if (!archives || !json_object_is_type(archives, json_type_array))
		ret = evs_error_set(err, EPROTO, "borg: its list cannot be understood");
	for (i = 0; !ret && i < json_object_array_length(archives); i++)
		ret = give(json_object_array_get_idx(archives, i), each, arg, err);
	json_object_put(root);
	return ret;
}

/**
 * struct removal - The archives of a backup that goes.
 * @name: the backup
 * @argv: arguments of borg
 * @count: how many
 * @err: filled on failure
 */
struct removal {
	const char *name;
	const char **argv;
	size_t count;
};

static int note_token(void *arg, const struct evs_repo_archive *archive, struct evs_error *err)
{
	struct removal *removal = arg;
	size_t len = strlen(removal->name);
	const char **argv;

	if (strncmp(archive->name, removal->name, len) || archive->name[len] != '.')
		return 0;
	argv = reallocarray(removal->argv, removal->count + 2, sizeof(*argv));
	if (!argv)
		return evs_error_set(err, ENOMEM, "out of memory");
	removal->argv = argv;
	argv[removal->count] = strdup(archive->name);
	if (!argv[removal->count])
		return evs_error_set(err, ENOMEM, "out of memory");
	argv[++removal->count] = NULL;
	return 0;
}

static int remove_backup(struct evs_repo *repo, const char *name, struct evs_error *err)
{
	const struct evs_repo_borg *borg = repo->engine;
	const char *const begin[] = { "borg", "delete", "--lock-wait", "60", NULL };
	const char *const compact[] = { "borg", "compact", "--lock-wait", "60", borg->path, NULL };
	struct removal removal = { .name = name, .count = 5 };
	char archive[BORG_ARCHIVE_SIZE];
	size_t i;
	int ret;

	removal.argv = calloc(removal.count + 1, sizeof(*removal.argv));
	if (!removal.argv)
		return evs_error_set(err, ENOMEM, "out of memory");
	memcpy(removal.argv, begin, sizeof(begin));
	evs_borg_archive(borg, name, archive);
	removal.argv[4] = archive;
	ret = list(repo, note_token, &removal, err);
	if (!ret)
		ret = evs_borg_call(borg, removal.argv, NULL, err);
	/* Only that releases space. */
	if (!ret && evs_borg_call(borg, compact, NULL, err))
		ret = evs_error_prefix(err, "is deleted, but its space is not released");
	for (i = 5; i < removal.count; i++)
		free((void *)removal.argv[i]);
	free(removal.argv);
	return ret;
}

const struct evs_repo_ops evs_repo_borg_ops = {
	.name = "borg",
	.keys = keys,
	.memory = memory,
	.open = open_borg,
	.close = close_borg,
	.list = list,
	.put = evs_borg_put,
	.get = evs_borg_get,
	.create = evs_borg_create,
	.ahead = evs_borg_ahead,
	.read = evs_borg_read,
	.remove = remove_backup,
};
