// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of what a disk has in each state: a cipher or none, requests that wait
 * or do not; and of the cipher that is kept for a suspended disk: who gets it back,
 * and what ends that
 */
#include <kunit/test.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/hrtimer_bases.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "cipher.h"
#include "hold.h"
#include "keyslot.h"

#define UNIT	512
#define GRACE	60

/**
 * struct keyslot_test - what each test here needs
 * @slot: key slot of a live disk
 * @queue: as much of the disk's queue as @slot knows of
 * @disk: what has the request queue
 * @tag_set: of @disk
 * @cipher: what the disk was attached with, and owns
 */
struct keyslot_test {
	struct evs_keyslot slot;
	struct evs_queue queue;
	struct gendisk *disk;
	struct blk_mq_tag_set tag_set;
	struct evs_cipher *cipher;
};

static blk_status_t no_request(struct blk_mq_hw_ctx *hctx,
			       const struct blk_mq_queue_data *data)
{
	return BLK_STS_IOERR;
}

static const struct blk_mq_ops keyslot_mq_ops = {
	.queue_rq	= no_request,
};

static void lost(struct evs_keyslot *slot, enum evs_dev_state before)
{
}

static void free_disk(void *data)
{
	struct keyslot_test *st = data;

	/* As at the end of a detach */
	evs_keyslot_kill(&st->slot);
	put_disk(st->disk);
	blk_mq_free_tag_set(&st->tag_set);
}

static int setup(struct kunit *test)
{
	struct keyslot_test *st;

	st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	test->priv = st;
	st->tag_set.ops = &keyslot_mq_ops;
	st->tag_set.nr_hw_queues = 1;
	st->tag_set.queue_depth = 1;
	st->tag_set.numa_node = NUMA_NO_NODE;
	KUNIT_ASSERT_EQ(test, 0, blk_mq_alloc_tag_set(&st->tag_set));
	st->disk = blk_mq_alloc_disk(&st->tag_set, NULL, NULL);
	if (IS_ERR(st->disk)) {
		blk_mq_free_tag_set(&st->tag_set);
		return PTR_ERR(st->disk);
	}
	evs_keyslot_init(&st->slot, UNIT);
	spin_lock_init(&st->queue.lock);
	st->queue.q = st->disk->queue;
	st->slot.queue = &st->queue;
	st->slot.lost = lost;
	st->slot.serial = 1619;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_disk, st));
	st->cipher = make_cipher(test, UNIT);
	evs_cipher_swap(&st->queue, st->cipher);

	return 0;
}

/* What I/O finds */
static struct evs_cipher *in_use(const struct keyslot_test *st)
{
	return (__force struct evs_cipher *)st->queue.cipher;
}

static void suspend(struct kunit *test, unsigned int grace)
{
	struct keyslot_test *st = test->priv;

	KUNIT_ASSERT_EQ(test, 0, evs_keyslot_suspend(&st->slot, grace, NULL));
	KUNIT_EXPECT_EQ(test, EVS_DEV_STATE_SUSPENDED, st->slot.state);
	KUNIT_EXPECT_PTR_EQ(test, EVS_CIPHER_HELD, in_use(st));
}

/* Nothing is kept, and the disk stays what it is */
static void expect_none_kept(struct kunit *test, int err)
{
	struct keyslot_test *st = test->priv;
	enum evs_dev_state state = st->slot.state;

	KUNIT_EXPECT_NULL(test, st->slot.kept);
	KUNIT_EXPECT_EQ(test, err, evs_keyslot_resume_kept(&st->slot, NULL));
	KUNIT_EXPECT_EQ(test, state, st->slot.state);
}

static void test_off_by_default(struct kunit *test)
{
	struct keyslot_test *st = test->priv;

	suspend(test, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&st->slot.kept_timer));
	expect_none_kept(test, -ENOKEY);
}

static void test_back(struct kunit *test)
{
	struct keyslot_test *st = test->priv;

	suspend(test, GRACE);
	KUNIT_EXPECT_PTR_EQ(test, st->cipher, st->slot.kept);
	KUNIT_EXPECT_EQ(test, 0, evs_keyslot_resume_kept(&st->slot, NULL));
	KUNIT_EXPECT_EQ(test, EVS_DEV_STATE_LIVE, st->slot.state);
	KUNIT_EXPECT_PTR_EQ(test, st->cipher, in_use(st));
	KUNIT_EXPECT_EQ(test, 0, st->slot.serial);
	expect_none_kept(test, -EALREADY);
	/* It is not kept once more unless somebody asks for it */
	suspend(test, 0);
	expect_none_kept(test, -ENOKEY);
}

/* Suspending a suspended disk takes the key away, but never keeps it for longer */
static void test_again(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	ktime_t expires;

	suspend(test, GRACE);
	expires = hrtimer_get_expires(&st->slot.kept_timer);
	KUNIT_EXPECT_EQ(test, -EALREADY,
			evs_keyslot_suspend(&st->slot, EVS_GRACE_MAX, NULL));
	KUNIT_EXPECT_PTR_EQ(test, st->cipher, st->slot.kept);
	KUNIT_EXPECT_EQ(test, expires,
			hrtimer_get_expires(&st->slot.kept_timer));

	KUNIT_EXPECT_EQ(test, -EALREADY, evs_keyslot_suspend(&st->slot, 0, NULL));
	expect_none_kept(test, -ENOKEY);
	KUNIT_EXPECT_EQ(test, -EALREADY,
			evs_keyslot_suspend(&st->slot, GRACE, NULL));
	expect_none_kept(test, -ENOKEY);
}

/* Each time has an end of its own */
static void test_time(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	struct evs_keyslot *slot = &st->slot;

	suspend(test, EVS_GRACE_MAX);
	KUNIT_ASSERT_EQ(test, 0, evs_keyslot_resume_kept(slot, NULL));
	suspend(test, GRACE);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&slot->kept_timer));
	KUNIT_EXPECT_LE(test, hrtimer_get_expires(&slot->kept_timer),
			ktime_add(ktime_get_boottime(), ktime_set(GRACE, 0)));
	/* As if it were over by now */
	hrtimer_start(&slot->kept_timer, 0, HRTIMER_MODE_REL);
	while (hrtimer_active(&slot->kept_timer))
		msleep(20);
	flush_work(&slot->kept_work);
	expect_none_kept(test, -ENOKEY);
}

/* The time that a machine sleeps counts, and that the timer is late does not */
static void test_slept(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	struct hrtimer *timer = &st->slot.kept_timer;

	suspend(test, GRACE);
	KUNIT_EXPECT_EQ(test, CLOCK_BOOTTIME, timer->base->clockid);
	hrtimer_cancel(timer);
	hrtimer_set_expires(timer, ktime_get_boottime());
	KUNIT_EXPECT_EQ(test, -ENOKEY, evs_keyslot_resume_kept(&st->slot, NULL));
	expect_none_kept(test, -ENOKEY);
}

struct end_param {
	const char *name;
	enum evs_op op;
	int err;
};

static const struct end_param ends[] = {
	{ "revoke", EVS_OP_REVOKE, -EKEYREVOKED },
	{ "remove", EVS_OP_REMOVE, -ENXIO },
	{ "detach", EVS_OP_DETACH, -ENODEV },
	{ "kill", EVS_OP_KILL, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(end, ends, name);

static void test_end(struct kunit *test)
{
	const struct end_param *end = test->param_value;
	struct keyslot_test *st = test->priv;

	suspend(test, GRACE);
	KUNIT_EXPECT_EQ(test, (int)EVS_DEV_STATE_SUSPENDED,
			evs_keyslot_change(&st->slot, end->op, NULL, NULL));
	KUNIT_EXPECT_NULL(test, in_use(st));
	expect_none_kept(test, end->err);
}

/* One with a key from the KMS takes its place */
static void test_resumed_with_key(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	struct evs_cipher *cipher = make_cipher(test, UNIT);

	suspend(test, GRACE);
	KUNIT_EXPECT_EQ(test, (int)EVS_DEV_STATE_SUSPENDED,
			evs_keyslot_change(&st->slot, EVS_OP_RESUME, cipher, NULL));
	KUNIT_EXPECT_PTR_EQ(test, cipher, in_use(st));
	expect_none_kept(test, -EALREADY);
}

/* That a suspended disk grows is no reason to let it have I/O, or to wipe */
static void test_resize(struct kunit *test)
{
	struct keyslot_test *st = test->priv;

	suspend(test, GRACE);
	KUNIT_EXPECT_EQ(test, (int)EVS_DEV_STATE_SUSPENDED,
			evs_keyslot_change(&st->slot, EVS_OP_RESIZE, NULL, NULL));
	KUNIT_EXPECT_PTR_EQ(test, EVS_CIPHER_HELD, in_use(st));
	KUNIT_EXPECT_PTR_EQ(test, st->cipher, st->slot.kept);
}

/* What a disk leaves behind when it is removed */
static void test_wipe(struct kunit *test)
{
	struct keyslot_test *st = test->priv;

	suspend(test, GRACE);
	evs_keyslot_kill(&st->slot);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&st->slot.kept_timer));
	expect_none_kept(test, -ENODEV);
	KUNIT_EXPECT_EQ(test, -ENODEV, evs_keyslot_suspend(&st->slot, GRACE, NULL));
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&st->slot.kept_timer));
}

/**
 * struct blocker - keeps works of the driver from running
 * @work: runs instead of them
 * @runs: it does
 * @go: it is to end
 */
struct blocker {
	struct work_struct work;
	struct completion runs;
	struct completion go;
};

static void blocker_work(struct work_struct *work)
{
	struct blocker *blocker = container_of(work, struct blocker, work);

	complete(&blocker->runs);
	wait_for_completion(&blocker->go);
}

static void block(struct blocker *blocker)
{
	INIT_WORK_ONSTACK(&blocker->work, blocker_work);
	init_completion(&blocker->runs);
	init_completion(&blocker->go);
	workqueue_set_max_active(evs_revocation_wq, 1);
	queue_work(evs_revocation_wq, &blocker->work);
	wait_for_completion(&blocker->runs);
}

static void unblock(struct blocker *blocker)
{
	complete(&blocker->go);
	flush_workqueue(evs_revocation_wq);
	destroy_work_on_stack(&blocker->work);
	workqueue_set_max_active(evs_revocation_wq, WQ_DFL_ACTIVE);
}

static void lose_key(struct keyslot_test *st)
{
	st->slot.owner.lost(&st->slot.owner, EVS_CAUSE_KEY_REVOKED);
}

/* The loss of a key that comes to pass when the disk has another one */
static void test_lost_before(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	struct blocker blocker;

	block(&blocker);
	lose_key(st);
	suspend(test, 0);
	KUNIT_EXPECT_EQ(test, (int)EVS_DEV_STATE_SUSPENDED,
			evs_keyslot_change(&st->slot, EVS_OP_RESUME,
					   make_cipher(test, UNIT), NULL));
	unblock(&blocker);
	KUNIT_EXPECT_EQ(test, EVS_DEV_STATE_LIVE, st->slot.state);
}

/* A cipher whose key was lost is not kept */
static void test_lost_not_kept(struct kunit *test)
{
	struct keyslot_test *st = test->priv;
	struct blocker blocker;

	block(&blocker);
	lose_key(st);
	suspend(test, GRACE);
	expect_none_kept(test, -ENOKEY);
	unblock(&blocker);
	KUNIT_EXPECT_EQ(test, EVS_DEV_STATE_SUSPENDED, st->slot.state);
}

/* How a live disk gets into each state; resizing it changes nothing */
static const enum evs_op ways[] = {
	[EVS_DEV_STATE_LIVE] = EVS_OP_RESIZE,
	[EVS_DEV_STATE_SUSPENDED] = EVS_OP_SUSPEND,
	[EVS_DEV_STATE_REVOKED] = EVS_OP_REVOKE,
	[EVS_DEV_STATE_REMOVED] = EVS_OP_REMOVE,
	[EVS_DEV_STATE_DETACHING] = EVS_OP_DETACH,
	[EVS_DEV_STATE_DEAD] = EVS_OP_KILL,
};

struct change_param {
	const char *name;
	enum evs_op op;
};

static const struct change_param changes[] = {
	{ "suspend", EVS_OP_SUSPEND },
	{ "resume", EVS_OP_RESUME },
	{ "revoke", EVS_OP_REVOKE },
	{ "remove", EVS_OP_REMOVE },
	{ "resize", EVS_OP_RESIZE },
	{ "detach", EVS_OP_DETACH },
	{ "kill", EVS_OP_KILL },
};

KUNIT_ARRAY_PARAM_DESC(change, changes, name);

/* Whether a disk has a cipher, and whether its requests wait, is up to its state */
static void expect_state(struct kunit *test, enum evs_dev_state state)
{
	struct keyslot_test *st = test->priv;

	KUNIT_EXPECT_EQ(test, state, st->slot.state);
	KUNIT_EXPECT_EQ(test, state == EVS_DEV_STATE_SUSPENDED,
			st->disk->queue->quiesce_depth);
	switch (state) {
	case EVS_DEV_STATE_LIVE:
	case EVS_DEV_STATE_DETACHING:
		KUNIT_EXPECT_PTR_EQ(test, st->cipher, in_use(st));
		break;
	case EVS_DEV_STATE_SUSPENDED:
		KUNIT_EXPECT_PTR_EQ(test, EVS_CIPHER_HELD, in_use(st));
		break;
	default:
		KUNIT_EXPECT_NULL(test, in_use(st));
	}
}

/* What is refused changes nothing; what is not, all that goes with the state */
static void test_change(struct kunit *test)
{
	const struct change_param *param = test->param_value;
	struct keyslot_test *st = test->priv;
	struct evs_cipher *cipher;
	int state, next, ret;

	for (state = 0; state < (int)ARRAY_SIZE(ways); state++) {
		evs_keyslot_change(&st->slot, ways[state], NULL, NULL);
		expect_state(test, state);

		next = evs_state_next(state, param->op);
		cipher = param->op == EVS_OP_RESUME ? make_cipher(test, UNIT) : NULL;
		ret = evs_keyslot_change(&st->slot, param->op, cipher, NULL);
		KUNIT_EXPECT_EQ_MSG(test, next < 0 ? next : state, ret,
				    "state %d", state);
		if (cipher && ret >= 0)
			st->cipher = cipher;
		else if (cipher)
			evs_cipher_free(cipher);
		expect_state(test, next < 0 ? state : next);

		/* Live again, as no disk that is dead is but a new one */
		evs_keyslot_change(&st->slot, EVS_OP_KILL, NULL, NULL);
		st->slot.state = EVS_DEV_STATE_LIVE;
		st->cipher = make_cipher(test, UNIT);
		evs_cipher_swap(&st->queue, st->cipher);
	}
}

static struct kunit_case keyslot_cases[] = {
	KUNIT_CASE_PARAM(test_change, change_gen_params),
	KUNIT_CASE(test_off_by_default),
	KUNIT_CASE(test_back),
	KUNIT_CASE(test_again),
	KUNIT_CASE(test_time),
	KUNIT_CASE(test_slept),
	KUNIT_CASE_PARAM(test_end, end_gen_params),
	KUNIT_CASE(test_resumed_with_key),
	KUNIT_CASE(test_resize),
	KUNIT_CASE(test_wipe),
	KUNIT_CASE(test_lost_before),
	KUNIT_CASE(test_lost_not_kept),
	{}
};

static struct kunit_suite keyslot_suite = {
	.name = "evs_keyslot",
	.init = setup,
	.test_cases = keyslot_cases,
};

kunit_test_suite(keyslot_suite);
