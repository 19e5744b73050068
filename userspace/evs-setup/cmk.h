/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_H
#define EVS_SETUP_CMK_H

#include "cli.h"
#include "kms/kms.h"

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
