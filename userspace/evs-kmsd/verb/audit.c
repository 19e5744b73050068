// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/audit.h"
#include "clock.h"
#include "date.h"
#include "text.h"
#include "verb/verb.h"

int kmsd_verb_audit_show(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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

int kmsd_verb_audit_verify(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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

int kmsd_verb_audit_rotate(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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
