// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: large requests, which several CPUs encrypt or decrypt
 *
 * The data of a request is cut into pieces. Whoever has it to do takes one piece after
 * the other, and so do workers on other CPUs, to which the request is offered first.
 * All that they share is part of the request.
 *
 * A worker goes on only as long as its CPU has nothing else to do. So it costs nobody
 * time who has: a small reader beside a large one waits for as long as if the large one
 * had but one CPU.
 */
#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/cpumask.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/stat.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "split.h"

/* A multiple of any data unit */
#define EVS_PIECE_BYTES		SZ_16K

/*
 * How much of a request there has to be for each worker: several times what it takes
 * to wake a CPU
 */
#define EVS_WORKER_BYTES	SZ_64K

/**
 * struct evs_split - a request in pieces
 * @job: what workers see of it
 * @splitter: of the disk
 * @data: what is to be done
 * @pieces: how many pieces that is
 * @taken: how many of them have been taken; more than there are, in the end
 * @err: an error that one of them has met
 * @end: told if the owner is not the last of them
 * @priv: told to @end
 */
struct evs_split {
	struct evs_job job;
	struct evs_splitter *splitter;
	struct evs_split_data data;
	unsigned int pieces;
	atomic_t taken;
	int err;
	void (*end)(void *priv, int err);
	void *priv;
};

/**
 * evs_split_helps() - is a request large enough for several CPUs?
 * @bytes: its size
 *
 * Return: whether evs_split_run() would do better than this CPU alone.
 */
bool evs_split_helps(unsigned int bytes)
{
	return bytes >= EVS_WORKER_BYTES && num_online_cpus() > 1;
}

/* Data units do not span pieces */
static int evs_split_piece(const struct evs_split_data *data,
			   struct evs_crypt_req *creq, unsigned int offset,
			   unsigned int len)
{
	struct bvec_iter dst = { .bi_size = data->iter.bi_size };
	struct bvec_iter iter = data->iter;

	if (!bvec_iter_advance(data->src, &iter, offset))
		return -EIO;
	iter.bi_sector += offset >> SECTOR_SHIFT;
	if (!data->dst) {
		iter.bi_size = len;
		return evs_decrypt(data->cipher, creq, data->src, &iter);
	}

	if (!bvec_iter_advance(data->dst, &dst, offset))
		return -EIO;
	return evs_encrypt(data->cipher, creq, data->src, &iter, data->dst,
			   &dst, len, iter.bi_sector);
}

/* Returns whether there was a piece left */
static bool evs_split_take(struct evs_split *split, struct evs_crypt_req *creq)
{
	unsigned int i = atomic_fetch_inc(&split->taken);
	unsigned int offset = i * EVS_PIECE_BYTES;
	int err;

	if (i >= split->pieces)
		return false;
	err = evs_split_piece(&split->data, creq, offset,
			      min(split->data.iter.bi_size - offset,
				  EVS_PIECE_BYTES));
	if (err)
		WRITE_ONCE(split->err, err);
	return true;
}

static void evs_split_help(struct evs_job *job)
{
	struct evs_split *split = container_of(job, struct evs_split, job);
	struct evs_crypt_pool *creqs = split->splitter->creqs;
	struct evs_crypt_req *creq;
	unsigned int noio;

	/* Slow paths of the crypto API allocate: without starting I/O */
	noio = memalloc_noio_save();
	creq = evs_crypt_req_get(creqs, GFP_NOWAIT | __GFP_NOWARN);
	if (creq) {
		evs_crypt_req_init(creq, split->data.cipher);
		while (single_task_running() && evs_split_take(split, creq))
			cond_resched();
		evs_crypt_req_put(creqs, creq);
	}
	if (atomic_dec_and_test(&job->users)) {
		split->end(split->priv, READ_ONCE(split->err));
		kfree(split);
	}
	memalloc_noio_restore(noio);
}

/**
 * evs_split_run() - encrypt or decrypt on this CPU and others that are idle
 * @splitter: of the disk
 * @data: what; copied
 * @creq: from the disk's pool, initialised by evs_crypt_req_init() for the cipher; put
 *	back
 * @end: called in process context if this returns -EINPROGRESS, when all is done
 * @priv: passed to @end
 *
 * Context: process context, may sleep.
 * Return: 0, or an error code as of evs_encrypt(); or -EINPROGRESS: workers are yet to
 *	finish pieces that they have begun with. The last one calls @end.
 */
int evs_split_run(struct evs_splitter *splitter,
		  const struct evs_split_data *data, struct evs_crypt_req *creq,
		  void (*end)(void *priv, int err), void *priv)
{
	struct evs_split alone = {
		.job = { .users = ATOMIC_INIT(1), .help = evs_split_help },
		.splitter = splitter,
		.data = *data,
		.pieces = DIV_ROUND_UP(data->iter.bi_size, EVS_PIECE_BYTES),
		.end = end,
		.priv = priv,
	};
	struct evs_split *split;
	int err;

	split = kmemdup(&alone, sizeof(alone), GFP_NOWAIT | __GFP_NOWARN);
	if (split)
		evs_workers_offer(&splitter->workers, &split->job,
				  min(data->iter.bi_size / EVS_WORKER_BYTES,
				      EVS_WORKERS_MAX));
	else
		split = &alone;

	while (evs_split_take(split, creq))
		cond_resched();
	evs_workers_withdraw(&splitter->workers, &split->job);
	/* While the disk is there for certain */
	evs_crypt_req_put(splitter->creqs, creq);
	if (!atomic_dec_and_test(&split->job.users))
		return -EINPROGRESS;

	err = READ_ONCE(split->err);
	if (split != &alone)
		kfree(split);
	return err;
}

/**
 * evs_splitter_init() - set up what large requests need
 * @splitter: to be set up
 * @wq: where workers work, which outlives it
 * @creqs: where they get what the cipher needs
 *
 * Return: 0 or -ENOMEM.
 */
int evs_splitter_init(struct evs_splitter *splitter,
		      struct workqueue_struct *wq, struct evs_crypt_pool *creqs)
{
	splitter->creqs = creqs;
	return evs_workers_init(&splitter->workers, wq);
}

/**
 * evs_splitter_exit() - undo evs_splitter_init()
 * @splitter: nothing is being done, and its workqueue has been emptied
 */
void evs_splitter_exit(struct evs_splitter *splitter)
{
	evs_workers_exit(&splitter->workers);
}
