// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-setup: find the verb, run it, turn its error into a message and an exit
 * status. Everything else is in the files of the verbs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "environment.h"
#include "stdfd.h"
#include "text.h"

#define VERSION "0.1"

static const struct verb *const verbs[] = {
	&verb_create,	&verb_attach,	  &verb_detach,	    &verb_revoke,
	&verb_suspend,	&verb_resume,	  &verb_resize,
	&verb_list,	&verb_status,	  &verb_monitor, &verb_probe,
	&verb_cmk_create, &verb_cmk_list,
	&verb_cmk_show, &verb_cmk_enable, &verb_cmk_disable,
	&verb_cmk_schedule_deletion, &verb_cmk_cancel_deletion,
	&verb_cmk_rename, &verb_cmk_describe, &verb_cmk_rotate, &verb_cmk_rotation,
	&verb_cmk_grant, &verb_cmk_import, &verb_cmk_delete_material, &verb_cmk_quotas,
	&verb_rewrap, &verb_header_backup, &verb_header_restore, &verb_header_label,
	&verb_header_dump,
	&verb_agency_create, &verb_agency_show, &verb_agency_delete, &verb_doctor,
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* Is this verb called, or, given one word of its two, meant? */
static bool verb_matches(const struct verb *verb, const char *word, const char *second)
{
	size_t len = strlen(word);

	if (strchr(word, ' ') || strncmp(verb->name, word, len))
		return false;
	if (!verb->name[len])
		return true;
	return verb->name[len] == ' ' && (!second || strcmp(verb->name + len + 1, second) == 0);
}

static const struct verb *verb_find(const char *word, const char *second)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (verb_matches(verbs[i], word, second ? second : ""))
			return verbs[i];
	return NULL;
}

/* Is this the first word of a verb that has two? */
static bool has_verbs(const char *word)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (verb_matches(verbs[i], word, NULL))
			return true;
	return false;
}

/* All verbs, or those that begin with a word */
static void print_verbs(FILE *out, const char *word)
{
	size_t i;

	fputs("Verbs:\n", out);
	for (i = 0; i < VERB_COUNT; i++)
		if (!word || verb_matches(verbs[i], word, NULL))
			fprintf(out, "  %-21s  %s\n", verbs[i]->name, verbs[i]->brief);
}

static void print_usage(FILE *out)
{
	fputs("Usage: evs-setup VERB [OPTION...] [ARGUMENT...]\n"
	      "       evs-setup VERB --help\n"
	      "       evs-setup --version\n"
	      "\n"
	      "Encrypted disks whose keys come from a Key Management Service.\n"
	      "\n",
	      out);
	print_verbs(out, NULL);
	fputs("\nSee evs-setup(8).\n", out);
}

static void print_help(const struct verb *verb)
{
	printf("Usage: evs-setup %s%s%s\n\n%s\n\n%s", verb->name, *verb->args ? " " : "",
	       verb->args, verb->brief, verb->help);
}

static bool wants_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* Not the name of a verb: an option of the program, or a mistake */
static int no_verb(int argc, char *argv[])
{
	if (argc < 2) {
		fputs("evs-setup: no verb: say what to do\n\n", stderr);
		print_usage(stderr);
		return CLI_EXIT_USAGE;
	}
	if (wants_help(argv[1])) {
		print_usage(stdout);
		return CLI_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("evs-setup " VERSION);
		return CLI_EXIT_OK;
	}
	if (argc > 2 && wants_help(argv[2]) && has_verbs(argv[1])) {
		printf("Usage: evs-setup %s VERB [OPTION...] [ARGUMENT...]\n\n", argv[1]);
		print_verbs(stdout, argv[1]);
		return CLI_EXIT_OK;
	}
	evs_text_line(stderr, "evs-setup: %s%s%s: no such verb", argv[1], argc > 2 ? " " : "",
		      argc > 2 ? argv[2] : "");
	fprintf(stderr, "See evs-setup %s%s--help.\n", has_verbs(argv[1]) ? argv[1] : "",
		has_verbs(argv[1]) ? " " : "");
	return CLI_EXIT_USAGE;
}

static int run_verb(const struct verb *verb, int argc, char *argv[])
{
	struct evs_error err = {};
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (wants_help(argv[i])) {
			print_help(verb);
			return CLI_EXIT_OK;
		}
	}
	if (!cli_may_run(verb, &err) && !verb->run(argc, argv, &err))
		return CLI_EXIT_OK;
	evs_text_line(stderr, "evs-setup: %s: %s", verb->name, err.text);
	if (err.request_id[0])
		evs_text_line(stderr, "evs-setup: the KMS knows this request as %s",
			      err.request_id);
	return cli_exit_status(&err);
}

/*
 * Whatever the verb has come to, output that was lost gives a status of its own. What
 * it has done stays done; attach and monitor look themselves, and have said it then.
 */
static int finish(const struct verb *verb, int status)
{
	struct evs_error err = {};

	if (!evs_stdout_close(&err) || status == CLI_EXIT_INTERNAL)
		return status;
	evs_text_line(stderr, "evs-setup: %s%s%s%s", verb ? verb->name : "", verb ? ": " : "",
		      verb && status == CLI_EXIT_OK ? "done, but the output was lost: " : "",
		      err.text);
	return cli_exit_status(&err);
}

int main(int argc, char *argv[])
{
	const struct verb *verb = argc > 1 ? verb_find(argv[1], argv[2]) : NULL;
	int words;

	evs_environment_clean();
	if (evs_stdfd_open())
		return CLI_EXIT_INTERNAL;
	evs_text_locale();
	if (!verb)
		return finish(NULL, no_verb(argc, argv));
	words = strchr(verb->name, ' ') ? 2 : 1;
	return finish(verb, run_verb(verb, argc - words, argv + words));
}
