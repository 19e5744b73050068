// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "text.h"
#include "verb/verb.h"

int kmsd_verb_usage(const struct kmsd_verb *verb, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	kmsd_log("%s", text);
	evs_text_line(stderr, "Try: evs-kmsd%s%s --help", verb ? " " : "", verb ? verb->name : "");
	return KMSD_EXIT_USAGE;
}

int kmsd_verb_option(const struct kmsd_verb *verb, int argc, char **argv,
		     const struct option *options, int *status)
{
	int opt = getopt_long(argc, argv, "", options, NULL);

	if (opt == 'h') {
		printf("Usage: evs-kmsd [--config FILE] %s%s%s\n\n%s", verb->name,
		       verb->args[0] ? " " : "", verb->args, verb->help);
		*status = 0;
		return -2;
	}
	if (opt != '?')
		return opt;
	*status = kmsd_verb_usage(verb, "%s: unknown option, or without its argument",
				  argv[optind - 1]);
	return -2;
}

int kmsd_verb_fail(const struct evs_error *err)
{
	kmsd_log("%s", err->text);
	return err->errnum == EBUSY || err->errnum == EADDRINUSE ? KMSD_EXIT_BUSY
							       : KMSD_EXIT_FAILED;
}

int kmsd_verb_conf(struct kmsd_conf *conf, const char *config)
{
	struct evs_error err = {};
	int ret = kmsd_conf_load(conf, config, &err);

	if (ret == -ENOENT) {
		kmsd_log("%s", err.text);
		return KMSD_EXIT_NOT_SET_UP;
	}
	return ret ? kmsd_verb_fail(&err) : 0;
}
