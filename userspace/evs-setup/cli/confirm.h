/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CONFIRM_H
#define EVS_SETUP_CONFIRM_H

#include <stdbool.h>

#include "error.h"

/** cli_can_ask() - Is there somebody at a terminal to be asked? */
bool cli_can_ask(void);

/**
 * cli_confirm() - Ask on the terminal, and go on with the answer yes alone.
 * @question: the question
 * @what: what is left as it is otherwise
 * @err: filled when the answer is another one
 *
 * Return: 0 or -ECANCELED.
 */
int cli_confirm(const char *question, const char *what, struct evs_error *err);

#endif /* EVS_SETUP_CONFIRM_H */
