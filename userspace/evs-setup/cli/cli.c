// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capability.h"
#include "cli.h"
#include "text.h"

int cli_may_run(const struct verb *verb, struct evs_error *err)
{
	if (verb->needs == VERB_NEEDS_ROOT && geteuid())
		return evs_error_set(err, EPERM, "must be run as root");
	if (verb->needs == VERB_NEEDS_ADMIN && !evs_capable(CAP_SYS_ADMIN))
		return evs_error_set(err, EPERM,
				     "must be run as root: the driver asks for CAP_SYS_ADMIN");
	return 0;
}

static enum cli_exit class_exit_status(const struct evs_error *err)
{
	switch (err->class) {
	case EVS_CLASS_CMK_DISABLED:
	case EVS_CLASS_CMK_PENDING_DELETION:
	case EVS_CLASS_CMK_DELETED:
	case EVS_CLASS_CMK_NO_MATERIAL:
	case EVS_CLASS_NO_PERMISSION:
	case EVS_CLASS_BAD_CREDENTIALS:
	case EVS_CLASS_WRONG_KEY:
	case EVS_CLASS_TAMPERED:
	case EVS_CLASS_DEFAULT_KEY_FORBIDDEN:
	case EVS_CLASS_QUOTA:
		return CLI_EXIT_REFUSED;
	case EVS_CLASS_KMS_UNREACHABLE:
	case EVS_CLASS_KMS_BUSY:
	case EVS_CLASS_PROTOCOL:
		return CLI_EXIT_UNREACHABLE;
	case EVS_CLASS_ALIAS_EXISTS:
		return CLI_EXIT_BUSY;
	case EVS_CLASS_BAD_REQUEST:
		/* Without a code it was found to be bad before the KMS saw it. */
		return err->code[0] ? CLI_EXIT_REFUSED : CLI_EXIT_USAGE;
	default:
		return CLI_EXIT_INTERNAL;
	}
}

static enum cli_exit errno_exit_status(int errnum)
{
	switch (errnum) {
	case 0:
		return CLI_EXIT_OK;
	case EINVAL:
	case ERANGE:
	case ENAMETOOLONG:
		return CLI_EXIT_USAGE;
	case EPERM:
	case EACCES:
	case EROFS:
	case EOPNOTSUPP:
	case ENOSPC:
	case ECANCELED:
	case ENOKEY:
	case EKEYREVOKED:
	case EKEYEXPIRED:
	case EKEYREJECTED:
		return CLI_EXIT_REFUSED;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ENOTBLK:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case EMEDIUMTYPE:
	case ENOMEDIUM:
	case EUCLEAN:
	case EBADMSG:
	case EPROTONOSUPPORT:
		return CLI_EXIT_NO_DISK;
	case EIO:
		return CLI_EXIT_IO;
	case EALREADY:
	case EBUSY:
	case EEXIST:
	case ETXTBSY:
		return CLI_EXIT_BUSY;
	case ENOPKG:
	case EPROTO:
	case EAGAIN:
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return CLI_EXIT_UNREACHABLE;
	default:
		return CLI_EXIT_INTERNAL;
	}
}

enum cli_exit cli_exit_status(const struct evs_error *err)
{
	if (err->class != EVS_CLASS_NONE)
		return class_exit_status(err);
	return errno_exit_status(err->errnum);
}

static const struct verb_option table_options[] = {
	{ "output", 'o', "COLUMNS", WORD_COLUMNS,
	  "print these columns, separated by commas; with a leading\n"
	  "+, print them after the default ones" },
	{ "noheadings", 'n', NULL, WORD_NONE, "print no headings" },
	{ "raw", 'r', NULL, WORD_NONE, "separate columns with one blank; blanks in values\n"
	  "become \\x20" },
	{ "bytes", 'b', NULL, WORD_NONE, "print sizes in bytes" },
	{},
};

static const struct verb_option common_options[] = {
	{ "json", 'J', NULL, WORD_NONE, "print JSON, also for an error" },
	{ "quiet", 'q', NULL, WORD_NONE, "print no notes and warnings" },
	{ "verbose", 'v', NULL, WORD_NONE, "print each call of a KMS on standard error" },
	{ "help", 'h', NULL, WORD_NONE, "print this help" },
	{},
};

/* The verb that runs, and what all verbs have in common of its command line */
static const struct verb *running;
static struct cli_settings settings;

const struct cli_settings *cli_settings(void)
{
	return &settings;
}

void cli_note(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	if (settings.quiet)
		return;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	evs_text_line(stderr, "evs-setup: %s", text);
	free(text);
}

const struct verb_option *cli_option_at(const struct verb *verb, size_t index)
{
	const struct verb_option *const lists[] = {
		verb->options, verb->columns ? table_options : NULL, common_options,
	};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct verb_option *option = lists[i];

		for (; option && option->name; option++)
			if (!index--)
				return option;
	}
	return NULL;
}

static bool is_listed(const struct verb_option *options, int value)
{
	for (; options->name; options++)
		if (options->value == value)
			return true;
	return false;
}

/* As getopt_long() returns it */
static int next_option(int argc, char *argv[])
{
	struct option options[VERB_OPTIONS_MAX + 1] = {};
	char letters[2 * VERB_OPTIONS_MAX + 2] = ":", *end = letters + 1;
	const struct verb_option *option;
	size_t i;

	for (i = 0; i < VERB_OPTIONS_MAX && (option = cli_option_at(running, i)); i++) {
		options[i].name = option->name;
		options[i].has_arg = option->arg ? required_argument : no_argument;
		options[i].val = option->value;
		if (option->value >= VERB_LONG(0))
			continue;
		*end++ = (char)option->value;
		if (option->arg)
			*end++ = ':';
	}
	opterr = 0;
	return getopt_long(argc, argv, letters, options, NULL);
}

static int bad_option(int opt, char *argv[], struct evs_error *err)
{
	const struct verb_option *option;
	size_t i;

	if (opt == ':')
		return evs_error_set(err, EINVAL, "option %s needs an argument", argv[optind - 1]);
	if (!optopt)
		return evs_error_set(err, EINVAL, "unknown option %s", argv[optind - 1]);
	/* A long option that takes no argument and got one leaves its value there. */
	for (i = 0; (option = cli_option_at(running, i)); i++)
		if (option->value == optopt)
			return evs_error_set(err, EINVAL, "option %s takes no argument",
					     argv[optind - 1]);
	return evs_error_set(err, EINVAL, "unknown option -%c", optopt);
}

static void take_setting(int opt)
{
	switch (opt) {
	case 'h':
		settings.help = true;
		break;
	case 'J':
		settings.json = true;
		break;
	case 'q':
		settings.quiet = true;
		break;
	case 'v':
		settings.verbose = true;
		break;
	case 'r':
		settings.raw = true;
		break;
	case 'b':
		settings.bytes = true;
		break;
	case 'n':
		settings.no_headings = true;
		break;
	default:
		settings.columns = optarg;
	}
}

static bool is_setting(int opt)
{
	return is_listed(common_options, opt) || (running->columns && is_listed(table_options, opt));
}

int cli_begin(const struct verb *verb, int argc, char *argv[], struct evs_error *err)
{
	struct evs_error later, *why = err;
	int opt;

	running = verb;
	settings = (struct cli_settings){};
	optind = 0;	/* glibc: begin anew */
	/* Behind a mistake there may be --json, as which the mistake is told then. */
	while ((opt = next_option(argc, argv)) != -1) {
		if (opt == ':' || opt == '?') {
			bad_option(opt, argv, why);
			why = &later;
		} else if (is_setting(opt)) {
			take_setting(opt);
		}
	}
	optind = 0;
	return -err->errnum;
}

int cli_option(int argc, char *argv[], struct evs_error *err)
{
	int opt;

	do {
		opt = next_option(argc, argv);
		if (opt == ':' || opt == '?')
			return bad_option(opt, argv, err);
	} while (opt != -1 && is_setting(opt));
	return opt == -1 ? 0 : opt;
}

int cli_operand(int argc, char *argv[], const char *what, const char **operand,
		struct evs_error *err)
{
	if (optind == argc || !*argv[optind])
		return evs_error_set(err, EINVAL, "%s is missing", what);
	if (optind + 1 < argc)
		return evs_error_set(err, EINVAL, "unexpected argument %s: one %s at a time",
				     argv[optind + 1], what);
	*operand = argv[optind];
	return 0;
}

int cli_no_operand(int argc, char *argv[], struct evs_error *err)
{
	if (optind < argc)
		return evs_error_set(err, EINVAL, "unexpected argument %s", argv[optind]);
	return 0;
}

int cli_bytes(const char *option, const char *text, uint64_t *bytes, struct evs_error *err)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t unit = 1;
	char *end;

	errno = 0;
	*bytes = strtoull(text, &end, 10);
	/* strtoull() takes signs and blanks as well. */
	if (errno || *text < '0' || *text > '9')
		goto bad;
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			goto bad;
		unit = UINT64_C(1) << (10 * (suffix - suffixes + 1));
	}
	if (__builtin_mul_overflow(*bytes, unit, bytes))
		goto bad;
	return 0;
bad:
	return evs_error_set(err, EINVAL, "%s %s: not a number of bytes (with K, M, G or T)",
			     option, text);
}

int cli_days(const char *what, const char *text, unsigned int from, unsigned int to,
	     unsigned int *days, struct evs_error *err)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < from || value > to)
		return evs_error_set(err, EINVAL, "%s %s: must be %u to %u days", what, text, from,
				     to);
	*days = (unsigned int)value;
	return 0;
}

int cli_sector_size(const char *text, unsigned int *size, struct evs_error *err)
{
	if (strcmp(text, "512") == 0)
		*size = 512;
	else if (strcmp(text, "4096") == 0)
		*size = 4096;
	else
		return evs_error_set(err, EINVAL, "--sector-size %s: must be 512 or 4096", text);
	return 0;
}

int cli_serial(const char *text, int32_t *serial, struct evs_error *err)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || !value || value > INT32_MAX)
		return evs_error_set(err, EINVAL, "--key %s: not the serial number of a key", text);
	*serial = (int32_t)value;
	return 0;
}

int cli_text(const char *option, char *text, size_t size, struct evs_error *err)
{
	if (!*optarg || strlen(optarg) >= size)
		return evs_error_set(err, EINVAL, "%s %.64s: empty or longer than %zu bytes", option,
				     optarg, size - 1);
	if (!evs_text_valid(optarg))
		return evs_error_set(err, EINVAL, "%s %s: must be UTF-8 without control characters",
				     option, optarg);
	strcpy(text, optarg);
	return 0;
}
