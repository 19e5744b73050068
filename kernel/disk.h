/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: disks, from attach to the end of detach
 */
#ifndef _EVS_DISK_H
#define _EVS_DISK_H

#include <linux/completion.h>

#include "backing.h"
#include "config.h"
#include "event.h"
#include "keyslot.h"
#include "queue.h"

/* Bits of struct evs_disk's flags */
enum {
	EVS_LAZY,		/* detached when the last opener closes it */
	EVS_ADDED,		/* the disk has been added */
	EVS_GONE,		/* the backing device has gone */
};

struct evs_disk;

/**
 * struct evs_interface - what shows disks to userspace
 * @groups: files of a disk in sysfs
 * @tell: tells those who listen to all disks what happens to one, which does not go
 *	meanwhile; in process context
 */
struct evs_interface {
	const struct attribute_group **groups;
	void (*tell)(struct evs_disk *evs, enum evs_event event,
		     enum evs_cause cause);
};

/**
 * struct evs_disk - an attached disk
 * @config: what was asked for
 * @interface: what shows it to userspace
 * @id: the N of /dev/evsN and index in evs_disks
 * @visible: the disk has been added and is found by users. Under evs_disks_lock.
 * @disk: the gendisk /dev/evsN. Lives as long as this structure and counts its
 *	references: one from attach to the end of detach, one for each opener,
 *	one for each user of evs_disk_get().
 * @size: size in bytes; changed under the mutex of @slot
 * @flags: EVS_LAZY, EVS_ADDED, EVS_GONE
 * @slot: its key
 * @queue: its requests
 * @events: what userspace is told
 * @backing: its backing device
 * @lost_tell_work: tells users that the disk has been revoked, as its key is lost
 * @gone_cause: what happened to @backing, for @gone_work
 * @gone_work: takes the key away from a disk whose @backing is lost
 * @gone_tell_work: then tells its users
 * @detach_cause: why the disk is detached; set by who makes it detaching or dead
 * @remove_work: removes the disk after a detach that was lazy or by force
 * @removed: completes when the disk has been removed and @backing closed
 */
struct evs_disk {
	struct evs_config config;
	const struct evs_interface *interface;
	u32 id;
	bool visible;
	struct gendisk *disk;
	u64 size;
	unsigned long flags;

	struct evs_keyslot slot;
	struct evs_queue queue;
	struct evs_events events;

	struct evs_backing backing;
	struct work_struct lost_tell_work;
	enum evs_cause gone_cause;
	struct work_struct gone_work;
	struct work_struct gone_tell_work;

	enum evs_cause detach_cause;
	struct work_struct remove_work;
	struct completion removed;
};

/*
 * Lock order: disk->open_mutex, then evs_disks_lock. The mutex of a key slot comes
 * before the latter and is never held together with open_mutex; key semaphores are
 * taken under it only. The spinlocks come last: that of a key slot, then that of its
 * queue, the others one at a time. The uevent_lock of a disk is taken with none of
 * these held, but for the mutex of the key slot of a disk that is being attached. The
 * bd_holder_lock of the backing device is held by who calls its holder operation, which
 * takes nothing.
 *
 * evs_disks_lock is not held while the backing device is opened, read, written or
 * closed, nor for memory that only I/O could bring: every command takes it, those
 * that let held I/O go on included. disk->open_mutex is, by the block layer: the
 * first opener reads the partition table under it, the last one writes the page
 * cache back.
 */

struct evs_disk *evs_disk_attach(const struct evs_config *config,
				 const struct evs_interface *interface,
				 struct netlink_ext_ack *extack);
int evs_disk_suspend(struct evs_disk *evs, unsigned int grace,
		     struct netlink_ext_ack *extack);
int evs_disk_resume(struct evs_disk *evs, key_serial_t serial,
		    struct netlink_ext_ack *extack);
int evs_disk_resize(struct evs_disk *evs, u64 size,
		    struct netlink_ext_ack *extack);

#endif /* _EVS_DISK_H */
