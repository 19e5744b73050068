// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the requests of a disk: the tag set, what starts them, what ends them
 *
 * How a request goes: see queue.h.
 */
#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "done.h"
#include "hold.h"
#include "poll.h"
#include "read.h"
#include "submit.h"
#include "trace.h"
#include "write.h"

/*
 * Hardware queues: one for each CPU, so that no two submit through the same, whatever
 * the backing device has. Tags are shared: one job alone may have all of them.
 */
#define EVS_HW_QUEUES_MAX	64
#define EVS_QUEUE_DEPTH_CPU	64
#define EVS_QUEUE_DEPTH_MIN	1024
#define EVS_QUEUE_DEPTH_MAX	4096

/*
 * A disk is in use for that long after its last I/O, in jiffies. Shorter pauses do not
 * have the next request write what all CPUs read.
 */
#define EVS_IN_USE		HZ

static bool evs_request_is_started(struct request *rq, void *priv)
{
	*(bool *)priv = true;
	return false;
}

/**
 * evs_queue_in_use() - tell whether there has been I/O of late
 * @queue: queue of a disk
 *
 * If not, the @used of the queue is called for the next request.
 *
 * Context: any but hard interrupts.
 * Return: whether requests have come, or are in flight.
 */
bool evs_queue_in_use(struct evs_queue *queue)
{
	unsigned long last = READ_ONCE(queue->q->disk->part0->bd_stamp);
	bool started = false;

	/* By the block layer, which keeps no time without statistics */
	if (jiffies - last < EVS_IN_USE)
		return true;
	if (!xchg(&queue->idle, true))
		return true;
	blk_mq_tagset_busy_iter(&queue->tag_set, evs_request_is_started,
				&started);
	return started;
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_in_use);

/**
 * evs_queue_admit() - tell whether a request may be started
 * @queue: queue of its disk
 *
 * What only the cipher can tell for certain is asked here, too, as it saves the
 * backing device work in vain.
 *
 * Return: BLK_STS_OK, or as evs_no_cipher().
 */
blk_status_t evs_queue_admit(struct evs_queue *queue)
{
	const struct evs_cipher *cipher = rcu_access_pointer(queue->cipher);

	/* After a pause; otherwise only read */
	if (unlikely(READ_ONCE(queue->idle))) {
		WRITE_ONCE(queue->idle, false);
		queue->used();
	}
	return IS_ERR_OR_NULL(cipher) ? evs_no_cipher(cipher) : BLK_STS_OK;
}

/*
 * Before a request is ended, be it one that has failed before it was started.
 * Context: any, down to hard interrupts.
 */
static void evs_request_done(struct evs_queue *queue, struct request *rq,
			     blk_status_t status)
{
	/* The submitter asks for it, and tries again where it may wait */
	if (status == BLK_STS_AGAIN && rq->cmd_flags & REQ_NOWAIT)
		rq->rq_flags |= RQF_QUIET;
	else if (unlikely(status))
		queue->failed(queue, req_op(rq));
	/* The translation of the status is not inline */
	if (trace_evs_request_end_enabled() && blk_mq_request_started(rq))
		trace_evs_request_end(queue->id, rq, blk_status_to_errno(status));
}

/**
 * evs_end_request() - end a request that has been started
 * @rq: request
 * @status: how it has ended
 * @batch: where it may be added to, for the caller to end it with others; or NULL
 *
 * Context: any, down to hard interrupts. The disk may go with its last request.
 */
void evs_end_request(struct request *rq, blk_status_t status,
		     struct io_comp_batch *batch)
{
	/* First, while the disk is there for certain */
	evs_request_done(rq->q->queuedata, rq, status);
	if (!blk_mq_add_to_batch(rq, batch, status, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

/* Of a flush or a discard */
static void evs_no_data_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	evs_poll_end(rq);
	evs_end_request(rq, bio->bi_status, NULL);
}

static blk_status_t evs_queue_flush(struct evs_queue *queue, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_queue_admit(queue);

	if (status)
		return status;

	blk_mq_start_request(rq);
	trace_evs_request_begin(queue->id, rq);

	bio_init(&cmd->bio, queue->bdev, NULL, 0,
		 REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC);
	cmd->bio.bi_end_io = evs_no_data_end_io;
	evs_submit_bio(queue, &cmd->bio);
	return BLK_STS_OK;
}

static blk_status_t evs_queue_discard(struct evs_queue *queue,
				      struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_queue_admit(queue);

	if (status)
		return status;
	if (queue->read_only)
		return BLK_STS_IOERR;

	blk_mq_start_request(rq);
	trace_evs_request_begin(queue->id, rq);

	/* Without buffers, since a discard has none */
	cmd->bounce.bvecs = NULL;
	evs_cmd_init_bio(queue, rq, 0);
	evs_cmd_submit(queue, rq, evs_no_data_end_io, false);
	return BLK_STS_OK;
}

static blk_status_t evs_queue(struct request *rq)
{
	struct evs_queue *queue = rq->q->queuedata;
	blk_status_t status;

	switch (req_op(rq)) {
	case REQ_OP_READ:
		status = evs_queue_read(queue, rq);
		break;
	case REQ_OP_WRITE:
		status = evs_queue_write(queue, rq);
		break;
	case REQ_OP_FLUSH:
		status = evs_queue_flush(queue, rq);
		break;
	case REQ_OP_DISCARD:
		status = evs_queue_discard(queue, rq);
		break;
	default:
		status = BLK_STS_NOTSUPP;
	}

	/* The caller ends it, unless it is to come again */
	if (unlikely(status && status != BLK_STS_RESOURCE))
		evs_request_done(queue, rq, status);
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
	struct evs_queue *queue = data;

	blk_mq_hctx_set_fq_lock_class(hctx, &queue->flush_key);
	evs_poll_init_hctx(queue, hctx, index);
	return 0;
}

/* No ->timeout: how long the backing device may take is its own affair */
static const struct blk_mq_ops evs_mq_ops = {
	.queue_rq	= evs_queue_rq,
	.queue_rqs	= evs_queue_rqs,
	.init_hctx	= evs_init_hctx,
	.map_queues	= evs_poll_map_queues,
	.poll		= evs_poll,
};

/* What is there for each CPU */
static int evs_queue_init_cpus(struct evs_queue *queue,
			       const struct evs_cipher *cipher)
{
	int err;

	err = evs_done_init(queue);
	if (err)
		return err;
	queue->crypt_req_size = evs_crypt_req_size(cipher);
	err = evs_crypt_pool_init(&queue->creqs, queue->crypt_req_size);
	if (err)
		goto err_done;
	err = evs_splitter_init(&queue->splitter, queue->wq, &queue->creqs);
	if (err)
		goto err_creqs;
	err = evs_spread_init(&queue->spread, queue->wq, evs_writes_run);
	if (err)
		goto err_splitter;
	return 0;

err_splitter:
	evs_splitter_exit(&queue->splitter);
err_creqs:
	evs_crypt_pool_exit(&queue->creqs);
err_done:
	evs_done_exit(queue);
	return err;
}

static void evs_queue_exit_cpus(struct evs_queue *queue)
{
	evs_done_exit(queue);
	evs_spread_exit(&queue->spread);
	evs_splitter_exit(&queue->splitter);
	evs_crypt_pool_exit(&queue->creqs);
}

static int evs_queue_init_tags(struct evs_queue *queue)
{
	struct blk_mq_tag_set *set = &queue->tag_set;
	int err;

	set->ops = &evs_mq_ops;
	set->driver_data = queue;
	set->nr_hw_queues = min(num_possible_cpus(), EVS_HW_QUEUES_MAX);
	set->queue_depth = clamp(set->nr_hw_queues * EVS_QUEUE_DEPTH_CPU,
				 EVS_QUEUE_DEPTH_MIN, EVS_QUEUE_DEPTH_MAX);
	set->numa_node = queue->bdev->bd_disk->node_id;
	set->cmd_size = sizeof(struct evs_cmd);
	/* Submitting a bio may sleep, and so may reclaim for bounce pages */
	set->flags = BLK_MQ_F_BLOCKING | BLK_MQ_F_STACKING |
		     BLK_MQ_F_TAG_HCTX_SHARED | BLK_MQ_F_NO_SCHED_BY_DEFAULT |
		     EVS_COMPAT_MQ_FLAGS;
	err = evs_poll_init(queue);
	if (err)
		return err;
	err = blk_mq_alloc_tag_set(set);
	if (err)
		evs_poll_exit(queue);
	return err;
}

/**
 * evs_queue_init() - set up what the requests of a disk need
 * @queue: all zeroes, but for what the caller has to set
 * @cipher: cipher of the disk, whose key may be yet to be set; the queue's from now on,
 *	unless this fails
 *
 * Return: 0 or a negative error code.
 */
int evs_queue_init(struct evs_queue *queue, struct evs_cipher *cipher)
{
	int err;

	spin_lock_init(&queue->lock);
	bio_list_init(&queue->held);
	evs_submit_init(queue);

	/*
	 * Unbound, since a backing device with few interrupts would have all
	 * reads decrypted on few CPUs. Not WQ_HIGHPRI: decryption is work of
	 * some length and has no claim to come before other tasks.
	 */
	queue->wq = alloc_workqueue("evs%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				    queue->id);
	if (!queue->wq)
		return -ENOMEM;

	err = evs_reserve_init(&queue->reserve, queue->read_only,
			       EVS_MAX_SEGMENTS);
	if (err)
		goto err_reserve;
	err = evs_queue_init_cpus(queue, cipher);
	if (err)
		goto err_reserve;
	lockdep_register_key(&queue->flush_key);
	err = evs_queue_init_tags(queue);
	if (err)
		goto err_key;

	evs_cipher_swap(queue, cipher);
	return 0;

err_key:
	lockdep_unregister_key(&queue->flush_key);
	evs_queue_exit_cpus(queue);
err_reserve:
	evs_reserve_exit(&queue->reserve);
	destroy_workqueue(queue->wq);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_init);

/**
 * evs_queue_exit() - undo evs_queue_init()
 * @queue: queue of a disk that has no requests any more; the cipher is left to the
 *	caller
 */
void evs_queue_exit(struct evs_queue *queue)
{
	/* What it runs uses all below */
	destroy_workqueue(queue->wq);
	evs_queue_exit_cpus(queue);
	blk_mq_free_tag_set(&queue->tag_set);
	evs_poll_exit(queue);
	lockdep_unregister_key(&queue->flush_key);
	evs_reserve_exit(&queue->reserve);
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_exit);

/* blk-mq lets all its disks have REQ_NOWAIT, which is of no use if it is refused below */
static int evs_queue_limit_nowait(struct evs_queue *queue)
{
	struct queue_limits lim;

	if (bdev_nowait(queue->bdev))
		return 0;
	lim = queue_limits_start_update(queue->q);
	lim.features &= ~BLK_FEAT_NOWAIT;
	return queue_limits_commit_update(queue->q, &lim);
}

/**
 * evs_queue_alloc_disk() - make the gendisk of a disk
 * @queue: its requests
 * @lim: its limits
 *
 * Return: the gendisk, for the caller to add, or an ERR_PTR.
 */
struct gendisk *evs_queue_alloc_disk(struct evs_queue *queue,
				     struct queue_limits *lim)
{
	struct gendisk *disk = blk_mq_alloc_disk(&queue->tag_set, lim, queue);
	int err;

	if (IS_ERR(disk))
		return disk;
	queue->q = disk->queue;

	err = evs_queue_limit_nowait(queue);
	if (err) {
		put_disk(disk);
		return ERR_PTR(err);
	}
	return disk;
}
EXPORT_SYMBOL_IF_KUNIT(evs_queue_alloc_disk);
