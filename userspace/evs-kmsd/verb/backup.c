// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "backup.h"
#include "restore.h"
#include "text.h"
#include "verb/verb.h"

#define RESURRECT_MAX 64

static int run_backup(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, NULL, "FILE", &conf, config);

	if (status >= 0)
		return status;
	return kmsd_backup_write(conf.database, argv[optind], &err) ? kmsd_verb_fail(&err) : 0;
}

static void say(const char *what, const char *id, const char *alias)
{
	evs_text_line(stdout, "%s: %s%s%s", what, id, alias[0] ? " " : "", alias);
}

static int run_restore(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	const char *wanted[RESURRECT_MAX];
	struct kmsd_restore restore = { .resurrect = wanted, .say = say };
	const struct kmsd_option options[] = {
		{ "resurrect", .text = wanted, .count = &restore.count, .room = RESURRECT_MAX }, {},
	};
	struct evs_error err = {};
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, options, "FILE", &conf, config);

	if (status >= 0)
		return status;
	restore.path = argv[optind];
	return kmsd_restore(&conf, &restore, &err) ? kmsd_verb_fail(&err) : 0;
}

const struct kmsd_verb kmsd_verb_backup = {
	.name = "backup",
	.args = "FILE",
	.brief = "back up the database, also while evs-kmsd runs",
	.help = "FILE does not contain the token with the root key. Back up the token separately, and\n"
		"keep it in another place.\n",
	.run = run_backup,
};

const struct kmsd_verb kmsd_verb_restore = {
	.name = "restore",
	.args = "[--resurrect ID|all]... FILE",
	.brief = "restore a backup with the token that it was made with",
	.help = "  --resurrect ID  restore this CMK, or all, although deleted since the backup\n"
		"\n"
		"Stop evs-kmsd first. Lists the CMKs that were made or deleted since the backup.\n"
		"An existing database is kept: only the CMKs of --resurrect are added to it.\n",
	.run = run_restore,
};
