// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events as entries in the journal. MESSAGE_ID identifies the kind of event;
 * integration/catalog/evs.catalog explains each kind and says what to do.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "block/backing.h"
#include "journal.h"

/* Never change an id: programs and the catalog refer to it. */
static const struct message {
	const char *id;
	int priority;
	const char *text;
} messages[] = {
	[EVS_EVENT_ATTACHED] = { "faba7a52577a474fb9ee7ce2e37b8b6e", LOG_INFO, "attached" },
	[EVS_EVENT_DETACHED] = { "1c69675c3570402f8e163c18868f34fc", LOG_INFO, "detached" },
	[EVS_EVENT_SUSPENDED] = { "58d202f916ca4b7291cdb2d11fc31c15", LOG_NOTICE,
				  "suspended: I/O waits" },
	[EVS_EVENT_RESUMED] = { "93073e169b8a408ebf5b98aa1138fd91", LOG_NOTICE, "resumed" },
	[EVS_EVENT_REVOKED] = { "ee4fdf01fc8e4c778af4fd695e124783", LOG_ERR,
				"revoked: I/O fails" },
	[EVS_EVENT_KEY_EXPIRED] = { "4ed74c2c8baa4b639e9d72994c7b51e2", LOG_ERR,
				    "its key has expired: I/O fails" },
	[EVS_EVENT_REMOVED] = { "8f26fa02c2ad4f898124b25ff0ce3c84", LOG_ERR,
				"the device below is lost: I/O fails" },
	[EVS_EVENT_RESIZED] = { "b90c52a431d04eb18247c5e331f13ceb", LOG_INFO, "resized" },
	[EVS_EVENT_IO_ERROR] = { "b34c06fffe4a427ba8f3fc79de4f8362", LOG_ERR, "I/O has failed" },
};

static const struct message unknown = { "40c7ec939751462a907bc6eb04fd07d7", LOG_NOTICE,
					"event of a newer driver" };

/* Has no fields of a disk: the lost events may be those of any disk. */
static int send_lost(void)
{
	return sd_journal_send("MESSAGE=Events of EVS disks were lost",
			       "MESSAGE_ID=8f2d64511cdd4ed1948cfcbade3c5500",
			       "PRIORITY=%d", LOG_WARNING, "EVS_EVENT=events-lost", NULL);
}

static int send_event(const struct evs_event_msg *event)
{
	const struct message *message = &unknown;
	char backing[PATH_MAX];

	if (event->event < sizeof(messages) / sizeof(messages[0]))
		message = &messages[event->event];
	backing_name(event->backing_dev, backing, sizeof(backing));
	return sd_journal_send("MESSAGE=EVS disk %s (/dev/evs%" PRIu32 "): %s (%s)", event->name,
			       event->id, message->text, evs_nl_cause_name(event->cause),
			       "MESSAGE_ID=%s", message->id,
			       "PRIORITY=%d", message->priority,
			       "EVS_EVENT=%s", evs_nl_event_name(event->event),
			       "EVS_CAUSE=%s", evs_nl_cause_name(event->cause),
			       "EVS_STATE=%s", evs_nl_state_name(event->state),
			       "EVS_NAME=%s", event->name,
			       "EVS_DEVICE=/dev/evs%" PRIu32, event->id,
			       "EVS_UUID=%s", event->uuid,
			       "EVS_BACKING=%s", backing,
			       "EVS_SIZE=%" PRIu64, event->size,
			       "EVS_ERRORS=%" PRIu64, event->errors, NULL);
}

int journal_send(const struct evs_event_msg *event, struct evs_error *err)
{
	int ret = event ? send_event(event) : send_lost();

	return ret < 0 ? evs_error_set(err, -ret, "journal: %s", strerror(-ret)) : 0;
}
