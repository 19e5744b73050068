// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: what the cipher needs for the time of a computation, kept for each CPU
 */
#include <kunit/visibility.h>
#include <linux/mempool.h>
#include <linux/percpu.h>

#include "crypt-pool.h"

/**
 * evs_crypt_pool_init() - make a pool of requests
 * @pool: to be set up
 * @size: size of each, as evs_crypt_req_size() says
 *
 * A request is needed for the time of the computation only, so one for each CPU will
 * do, but for those who are preempted meanwhile, or whose cipher completes later.
 *
 * Return: 0 or -ENOMEM.
 */
int evs_crypt_pool_init(struct evs_crypt_pool *pool, size_t size)
{
	pool->kept = alloc_percpu(struct evs_crypt_req *);
	if (!pool->kept)
		return -ENOMEM;

	pool->reserve = mempool_create_kmalloc_pool(1, size);
	if (!pool->reserve) {
		free_percpu(pool->kept);
		return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_pool_init);

/**
 * evs_crypt_pool_exit() - free a pool of requests
 * @pool: pool, all of whose requests have been put back
 */
void evs_crypt_pool_exit(struct evs_crypt_pool *pool)
{
	struct evs_crypt_req *creq;
	int cpu;

	for_each_possible_cpu(cpu) {
		creq = *per_cpu_ptr(pool->kept, cpu);
		if (creq)
			mempool_free(creq, pool->reserve);
	}
	mempool_destroy(pool->reserve);
	free_percpu(pool->kept);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_pool_exit);

/**
 * evs_crypt_req_get() - get a request from a pool
 * @pool: pool
 * @gfp: GFP_NOIO to wait until there is one; the computation of others is all that
 *	has to be waited for
 *
 * Context: any but hard interrupts.
 * Return: the request, to be initialised; or NULL if @gfp does not allow to wait.
 */
struct evs_crypt_req *evs_crypt_req_get(struct evs_crypt_pool *pool, gfp_t gfp)
{
	struct evs_crypt_req *creq = this_cpu_xchg(*pool->kept, NULL);

	return creq ?: mempool_alloc(pool->reserve, gfp);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_req_get);

/**
 * evs_crypt_req_put() - put a request back
 * @pool: pool that it is from
 * @creq: the request
 *
 * Context: any.
 */
void evs_crypt_req_put(struct evs_crypt_pool *pool, struct evs_crypt_req *creq)
{
	/* Those who wait for one wait for the reserve to be full */
	if (mempool_is_saturated(pool->reserve) &&
	    !this_cpu_cmpxchg(*pool->kept, NULL, creq))
		return;
	mempool_free(creq, pool->reserve);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_req_put);
