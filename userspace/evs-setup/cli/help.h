/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_HELP_H
#define EVS_SETUP_HELP_H

#include <stdio.h>

#include "verb.h"

/**
 * help_group() - Print the verbs whose names begin with some words.
 * @out: where to
 * @argc: how many words; 0 for the help of the program
 * @argv: the words
 */
void help_group(FILE *out, int argc, char *argv[]);

/** help_version() - Print the version of the program. */
void help_version(void);

/**
 * help_no_verb() - Say that words are no verb, and which one may have been meant.
 * @argc: how many words
 * @argv: the words
 * @err: filled
 *
 * Return: -EINVAL.
 */
int help_no_verb(int argc, char *argv[], struct evs_error *err);

/** help_verb() - Print the help of a verb. @verb: the verb */
void help_verb(const struct verb *verb);

#endif /* EVS_SETUP_HELP_H */
