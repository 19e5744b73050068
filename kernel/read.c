// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: reads
 *
 * The backing device reads into the pages of the caller, where the data is decrypted
 * once it has answered.
 */
#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "evs.h"
#include "io.h"
#include "trace.h"

/**
 * evs_read_queue() - have a worker go on with a read
 * @evs: its disk
 * @cmd: private data of the read, which the backing device has answered
 *
 * Context: any, down to hard interrupts.
 */
void evs_read_queue(struct evs_device *evs, struct evs_cmd *cmd)
{
	if (blk_rq_bytes(blk_mq_rq_from_pdu(cmd)) > EVS_INLINE_BYTES)
		evs_crew_read(evs->crew, &cmd->bio);
	else
		queue_work(evs->wq, &cmd->work);
}

static void evs_read_zero(struct request *rq)
{
	struct req_iterator iter;
	struct bio_vec bvec;

	rq_for_each_segment(bvec, rq, iter)
		memzero_bvec(&bvec);
}

/* Have a read decrypted when the disk is resumed, or again if it has been */
static void evs_read_hold(struct evs_device *evs, struct evs_cmd *cmd)
{
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&evs->state_lock, flags);
	held = evs->state == EVS_DEV_STATE_SUSPENDED;
	if (held)
		bio_list_add(&evs->held_bios, &cmd->bio);
	spin_unlock_irqrestore(&evs->state_lock, flags);

	if (!held)
		evs_read_queue(evs, cmd);
}

/* A cipher that completes later has done the unit before the next one */
static void evs_read_crypt_done(void *data, int err)
{
	struct evs_cmd *cmd = data;
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_device *evs = rq->q->queuedata;

	/* It had a backlog, and has only begun */
	if (err == -EINPROGRESS)
		return;

	if (err)
		cmd->bio.bi_status = BLK_STS_IOERR;
	trace_evs_cipher_end(evs, rq, err);
	srcu_up_read(&evs_srcu, cmd->srcu_idx);
	evs_read_queue(evs, cmd);
}

/*
 * Decrypt what is left of the data of a read.
 *
 * Return: as evs_decrypt(); for -EINPROGRESS, evs_read_crypt_done() goes on
 */
static int evs_cmd_decrypt_rest(struct evs_cmd *cmd,
				const struct evs_cipher *cipher)
{
	int err;

	/* A data unit never spans bios: it is the disk's logical block */
	for (;;) {
		err = evs_decrypt(cipher, evs_cmd_crypt_req(cmd),
				  cmd->next->bi_io_vec, &cmd->iter);
		if (err || !cmd->next->bi_next)
			return err;
		cmd->next = cmd->next->bi_next;
		cmd->iter = cmd->next->bi_iter;
	}
}

/*
 * Decrypt the data of a read, or go on with it. Unlike that of a write, the cipher
 * may stay in use after this returns, until evs_read_crypt_done().
 *
 * Return: 0; -EAGAIN to have a worker go on; -EINPROGRESS if it has been seen to
 * that it will; -EHOSTDOWN if that has to wait for the disk to be resumed; or
 * another error code.
 */
static int evs_cmd_decrypt(struct evs_device *evs, struct evs_cmd *cmd,
			   bool may_sleep)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	const struct evs_cipher *cipher;
	int err;

	cmd->srcu_idx = srcu_down_read(&evs_srcu);
	cipher = srcu_dereference_check(evs->cipher, &evs_srcu, true);
	if (IS_ERR_OR_NULL(cipher)) {
		srcu_up_read(&evs_srcu, cmd->srcu_idx);
		return cipher ? -EHOSTDOWN : -ENOKEY;
	}

	trace_evs_cipher_begin(evs, rq);
	if (may_sleep)
		evs_crypt_req_init(evs_cmd_crypt_req(cmd), cipher);
	else
		evs_crypt_req_init_atomic(evs_cmd_crypt_req(cmd), cipher,
					  evs_read_crypt_done, cmd);
	err = evs_cmd_decrypt_rest(cmd, cipher);
	/* Not ours any more: evs_read_crypt_done() lets go of the cipher */
	if (err == -EINPROGRESS) {
		__release(&evs_srcu);
		return err;
	}

	trace_evs_cipher_end(evs, rq, err);
	srcu_up_read(&evs_srcu, cmd->srcu_idx);
	return err;
}

static void evs_read_end(struct evs_device *evs, struct evs_cmd *cmd, int err)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	blk_status_t status = cmd->bio.bi_status;

	switch (err) {
	case 0:
		break;
	case -EINPROGRESS:
		return;
	case -EAGAIN:
		evs_read_queue(evs, cmd);
		return;
	case -EHOSTDOWN:
		evs_read_hold(evs, cmd);
		return;
	default:
		status = BLK_STS_IOERR;
	}
	/* The caller may look at its buffer all the same: no ciphertext there */
	if (status)
		evs_read_zero(rq);
	evs_end_request(rq, status);
}

/**
 * evs_io_decrypt() - decrypt what there is left to decrypt of a read
 * @bio: bio that the backing device has answered
 *
 * Context: process context, in which allocations start no I/O. May sleep.
 * Return: what evs_io_decrypted() is to be told.
 */
int evs_io_decrypt(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct evs_device *evs = blk_mq_rq_from_pdu(cmd)->q->queuedata;

	return bio->bi_status ? 0 : evs_cmd_decrypt(evs, cmd, true);
}

/**
 * evs_io_decrypted() - end a read, unless it has to wait
 * @bio: its bio
 * @err: what evs_io_decrypt() has returned
 *
 * Context: any, down to hard interrupts.
 */
void evs_io_decrypted(struct bio *bio, int err)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);

	evs_read_end(blk_mq_rq_from_pdu(cmd)->q->queuedata, cmd, err);
}

static void evs_read_work(struct work_struct *work)
{
	struct evs_cmd *cmd = container_of(work, struct evs_cmd, work);
	unsigned int noio;

	/* Slow paths of the crypto API allocate */
	noio = memalloc_noio_save();
	evs_io_decrypted(&cmd->bio, evs_io_decrypt(&cmd->bio));
	memalloc_noio_restore(noio);
}

/*
 * Is a read to be decrypted at once? Large ones are left to the crew: the backing
 * device may complete all of them on one CPU, or as they are submitted, so that the
 * next one would not even begin; and others wait for this context, too. With
 * one CPU there is nobody to share them, which leaves those others: a task has
 * time slices.
 */
static bool evs_read_inline(const struct request *rq)
{
	if (in_hardirq() || irqs_disabled() || !crypto_simd_usable())
		return false;
	return blk_rq_bytes(rq) <= EVS_INLINE_BYTES ||
	       (in_task() && num_online_cpus() == 1);
}

/* Context: any, down to hard interrupts; likewise for all end_io */
static void evs_read_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_device *evs = rq->q->queuedata;

	cmd->next = rq->bio;
	cmd->iter = rq->bio->bi_iter;
	if (bio->bi_status || !evs_read_inline(rq))
		evs_read_queue(evs, cmd);
	else if (!evs_crew_take_read(evs->crew, bio))
		evs_read_end(evs, cmd, evs_cmd_decrypt(evs, cmd, false));
}

/**
 * evs_queue_read() - start a read
 * @evs: its disk
 * @rq: request
 *
 * Context: process context, may sleep.
 * Return: BLK_STS_OK if it has been started, and ends on its own; BLK_STS_RESOURCE
 *	if it has to come again; or an error to end it with.
 */
blk_status_t evs_queue_read(struct evs_device *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_io_admit(evs);
	unsigned int nr_bvecs = 0;
	struct req_iterator iter;
	struct bio_vec bvec;

	if (status)
		return status;

	blk_mq_start_request(rq);
	trace_evs_request_begin(evs, rq);

	bvec = mp_bvec_iter_bvec(rq->bio->bi_io_vec, rq->bio->bi_iter);
	if (bvec.bv_len == blk_rq_bytes(rq)) {
		/* In one piece: the backing device sees without a look at more */
		cmd->bvecs[0] = bvec;
		evs_cmd_init_bio(evs, rq, 1);
	} else if (rq->bio == rq->biotail) {
		/* The bio has a table of buffers already */
		if (bio_init_clone(evs->bdev, &cmd->bio, rq->bio, GFP_NOIO))
			return BLK_STS_IOERR;
	} else {
		rq_for_each_bvec(bvec, rq, iter)
			cmd->bvecs[nr_bvecs++] = bvec;
		evs_cmd_init_bio(evs, rq, nr_bvecs);
	}

	INIT_WORK(&cmd->work, evs_read_work);
	evs_cmd_submit(evs, rq, evs_read_end_io);
	return BLK_STS_OK;
}
