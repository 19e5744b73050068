/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: pages that are recycled
 */
#ifndef _EVS_POOL_H
#define _EVS_POOL_H

#include <linux/bvec.h>
#include <linux/gfp.h>

/* May reclaim memory, but does not wait for I/O, nor takes what reclaim needs */
#define EVS_BOUNCE_GFP		(GFP_NOIO | __GFP_NORETRY | \
				 __GFP_NOMEMALLOC | __GFP_NOWARN)

struct evs_pool;

int evs_pools_init(void);
void evs_pools_exit(void);
struct evs_pool *evs_pool_alloc(struct bio_vec *bvecs, unsigned int nr);
void evs_pool_put(struct evs_pool *pool, const struct bio_vec *bvecs,
		  unsigned int nr);

#endif /* _EVS_POOL_H */
