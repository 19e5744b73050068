/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: what the cipher needs for the time of a computation, kept for each CPU
 */
#ifndef _EVS_CRYPT_POOL_H
#define _EVS_CRYPT_POOL_H

#include <linux/mempool.h>
#include <linux/types.h>

#include "crypt.h"

/**
 * struct evs_crypt_pool - where a disk's encryption and decryption get their requests
 * @kept: one for each CPU, or NULL while it is in use there
 * @reserve: more of them, for those who find none
 */
struct evs_crypt_pool {
	struct evs_crypt_req * __percpu *kept;
	mempool_t *reserve;
};

int evs_crypt_pool_init(struct evs_crypt_pool *pool, size_t size);
void evs_crypt_pool_exit(struct evs_crypt_pool *pool);
struct evs_crypt_req *evs_crypt_req_get(struct evs_crypt_pool *pool, gfp_t gfp);
void evs_crypt_req_put(struct evs_crypt_pool *pool, struct evs_crypt_req *creq);

#endif /* _EVS_CRYPT_POOL_H */
