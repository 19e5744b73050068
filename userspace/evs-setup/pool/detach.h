/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_DETACH_H
#define EVS_SETUP_POOL_DETACH_H

#include "nl/netlink.h"
#include "target.h"

/**
 * detach_plain() - Detach a plain disk of a pool.
 * @ref: POOL/DISK, of which the driver has no disk
 * @how: must be EVS_DETACH_IDLE
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENODEV when it is not attached.
 */
int detach_plain(const char *ref, enum evs_detach how, struct evs_error *err);

/**
 * detach_release() - Have the engine let go of a disk that was detached.
 * @ref: POOL/DISK
 *
 * Nothing fails here: whoever needs it released tries again.
 */
void detach_release(const char *ref);

/**
 * detach_where() - Where is a disk of a pool attached?
 * @target: the disk
 * @record: its record
 * @node: filled with the path of its node
 * @size: room there
 *
 * Return: whether it is attached.
 */
bool detach_where(const struct target *target, const struct evs_record *record, char *node,
		  size_t size);

/**
 * detach_refuse_attached() - Refuse what takes a detached disk.
 * @target: the disk
 * @record: its record
 * @err: filled when it is attached
 *
 * Return: 0 or -EBUSY.
 */
int detach_refuse_attached(const struct target *target, const struct evs_record *record,
			   struct evs_error *err);

#endif /* EVS_SETUP_POOL_DETACH_H */
