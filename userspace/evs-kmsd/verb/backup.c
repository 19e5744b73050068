// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "backup.h"
#include "restore.h"
#include "text.h"
#include "verb/verb.h"

#define RESURRECT_MAX 64

int kmsd_verb_backup(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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

int kmsd_verb_restore(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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
