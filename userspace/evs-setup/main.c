// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-setup: find the verb, run it, turn its error into a message and an exit
 * status. Everything else is in the files of the verbs.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/calls.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/out.h"
#include "environment.h"
#include "stdfd.h"
#include "text.h"

#define WORDS_MAX 8	/* more than any verb has */

static bool is_option(const char *arg, const char *letter, const char *name)
{
	return !strcmp(arg, letter) || !strcmp(arg, name);
}

/* For people in any case, and for programs with --json */
static int fail(const struct verb *verb, const struct evs_error *err)
{
	int status = cli_exit_status(err);

	evs_text_line(stderr, "evs-setup: %s%s%s", verb ? verb->name : "", verb ? ": " : "",
		      err->text);
	if (err->request_id[0])
		evs_text_line(stderr, "evs-setup: the KMS knows this request as %s",
			      err->request_id);
	out_error(err, status);
	return status;
}

/* No verb: an option of the program, the beginning of a verb, or a mistake */
static int no_verb(int argc, char *argv[])
{
	static const struct verb none = { .name = "" };
	struct evs_error err = {};
	char *name[WORDS_MAX];
	int words = 0;

	/* getopt_long() moves what is no option behind the options. */
	for (; words < argc && words < WORDS_MAX && *argv[words] != '-'; words++)
		name[words] = argv[words];
	if (argc && !words && is_option(argv[0], "-V", "--version")) {
		help_version();
		return CLI_EXIT_OK;
	}
	if (argc && cli_begin(&none, argc + 1, argv - 1, &err) && !words)
		return fail(NULL, &err);
	if (verb_group(words, name) != words) {
		help_no_verb(words, name, &err);
		return fail(NULL, &err);
	}
	if (cli_settings()->help) {
		help_group(stdout, words, name);
		return CLI_EXIT_OK;
	}
	evs_error_set(&err, EINVAL, "no verb is given");
	fail(NULL, &err);
	fputc('\n', stderr);
	help_group(stderr, words, name);
	return CLI_EXIT_USAGE;
}

static int run_verb(const struct verb *verb, int argc, char *argv[])
{
	struct evs_error err = {};
	int ret;

	ret = cli_begin(verb, argc, argv, &err);
	if (cli_settings()->help) {
		help_verb(verb);
		return CLI_EXIT_OK;
	}
	calls_watch();
	if (!ret && !cli_may_run(verb, &err) && !verb->run(argc, argv, &err))
		return CLI_EXIT_OK;
	return fail(verb, &err);
}

/*
 * Whatever the verb has come to, output that was lost gives a status of its own. What
 * it has done stays done; attach and monitor look themselves, and have said it then.
 */
static int finish(const struct verb *verb, int status)
{
	struct evs_error err = {};

	int ret = cli_settings()->json && !cli_settings()->help ? out_flush(&err) : 0;

	if ((!evs_stdout_close(&err) && !ret) || status == CLI_EXIT_INTERNAL)
		return status;
	evs_text_line(stderr, "evs-setup: %s%s%s%s", verb ? verb->name : "", verb ? ": " : "",
		      verb && status == CLI_EXIT_OK ? "done, but the output was lost: " : "",
		      err.text);
	return cli_exit_status(&err);
}

/* What stands before the verb goes behind it: ip(8) and others have options there. */
static const struct verb *find_verb(int argc, char *argv[], int *words)
{
	const struct verb *verb;
	int before = 0, i;
	char *word;

	while (before < argc && *argv[before] == '-' && !is_option(argv[before], "-V", "--version"))
		before++;
	verb = verb_find(argc - before, argv + before, words);
	for (i = 0; verb && i < *words; i++) {
		word = argv[before + i];
		memmove(argv + i + 1, argv + i, before * sizeof(*argv));
		argv[i] = word;
	}
	return verb;
}

int main(int argc, char *argv[])
{
	const struct verb *verb = NULL;
	int words;

	evs_environment_clean();
	if (evs_stdfd_open())
		return CLI_EXIT_INTERNAL;
	evs_text_locale();
	if (argc > 0)
		verb = find_verb(argc - 1, argv + 1, &words);
	if (!verb)
		return finish(NULL, no_verb(argc > 0 ? argc - 1 : 0, argv + 1));
	return finish(verb, run_verb(verb, argc - words, argv + words));
}
