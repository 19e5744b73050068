// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "text.h"
#include "verb/verb.h"

#define OPTIONS_MAX 8
#define HELP 256

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

/* Takes the value of an option, or notes that it is there. */
static int take(const struct kmsd_verb *verb, const struct kmsd_option *o)
{
	if (!o->text)
		*o->flag = true;
	else if (!o->count)
		*o->text = optarg;
	else if (*o->count < o->room)
		o->text[(*o->count)++] = optarg;
	else
		return kmsd_verb_usage(verb, "--%s: more than %zu", o->name, o->room);
	return -1;
}

int kmsd_verb_parse(const struct kmsd_verb *verb, int argc, char **argv,
		    const struct kmsd_option *options, const char *operand)
{
	struct option known[OPTIONS_MAX + 2] = { { "help", no_argument, NULL, HELP } };
	int opt, n, status = -1;

	for (n = 0; options && options[n].name; n++)
		known[n + 1] = (struct option){ options[n].name, !!options[n].text, NULL, n };
	while (status < 0 && (opt = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (opt < n) {
			status = take(verb, &options[opt]);
		} else if (opt == HELP) {
			printf("Usage: evs-kmsd [--config FILE] %s%s%s\n\n%s", verb->name,
			       verb->args[0] ? " " : "", verb->args, verb->help);
			status = 0;
		} else {
			status = kmsd_verb_usage(verb,
						 "%s: unknown option, or without its argument",
						 argv[optind - 1]);
		}
	}
	if (status >= 0 || !operand)
		return status;
	n = argc - optind;
	if (*operand)
		return n == 1 ? -1 : kmsd_verb_usage(verb, "one %s is needed", operand);
	return !n ? -1 : kmsd_verb_usage(verb, "%s: unexpected argument", argv[optind]);
}

int kmsd_verb_fail(const struct evs_error *err)
{
	kmsd_log("%s", err->text);
	switch (err->errnum) {
	case EBADMSG:
		return KMSD_EXIT_BROKEN;
	case EBUSY:
	case EADDRINUSE:
	case EEXIST:
		return KMSD_EXIT_BUSY;
	default:
		return KMSD_EXIT_FAILED;
	}
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

int kmsd_verb_begin(const struct kmsd_verb *verb, int argc, char **argv,
		    const struct kmsd_option *options, const char *operand,
		    struct kmsd_conf *conf, const char *config)
{
	int status = kmsd_verb_parse(verb, argc, argv, options, operand);

	if (status >= 0)
		return status;
	status = kmsd_verb_conf(conf, config);
	return status ? status : -1;
}
