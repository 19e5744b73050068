// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "audit/audit.h"
#include "text.h"
#include "verb/verb.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{},
};

/* Reads the command line and the configuration. Returns 0, or -1 to end with @status. */
static int begin(const struct kmsd_verb *verb, struct kmsd_conf *conf, const char *config,
		 int argc, char **argv, int *status)
{
	if (kmsd_verb_option(verb, argc, argv, options, status) == -2)
		return -1;
	if (optind < argc)
		*status = kmsd_verb_usage(verb, "%s: unexpected argument", argv[optind]);
	else
		*status = kmsd_verb_conf(conf, config);
	return *status ? -1 : 0;
}

static int run_show(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	int status = 0;

	if (begin(verb, &conf, config, argc, argv, &status))
		return status;
	return kmsd_audit_show(conf.audit, &err) ? kmsd_verb_fail(&err) : 0;
}

static int run_verify(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	int64_t count = 0;
	int status = 0, ret;

	if (begin(verb, &conf, config, argc, argv, &status))
		return status;
	ret = kmsd_audit_verify(conf.audit, conf.database, &count, &err);
	if (ret) {
		status = kmsd_verb_fail(&err);
		return ret == -EBADMSG ? KMSD_EXIT_BROKEN : status;
	}
	evs_text_line(stdout, "%s: %lld records, the chain is whole", conf.audit,
		      (long long)count);
	return 0;
}

const struct kmsd_verb kmsd_verb_audit_show = {
	.name = "audit show",
	.args = "",
	.brief = "print the audit log",
	.help = "  --help  show this text\n"
		"\n"
		"Prints one line for each record, oldest first.\n",
	.run = run_show,
};

const struct kmsd_verb kmsd_verb_audit_verify = {
	.name = "audit verify",
	.args = "",
	.brief = "check that no record of the audit log was changed or removed",
	.help = "  --help  show this text\n"
		"\n"
		"Exits 2 and names the line when a record was changed or removed.\n",
	.run = run_verify,
};
