// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks that lose their key
 *
 * A disk is revoked by command, or when its key is revoked, invalidated, or
 * expires. What counts is that the cipher is gone at once. So it is wiped before
 * anything is done that might have to wait for a backing device that hangs:
 * allocating memory, or taking a lock under which somebody else waits for it,
 * like disk->open_mutex. Requests in flight fail when the backing device answers,
 * as there is no cipher any more; new ones fail without asking it.
 *
 * Nothing is released. A revoked disk is there until it is detached.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

#include "evs.h"

/*
 * For whatever wipes a cipher. Apart from the work of removing disks, which may take
 * as long as a backing device hangs; with a rescuer, as there may be no memory for a
 * worker.
 */
struct workqueue_struct *evs_revocation_wq;

/**
 * evs_dev_revoke() - take cipher and key away from a disk
 * @evs: disk, open or not
 * @cause: why
 * @extack: says why if it fails, or NULL
 *
 * On success the cipher state has been wiped. I/O fails from now on, what is in
 * flight as soon as the backing device answers it.
 *
 * Context: process context. Does not wait for the backing device.
 * Return: 0 or a negative error code, see evs_state_next().
 */
int evs_dev_revoke(struct evs_device *evs, enum evs_cause cause,
		   struct netlink_ext_ack *extack)
{
	int before;

	before = evs_state_change(evs, EVS_OP_REVOKE, NULL, extack);
	if (before < 0)
		return before;
	evs_key_disown(evs);

	pr_info("%s: \"%s\" has lost its key: %s\n", evs->disk->disk_name,
		evs->name, evs_cause_name(cause));
	/* While it is being detached, which may take its time, it stays so */
	if (before != EVS_DEV_STATE_DETACHING)
		evs_event(evs, cause == EVS_CAUSE_KEY_EXPIRED ?
			  EVS_EVENT_KEY_EXPIRED : EVS_EVENT_REVOKED, cause);
	return 0;
}

/**
 * evs_dev_lost_work() - revoke a disk whose key is lost
 * @work: lost_work of the disk
 */
void evs_dev_lost_work(struct work_struct *work)
{
	struct evs_device *evs = container_of(work, struct evs_device,
					      lost_work);

	evs_dev_revoke(evs, READ_ONCE(evs->lost_cause), NULL);
}

/**
 * evs_dev_key_lost() - have a disk revoked as its key is lost
 * @evs: disk
 * @cause: what happened to the key
 *
 * Leaves it to a work: the locks that revoking takes are not to be taken under
 * those of the key.
 *
 * Context: any. The disk must not go meanwhile.
 */
void evs_dev_key_lost(struct evs_device *evs, enum evs_cause cause)
{
	WRITE_ONCE(evs->lost_cause, cause);
	queue_work(evs_revocation_wq, &evs->lost_work);
}

/**
 * evs_revocation_init() - set up what revocation needs
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_revocation_init(void)
{
	evs_revocation_wq = alloc_workqueue("evs_revocation",
					    WQ_UNBOUND | WQ_HIGHPRI |
					    WQ_MEM_RECLAIM, 0);
	return evs_revocation_wq ? 0 : -ENOMEM;
}

/**
 * evs_revocation_exit() - undo evs_revocation_init(), when no disk is left
 */
void evs_revocation_exit(void)
{
	destroy_workqueue(evs_revocation_wq);
}
