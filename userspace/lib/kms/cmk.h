/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CMK_H
#define EVS_KMS_CMK_H

#include <stdbool.h>
#include <stdint.h>

#include "token.h"

#define EVS_CMK_ALIAS_MAX 255
#define EVS_CMK_DESCRIPTION_MAX 1020	/* 255 characters of UTF-8 */

/* The default master key: made by the KMS itself on first use. */
#define EVS_CMK_DEFAULT "evs/default"

/**
 * enum evs_cmk_state - State of a CMK, numbered as on the wire.
 * @EVS_CMK_STATE_UNKNOWN: a number this client does not know
 * @EVS_CMK_STATE_WAITING: not active yet
 * @EVS_CMK_STATE_ENABLED: usable
 * @EVS_CMK_STATE_DISABLED: refuses every use until enabled
 * @EVS_CMK_STATE_PENDING_DELETION: goes for good on its deletion date
 * @EVS_CMK_STATE_PENDING_IMPORT: has no material
 */
enum evs_cmk_state {
	EVS_CMK_STATE_UNKNOWN = 0,
	EVS_CMK_STATE_WAITING = 1,
	EVS_CMK_STATE_ENABLED = 2,
	EVS_CMK_STATE_DISABLED = 3,
	EVS_CMK_STATE_PENDING_DELETION = 4,
	EVS_CMK_STATE_PENDING_IMPORT = 5,
};

/**
 * struct evs_cmk - A customer master key as the KMS describes it.
 * @id: its id; of 36 bytes with OTC and evs-kmsd
 * @alias: its alias, without `alias/`
 * @description: free text
 * @spec: such as "AES_256"
 * @origin: "kms" or "external"
 * @state: its state
 * @is_default: the default master key, which cannot be disabled
 * @created: seconds since 1970, 0 when not told
 * @deletion: when it will be deleted, seconds since 1970, 0 when it will not
 */
struct evs_cmk {
	char id[EVS_CMK_REF_SIZE];
	char alias[EVS_CMK_ALIAS_MAX + 1];
	char description[EVS_CMK_DESCRIPTION_MAX + 1];
	char spec[32];
	char origin[16];
	enum evs_cmk_state state;
	bool is_default;
	int64_t created;
	int64_t deletion;
};

/**
 * struct evs_rotation - How a CMK's material is renewed.
 * @on: regularly
 * @interval: days between two versions, 0 when not told
 * @count: how often it was renewed, -1 when not told
 * @last: when it last was, seconds since 1970, 0 when never or not told
 */
struct evs_rotation {
	bool on;
	unsigned int interval;
	int64_t count;
	int64_t last;
};

/**
 * evs_cmk_state_name() - A state in words, for tables and messages.
 * @state: the state
 *
 * Return: "enabled", "disabled", "pending deletion", ...
 */
const char *evs_cmk_state_name(enum evs_cmk_state state);

#endif /* EVS_KMS_CMK_H */
