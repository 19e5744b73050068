// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: what becomes of a disk in each state by each operation
 */
#include <kunit/test.h>
#include <linux/errno.h>

#include "state.h"

#define LIVE		EVS_DEV_STATE_LIVE
#define SUSPENDED	EVS_DEV_STATE_SUSPENDED
#define REVOKED		EVS_DEV_STATE_REVOKED
#define REMOVED		EVS_DEV_STATE_REMOVED
#define DETACHING	EVS_DEV_STATE_DETACHING
#define DEAD		EVS_DEV_STATE_DEAD
#define STATES		(DEAD + 1)

struct state_row {
	const char *name;
	enum evs_dev_state state;
	/* By enum evs_op: suspend, resume, revoke, remove, resize, detach, kill */
	int next[EVS_OPS];
};

/* As Documentation/control.rst has it, and written down apart from the driver */
static const struct state_row state_rows[] = {
	{ "live", LIVE,
	  { SUSPENDED, -EALREADY, REVOKED, REMOVED, LIVE, DETACHING, DEAD } },
	{ "suspended", SUSPENDED,
	  { -EALREADY, LIVE, REVOKED, REMOVED, SUSPENDED, DEAD, DEAD } },
	{ "revoked", REVOKED,
	  { -EKEYREVOKED, -EKEYREVOKED, -EALREADY, REMOVED, -EKEYREVOKED, DEAD, DEAD } },
	{ "removed", REMOVED,
	  { -ENXIO, -ENXIO, -ENXIO, -EALREADY, -ENXIO, DEAD, DEAD } },
	{ "detaching", DETACHING,
	  { -ENODEV, -ENODEV, DEAD, DEAD, -ENODEV, -ENODEV, DEAD } },
	{ "dead", DEAD,
	  { -ENODEV, -ENODEV, -ENODEV, -ENODEV, -ENODEV, -ENODEV, -ENODEV } },
};

KUNIT_ARRAY_PARAM_DESC(state, state_rows, name);

static void test_next(struct kunit *test)
{
	const struct state_row *row = test->param_value;
	int op;

	for (op = 0; op < EVS_OPS; op++)
		KUNIT_EXPECT_EQ_MSG(test, evs_state_next(row->state, op),
				    row->next[op], "operation %d", op);
}

/* Every state has a row, so that one that is added is not forgotten here */
static void test_every_state(struct kunit *test)
{
	int i;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(state_rows), STATES);
	for (i = 0; i < STATES; i++)
		KUNIT_EXPECT_EQ(test, (int)state_rows[i].state, i);
}

/* Only a disk that was suspended gets its key back */
static void test_no_way_back(struct kunit *test)
{
	int state, op, next;

	for (state = 0; state < STATES; state++) {
		for (op = 0; op < EVS_OPS; op++) {
			next = evs_state_next(state, op);
			if (next < 0 || next == state)
				continue;
			if (state == SUSPENDED && op == EVS_OP_RESUME)
				KUNIT_EXPECT_EQ(test, next, (int)LIVE);
			else
				KUNIT_EXPECT_GT(test, next, state);
		}
	}
}

/* Whatever has happened to a disk, it can be got rid of */
static void test_way_out(struct kunit *test)
{
	int state;

	for (state = 0; state < DEAD; state++)
		KUNIT_EXPECT_EQ(test, evs_state_next(state, EVS_OP_KILL),
				(int)DEAD);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE_PARAM(test_next, state_gen_params),
	KUNIT_CASE(test_every_state),
	KUNIT_CASE(test_no_way_back),
	KUNIT_CASE(test_way_out),
	{}
};

static struct kunit_suite state_suite = {
	.name = "evs_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
