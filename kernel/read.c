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

#include "disk.h"
#include "evs.h"
#include "io.h"
#include "trace.h"

static bool evs_read_is_large(const struct request *rq)
{
	return blk_rq_bytes(rq) > EVS_INLINE_BYTES;
}

/**
 * evs_read_queue() - have a worker go on with a read
 * @evs: its disk
 * @cmd: private data of the read, which the backing device has answered
 *
 * Context: any, down to hard interrupts.
 */
void evs_read_queue(struct evs_disk *evs, struct evs_cmd *cmd)
{
	if (evs_read_is_large(blk_mq_rq_from_pdu(cmd)))
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
static void evs_read_hold(struct evs_disk *evs, struct evs_cmd *cmd)
{
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&evs->slot.lock, flags);
	held = evs->slot.state == EVS_DEV_STATE_SUSPENDED;
	if (held)
		bio_list_add(&evs->held_bios, &cmd->bio);
	spin_unlock_irqrestore(&evs->slot.lock, flags);

	if (!held)
		evs_read_queue(evs, cmd);
}

/* It has been decrypted, or that has failed: let go of the cipher */
static inline void evs_read_put_cipher(struct evs_cmd *cmd, int err)
	__releases(&evs_srcu)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	trace_evs_cipher_end(rq->q->queuedata, rq, err);
	srcu_up_read(&evs_srcu, cmd->srcu_idx);
}

/* A cipher that completes later has done the unit before the next one */
static void evs_read_crypt_done(void *data, int err)
{
	struct evs_cmd *cmd = data;

	/* It had a backlog, and has only begun */
	if (err == -EINPROGRESS)
		return;

	if (err)
		cmd->bio.bi_status = BLK_STS_IOERR;
	evs_read_put_cipher(cmd, err);
	evs_read_queue(blk_mq_rq_from_pdu(cmd)->q->queuedata, cmd);
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

/* End a read of which evs_cmd_decrypt() has returned @err, unless it has to wait */
static void evs_read_end(struct evs_cmd *cmd, int err)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_disk *evs;
	blk_status_t status;

	/* Not ours any more, and maybe gone */
	if (err == -EINPROGRESS)
		return;

	evs = rq->q->queuedata;
	switch (err) {
	case 0:
		status = cmd->bio.bi_status;
		break;
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

/* Volunteers have come last */
static void evs_read_job_end(struct evs_job *job)
{
	struct evs_cmd *cmd = container_of(job, struct evs_cmd, job);

	evs_read_put_cipher(cmd, job->err);
	evs_read_end(cmd, job->err);
}

static int evs_cmd_decrypt_shared(struct evs_disk *evs, struct evs_cmd *cmd,
				  const struct evs_cipher *cipher)
{
	struct evs_job *job = &cmd->job;

	job->bio = cmd->next;
	job->bytes = cmd->iter.bi_size;
	job->cipher = cipher;
	job->bounce = NULL;
	job->end = evs_read_job_end;
	return evs_crew_share(evs->crew, job, evs_cmd_crypt_req(cmd));
}

/*
 * Decrypt the data of a read, or go on with it. Unlike that of a write, the cipher
 * may stay in use after this returns, until evs_read_crypt_done() or
 * evs_read_job_end().
 *
 * Return: 0; -EAGAIN to have a worker go on; -EINPROGRESS if it has been seen to
 * that it will; -EHOSTDOWN if that has to wait for the disk to be resumed; or
 * another error code.
 */
static int evs_cmd_decrypt(struct evs_disk *evs, struct evs_cmd *cmd,
			   bool may_sleep)
{
	struct evs_crypt_req *creq = evs_cmd_crypt_req(cmd);
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
		evs_crypt_req_init(creq, cipher);
	else
		evs_crypt_req_init_atomic(creq, cipher, evs_read_crypt_done,
					  cmd);
	/* Large ones are done here as a whole, and nowhere else */
	if (may_sleep && evs_crew_shares(evs->crew, rq, blk_rq_bytes(rq)))
		err = evs_cmd_decrypt_shared(evs, cmd, cipher);
	else
		err = evs_cmd_decrypt_rest(cmd, cipher);
	/* Not ours any more: who goes on with it lets go of the cipher */
	if (err == -EINPROGRESS) {
		__release(&evs_srcu);
		return err;
	}

	evs_read_put_cipher(cmd, err);
	return err;
}

/**
 * evs_io_decrypt() - decrypt what there is left to decrypt of a read
 * @bio: bio that the backing device has answered
 *
 * Context: process context, in which allocations start no I/O. May sleep.
 * Return: what evs_io_decrypted() is to be told; if it is -EINPROGRESS, the bio may be
 *	gone.
 */
int evs_io_decrypt(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct evs_disk *evs = blk_mq_rq_from_pdu(cmd)->q->queuedata;

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
	evs_read_end(container_of(bio, struct evs_cmd, bio), err);
}

/* Context: process context, may sleep */
static void evs_read_go_on(struct evs_cmd *cmd)
{
	unsigned int noio;

	/* Slow paths of the crypto API allocate */
	noio = memalloc_noio_save();
	evs_io_decrypted(&cmd->bio, evs_io_decrypt(&cmd->bio));
	memalloc_noio_restore(noio);
}

static void evs_read_work(struct work_struct *work)
{
	evs_read_go_on(container_of(work, struct evs_cmd, work));
}

/*
 * A large read is left to the crew: the backing device may complete all of them on
 * one CPU, and others wait for this context, too. If it has been answered before its
 * submitter is back, that one decrypts it, with the crew's help.
 */
static void evs_read_end_large(struct evs_disk *evs, struct evs_cmd *cmd)
{
	if (atomic_dec_and_test(&cmd->awaited))
		evs_read_queue(evs, cmd);
}

/* May a small read be decrypted at once? */
static bool evs_read_inline(void)
{
	return !in_hardirq() && !irqs_disabled() && crypto_simd_usable();
}

/* Context: any, down to hard interrupts; likewise for all end_io */
static void evs_read_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct evs_disk *evs = rq->q->queuedata;

	cmd->next = rq->bio;
	cmd->iter = rq->bio->bi_iter;
	if (evs_read_is_large(rq))
		evs_read_end_large(evs, cmd);
	else if (bio->bi_status || !evs_read_inline())
		evs_read_queue(evs, cmd);
	else if (!evs_crew_take_read(evs->crew, bio, false))
		evs_read_end(cmd, evs_cmd_decrypt(evs, cmd, false));
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
blk_status_t evs_queue_read(struct evs_disk *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_io_admit(evs);
	unsigned int nr_bvecs = 0;
	struct req_iterator iter;
	struct bio_vec bvec;
	bool large;

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
	large = evs_read_is_large(rq);
	if (large)
		atomic_set(&cmd->awaited, 2);
	evs_cmd_submit(evs, rq, evs_read_end_io);
	/* A small one may be gone */
	if (large && atomic_dec_and_test(&cmd->awaited) &&
	    !evs_crew_take_read(evs->crew, &cmd->bio, true))
		evs_read_go_on(cmd);
	return BLK_STS_OK;
}
