// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks that go
 *
 * Detaching a disk that nobody has open removes it at once. One that is open is
 * detached lazily, when its last opener closes it, or by force: that leaves a
 * dead disk to those who have it open. I/O fails, the cipher and the key are
 * gone, and so is the claim to the backing device as soon as that has answered
 * all I/O. Closing it for the last time frees it.
 *
 * A disk that is revoked, by command or as its key is lost, fails all I/O but stays.
 * A disk whose backing device goes loses its cipher and key, and fails all I/O,
 * but stays until it is detached.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

#include "removal.h"

/* Own, so that unloading the module can wait for its work to return */
static struct workqueue_struct *evs_removal_wq;

/* Called once, by whoever has made the disk detaching or dead */
static void evs_disk_remove(struct evs_disk *evs)
{
	/* What the new state forbids may have begun before: wait for its end */
	mutex_lock(&evs->slot.mutex);
	evs_backing_unlink(&evs->backing, evs->disk);
	mutex_unlock(&evs->slot.mutex);

	evs_events_stop(&evs->events);
	/* What the page cache still has is written out encrypted, or fails */
	del_gendisk(evs->disk);

	/* No request is in flight any more, and none will come */
	evs_keyslot_kill(&evs->slot);
	evs_backing_close(&evs->backing);
	/* The backing device has no holder any more who could be told */
	cancel_work_sync(&evs->gone_work);
	cancel_work_sync(&evs->gone_tell_work);
	flush_work(&evs->lost_tell_work);
	evs_events_exit(&evs->events);

	pr_info("%s: detached \"%s\": %s\n", evs->disk->disk_name, evs->config.name,
		evs_cause_name(evs->detach_cause));
	evs_event(&evs->events, EVS_EVENT_DETACHED, evs->detach_cause);
	complete_all(&evs->removed);
	put_disk(evs->disk);
}

/* Remove a disk that is detached while it is open */
static void evs_disk_remove_work(struct work_struct *work)
{
	struct evs_disk *evs = container_of(work, struct evs_disk,
					      remove_work);

	/* Detached lazily: it is not open, and what was written is to arrive */
	if (READ_ONCE(evs->slot.state) == EVS_DEV_STATE_DETACHING)
		goto remove;

	/* Users learn that the disk is gone; file systems shut down */
	blk_mark_disk_dead(evs->disk);

	/*
	 * del_gendisk() waits for requests in flight to a backing device that
	 * may hang. Wait here, in portions that do not look like a hung task.
	 */
	while (!blk_mq_freeze_queue_wait_timeout(evs->disk->queue, 10 * HZ))
		;

remove:
	evs_disk_remove(evs);
}

/*
 * Not under disk->open_mutex: an opener may hold it who waits for the backing
 * device. Opening a disk meanwhile gives a dead one.
 */
static int evs_disk_detach_by_force(struct evs_disk *evs, enum evs_cause cause,
				    struct netlink_ext_ack *extack)
{
	int before;

	before = evs_keyslot_change(&evs->slot, EVS_OP_KILL, NULL, extack);
	if (before < 0)
		return before;
	evs_key_disown(&evs->slot.owner);

	/* If it was being detached already, it is going to be removed */
	if (before != EVS_DEV_STATE_DETACHING) {
		evs->detach_cause = cause;
		queue_work(evs_removal_wq, &evs->remove_work);
	}
	wait_for_completion_timeout(&evs->removed, HZ);
	return 0;
}

/*
 * Under disk->open_mutex, so that the disk is not opened meanwhile.
 *
 * Return: 0 if the caller is to remove the disk, -EINPROGRESS if the last opener.
 */
static int evs_disk_detach_closed(struct evs_disk *evs, bool lazy,
				  struct netlink_ext_ack *extack)
{
	struct gendisk *disk = evs->disk;
	int err;

	if (mutex_lock_interruptible(&disk->open_mutex))
		return -EINTR;

	if (!disk_openers(disk)) {
		err = evs_keyslot_change(&evs->slot, EVS_OP_DETACH, NULL, extack);
	} else if (lazy) {
		err = evs_state_next(READ_ONCE(evs->slot.state), EVS_OP_DETACH);
		if (err < 0) {
			evs_state_explain(err, EVS_OP_DETACH, extack);
		} else {
			set_bit(EVS_LAZY, &evs->flags);
			err = -EINPROGRESS;
		}
	} else {
		NL_SET_ERR_MSG(extack, "the disk is in use");
		err = -EBUSY;
	}

	mutex_unlock(&disk->open_mutex);
	return min(err, 0);
}

/**
 * evs_disk_detach() - remove a disk
 * @evs: disk
 * @how: what to do if it is open
 * @extack: says why if it fails
 *
 * EVS_DETACH_FORCE wipes the key at once; writes that have not reached the
 * backing device by then fail, even if it is only the page cache that has them.
 * EVS_DETACH_LAZY leaves the disk as it is until it is closed for the last time.
 * A disk whose backing device has gone is always detached, and by force.
 *
 * On success the backing device is free, except after a lazy detach, and after a
 * forced one when it does not answer I/O that is in flight: then it is so once
 * it does.
 *
 * Return: 0, -EBUSY if the disk is open, -ENODEV if it is detached already,
 *	-EINTR on a signal.
 */
int evs_disk_detach(struct evs_disk *evs, enum evs_detach how,
		    struct netlink_ext_ack *extack)
{
	int err;

	if (how == EVS_DETACH_FORCE)
		return evs_disk_detach_by_force(evs, EVS_CAUSE_FORCE, extack);
	if (READ_ONCE(evs->slot.state) == EVS_DEV_STATE_REMOVED)
		return evs_disk_detach_by_force(evs, EVS_CAUSE_COMMAND, extack);

	err = evs_disk_detach_closed(evs, how == EVS_DETACH_LAZY, extack);
	if (!err)
		evs_disk_remove(evs);
	return err == -EINPROGRESS ? 0 : err;
}

/**
 * evs_disk_closed() - go on with a lazy detach
 * @evs: disk that an opener has closed
 */
void evs_disk_closed(struct evs_disk *evs)
{
	lockdep_assert_held(&evs->disk->open_mutex);

	if (!test_bit(EVS_LAZY, &evs->flags) || disk_openers(evs->disk))
		return;
	/* Refused if it is detached otherwise */
	if (evs_keyslot_change(&evs->slot, EVS_OP_DETACH, NULL, NULL) < 0)
		return;
	evs->detach_cause = EVS_CAUSE_LAST_CLOSE;
	queue_work(evs_removal_wq, &evs->remove_work);
}

static void evs_disk_tell_revoked(struct evs_disk *evs, enum evs_cause cause)
{
	evs_key_disown(&evs->slot.owner);
	evs_event(&evs->events, cause == EVS_CAUSE_KEY_EXPIRED ?
		  EVS_EVENT_KEY_EXPIRED : EVS_EVENT_REVOKED, cause);
}

static void evs_disk_log_revoked(struct evs_disk *evs, enum evs_cause cause)
{
	pr_info("%s: \"%s\" has lost its key: %s\n", evs->disk->disk_name,
		evs->config.name, evs_cause_name(cause));
}

/* Tell users that a disk has been revoked, as its key is lost */
static void evs_disk_lost_tell_work(struct work_struct *work)
{
	struct evs_disk *evs = container_of(work, struct evs_disk,
					    lost_tell_work);

	evs_disk_tell_revoked(evs, READ_ONCE(evs->slot.lost_cause));
}

/* Waits for nothing: telling users takes memory, and so does destroying the key */
static void evs_disk_lost(struct evs_keyslot *slot, enum evs_dev_state before)
{
	struct evs_disk *evs = container_of(slot, struct evs_disk, slot);

	evs_disk_log_revoked(evs, READ_ONCE(slot->lost_cause));
	/* While it is being detached, whoever does so tells of it */
	if (before != EVS_DEV_STATE_DETACHING)
		queue_work(evs_removal_wq, &evs->lost_tell_work);
}

/**
 * evs_disk_revoke() - take cipher and key away from a disk by command
 * @evs: disk, open or not
 * @extack: says why if it fails
 *
 * On success the cipher state has been wiped. I/O fails from now on, what is in
 * flight as soon as the backing device answers it.
 *
 * Context: process context. Does not wait for the backing device.
 * Return: 0 or a negative error code, see evs_state_next().
 */
int evs_disk_revoke(struct evs_disk *evs, struct netlink_ext_ack *extack)
{
	int before;

	before = evs_keyslot_change(&evs->slot, EVS_OP_REVOKE, NULL, extack);
	if (before < 0)
		return before;

	evs_disk_log_revoked(evs, EVS_CAUSE_COMMAND);
	if (before != EVS_DEV_STATE_DETACHING)
		evs_disk_tell_revoked(evs, EVS_CAUSE_COMMAND);
	return 0;
}

/*
 * Take the key away from a disk whose backing device is lost. This lets go of I/O that
 * is held, which may be what memory waits for. So it waits for nothing, and runs
 * although no worker can be made.
 */
static void evs_disk_gone_work(struct work_struct *work)
{
	struct evs_disk *evs = container_of(work, struct evs_disk,
					      gone_work);
	int before;

	before = evs_keyslot_change(&evs->slot, EVS_OP_REMOVE, NULL, NULL);
	if (before < 0)
		return;
	pr_warn("%s: \"%s\" has lost its backing device: %s\n",
		evs->disk->disk_name, evs->config.name,
		evs_cause_name(READ_ONCE(evs->gone_cause)));
	/* While it is being detached, whoever does so tells of it */
	if (before != EVS_DEV_STATE_DETACHING)
		queue_work(evs_removal_wq, &evs->gone_tell_work);
}

/* Tell users that the backing device of a disk is lost */
static void evs_disk_gone_tell_work(struct work_struct *work)
{
	struct evs_disk *evs = container_of(work, struct evs_disk,
					      gone_tell_work);

	evs_key_disown(&evs->slot.owner);
	/* Before the event: links to a device that is gone lead nowhere */
	mutex_lock(&evs->slot.mutex);
	evs_backing_unlink(&evs->backing, evs->disk);
	mutex_unlock(&evs->slot.mutex);
	evs_event(&evs->events, EVS_EVENT_REMOVED, READ_ONCE(evs->gone_cause));
	/* Users learn that the disk is gone; file systems shut down */
	blk_mark_disk_dead(evs->disk);
}

/* Of a disk that may not have been added yet; in any context */
static void evs_disk_backing_gone(struct evs_backing *backing,
				  enum evs_cause cause)
{
	struct evs_disk *evs = container_of(backing, struct evs_disk, backing);

	WRITE_ONCE(evs->gone_cause, cause);
	set_bit(EVS_GONE, &evs->flags);
	/* Pairs with the one in evs_disk_added(): one of both sees the other's bit */
	smp_mb__after_atomic();
	if (test_bit(EVS_ADDED, &evs->flags))
		queue_work(evs_revocation_wq, &evs->gone_work);
}

/**
 * evs_disk_added() - deal with the loss of the backing device from now on
 * @evs: disk that has been added
 */
void evs_disk_added(struct evs_disk *evs)
{
	set_bit(EVS_ADDED, &evs->flags);
	/* Pairs with the one in evs_disk_backing_gone() */
	smp_mb__after_atomic();
	if (test_bit(EVS_GONE, &evs->flags))
		queue_work(evs_revocation_wq, &evs->gone_work);
}

/**
 * evs_disk_init_removal() - prepare for the end of a disk
 * @evs: disk that is being attached
 */
void evs_disk_init_removal(struct evs_disk *evs)
{
	evs->slot.lost = evs_disk_lost;
	evs->backing.gone = evs_disk_backing_gone;
	INIT_WORK(&evs->lost_tell_work, evs_disk_lost_tell_work);
	INIT_WORK(&evs->gone_work, evs_disk_gone_work);
	INIT_WORK(&evs->gone_tell_work, evs_disk_gone_tell_work);
	INIT_WORK(&evs->remove_work, evs_disk_remove_work);
	init_completion(&evs->removed);
}
EXPORT_SYMBOL_IF_KUNIT(evs_disk_init_removal);

/**
 * evs_removal_init() - set up what removal needs
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_removal_init(void)
{
	evs_removal_wq = alloc_workqueue("evs_removal", WQ_UNBOUND, 0);
	return evs_removal_wq ? 0 : -ENOMEM;
}

/**
 * evs_removal_exit() - undo evs_removal_init(), when no disk is left
 */
void evs_removal_exit(void)
{
	destroy_workqueue(evs_removal_wq);
}
