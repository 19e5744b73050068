/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_H
#define EVS_SETUP_CMK_H

#include "cli.h"
#include "kms/kms.h"
#include "table.h"

/* The option that every cmk verb has, for its table and its help */
#define CMK_OPTION_KMS { "kms", required_argument, NULL, 'k' }
#define CMK_HELP_KMS "  --kms NAME  " CMK_HELP_KMS_TEXT
#define CMK_HELP_KMS_TEXT "in this KMS of evs.conf, by default " EVS_KMS_LOCAL "\n"

/**
 * cmk_with_kms() - Make a call with a client of a KMS, for the length of it.
 * @name: name of the KMS, NULL for EVS_KMS_LOCAL
 * @call: the call
 * @arg: handed on to it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cmk_with_kms(const char *name,
		 int (*call)(struct evs_kms *kms, void *arg, struct evs_error *err), void *arg,
		 struct evs_error *err);

/**
 * cmk_print_change() - Tell what became of a CMK: its id first, for scripts.
 * @cmk: the CMK
 */
void cmk_print_change(const struct evs_cmk *cmk);

/**
 * typedef cmk_change_call - A call of the client that changes one CMK.
 * @kms: the client
 * @ref: the CMK
 * @cmk: set to what has become of it
 * @err: filled on failure
 */
typedef int (*cmk_change_call)(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			       struct evs_error *err);

/**
 * cmk_change() - All of a verb that changes one CMK and has no options of its own.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @make: the call
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cmk_change(int argc, char *argv[], cmk_change_call make, struct evs_error *err);

/**
 * cmk_warn_unusable() - Say on standard error which disks of this host are concerned.
 * @kms: the client
 * @cmk: the CMK, which nobody can use from now on
 * @until: what brings it back
 */
void cmk_warn_unusable(struct evs_kms *kms, const struct evs_cmk *cmk, const char *until);

/**
 * cmk_table_options() - Take the options of a verb that prints a table: --kms and --json.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @kms: set when the KMS is named
 * @form: set to TABLE_JSON when that is asked for
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int cmk_table_options(int argc, char *argv[], const char **kms, enum table_form *form,
		      struct evs_error *err);

/**
 * cmk_operands() - Take the operands that are left, a certain number of them.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @names: how the help calls them, NULL at the end
 * @operands: filled
 * @err: filled when there are fewer or more
 *
 * Return: 0 or -EINVAL.
 */
int cmk_operands(int argc, char *argv[], const char *const *names, const char **operands,
		 struct evs_error *err);

#endif /* EVS_SETUP_CMK_H */
