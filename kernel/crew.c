// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: crews, which have several CPUs encrypt and decrypt for one disk
 *
 * What takes long is shared: reads that have been answered wait in a list, and
 * whoever writes a large request offers others a part in it, one piece at a time.
 * Small reads are shared with a task that has many of them.
 *
 * A crew has two kinds of members. Regular ones see to it that what waits is
 * decrypted: they compete for CPUs like any other task, so there are only few.
 * Volunteers take on what they find as long as they have a CPU to themselves. They
 * bring all other CPUs to bear on a disk of a machine that has nothing else to do,
 * and cost nobody time who has: a small reader beside a large one, say, waits for as
 * long as if the large one had but one CPU.
 */
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "evs.h"

/* One regular member for each of these CPUs */
#define EVS_CREW_CPUS		4
#define EVS_CREW_REGULARS_MAX	16
#define EVS_CREW_VOLUNTEERS_MAX	7

/*
 * For how long a volunteer who is not alone waits before it looks again, and from
 * when on it does not: who has woken it may be about to sleep. In microseconds.
 */
#define EVS_CREW_WAIT_MIN	20
#define EVS_CREW_WAIT_MAX	640

/* A multiple of any data unit; several times what it takes to wake a CPU */
#define EVS_JOB_PIECE_BYTES	SZ_16K

/*
 * How many small reads may wait for the crew: more mean that it does not keep up. And
 * how many it gets although none of the same task waits, as it may just be quick.
 */
#define EVS_CREW_AHEAD_MAX	16
#define EVS_CREW_CREDIT		32

/*
 * For how long no small read is left to the crew just to find out, if that has been
 * in vain again and again. In jiffies.
 */
#define EVS_CREW_PROBE_MAX	DIV_ROUND_UP(HZ, 16)

/**
 * struct evs_job - a large write that is encrypted
 * @node: entry in the crew's list while there are pieces that nobody has taken
 * @rq: the request, of one bio
 * @cipher: cipher, in use by who has to do the job
 * @bounce: bounce pages
 * @taken: where the next piece starts, in bytes from the start of the request
 * @users: volunteers that are at a piece
 * @done: completed by the last of them when no piece is left
 * @err: an error that somebody has met
 *
 * All that changes is under the crew's lock.
 */
struct evs_job {
	struct list_head node;
	struct request *rq;
	const struct evs_cipher *cipher;
	const struct bio_vec *bounce;
	unsigned int taken;
	unsigned int users;
	struct completion done;
	int err;
};

/**
 * struct evs_member - of a crew
 * @work: takes on one thing after the other
 * @crew: the crew
 * @creq: for pieces of jobs, which have none of their own; NULL if regular
 * @busy: @work has been queued, and will look for things to do once more. Under
 *	the crew's lock.
 */
struct evs_member {
	struct work_struct work;
	struct evs_crew *crew;
	struct evs_crypt_req *creq;
	bool busy;
};

/**
 * struct evs_crew - those who encrypt and decrypt for a disk
 * @wq: where they do
 * @ahead: number of small reads that wait, or are being decrypted
 * @submitter: task that has left the last small read to the crew; to be compared,
 *	not looked at. This and the next three are hints, and under no lock.
 * @credit: how many small reads more the crew gets
 * @probe: from when on it may get one to find out, in jiffies
 * @probe_wait: how long after that it may get another one, in jiffies
 * @lock: protects all below
 * @small: small reads that wait for being decrypted; they go first
 * @reads: large reads that wait for being decrypted
 * @jobs: writes of which there are pieces left
 * @regulars: number of regular members, which come first
 * @members: number of all
 * @member: the members
 */
struct evs_crew {
	struct workqueue_struct *wq;
	atomic_t ahead;
	const struct task_struct *submitter;
	unsigned int credit;
	unsigned long probe;
	unsigned long probe_wait;
	spinlock_t lock;		/* protects what follows */
	struct bio_list small;
	struct bio_list reads;
	struct list_head jobs;
	unsigned int regulars;
	unsigned int members;
	struct evs_member member[] __counted_by(members);
};

/* The first of members @from on that has nothing to do is to look */
static void evs_crew_wake(struct evs_crew *crew, unsigned int from)
{
	lockdep_assert_held(&crew->lock);

	for (unsigned int i = from; i < crew->members; i++) {
		struct evs_member *member = &crew->member[i];

		if (!member->busy) {
			WRITE_ONCE(member->busy, true);
			queue_work(crew->wq, &member->work);
			return;
		}
	}
}

/* Returns where the next piece of a job starts; there is one */
static unsigned int evs_job_take(struct evs_job *job)
{
	unsigned int offset = job->taken;

	job->taken += EVS_JOB_PIECE_BYTES;
	if (job->taken >= blk_rq_bytes(job->rq))
		list_del_init(&job->node);
	return offset;
}

/* Data units do not span pieces */
static int evs_job_piece(const struct evs_job *job, struct evs_crypt_req *creq,
			 unsigned int offset)
{
	struct bio *bio = job->rq->bio;
	struct bvec_iter src = bio->bi_iter;
	struct bvec_iter dst = { .bi_size = src.bi_size };

	if (!bvec_iter_advance(bio->bi_io_vec, &src, offset) ||
	    !bvec_iter_advance(job->bounce, &dst, offset))
		return -EIO;
	return evs_encrypt(job->cipher, creq, bio->bi_io_vec, &src, job->bounce,
			   &dst, min(src.bi_size, EVS_JOB_PIECE_BYTES),
			   bio->bi_iter.bi_sector + (offset >> SECTOR_SHIFT));
}

static void evs_job_help(struct evs_crew *crew, struct evs_job *job,
			 struct evs_crypt_req *creq, unsigned int offset)
{
	int err;

	evs_crypt_req_init(creq, job->cipher);
	err = evs_job_piece(job, creq, offset);

	spin_lock_irq(&crew->lock);
	if (err)
		job->err = err;
	/* Under the lock, since the job may go with this */
	if (!--job->users && list_empty(&job->node))
		complete(&job->done);
	spin_unlock_irq(&crew->lock);
}

/* Returns whether there was anything to do */
static bool evs_member_turn(struct evs_member *member)
{
	struct evs_crew *crew = member->crew;
	struct evs_job *job = NULL;
	struct bio *bio, *small;
	unsigned int offset;
	int err;

	spin_lock_irq(&crew->lock);
	small = bio_list_pop(&crew->small);
	bio = small ?: bio_list_pop(&crew->reads);
	if (!bio && member->creq)
		job = list_first_entry_or_null(&crew->jobs, struct evs_job,
					       node);
	if (job) {
		offset = evs_job_take(job);
		job->users++;
	} else if (!bio) {
		WRITE_ONCE(member->busy, false);
	} else if (!bio_list_empty(&crew->reads)) {
		evs_crew_wake(crew, 0);
	}
	spin_unlock_irq(&crew->lock);

	if (bio) {
		err = evs_io_decrypt(bio);
		/* Before its task is told, and may be back with the next one */
		if (small)
			atomic_dec(&crew->ahead);
		evs_io_decrypted(bio, err);
	} else if (job) {
		evs_job_help(crew, job, member->creq, offset);
	}
	return bio || job;
}

static void evs_regular_work(struct work_struct *work)
{
	struct evs_member *member = container_of(work, struct evs_member, work);
	unsigned int noio;

	/* Slow paths of the crypto API allocate: without starting I/O */
	noio = memalloc_noio_save();
	while (evs_member_turn(member))
		cond_resched();
	memalloc_noio_restore(noio);
}

/* Unless @always, only if there is nothing left to do. Returns whether it stays. */
static bool evs_volunteer_leave(struct evs_member *member, bool always)
{
	struct evs_crew *crew = member->crew;
	bool stays;

	spin_lock_irq(&crew->lock);
	stays = !always && !(bio_list_empty(&crew->small) &&
			     bio_list_empty(&crew->reads) &&
			     list_empty(&crew->jobs));
	WRITE_ONCE(member->busy, stays);
	spin_unlock_irq(&crew->lock);
	return stays;
}

static void evs_volunteer_work(struct work_struct *work)
{
	struct evs_member *member = container_of(work, struct evs_member, work);
	unsigned int wait = EVS_CREW_WAIT_MIN;
	unsigned int noio;

	noio = memalloc_noio_save();
	for (;;) {
		if (single_task_running()) {
			if (!evs_member_turn(member))
				break;
			wait = EVS_CREW_WAIT_MIN;
		} else {
			if (!evs_volunteer_leave(member,
						 wait > EVS_CREW_WAIT_MAX))
				break;
			usleep_range(wait, 2 * wait);
			wait *= 2;
		}
	}
	memalloc_noio_restore(noio);
}

/**
 * evs_crew_read() - have a read decrypted
 * @crew: crew of its disk
 * @bio: bio of a read that the backing device has answered; evs_io_decrypt() is
 *	called for it
 *
 * Context: any, down to hard interrupts.
 */
void evs_crew_read(struct evs_crew *crew, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&crew->lock, flags);
	bio_list_add(&crew->reads, bio);
	evs_crew_wake(crew, 0);
	spin_unlock_irqrestore(&crew->lock, flags);
}

/* Would a small read be done sooner if it were left to the crew? */
static bool evs_crew_helps(struct evs_crew *crew)
{
	unsigned int credit = READ_ONCE(crew->credit);
	int ahead = atomic_read(&crew->ahead);
	unsigned long wait;

	if (ahead >= EVS_CREW_AHEAD_MAX)
		return false;

	if (ahead && READ_ONCE(crew->submitter) == current) {
		if (credit != EVS_CREW_CREDIT) {
			WRITE_ONCE(crew->credit, EVS_CREW_CREDIT);
			WRITE_ONCE(crew->probe_wait, 1);
		}
	} else if (credit) {
		WRITE_ONCE(crew->credit, credit - 1);
	} else {
		if (READ_ONCE(crew->member[0].busy) ||
		    time_before(jiffies, READ_ONCE(crew->probe)))
			return false;
		wait = READ_ONCE(crew->probe_wait);
		WRITE_ONCE(crew->probe, jiffies + wait);
		WRITE_ONCE(crew->probe_wait, min(2 * wait, EVS_CREW_PROBE_MAX));
	}
	WRITE_ONCE(crew->submitter, current);
	return true;
}

/**
 * evs_crew_take_read() - have a small read decrypted, if that saves time
 * @crew: crew of its disk
 * @bio: bio of a read that the backing device has answered
 *
 * A backing device that answers at once, to the task that submits, has one read of
 * that task in flight at most, and nobody can tell whether there are more to come.
 * If there are, two CPUs can share the work; if not, that takes two changes of
 * task more. So a read is left to the crew once in a while, and ever more rarely as
 * long as that is in vain. If its task is back with the next one before it has been
 * decrypted, it has not been waiting for it: then the crew gets the next ones, too.
 * What other tasks do says nothing, as each of them may wait for a read of its own.
 *
 * Context: any, down to soft interrupts.
 * Return: whether the crew has taken it: then evs_io_decrypt() is called for it.
 */
bool evs_crew_take_read(struct evs_crew *crew, struct bio *bio)
{
	unsigned long flags;

	if (crew->members == crew->regulars || !in_task() ||
	    !evs_crew_helps(crew))
		return false;

	atomic_inc(&crew->ahead);
	spin_lock_irqsave(&crew->lock, flags);
	bio_list_add(&crew->small, bio);
	if (!crew->member[0].busy)
		evs_crew_wake(crew, 0);
	spin_unlock_irqrestore(&crew->lock, flags);
	return true;
}

/**
 * evs_crew_shares() - is it worthwhile to share a write?
 * @crew: crew of its disk
 * @rq: write
 *
 * Return: whether evs_crew_encrypt() may be called for it.
 */
bool evs_crew_shares(const struct evs_crew *crew, const struct request *rq)
{
	return crew->members > crew->regulars && rq->bio == rq->biotail &&
	       blk_rq_bytes(rq) > EVS_INLINE_BYTES;
}

/**
 * evs_crew_encrypt() - encrypt a write, together with volunteers
 * @crew: crew of its disk
 * @rq: write of which evs_crew_shares() says that it may be shared
 * @cipher: cipher, in use by the caller
 * @creq: initialised by evs_crypt_req_init() for @cipher
 * @bounce: bounce pages for the ciphertext
 *
 * Nobody is waited for but volunteers that have begun with a piece.
 *
 * Context: process context, may sleep.
 * Return: 0, or an error code as of evs_encrypt().
 */
int evs_crew_encrypt(struct evs_crew *crew, struct request *rq,
		     const struct evs_cipher *cipher,
		     struct evs_crypt_req *creq, const struct bio_vec *bounce)
{
	struct evs_job job = { .rq = rq, .cipher = cipher, .bounce = bounce };
	unsigned int helpers, offset;
	bool wait;
	int err;

	init_completion(&job.done);
	helpers = min(DIV_ROUND_UP(blk_rq_bytes(rq), EVS_JOB_PIECE_BYTES) - 1,
		      crew->members - crew->regulars);

	spin_lock_irq(&crew->lock);
	list_add_tail(&job.node, &crew->jobs);
	while (helpers--)
		evs_crew_wake(crew, crew->regulars);
	while (!list_empty(&job.node)) {
		offset = evs_job_take(&job);
		spin_unlock_irq(&crew->lock);
		err = evs_job_piece(&job, creq, offset);
		spin_lock_irq(&crew->lock);
		if (err)
			job.err = err;
	}
	wait = job.users;
	spin_unlock_irq(&crew->lock);

	if (wait)
		wait_for_completion(&job.done);
	return job.err;
}

/**
 * evs_crew_alloc() - make a crew
 * @wq: where it works
 * @creq_size: room for a struct evs_crypt_req, in bytes
 *
 * Return: the crew, or NULL if there is no memory.
 */
struct evs_crew *evs_crew_alloc(struct workqueue_struct *wq, size_t creq_size)
{
	unsigned int cpus = num_online_cpus();
	unsigned int regulars = min(DIV_ROUND_UP(cpus, EVS_CREW_CPUS),
				    EVS_CREW_REGULARS_MAX);
	unsigned int members = regulars +
			       min(cpus - 1, EVS_CREW_VOLUNTEERS_MAX);
	struct evs_crew *crew;

	crew = kzalloc(struct_size(crew, member, members), GFP_KERNEL);
	if (!crew)
		return NULL;

	crew->wq = wq;
	spin_lock_init(&crew->lock);
	crew->probe = jiffies;
	crew->probe_wait = 1;
	bio_list_init(&crew->small);
	bio_list_init(&crew->reads);
	INIT_LIST_HEAD(&crew->jobs);
	crew->regulars = regulars;
	crew->members = members;
	for (unsigned int i = 0; i < members; i++) {
		struct evs_member *member = &crew->member[i];

		member->crew = crew;
		if (i < regulars) {
			INIT_WORK(&member->work, evs_regular_work);
			continue;
		}
		INIT_WORK(&member->work, evs_volunteer_work);
		member->creq = kmalloc(creq_size, GFP_KERNEL);
		if (!member->creq) {
			evs_crew_free(crew);
			return NULL;
		}
	}
	return crew;
}

/**
 * evs_crew_free() - dismiss a crew
 * @crew: crew that has nothing to do any more, whose workqueue has been emptied
 */
void evs_crew_free(struct evs_crew *crew)
{
	for (unsigned int i = crew->regulars; i < crew->members; i++)
		kfree(crew->member[i].creq);
	kfree(crew);
}
