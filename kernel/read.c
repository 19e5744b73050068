// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: reads
 *
 * The backing device reads into the pages of the caller, where the data is decrypted
 * once it has answered.
 */
#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "done.h"
#include "hold.h"
#include "poll.h"
#include "read.h"
#include "submit.h"
#include "trace.h"

static bool evs_read_is_large(const struct request *rq)
{
	return blk_rq_bytes(rq) > EVS_INLINE_BYTES;
}

static void evs_read_work(struct work_struct *work);

/**
 * evs_read_queue() - have a worker go on with a read
 * @queue: queue of its disk
 * @cmd: private data of the read, which the backing device has answered
 *
 * Context: any, down to hard interrupts.
 */
void evs_read_queue(struct evs_queue *queue, struct evs_cmd *cmd)
{
	INIT_WORK(&cmd->work, evs_read_work);
	queue_work_on(evs_workers_next_cpu(), queue->wq, &cmd->work);
}

static void evs_read_zero(struct request *rq)
{
	struct req_iterator iter;
	struct bio_vec bvec;

	rq_for_each_segment(bvec, rq, iter)
		memzero_bvec(&bvec);
}

/* Have a read decrypted when the disk is resumed, or again if it has been */
static void evs_read_hold(struct evs_queue *queue, struct evs_cmd *cmd)
{
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&queue->lock, flags);
	held = rcu_access_pointer(queue->cipher) == EVS_CIPHER_HELD;
	if (held)
		bio_list_add(&queue->held, &cmd->bio);
	spin_unlock_irqrestore(&queue->lock, flags);

	if (!held)
		evs_read_queue(queue, cmd);
}

/* It has been decrypted, or that has failed: let go of the cipher */
static inline void evs_read_put_cipher(struct evs_cmd *cmd, int err)
	__releases(&evs_srcu)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_queue *queue = rq->q->queuedata;

	trace_evs_cipher_end(queue->id, rq, err);
	srcu_up_read(&evs_srcu, cmd->srcu_idx);
}

/*
 * Decrypt what is left of the data of a read.
 *
 * Return: as evs_decrypt(); for -EINPROGRESS, evs_read_crypt_done() goes on
 */
static int evs_cmd_decrypt_rest(struct evs_cmd *cmd,
				const struct evs_cipher *cipher, bool may_sleep)
{
	int err;

	/* A data unit never spans bios: it is no larger than a logical block */
	for (;;) {
		err = evs_decrypt(cipher, cmd->creq, cmd->next->bi_io_vec,
				  &cmd->iter);
		if (err || !cmd->next->bi_next)
			return err;
		cmd->next = cmd->next->bi_next;
		cmd->iter = cmd->next->bi_iter;
		if (may_sleep)
			cond_resched();
	}
}

/* End a read of which evs_cmd_decrypt() has returned @err, unless it has to wait */
static void evs_read_end(struct evs_cmd *cmd, int err,
			 struct io_comp_batch *batch)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_queue *queue;
	blk_status_t status;

	/* Not ours any more, and maybe gone */
	if (err == -EINPROGRESS)
		return;

	queue = rq->q->queuedata;
	switch (err) {
	case 0:
		status = cmd->bio.bi_status;
		break;
	case -EAGAIN:
		evs_read_queue(queue, cmd);
		return;
	case -EHOSTDOWN:
		evs_read_hold(queue, cmd);
		return;
	default:
		status = BLK_STS_IOERR;
	}
	/* The caller may look at its buffer all the same: no ciphertext there */
	if (status)
		evs_read_zero(rq);
	evs_table_free(&queue->reserve, &cmd->bounce);
	evs_end_request(rq, status, batch);
}

/* A cipher that completes later has done the unit before the next one */
static void evs_read_crypt_done(void *data, int err)
{
	struct evs_cmd *cmd = data;
	struct evs_queue *queue = blk_mq_rq_from_pdu(cmd)->q->queuedata;

	/* It had a backlog, and has only begun */
	if (err == -EINPROGRESS)
		return;

	if (err)
		cmd->bio.bi_status = BLK_STS_IOERR;
	evs_crypt_req_put(&queue->creqs, cmd->creq);
	evs_read_put_cipher(cmd, err);
	if (err || (!cmd->iter.bi_size && !cmd->next->bi_next))
		evs_read_end(cmd, 0, NULL);
	else
		evs_read_queue(queue, cmd);
}

/* The last of several CPUs is done */
static void evs_read_split_end(void *priv, int err)
{
	struct evs_cmd *cmd = priv;

	evs_read_put_cipher(cmd, err);
	evs_read_end(cmd, err, NULL);
}

/* Where one may sleep. Context and return value as evs_cmd_decrypt() */
static int evs_cmd_decrypt_task(struct evs_queue *queue, struct evs_cmd *cmd,
				const struct evs_cipher *cipher)
{
	struct evs_split_data data = {
		.src = cmd->next->bi_io_vec,
		.iter = cmd->iter,
		.cipher = cipher,
	};

	int err;

	evs_crypt_req_init(cmd->creq, cipher);
	if (!cmd->next->bi_next && evs_split_helps(cmd->iter.bi_size))
		return evs_split_run(&queue->splitter, &data, cmd->creq,
				     evs_read_split_end, cmd);

	err = evs_cmd_decrypt_rest(cmd, cipher, true);
	evs_crypt_req_put(&queue->creqs, cmd->creq);
	return err;
}

/* Where nobody may sleep; a cipher that takes long is for a worker */
static int evs_cmd_decrypt_atomic(struct evs_queue *queue, struct evs_cmd *cmd,
				  const struct evs_cipher *cipher)
{
	struct evs_crypt_req *creq = cmd->creq;
	int err = -EAGAIN;

	if (!cipher->slow || in_task() ||
	    blk_rq_bytes(blk_mq_rq_from_pdu(cmd)) <= EVS_INLINE_SLOW_BYTES) {
		evs_crypt_req_init_atomic(creq, cipher, evs_read_crypt_done,
					  cmd);
		err = evs_cmd_decrypt_rest(cmd, cipher, false);
	}
	if (err != -EINPROGRESS)
		evs_crypt_req_put(&queue->creqs, creq);
	return err;
}

/*
 * Decrypt the data of a read, or go on with it. Unlike that of a write, the cipher
 * may stay in use after this returns, until evs_read_crypt_done() or
 * evs_read_split_end().
 *
 * Return: 0; -EAGAIN to have a worker go on; -EINPROGRESS if it has been seen to
 * that it will; -EHOSTDOWN if that has to wait for the disk to be resumed; or
 * another error code.
 */
static int evs_cmd_decrypt(struct evs_queue *queue, struct evs_cmd *cmd,
			   bool may_sleep)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	const struct evs_cipher *cipher;
	struct evs_crypt_req *creq;
	int err;

	creq = evs_crypt_req_get(&queue->creqs, may_sleep ? GFP_NOIO :
						GFP_NOWAIT | __GFP_NOWARN);
	if (!creq)
		return -EAGAIN;

	cmd->creq = creq;
	cmd->srcu_idx = srcu_down_read(&evs_srcu);
	cipher = srcu_dereference_check(queue->cipher, &evs_srcu, true);
	if (IS_ERR_OR_NULL(cipher)) {
		srcu_up_read(&evs_srcu, cmd->srcu_idx);
		evs_crypt_req_put(&queue->creqs, creq);
		return cipher ? -EHOSTDOWN : -ENOKEY;
	}

	trace_evs_cipher_begin(queue->id, rq);
	if (may_sleep)
		err = evs_cmd_decrypt_task(queue, cmd, cipher);
	else
		err = evs_cmd_decrypt_atomic(queue, cmd, cipher);
	/* Not ours any more: who goes on with it lets go of the cipher */
	if (err == -EINPROGRESS) {
		__release(&evs_srcu);
		return err;
	}

	evs_read_put_cipher(cmd, err);
	return err;
}

/**
 * evs_read_go_on() - decrypt a read that the backing device has answered, and end it
 * @queue: queue of its disk
 * @cmd: private data of the read, which the backing device may have failed
 * @may_sleep: the caller may
 * @batch: where it may be added to, for the caller to end it with others; or NULL
 */
void evs_read_go_on(struct evs_queue *queue, struct evs_cmd *cmd, bool may_sleep,
		    struct io_comp_batch *batch)
{
	int err = 0;

	if (!cmd->bio.bi_status)
		err = evs_cmd_decrypt(queue, cmd, may_sleep);
	evs_read_end(cmd, err, batch);
}

/* Context: process context, may sleep */
static void evs_read_go_on_task(struct evs_cmd *cmd)
{
	unsigned int noio;

	/* Slow paths of the crypto API allocate */
	noio = memalloc_noio_save();
	evs_read_go_on(blk_mq_rq_from_pdu(cmd)->q->queuedata, cmd, true,
		       NULL);
	memalloc_noio_restore(noio);
}

static void evs_read_work(struct work_struct *work)
{
	evs_read_go_on_task(container_of(work, struct evs_cmd, work));
}

/*
 * A large read is left to a worker: the backing device may complete all of them on
 * one CPU, and others wait for this context, too. If it has been answered before its
 * submitter is back, that one decrypts it.
 */
static void evs_read_end_large(struct evs_queue *queue, struct evs_cmd *cmd)
{
	if (atomic_dec_and_test(&cmd->awaited))
		evs_read_queue(queue, cmd);
}

/* Context: any, down to hard interrupts; likewise for all end_io */
static void evs_read_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_queue *queue = rq->q->queuedata;

	evs_poll_end(rq);
	cmd->next = rq->bio;
	cmd->iter = rq->bio->bi_iter;
	if (evs_read_is_large(rq))
		evs_read_end_large(queue, cmd);
	else if (in_hardirq() || irqs_disabled())
		evs_done_add(queue, cmd);
	else if (!crypto_simd_usable())
		evs_read_queue(queue, cmd);
	else
		evs_read_go_on(queue, cmd, false, NULL);
}

/*
 * Make the bio for a read, over the buffers of the caller.
 *
 * Return: false if there is no memory before another read has completed.
 */
static bool evs_read_init_bio(struct evs_queue *queue, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	unsigned int nr_bvecs = 0;
	struct req_iterator iter;
	struct bio_vec bvec;

	cmd->bounce.bvecs = cmd->bounce.own;
	bvec = mp_bvec_iter_bvec(rq->bio->bi_io_vec, rq->bio->bi_iter);
	if (bvec.bv_len == blk_rq_bytes(rq)) {
		/* In one piece: the backing device sees without a look at more */
		cmd->bounce.own[0] = bvec;
		evs_cmd_init_bio(queue, rq, 1);
		return true;
	}
	/* The bio has a table of buffers already */
	if (rq->bio == rq->biotail)
		return !bio_init_clone(queue->bdev, &cmd->bio, rq->bio,
				       GFP_NOIO);

	rq_for_each_bvec(bvec, rq, iter)
		nr_bvecs++;
	if (!evs_table_alloc(&queue->reserve, &cmd->bounce, nr_bvecs))
		return false;
	nr_bvecs = 0;
	rq_for_each_bvec(bvec, rq, iter)
		cmd->bounce.bvecs[nr_bvecs++] = bvec;
	evs_cmd_init_bio(queue, rq, nr_bvecs);
	return true;
}

/**
 * evs_queue_read() - start a read
 * @queue: queue of its disk
 * @rq: request
 *
 * Context: process context, may sleep.
 * Return: BLK_STS_OK if it has been started, and ends on its own; BLK_STS_RESOURCE
 *	if it has to come again; or an error to end it with.
 */
blk_status_t evs_queue_read(struct evs_queue *queue, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_queue_admit(queue);
	bool large;

	if (status)
		return status;
	if (!evs_read_init_bio(queue, rq))
		return BLK_STS_RESOURCE;

	blk_mq_start_request(rq);
	trace_evs_request_begin(queue->id, rq);

	large = evs_read_is_large(rq);
	if (large)
		atomic_set(&cmd->awaited, 2);
	evs_cmd_submit(queue, rq, evs_read_end_io, false);
	/* A small one may be gone */
	if (large && atomic_dec_and_test(&cmd->awaited))
		evs_read_go_on_task(cmd);
	return BLK_STS_OK;
}
