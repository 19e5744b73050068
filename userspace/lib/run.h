/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_RUN_H
#define EVS_RUN_H

#include "error.h"

struct json_object;

#define EVS_RUN_VARIABLES 8

/* Called for each line, without its end; what it returns other than 0 ends the program. */
typedef int evs_run_line_fn(void *arg, const char *line, struct evs_error *err);

/**
 * struct evs_run - A program that is run, and what is heard of it.
 * @argv: its name, which is looked for in PATH and then in the folders of the system,
 *	  and its arguments, NULL last; there is no shell
 * @environment: further variables, NAME=VALUE, up to EVS_RUN_VARIABLES, NULL last; may
 *		 be NULL
 * @input: descriptor that it reads from, 0 for /dev/null
 * @data: descriptor that it writes to in place of being heard, 0 for none; when that is a
 *	  pipe that nobody reads any more, it and all that it has started get SIGTERM, for
 *	  which it has a process group of its own: a terminal's signals do not reach it
 * @stop: socket, 0 for none; when its other end is closed or shut down, the program and all
 *	  that it has started get SIGTERM, with a process group of its own as for @data
 * @line: called for each line of its output, which a line feed or a carriage return
 *	  ends; NULL when nobody asks for it
 * @said: the same for what it writes to stderr, such as progress; may be NULL
 * @arg: for both
 * @output: filled with all that it wrote to stdout, to be released with free(), where
 *	    there is no @line; NULL when nobody asks for it
 * @status: filled: its exit status, or 128 and the signal that ended it; -1 when it
 *	    was not run
 */
struct evs_run {
	const char *const *argv;
	const char *const *environment;
	int input;
	int data;
	int stop;
	evs_run_line_fn *line;
	evs_run_line_fn *said;
	void *arg;
	char **output;
	int status;
};

/**
 * evs_run_program() - Run a program and wait for its end.
 * @run: what to run
 * @err: filled on failure: "PROGRAM: " and the last line that it wrote to stderr
 *
 * It gets no descriptor but the first three, no signal that the caller ignores, LC_ALL=C
 * and nothing else of the environment but PATH, and what is asked for. When the caller dies it gets SIGTERM;
 * LVM blocks that while it holds the lock of a VG, so that it ends there with the change
 * made. The caller may ignore SIGCHLD, but no other thread may wait for any child.
 *
 * Return: 0, -ENOPKG when there is no such program, -EIO when it failed, what @line or
 * @said has returned, or another negative errno.
 */
int evs_run_program(struct evs_run *run, struct evs_error *err);

/**
 * evs_run() - Run a program for its output.
 * @argv: see struct evs_run
 * @output: filled with all that it wrote to stdout, to be released with free(); may be
 *	    NULL
 * @err: filled on failure
 *
 * Return: as evs_run_program(); -EFBIG when it writes more than can be meant.
 */
int evs_run(const char *const argv[], char **output, struct evs_error *err);

/**
 * evs_run_json() - Run a program whose output is a JSON text.
 * @argv: see struct evs_run
 * @answer: filled with the text, to be released with json_object_put()
 * @err: filled on failure
 *
 * Return: as evs_run(); -EPROTO when the output is no such text.
 */
int evs_run_json(const char *const argv[], struct json_object **answer, struct evs_error *err);

#endif /* EVS_RUN_H */
