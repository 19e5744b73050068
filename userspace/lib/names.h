/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_NAMES_H
#define EVS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define EVS_UUID_SIZE 37		/* 36 characters and the NUL */
#define EVS_CMK_ID_SIZE 37		/* as OTC and evs-kmsd make it */
#define EVS_CMK_REF_SIZE 128		/* as any KMS may make it, and as the kernel takes it */
#define EVS_KMS_NAME_MAX 32
#define EVS_POOL_NAME_MAX 14

/**
 * evs_uuid_valid() - Is this a UUID as LUKS2 writes it, in lower case?
 * @uuid: the string
 */
bool evs_uuid_valid(const char *uuid);

/**
 * evs_cmk_is_id() - Is this the form of a CMK's id with OTC and evs-kmsd?
 * @ref: id or alias
 */
bool evs_cmk_is_id(const char *ref);

/**
 * evs_cmk_ref_valid() - Can this be the id of a CMK with some KMS?
 * @ref: the id
 */
bool evs_cmk_ref_valid(const char *ref);

/**
 * evs_kms_name_valid() - Can this be the name of a KMS?
 * @name: the name
 */
bool evs_kms_name_valid(const char *name);

/**
 * evs_word_valid() - Is this one word of letters, digits, '.', '_' and '-'?
 * @text: the word
 * @max: the most characters that it may have
 */
bool evs_word_valid(const char *text, size_t max);

#endif /* EVS_NAMES_H */
