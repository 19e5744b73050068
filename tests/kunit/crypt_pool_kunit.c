// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the pools of what the cipher needs for each request
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "crypt-pool.h"

#define CREQ_SIZE	1024

/* Take some, all different, and put them back */
static void use_creqs(struct kunit *test, struct evs_crypt_pool *pool)
{
	struct evs_crypt_req *creq[3];

	for (unsigned int i = 0; i < ARRAY_SIZE(creq); i++) {
		creq[i] = evs_crypt_req_get(pool, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, creq[i]);
		for (unsigned int j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, creq[i], creq[j]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(creq); i++)
		evs_crypt_req_put(pool, creq[i]);
}

/* Who finds none on this CPU gets another one, and all are put back */
static void test_creqs(struct kunit *test)
{
	struct evs_crypt_pool pool;
	unsigned int kept = 0;
	int cpu;

	KUNIT_ASSERT_EQ(test, 0, evs_crypt_pool_init(&pool, CREQ_SIZE));
	use_creqs(test, &pool);
	for_each_possible_cpu(cpu)
		kept += !!*per_cpu_ptr(pool.kept, cpu);
	KUNIT_EXPECT_GE(test, kept, 1);
	/* This time there is one of this CPU */
	use_creqs(test, &pool);
	evs_crypt_pool_exit(&pool);
}

static struct kunit_case crypt_pool_cases[] = {
	KUNIT_CASE(test_creqs),
	{}
};

static struct kunit_suite crypt_pool_suite = {
	.name = "evs_crypt_pool",
	.test_cases = crypt_pool_cases,
};

kunit_test_suite(crypt_pool_suite);
