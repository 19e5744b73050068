/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs as they are called, with the real daemon as the KMS. Needs root, as the
 * daemon does.
 */
#ifndef KMSD_PROGRAMS_H
#define KMSD_PROGRAMS_H

#include "kmsd_fixture.h"

#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define OPERATION " --operation describe-key"

static struct fixture f;

UNUSED static int set_up(void **state)
{
	if (root_only(state))
		return -1;
	fixture_init(&f);
	fixture_client(&f, 20);
	daemon_start(&f);
	return 0;
}

UNUSED static int tear_down(void **state)
{
	(void)state;
	if (daemon_stop(&f, SIGTERM))
		return -1;
	return remove_tree(f.dir);
}

/* A command, the exit status of the program, and what is in its output and messages. */
struct row {
	const char *command;
	int status;
	const char *part;
};

/* Runs it in the fixture's directory; the programs stand there under their names. */
UNUSED static int run_shell(const char *command, char *out, size_t size)
{
	const char *build = getenv("BUILD");
	char *path = realpath(build ? build : "build", NULL), *line;
	size_t len;
	FILE *pipe;

	assert_non_null(path);
	assert_true(asprintf(&line, "exec 2>&1; cd %s; PATH=%s/evs-setup:%s/evs-kmsd:"
			     "%s/evs-request-key:%s/evs-generator:%s/peers/otc:$PATH; %s", f.dir,
			     path, path, path, path, path, command) > 0);
	pipe = popen(line, "re");
	assert_non_null(pipe);
	len = fread(out, 1, size - 1, pipe);
	out[len] = '\0';
	free(line);
	free(path);
	return WEXITSTATUS(pclose(pipe));
}

UNUSED static void check_rows(const struct row *row, size_t count)
{
	char out[8192];
	int status;

	for (; count; count--, row++) {
		status = run_shell(row->command, out, sizeof(out));
		if (status != row->status || !strstr(out, row->part))
			fail_msg("%s: exit status %d, want %d and \"%s\":\n%s", row->command, status,
				 row->status, row->part, out);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

#endif /* KMSD_PROGRAMS_H */
