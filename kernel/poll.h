/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: requests whose submitter polls for them
 */
#ifndef _EVS_POLL_H
#define _EVS_POLL_H

#include <linux/blk-mq.h>

#include "queue.h"

int evs_poll_init(struct evs_queue *queue);
void evs_poll_exit(struct evs_queue *queue);
void evs_poll_init_hctx(struct evs_queue *queue, struct blk_mq_hw_ctx *hctx,
			unsigned int index);
void evs_poll_map_queues(struct blk_mq_tag_set *set);
int evs_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch);
void evs_poll_add(struct request *rq);
void evs_poll_del(struct request *rq);

/**
 * evs_poll_start() - let a request be polled for, if that is what its submitter does
 * @rq: request, whose bio is about to be submitted
 */
static inline void evs_poll_start(struct request *rq)
{
	if (unlikely(rq->cmd_flags & REQ_POLLED))
		evs_poll_add(rq);
}

/**
 * evs_poll_end() - undo evs_poll_start(), when the backing device has answered
 * @rq: request
 *
 * Context: any, down to hard interrupts.
 */
static inline void evs_poll_end(struct request *rq)
{
	if (unlikely(rq->cmd_flags & REQ_POLLED))
		evs_poll_del(rq);
}

#endif /* _EVS_POLL_H */
