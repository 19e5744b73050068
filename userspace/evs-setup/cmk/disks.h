/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_DISKS_H
#define EVS_SETUP_CMK_DISKS_H

#include <stdbool.h>

#include "error.h"
#include "kms/kms.h"

/**
 * cmk_disks_tell() - Name the disks of this host that a CMK protects.
 * @kms: name of its KMS
 * @cmk: the CMK
 * @err: filled on failure
 *
 * Prints a line to standard error for each: those that are attached, those that udev
 * knows, and those of evstab(5). A disk whose header cannot be read counts when it is
 * attached, since it may be one of them.
 *
 * Return: how many there are, or a negative errno.
 */
int cmk_disks_tell(const char *kms, const struct evs_cmk *cmk, struct evs_error *err);

/**
 * cmk_disks_use() - Does any disk that udev or evstab(5) knows need this KMS?
 * @kms: name of the KMS
 */
bool cmk_disks_use(const char *kms);

#endif /* EVS_SETUP_CMK_DISKS_H */
