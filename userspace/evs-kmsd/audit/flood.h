/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_FLOOD_H
#define KMSD_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/event.h"

/*
 * Refusals by caller. Each caller gets a few records a minute; what is beyond them
 * is counted and becomes one record, when the minute is over. The number of
 * callers told apart is limited, too, so the log grows by some kilobytes a minute
 * whatever is asked.
 */

#define KMSD_FLOOD_CALLERS 64
#define KMSD_FLOOD_STRANGERS 16	/* of them, those who have not shown who they are */

/**
 * struct kmsd_refusals - The refusals of one caller.
 * @caller: client, or where a stranger calls from; "" for an entry that is free
 * @stranger: it is one
 * @begin: time of the first one, which begins the minute
 * @recorded: how many have a record of their own
 * @count: how many have not
 * @since: time of the first of these
 * @last: the last of these; its texts are in @texts
 */
struct kmsd_refusals {
	char caller[KMSD_EVENT_TEXT];
	bool stranger;
	int64_t begin;
	unsigned int recorded;
	int64_t count;
	int64_t since;
	struct kmsd_event last;
	char texts[KMSD_EVENT_TEXTS][KMSD_EVENT_TEXT];
};

/**
 * struct kmsd_flood - The refusals of all.
 * @callers: by caller
 * @others: of those for whom there is no entry
 */
struct kmsd_flood {
	struct kmsd_refusals callers[KMSD_FLOOD_CALLERS];
	struct kmsd_refusals others;
};

/*
 * May a refusal have a record of its own? @flood: the refusals. @event: the refusal; counted
 * when it may not. Returns true when it has been counted instead.
 */
bool kmsd_flood_holds(struct kmsd_flood *flood, const struct kmsd_event *event);

/*
 * Take what is to be recorded about refusals that were counted. @flood: the refusals. @now:
 * only of minutes that are over by then. Returns the refusals, whose event last is to be
 * recorded, or NULL when there are none.
 */
struct kmsd_refusals *kmsd_flood_next(struct kmsd_flood *flood, int64_t now);

/* Forget refusals: they have been recorded. @refusals: from kmsd_flood_next(). */
void kmsd_flood_told(struct kmsd_refusals *refusals);

#endif /* KMSD_FLOOD_H */
