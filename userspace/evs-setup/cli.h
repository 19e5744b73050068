/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CLI_H
#define EVS_SETUP_CLI_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

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
 * enum verb_needs - What a verb asks of the user who calls it.
 *
 * @VERB_NEEDS_NOTHING: Nothing: files, devices and KMSs decide for themselves.
 * @VERB_NEEDS_ADMIN: CAP_SYS_ADMIN, as the driver does of who calls it.
 * @VERB_NEEDS_ROOT: To be root: the key helper serves nobody else, and the files of
 *		     the local KMS belong to root.
 */
enum verb_needs {
	VERB_NEEDS_NOTHING,
	VERB_NEEDS_ADMIN,
	VERB_NEEDS_ROOT,
};

/**
 * struct verb - One thing evs-setup can do.
 * @name: one or two words on the command line
 * @args: what follows them, for the first line of the help
 * @brief: one line about it
 * @help: its options, one a line, and what else there is to know
 * @needs: what the user must be
 * @run: does it; argv[0] is the last word of the name. Returns 0 or a negative
 *	 errno with the error filled.
 */
struct verb {
	const char *name;
	const char *args;
	const char *brief;
	const char *help;
	enum verb_needs needs;
	int (*run)(int argc, char *argv[], struct evs_error *err);
};

extern const struct verb verb_create;
extern const struct verb verb_attach;
extern const struct verb verb_detach;
extern const struct verb verb_revoke;
extern const struct verb verb_suspend;
extern const struct verb verb_resume;
extern const struct verb verb_resize;
extern const struct verb verb_list;
extern const struct verb verb_status;
extern const struct verb verb_probe;
extern const struct verb verb_monitor;
extern const struct verb verb_cmk_create;
extern const struct verb verb_cmk_list;
extern const struct verb verb_cmk_show;
extern const struct verb verb_cmk_enable;
extern const struct verb verb_cmk_disable;
extern const struct verb verb_cmk_schedule_deletion;
extern const struct verb verb_cmk_cancel_deletion;
extern const struct verb verb_cmk_rename;
extern const struct verb verb_cmk_describe;
extern const struct verb verb_cmk_rotate;
extern const struct verb verb_cmk_rotation;
extern const struct verb verb_cmk_grant;
extern const struct verb verb_cmk_import;
extern const struct verb verb_cmk_delete_material;
extern const struct verb verb_cmk_quotas;
extern const struct verb verb_rewrap;
extern const struct verb verb_header_backup;
extern const struct verb verb_header_restore;
extern const struct verb verb_header_label;
extern const struct verb verb_header_dump;
extern const struct verb verb_agency_create;
extern const struct verb verb_agency_show;
extern const struct verb verb_agency_delete;
extern const struct verb verb_doctor;

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
 * cli_option() - Get the next option of a verb.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @options: its long options, each with its own val above 0
 * @err: filled for an unknown option or one without its argument
 *
 * Return: val of the option, its argument in optarg; 0 after the last one, with
 * the operands from argv[optind] on; a negative errno.
 */
int cli_option(int argc, char *argv[], const struct option *options, struct evs_error *err);

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
