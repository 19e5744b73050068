/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_TAB_H
#define EVS_SETUP_TAB_H

#include "nl/netlink.h"
#include "token.h"

/**
 * tab_attach() - Attach disks of evstab(5).
 * @nl: connection to the kernel
 * @name: name of the one, or NULL for all but those marked noauto
 * @err: filled on failure
 *
 * A disk that is attached already is fine. Of all disks, one that fails stops
 * no other; each failure is printed, and the worst is returned.
 *
 * Return: 0 or a negative errno.
 */
int tab_attach(struct evs_nl *nl, const char *name, struct evs_error *err);

/**
 * tab_detach() - Detach disks of evstab(5).
 * @nl: connection to the kernel
 * @name: name of the one, which need not be in the table any more, or NULL for
 *	  all, from the last to the first
 * @how: what to do with one that is open
 * @err: filled on failure
 *
 * A disk that is not attached is fine. Failures are as with tab_attach().
 *
 * Return: 0 or a negative errno.
 */
int tab_detach(struct evs_nl *nl, const char *name, enum evs_detach how, struct evs_error *err);

/**
 * typedef tab_fn - What tab_each() does to a disk.
 * @arg: as given to tab_each()
 * @device: its path, or POOL/DISK
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
typedef int tab_fn(void *arg, const char *device, struct evs_error *err);

/**
 * tab_each() - Do something to every disk of evstab(5), noauto ones included.
 * @verb: what is done, for messages
 * @fn: called for each good line
 * @arg: for @fn
 * @err: filled on failure
 *
 * Failures are as with tab_attach(). A device that is not there is left out, with a
 * warning, where the line has noauto or nofail.
 *
 * Return: 0 or a negative errno.
 */
int tab_each(const char *verb, tab_fn *fn, void *arg, struct evs_error *err);

/**
 * tab_warn_stale() - Name the lines of evstab(5) that refuse a disk as it is now.
 * @verb: what has changed the header
 * @ref: what the user gave
 * @target: the device or file
 * @uuid: UUID of the disk
 * @token: the token that its header has now
 *
 * Prints a line to standard error for each of them, with what it should say.
 */
void tab_warn_stale(const char *verb, const char *ref, const char *target, const char *uuid,
		    const struct evs_token *token);

#endif /* EVS_SETUP_TAB_H */
