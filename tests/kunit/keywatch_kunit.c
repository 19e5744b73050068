// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of what stands and falls with a key
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/key.h>

#include "data-key.h"

/**
 * struct test_owner - what stands and falls with a key
 * @owner: under test
 * @told: its key is lost
 * @cause: why
 * @used: so it says
 * @asked: how often it was asked
 */
struct test_owner {
	struct evs_key_owner owner;
	struct completion told;
	enum evs_cause cause;
	bool used;
	unsigned int asked;
};

static bool in_use(struct evs_key_owner *owner)
{
	struct test_owner *to = container_of(owner, struct test_owner, owner);

	WRITE_ONCE(to->asked, to->asked + 1);
	return READ_ONCE(to->used);
}

static void told(struct evs_key_owner *owner, enum evs_cause cause)
{
	struct test_owner *to = container_of(owner, struct test_owner, owner);

	to->cause = cause;
	complete(&to->told);
}

static bool wait_told(struct test_owner *to)
{
	return wait_for_completion_timeout(&to->told, 20 * HZ);
}

static bool stays_untold(struct test_owner *to)
{
	return !wait_for_completion_timeout(&to->told, HZ);
}

static void disown(struct test_owner *to)
{
	evs_key_disown(&to->owner);
}

KUNIT_DEFINE_ACTION_WRAPPER(disown_key, disown, struct test_owner *);

/* Without a key yet */
static struct test_owner *make_owner(struct kunit *test)
{
	struct test_owner *to = kunit_kzalloc(test, sizeof(*to), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, to);
	to->owner.lost = told;
	to->owner.in_use = in_use;
	to->used = true;
	init_completion(&to->told);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, disown_key, to));
	return to;
}

static struct test_owner *own(struct kunit *test, struct key *key)
{
	struct test_owner *to = make_owner(test);

	KUNIT_ASSERT_EQ(test, 0, consume(test, key));
	KUNIT_ASSERT_EQ(test, 0, evs_key_own(key, &to->owner));
	return to;
}

static void test_own_revoked(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	key_revoke(key);
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_REVOKED, to->cause);
}

static void test_own_invalidated(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	key_invalidate(key);
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_INVALIDATED, to->cause);
}

static void test_own_expired(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	WRITE_ONCE(key->expiry, ktime_get_real_seconds() + 60);
	KUNIT_EXPECT_TRUE(test, stays_untold(to));
	WRITE_ONCE(key->expiry, ktime_get_real_seconds());
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_EXPIRED, to->cause);
}

/* The first cause counts */
static void test_own_told_once(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	key_revoke(key);
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	key_invalidate(key);
	KUNIT_EXPECT_TRUE(test, stays_untold(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_REVOKED, to->cause);
}

/* One disk does not hear of the key of another */
static void test_own_two(struct kunit *test)
{
	struct key *key = make_key(test), *other = make_key(test);
	struct test_owner *to = own(test, key);
	struct test_owner *bystander = own(test, other);

	key_invalidate(key);
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_TRUE(test, stays_untold(bystander));
	key_revoke(other);
	KUNIT_EXPECT_TRUE(test, wait_told(bystander));
}

static void test_own_too_late(struct kunit *test)
{
	struct test_owner *to = make_owner(test);
	struct key *key = make_key(test);

	KUNIT_ASSERT_EQ(test, 0, consume(test, key));
	key_revoke(key);
	KUNIT_EXPECT_EQ(test, -EKEYREVOKED, evs_key_own(key, &to->owner));
	KUNIT_EXPECT_NULL(test, to->owner.key);
	KUNIT_EXPECT_TRUE(test, stays_untold(to));
}

/* How often an owner is asked in a second, a bit less than that or more */
static unsigned int asked_in_a_second(struct test_owner *to)
{
	unsigned int before = READ_ONCE(to->asked);

	msleep(MSEC_PER_SEC);
	return READ_ONCE(to->asked) - before;
}

/*
 * A key that is not in use and does not expire soon is left alone, until it is in use
 * again. The deferrable timer may look once a second.
 */
static void test_own_idle(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	WRITE_ONCE(to->used, false);
	/* What was due is over by then */
	msleep(MSEC_PER_SEC);
	KUNIT_EXPECT_LE(test, asked_in_a_second(to), 2);

	WRITE_ONCE(to->used, true);
	evs_key_used();
	/* 40 times, on a machine that has nothing else to do */
	KUNIT_EXPECT_GE(test, asked_in_a_second(to), 4);
}

/* It is looked at again when it expires */
static void test_own_idle_expires(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to;

	WRITE_ONCE(key->expiry, ktime_get_real_seconds() + 4);
	to = own(test, key);
	WRITE_ONCE(to->used, false);
	KUNIT_ASSERT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_EXPIRED, to->cause);
}

/* One that nobody has any more tells its owner, without being looked at */
static void test_own_gone(struct kunit *test)
{
	struct key_test *kt = test->priv;
	struct test_owner *to = make_owner(test);
	struct key *key;

	key = key_alloc(&evs_key_type, "evs:kunit", GLOBAL_ROOT_UID,
			GLOBAL_ROOT_GID, current_cred(), KEY_PERM,
			KEY_ALLOC_NOT_IN_QUOTA, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, key);
	KUNIT_EXPECT_EQ(test, 0, key_instantiate_and_link(key, kt->dk, EVS_DK_SIZE,
							  NULL, NULL));
	KUNIT_EXPECT_EQ(test, 0, evs_key_consume(key, kt->cipher));
	KUNIT_EXPECT_EQ(test, 0, evs_key_own(key, &to->owner));
	WRITE_ONCE(to->used, false);
	msleep(MSEC_PER_SEC);
	key_invalidate(key);
	key_put(key);
	KUNIT_EXPECT_TRUE(test, wait_told(to));
	KUNIT_EXPECT_EQ(test, EVS_CAUSE_KEY_INVALIDATED, to->cause);
}

/* What becomes of a key is none of the business of a disk that let go of it */
static void test_disown(struct kunit *test)
{
	struct key *key = make_key(test);
	struct test_owner *to = own(test, key);

	evs_key_disown(&to->owner);
	KUNIT_EXPECT_NULL(test, to->owner.key);
	KUNIT_EXPECT_TRUE(test, test_bit(KEY_FLAG_INVALIDATED, &key->flags));
	key_revoke(key);
	KUNIT_EXPECT_TRUE(test, stays_untold(to));
	evs_key_disown(&to->owner);
}

static struct kunit_case keywatch_cases[] = {
	KUNIT_CASE(test_own_revoked),
	KUNIT_CASE(test_own_invalidated),
	KUNIT_CASE(test_own_expired),
	KUNIT_CASE(test_own_told_once),
	KUNIT_CASE(test_own_two),
	KUNIT_CASE(test_own_too_late),
	KUNIT_CASE(test_own_idle),
	KUNIT_CASE(test_own_idle_expires),
	KUNIT_CASE(test_own_gone),
	KUNIT_CASE(test_disown),
	{}
};

static struct kunit_suite keywatch_suite = {
	.name = "evs_keywatch",
	.init = setup,
	.test_cases = keywatch_cases,
};

kunit_test_suite(keywatch_suite);
