// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: requests whose submitter polls for them (REQ_POLLED), where the backing device can
 * be polled
 *
 * They have some hardware queues of their own. Whoever polls one of these polls the
 * backing device for the oldest bio of it, and so ends whatever the queue below has done.
 * Reads are decrypted there, like others that do not complete in interrupts.
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "poll.h"

/*
 * More than any device has unless it is told to. Each costs 18 KiB of memory on a machine
 * with 64 CPUs.
 */
#define EVS_POLL_QUEUES_MAX	8U

/**
 * struct evs_polled - requests of a hardware queue that is polled
 * @lock: protects @cmds
 * @cmds: those that the backing device has to answer, oldest first
 */
struct evs_polled {
	spinlock_t lock;		/* protects cmds */
	struct list_head cmds;
} ____cacheline_aligned_in_smp;

/*
 * Can the backing device be polled? One made of bios would have to be asked for each bio by
 * one task at a time. Its tag set would say more, but is gone before its queue is, when the
 * device is removed.
 */
static bool evs_poll_is_possible(const struct evs_queue *queue)
{
	struct request_queue *below = bdev_get_queue(queue->bdev);

	return queue_is_mq(below) && (below->limits.features & BLK_FEAT_POLL);
}

/**
 * evs_poll_add() - let a request be polled for
 * @rq: request with REQ_POLLED, whose bio is about to be submitted
 */
void evs_poll_add(struct request *rq)
{
	struct evs_polled *polled = rq->mq_hctx->driver_data;
	struct evs_queue *queue = rq->q->queuedata;
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);

	/* The backing device may have changed its mind */
	if (evs_poll_is_possible(queue))
		cmd->bio.bi_opf |= REQ_POLLED;
	spin_lock_irq(&polled->lock);
	list_add_tail(&cmd->polled, &polled->cmds);
	spin_unlock_irq(&polled->lock);
}

/**
 * evs_poll_del() - undo evs_poll_add()
 * @rq: request
 *
 * Context: any, down to hard interrupts.
 */
void evs_poll_del(struct request *rq)
{
	struct evs_polled *polled = rq->mq_hctx->driver_data;
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	unsigned long flags;

	spin_lock_irqsave(&polled->lock, flags);
	list_del(&cmd->polled);
	spin_unlock_irqrestore(&polled->lock, flags);
}

/**
 * evs_poll() - poll for the requests of a hardware queue
 * @hctx: hardware queue of this kind
 * @batch: where the backing device may leave what it has done to the caller
 *
 * Context: process context.
 * Return: how much the backing device has done.
 */
int evs_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch)
{
	struct evs_polled *polled = hctx->driver_data;
	struct bio *bio = NULL;
	struct evs_cmd *cmd;

	spin_lock_irq(&polled->lock);
	list_for_each_entry(cmd, &polled->cmds, polled) {
		/* One that has not been started, or is not polled after all, has none */
		if (READ_ONCE(cmd->bio.bi_cookie) == BLK_QC_T_NONE)
			continue;
		bio = &cmd->bio;
		break;
	}
	spin_unlock_irq(&polled->lock);

	/*
	 * It may be ended by somebody else right now, and be another request's. That
	 * request is one of this disk, too, so this polls a queue of the same device.
	 */
	return bio ? bio_poll(bio, batch, BLK_POLL_ONESHOT) : 0;
}

/**
 * evs_poll_map_queues() - spread the CPUs over each kind of hardware queues
 * @set: tag set of a disk
 */
void evs_poll_map_queues(struct blk_mq_tag_set *set)
{
	struct evs_queue *queue = set->driver_data;
	struct blk_mq_queue_map *map = &set->map[HCTX_TYPE_DEFAULT];

	map->nr_queues = set->nr_hw_queues;
	if (set->nr_maps > HCTX_TYPE_POLL) {
		map->nr_queues -= queue->nr_polled;
		set->map[HCTX_TYPE_READ].nr_queues = 0;
		set->map[HCTX_TYPE_POLL].nr_queues = queue->nr_polled;
		set->map[HCTX_TYPE_POLL].queue_offset = map->nr_queues;
		blk_mq_map_queues(&set->map[HCTX_TYPE_POLL]);
	}
	blk_mq_map_queues(map);
}

/**
 * evs_poll_init_hctx() - set up a hardware queue
 * @queue: queue of its disk
 * @hctx: hardware queue, of whichever kind
 * @index: its number
 */
void evs_poll_init_hctx(struct evs_queue *queue, struct blk_mq_hw_ctx *hctx,
			unsigned int index)
{
	unsigned int first = queue->tag_set.nr_hw_queues - queue->nr_polled;

	if (index >= first)
		hctx->driver_data = &queue->polled[index - first];
}

/**
 * evs_poll_init() - add hardware queues that are polled, if the backing device can be
 * @queue: queue of a disk, whose tag set has its other hardware queues
 *
 * Return: 0 or -ENOMEM.
 */
int evs_poll_init(struct evs_queue *queue)
{
	struct blk_mq_tag_set *set = &queue->tag_set;
	unsigned int nr = min(set->nr_hw_queues, EVS_POLL_QUEUES_MAX);

	if (!evs_poll_is_possible(queue))
		return 0;
	queue->polled = kcalloc(nr, sizeof(*queue->polled), GFP_KERNEL);
	if (!queue->polled)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++) {
		spin_lock_init(&queue->polled[i].lock);
		INIT_LIST_HEAD(&queue->polled[i].cmds);
	}
	queue->nr_polled = nr;
	set->nr_hw_queues += nr;
	set->nr_maps = HCTX_MAX_TYPES;
	return 0;
}

/**
 * evs_poll_exit() - undo evs_poll_init()
 * @queue: queue of a disk whose hardware queues are gone
 */
void evs_poll_exit(struct evs_queue *queue)
{
	kfree(queue->polled);
}
