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
 * had but one CPU. An offer that no worker has taken up when all pieces are taken is
 * withdrawn, so that a busy machine waits for no worker. Until then the worker gets no
 * other, and is not woken in vain by all requests.
 */
#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/stat.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "split.h"

/* A multiple of any data unit */
#define EVS_PIECE_BYTES		SZ_16K

/*
 * How much of a request there has to be for each worker: several times what it takes
 * to wake a CPU
 */
#define EVS_WORKER_BYTES	SZ_64K
#define EVS_WORKERS_MAX		7

/**
 * struct evs_split - a request in pieces
 * @data: what is to be done
 * @pieces: how many pieces that is
 * @taken: how many of them have been taken; more than there are, in the end
 * @users: those who may take some: the owner, and workers who have or are offered it
 * @err: an error that one of them has met
 * @end: told if the owner is not the last of them
 * @priv: told to @end
 * @offered: CPUs whose workers have been offered it
 * @nr_offered: how many
 */
struct evs_split {
	struct evs_split_data data;
	unsigned int pieces;
	atomic_t taken;
	atomic_t users;
	int err;
	void (*end)(void *priv, int err);
	void *priv;
	unsigned int offered[EVS_WORKERS_MAX];
	unsigned int nr_offered;
};

/**
 * struct evs_split_worker - helps with the requests of a disk on one CPU
 * @work: takes up @offer
 * @splitter: of the disk
 * @offer: request to help with, or NULL. Whoever puts NULL there has its user.
 */
struct evs_split_worker {
	struct work_struct work;
	struct evs_splitter *splitter;
	struct evs_split *offer;
};

static DEFINE_PER_CPU(unsigned int, evs_split_cpu);

/* Online, and not @cpu unless that is the only one */
static unsigned int evs_split_cpu_after(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

/**
 * evs_split_next_cpu() - tell where to have a large request done by a worker
 *
 * The workqueue takes the CPU as a hint which caches to be close to. Without it, all
 * would be close to the CPU that the backing device interrupts.
 *
 * Return: another CPU each time.
 */
int evs_split_next_cpu(void)
{
	unsigned int *last = raw_cpu_ptr(&evs_split_cpu);
	unsigned int cpu = evs_split_cpu_after(READ_ONCE(*last));

	WRITE_ONCE(*last, cpu);
	return cpu;
}

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

static void evs_split_work(struct work_struct *work)
{
	struct evs_split_worker *worker = container_of(work,
						       struct evs_split_worker,
						       work);
	struct evs_crypt_pool *creqs = worker->splitter->creqs;
	struct evs_split *split = xchg(&worker->offer, NULL);
	struct evs_crypt_req *creq;
	unsigned int noio;

	if (!split)
		return;

	/* Slow paths of the crypto API allocate: without starting I/O */
	noio = memalloc_noio_save();
	creq = evs_crypt_req_get(creqs, GFP_NOWAIT | __GFP_NOWARN);
	if (creq) {
		evs_crypt_req_init(creq, split->data.cipher);
		while (single_task_running() && evs_split_take(split, creq))
			cond_resched();
		evs_crypt_req_put(creqs, creq);
	}
	if (atomic_dec_and_test(&split->users)) {
		split->end(split->priv, READ_ONCE(split->err));
		kfree(split);
	}
	memalloc_noio_restore(noio);
}

static void evs_split_offer(struct evs_splitter *splitter,
			    struct evs_split *split)
{
	unsigned int self = raw_smp_processor_id();
	unsigned int cpu = evs_split_cpu_after(self);
	unsigned int n = min(split->data.iter.bi_size / EVS_WORKER_BYTES,
			     EVS_WORKERS_MAX);
	struct evs_split_worker *worker;

	for (; n && cpu != self; n--, cpu = evs_split_cpu_after(cpu)) {
		worker = per_cpu_ptr(splitter->workers, cpu);
		if (READ_ONCE(worker->offer))
			continue;
		atomic_inc(&split->users);
		if (cmpxchg(&worker->offer, NULL, split)) {
			atomic_dec(&split->users);
			continue;
		}
		split->offered[split->nr_offered++] = cpu;
		queue_work_on(cpu, splitter->wq, &worker->work);
	}
}

static void evs_split_withdraw(struct evs_splitter *splitter,
			       struct evs_split *split)
{
	struct evs_split_worker *worker;

	while (split->nr_offered) {
		worker = per_cpu_ptr(splitter->workers,
				     split->offered[--split->nr_offered]);
		if (cmpxchg(&worker->offer, split, NULL) == split)
			atomic_dec(&split->users);
	}
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
		.data = *data,
		.pieces = DIV_ROUND_UP(data->iter.bi_size, EVS_PIECE_BYTES),
		.users = ATOMIC_INIT(1),
		.end = end,
		.priv = priv,
	};
	struct evs_split *split;
	int err;

	split = kmemdup(&alone, sizeof(alone), GFP_NOWAIT | __GFP_NOWARN);
	if (split)
		evs_split_offer(splitter, split);
	else
		split = &alone;

	while (evs_split_take(split, creq))
		cond_resched();
	evs_split_withdraw(splitter, split);
	/* While the disk is there for certain */
	evs_crypt_req_put(splitter->creqs, creq);
	if (!atomic_dec_and_test(&split->users))
		return -EINPROGRESS;

	err = READ_ONCE(split->err);
	if (split != &alone)
		kfree(split);
	return err;
}

/**
 * evs_splitter_init() - set up workers
 * @splitter: to be set up
 * @wq: where they work, which outlives it
 * @creqs: where they get what the cipher needs
 *
 * Return: 0 or -ENOMEM.
 */
int evs_splitter_init(struct evs_splitter *splitter,
		      struct workqueue_struct *wq, struct evs_crypt_pool *creqs)
{
	struct evs_split_worker *worker;
	int cpu;

	splitter->wq = wq;
	splitter->creqs = creqs;
	splitter->workers = alloc_percpu(struct evs_split_worker);
	if (!splitter->workers)
		return -ENOMEM;

	for_each_possible_cpu(cpu) {
		worker = per_cpu_ptr(splitter->workers, cpu);
		INIT_WORK(&worker->work, evs_split_work);
		worker->splitter = splitter;
	}
	return 0;
}

/**
 * evs_splitter_exit() - undo evs_splitter_init()
 * @splitter: nothing is being done, and its workqueue has been emptied
 */
void evs_splitter_exit(struct evs_splitter *splitter)
{
	free_percpu(splitter->workers);
}
