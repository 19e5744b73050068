/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_JOURNAL_H
#define EVS_SETUP_JOURNAL_H

#include "error.h"
#include "nl/netlink.h"

/**
 * journal_send() - Write an event to the journal, with a field for each of its members.
 * @event: the event; NULL when the kernel had no room for some events
 * @err: filled on failure
 *
 * Writes nothing, and does not fail, on a host without a journal.
 *
 * Return: 0 or a negative errno.
 */
int journal_send(const struct evs_event_msg *event, struct evs_error *err);

#endif /* EVS_SETUP_JOURNAL_H */
