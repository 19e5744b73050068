// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "clock.h"
#include "date.h"
#include "text.h"
#include "verb/verb.h"

static int run_show(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct kmsd_filter filter = {};
	const char *since = NULL;
	const struct kmsd_option options[] = {
		{ "json", .flag = &filter.json }, { "since", .text = &since },
		{ "cmk", .text = &filter.cmk }, { "volume", .text = &filter.volume }, {},
	};
	struct evs_error err = {};
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, options, NULL, &conf, config);

	if (status >= 0)
		return status;
	if (since && evs_date_parse(since, &filter.since, &err))
		return kmsd_verb_usage(verb, "--since %s", err.text);
	filter.since *= KMSD_SECOND_MS;
	if (optind == argc)
		return kmsd_audit_show(conf.audit, &filter, &err) ? kmsd_verb_fail(&err) : 0;
	for (; optind < argc; optind++)
		if (kmsd_audit_show(argv[optind], &filter, &err))
			return kmsd_verb_fail(&err);
	return 0;
}

static int run_verify(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct evs_error err = {};
	struct kmsd_span span = {};
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, NULL, NULL, &conf, config);

	if (status >= 0)
		return status;
	if (kmsd_audit_verify(conf.audit, argv + optind, (size_t)(argc - optind), conf.database,
			      &span, &err))
		return kmsd_verb_fail(&err);
	if (span.last < span.first)
		evs_text_line(stdout, "%s: no records", conf.audit);
	else
		evs_text_line(stdout, "%s: records %lld to %lld, the chain is whole", conf.audit,
			      (long long)span.first, (long long)span.last);
	return 0;
}

static int run_rotate(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct evs_error err = {};
	char renamed[PATH_MAX];
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, NULL, "", &conf, config);

	if (status >= 0)
		return status;
	if (kmsd_audit_rotate(conf.audit, conf.database, renamed, &err))
		return kmsd_verb_fail(&err);
	evs_text_line(stdout, "%s", renamed);
	return 0;
}

const struct kmsd_verb kmsd_verb_audit_show = {
	.name = "audit show",
	.args = "[OPTION...] [FILE...]",
	.brief = "print the audit log",
	.help = "  --json         print records as JSON, one on a line\n"
		"  --since TIME   print records from this time on (UTC), such as 2026-11-30 or\n"
		"                 2026-11-30T06:00:00Z\n"
		"  --cmk ID       print records about this CMK\n"
		"  --volume UUID  print records about this volume\n"
		"\n"
		"Prints one line for each record, oldest first. Reads the log, or the FILEs that it\n"
		"was rotated to.\n",
	.run = run_show,
};

const struct kmsd_verb kmsd_verb_audit_verify = {
	.name = "audit verify",
	.args = "[FILE...]",
	.brief = "check that no record of the audit log was changed or removed",
	.help = "To check rotated logs as well, name them as FILEs, in any order.\n"
		"Exits 2 and names the line when a record was changed or removed.\n",
	.run = run_verify,
};

const struct kmsd_verb kmsd_verb_audit_rotate = {
	.name = "audit rotate",
	.args = "",
	.brief = "begin a new audit log and keep the old one under another name",
	.help = "Prints the new name of the old log. The first record of the new log holds the number\n"
		"and the hash of the last record of the old one.\n",
	.run = run_rotate,
};
