// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the way of a request
 *
 * A request for an evs disk becomes one bio for the backing device, which is
 * part of the request's private data, so that nothing has to be allocated for
 * it. Writes are encrypted in the context of the submitter into bounce pages.
 * Reads go straight into the pages of the caller and are decrypted there: small
 * ones at once where the backing device completes them, unless that is in hard
 * interrupt context, where ciphers that use vector registers must not run; large
 * ones, and those of a task that goes on submitting meanwhile, by the disk's crew, so
 * that several CPUs share them, as they do large writes.
 */
#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "evs.h"
#include "trace.h"

#define EVS_QUEUE_DEPTH		128

/*
 * Bits of a request that mean the same to the backing device. REQ_NOWAIT does
 * not: it would make the backing device fail a request that has been accepted.
 * REQ_POLLED does not either, as nothing polls for the bios made here.
 */
#define EVS_REQ_FLAGS	(REQ_FAILFAST_MASK | REQ_SYNC | REQ_META | REQ_PRIO | \
			 REQ_IDLE | REQ_FUA | REQ_RAHEAD | REQ_BACKGROUND | \
			 REQ_SWAP)

/*
 * Protects the ciphers of all disks against evs_io_wipe(). Sleepable, because
 * a cipher may complete asynchronously. One domain for all disks will do: what
 * is done under it is pure computation, without waiting for memory or I/O, so
 * that neither a hung backing device nor a lack of memory holds up a wipe.
 */
DEFINE_STATIC_SRCU(evs_srcu);

/**
 * struct evs_cmd - private data of a request
 * @work: decrypts the data of a read, or what is left of it
 * @bio: what is sent to the backing device
 * @bounce: how many bounce pages a write has in @bvecs, and whose they are
 * @next: bio of a read whose data is decrypted next
 * @iter: how far that is
 * @srcu_idx: of the cipher that a read has in use
 * @bvecs: bounce pages of a write; buffers of a read that was merged from
 *	several bios
 *
 * Followed by a struct evs_crypt_req, see evs_cmd_crypt_req().
 */
struct evs_cmd {
	struct work_struct work;
	struct bio bio;
	struct evs_bounce bounce;
	struct bio *next;
	struct bvec_iter iter;
	int srcu_idx;
	struct bio_vec bvecs[EVS_MAX_SEGMENTS];
};

/* Private data of a request is less aligned than a crypto request may need */
static struct evs_crypt_req *evs_cmd_crypt_req(struct evs_cmd *cmd)
{
	return PTR_ALIGN((void *)(cmd + 1), __alignof__(struct evs_crypt_req));
}

/**
 * evs_io_set_cipher() - change what requests find in place of a cipher
 * @evs: disk
 * @cipher: a cipher with its key set, EVS_CIPHER_HELD to have them held, or NULL
 *	to have them fail with an I/O error: those that come to the cipher from
 *	now on, be they new or answered by the backing device only after this
 *
 * Context: state_lock is held, or no request has been made yet.
 * Return: what they have found before, and may go on using until evs_io_wipe().
 */
struct evs_cipher *evs_io_set_cipher(struct evs_device *evs,
				     struct evs_cipher *cipher)
{
	return unrcu_pointer(xchg(&evs->cipher, RCU_INITIALIZER(cipher)));
}
EXPORT_SYMBOL_IF_KUNIT(evs_io_set_cipher);

/**
 * evs_io_wipe() - wipe a cipher
 * @cipher: what evs_io_set_cipher() has returned; nothing happens if it is not a
 *	cipher
 *
 * Context: process context. Waits for requests that are being encrypted or
 *	decrypted, but not for the backing device.
 */
void evs_io_wipe(struct evs_cipher *cipher)
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
void evs_io_hold(struct evs_device *evs)
{
	blk_mq_quiesce_queue_nowait(evs->disk->queue);
}

/* Context: any, down to hard interrupts */
static void evs_read_queue(struct evs_device *evs, struct evs_cmd *cmd)
{
	if (blk_rq_bytes(blk_mq_rq_from_pdu(cmd)) > EVS_INLINE_BYTES)
		evs_crew_read(evs->crew, &cmd->bio);
	else
		queue_work(evs->wq, &cmd->work);
}

/**
 * evs_io_release() - let go on what waits
 * @evs: disk, in place of whose cipher is not EVS_CIPHER_HELD any more; once for
 *	each call of evs_io_hold()
 */
void evs_io_release(struct evs_device *evs)
{
	struct bio_list bios;
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&evs->state_lock, flags);
	bios = evs->held_bios;
	bio_list_init(&evs->held_bios);
	spin_unlock_irqrestore(&evs->state_lock, flags);

	while ((bio = bio_list_pop(&bios)))
		evs_read_queue(evs, container_of(bio, struct evs_cmd, bio));
	blk_mq_unquiesce_queue(evs->disk->queue);
}

/* The status of a request that finds this in place of a cipher */
static blk_status_t evs_no_cipher(const struct evs_cipher *cipher)
{
	return cipher ? BLK_STS_RESOURCE : BLK_STS_IOERR;
}

/*
 * May a request be started? What only the cipher can tell for certain is asked
 * here, too, as it saves the backing device work in vain.
 */
static blk_status_t evs_io_admit(const struct evs_device *evs)
{
	const struct evs_cipher *cipher = rcu_access_pointer(evs->cipher);

	return IS_ERR_OR_NULL(cipher) ? evs_no_cipher(cipher) : BLK_STS_OK;
}

static int evs_cmd_encrypt_alone(struct request *rq,
				 const struct evs_cipher *cipher,
				 struct evs_crypt_req *creq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bvec_iter dst = { .bi_size = blk_rq_bytes(rq) };
	struct bio *bio;
	int err;

	/* A data unit never spans bios: it is the disk's logical block */
	__rq_for_each_bio(bio, rq) {
		struct bvec_iter src = bio->bi_iter;

		err = evs_encrypt(cipher, creq, bio->bi_io_vec, &src,
				  cmd->bvecs, &dst, src.bi_size,
				  src.bi_sector);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Encrypt the data of a write into @bvecs.
 *
 * Return: BLK_STS_RESOURCE if that has to wait for the disk to be resumed.
 */
static blk_status_t evs_cmd_encrypt(struct evs_device *evs, struct request *rq)
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
	if (evs_crew_shares(evs->crew, rq))
		err = evs_crew_encrypt(evs->crew, rq, cipher, creq, cmd->bvecs);
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

/*
 * Before a request is ended, be it one that has failed before it was started.
 * Context: any, down to hard interrupts.
 */
static void evs_request_done(struct evs_device *evs, struct request *rq,
			     blk_status_t status)
{
	if (unlikely(status)) {
		evs_io_error(evs, req_op(rq));
		evs_backing_check(evs);
	}
	/* The translation of the status is not inline */
	if (trace_evs_request_end_enabled() && blk_mq_request_started(rq))
		trace_evs_request_end(evs, rq, blk_status_to_errno(status));
}

static void evs_end_request(struct request *rq, blk_status_t status)
{
	/* First: the disk may go with its last request */
	evs_request_done(rq->q->queuedata, rq, status);
	blk_mq_end_request(rq, status);
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
 * evs_io_decrypt() - do what there is left to do for a read
 * @bio: bio that the backing device has answered
 *
 * Context: process context, in which allocations start no I/O. May sleep.
 */
void evs_io_decrypt(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct evs_device *evs = blk_mq_rq_from_pdu(cmd)->q->queuedata;
	int err = 0;

	if (!bio->bi_status)
		err = evs_cmd_decrypt(evs, cmd, true);
	evs_read_end(evs, cmd, err);
}

static void evs_read_work(struct work_struct *work)
{
	struct evs_cmd *cmd = container_of(work, struct evs_cmd, work);
	unsigned int noio;

	/* Slow paths of the crypto API allocate */
	noio = memalloc_noio_save();
	evs_io_decrypt(&cmd->bio);
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

static void evs_write_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	evs_bounce_free(rq->q->queuedata, &cmd->bounce, cmd->bvecs);
	evs_end_request(rq, bio->bi_status);
}

/* Of a flush or a discard */
static void evs_no_data_end_io(struct bio *bio)
{
	struct evs_cmd *cmd = container_of(bio, struct evs_cmd, bio);

	evs_end_request(blk_mq_rq_from_pdu(cmd), bio->bi_status);
}

/* Make the bio for a request with data in the first @nr_bvecs of @bvecs */
static void evs_cmd_init_bio(struct evs_device *evs, struct request *rq,
			     unsigned int nr_bvecs)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bio *bio = &cmd->bio;

	/*
	 * The request may be issued by a task other than its owner, so that it is
	 * in vain to look for the cgroup of this one.
	 */
	bio_init(bio, NULL, cmd->bvecs, EVS_MAX_SEGMENTS, req_op(rq));
	bio->bi_bdev = evs->bdev;
	bio_clone_blkg_association(bio, rq->bio);
	bio->bi_ioprio = req_get_ioprio(rq);
	bio->bi_vcnt = nr_bvecs;
	bio->bi_iter.bi_sector = blk_rq_pos(rq);
	bio->bi_iter.bi_size = blk_rq_bytes(rq);
}

static void evs_submit_work(struct work_struct *work)
{
	struct evs_device *evs = container_of(work, struct evs_device,
					      submit_work);
	struct bio_list bios;
	struct blk_plug plug;
	struct bio *bio;

	spin_lock(&evs->submit_lock);
	bios = evs->submit_bios;
	bio_list_init(&evs->submit_bios);
	spin_unlock(&evs->submit_lock);

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
 * Starting a bio may have to wait for others to complete, so none of those may
 * depend on this function to return. There are two places where they would:
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
 */
static void evs_submit_bio(struct evs_device *evs, struct bio *bio)
{
	struct bio_list *kept_back = current->bio_list;
	struct blk_plug *plug = current->plug;

	if (unlikely(evs_plug_in_the_way(evs->disk->queue))) {
		spin_lock(&evs->submit_lock);
		bio_list_add(&evs->submit_bios, bio);
		spin_unlock(&evs->submit_lock);
		queue_work(evs->wq, &evs->submit_work);
		return;
	}

	/* The scheduler looks for the time that is kept in the plug */
	if (plug)
		blk_plug_invalidate_ts();
	current->plug = NULL;
	current->bio_list = NULL;
	/* The disk may go with the request that this completes */
	submit_bio_noacct(bio);
	current->bio_list = kept_back;
	current->plug = plug;
}

static void evs_cmd_submit(struct evs_device *evs, struct request *rq,
			   bio_end_io_t *end_io)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct bio *bio = &cmd->bio;

	bio->bi_opf = req_op(rq) | (rq->cmd_flags & EVS_REQ_FLAGS);
	bio->bi_iter.bi_sector += evs->offset >> SECTOR_SHIFT;
	bio->bi_end_io = end_io;
	evs_submit_bio(evs, bio);
}

static blk_status_t evs_queue_read(struct evs_device *evs, struct request *rq)
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

static blk_status_t evs_queue_write(struct evs_device *evs, struct request *rq)
{
	struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status = evs_io_admit(evs);

	if (status)
		return status;
	/* The block layer warns of writes to a read-only disk, but lets them pass */
	if (evs->read_only)
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
	evs_cmd_submit(evs, rq, evs_write_end_io);
	return BLK_STS_OK;
}

static blk_status_t evs_queue_flush(struct evs_device *evs, struct request *rq)
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

static blk_status_t evs_queue_discard(struct evs_device *evs,
				      struct request *rq)
{
	blk_status_t status = evs_io_admit(evs);

	if (status)
		return status;
	if (evs->read_only)
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
	struct evs_device *evs = rq->q->queuedata;
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
	struct evs_device *evs = data;

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
int evs_io_init(struct evs_device *evs, const struct evs_cipher *cipher)
{
	struct blk_mq_tag_set *set = &evs->tag_set;
	int err;

	spin_lock_init(&evs->submit_lock);
	bio_list_init(&evs->submit_bios);
	bio_list_init(&evs->held_bios);
	INIT_WORK(&evs->submit_work, evs_submit_work);

	/*
	 * Unbound, since a backing device with few interrupts would have all
	 * reads decrypted on few CPUs. Not WQ_HIGHPRI: decryption is work of
	 * some length and has no claim to come before other tasks.
	 */
	evs->wq = alloc_workqueue("evs%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				  evs->id);
	if (!evs->wq)
		return -ENOMEM;

	if (!evs->read_only) {
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
void evs_io_exit(struct evs_device *evs)
{
	blk_mq_free_tag_set(&evs->tag_set);
	lockdep_unregister_key(&evs->flush_key);
	evs_bounce_exit(evs);
	destroy_workqueue(evs->wq);
	evs_crew_free(evs->crew);
}
