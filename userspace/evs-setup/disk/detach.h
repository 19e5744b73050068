/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_DETACH_H
#define EVS_SETUP_DETACH_H

#include "nl/netlink.h"

/**
 * detach_disk() - Detach a disk.
 * @nl: connection to the kernel
 * @disk: the disk
 * @ref: how messages call it
 * @how: what to do if it is open
 * @err: filled on failure
 *
 * Where udev has it open only to see what is on it, that is waited for.
 *
 * Return: 0 or a negative errno, -EBUSY when somebody else has it open.
 */
int detach_disk(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		enum evs_detach how, struct evs_error *err);

#endif /* EVS_SETUP_DETACH_H */
