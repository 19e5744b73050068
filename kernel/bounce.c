// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: bounce pages, which writes are encrypted into
 *
 * A kernel that zeroes pages on allocation takes more than half as long for it
 * as the cipher for filling the page. So pages that a write is done with are
 * kept for the next one, in a pool for each CPU. They go back to the pool of
 * the CPU that took them, since the one where the backing device completes the
 * write may never write itself.
 *
 * The pools need not be wiped: all that ever is in bounce pages is ciphertext,
 * as it is on the backing device.
 *
 * If the pool has too few, pages are allocated, which may reclaim memory but
 * never waits for I/O, since it may be this very disk's. For the case that
 * there are none, each disk has a reserve. A request takes it as a whole, and
 * writes as much as it has room for: the rest comes again as a request does for
 * which there are no pages. While the reserve is taken, others go back to the
 * block layer, which tries them again when a request has completed. Thus one
 * request at least makes progress whatever happens, and none waits holding pages.
 *
 * The reserve belongs to the disk and not to the module, as the backing device
 * may be made of another evs disk.
 */
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "disk.h"
#include "evs.h"
#include "trace.h"

#define EVS_POOL_PAGES		(SZ_1M / PAGE_SIZE)
#define EVS_POOL_BATCH		16

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

/* Free what was idle since the last time, add up what went and what is left */
static void evs_pool_trim(struct evs_pool *pool, unsigned int *freed,
			  unsigned int *left)
{
	struct page *batch[EVS_POOL_BATCH];
	unsigned int nr, kept, i;
	unsigned long irqflags;

	do {
		spin_lock_irqsave(&pool->lock, irqflags);
		nr = min_t(unsigned int, pool->nr_idle, EVS_POOL_BATCH);
		pool->nr_pages -= nr;
		pool->nr_idle -= nr;
		for (i = 0; i < nr; i++)
			batch[i] = pool->pages[pool->nr_pages + i];
		kept = pool->nr_pages;
		if (!nr)
			pool->nr_idle = kept;
		spin_unlock_irqrestore(&pool->lock, irqflags);

		for (i = 0; i < nr; i++)
			__free_page(batch[i]);
		*freed += nr;
	} while (nr);

	*left += kept;
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

/* Give pages back, or free them if the pool is full */
static void evs_pool_put(struct evs_pool *pool, const struct bio_vec *bvecs,
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
		__free_page(bvecs[i].bv_page);

	/* If it is pending, it is yet to look at the pages added above */
	if (!delayed_work_pending(&evs_pools_trim_dwork))
		schedule_delayed_work(&evs_pools_trim_dwork,
				      EVS_POOL_TRIM_DELAY);
}

/**
 * evs_bounce_free() - free the bounce pages of a write
 * @evs: disk
 * @bounce: set by evs_bounce_alloc()
 * @bvecs: the pages
 *
 * Context: any, down to hard interrupts.
 */
void evs_bounce_free(struct evs_disk *evs, const struct evs_bounce *bounce,
		     const struct bio_vec *bvecs)
{
	if (bounce->pool)
		evs_pool_put(bounce->pool, bvecs, bounce->nr_pages);
	else
		clear_bit_unlock(EVS_RESERVE_TAKEN, &evs->flags);
}

/**
 * evs_bounce_alloc() - get bounce pages for a write
 * @evs: disk
 * @bounce: what evs_bounce_free() needs to know, and for how much of the write there
 *	are pages: less than @bytes if they are the reserve
 * @bvecs: the pages, with that much in them
 * @bytes: size of the write, EVS_MAX_BYTES at most
 *
 * Context: process context. May reclaim memory, but does not wait for I/O.
 * Return: false if there are none before another write has completed.
 */
bool evs_bounce_alloc(struct evs_disk *evs, struct evs_bounce *bounce,
		      struct bio_vec *bvecs, unsigned int bytes)
{
	const gfp_t gfp = GFP_NOIO | __GFP_NORETRY | __GFP_NOMEMALLOC |
			  __GFP_NOWARN;
	unsigned int nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	struct page *page;
	unsigned int i;

	/* The lock makes up for being moved to another CPU */
	bounce->pool = raw_cpu_ptr(evs_pools);
	for (i = evs_pool_get(bounce->pool, bvecs, nr_pages); i < nr_pages;
	     i++) {
		page = alloc_page(gfp);
		if (!page)
			break;
		bvec_set_page(&bvecs[i], page, PAGE_SIZE, 0);
	}

	if (i < nr_pages) {
		evs_pool_put(bounce->pool, bvecs, i);
		if (test_and_set_bit_lock(EVS_RESERVE_TAKEN, &evs->flags))
			return false;
		bounce->pool = NULL;
		bytes = min_t(unsigned int, bytes, EVS_RESERVE_BYTES);
		nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
		for (i = 0; i < nr_pages; i++)
			bvec_set_page(&bvecs[i], evs->reserve[i], PAGE_SIZE, 0);
	}

	bounce->nr_pages = nr_pages;
	bounce->bytes = bytes;
	bvecs[nr_pages - 1].bv_len = bytes - (nr_pages - 1) * PAGE_SIZE;
	return true;
}

/**
 * evs_bounce_init() - make the reserve of a disk
 * @evs: disk
 *
 * Return: 0 or -ENOMEM; in either case the pages belong to
 * evs_bounce_exit().
 */
int evs_bounce_init(struct evs_disk *evs)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(evs->reserve); i++) {
		evs->reserve[i] = alloc_page(GFP_KERNEL);
		if (!evs->reserve[i])
			return -ENOMEM;
	}
	return 0;
}

/**
 * evs_bounce_exit() - free the reserve of a disk
 * @evs: disk, whose evs_bounce_init() may have failed or not been called
 */
void evs_bounce_exit(struct evs_disk *evs)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(evs->reserve); i++)
		if (evs->reserve[i])
			__free_page(evs->reserve[i]);
}

/**
 * evs_pools_init() - make the pools of the module
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_pools_init(void)
{
	int cpu;

	evs_pools = alloc_percpu(struct evs_pool);
	if (!evs_pools)
		return -ENOMEM;

	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(evs_pools, cpu)->lock);
	return 0;
}

/**
 * evs_pools_exit() - free the pools and all that is in them
 *
 * Context: process context. No disk is left.
 */
void evs_pools_exit(void)
{
	cancel_delayed_work_sync(&evs_pools_trim_dwork);
	/* What the first round found in use, the second one finds idle */
	while (evs_pools_trim())
		;
	free_percpu(evs_pools);
}
