// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: telling userspace what happens to disks
 *
 * Every event goes to the listeners of the netlink group; those that change
 * what a disk does with I/O are uevents of the disk as well, for udev. Failed
 * I/O is counted one by one but reported once a second, since a backing device
 * that breaks fails thousands of requests.
 *
 * Listeners may be slow, and whoever has the locks of uevents may be waiting for
 * a disk that is suspended. So no lock that resuming or removing a disk takes is
 * held while an event is sent, with the exception of the disk's uevent_lock, and of
 * the mutex of its key slot as long as it is being attached.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "event.h"
#include "state.h"

/* Shortest time between two events that tell of failed I/O, in jiffies */
#define EVS_ERROR_PERIOD	HZ

/* As in Documentation/netlink/specs/evs.yaml, likewise the causes */
static const char *const evs_event_names[] = {
	[EVS_EVENT_ATTACHED]		= "attached",
	[EVS_EVENT_DETACHED]		= "detached",
	[EVS_EVENT_SUSPENDED]		= "suspended",
	[EVS_EVENT_RESUMED]		= "resumed",
	[EVS_EVENT_REVOKED]		= "revoked",
	[EVS_EVENT_KEY_EXPIRED]		= "key-expired",
	[EVS_EVENT_REMOVED]		= "removed",
	[EVS_EVENT_RESIZED]		= "resized",
	[EVS_EVENT_IO_ERROR]		= "io-error",
};

static const char *const evs_cause_names[] = {
	[EVS_CAUSE_COMMAND]		= "command",
	[EVS_CAUSE_FORCE]		= "force",
	[EVS_CAUSE_LAST_CLOSE]		= "last-close",
	[EVS_CAUSE_KEY_REVOKED]		= "key-revoked",
	[EVS_CAUSE_KEY_EXPIRED]		= "key-expired",
	[EVS_CAUSE_KEY_INVALIDATED]	= "key-invalidated",
	[EVS_CAUSE_BACKING_GONE]	= "backing-gone",
	[EVS_CAUSE_BACKING_SHRUNK]	= "backing-shrunk",
	[EVS_CAUSE_READ]		= "read",
	[EVS_CAUSE_WRITE]		= "write",
	[EVS_CAUSE_FLUSH]		= "flush",
	[EVS_CAUSE_DISCARD]		= "discard",
};

/**
 * evs_event_name() - name an event
 * @event: what has happened to a disk
 *
 * Return: its name in uevents.
 */
const char *evs_event_name(enum evs_event event)
{
	return evs_event_names[event];
}
EXPORT_SYMBOL_IF_KUNIT(evs_event_name);

/**
 * evs_cause_name() - name a cause
 * @cause: why something has happened to a disk
 *
 * Return: its name in logs and uevents.
 */
const char *evs_cause_name(enum evs_cause cause)
{
	return evs_cause_names[cause];
}
EXPORT_SYMBOL_IF_KUNIT(evs_cause_name);

/**
 * evs_event_state() - tell the state of the disk that an event is about
 * @events: those of a disk
 * @event: what has happened to it
 *
 * Return: the state that the event has put the disk into, which may not be the
 *	present one any more, or that one if the event does not change it.
 */
enum evs_dev_state evs_event_state(const struct evs_events *events,
				   enum evs_event event)
{
	switch (event) {
	case EVS_EVENT_ATTACHED:
	case EVS_EVENT_RESUMED:
		return EVS_DEV_STATE_LIVE;
	case EVS_EVENT_SUSPENDED:
		return EVS_DEV_STATE_SUSPENDED;
	case EVS_EVENT_REVOKED:
	case EVS_EVENT_KEY_EXPIRED:
		return EVS_DEV_STATE_REVOKED;
	case EVS_EVENT_REMOVED:
		return EVS_DEV_STATE_REMOVED;
	default:
		return READ_ONCE(*events->state);
	}
}
EXPORT_SYMBOL_IF_KUNIT(evs_event_state);

static void evs_event_uevent(struct evs_events *events, enum evs_event event,
			     enum evs_cause cause)
{
	char env_event[24], env_state[24], env_cause[32];
	char *env[5] = { env_event, env_state, env_cause };

	snprintf(env_event, sizeof(env_event), "EVS_EVENT=%s",
		 evs_event_name(event));
	snprintf(env_state, sizeof(env_state), "EVS_STATE=%s",
		 evs_state_name(evs_event_state(events, event)));
	snprintf(env_cause, sizeof(env_cause), "EVS_CAUSE=%s",
		 evs_cause_name(cause));
	/* As the block layer has it */
	if (event == EVS_EVENT_RESIZED)
		env[3] = "RESIZE=1";

	mutex_lock(&events->uevent_lock);
	/* One that is missed changes nothing: the state is in sysfs, too */
	if (events->uevents)
		kobject_uevent_env(&disk_to_dev(events->disk)->kobj, KOBJ_CHANGE,
				   env);
	mutex_unlock(&events->uevent_lock);
}

static void evs_event_send(struct evs_events *events, enum evs_event event,
			   enum evs_cause cause)
{
	unsigned int noio;

	/* The disk may be what memory is swapped out to */
	noio = memalloc_noio_save();

	events->tell(events, event, cause);
	switch (event) {
	case EVS_EVENT_ATTACHED:
	case EVS_EVENT_DETACHED:
	case EVS_EVENT_IO_ERROR:
		break;
	default:
		evs_event_uevent(events, event, cause);
	}

	memalloc_noio_restore(noio);
}

/*
 * Keep an event for evs_events_start(), if userspace has not been told of the disk
 * yet. By then all that can happen is that the disk is revoked, which it is once,
 * and that I/O fails, say of those who read the partition table. Failures are
 * counted anyway.
 */
static bool evs_event_early(struct evs_events *events, enum evs_event event,
			    enum evs_cause cause)
{
	unsigned long flags;
	bool early;

	spin_lock_irqsave(&events->lock, flags);
	early = !events->announced;
	if (early && event != EVS_EVENT_IO_ERROR) {
		events->early_event = event;
		events->early_cause = cause;
	}
	spin_unlock_irqrestore(&events->lock, flags);

	return early;
}

/**
 * evs_event() - tell userspace that something has happened to a disk
 * @events: those of a disk, which must not be freed meanwhile
 * @event: what has happened
 * @cause: why
 *
 * Adding and removing the disk have uevents of the block layer; failed I/O has
 * none, since there is nothing that udev could do about it. Of a disk that is
 * still being attached userspace is told by evs_events_start().
 *
 * Context: process context. May wait for memory, but not for I/O. Neither
 *	evs_disks_lock nor disk->open_mutex should be held.
 */
void evs_event(struct evs_events *events, enum evs_event event,
	       enum evs_cause cause)
{
	if (!evs_event_early(events, event, cause))
		evs_event_send(events, event, cause);
}

/**
 * evs_error_delay() - tell when the next event of failed I/O may be sent
 * @next: since when it may be, in jiffies
 * @now: the present, in jiffies
 *
 * Return: how long to wait, in jiffies; EVS_ERROR_PERIOD at most, although
 *	jiffies wrap around.
 */
VISIBLE_IF_KUNIT unsigned long evs_error_delay(unsigned long next,
					       unsigned long now)
{
	if (time_after_eq(now, next))
		return 0;

	return min_t(unsigned long, next - now, EVS_ERROR_PERIOD);
}
EXPORT_SYMBOL_IF_KUNIT(evs_error_delay);

/**
 * evs_error_cause() - tell what kind of I/O has failed
 * @op: operation of the request
 *
 * Return: the cause for EVS_EVENT_IO_ERROR.
 */
VISIBLE_IF_KUNIT enum evs_cause evs_error_cause(enum req_op op)
{
	switch (op) {
	case REQ_OP_READ:
		return EVS_CAUSE_READ;
	case REQ_OP_FLUSH:
		return EVS_CAUSE_FLUSH;
	case REQ_OP_DISCARD:
		return EVS_CAUSE_DISCARD;
	default:
		return EVS_CAUSE_WRITE;
	}
}
EXPORT_SYMBOL_IF_KUNIT(evs_error_cause);

/* Does nothing if an event is due already */
static void evs_error_schedule(struct evs_events *events)
{
	schedule_delayed_work(&events->error_work,
			      evs_error_delay(READ_ONCE(events->error_next),
					      jiffies));
}

static void evs_error_work(struct work_struct *work)
{
	struct evs_events *events = container_of(to_delayed_work(work),
						 struct evs_events,
						 error_work);

	/* First: what fails from here on is for the next event */
	WRITE_ONCE(events->error_next, jiffies + EVS_ERROR_PERIOD);
	evs_event(events, EVS_EVENT_IO_ERROR,
		  evs_error_cause(READ_ONCE(events->error_op)));
}

/**
 * evs_io_error() - count a request that has failed, and have it reported
 * @events: those of a disk
 * @op: operation of the request
 *
 * To be called before the request is ended, since the disk may go afterwards.
 *
 * Context: any, down to hard interrupts.
 */
void evs_io_error(struct evs_events *events, enum req_op op)
{
	atomic_inc(&events->errors);
	WRITE_ONCE(events->error_op, op);
	evs_error_schedule(events);
}
EXPORT_SYMBOL_IF_KUNIT(evs_io_error);

/**
 * evs_events_init() - prepare for the events of a disk
 * @events: those of a disk that is being attached
 */
void evs_events_init(struct evs_events *events)
{
	mutex_init(&events->uevent_lock);
	spin_lock_init(&events->lock);
	events->early_event = EVS_EVENT_ATTACHED;	/* that is, none */
	INIT_DELAYED_WORK(&events->error_work, evs_error_work);
	events->error_next = jiffies;
}
EXPORT_SYMBOL_IF_KUNIT(evs_events_init);

/**
 * evs_events_start() - tell userspace that a disk is attached, and what happens to
 *	it from then on
 * @events: those of a disk that has been added
 *
 * A key that was lost during attach is told of after that: udev may have read the old
 * state of a disk that has just been added.
 *
 * Context: process context. Whatever else would have something to tell of the disk
 *	waits for the caller.
 */
void evs_events_start(struct evs_events *events)
{
	enum evs_event event = EVS_EVENT_ATTACHED;
	enum evs_cause cause = EVS_CAUSE_COMMAND;

	mutex_lock(&events->uevent_lock);
	events->uevents = true;
	mutex_unlock(&events->uevent_lock);

	do {
		evs_event_send(events, event, cause);
		spin_lock_irq(&events->lock);
		event = events->early_event;
		cause = events->early_cause;
		events->early_event = EVS_EVENT_ATTACHED;
		events->announced = event == EVS_EVENT_ATTACHED;
		spin_unlock_irq(&events->lock);
	} while (event != EVS_EVENT_ATTACHED);

	if (atomic_read(&events->errors))
		evs_error_schedule(events);
}

/**
 * evs_events_stop() - send no uevents of a disk any more
 * @events: those of a disk that is about to be given to del_gendisk(), which takes away what
 *	uevents refer to
 *
 * The netlink group is told of events as before.
 *
 * Context: process context. Waits for a uevent that is being sent.
 */
void evs_events_stop(struct evs_events *events)
{
	mutex_lock(&events->uevent_lock);
	events->uevents = false;
	mutex_unlock(&events->uevent_lock);
}

/**
 * evs_events_exit() - undo evs_events_init()
 * @events: those of a disk, which has no requests any more
 *
 * Errors not yet reported have come within a second of the last event and are
 * in the count of the disk.
 */
void evs_events_exit(struct evs_events *events)
{
	cancel_delayed_work_sync(&events->error_work);
}
EXPORT_SYMBOL_IF_KUNIT(evs_events_exit);
