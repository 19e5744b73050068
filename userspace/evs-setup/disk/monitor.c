// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * monitor: a line, or an entry in the journal, for each event that the kernel reports
 * of a disk, until a signal ends it.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "block/backing.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "date.h"
#include "journal.h"
#include "nl/netlink.h"
#include "text.h"

/* What takes the place of an event where the kernel had no room for some */
#define EVENTS_LOST "events-lost"

enum form {
	FORM_TEXT,
	FORM_JSON,
	FORM_JOURNAL,
};

/* The time in UTC, such as 2026-11-24T15:18:30.123Z */
static void now(char *text, size_t size)
{
	char seconds[EVS_DATE_SIZE];
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	evs_date_time(seconds, ts.tv_sec);
	snprintf(text, size, "%.*s.%03ldZ", (int)strlen(seconds) - 1, seconds,
		 ts.tv_nsec / 1000000);
}

static void print_text(const char *time, const struct evs_event_msg *event)
{
	if (!event) {
		evs_text_line(stdout, "%s " EVENTS_LOST, time);
		return;
	}
	evs_text_line(stdout, "%s %s cause=%s state=%s device=/dev/evs%" PRIu32 " size=%" PRIu64
		      " errors=%" PRIu64 " uuid=%s name=%s",
		      time, evs_nl_event_name(event->event), evs_nl_cause_name(event->cause),
		      evs_nl_state_name(event->state), event->id, event->size, event->errors,
		      *event->uuid ? event->uuid : "-", event->name);
}

static int add_text(struct json_object *json, const char *name, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	return value ? json_object_object_add(json, name, value) : -1;
}

static int add_number(struct json_object *json, const char *name, uint64_t number)
{
	struct json_object *value = json_object_new_uint64(number);

	return value ? json_object_object_add(json, name, value) : -1;
}

static int add_event(struct json_object *json, const struct evs_event_msg *event)
{
	char device[32], backing[PATH_MAX];

	snprintf(device, sizeof(device), "/dev/evs%" PRIu32, event->id);
	backing_name(event->backing_dev, backing, sizeof(backing));
	if (add_text(json, "event", evs_nl_event_name(event->event)) ||
	    add_text(json, "cause", evs_nl_cause_name(event->cause)) ||
	    add_text(json, "name", event->name) || add_text(json, "device", device) ||
	    (*event->uuid ? add_text(json, "uuid", event->uuid) :
			    json_object_object_add(json, "uuid", NULL)) ||
	    add_text(json, "state", evs_nl_state_name(event->state)) ||
	    add_text(json, "backing", backing) || add_number(json, "size", event->size))
		return -1;
	return add_number(json, "errors", event->errors);
}

static int print_json(const char *time, const struct evs_event_msg *event)
{
	struct json_object *json = json_object_new_object();
	int ret = -1;

	if (json && !add_text(json, "time", time) &&
	    !(event ? add_event(json, event) : add_text(json, "event", EVENTS_LOST))) {
		ret = 0;
		puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(json);
	return ret;
}

/* At once: a reader of the lines must not wait for a full buffer. */
static int print_event(const struct evs_event_msg *event, enum form form, struct evs_error *err)
{
	char time[40];

	if (form == FORM_JOURNAL)
		return journal_send(event, err);
	now(time, sizeof(time));
	if (form == FORM_TEXT)
		print_text(time, event);
	else if (print_json(time, event))
		return evs_error_set(err, ENOMEM, "out of memory");
	/* Whatever the reason, it is not one that a disk or a KMS has. */
	if (fflush(stdout))
		return evs_error_set(err, EPIPE, "standard output: %m");
	return 0;
}

/* All events that are there */
static int take_events(struct evs_nl *nl, enum form form, struct evs_error *err)
{
	struct evs_event_msg event;
	int ret;

	for (;;) {
		ret = evs_nl_event(nl, &event, err);
		if (ret == -EAGAIN)
			return 0;
		if (ret == -EPROTO)
			evs_text_line(stderr, "evs-setup: monitor: %s", err->text);
		else if (ret && ret != -ENOBUFS)
			return ret;
		if (ret != -EPROTO && print_event(ret ? NULL : &event, form, err))
			return -err->errnum;
	}
}

static int monitor(struct evs_nl *nl, int signals, enum form form, struct evs_error *err)
{
	struct pollfd ready[] = {
		{ .fd = signals, .events = POLLIN },
		{ .events = POLLIN },
	};
	int ret;

	ready[1].fd = evs_nl_listen(nl, err);
	if (ready[1].fd < 0)
		return ready[1].fd;
	/* Disks whose units start after evs-monitor.service are attached after this. */
	sd_notify(0, "READY=1");
	do {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return evs_error_set(err, errno, "cannot wait for events: %m");
		/* What came before the signal is printed. */
		ret = take_events(nl, form, err);
	} while (!ret && !ready[0].revents);
	return ret;
}

/* The signals that end the program come in order with the events. */
static int open_signals(struct evs_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return evs_error_set(err, errno, "cannot block signals: %m");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? evs_error_set(err, errno, "cannot wait for signals: %m") : fd;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	enum form form = cli_settings()->json ? FORM_JSON : FORM_TEXT;
	struct evs_nl *nl;
	int opt, ret, signals;

	while ((opt = cli_option(argc, argv, err)) > 0)
		form = FORM_JOURNAL;
	if (opt < 0 || cli_no_operand(argc, argv, err))
		return -err->errnum;
	if (form == FORM_JOURNAL && cli_settings()->json)
		return evs_error_set(err, EINVAL, "give --journal or --json, not both");
	out_own();
	signals = open_signals(err);
	if (signals < 0)
		return signals;
	ret = evs_nl_open(&nl, err);
	if (!ret) {
		ret = monitor(nl, signals, form, err);
		evs_nl_close(nl);
	}
	close(signals);
	return ret;
}

static const struct verb_option options[] = {
	{ "journal", VERB_LONG('j'), NULL, WORD_NONE,
	  "write each event to the journal instead of printing it" },
	{},
};

const struct verb verb_monitor = {
	.name = "monitor",
	.args = "[OPTION...]",
	.brief = "print disk events until interrupted",
	.options = options,
	.notes = "Prints a line for each event, with --json an object on a line. Ends at SIGINT or\n"
		 "SIGTERM. The event events-lost says that some are missing, because the lines\n"
		 "were not read in time.\n",
	.needs = VERB_NEEDS_ADMIN,
	.run = run,
};
