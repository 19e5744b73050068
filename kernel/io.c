// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the way of a request, see also read.c, write.c, submit.c
 *
 * A request for an evs disk becomes one bio for the backing device, which is
 * part of the request's private data, so that nothing has to be allocated for
 * it. Writes are encrypted in the context of the submitter into bounce pages.
 * Reads go straight into the pages of the caller and are decrypted there: small
 * ones at once where the backing device completes them, unless that is in hard
 * interrupt context, where ciphers that use vector registers must not run; large
 * ones, and those of a task that goes on submitting meanwhile, by the disk's crew. If
 * the backing device has answered at once, it is the submitter who decrypts a large
 * one, and shares that with the crew, as it does large writes.
 */
#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "disk.h"
#include "evs.h"
#include "io.h"
#include "trace.h"

#define EVS_QUEUE_DEPTH		128

/*
 * Protects the ciphers of all disks against evs_cipher_wipe(). Sleepable, because
 * a cipher may complete asynchronously. One domain for all disks will do: what
 * is done under it is pure computation, without waiting for memory or I/O, so
 * that neither a hung backing device nor a lack of memory holds up a wipe.
 */
DEFINE_SRCU(evs_srcu);

/**
 * evs_cipher_swap() - change what requests find in place of a cipher
 * @evs: disk
 * @cipher: a cipher with its key set, EVS_CIPHER_HELD to have them held, or NULL
 *	to have them fail with an I/O error: those that come to the cipher from
 *	now on, be they new or answered by the backing device only after this
 *
 * Context: the lock of the key slot is held, or no request has been made yet.
 * Return: what they have found before, and may go on using until evs_cipher_wipe().
 */
struct evs_cipher *evs_cipher_swap(struct evs_disk *evs,
				   struct evs_cipher *cipher)
{
	return unrcu_pointer(xchg(&evs->cipher, RCU_INITIALIZER(cipher)));
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

/**
 * evs_io_hold() - have new requests wait
 * @evs: disk that has been added
 *
 * Those that are on their way may still find the cipher, or EVS_CIPHER_HELD, upon
 * which they are made to wait, too.
 */
void evs_io_hold(struct evs_disk *evs)
{
	blk_mq_quiesce_queue_nowait(evs->disk->queue);
}

/**
 * evs_io_release() - let go on what waits
 * @evs: disk, in place of whose cipher is not EVS_CIPHER_HELD any more; once for
 *	each call of evs_io_hold()
 */
void evs_io_release(struct evs_disk *evs)
{
	struct bio_list bios;
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&evs->slot.lock, flags);
	bios = evs->held_bios;
	bio_list_init(&evs->held_bios);
	spin_unlock_irqrestore(&evs->slot.lock, flags);

	while ((bio = bio_list_pop(&bios)))
		evs_read_queue(evs, container_of(bio, struct evs_cmd, bio));
	blk_mq_unquiesce_queue(evs->disk->queue);
}

static bool evs_io_is_started(struct request *rq, void *priv)
{
	*(bool *)priv = true;
	return false;
}

/**
 * evs_io_in_use() - tell whether there has been I/O since this was last called
 * @evs: disk
 *
 * If not, evs_key_used() is called for the next request.
 *
 * Context: any but hard interrupts.
 * Return: whether requests have come, or are in flight.
 */
bool evs_io_in_use(struct evs_disk *evs)
{
	bool started = false;

	if (!xchg(&evs->idle, true))
		return true;
	blk_mq_tagset_busy_iter(&evs->tag_set, evs_io_is_started, &started);
	return started;
}

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

/**
 * evs_io_admit() - tell whether a request may be started
 * @evs: its disk
 *
 * What only the cipher can tell for certain is asked here, too, as it saves the
 * backing device work in vain.
 *
 * Return: BLK_STS_OK, or as evs_no_cipher().
 */
blk_status_t evs_io_admit(struct evs_disk *evs)
{
	const struct evs_cipher *cipher = rcu_access_pointer(evs->cipher);

	/* Once in a while; otherwise only read */
	if (unlikely(READ_ONCE(evs->idle))) {
		WRITE_ONCE(evs->idle, false);
		evs_key_used();
	}
	return IS_ERR_OR_NULL(cipher) ? evs_no_cipher(cipher) : BLK_STS_OK;
}

/*
 * Before a request is ended, be it one that has failed before it was started.
 * Context: any, down to hard interrupts.
 */
static void evs_request_done(struct evs_disk *evs, struct request *rq,
			     blk_status_t status)
{
	if (unlikely(status))
		evs_disk_io_failed(evs, req_op(rq));
	/* The translation of the status is not inline */
	if (trace_evs_request_end_enabled() && blk_mq_request_started(rq))
		trace_evs_request_end(evs, rq, blk_status_to_errno(status));
}

/**
 * evs_end_request() - end a request that has been started
 * @rq: request
 * @status: how it has ended
 *
 * Context: any, down to hard interrupts. The disk may go with its last request.
 */
void evs_end_request(struct request *rq, blk_status_t status)
{
	/* First, while the disk is there for certain */
	evs_request_done(rq->q->queuedata, rq, status);
	blk_mq_end_request(rq, status);
}

/* Of a flush or a discard */
static void evs_no_data_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);

	evs_end_request(blk_mq_rq_from_pdu(cmd), bio->bi_status);
}

static blk_status_t evs_queue_flush(struct evs_disk *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_io_admit(evs);

	if (status)
		return status;

	blk_mq_start_request(rq);
	trace_evs_request_begin(evs, rq);

	bio_init(&cmd->bio, evs->bdev, NULL, 0,
		 REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC);
	cmd->bio.bi_end_io = evs_no_data_end_io;
	evs_submit_bio(evs, &cmd->bio);
	return BLK_STS_OK;
}

static blk_status_t evs_queue_discard(struct evs_disk *evs,
				      struct request *rq)
{
	blk_status_t status = evs_io_admit(evs);

	if (status)
		return status;
	if (evs->config.read_only)
		return BLK_STS_IOERR;

	blk_mq_start_request(rq);
	trace_evs_request_begin(evs, rq);

	/* Without buffers, since a discard has none */
	evs_cmd_init_bio(evs, rq, 0);
	evs_cmd_submit(evs, rq, evs_no_data_end_io);
	return BLK_STS_OK;
}

static blk_status_t evs_queue(struct request *rq)
{
	struct evs_disk *evs = rq->q->queuedata;
	blk_status_t status;

	switch (req_op(rq)) {
	case REQ_OP_READ:
		status = evs_queue_read(evs, rq);
		break;
	case REQ_OP_WRITE:
		status = evs_queue_write(evs, rq);
		break;
	case REQ_OP_FLUSH:
		status = evs_queue_flush(evs, rq);
		break;
	case REQ_OP_DISCARD:
		status = evs_queue_discard(evs, rq);
		break;
	default:
		status = BLK_STS_NOTSUPP;
	}

	/* The caller ends it, unless it is to come again */
	if (unlikely(status && status != BLK_STS_RESOURCE))
		evs_request_done(evs, rq, status);
	return status;
}

static blk_status_t evs_queue_rq(struct blk_mq_hw_ctx *hctx,
				 const struct blk_mq_queue_data *bd)
{
	return evs_queue(bd->rq);
}

/* What was on a plug */
static void evs_queue_rqs(struct rq_list *rqs)
{
	blk_status_t status;
	struct request *rq;

	while ((rq = rq_list_pop(rqs))) {
		status = evs_queue(rq);
		if (unlikely(status == BLK_STS_RESOURCE))
			blk_mq_requeue_request(rq, true);
		else if (unlikely(status))
			blk_mq_end_request(rq, status);
	}
}

/*
 * The backing device may complete a flush, and so end a flush of the disk, under
 * the lock of its own state machine for flushes. These are different locks, also
 * for each of the disks that are stacked.
 */
static int evs_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			 unsigned int index)
{
	struct evs_disk *evs = data;

	blk_mq_hctx_set_fq_lock_class(hctx, &evs->flush_key);
	return 0;
}

/* No ->timeout: how long the backing device may take is its own affair */
static const struct blk_mq_ops evs_mq_ops = {
	.queue_rq	= evs_queue_rq,
	.queue_rqs	= evs_queue_rqs,
	.init_hctx	= evs_init_hctx,
};

/**
 * evs_io_init() - set up what the requests of a disk need
 * @evs: disk, without gendisk
 * @cipher: cipher of the disk, whose key may be yet to be set
 *
 * Return: 0 or a negative error code.
 */
int evs_io_init(struct evs_disk *evs, const struct evs_cipher *cipher)
{
	struct blk_mq_tag_set *set = &evs->tag_set;
	int err;

	bio_list_init(&evs->held_bios);
	evs_submit_init(evs);

	/*
	 * Unbound, since a backing device with few interrupts would have all
	 * reads decrypted on few CPUs. Not WQ_HIGHPRI: decryption is work of
	 * some length and has no claim to come before other tasks.
	 */
	evs->wq = alloc_workqueue("evs%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				  evs->id);
	if (!evs->wq)
		return -ENOMEM;

	if (!evs->config.read_only) {
		err = evs_bounce_init(evs);
		if (err)
			goto err_bounce;
	}

	lockdep_register_key(&evs->flush_key);
	evs->crypt_req_size = evs_crypt_req_size(cipher);
	evs->crew = evs_crew_alloc(evs->wq, evs->crypt_req_size);
	if (!evs->crew) {
		err = -ENOMEM;
		goto err_key;
	}

	set->ops = &evs_mq_ops;
	set->driver_data = evs;
	set->nr_hw_queues = 1;
	set->queue_depth = EVS_QUEUE_DEPTH;
	set->numa_node = NUMA_NO_NODE;
	set->cmd_size = sizeof(struct evs_cmd) +
			__alignof__(struct evs_crypt_req) - 1 +
			evs->crypt_req_size;
	/* Submitting a bio may sleep, and so may reclaim for bounce pages */
	set->flags = BLK_MQ_F_BLOCKING | BLK_MQ_F_STACKING |
		     BLK_MQ_F_NO_SCHED_BY_DEFAULT | EVS_COMPAT_MQ_FLAGS;
	err = blk_mq_alloc_tag_set(set);
	if (err)
		goto err_crew;

	return 0;

err_crew:
	evs_crew_free(evs->crew);
err_key:
	lockdep_unregister_key(&evs->flush_key);
err_bounce:
	evs_bounce_exit(evs);
	destroy_workqueue(evs->wq);
	return err;
}

/**
 * evs_io_exit() - undo evs_io_init()
 * @evs: disk, which has no requests any more
 */
void evs_io_exit(struct evs_disk *evs)
{
	blk_mq_free_tag_set(&evs->tag_set);
	lockdep_unregister_key(&evs->flush_key);
	evs_bounce_exit(evs);
	destroy_workqueue(evs->wq);
	evs_crew_free(evs->crew);
}
