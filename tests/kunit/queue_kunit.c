// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the requests of a disk, over a backing device that answers at once, in
 * a hard interrupt, or when it is told to, or would have to wait first
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "cipher.h"
#include "hold.h"
#include "read.h"

#define UNIT		512
#define STORE_ORDER	6
#define STORE		(PAGE_SIZE << STORE_ORDER)
#define SMALL		PAGE_SIZE
#define LARGE		SZ_128K

enum answers {
	AT_ONCE,
	IN_INTERRUPT,
	WHEN_TOLD,
	WITHOUT_ROOM,
};

/**
 * struct queue_test - what each test here needs
 * @queue: under test
 * @disk: gendisk of @queue, never added
 * @backing: gendisk of the backing device, likewise
 * @answers: when the backing device answers
 * @timer: for answers in a hard interrupt
 * @bio: what is to be answered
 * @asked: completed when there is something to be answered
 * @store: what the backing device holds
 * @data: what is read and written
 * @expect: what should be read
 * @cipher: of @queue
 * @failed: how many requests have failed
 */
struct queue_test {
	struct evs_queue queue;
	struct gendisk *disk;
	struct gendisk *backing;
	enum answers answers;
	struct hrtimer timer;
	struct bio *bio;
	struct completion asked;
	u8 *store;
	u8 *data;
	u8 *expect;
	struct evs_cipher *cipher;
	int failed;
};

static void backing_submit_bio(struct bio *bio)
{
	struct queue_test *qt = bio->bi_bdev->bd_disk->private_data;
	size_t pos = bio->bi_iter.bi_sector << SECTOR_SHIFT;
	struct bvec_iter iter;
	struct bio_vec bvec;

	if (qt->answers == WITHOUT_ROOM && bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return;
	}
	bio_for_each_segment(bvec, bio, iter) {
		if (op_is_write(bio_op(bio)))
			memcpy(qt->store + pos, bvec_virt(&bvec), bvec.bv_len);
		else
			memcpy(bvec_virt(&bvec), qt->store + pos, bvec.bv_len);
		pos += bvec.bv_len;
	}

	qt->bio = bio;
	switch (qt->answers) {
	case AT_ONCE:
	case WITHOUT_ROOM:
		bio_endio(bio);
		break;
	case IN_INTERRUPT:
		hrtimer_start(&qt->timer, 1000, HRTIMER_MODE_REL_HARD);
		break;
	case WHEN_TOLD:
		complete(&qt->asked);
		break;
	}
}

static enum hrtimer_restart backing_answers(struct hrtimer *timer)
{
	bio_endio(container_of(timer, struct queue_test, timer)->bio);
	return HRTIMER_NORESTART;
}

static const struct block_device_operations backing_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= backing_submit_bio,
};

static const struct block_device_operations disk_fops = {
	.owner		= THIS_MODULE,
};

static void count_failed(struct evs_queue *queue, enum req_op op)
{
	container_of(queue, struct queue_test, queue)->failed++;
}

static int used;

static void count_used(void)
{
	used++;
}

static void free_pages_of(void *pages)
{
	free_pages((unsigned long)pages, STORE_ORDER);
}

static u8 *alloc_store(struct kunit *test)
{
	void *pages = (void *)__get_free_pages(GFP_KERNEL, STORE_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_pages_of, pages));
	return pages;
}

static void put_backing(void *backing)
{
	put_disk(backing);
}

static void exit_queue(void *data)
{
	struct queue_test *qt = data;

	put_disk(qt->disk);
	hrtimer_cancel(&qt->timer);
	evs_cipher_wipe(evs_cipher_swap(&qt->queue, NULL));
	evs_queue_exit(&qt->queue);
}

static void make_backing(struct kunit *test)
{
	struct queue_limits lim = { .features = BLK_FEAT_NOWAIT };
	struct queue_test *qt = test->priv;

	qt->backing = blk_alloc_disk(&lim, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, qt->backing);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, put_backing,
						  qt->backing));
	qt->backing->fops = &backing_fops;
	qt->backing->private_data = qt;
	/* As adding it would */
	atomic_or(BD_HAS_SUBMIT_BIO, &qt->backing->part0->__bd_flags);
	set_capacity(qt->backing, STORE >> SECTOR_SHIFT);
}

static void make_queue(struct kunit *test)
{
	struct queue_limits lim = { .max_hw_sectors = STORE >> SECTOR_SHIFT };
	struct queue_test *qt = test->priv;
	struct rnd_state rnd;
	int err;

	qt->cipher = make_cipher(test, UNIT);
	prandom_seed_state(&rnd, 1620);
	prandom_bytes_state(&rnd, qt->data, STORE);
	memcpy(qt->expect, qt->data, STORE);

	qt->queue.bdev = qt->backing->part0;
	qt->queue.failed = count_failed;
	qt->queue.used = count_used;
	used = 0;
	err = evs_queue_init(&qt->queue, qt->cipher);
	if (err)
		evs_cipher_free(qt->cipher);
	KUNIT_ASSERT_EQ(test, 0, err);
	qt->disk = evs_queue_alloc_disk(&qt->queue, &lim);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, qt->disk);
	qt->disk->fops = &disk_fops;
	set_capacity(qt->disk, STORE >> SECTOR_SHIFT);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, exit_queue, qt));
}

static int setup(struct kunit *test)
{
	struct queue_test *qt;

	qt = kunit_kzalloc(test, sizeof(*qt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, qt);
	test->priv = qt;
	init_completion(&qt->asked);
	hrtimer_setup(&qt->timer, backing_answers, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	qt->store = alloc_store(test);
	qt->data = alloc_store(test);
	qt->expect = alloc_store(test);
	make_backing(test);
	make_queue(test);
	return 0;
}

/**
 * struct io - a request
 * @bio: the request
 * @bvec: its buffer
 * @done: completed when it has been answered
 */
struct io {
	struct bio bio;
	struct bio_vec bvec;
	struct completion done;
};

static void io_end(struct bio *bio)
{
	complete(&container_of(bio, struct io, bio)->done);
}

static void io_start(struct queue_test *qt, struct io *io, blk_opf_t op,
		     unsigned int len)
{
	init_completion(&io->done);
	bio_init(&io->bio, qt->disk->part0, &io->bvec, 1, op | REQ_SYNC);
	bvec_set_virt(&io->bvec, qt->data, len);
	io->bio.bi_vcnt = 1;
	io->bio.bi_iter.bi_size = len;
	io->bio.bi_end_io = io_end;
	submit_bio(&io->bio);
}

static int io_wait(struct io *io)
{
	int err;

	wait_for_completion(&io->done);
	err = blk_status_to_errno(io->bio.bi_status);
	bio_uninit(&io->bio);
	return err;
}

static int run(struct queue_test *qt, blk_opf_t op, unsigned int len)
{
	struct io io;

	io_start(qt, &io, op, len);
	return io_wait(&io);
}

/* Each CPU has a hardware queue, and one job may have all the tags */
static void test_shape(struct kunit *test)
{
	struct queue_test *qt = test->priv;
	struct blk_mq_tag_set *set = &qt->queue.tag_set;

	KUNIT_EXPECT_EQ(test, min(num_possible_cpus(), 64U),
			set->nr_hw_queues);
	KUNIT_EXPECT_EQ(test, set->nr_hw_queues, qt->queue.q->nr_hw_queues);
	KUNIT_EXPECT_GE(test, qt->queue.q->nr_requests, 1023UL);
	KUNIT_EXPECT_LE(test, set->queue_depth, 4096U);
	KUNIT_EXPECT_TRUE(test, set->flags & BLK_MQ_F_TAG_HCTX_SHARED);
	/* What an idle disk takes is mostly that, for each tag */
	KUNIT_EXPECT_LE(test, sizeof(struct evs_cmd), 640UL);
}

static void round_trip(struct kunit *test, enum answers answers)
{
	struct queue_test *qt = test->priv;
	static const unsigned int sizes[] = {
		UNIT, SMALL, EVS_INLINE_BYTES, LARGE
	};

	qt->answers = answers;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		memcpy(qt->data, qt->expect, STORE);
		KUNIT_ASSERT_EQ(test, 0, run(qt, REQ_OP_WRITE, sizes[i]));
		KUNIT_EXPECT_MEMEQ(test, qt->data, qt->expect, STORE);
		KUNIT_EXPECT_NE(test, 0,
				memcmp(qt->store, qt->expect, sizes[i]));
		memset(qt->data, 0, STORE);
		KUNIT_ASSERT_EQ(test, 0, run(qt, REQ_OP_READ, sizes[i]));
		KUNIT_EXPECT_MEMEQ(test, qt->data, qt->expect, sizes[i]);
	}
	KUNIT_EXPECT_EQ(test, 0, qt->failed);
}

static void test_at_once(struct kunit *test)
{
	round_trip(test, AT_ONCE);
}

static void test_in_interrupt(struct kunit *test)
{
	round_trip(test, IN_INTERRUPT);
}

/* As an interrupt does */
static void answer(struct queue_test *qt)
{
	wait_for_completion(&qt->asked);
	local_irq_disable();
	bio_endio(qt->bio);
	local_irq_enable();
}

/* A read that is answered while the disk is suspended waits, and is not lost */
static void hold_read(struct kunit *test, unsigned int len)
{
	struct queue_test *qt = test->priv;
	struct evs_queue *queue = &qt->queue;
	bool early;
	struct io io;

	qt->answers = AT_ONCE;
	memcpy(qt->data, qt->expect, STORE);
	KUNIT_ASSERT_EQ(test, 0, run(qt, REQ_OP_WRITE, len));
	qt->answers = WHEN_TOLD;
	io_start(qt, &io, REQ_OP_READ, len);
	evs_queue_hold(queue);
	evs_cipher_swap(queue, EVS_CIPHER_HELD);
	answer(qt);
	early = wait_for_completion_timeout(&io.done, HZ / 10);
	KUNIT_EXPECT_FALSE(test, early);
	if (early)
		complete(&io.done);
	KUNIT_EXPECT_PTR_EQ(test, EVS_CIPHER_HELD,
			    evs_cipher_swap(queue, qt->cipher));
	evs_queue_release(queue);
	KUNIT_EXPECT_EQ(test, 0, io_wait(&io));
	KUNIT_EXPECT_MEMEQ(test, qt->data, qt->expect, len);
}

static void test_held(struct kunit *test)
{
	hold_read(test, SMALL);
	hold_read(test, LARGE);
}

/* A read that is answered after the key is gone fails, and shows no ciphertext */
static void revoke_read(struct kunit *test, unsigned int len)
{
	struct queue_test *qt = test->priv;
	struct evs_queue *queue = &qt->queue;
	int failed = qt->failed;
	struct io io;

	qt->answers = WHEN_TOLD;
	memset(qt->store, 0x5a, STORE);
	io_start(qt, &io, REQ_OP_READ, len);
	evs_cipher_swap(queue, NULL);
	answer(qt);
	KUNIT_EXPECT_EQ(test, -EIO, io_wait(&io));
	KUNIT_EXPECT_NULL(test, memchr_inv(qt->data, 0, len));
	KUNIT_EXPECT_EQ(test, failed + 1, qt->failed);
	evs_cipher_swap(queue, qt->cipher);
}

static void test_revoked(struct kunit *test)
{
	revoke_read(test, SMALL);
	revoke_read(test, LARGE);
}

/*
 * Who does not want to wait is told so, which is no failure; but for a request that the
 * backing device would have to split.
 */
static void test_nowait(struct kunit *test)
{
	struct queue_test *qt = test->priv;

	KUNIT_EXPECT_TRUE(test, bdev_nowait(qt->disk->part0));
	qt->answers = WITHOUT_ROOM;
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			run(qt, REQ_OP_WRITE | REQ_NOWAIT, SMALL));
	KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_WRITE, SMALL));
	KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_WRITE | REQ_NOWAIT, LARGE));
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			run(qt, REQ_OP_READ | REQ_NOWAIT, SMALL));
	KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_READ, SMALL));
	KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_READ | REQ_NOWAIT, LARGE));
	KUNIT_EXPECT_MEMEQ(test, qt->data, qt->expect, LARGE);
	KUNIT_EXPECT_EQ(test, 0, qt->failed);
}

/* That there is I/O is seen without a word that it would have to write each time */
static void test_in_use(struct kunit *test)
{
	struct queue_test *qt = test->priv;

	qt->answers = AT_ONCE;
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_WRITE, SMALL));
		KUNIT_EXPECT_TRUE(test, evs_queue_in_use(&qt->queue));
		KUNIT_EXPECT_FALSE(test, qt->queue.idle);
	}
	/* As if that were a while ago */
	qt->disk->part0->bd_stamp -= HZ;
	evs_queue_in_use(&qt->queue);
	KUNIT_EXPECT_FALSE(test, evs_queue_in_use(&qt->queue));
	KUNIT_EXPECT_EQ(test, 0, used);
	KUNIT_EXPECT_EQ(test, 0, run(qt, REQ_OP_WRITE, SMALL));
	KUNIT_EXPECT_EQ(test, 1, used);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(test_shape),
	KUNIT_CASE(test_at_once),
	KUNIT_CASE(test_in_interrupt),
	KUNIT_CASE(test_held),
	KUNIT_CASE(test_revoked),
	KUNIT_CASE(test_nowait),
	KUNIT_CASE(test_in_use),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "evs_queue",
	.init = setup,
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
