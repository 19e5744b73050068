/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_ATTACH_H
#define EVS_SETUP_POOL_ATTACH_H

#include "disk/attach.h"

/**
 * attach_in_pool() - Attach a disk of a pool, encrypted or plain, and print its node.
 * @req: which, and how
 * @err: filled on failure, when nothing is left attached
 *
 * Return: 0 or a negative errno.
 */
int attach_in_pool(struct attach_request *req, struct evs_error *err);

#endif /* EVS_SETUP_POOL_ATTACH_H */
