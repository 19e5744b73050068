/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_RESIZE_H
#define EVS_SETUP_POOL_RESIZE_H

#include <stdint.h>

#include "error.h"

/**
 * resize_in_pool() - Make a disk of a pool larger, attached or not, and print its size.
 * @ref: POOL/DISK
 * @size: usable bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int resize_in_pool(const char *ref, uint64_t size, struct evs_error *err);

#endif /* EVS_SETUP_POOL_RESIZE_H */
