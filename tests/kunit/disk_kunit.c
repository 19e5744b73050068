// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of a disk that loses its key
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "removal.h"

/* Longest that anything here may take, in jiffies */
#define PATIENCE	(10 * HZ)

/**
 * struct disk_test - what each test here needs
 * @evs: as much of a disk as revoking knows of, live
 * @gendisk: its name
 * @next_work: a work of another disk
 * @next_ran: it has run
 * @told: userspace is being told
 * @go: it is to be done with that
 * @go_on: it is
 */
struct disk_test {
	struct evs_disk evs;
	struct gendisk gendisk;
	struct work_struct next_work;
	struct completion next_ran;
	struct completion told;
	struct completion go;
	bool go_on;
};

/* As if there were no memory for a message */
static void tell(struct evs_events *events, enum evs_event event,
		 enum evs_cause cause)
{
	struct disk_test *dt = container_of(events, struct disk_test,
					    evs.events);

	complete(&dt->told);
	wait_for_completion_timeout(&dt->go, PATIENCE);
	WRITE_ONCE(dt->go_on, true);
}

static void next_work(struct work_struct *work)
{
	complete(&container_of(work, struct disk_test, next_work)->next_ran);
}

/* The loss of another key does not wait until users have been told of the first */
static void test_next_loss(struct kunit *test)
{
	struct disk_test *dt = kunit_kzalloc(test, sizeof(*dt), GFP_KERNEL);
	struct evs_disk *evs;

	KUNIT_ASSERT_NOT_NULL(test, dt);
	evs = &dt->evs;
	strscpy(dt->gendisk.disk_name, "evs-kunit", DISK_NAME_LEN);
	evs->disk = &dt->gendisk;
	evs_keyslot_init(&evs->slot, 512);
	spin_lock_init(&evs->queue.lock);
	evs->slot.queue = &evs->queue;
	evs_events_init(&evs->events);
	evs->events.state = &evs->slot.state;
	evs->events.tell = tell;
	evs->events.announced = true;
	evs_disk_init_removal(evs);
	INIT_WORK(&dt->next_work, next_work);
	init_completion(&dt->next_ran);
	init_completion(&dt->told);
	init_completion(&dt->go);

	/* As with one rescuer and no worker */
	workqueue_set_max_active(evs_revocation_wq, 1);
	evs->slot.owner.lost(&evs->slot.owner, EVS_CAUSE_KEY_REVOKED);
	queue_work(evs_revocation_wq, &dt->next_work);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&dt->told,
							    PATIENCE));
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&dt->next_ran,
							    2 * PATIENCE));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(dt->go_on));
	KUNIT_EXPECT_EQ(test, EVS_DEV_STATE_REVOKED, evs->slot.state);

	complete(&dt->go);
	workqueue_set_max_active(evs_revocation_wq, WQ_DFL_ACTIVE);
	evs_keyslot_kill(&evs->slot);
	flush_work(&evs->lost_tell_work);
	evs_events_exit(&evs->events);
}

static struct kunit_case disk_cases[] = {
	KUNIT_CASE(test_next_loss),
	{}
};

static struct kunit_suite disk_suite = {
	.name = "evs_disk",
	.test_cases = disk_cases,
};

kunit_test_suite(disk_suite);
