/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_CMKS_H
#define EVS_SETUP_POOL_CMKS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

struct cmks_answer;

/**
 * struct cmks - What KMSs have said of CMKs.
 * @silent: ask none
 * @answers: one for each CMK
 * @count: how many
 */
struct cmks {
	bool silent;
	struct cmks_answer *answers;
	size_t count;
};

/**
 * cmks_state() - The state of a CMK, asked for once.
 * @cmks: the answers so far
 * @config: evs.conf
 * @kms: name of its KMS
 * @cmk: its id
 *
 * A KMS has two seconds, and is not asked again when it does not answer.
 *
 * Return: as evs_cmk_state_name(), "deleted", or NULL when it is not known.
 */
const char *cmks_state(struct cmks *cmks, const struct evs_config *config, const char *kms,
		       const char *cmk);

/** cmks_free() - Release them. @cmks: the answers */
void cmks_free(struct cmks *cmks);

#endif /* EVS_SETUP_POOL_CMKS_H */
