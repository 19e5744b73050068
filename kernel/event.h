/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: telling userspace what happens to disks
 */
#ifndef _EVS_EVENT_H
#define _EVS_EVENT_H

#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <uapi/linux/evs.h>

struct gendisk;

/**
 * struct evs_events - what happens to a disk, and how it is told
 * @disk: the disk, which sends uevents once it has been added
 * @state: its present state
 * @tell: tells those who listen to all disks
 * @uevent_lock: held while a uevent is sent; protects @uevents
 * @uevents: @disk has been added, and is not being removed
 * @lock: protects the next three
 * @announced: userspace has been told that the disk is attached
 * @early_event: what has happened to the disk before, or EVS_EVENT_ATTACHED if
 *	nothing has
 * @early_cause: why
 * @errors: requests that have failed
 * @error_op: operation of the last one
 * @error_next: not before then is userspace told of failed I/O again, in jiffies
 * @error_work: tells userspace of failed I/O
 */
struct evs_events {
	struct gendisk *disk;
	const enum evs_dev_state *state;
	void (*tell)(struct evs_events *events, enum evs_event event,
		     enum evs_cause cause);
	struct mutex uevent_lock;	/* held while a uevent is sent */
	bool uevents;
	spinlock_t lock;		/* protects announced, early_* */
	bool announced;
	enum evs_event early_event;
	enum evs_cause early_cause;
	atomic_t errors;
	enum req_op error_op;
	unsigned long error_next;
	struct delayed_work error_work;
};

const char *evs_event_name(enum evs_event event);
const char *evs_cause_name(enum evs_cause cause);
enum evs_dev_state evs_event_state(const struct evs_events *events,
				   enum evs_event event);
void evs_event(struct evs_events *events, enum evs_event event,
	       enum evs_cause cause);
void evs_io_error(struct evs_events *events, enum req_op op);
void evs_events_init(struct evs_events *events);
void evs_events_start(struct evs_events *events);
void evs_events_stop(struct evs_events *events);
void evs_events_exit(struct evs_events *events);

#if IS_ENABLED(CONFIG_KUNIT)
unsigned long evs_error_delay(unsigned long next, unsigned long now);
enum evs_cause evs_error_cause(enum req_op op);
#endif

#endif /* _EVS_EVENT_H */
