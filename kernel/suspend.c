// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks that are without their key for a time
 *
 * Suspending wipes the cipher as revoking does, and as fast, but holds I/O instead of
 * failing it. Resuming takes a key that was asked for anew, and lets the I/O go on if
 * it is the same. On request the cipher is not wiped but kept for a time: only
 * resuming without a key, when nobody can be asked for one, brings it back.
 */
#include <kunit/visibility.h>
#include <linux/key.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>

#include "compat.h"
#include "hold.h"
#include "keyslot.h"

/* The one cipher that nobody but the slot knows of */
static struct evs_cipher *evs_keyslot_take_kept(struct evs_keyslot *slot)
{
	struct evs_cipher *kept;
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	kept = slot->kept;
	slot->kept = NULL;
	spin_unlock_irqrestore(&slot->lock, flags);

	return kept;
}

/* Wipe the cipher that was kept, its time being over */
static void evs_keyslot_kept_work(struct work_struct *work)
{
	struct evs_keyslot *slot = container_of(work, struct evs_keyslot,
						kept_work);

	evs_cipher_wipe(evs_keyslot_take_kept(slot));
}

static enum hrtimer_restart evs_keyslot_kept_timer(struct hrtimer *timer)
{
	struct evs_keyslot *slot = container_of(timer, struct evs_keyslot,
						kept_timer);

	queue_work(evs_revocation_wq, &slot->kept_work);
	return HRTIMER_NORESTART;
}

/**
 * evs_kept_init() - prepare for a cipher that is kept
 * @slot: key slot, to be
 */
void evs_kept_init(struct evs_keyslot *slot)
{
	evs_compat_hrtimer_setup(&slot->kept_timer, evs_keyslot_kept_timer,
				 CLOCK_BOOTTIME, HRTIMER_MODE_REL);
	INIT_WORK(&slot->kept_work, evs_keyslot_kept_work);
}

/**
 * evs_kept_exit() - have no cipher wiped any more because its time is over
 * @slot: key slot, of a disk that is dead, or not suspended
 */
void evs_kept_exit(struct evs_keyslot *slot)
{
	hrtimer_cancel(&slot->kept_timer);
	cancel_work_sync(&slot->kept_work);
}

/**
 * evs_keyslot_suspend() - take cipher and key away from a disk, and hold its I/O
 * @slot: key slot of the disk, open or not
 * @grace: for how many seconds evs_keyslot_resume_kept() may give the cipher back,
 *	0 to wipe it at once
 * @extack: says why if it fails
 *
 * Whatever else becomes of the disk wipes a cipher that was kept, and so does this
 * with a @grace of 0, although it fails for a disk that is suspended already.
 *
 * Context: process context. Does not wait for the backing device.
 * Return: 0 or a negative error code, see evs_state_next().
 */
int evs_keyslot_suspend(struct evs_keyslot *slot, unsigned int grace,
			struct netlink_ext_ack *extack)
{
	int before;

	mutex_lock(&slot->mutex);
	/* The end of an earlier time, unless that is the present one */
	if (READ_ONCE(slot->state) != EVS_DEV_STATE_SUSPENDED)
		evs_kept_exit(slot);
	if (!grace)
		evs_cipher_wipe(evs_keyslot_take_kept(slot));
	before = evs_keyslot_change(slot, EVS_OP_SUSPEND,
				    grace ? EVS_CIPHER_HELD : NULL, extack);
	if (before >= 0) {
		evs_key_disown(&slot->owner);
		/*
		 * The loss of the old key is no reason to revoke a disk that has
		 * another one by then. But nothing is kept of a key that is lost.
		 */
		if (cancel_work_sync(&slot->lost_work))
			evs_cipher_wipe(evs_keyslot_take_kept(slot));
	}
	if (before >= 0 && grace)
		hrtimer_start(&slot->kept_timer, ktime_set(grace, 0),
			      HRTIMER_MODE_REL);
	mutex_unlock(&slot->mutex);

	return min(before, 0);
}
EXPORT_SYMBOL_IF_KUNIT(evs_keyslot_suspend);

/* The disk was suspended when last seen */
static int evs_keyslot_resume_key(struct evs_keyslot *slot, struct key *key,
				  struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher;
	int err;

	lockdep_assert_held(&slot->mutex);

	cipher = evs_keyslot_alloc_cipher(slot, extack);
	if (IS_ERR(cipher))
		return PTR_ERR(cipher);
	/* The memory of requests was allocated for the first one */
	if (evs_crypt_req_size(cipher) > slot->queue->crypt_req_size) {
		NL_SET_ERR_MSG(extack,
			       "another driver of the cipher is loaded and needs more memory: detach the disk and attach it again");
		err = -EOPNOTSUPP;
		goto err_cipher;
	}

	err = evs_keyslot_load(slot, key, cipher, extack);
	if (err)
		goto err_cipher;
	err = evs_keyslot_change(slot, EVS_OP_RESUME, cipher, extack);
	if (err < 0)
		goto err_key;
	return 0;

err_key:
	evs_key_disown(&slot->owner);
err_cipher:
	evs_cipher_free(cipher);
	return err;
}

/**
 * evs_keyslot_resume() - give the key back to a suspended disk
 * @slot: key slot of the disk
 * @key: key that has the same data key as the one that the disk was attached with
 * @extack: says why if it fails
 *
 * What was held goes on, in the order in which it came.
 *
 * Context: process context. May load modules.
 * Return: 0, -EKEYREJECTED if it is another key, or another error code.
 */
int evs_keyslot_resume(struct evs_keyslot *slot, struct key *key,
		       struct netlink_ext_ack *extack)
{
	unsigned int noio;
	int err;

	/* No memory can be had by I/O that is held until this has ended */
	noio = memalloc_noio_save();
	mutex_lock(&slot->mutex);
	/* Do not use up a key in vain; may be refused all the same later on */
	err = evs_state_next(READ_ONCE(slot->state), EVS_OP_RESUME);
	if (err < 0)
		evs_state_explain(err, EVS_OP_RESUME, extack);
	else
		err = evs_keyslot_resume_key(slot, key, extack);
	mutex_unlock(&slot->mutex);
	memalloc_noio_restore(noio);

	return err;
}

/**
 * evs_keyslot_resume_kept() - give the cipher back that was kept for a suspended disk
 * @slot: key slot of the disk
 * @extack: says why if it fails
 *
 * The disk has no key by which it could be revoked from then on.
 *
 * Context: process context.
 * Return: 0, -ENOKEY if none was kept or its time is over, or another error code.
 */
int evs_keyslot_resume_kept(struct evs_keyslot *slot,
			    struct netlink_ext_ack *extack)
{
	struct evs_cipher *kept = NULL;
	int err;

	mutex_lock(&slot->mutex);
	err = evs_state_next(READ_ONCE(slot->state), EVS_OP_RESUME);
	if (err < 0) {
		evs_state_explain(err, EVS_OP_RESUME, extack);
		goto err_kept;
	}
	kept = evs_keyslot_take_kept(slot);
	/* The timer may be late, say when the machine has just woken up */
	if (!kept || ktime_compare(ktime_get_boottime(),
				   hrtimer_get_expires(&slot->kept_timer)) >= 0) {
		NL_SET_ERR_MSG(extack,
			       "a key is required: none was kept, or not for so long");
		err = -ENOKEY;
		goto err_kept;
	}

	WRITE_ONCE(slot->serial, 0);
	err = evs_keyslot_change(slot, EVS_OP_RESUME, kept, extack);
	if (err < 0)
		goto err_kept;
	mutex_unlock(&slot->mutex);
	return 0;

err_kept:
	evs_cipher_wipe(kept);
	mutex_unlock(&slot->mutex);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_keyslot_resume_kept);
