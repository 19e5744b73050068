/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CLI_H
#define EVS_SETUP_CLI_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "verb.h"

/* Exit statuses, documented in evs-setup(8). */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_USAGE = 1,
	CLI_EXIT_REFUSED = 2,
	CLI_EXIT_INTERNAL = 3,
	CLI_EXIT_NO_DISK = 4,
	CLI_EXIT_BUSY = 5,
	CLI_EXIT_UNREACHABLE = 6,
	CLI_EXIT_IO = 7,
};

/**
 * struct cli_settings - The options that all verbs have, and those of tables.
 * @help: print the help, do nothing
 * @json: print JSON
 * @quiet: print errors, but no notes and warnings
 * @verbose: print what is asked of a KMS
 * @raw: print tables without padding
 * @bytes: print sizes in bytes
 * @no_headings: print tables without a line of headings
 * @columns: names of the columns to print, NULL for the usual ones
 */
struct cli_settings {
	bool help;
	bool json;
	bool quiet;
	bool verbose;
	bool raw;
	bool bytes;
	bool no_headings;
	const char *columns;
};

/** cli_settings() - What cli_begin() has found. */
const struct cli_settings *cli_settings(void);

/**
 * cli_option_at() - An option of a verb: its own, those of tables, those of all verbs.
 * @verb: the verb
 * @index: from 0 on
 *
 * Return: the option, NULL behind the last one.
 */
const struct verb_option *cli_option_at(const struct verb *verb, size_t index);

/**
 * cli_begin() - Look at all options of the command line, and take those of all verbs.
 * @verb: the verb, whose options cli_option() gives from then on
 * @argc: as the verb will get it
 * @argv: as the verb will get it
 * @err: filled for an unknown option or one without its argument
 *
 * Return: 0 or -EINVAL; the settings are there in either case.
 */
int cli_begin(const struct verb *verb, int argc, char *argv[], struct evs_error *err);

/**
 * cli_note() - Print a note or a warning on standard error, unless --quiet is given.
 * @fmt: printf format of the line without the name of the program
 */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_may_run() - May this user run a verb?
 * @verb: the verb
 * @err: filled when not; says what is missing
 *
 * Return: 0 or -EPERM.
 */
int cli_may_run(const struct verb *verb, struct evs_error *err);

/**
 * cli_exit_status() - The exit status for an error.
 * @err: the error
 */
enum cli_exit cli_exit_status(const struct evs_error *err);

/**
 * cli_option() - Get the next option of the verb that cli_begin() was told of.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @err: filled for an unknown option or one without its argument
 *
 * Return: value of the option, its argument in optarg; 0 after the last one, with
 * the operands from argv[optind] on; a negative errno.
 */
int cli_option(int argc, char *argv[], struct evs_error *err);

/**
 * cli_operand() - Take the one operand that is left after the options.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @what: how the help calls it
 * @operand: set to it
 * @err: filled when there is none or more than one
 *
 * Return: 0 or a negative errno.
 */
int cli_operand(int argc, char *argv[], const char *what, const char **operand,
		struct evs_error *err);

/**
 * cli_no_operand() - Make sure that no operand is left after the options.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @err: filled when there is one
 *
 * Return: 0 or a negative errno.
 */
int cli_no_operand(int argc, char *argv[], struct evs_error *err);

/**
 * cli_bytes() - Read a number of bytes: digits and perhaps K, M, G or T.
 * @option: name of the option, for the message
 * @text: what was given
 * @bytes: set to the number
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cli_bytes(const char *option, const char *text, uint64_t *bytes, struct evs_error *err);

/**
 * cli_days() - Read a number of days.
 * @what: name of the option or operand, for the message
 * @text: what was given
 * @from: the least it may be
 * @to: the most it may be
 * @days: set to the number
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cli_days(const char *what, const char *text, unsigned int from, unsigned int to,
	     unsigned int *days, struct evs_error *err);

/**
 * cli_sector_size() - Read the size of a crypto sector.
 * @text: what was given
 * @size: set to 512 or 4096
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cli_sector_size(const char *text, unsigned int *size, struct evs_error *err);

/**
 * cli_serial() - Read the serial number of a key.
 * @text: what was given
 * @serial: set to it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cli_serial(const char *text, int32_t *serial, struct evs_error *err);

/**
 * cli_text() - Copy the argument of an option, which is not to be empty.
 * @option: how the option is called
 * @text: filled with it, from optarg
 * @size: room there
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cli_text(const char *option, char *text, size_t size, struct evs_error *err);

#endif /* EVS_SETUP_CLI_H */
