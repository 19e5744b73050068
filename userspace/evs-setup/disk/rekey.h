/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_REKEY_H
#define EVS_SETUP_REKEY_H

#include <stdbool.h>

#include "error.h"

/**
 * rekey_device() - Give a disk outside of pools a new data key, in place.
 * @path: device or file
 * @dry_run: check everything, ask the KMS, change nothing
 * @err: filled on failure
 *
 * What was cut short goes on.
 *
 * Return: 0 or a negative errno.
 */
int rekey_device(const char *path, bool dry_run, struct evs_error *err);

#endif /* EVS_SETUP_REKEY_H */
