// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the cipher that the requests of a disk find, and what becomes of them without one
 */
#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "hold.h"
#include "read.h"

/*
 * Protects the ciphers of all disks against evs_cipher_wipe(). Sleepable, because
 * a cipher may complete asynchronously. One domain for all disks will do: what
 * is done under it is pure computation, without waiting for memory or I/O, so
 * that neither a hung backing device nor a lack of memory holds up a wipe.
 */
DEFINE_SRCU(evs_srcu);

/**
 * evs_cipher_swap() - change what requests find in place of a cipher
 * @queue: queue of a disk
 * @cipher: a cipher with its key set, EVS_CIPHER_HELD to have them held, or NULL
 *	to have them fail with an I/O error: those that come to the cipher from
 *	now on, be they new or answered by the backing device only after this
 *
 * Context: any.
 * Return: what they have found before, and may go on using until evs_cipher_wipe().
 */
struct evs_cipher *evs_cipher_swap(struct evs_queue *queue,
				   struct evs_cipher *cipher)
{
	struct evs_cipher *before;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	before = rcu_replace_pointer(queue->cipher, cipher,
				     lockdep_is_held(&queue->lock));
	WRITE_ONCE(queue->slow, !IS_ERR_OR_NULL(cipher) && cipher->slow);
	spin_unlock_irqrestore(&queue->lock, flags);
	return before;
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_swap);

/**
 * evs_cipher_wipe() - wipe a cipher
 * @cipher: what evs_cipher_swap() has returned; nothing happens if it is not a
 *	cipher
 *
 * Context: process context. Waits for requests that are being encrypted or
 *	decrypted, but not for the backing device.
 */
void evs_cipher_wipe(struct evs_cipher *cipher)
{
	if (IS_ERR_OR_NULL(cipher))
		return;

	/* Pairs with evs_cmd_encrypt() and evs_cmd_decrypt() */
	synchronize_srcu_expedited(&evs_srcu);
	evs_cipher_free(cipher);
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_wipe);

/**
 * evs_queue_hold() - have new requests wait
 * @queue: queue of a disk
 *
 * Those that are on their way may still find the cipher, or EVS_CIPHER_HELD, upon
 * which they are made to wait, too.
 */
void evs_queue_hold(struct evs_queue *queue)
{
	blk_mq_quiesce_queue_nowait(queue->q);
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_hold);

/**
 * evs_queue_release() - let go on what waits
 * @queue: queue of a disk, in place of whose cipher is not EVS_CIPHER_HELD any more;
 *	once for each call of evs_queue_hold()
 */
void evs_queue_release(struct evs_queue *queue)
{
	struct bio_list bios;
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&queue->lock, flags);
	bios = queue->held;
	bio_list_init(&queue->held);
	spin_unlock_irqrestore(&queue->lock, flags);

	while ((bio = bio_list_pop(&bios)))
		evs_read_queue(queue, container_of(bio, struct evs_cmd, bio));
	blk_mq_unquiesce_queue(queue->q);
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_release);

/**
 * evs_no_cipher() - tell what becomes of a request that finds no cipher
 * @cipher: what it has found in place of one
 *
 * Return: BLK_STS_RESOURCE if it has to wait for the disk to be resumed, or the
 *	error that it fails with.
 */
blk_status_t evs_no_cipher(const struct evs_cipher *cipher)
{
	return cipher ? BLK_STS_RESOURCE : BLK_STS_IOERR;
}
