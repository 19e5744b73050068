// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: bounce pages, which writes are encrypted into, and tables of buffers
 *
 * Pages come from pools, or are allocated, which may reclaim memory but never waits
 * for I/O, since it may be this very disk's. If there are none, those that other CPUs
 * have kept will do. For the case that there are none either, each disk has a reserve.
 * A request takes it as a whole, and writes as much as it has room for: the rest comes
 * again as a request does for which there are no pages. While the reserve is taken,
 * others go back to the block layer, which tries them again when a request has
 * completed. Thus one request at least makes progress whatever happens, and none waits
 * holding pages.
 *
 * The reserve belongs to the disk and not to the module, as the backing device
 * may be made of another evs disk.
 */
#include <linux/bitops.h>
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "bounce.h"
#include "pool.h"

/* Bits of struct evs_reserve's taken */
enum {
	EVS_RESERVE_WRITE,
	EVS_RESERVE_READ,
};

/**
 * evs_table_free() - free the table of the buffers of a request
 * @reserve: of the disk
 * @bounce: set by evs_table_alloc()
 *
 * Context: any, down to hard interrupts.
 */
void evs_table_free(struct evs_reserve *reserve, struct evs_bounce *bounce)
{
	if (bounce->bvecs == reserve->table)
		clear_bit_unlock(EVS_RESERVE_READ, &reserve->taken);
	else if (bounce->bvecs != bounce->own)
		kfree(bounce->bvecs);
}

static bool evs_table_try_alloc(struct evs_bounce *bounce, unsigned int nr)
{
	bounce->bvecs = bounce->own;
	if (nr > EVS_TABLE_INLINE)
		bounce->bvecs = kmalloc_array(nr, sizeof(*bounce->bvecs),
					      EVS_BOUNCE_GFP);
	return bounce->bvecs;
}

/**
 * evs_table_alloc() - get a table for the buffers of a read
 * @reserve: of the disk
 * @bounce: whose @bvecs becomes the table
 * @nr_bvecs: how many buffers there are
 *
 * Context: process context. May reclaim memory, but does not wait for I/O.
 * Return: false if there is none before another read has completed.
 */
bool evs_table_alloc(struct evs_reserve *reserve, struct evs_bounce *bounce,
		     unsigned int nr_bvecs)
{
	if (evs_table_try_alloc(bounce, nr_bvecs))
		return true;
	if (test_and_set_bit_lock(EVS_RESERVE_READ, &reserve->taken))
		return false;
	bounce->bvecs = reserve->table;
	return true;
}

/**
 * evs_bounce_free() - free the bounce pages of a write
 * @reserve: of the disk
 * @bounce: set by evs_bounce_alloc()
 *
 * Context: any, down to hard interrupts.
 */
void evs_bounce_free(struct evs_reserve *reserve, struct evs_bounce *bounce)
{
	if (!bounce->pool) {
		clear_bit_unlock(EVS_RESERVE_WRITE, &reserve->taken);
		return;
	}
	evs_pool_put(bounce->pool, bounce->bvecs, bounce->nr_pages);
	evs_table_free(reserve, bounce);
}

/* All of @nr pages or none */
static bool evs_bounce_try_alloc(struct evs_reserve *reserve,
				 struct evs_bounce *bounce, unsigned int nr)
{
	if (!evs_table_try_alloc(bounce, nr))
		return false;
	bounce->pool = evs_pool_alloc(bounce->bvecs, nr);
	if (bounce->pool)
		return true;

	evs_table_free(reserve, bounce);
	return false;
}

/**
 * evs_bounce_alloc() - get bounce pages for a write
 * @reserve: of the disk
 * @bounce: the pages, what evs_bounce_free() needs to know, and for how much of the
 *	write there are any: less than @bytes if they are the reserve
 * @bytes: size of the write
 *
 * Context: process context. May reclaim memory, but does not wait for I/O.
 * Return: false if there are none before another write has completed.
 */
bool evs_bounce_alloc(struct evs_reserve *reserve, struct evs_bounce *bounce,
		      unsigned int bytes)
{
	unsigned int nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	unsigned int i;

	if (!evs_bounce_try_alloc(reserve, bounce, nr_pages)) {
		if (test_and_set_bit_lock(EVS_RESERVE_WRITE, &reserve->taken))
			return false;
		bounce->pool = NULL;
		bounce->bvecs = reserve->bounce;
		bytes = min_t(unsigned int, bytes, EVS_RESERVE_BYTES);
		nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
		for (i = 0; i < nr_pages; i++)
			bvec_set_page(&bounce->bvecs[i], reserve->pages[i],
				      PAGE_SIZE, 0);
	}

	bounce->nr_pages = nr_pages;
	bounce->bytes = bytes;
	bounce->bvecs[nr_pages - 1].bv_len = bytes - (nr_pages - 1) * PAGE_SIZE;
	return true;
}

/**
 * evs_reserve_init() - make the reserve of a disk
 * @reserve: all zeroes
 * @read_only: there are no writes
 * @nr_bvecs: how many buffers a read may have
 *
 * Return: 0 or -ENOMEM; in either case the memory belongs to evs_reserve_exit().
 */
int evs_reserve_init(struct evs_reserve *reserve, bool read_only,
		     unsigned int nr_bvecs)
{
	unsigned int i;

	reserve->table = kcalloc(nr_bvecs, sizeof(*reserve->table), GFP_KERNEL);
	if (!reserve->table)
		return -ENOMEM;

	for (i = 0; !read_only && i < ARRAY_SIZE(reserve->pages); i++) {
		reserve->pages[i] = alloc_page(GFP_KERNEL);
		if (!reserve->pages[i])
			return -ENOMEM;
	}
	return 0;
}

/**
 * evs_reserve_exit() - free the reserve of a disk
 * @reserve: nothing of it is in use; evs_reserve_init() may have failed
 */
void evs_reserve_exit(struct evs_reserve *reserve)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reserve->pages); i++)
		if (reserve->pages[i])
			__free_page(reserve->pages[i]);
	kfree(reserve->table);
}
