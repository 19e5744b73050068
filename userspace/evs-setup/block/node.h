/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_NODE_H
#define EVS_SETUP_NODE_H

#include <sys/types.h>

#include "error.h"

/**
 * node_wait() - Wait until the node of a disk can be used.
 * @path: where it will be, /dev/evsN
 * @dev: its device number
 * @err: filled on failure
 *
 * With udev: until its rules have been run, so that nobody else has the disk
 * open just because it is new. Without: until the node is there.
 *
 * Return: 0 or a negative errno, -ETIMEDOUT when it takes too long.
 */
int node_wait(const char *path, dev_t dev, struct evs_error *err);

/**
 * node_wait_gone() - Wait until udev has dealt with a disk that was detached.
 * @name: its name
 * @path: where its node was, /dev/evsN
 *
 * Who attaches a disk by the same name after this does not meet its old link. It is no
 * error when udev takes more than a few seconds.
 */
void node_wait_gone(const char *name, const char *path);

#endif /* EVS_SETUP_NODE_H */
