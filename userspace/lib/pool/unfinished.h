/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_UNFINISHED_H
#define EVS_POOL_UNFINISHED_H

/*
 * What is made, or attached for one copy, is called new.UUID, and a lock of that name
 * says that its maker is alive. Whoever finds the one without the other cleans up.
 */

#include <stdbool.h>

#include "lock.h"
#include "names.h"

#define EVS_UNFINISHED "new."
#define EVS_UNFINISHED_SIZE (sizeof(EVS_UNFINISHED) + EVS_UUID_SIZE - 1)

/**
 * evs_unfinished_lock() - Take the lock of something unfinished.
 * @lock: filled; release with evs_lock_release()
 * @uuid: its UUID
 *
 * Return: 0 or a negative errno, -EWOULDBLOCK when its maker is at work on it.
 */
int evs_unfinished_lock(struct evs_lock *lock, const char *uuid);

/**
 * evs_unfinished_left() - Was the maker of something unfinished killed?
 * @uuid: its UUID
 * @maker: its maker, by its record
 * @own: this boot of this host
 */
bool evs_unfinished_left(const char *uuid, const char *maker, const char *own);

/**
 * evs_unfinished_detach() - Detach the disks whose makers were killed.
 *
 * Those that were told to go with their last user are on their way. One that somebody
 * has open goes with its last user. Does not load the driver.
 */
void evs_unfinished_detach(void);

/** evs_unfinished_unlock() - Remove the locks of makers that were killed. */
void evs_unfinished_unlock(void);

#endif /* EVS_POOL_UNFINISHED_H */
