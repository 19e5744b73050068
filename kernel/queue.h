/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the requests of a disk, and their way to the backing device and back
 *
 * How a request goes: evs_queue_rq() is called by its submitter, or by a worker of
 * kblockd.
 *
 * A write (write.c) is encrypted there, into bounce pages (bounce.c), which one bio
 * for the backing device has as its buffers. When that has been answered, the pages go
 * back to their pool and the request ends. Small writes of a task that has many in
 * flight, and never waits for them, are encrypted and submitted by workers (spread.c).
 *
 * A read (read.c) becomes one bio with the buffers of its caller. When that has been
 * answered, the data is decrypted where it is: small reads by the CPU that is told, at
 * once or, if that is in a hard interrupt, in a bottom half; large ones by a worker.
 *
 * Whose submitter polls for it (poll.c) is decrypted by who polls.
 *
 * The data of large requests is done by several CPUs (split.c). The cipher (crypt.c) is
 * one pointer, which is taken under SRCU for the time of the computation only.
 *
 * Nothing here knows of the disk as a whole: what it has to be told goes through
 * @failed.
 */
#ifndef _EVS_QUEUE_H
#define _EVS_QUEUE_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/lockdep.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "bounce.h"
#include "crypt-pool.h"
#include "split.h"
#include "spread.h"

/*
 * Largest request: a bio has room for no more, unless its pages happen to be
 * contiguous.
 */
#define EVS_MAX_BYTES		SZ_1M
#define EVS_MAX_SEGMENTS	BIO_MAX_VECS
static_assert(DIV_ROUND_UP(EVS_MAX_BYTES, PAGE_SIZE) <= EVS_MAX_SEGMENTS);

/**
 * struct evs_queue - the requests of a disk
 * @id: number of the disk, for traces
 * @read_only: writes are refused
 * @offset: where the encrypted data starts on @bdev, in bytes
 * @bdev: backing block device
 * @failed: called when a request fails, in any context, while it is still there
 * @used: called for a request that is the first one since evs_queue_in_use()
 * @idle: no request has come since then
 * @cipher: cipher with the data key, or what there is in place of it: see
 *	evs_cipher_swap(). Taken under SRCU in read.c and write.c, changed under @lock.
 * @slow: that of @cipher, for who does not take it
 * @q: request queue of the disk
 * @wq: decrypts reads that are not decrypted where they complete, and submits
 *	bios. Each disk has its own, with a rescuer, as the backing device may be
 *	made of another evs disk, which must not wait for this one.
 * @splitter: has large reads and writes done by several CPUs
 * @spread: leaves small writes of a busy task to workers
 * @creqs: what the cipher needs for each request
 * @done: for each CPU, reads to decrypt in a bottom half
 * @polled: for each hardware queue that is polled, its requests
 * @nr_polled: how many those are; the last ones of @tag_set
 * @tag_set: requests of @q
 * @flush_key: tells lockdep flushes of the disk from those of @bdev
 * @crypt_req_size: room for a struct evs_crypt_req, in bytes
 * @lock: protects @held, @later, and changes of @cipher
 * @held: reads that the backing device has answered and that are decrypted once the
 *	disk is resumed
 * @later: bios for @bdev that could not be submitted where they were made
 * @later_work: submits @later
 * @reserve: what there is if memory is short
 *
 * The caller of evs_queue_init() has set those up to @used. Nobody writes any of them up
 * to @crypt_req_size while there is I/O, so that all CPUs may have them in their caches:
 * @idle changes with the first I/O after a pause.
 */
struct evs_queue {
	u32 id;
	bool read_only;
	u64 offset;
	struct block_device *bdev;
	void (*failed)(struct evs_queue *queue, enum req_op op);
	void (*used)(void);
	bool idle;

	struct evs_cipher __rcu *cipher;
	bool slow;
	struct request_queue *q;
	struct workqueue_struct *wq;
	struct evs_splitter splitter;
	struct evs_spread spread;
	struct evs_crypt_pool creqs;
	struct evs_done __percpu *done;
	struct evs_polled *polled;
	unsigned int nr_polled;
	struct blk_mq_tag_set tag_set;
	struct lock_class_key flush_key;
	size_t crypt_req_size;

	/* held, later, changes of cipher */
	spinlock_t lock ____cacheline_aligned_in_smp;
	struct bio_list held;
	struct bio_list later;
	struct work_struct later_work;
	struct evs_reserve reserve;
};

/**
 * struct evs_cmd - private data of a request
 * @bio: what is sent to the backing device
 * @bounce: bounce pages of a write; table of the buffers of a read that was merged from
 *	several bios
 * @creq: what the cipher needs while it decrypts a read
 * @next: bio of a read whose data is decrypted next
 * @iter: how far that is
 * @srcu_idx: of the cipher that a read has in use
 * @awaited: what a large read waits for: that the backing device has answered, and that
 *	submitting is over. Who comes last goes on with it.
 * @polled: entry in the list of those that are polled for, until it is answered
 * @node: entry in a list of reads that have been answered, or of writes that are left
 *	to a worker
 * @work: decrypts the data of a read, or what is left of it, in a worker
 */
struct evs_cmd {
	struct bio bio;
	struct evs_bounce bounce;
	struct evs_crypt_req *creq;
	struct bio *next;
	struct bvec_iter iter;
	int srcu_idx;
	atomic_t awaited;
	union {
		struct list_head polled;
		struct llist_node node;
		struct work_struct work;
	};
};

int evs_queue_init(struct evs_queue *queue, struct evs_cipher *cipher);
void evs_queue_exit(struct evs_queue *queue);
struct gendisk *evs_queue_alloc_disk(struct evs_queue *queue,
				     struct queue_limits *lim);
blk_status_t evs_queue_admit(struct evs_queue *queue);
bool evs_queue_in_use(struct evs_queue *queue);
void evs_end_request(struct request *rq, blk_status_t status,
		     struct io_comp_batch *batch);

#endif /* _EVS_QUEUE_H */
