/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_H
#define EVS_SETUP_CMK_H

#include "cli/cli.h"
#include "cli/table.h"
#include "date.h"
#include "kms/kms.h"

/* The option that every cmk verb has, and a table with nothing else */
#define CMK_KMS VERB_LONG('k')
#define CMK_OPTION_KMS \
	{ "kms", CMK_KMS, "NAME", WORD_KMS, "use this KMS of evs.conf, by default " EVS_KMS_LOCAL }

extern const struct verb_option cmk_options[];

/* What a verb is called with that has a CMK and no option of its own */
#define CMK_VERB_OPERAND \
	.args = "[OPTION...] ID|ALIAS", .options = cmk_options, .operands = { WORD_CMK }

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
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int cmk_print_change(const struct evs_cmk *cmk, struct evs_error *err);

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
 *
 * Return: whether there are any.
 */
bool cmk_warn_unusable(struct evs_kms *kms, const struct evs_cmk *cmk, const char *until);

/**
 * cmk_take_kms() - Take the options of a verb that has none but --kms.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @kms: set when the KMS is named
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int cmk_take_kms(int argc, char *argv[], const char **kms, struct evs_error *err);

/**
 * cmk_date() - Write a point in time for a table.
 * @text: filled, such as 2026-11-24T15:18:30Z; "" when it is not known
 * @seconds: since 1970, 0 when it is not known
 */
void cmk_date(char text[EVS_DATE_SIZE], int64_t seconds);

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
