/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_DELETE_H
#define EVS_SETUP_POOL_DELETE_H

#include "cli/verb.h"
#include "target.h"

/* Of the verbs that delete an image, a snapshot or a backup */
extern const struct verb_option delete_options[];

/**
 * delete_run() - Run the verb that deletes a disk, a snapshot or an image.
 * @argc: as of the verb
 * @argv: as of the verb
 * @kind: what its operand must name
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int delete_run(int argc, char *argv[], enum evs_kind kind, struct evs_error *err);

#endif /* EVS_SETUP_POOL_DELETE_H */
