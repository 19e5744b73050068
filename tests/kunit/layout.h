/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: data spread over memory, for tests
 */
#ifndef _EVS_LAYOUT_H
#define _EVS_LAYOUT_H

#include <kunit/test.h>
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/string.h>

/* Memory of a layout, filled with GUARD where no data is */
#define ARENA_ORDER	5
#define ARENA_SIZE	(PAGE_SIZE << ARENA_ORDER)
#define GUARD		0xa5

/* Data of a random layout: so many units, each in up to 4 of the bvecs */
#define MAX_UNITS	8
#define MAX_CUTS	4
#define MAX_BVECS	(MAX_UNITS * MAX_CUTS)
#define MAX_GAP		1024

/**
 * struct layout - data spread over memory
 * @arena: the memory, ARENA_SIZE bytes
 * @bvecs: where in it the data is
 * @nr: number of @bvecs
 * @iter: all of @bvecs
 */
struct layout {
	u8 *arena;
	struct bio_vec bvecs[MAX_BVECS];
	unsigned int nr;
	struct bvec_iter iter;
};

static void free_arena(void *arena)
{
	free_pages((unsigned long)arena, ARENA_ORDER);
}

static void layout_init(struct kunit *test, struct layout *l)
{
	l->arena = (u8 *)__get_free_pages(GFP_KERNEL, ARENA_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, l->arena);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_arena, l->arena));
}

/* Memory without data */
static void layout_clear(struct layout *l)
{
	memset(l->arena, GUARD, ARENA_SIZE);
	l->nr = 0;
	l->iter = (struct bvec_iter){};
}

static void layout_add(struct kunit *test, struct layout *l, size_t pos,
		       unsigned int len)
{
	KUNIT_ASSERT_LT(test, l->nr, MAX_BVECS);
	KUNIT_ASSERT_LE(test, pos + len, ARENA_SIZE);
	bvec_set_virt(&l->bvecs[l->nr++], l->arena + pos, len);
	l->iter.bi_size += len;
}

static void layout_scatter(struct layout *l, const u8 *data)
{
	for (unsigned int i = 0; i < l->nr; data += l->bvecs[i++].bv_len)
		memcpy(bvec_virt(&l->bvecs[i]), data, l->bvecs[i].bv_len);
}

static void layout_gather(struct layout *l, u8 *data)
{
	for (unsigned int i = 0; i < l->nr; data += l->bvecs[i++].bv_len)
		memcpy(data, bvec_virt(&l->bvecs[i]), l->bvecs[i].bv_len);
}

/* Nothing has been written beside the data, which is gone afterwards */
static void layout_expect_guards(struct kunit *test, struct layout *l)
{
	for (unsigned int i = 0; i < l->nr; i++)
		memset(bvec_virt(&l->bvecs[i]), GUARD, l->bvecs[i].bv_len);
	KUNIT_EXPECT_NULL(test, memchr_inv(l->arena, GUARD, ARENA_SIZE));
}

/* One bvec in the middle of a page, over several pages if @len is */
static void layout_flat(struct kunit *test, struct layout *l, unsigned int len)
{
	layout_clear(l);
	layout_add(test, l, PAGE_SIZE / 2, len);
}

/* A unit in @pieces bvecs, none of which crosses a page */
static void layout_pieces(struct kunit *test, struct layout *l,
			  unsigned int unit, unsigned int pieces)
{
	const unsigned int len = unit / pieces;

	layout_clear(l);
	for (unsigned int i = 0; i < pieces - 1; i++)
		layout_add(test, l, i * PAGE_SIZE + i, len);
	layout_add(test, l, pieces * PAGE_SIZE, unit - (pieces - 1) * len);
}

/*
 * Bvecs of any length at any place. No unit has parts in more than MAX_CUTS of
 * them, of which each may be cut once more by a page: EVS_CRYPT_SEGS_MAX pieces.
 */
static void layout_random(struct kunit *test, struct layout *l,
			  struct rnd_state *rnd, unsigned int unit,
			  unsigned int nr_units)
{
	size_t pos = prandom_u32_state(rnd) % PAGE_SIZE;
	unsigned int len = 0;

	BUILD_BUG_ON(2 * MAX_CUTS != EVS_CRYPT_SEGS_MAX);
	layout_clear(l);
	for (unsigned int i = 0; i < nr_units; i++) {
		unsigned int cuts = prandom_u32_state(rnd) % MAX_CUTS;
		unsigned int left = unit;

		while (cuts--) {
			unsigned int cut = prandom_u32_state(rnd) % left;

			if (len + cut) {
				layout_add(test, l, pos, len + cut);
				pos += len + cut;
				pos += prandom_u32_state(rnd) % MAX_GAP;
			}
			left -= cut;
			len = 0;
		}
		len += left;
		if (i < nr_units - 1 && prandom_u32_state(rnd) % 2)
			continue;
		layout_add(test, l, pos, len);
		pos += len + prandom_u32_state(rnd) % MAX_GAP;
		len = 0;
	}
}

#endif /* _EVS_LAYOUT_H */
