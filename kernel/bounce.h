/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the pages that writes are encrypted into, and tables of buffers
 */
#ifndef _EVS_BOUNCE_H
#define _EVS_BOUNCE_H

#include <linux/bvec.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* How much of a write goes on if there is no memory for bounce pages */
#define EVS_RESERVE_BYTES	SZ_128K
#define EVS_RESERVE_PAGES	DIV_ROUND_UP(EVS_RESERVE_BYTES, PAGE_SIZE)

/* What most requests need: a table of so many buffers is part of the request */
#define EVS_TABLE_INLINE	4

struct evs_pool;

/**
 * struct evs_bounce - the buffers of a request
 * @pool: where the bounce pages of a write go to, or NULL if they are the reserve
 * @bvecs: table of the buffers: @own, or allocated, or the reserve's
 * @nr_pages: how many bounce pages there are
 * @bytes: how much they have room for, in bytes
 * @own: room for a small table
 */
struct evs_bounce {
	struct evs_pool *pool;
	struct bio_vec *bvecs;
	unsigned int nr_pages;
	unsigned int bytes;
	struct bio_vec own[EVS_TABLE_INLINE];
};

/**
 * struct evs_reserve - what one write and one read of a disk get if memory is short
 * @taken: EVS_RESERVE_WRITE, EVS_RESERVE_READ: which of them are in use
 * @pages: bounce pages of the write; none if the disk is read-only
 * @bounce: table for @pages
 * @table: table of the read, for the largest there may be
 */
struct evs_reserve {
	unsigned long taken;
	struct page *pages[EVS_RESERVE_PAGES];
	struct bio_vec bounce[EVS_RESERVE_PAGES];
	struct bio_vec *table;
};

int evs_reserve_init(struct evs_reserve *reserve, bool read_only,
		     unsigned int nr_bvecs);
void evs_reserve_exit(struct evs_reserve *reserve);
bool evs_bounce_alloc(struct evs_reserve *reserve, struct evs_bounce *bounce,
		      unsigned int bytes);
void evs_bounce_free(struct evs_reserve *reserve, struct evs_bounce *bounce);
bool evs_table_alloc(struct evs_reserve *reserve, struct evs_bounce *bounce,
		     unsigned int nr_bvecs);
void evs_table_free(struct evs_reserve *reserve, struct evs_bounce *bounce);

#endif /* _EVS_BOUNCE_H */
