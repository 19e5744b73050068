// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the bios for the backing device, and how they get there
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "poll.h"
#include "submit.h"

/*
 * Bits of a request that mean the same to the backing device. For REQ_POLLED see poll.c,
 * for REQ_NOWAIT evs_cmd_submit().
 */
#define EVS_REQ_FLAGS	(REQ_FAILFAST_MASK | REQ_SYNC | REQ_META | REQ_PRIO | \
			 REQ_IDLE | REQ_FUA | REQ_RAHEAD | REQ_BACKGROUND | \
			 REQ_SWAP | REQ_ATOMIC)

/**
 * evs_cmd_init_bio() - make the bio for a request with data
 * @queue: queue of its disk
 * @rq: request
 * @nr_bvecs: how many entries of the command's table have the data
 */
void evs_cmd_init_bio(struct evs_queue *queue, struct request *rq,
		      unsigned int nr_bvecs)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bio *bio = &cmd->bio;

	/*
	 * The request may be issued by a task other than its owner, so that it is
	 * in vain to look for the cgroup of this one.
	 */
	bio_init(bio, NULL, cmd->bounce.bvecs, nr_bvecs, req_op(rq));
	bio->bi_bdev = queue->bdev;
	bio_clone_blkg_association(bio, rq->bio);
	bio->bi_ioprio = req_get_ioprio(rq);
	bio->bi_vcnt = nr_bvecs;
	bio->bi_iter.bi_sector = blk_rq_pos(rq);
	bio->bi_iter.bi_size = blk_rq_bytes(rq);
}

static void evs_submit_work(struct work_struct *work)
{
	struct evs_queue *queue = container_of(work, struct evs_queue,
					       later_work);
	struct bio_list bios;
	struct blk_plug plug;
	struct bio *bio;

	spin_lock_irq(&queue->lock);
	bios = queue->later;
	bio_list_init(&queue->later);
	spin_unlock_irq(&queue->lock);

	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&bios)))
		submit_bio_noacct(bio);
	blk_finish_plug(&plug);
}

/*
 * Is there anything on the plug of this task that the backing device might have to
 * wait for? Requests for this very disk are nothing of that kind.
 */
static bool evs_plug_in_the_way(const struct request_queue *q)
{
	struct blk_plug *plug = current->plug;
	struct request *first, *cached;

	if (!plug)
		return false;
	/* Of several queues, or what md and others want to be called for */
	if (plug->multiple_queues || !list_empty(&plug->cb_list))
		return true;
	first = rq_list_peek(&plug->mq_list);
	cached = rq_list_peek(&plug->cached_rqs);
	return (first && first->q != q) || (cached && cached->q != q);
}

/*
 * Is this task a worker of kblockd, and dispatches requests of this very disk?
 *
 * With an I/O scheduler, what runs one hardware queue dispatches requests of others,
 * too. Other workers that submit I/O, writeback or a loop device say, are those of
 * its owner, and nothing below the disk needs them.
 */
static bool evs_in_kblockd(struct request_queue *q)
{
	const struct work_struct *work;
	struct blk_mq_hw_ctx *hctx;
	unsigned long i;

	if (likely(!(current->flags & PF_WQ_WORKER)))
		return false;
	/* To be compared, not looked at: its function may have freed it */
	work = current_work();
	if (work == &q->requeue_work.work)
		return true;
	queue_for_each_hw_ctx(q, hctx, i)
		if (work == &hctx->run_work.work)
			return true;
	return false;
}

/* By a worker, which may wait */
static void evs_submit_later(struct evs_queue *queue, struct bio *bio)
{
	bio->bi_opf &= ~REQ_NOWAIT;
	spin_lock_irq(&queue->lock);
	bio_list_add(&queue->later, bio);
	spin_unlock_irq(&queue->lock);
	queue_work(queue->wq, &queue->later_work);
}

/**
 * evs_submit_bio() - submit a bio to the backing device
 * @queue: queue of a disk
 * @bio: bio of one of its requests
 *
 * Starting a bio may have to wait for others to complete, so none of those may
 * depend on this function to return. There are three places where they would:
 *
 * The block layer leaves requests to the workqueue kblockd: those of a flush, and
 * those that come again, of every disk. If memory is short, no worker can be made,
 * and all work of kblockd is left to its one rescuer. If that one waited here for
 * the backing device, it would be missing there: the backing device may be one whose
 * requests are left to kblockd, too. So the disk's own workqueue submits the bio.
 * That one may wait: the rescuer of each disk serves no other disk, nor anything
 * below it.
 *
 * A task with a plug may be just about to flush it. The list of requests must
 * not grow under the hands of the block layer: so the plug is set aside, and the
 * backing device finds a task without. Thus a request for it never lands on the
 * plug, but is issued at once.
 *
 * What is on the plug stays there while the backing device makes this task wait
 * for a tag, say, since it is flushed by going to sleep only if it is in place;
 * if it is being flushed already, not even then. So nothing on it may be what is
 * waited for. That is so if all requests on it are for this disk, be they issued
 * later or kept for bios to come: the tags that they hold are this disk's, and
 * the backing device has no use for them, nor for anything that they complete,
 * as it comes below the disk. Else, some may be for the backing device, or one
 * below it: one whose tag is waited for, and which is issued only after the
 * current one. This happens if a task writes to both, and runs out of tags of
 * this disk: waiting for one runs the queue. A worker has nothing of that kind.
 *
 * submit_bio() keeps back the bios that are submitted inside it until it has
 * dealt with the one that it was called for. If that is large, it is split into
 * more requests than the queue has tags, and waits for requests whose bios it
 * keeps back itself. So start the bio at once. What the backing device in turn
 * submits is kept back as usual, so that the stack grows by one level only.
 *
 * Context: process context, may sleep.
 */
void evs_submit_bio(struct evs_queue *queue, struct bio *bio)
{
	struct bio_list *kept_back = current->bio_list;
	struct blk_plug *plug = current->plug;

	if (unlikely(evs_plug_in_the_way(queue->q) ||
		     evs_in_kblockd(queue->q))) {
		evs_submit_later(queue, bio);
		return;
	}

	/* The scheduler looks for the time that is kept in the plug */
	if (plug)
		blk_plug_invalidate_ts();
	/*
	 * An interrupt that ends a request may read it, and has no use for what
	 * it reads, being no task.
	 */
	data_race(current->plug = NULL);
	current->bio_list = NULL;
	/* The disk may go with the request that this completes */
	submit_bio_noacct(bio);
	current->bio_list = kept_back;
	/* As above */
	data_race(current->plug = plug);
}

/* Of how many bios of a request the submitter does not wait for the device */
static unsigned int evs_rq_nowait_bios(const struct request *rq,
				       unsigned int *all)
{
	unsigned int nowait = 0;
	const struct bio *bio;

	*all = 0;
	__rq_for_each_bio(bio, rq) {
		nowait += !!(bio->bi_opf & REQ_NOWAIT);
		++*all;
	}
	return nowait;
}

/*
 * Submit what the submitter does not wait for: REQ_NOWAIT.
 *
 * If it can be passed on, the backing device answers BLK_STS_AGAIN if it cannot start the
 * bio at once, and so ends the request. It cannot if it would have to split the bio, nor
 * can all bios of a merged request fail if one of them may wait. With an I/O scheduler, the
 * submitter has been told already that its request is taken, and anybody may dispatch it:
 * io_uring does not try again if it is told otherwise by another task. Those are submitted
 * by a worker.
 */
static void evs_submit_nowait(struct evs_queue *queue, struct bio *bio,
			      bool all)
{
	struct request_queue *below = bdev_get_queue(queue->bdev);

	if (!all || queue->q->elevator || !bdev_nowait(queue->bdev) ||
	    bio_sectors(bio) > queue_max_sectors(below)) {
		evs_submit_later(queue, bio);
		return;
	}
	bio->bi_opf |= REQ_NOWAIT;
	evs_submit_bio(queue, bio);
}

/**
 * evs_cmd_submit() - submit the bio of a request with data
 * @queue: queue of its disk
 * @rq: request, whose bio has been made
 * @end_io: called when the backing device has answered, in any context
 * @by_worker: the caller is a worker of the disk, which may wait for the backing device
 *
 * Context: process context. May sleep, but does not wait for the backing device if the
 *	submitter of @rq does not.
 */
void evs_cmd_submit(struct evs_queue *queue, struct request *rq,
		    bio_end_io_t *end_io, bool by_worker)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bio *bio = &cmd->bio;
	unsigned int nowait, all;

	bio->bi_opf = req_op(rq) | (rq->cmd_flags & EVS_REQ_FLAGS);
	bio->bi_iter.bi_sector += queue->offset >> SECTOR_SHIFT;
	bio->bi_end_io = end_io;
	evs_poll_start(rq);
	nowait = by_worker ? 0 : evs_rq_nowait_bios(rq, &all);
	if (nowait)
		evs_submit_nowait(queue, bio, nowait == all);
	else
		evs_submit_bio(queue, bio);
}

/**
 * evs_submit_init() - set up what submitting bios needs
 * @queue: queue of a disk
 */
void evs_submit_init(struct evs_queue *queue)
{
	bio_list_init(&queue->later);
	INIT_WORK(&queue->later_work, evs_submit_work);
}
