// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the key of one disk, and what the disk does with I/O
 *
 * The state of a disk and what I/O finds as its cipher change together under a
 * spinlock: nothing that may have to wait, least of all for a backing device that
 * hangs, comes before the cipher is out of reach.
 *
 * Revoking wipes the cipher for good. A disk is revoked by command, or when its key
 * is revoked, invalidated, or expires. Requests in flight fail when the backing
 * device answers, new ones without asking it. Nothing is released: a revoked disk is
 * there until it is detached.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/utils.h>
#include <kunit/visibility.h>
#include <linux/key.h>
#include <linux/netlink.h>
#include <linux/string.h>

#include "hold.h"
#include "keyslot.h"
#include "trace.h"

/*
 * For whatever wipes a cipher. Apart from the work of removing disks, which may take
 * as long as a backing device hangs; with a rescuer, as there may be no memory for a
 * worker.
 */
struct workqueue_struct *evs_revocation_wq;
EXPORT_SYMBOL_IF_KUNIT(evs_revocation_wq);

/* What I/O finds in a state that has no cipher of its own */
static struct evs_cipher *evs_state_cipher(enum evs_dev_state state)
{
	return state == EVS_DEV_STATE_SUSPENDED ? EVS_CIPHER_HELD : NULL;
}

/**
 * evs_keyslot_change() - change the state of a disk
 * @slot: its key slot
 * @op: what is asked of it
 * @cipher: for EVS_OP_RESUME, cipher with the data key, which on success is the
 *	disk's; for EVS_OP_SUSPEND, EVS_CIPHER_HELD to keep the disk's
 * @extack: says why if it is refused, or NULL
 *
 * When this returns, the cipher of a disk that may not have it any more has been
 * wiped, and no request uses it, unless it is kept for a suspended disk. I/O that
 * was held goes on or fails, as the new state demands. The key is left to the
 * caller.
 *
 * Context: process context. Does not wait for the backing device, for memory, or
 *	for any lock under which somebody else might.
 * Return: the state of before, or a negative error code from evs_state_next().
 */
int evs_keyslot_change(struct evs_keyslot *slot, enum evs_op op,
		       struct evs_cipher *cipher,
		       struct netlink_ext_ack *extack)
{
	struct evs_queue *queue = slot->queue;
	struct evs_cipher *old = NULL, *kept = NULL;
	enum evs_dev_state before;
	unsigned long flags;
	int next;

	/* First, so that no request is refused over and over again */
	if (op == EVS_OP_SUSPEND)
		evs_queue_hold(queue);

	spin_lock_irqsave(&slot->lock, flags);
	before = slot->state;
	next = evs_state_next(before, op);
	if (next >= 0) {
		WRITE_ONCE(slot->state, next);
		if (next != EVS_DEV_STATE_LIVE &&
		    next != EVS_DEV_STATE_DETACHING)
			old = evs_cipher_swap(queue, evs_state_cipher(next));
		else if (cipher)
			old = evs_cipher_swap(queue, cipher);
		if (next != EVS_DEV_STATE_SUSPENDED) {
			kept = slot->kept;
			slot->kept = NULL;
		} else if (op == EVS_OP_SUSPEND && cipher == EVS_CIPHER_HELD) {
			slot->kept = old;
			old = NULL;
		}
	}
	spin_unlock_irqrestore(&slot->lock, flags);

	evs_cipher_wipe(old);
	evs_cipher_wipe(kept);
	if (next < 0) {
		if (op == EVS_OP_SUSPEND)
			evs_queue_release(queue);
		evs_state_explain(next, op, extack);
		return next;
	}
	trace_evs_state(queue->id, op, before, next);
	if (before == EVS_DEV_STATE_SUSPENDED && next != before)
		evs_queue_release(queue);
	return before;
}
EXPORT_SYMBOL_IF_KUNIT(evs_keyslot_change);

/**
 * evs_keyslot_alloc_cipher() - make a cipher for a disk
 * @slot: key slot of the disk
 * @extack: says why if it fails
 *
 * Return: the cipher, whose key is yet to be set, or an ERR_PTR.
 */
struct evs_cipher *evs_keyslot_alloc_cipher(struct evs_keyslot *slot,
					    struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher = evs_cipher_alloc(slot->unit_size);

	if (IS_ERR(cipher))
		NL_SET_ERR_MSG(extack, "the cipher xts(aes) is not available");
	return cipher;
}

/* Does @cipher have the key that the disk had? The first one sets it. */
static int evs_keyslot_check(struct evs_keyslot *slot,
			     const struct evs_cipher *cipher,
			     struct netlink_ext_ack *extack)
{
	u8 check[EVS_KEY_CHECK_SIZE];
	int err;

	err = evs_cipher_key_check(cipher, check);
	if (err)
		return err;

	if (!slot->has_check) {
		memcpy(slot->check, check, sizeof(check));
		slot->has_check = true;
	} else if (crypto_memneq(slot->check, check, sizeof(check))) {
		NL_SET_ERR_MSG(extack,
			       "the key is not the one that the disk was attached with");
		return -EKEYREJECTED;
	}

	return 0;
}

/**
 * evs_keyslot_load() - move the data key of a disk out of a key into a cipher
 * @slot: key slot of the disk, which gets the key as its handle
 * @key: key from evs_key_claim(), of no use to anyone afterwards
 * @cipher: cipher whose key is yet to be set
 * @extack: says why if it fails
 *
 * From then on the key may be lost, and the disk with it.
 *
 * Return: 0, -EKEYREJECTED if the disk has had another data key, or another error
 *	code.
 */
int evs_keyslot_load(struct evs_keyslot *slot, struct key *key,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack)
{
	key_serial_t serial = key_serial(key);
	int err;

	err = evs_key_consume(key, cipher);
	if (err) {
		evs_key_explain(err, serial, extack);
		if (err == -ENOKEY)
			NL_SET_ERR_MSG_FMT(extack,
					   "key %d was used by an earlier attach; request it again",
					   serial);
		return err;
	}

	err = evs_keyslot_check(slot, cipher, extack);
	if (err)
		goto err_key;
	err = evs_key_own(key, &slot->owner);
	if (err) {
		evs_key_explain(err, serial, extack);
		goto err_key;
	}

	WRITE_ONCE(slot->serial, serial);
	spin_lock_irq(&slot->lock);
	strscpy(slot->driver, evs_cipher_driver(cipher), sizeof(slot->driver));
	spin_unlock_irq(&slot->lock);
	return 0;

err_key:
	/* And drops the link of the module's keyring */
	evs_key_destroy(key_get(key));
	return err;
}

/**
 * evs_keyslot_driver() - name the implementation of xts(aes) in use
 * @slot: key slot of a disk
 * @driver: its driver name
 */
void evs_keyslot_driver(struct evs_keyslot *slot,
			char driver[CRYPTO_MAX_ALG_NAME])
{
	spin_lock_irq(&slot->lock);
	memcpy(driver, slot->driver, sizeof(slot->driver));
	spin_unlock_irq(&slot->lock);
}

static void evs_keyslot_lost_work(struct work_struct *work)
{
	struct evs_keyslot *slot = container_of(work, struct evs_keyslot,
						lost_work);
	int before;

	before = evs_keyslot_change(slot, EVS_OP_REVOKE, NULL, NULL);
	if (before >= 0)
		slot->lost(slot, before);
}

/* Left to a work: revoking takes locks that are not to be taken under the key's */
static void evs_keyslot_lost(struct evs_key_owner *owner, enum evs_cause cause)
{
	struct evs_keyslot *slot = container_of(owner, struct evs_keyslot,
						owner);

	WRITE_ONCE(slot->lost_cause, cause);
	queue_work(evs_revocation_wq, &slot->lost_work);
}

static bool evs_keyslot_in_use(struct evs_key_owner *owner)
{
	return evs_queue_in_use(container_of(owner, struct evs_keyslot,
					     owner)->queue);
}

/**
 * evs_keyslot_kill() - wipe the cipher and destroy the key, if they are there
 * @slot: key slot of a disk, which is dead afterwards
 *
 * Context: process context. Does not wait for the backing device.
 */
void evs_keyslot_kill(struct evs_keyslot *slot)
{
	evs_keyslot_change(slot, EVS_OP_KILL, NULL, NULL);
	evs_key_disown(&slot->owner);
	cancel_work_sync(&slot->lost_work);
	evs_kept_exit(slot);
}
EXPORT_SYMBOL_IF_KUNIT(evs_keyslot_kill);

/**
 * evs_keyslot_init() - prepare the key slot of a disk
 * @slot: key slot, zeroed
 * @unit_size: size of a data unit in bytes, 512 or 4096
 */
void evs_keyslot_init(struct evs_keyslot *slot, unsigned int unit_size)
{
	slot->unit_size = unit_size;
	mutex_init(&slot->mutex);
	spin_lock_init(&slot->lock);
	slot->owner.lost = evs_keyslot_lost;
	slot->owner.in_use = evs_keyslot_in_use;
	INIT_WORK(&slot->lost_work, evs_keyslot_lost_work);
	evs_kept_init(slot);
}
EXPORT_SYMBOL_IF_KUNIT(evs_keyslot_init);

/**
 * evs_keyslots_init() - set up what wiping ciphers needs
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_keyslots_init(void)
{
	evs_revocation_wq = alloc_workqueue("evs_revocation",
					    WQ_UNBOUND | WQ_HIGHPRI |
					    WQ_MEM_RECLAIM, 0);
	return evs_revocation_wq ? 0 : -ENOMEM;
}

/**
 * evs_keyslots_exit() - undo evs_keyslots_init(), when no disk is left
 */
void evs_keyslots_exit(void)
{
	destroy_workqueue(evs_revocation_wq);
}
