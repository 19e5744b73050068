// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: writes
 *
 * The data is encrypted into bounce pages, which the backing device writes.
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/sched/mm.h>
#include <linux/srcu.h>

#include "hold.h"
#include "poll.h"
#include "read.h"
#include "submit.h"
#include "trace.h"
#include "write.h"

static int evs_cmd_encrypt_alone(struct request *rq,
				 const struct evs_cipher *cipher,
				 struct evs_crypt_req *creq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bvec_iter dst = { .bi_size = cmd->bounce.bytes };
	struct bio *bio;
	int err;

	/* A data unit never spans bios: it is no larger than a logical block */
	__rq_for_each_bio(bio, rq) {
		struct bvec_iter src = bio->bi_iter;

		err = evs_encrypt(cipher, creq, bio->bi_io_vec, &src,
				  cmd->bounce.bvecs, &dst,
				  min(src.bi_size, dst.bi_size), src.bi_sector);
		if (err || !dst.bi_size)
			return err;
		cond_resched();
	}
	return 0;
}

/**
 * struct evs_write_wait - a large write that is encrypted
 * @done: completed when the last of several CPUs is done
 * @err: an error that one of them has met
 */
struct evs_write_wait {
	struct completion done;
	int err;
};

static void evs_write_split_end(void *priv, int err)
{
	struct evs_write_wait *wait = priv;

	wait->err = err;
	complete(&wait->done);
}

static int evs_cmd_encrypt_split(struct evs_queue *queue, struct request *rq,
				 const struct evs_cipher *cipher,
				 struct evs_crypt_req *creq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct evs_split_data data = {
		.src = rq->bio->bi_io_vec,
		.iter = rq->bio->bi_iter,
		.dst = cmd->bounce.bvecs,
		.cipher = cipher,
	};
	struct evs_write_wait wait;
	int err;

	data.iter.bi_size = cmd->bounce.bytes;
	init_completion(&wait.done);
	err = evs_split_run(&queue->splitter, &data, creq, evs_write_split_end,
			    &wait);
	if (err != -EINPROGRESS)
		return err;
	/* Only for pieces that have been begun; workers never start I/O */
	wait_for_completion(&wait.done);
	return wait.err;
}

/*
 * Encrypt the data of a write, as far as there are bounce pages for it.
 *
 * Return: BLK_STS_RESOURCE if that has to wait for the disk to be resumed.
 */
static blk_status_t evs_cmd_encrypt(struct evs_queue *queue, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	const struct evs_cipher *cipher;
	blk_status_t status = BLK_STS_OK;
	struct evs_crypt_req *creq;
	unsigned int noio;
	int err;
	int idx;

	/* Slow paths of the crypto API allocate, which must not start I/O here */
	noio = memalloc_noio_save();
	creq = evs_crypt_req_get(&queue->creqs, GFP_NOIO);
	idx = srcu_read_lock(&evs_srcu);

	cipher = srcu_dereference(queue->cipher, &evs_srcu);
	if (IS_ERR_OR_NULL(cipher)) {
		evs_crypt_req_put(&queue->creqs, creq);
		status = evs_no_cipher(cipher);
		goto out;
	}

	trace_evs_cipher_begin(queue->id, rq);
	evs_crypt_req_init(creq, cipher);
	if (rq->bio == rq->biotail && evs_split_helps(cmd->bounce.bytes)) {
		err = evs_cmd_encrypt_split(queue, rq, cipher, creq);
	} else {
		err = evs_cmd_encrypt_alone(rq, cipher, creq);
		evs_crypt_req_put(&queue->creqs, creq);
	}
	if (err)
		status = BLK_STS_IOERR;
	trace_evs_cipher_end(queue->id, rq, err);

out:
	srcu_read_unlock(&evs_srcu, idx);
	memalloc_noio_restore(noio);
	return status;
}

static void evs_write_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_queue *queue = rq->q->queuedata;
	blk_status_t status = bio->bi_status;

	evs_poll_end(rq);
	evs_bounce_free(&queue->reserve, &cmd->bounce);
	/* The reserve of bounce pages has done for a part; the rest has its turn */
	if (unlikely(!status && cmd->bounce.bytes < blk_rq_bytes(rq))) {
		blk_update_request(rq, BLK_STS_OK, cmd->bounce.bytes);
		blk_mq_requeue_request(rq, true);
		return;
	}
	evs_end_request(rq, status, NULL);
}

/* Return: as evs_queue_read() */
static blk_status_t evs_write_start(struct evs_queue *queue, struct request *rq,
				    bool by_worker)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status;

	if (!evs_bounce_alloc(&queue->reserve, &cmd->bounce,
			      blk_rq_bytes(rq)))
		return BLK_STS_RESOURCE;

	status = evs_cmd_encrypt(queue, rq);
	if (status) {
		evs_bounce_free(&queue->reserve, &cmd->bounce);
		return status;
	}

	evs_cmd_init_bio(queue, rq, cmd->bounce.nr_pages);
	cmd->bio.bi_iter.bi_size = cmd->bounce.bytes;
	evs_cmd_submit(queue, rq, evs_write_end_io, by_worker);
	return BLK_STS_OK;
}

/**
 * evs_writes_run() - encrypt and start writes that have been left to a worker
 * @first: the oldest one
 *
 * Context: a worker of the disk.
 */
void evs_writes_run(struct llist_node *first)
{
	struct evs_cmd *cmd, *next;
	blk_status_t status;
	struct request *rq;

	llist_for_each_entry_safe(cmd, next, first, node) {
		rq = blk_mq_rq_from_pdu(cmd);
		status = evs_write_start(rq->q->queuedata, rq, true);
		if (status == BLK_STS_RESOURCE)
			blk_mq_requeue_request(rq, true);
		else if (status)
			evs_end_request(rq, status, NULL);
		cond_resched();
	}
}

/* One whose submitter polls is to be found by it when this returns */
static bool evs_write_is_for_worker(struct evs_queue *queue,
				    const struct request *rq)
{
	return blk_rq_bytes(rq) <= EVS_INLINE_BYTES &&
	       !(rq->cmd_flags & REQ_POLLED) &&
	       evs_spread_helps(&queue->spread,
				&queue->tag_set.shared_tags->bitmap_tags.sb);
}

/**
 * evs_queue_write() - encrypt and start a write
 * @queue: queue of its disk
 * @rq: request
 *
 * Context: process context, may sleep.
 * Return: as evs_queue_read().
 */
blk_status_t evs_queue_write(struct evs_queue *queue, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_queue_admit(queue);

	if (status)
		return status;
	/* The block layer warns of writes to a read-only disk, but lets them pass */
	if (queue->read_only)
		return BLK_STS_IOERR;

	blk_mq_start_request(rq);
	trace_evs_request_begin(queue->id, rq);

	if (evs_write_is_for_worker(queue, rq)) {
		evs_spread_add(&queue->spread, &cmd->node);
		return BLK_STS_OK;
	}
	return evs_write_start(queue, rq, false);
}
