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

#include "disk.h"
#include "evs.h"
#include "io.h"
#include "trace.h"

static int evs_cmd_encrypt_alone(struct request *rq,
				 const struct evs_cipher *cipher,
				 struct evs_crypt_req *creq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bvec_iter dst = { .bi_size = cmd->bounce.bytes };
	struct bio *bio;
	int err;

	/* A data unit never spans bios: it is the disk's logical block */
	__rq_for_each_bio(bio, rq) {
		struct bvec_iter src = bio->bi_iter;

		err = evs_encrypt(cipher, creq, bio->bi_io_vec, &src,
				  cmd->bvecs, &dst,
				  min(src.bi_size, dst.bi_size), src.bi_sector);
		if (err || !dst.bi_size)
			return err;
	}
	return 0;
}

/**
 * struct evs_write_job - a large write that is encrypted
 * @job: for the crew
 * @done: completed when it has been
 */
struct evs_write_job {
	struct evs_job job;
	struct completion done;
};

static void evs_write_job_end(struct evs_job *job)
{
	complete(&container_of(job, struct evs_write_job, job)->done);
}

static int evs_cmd_encrypt_shared(struct evs_disk *evs, struct request *rq,
				  const struct evs_cipher *cipher,
				  struct evs_crypt_req *creq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct evs_write_job write = {
		.job = {
			.bio = rq->bio,
			.bytes = cmd->bounce.bytes,
			.cipher = cipher,
			.bounce = cmd->bvecs,
			.end = evs_write_job_end,
		},
	};
	int err;

	init_completion(&write.done);
	err = evs_crew_share(evs->crew, &write.job, creq);
	if (err != -EINPROGRESS)
		return err;
	/* Who submits is to go on: the backing device may make it wait, but no crew */
	wait_for_completion(&write.done);
	return write.job.err;
}

/*
 * Encrypt the data of a write, as far as there are bounce pages for it, into @bvecs.
 *
 * Return: BLK_STS_RESOURCE if that has to wait for the disk to be resumed.
 */
static blk_status_t evs_cmd_encrypt(struct evs_disk *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct evs_crypt_req *creq = evs_cmd_crypt_req(cmd);
	const struct evs_cipher *cipher;
	blk_status_t status = BLK_STS_OK;
	unsigned int noio;
	int err;
	int idx;

	/* Slow paths of the crypto API allocate, which must not start I/O here */
	noio = memalloc_noio_save();
	idx = srcu_read_lock(&evs_srcu);

	cipher = srcu_dereference(evs->cipher, &evs_srcu);
	if (IS_ERR_OR_NULL(cipher)) {
		status = evs_no_cipher(cipher);
		goto out;
	}

	trace_evs_cipher_begin(evs, rq);
	evs_crypt_req_init(creq, cipher);
	if (evs_crew_shares(evs->crew, rq, cmd->bounce.bytes))
		err = evs_cmd_encrypt_shared(evs, rq, cipher, creq);
	else
		err = evs_cmd_encrypt_alone(rq, cipher, creq);
	if (err)
		status = BLK_STS_IOERR;
	trace_evs_cipher_end(evs, rq, err);

out:
	srcu_read_unlock(&evs_srcu, idx);
	memalloc_noio_restore(noio);
	return status;
}

static void evs_write_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	blk_status_t status = bio->bi_status;

	evs_bounce_free(rq->q->queuedata, &cmd->bounce, cmd->bvecs);
	/* The reserve of bounce pages has done for a part; the rest has its turn */
	if (unlikely(!status && cmd->bounce.bytes < blk_rq_bytes(rq))) {
		blk_update_request(rq, BLK_STS_OK, cmd->bounce.bytes);
		blk_mq_requeue_request(rq, true);
		return;
	}
	evs_end_request(rq, status);
}

/**
 * evs_queue_write() - encrypt and start a write
 * @evs: its disk
 * @rq: request
 *
 * Context: process context, may sleep.
 * Return: as evs_queue_read().
 */
blk_status_t evs_queue_write(struct evs_disk *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_io_admit(evs);

	if (status)
		return status;
	/* The block layer warns of writes to a read-only disk, but lets them pass */
	if (evs->config.read_only)
		return BLK_STS_IOERR;

	if (!evs_bounce_alloc(evs, &cmd->bounce, cmd->bvecs, blk_rq_bytes(rq)))
		return BLK_STS_RESOURCE;

	blk_mq_start_request(rq);
	trace_evs_request_begin(evs, rq);

	status = evs_cmd_encrypt(evs, rq);
	if (status) {
		evs_bounce_free(evs, &cmd->bounce, cmd->bvecs);
		return status;
	}

	evs_cmd_init_bio(evs, rq, cmd->bounce.nr_pages);
	cmd->bio.bi_iter.bi_size = cmd->bounce.bytes;
	evs_cmd_submit(evs, rq, evs_write_end_io);
	return BLK_STS_OK;
}
