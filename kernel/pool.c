// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: pages that are recycled
 *
 * A kernel that zeroes pages on allocation takes more than half as long for it
 * as the cipher for filling the page. So pages that a write is done with are
 * kept for the next one, in a pool for each CPU. They go back to the pool of
 * the CPU that took them, since the one where the backing device completes the
 * write may never write itself. Who is short of memory gets them back.
 *
 * The pools need not be wiped: all that ever is in bounce pages is ciphertext,
 * as it is on the backing device.
 */
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "pool.h"
#include "trace.h"

#define EVS_POOL_PAGES		(SZ_1M / PAGE_SIZE)
#define EVS_POOL_BATCH		16

/*
 * How much of the memory may be bounce pages: deep queues of large writes would take
 * all of it, which nobody could reclaim before the backing device has answered.
 *
 * Each holds as much as a page of data that is being written. Writeback begins when a
 * tenth of the memory is such data (vm.dirty_background_ratio), and a sixteenth is the
 * power of two below that. It is more than disks need to be kept busy: 128 MiB in
 * flight with 2 GiB of memory are 1 GB/s to one that takes 128 ms for each request.
 */
#define EVS_BOUNCE_PART		16

/* What is not needed for this long is freed before twice that has passed */
#define EVS_POOL_TRIM_DELAY	(20 * HZ)

/**
 * struct evs_pool - pages that wait for the next write on a CPU
 * @lock: protects the rest. Taken in hard interrupt context, too, and hardly
 *	ever by two CPUs at a time.
 * @nr_pages: how many there are in @pages
 * @nr_idle: how many of them have not been needed since the last trim
 * @pages: the pages, last in, first out
 */
struct evs_pool {
	spinlock_t lock;		/* protects the rest */
	unsigned int nr_pages;
	unsigned int nr_idle;
	struct page *pages[EVS_POOL_PAGES];
};

/* Those of CPUs that have gone offline are trimmed like any other */
static struct evs_pool __percpu *evs_pools;
static struct shrinker *evs_pools_shrinker;

/* All there are, in use or kept; none that is taken from a pool or put there counts */
static struct percpu_counter evs_bounce_pages;

static struct page *evs_page_alloc(void)
{
	struct page *page;

	if (percpu_counter_read_positive(&evs_bounce_pages) >=
	    totalram_pages() / EVS_BOUNCE_PART)
		return NULL;
	page = alloc_page(EVS_BOUNCE_GFP);
	if (page)
		percpu_counter_inc(&evs_bounce_pages);
	return page;
}

static void evs_page_free(struct page *page)
{
	__free_page(page);
	percpu_counter_dec(&evs_bounce_pages);
}

/* Free up to @nr pages, those that are idle first; return how many */
static unsigned int evs_pool_free(struct evs_pool *pool, unsigned int nr)
{
	struct page *batch[EVS_POOL_BATCH];
	unsigned int freed = 0, n, i;
	unsigned long irqflags;

	do {
		spin_lock_irqsave(&pool->lock, irqflags);
		n = min3(nr - freed, pool->nr_pages, EVS_POOL_BATCH);
		pool->nr_pages -= n;
		pool->nr_idle -= min(pool->nr_idle, n);
		for (i = 0; i < n; i++)
			batch[i] = pool->pages[pool->nr_pages + i];
		spin_unlock_irqrestore(&pool->lock, irqflags);

		for (i = 0; i < n; i++)
			evs_page_free(batch[i]);
		freed += n;
	} while (n);

	return freed;
}

/* Free what was idle since the last time, add up what went and what is left */
static void evs_pool_trim(struct evs_pool *pool, unsigned int *freed,
			  unsigned int *left)
{
	unsigned long irqflags;
	unsigned int idle;

	spin_lock_irqsave(&pool->lock, irqflags);
	idle = pool->nr_idle;
	spin_unlock_irqrestore(&pool->lock, irqflags);

	*freed += evs_pool_free(pool, idle);

	spin_lock_irqsave(&pool->lock, irqflags);
	pool->nr_idle = pool->nr_pages;
	*left += pool->nr_pages;
	spin_unlock_irqrestore(&pool->lock, irqflags);
}

/* Return if there is something left */
static bool evs_pools_trim(void)
{
	unsigned int freed = 0, left = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		evs_pool_trim(per_cpu_ptr(evs_pools, cpu), &freed, &left);
	trace_evs_pool_trim(freed, left);
	return left;
}

static void evs_pools_trim_work(struct work_struct *work)
{
	if (evs_pools_trim())
		schedule_delayed_work(to_delayed_work(work),
				      EVS_POOL_TRIM_DELAY);
}

/*
 * Not deferrable: a machine that sleeps should have its memory back, too. It
 * stops by itself when the pools are empty.
 */
static DECLARE_DELAYED_WORK(evs_pools_trim_dwork, evs_pools_trim_work);

static unsigned long evs_pools_count(struct shrinker *shrinker,
				     struct shrink_control *sc)
{
	unsigned long nr = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		/* One more or less does not matter */
		nr += data_race(per_cpu_ptr(evs_pools, cpu)->nr_pages);
	return nr ?: SHRINK_EMPTY;
}

static unsigned long evs_pools_scan(struct shrinker *shrinker,
				    struct shrink_control *sc)
{
	unsigned long freed = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (freed >= sc->nr_to_scan)
			break;
		freed += evs_pool_free(per_cpu_ptr(evs_pools, cpu),
				       sc->nr_to_scan - freed);
	}
	return freed ?: SHRINK_STOP;
}

/* Take up to @nr pages; return how many */
static unsigned int evs_pool_get(struct evs_pool *pool, struct bio_vec *bvecs,
				 unsigned int nr)
{
	unsigned long irqflags;
	unsigned int i;

	spin_lock_irqsave(&pool->lock, irqflags);
	nr = min(nr, pool->nr_pages);
	pool->nr_pages -= nr;
	pool->nr_idle = min(pool->nr_idle, pool->nr_pages);
	for (i = 0; i < nr; i++)
		bvec_set_page(&bvecs[i], pool->pages[pool->nr_pages + i],
			      PAGE_SIZE, 0);
	spin_unlock_irqrestore(&pool->lock, irqflags);

	return nr;
}

/**
 * evs_pool_put() - give pages back, or free them if the pool is full
 * @pool: where they are from
 * @bvecs: the pages
 * @nr: how many
 *
 * Context: any, down to hard interrupts.
 */
void evs_pool_put(struct evs_pool *pool, const struct bio_vec *bvecs,
		  unsigned int nr)
{
	unsigned long irqflags;
	unsigned int kept, i;

	spin_lock_irqsave(&pool->lock, irqflags);
	kept = min_t(unsigned int, nr, EVS_POOL_PAGES - pool->nr_pages);
	for (i = 0; i < kept; i++)
		pool->pages[pool->nr_pages + i] = bvecs[i].bv_page;
	pool->nr_pages += kept;
	spin_unlock_irqrestore(&pool->lock, irqflags);

	for (; i < nr; i++)
		evs_page_free(bvecs[i].bv_page);

	/* If it is pending, it is yet to look at the pages added above */
	if (!delayed_work_pending(&evs_pools_trim_dwork))
		schedule_delayed_work(&evs_pools_trim_dwork,
				      EVS_POOL_TRIM_DELAY);
}

/* What no allocation gives, other CPUs may have kept */
static unsigned int evs_pools_get(struct bio_vec *bvecs, unsigned int nr)
{
	struct evs_pool *pool;
	unsigned int got = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(evs_pools, cpu);
		/* Whoever is wrong about it gets none */
		if (data_race(pool->nr_pages))
			got += evs_pool_get(pool, bvecs + got, nr - got);
		if (got == nr)
			break;
	}
	return got;
}

/**
 * evs_pool_alloc() - get pages
 * @bvecs: table of them
 * @nr: how many
 *
 * Context: process context. May reclaim memory, but does not wait for I/O.
 * Return: the pool that they are to be given back to, or NULL if there are not so many.
 */
struct evs_pool *evs_pool_alloc(struct bio_vec *bvecs, unsigned int nr)
{
	/* The lock makes up for being moved to another CPU */
	struct evs_pool *pool = raw_cpu_ptr(evs_pools);
	struct page *page;
	unsigned int i;

	for (i = evs_pool_get(pool, bvecs, nr); i < nr; i++) {
		page = evs_page_alloc();
		if (!page)
			break;
		bvec_set_page(&bvecs[i], page, PAGE_SIZE, 0);
	}
	if (i < nr)
		i += evs_pools_get(bvecs + i, nr - i);
	if (i == nr)
		return pool;

	evs_pool_put(pool, bvecs, i);
	return NULL;
}

/**
 * evs_pools_init() - make the pools of the module
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_pools_init(void)
{
	int cpu;

	if (percpu_counter_init(&evs_bounce_pages, 0, GFP_KERNEL))
		return -ENOMEM;
	evs_pools = alloc_percpu(struct evs_pool);
	if (!evs_pools)
		goto err_counter;

	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(evs_pools, cpu)->lock);

	evs_pools_shrinker = shrinker_alloc(0, "evs-bounce");
	if (!evs_pools_shrinker)
		goto err_pools;
	evs_pools_shrinker->count_objects = evs_pools_count;
	evs_pools_shrinker->scan_objects = evs_pools_scan;
	shrinker_register(evs_pools_shrinker);
	return 0;

err_pools:
	free_percpu(evs_pools);
err_counter:
	percpu_counter_destroy(&evs_bounce_pages);
	return -ENOMEM;
}

/**
 * evs_pools_exit() - free the pools and all that is in them
 *
 * Context: process context. No disk is left.
 */
void evs_pools_exit(void)
{
	shrinker_free(evs_pools_shrinker);
	cancel_delayed_work_sync(&evs_pools_trim_dwork);
	/* What the first round found in use, the second one finds idle */
	while (evs_pools_trim())
		;
	free_percpu(evs_pools);
	percpu_counter_destroy(&evs_bounce_pages);
}
