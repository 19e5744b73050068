// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "audit/flood.h"
#include "clock.h"
#include "text.h"

#define WINDOW_MS (60 * KMSD_SECOND_MS)
#define RECORDS_MAX 4	/* in a window, of one caller */

static bool is_over(const struct kmsd_refusals *r, int64_t now)
{
	/* Also when the clock was set back */
	return now - r->begin >= WINDOW_MS || now < r->begin;
}

/* The caller's entry, a free one, or the one that callers without an entry share. */
static struct kmsd_refusals *find(struct kmsd_flood *flood, const char *caller, bool stranger,
				  int64_t now)
{
	struct kmsd_refusals *r, *free_one = NULL;
	unsigned int strangers = 0;

	for (r = flood->callers; r < flood->callers + KMSD_FLOOD_CALLERS; r++) {
		if (r->caller[0] && r->stranger == stranger && !strcmp(r->caller, caller))
			return r;
		if (!r->caller[0] || (is_over(r, now) && !r->count))
			free_one = r;
		else
			strangers += r->stranger;
	}
	if (!free_one || (stranger && strangers >= KMSD_FLOOD_STRANGERS))
		return &flood->others;
	*free_one = (struct kmsd_refusals){ .stranger = stranger, .begin = now };
	strcpy(free_one->caller, caller);
	return free_one;
}

static void keep(struct kmsd_refusals *r, const struct kmsd_event *event)
{
	if (!r->count++)
		r->since = event->time;
	r->last = *event;
	for (int i = 0; i < KMSD_EVENT_TEXTS; i++) {
		const char *text = event->text[i] ? event->text[i] : "";

		evs_text_copy(r->texts[i], sizeof(r->texts[i]), text, strlen(text));
		r->last.text[i] = r->texts[i];
	}
}

bool kmsd_flood_holds(struct kmsd_flood *flood, const struct kmsd_event *event)
{
	const char *client = event->text[KMSD_EV_CLIENT], *source = event->text[KMSD_EV_SOURCE];
	bool stranger = !client || !client[0];
	char caller[KMSD_EVENT_TEXT];
	struct kmsd_refusals *r;

	if (!event->refused)
		return false;
	if (stranger)
		client = source && source[0] ? source : "-";
	evs_text_copy(caller, sizeof(caller), client, strlen(client));
	r = find(flood, caller, stranger, event->time);
	if (is_over(r, event->time) && !r->count) {
		r->begin = event->time;
		r->recorded = 0;
	}
	if (r->recorded < RECORDS_MAX && !r->count) {
		r->recorded++;
		return false;
	}
	keep(r, event);
	return true;
}

static struct kmsd_refusals *due(struct kmsd_flood *flood, int64_t now)
{
	struct kmsd_refusals *r;

	for (r = flood->callers; r < flood->callers + KMSD_FLOOD_CALLERS; r++)
		if (r->count && is_over(r, now))
			return r;
	r = &flood->others;
	return r->count && is_over(r, now) ? r : NULL;
}

struct kmsd_refusals *kmsd_flood_next(struct kmsd_flood *flood, int64_t now)
{
	struct kmsd_refusals *r = due(flood, now);

	if (r) {
		r->last.count = r->count;
		r->last.since = r->since;
	}
	return r;
}

void kmsd_flood_told(struct kmsd_refusals *r)
{
	r->count = 0;
	r->caller[0] = '\0';
}
