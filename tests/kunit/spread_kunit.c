// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of what leaves small writes to workers
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/preempt.h>
#include <linux/sbitmap.h>
#include <linux/workqueue.h>

#include "spread.h"

#define NR_TAGS		(2 * EVS_SPREAD_DEEP)
#define NR_WRITES	1000

/**
 * struct spread_test - what each test here needs
 * @spread: under test
 * @wq: where it has its workers
 * @tags: of requests that there are not
 */
struct spread_test {
	struct evs_spread spread;
	struct workqueue_struct *wq;
	struct sbitmap tags;
};

struct spread_write {
	struct llist_node node;
	unsigned int nr;
	atomic_t runs;
};

static atomic_t out_of_order;

static void run_writes(struct llist_node *first)
{
	struct spread_write *write, *next;
	unsigned int last = 0;

	llist_for_each_entry_safe(write, next, first, node) {
		if (write->nr < last)
			atomic_inc(&out_of_order);
		last = write->nr;
		atomic_inc(&write->runs);
	}
}

/* Each is run once, in the order in which they came */
static void test_add(struct kunit *test)
{
	struct spread_test *st = test->priv;
	struct spread_write *writes;

	writes = kunit_kcalloc(test, NR_WRITES, sizeof(*writes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, writes);
	atomic_set(&out_of_order, 0);
	for (unsigned int i = 0; i < NR_WRITES; i++) {
		writes[i].nr = i;
		evs_spread_add(&st->spread, &writes[i].node);
		if (i % 100 == 0)
			usleep_range(100, 200);
	}
	flush_workqueue(st->wq);
	for (unsigned int i = 0; i < NR_WRITES; i++)
		KUNIT_ASSERT_EQ(test, 1, atomic_read(&writes[i].runs));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&out_of_order));
}

/* submit - submit writes without a pause. Returns how many of them are for workers. */
static unsigned int submit(struct spread_test *st, unsigned int nr)
{
	unsigned int helps = 0;

	preempt_disable();
	while (nr--)
		helps += evs_spread_helps(&st->spread, &st->tags);
	preempt_enable();
	return helps;
}

/* Who waits, or has few in flight, encrypts by himself */
static void test_helps(struct kunit *test)
{
	struct spread_test *st = test->priv;

	if (num_online_cpus() == 1)
		kunit_skip(test, "there is one CPU");
	for (unsigned int i = 0; i < EVS_SPREAD_DEEP; i++)
		sbitmap_set_bit(&st->tags, i);

	/* The first one, and those until it is busy */
	KUNIT_EXPECT_EQ(test, 0, submit(st, EVS_SPREAD_BUSY));
	KUNIT_EXPECT_EQ(test, 100, submit(st, 100));
	usleep_range(100, 200);
	KUNIT_EXPECT_EQ(test, 10, submit(st, 10));

	for (unsigned int i = 0; i < EVS_SPREAD_BUSY; i++) {
		submit(st, 2);
		usleep_range(100, 200);
	}
	KUNIT_EXPECT_EQ(test, 0, submit(st, 2));

	sbitmap_clear_bit(&st->tags, 0);
	KUNIT_EXPECT_EQ(test, 0, submit(st, 10 * EVS_SPREAD_BUSY));
}

/* One CPU alone has nobody to leave it to */
static void test_one_cpu(struct kunit *test)
{
	struct spread_test *st = test->priv;

	if (num_online_cpus() > 1)
		kunit_skip(test, "there are more CPUs");
	for (unsigned int i = 0; i < NR_TAGS; i++)
		sbitmap_set_bit(&st->tags, i);
	KUNIT_EXPECT_EQ(test, 0, submit(st, 10 * EVS_SPREAD_BUSY));
}

static int spread_init(struct kunit *test)
{
	struct spread_test *st;

	st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	test->priv = st;
	st->wq = alloc_workqueue("evs_spread_test", WQ_UNBOUND, 0);
	KUNIT_ASSERT_NOT_NULL(test, st->wq);
	KUNIT_ASSERT_EQ(test, 0, evs_spread_init(&st->spread, st->wq,
						 run_writes));
	KUNIT_ASSERT_EQ(test, 0,
			sbitmap_init_node(&st->tags, NR_TAGS, -1, GFP_KERNEL,
					  NUMA_NO_NODE, false, false));
	return 0;
}

static void spread_exit(struct kunit *test)
{
	struct spread_test *st = test->priv;

	if (!st || !st->wq)
		return;
	destroy_workqueue(st->wq);
	if (st->spread.cpu)
		evs_spread_exit(&st->spread);
	sbitmap_free(&st->tags);
}

static struct kunit_case spread_cases[] = {
	KUNIT_CASE(test_add),
	KUNIT_CASE(test_helps),
	KUNIT_CASE(test_one_cpu),
	{}
};

static struct kunit_suite spread_suite = {
	.name = "evs_spread",
	.init = spread_init,
	.exit = spread_exit,
	.test_cases = spread_cases,
};

kunit_test_suite(spread_suite);
