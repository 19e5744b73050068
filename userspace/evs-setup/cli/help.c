// SPDX-License-Identifier: GPL-2.0-or-later
/* help, version: what the table of verbs says, for people */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "help.h"
#include "out.h"
#include "version.h"

#define LEFT_MAX 26	/* the most columns that options take on the left */

static void print_verbs(FILE *out, int argc, char *argv[])
{
	const struct verb *verb;
	size_t i;

	fputs("Verbs:\n", out);
	for (i = 0; (verb = verb_at(i)); i++)
		if (verb_in_group(verb, argc, argv))
			fprintf(out, "  %-22s  %s\n", verb->name, verb->brief);
}

static void print_program(FILE *out)
{
	fputs("Usage: evs-setup VERB [OPTION...] [ARGUMENT...]\n"
	      "       evs-setup help [VERB]\n"
	      "       evs-setup --version\n"
	      "\n"
	      "Manage encrypted disks whose keys come from a Key Management Service.\n"
	      "\n",
	      out);
	print_verbs(out, 0, NULL);
	fputs("\nSee evs-setup(8).\n", out);
}

void help_group(FILE *out, int argc, char *argv[])
{
	int i;

	if (!argc) {
		print_program(out);
		return;
	}
	fputs("Usage: evs-setup", out);
	for (i = 0; i < argc; i++)
		fprintf(out, " %s", argv[i]);
	fputs(" VERB [OPTION...] [ARGUMENT...]\n\n", out);
	print_verbs(out, argc, argv);
}

/* "-f, --file FILE"; returns how many columns that takes */
static int left_side(char *text, size_t size, const struct verb_option *option)
{
	char letter[8] = "    ";

	if (option->value < VERB_LONG(0))
		snprintf(letter, sizeof(letter), "-%c, ", option->value);
	return snprintf(text, size, "%s--%s%s%s", letter, option->name, option->arg ? " " : "",
			option->arg ? option->arg : "");
}

static void print_option(const struct verb_option *option, int width)
{
	const char *line = option->help;
	char left[64];
	size_t len;

	if (left_side(left, sizeof(left), option) > width) {
		printf("  %s\n", left);
		*left = '\0';
	}
	for (;;) {
		len = strcspn(line, "\n");
		printf("  %-*s  %.*s\n", width, left, (int)len, line);
		if (!line[len])
			return;
		line += len + 1;
		*left = '\0';
	}
}

void help_verb(const struct verb *verb)
{
	const struct verb_option *option;
	char left[64];
	int len, width = 0;
	size_t i;

	printf("Usage: evs-setup %s%s%s\n\n%c%s.\n\n", verb->name, *verb->args ? " " : "",
	       verb->args, toupper(*verb->brief), verb->brief + 1);
	for (i = 0; (option = cli_option_at(verb, i)); i++) {
		len = left_side(left, sizeof(left), option);
		if (len > width && len <= LEFT_MAX)
			width = len;
	}
	for (i = 0; (option = cli_option_at(verb, i)); i++)
		print_option(option, width);
	if (verb->notes)
		printf("\n%s", verb->notes);
}

void help_version(void)
{
	puts("evs-setup " EVS_VERSION);
}

/* How long so many words are, which begin a text */
static int group_length(const char *text, int words)
{
	const char *end = text;

	while (words-- > 0)
		end += strcspn(end, " ") + (words > 0);
	return (int)(end - text);
}

int help_no_verb(int argc, char *argv[], struct evs_error *err)
{
	const struct verb *guess = verb_guess(argc, argv);
	int group = verb_group(argc, argv), words = group < argc ? group + 1 : argc, i;
	char name[256] = "";
	size_t used = 0;

	for (i = 0; i < words && used < sizeof(name); i++)
		used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s", i ? " " : "",
					 argv[i]);
	if (guess)
		return evs_error_set(err, EINVAL, "%s: no such verb; did you mean: evs-setup %s",
				     name, guess->name);
	return evs_error_set(err, EINVAL, "%s: no such verb; see: evs-setup help%s%.*s", name,
			     group ? " " : "", group_length(name, group), name);
}

static int add_verb(const struct verb *verb, struct evs_error *err)
{
	return out_texts("verbs", err, "name", verb->name, "brief", verb->brief, NULL);
}

/* Of one verb, or of all in a group */
static int help_json(const struct verb *only, int argc, char *argv[], struct evs_error *err)
{
	const struct verb *verb;
	size_t i;
	int ret;

	if (only)
		return add_verb(only, err);
	for (i = 0; (verb = verb_at(i)); i++) {
		ret = verb_in_group(verb, argc, argv) ? add_verb(verb, err) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

static int run_help(int argc, char *argv[], struct evs_error *err)
{
	const struct verb *verb;
	int words;

	if (cli_option(argc, argv, err) < 0)
		return -err->errnum;
	argc -= optind;
	argv += optind;
	verb = verb_find(argc, argv, &words);
	if (verb && words < argc)
		verb = NULL;
	if (!verb && verb_group(argc, argv) != argc)
		return help_no_verb(argc, argv, err);
	if (cli_settings()->json)
		return help_json(verb, argc, argv, err);
	if (verb)
		help_verb(verb);
	else
		help_group(stdout, argc, argv);
	return 0;
}

static int run_version(int argc, char *argv[], struct evs_error *err)
{
	if (cli_option(argc, argv, err) < 0 || cli_no_operand(argc, argv, err))
		return -err->errnum;
	if (cli_settings()->json)
		return out_texts("programs", err, "name", "evs-setup", "version",
				 EVS_VERSION, NULL);
	help_version();
	return 0;
}

const struct verb verb_help = {
	.name = "help",
	.args = "[VERB]",
	.brief = "show the help of a verb",
	.operands = { WORD_VERB },
	.run = run_help,
};

const struct verb verb_version = {
	.name = "version",
	.args = "",
	.brief = "show the version of the program",
	.run = run_version,
};
