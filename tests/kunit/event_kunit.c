// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of events: what they are called, what they say, how often they come
 */
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "event.h"
#include "state.h"

/* Names of the specification: lower case with hyphens, each a different one */
static void check_names(struct kunit *test, const char *const *names,
			unsigned int count)
{
	unsigned int i, j;
	const char *c;

	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_NOT_NULL_MSG(test, names[i], "value %u", i);
		KUNIT_EXPECT_TRUE(test, islower(names[i][0]));
		for (c = names[i]; *c; c++)
			KUNIT_EXPECT_TRUE(test, islower(*c) || *c == '-');
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, names[i], names[j]);
	}
}

/* The enumerators here are the last ones of their enums */
static void test_names(struct kunit *test)
{
	const char *states[EVS_DEV_STATE_DEAD + 1];
	const char *events[EVS_EVENT_IO_ERROR + 1];
	const char *causes[EVS_CAUSE_DISCARD + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		states[i] = evs_state_name(i);
	check_names(test, states, ARRAY_SIZE(states));
	for (i = 0; i < ARRAY_SIZE(events); i++)
		events[i] = evs_event_name(i);
	check_names(test, events, ARRAY_SIZE(events));
	for (i = 0; i < ARRAY_SIZE(causes); i++)
		causes[i] = evs_cause_name(i);
	check_names(test, causes, ARRAY_SIZE(causes));

	KUNIT_EXPECT_STREQ(test, "live", states[0]);
	KUNIT_EXPECT_STREQ(test, "dead", states[ARRAY_SIZE(states) - 1]);
	KUNIT_EXPECT_STREQ(test, "attached", events[0]);
	KUNIT_EXPECT_STREQ(test, "io-error", events[ARRAY_SIZE(events) - 1]);
	KUNIT_EXPECT_STREQ(test, "command", causes[0]);
	KUNIT_EXPECT_STREQ(test, "discard", causes[ARRAY_SIZE(causes) - 1]);
}

static struct evs_events *alloc_events(struct kunit *test)
{
	struct evs_events *events;

	events = kunit_kzalloc(test, sizeof(*events), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, events);
	return events;
}

/* An event of a state says that state, even if the disk is in the next one */
static void test_state(struct kunit *test)
{
	static const struct {
		enum evs_event event;
		enum evs_dev_state state;
	} cases[] = {
		{ EVS_EVENT_ATTACHED,		EVS_DEV_STATE_LIVE },
		{ EVS_EVENT_DETACHED,		EVS_DEV_STATE_DETACHING },
		{ EVS_EVENT_SUSPENDED,		EVS_DEV_STATE_SUSPENDED },
		{ EVS_EVENT_RESUMED,		EVS_DEV_STATE_LIVE },
		{ EVS_EVENT_REVOKED,		EVS_DEV_STATE_REVOKED },
		{ EVS_EVENT_KEY_EXPIRED,	EVS_DEV_STATE_REVOKED },
		{ EVS_EVENT_REMOVED,		EVS_DEV_STATE_REMOVED },
		{ EVS_EVENT_RESIZED,		EVS_DEV_STATE_DETACHING },
		{ EVS_EVENT_IO_ERROR,		EVS_DEV_STATE_DETACHING },
	};
	const enum evs_dev_state state = EVS_DEV_STATE_DETACHING;
	struct evs_events *events = alloc_events(test);
	unsigned int i;

	events->state = &state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].state,
				    evs_event_state(events, cases[i].event),
				    "%s", evs_event_name(cases[i].event));
}

static void test_error_cause(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_READ, evs_error_cause(REQ_OP_READ));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_WRITE, evs_error_cause(REQ_OP_WRITE));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_FLUSH, evs_error_cause(REQ_OP_FLUSH));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_DISCARD,
			evs_error_cause(REQ_OP_DISCARD));
}

/* Never longer than a second, whatever jiffies are */
static void test_error_delay(struct kunit *test)
{
	static const unsigned long times[] = {
		INITIAL_JIFFIES, 0, HZ, LONG_MAX, ULONG_MAX - HZ / 2, ULONG_MAX,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		unsigned long now = times[i];

		KUNIT_EXPECT_EQ(test, 0, evs_error_delay(now, now));
		KUNIT_EXPECT_EQ(test, 0, evs_error_delay(now - 1, now));
		KUNIT_EXPECT_EQ(test, 0, evs_error_delay(now - HZ, now));
		KUNIT_EXPECT_EQ(test, 1, evs_error_delay(now + 1, now));
		KUNIT_EXPECT_EQ(test, HZ, evs_error_delay(now + HZ, now));
		/* No error for so long that the past looks like the future */
		KUNIT_EXPECT_EQ(test, HZ,
				evs_error_delay(now + LONG_MAX, now));
	}
}

/* Errors are counted one by one, and one event for all of them is due */
static void test_errors(struct kunit *test)
{
	struct evs_events *events = alloc_events(test);
	unsigned long flags, first, last;
	unsigned int i;
	bool pending;

	evs_events_init(events);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&events->error_work));

	/* As in an interrupt; and the timer of the work cannot go off meanwhile */
	local_irq_save(flags);
	events->error_next = jiffies + HZ;
	evs_io_error(events, REQ_OP_READ);
	first = events->error_work.timer.expires;
	for (i = 1; i < 1000; i++)
		evs_io_error(events, i == 999 ? REQ_OP_FLUSH : REQ_OP_READ);
	last = events->error_work.timer.expires;
	pending = delayed_work_pending(&events->error_work);
	local_irq_restore(flags);

	KUNIT_EXPECT_TRUE(test, pending);
	/* The first has said when, the others do not put it off */
	KUNIT_EXPECT_EQ(test, first, last);
	KUNIT_EXPECT_EQ(test, 1000, atomic_read(&events->errors));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_FLUSH, evs_error_cause(events->error_op));

	evs_events_exit(events);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&events->error_work));
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE(test_names),
	KUNIT_CASE(test_state),
	KUNIT_CASE(test_error_cause),
	KUNIT_CASE(test_error_delay),
	KUNIT_CASE(test_errors),
	{}
};

static struct kunit_suite event_suite = {
	.name = "evs_event",
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
