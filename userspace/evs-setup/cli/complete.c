// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * complete: what the shell offers for the last word of a command line, out of the table of
 * verbs. The script of the shell, integration/bash-completion, knows nothing by itself.
 *
 * Nobody has asked for anything yet: no module is loaded, no device is opened, and a KMS
 * that takes its time is given up.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "config.h"
#include "evstab.h"
#include "kms/kms.h"
#include "out.h"
#include "repo/repo.h"
#include "secret.h"
#include "text.h"

#define FILES "@files"	/* the shell completes names of files itself */
#define SEPARATOR "::"	/* of a repository and its backup */
#define KMS_SECONDS 2

/**
 * struct line - The command line so far.
 * @verb: its verb
 * @last: the word to complete
 * @kms: what --kms names, or EVS_KMS_LOCAL
 * @operands: how many operands stand before @last
 * @pending: the option whose argument @last is, or NULL
 */
struct line {
	const struct verb *verb;
	const char *last;
	const char *kms;
	unsigned int operands;
	const struct verb_option *pending;
};

/* A word that the shell could take for something else is not offered. */
static void offer(const char *last, const char *word)
{
	if (!strncmp(word, last, strlen(last)) && !word[strcspn(word, " \t\n\\\"'`$&|;<>()*?[!#~")] &&
	    evs_text_valid(word))
		puts(word);
}

static void offer_files(const char *last, const char *pattern)
{
	glob_t found;
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		offer(last, found.gl_pathv[i]);
	globfree(&found);
}

static void offer_entries(const char *last)
{
	struct evs_error ignored = {};
	struct evstab tab;
	size_t i;

	if (evstab_load(&tab, &ignored))
		return;
	for (i = 0; i < tab.count; i++)
		if (!tab.entries[i].bad)
			offer(last, tab.entries[i].name);
	evstab_free(&tab);
}

static void offer_keys(const char *last, const struct evs_config_kms *endpoint)
{
	struct evs_config_kms quick = *endpoint;
	struct evs_error ignored = {};
	struct evs_cmk *cmks;
	struct evs_kms *kms;
	size_t i, count;

	if (quick.timeout > KMS_SECONDS)
		quick.timeout = KMS_SECONDS;
	alarm(2 * KMS_SECONDS);
	if (evs_kms_open(&kms, &quick, &ignored))
		return;
	if (!evs_kms_list_keys(kms, &cmks, &count, &ignored)) {
		for (i = 0; i < count; i++)
			offer(last, *cmks[i].alias ? cmks[i].alias : cmks[i].id);
		free(cmks);
	}
	evs_kms_close(kms);
	alarm(0);
}

/* Not what is in a pool: its engine would have to look at devices. */
static void offer_pools(const struct line *line, const struct evs_config *cfg, bool whole)
{
	char word[EVS_POOL_NAME_MAX + 2];
	size_t i;

	for (i = 0; i < cfg->pool_count; i++) {
		snprintf(word, sizeof(word), "%s%s", cfg->pools[i].name, whole ? "" : "/");
		offer(line->last, word);
	}
}

/* A repository may be far away, and the program that lists it goes with this one. */
static void offer_backups(const struct line *line, const struct evs_config_repo *config)
{
	char word[EVS_POOL_NAME_MAX + EVS_BACKUP_SIZE + sizeof(SEPARATOR)];
	struct evs_backup_list list = {};
	struct evs_error ignored = {};
	struct evs_repo repo;
	size_t i;

	alarm(2 * KMS_SECONDS);
	if (evs_repo_open(&repo, config, &ignored))
		return;
	if (!evs_repo_list(&repo, &list, &ignored))
		for (i = 0; i < list.count; i++) {
			snprintf(word, sizeof(word), "%s" SEPARATOR "%s", config->name,
				 list.entry[i].name);
			offer(line->last, word);
		}
	free(list.entry);
	evs_repo_close(&repo);
	alarm(0);
}

static void offer_repos(const struct line *line, const struct evs_config *cfg, bool whole)
{
	const char *end = strstr(line->last, SEPARATOR);
	char word[EVS_POOL_NAME_MAX + sizeof(SEPARATOR)];
	const char *name;
	size_t i;

	for (i = 0; i < cfg->repo_count; i++) {
		name = cfg->repos[i].name;
		snprintf(word, sizeof(word), "%s%s", name, whole ? "" : SEPARATOR);
		if (!end)
			offer(line->last, word);
		else if (strlen(name) == (size_t)(end - line->last) &&
			 !strncmp(name, line->last, strlen(name)))
			offer_backups(line, &cfg->repos[i]);
	}
}

/* Pools, repositories, the names of KMSs, or the CMKs of the one that the command line names */
static void offer_config(const struct line *line, enum verb_word word)
{
	const struct evs_config_kms *endpoint;
	struct evs_error ignored = {};
	struct evs_config cfg;
	size_t i;

	if (evs_process_harden(&ignored) || evs_config_load(&cfg, &ignored))
		return;
	for (i = 0; word == WORD_KMS && i < cfg.kms_count; i++)
		offer(line->last, cfg.kms[i].name);
	if (word == WORD_POOL || word == WORD_POOL_DISK)
		offer_pools(line, &cfg, word == WORD_POOL);
	if (word == WORD_REPO || word == WORD_BACKUP)
		offer_repos(line, &cfg, word == WORD_REPO);
	endpoint = evs_config_kms(&cfg, line->kms, &ignored);
	if (word == WORD_CMK && endpoint)
		offer_keys(line->last, endpoint);
	evs_config_free(&cfg);
}

static void offer_choices(const char *last, const char *choices)
{
	char word[32];
	size_t len;

	for (;; choices += len + 1) {
		len = strcspn(choices, "|");
		snprintf(word, sizeof(word), "%.*s", (int)len, choices);
		offer(last, word);
		if (!choices[len])
			return;
	}
}

/* The columns that are there already stay before the one that is offered. */
static void offer_columns(const struct line *line)
{
	const char *comma = strrchr(line->last, ',');
	int before = comma ? (int)(comma + 1 - line->last) : *line->last == '+';
	char word[512];
	size_t i;

	for (i = 0; i < line->verb->column_count; i++) {
		snprintf(word, sizeof(word), "%.*s%s", before, line->last,
			 line->verb->columns[i].name);
		offer(line->last, word);
	}
}

static void offer_word(const struct line *line, enum verb_word word, const char *name)
{
	switch (word) {
	case WORD_CHOICE:
		offer_choices(line->last, name);
		break;
	case WORD_FILE:
		puts(FILES);
		offer_config(line, WORD_POOL_DISK);
		break;
	case WORD_DISK:
		offer_files(line->last, "/dev/evs[0-9]*");
		offer_files(line->last, "/dev/evs/*");
		offer_config(line, WORD_POOL_DISK);
		break;
	case WORD_ENTRY:
		offer_entries(line->last);
		break;
	case WORD_KMS:
	case WORD_CMK:
	case WORD_POOL:
	case WORD_POOL_DISK:
	case WORD_REPO:
	case WORD_BACKUP:
		offer_config(line, word);
		break;
	case WORD_COLUMNS:
		offer_columns(line);
		break;
	default:
		break;
	}
}

/* The next words of verbs that begin with these */
static void offer_verbs(const char *last, int argc, char *argv[])
{
	const struct verb *verb;
	char word[48], before[48] = "";
	const char *rest;
	size_t i;
	int k;

	for (i = 0; (verb = verb_at(i)); i++) {
		if (!verb_in_group(verb, argc, argv))
			continue;
		rest = verb->name;
		for (k = 0; k < argc; k++)
			rest = strchr(rest, ' ') + 1;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(rest, " "), rest);
		/* Verbs of a group stand together in the table. */
		if (strcmp(word, before))
			offer(last, word);
		strcpy(before, word);
	}
}

static void offer_options(const struct line *line)
{
	const struct verb_option *option;
	char word[48];
	size_t i;

	for (i = 0; (option = cli_option_at(line->verb, i)); i++) {
		snprintf(word, sizeof(word), "--%s", option->name);
		offer(line->last, word);
	}
}

static const struct verb_option *find_option(const struct verb *verb, const char *word)
{
	const struct verb_option *option;
	size_t i;

	for (i = 0; (option = cli_option_at(verb, i)); i++)
		if ((!strncmp(word, "--", 2) && !strcmp(word + 2, option->name)) ||
		    (option->value < VERB_LONG(0) && word[0] == '-' && word[1] == option->value &&
		     !word[2]))
			return option;
	return NULL;
}

static void read_line(struct line *line, int argc, char *argv[])
{
	int i;

	for (i = 0; i < argc; i++) {
		if (line->pending) {
			if (line->pending->word == WORD_KMS)
				line->kms = argv[i];
			line->pending = NULL;
		} else if (*argv[i] == '-') {
			line->pending = find_option(line->verb, argv[i]);
			if (line->pending && !line->pending->arg)
				line->pending = NULL;
		} else {
			line->operands++;
		}
	}
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct line line = { .kms = EVS_KMS_LOCAL };
	int words = 0;

	if (cli_option(argc, argv, err) < 0)
		return -err->errnum;
	out_own();
	argc -= optind;
	argv += optind;
	if (!argc)
		return 0;
	line.last = argv[--argc];
	line.verb = verb_find(argc, argv, &words);
	if (!line.verb || line.verb->operands[0] == WORD_VERB) {
		offer_verbs(line.last, argc - words, argv + words);
		return 0;
	}
	read_line(&line, argc - words, argv + words);
	if (line.pending)
		offer_word(&line, line.pending->word, line.pending->arg);
	else if (*line.last == '-')
		offer_options(&line);
	else if (line.operands < VERB_OPERANDS_MAX)
		offer_word(&line, line.verb->operands[line.operands], "");
	return 0;
}

const struct verb verb_complete = {
	.name = "complete",
	.args = "-- [WORD...]",
	.brief = "print what the last word of a command line may become",
	.hidden = true,
	.run = run,
};
