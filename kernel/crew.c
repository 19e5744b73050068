// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: crews, which have several CPUs encrypt and decrypt for one disk
 *
 * What takes long is shared: reads that have been answered wait in a list, and
 * whoever encrypts or decrypts a large request offers others a part in it, one piece
 * at a time. Small reads are shared with a task that has many of them.
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
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
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

/* A multiple of any data unit */
#define EVS_JOB_PIECE_BYTES	SZ_16K

/*
 * How much of a job there has to be for each volunteer that is woken for it, in
 * nanoseconds: several times what it takes to wake a CPU
 */
#define EVS_JOB_SHARE_NS	(32 * NSEC_PER_USEC)

/*
 * How many reads may have been taken from tasks: more mean that the crew does not keep
 * up. And how many it takes although none of the same task waits, as it may just be
 * quick.
 */
#define EVS_CREW_AHEAD_MAX	16
#define EVS_CREW_CREDIT		32

/*
 * For how long no read is taken from a task just to find out, if that has been in vain
 * again and again. In jiffies.
 */
#define EVS_CREW_PROBE_MAX	DIV_ROUND_UP(HZ, 16)

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
 * @ahead: number of reads that have been taken from tasks, and are not yet decrypted
 * @submitter: task that the last one has been taken from; to be compared, not looked
 *	at. This and the next five are hints, and under no lock.
 * @credit: how many reads more may be taken
 * @probe: from when on one may be taken to find out, in jiffies
 * @probe_wait: how long after that another one may, in jiffies
 * @piece_ns: how long a piece of a job takes, in nanoseconds
 * @crowded: a member has found other tasks on its CPU, and none had one to itself since
 * @lock: protects all below
 * @taken: reads that have been taken from tasks; they go first
 * @reads: other reads that wait for being decrypted, large ones
 * @jobs: requests of which there are pieces left
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
	unsigned int piece_ns;
	bool crowded;
	spinlock_t lock;		/* protects what follows */
	struct bio_list taken;
	struct bio_list reads;
	struct list_head jobs;
	unsigned int regulars;
	unsigned int members;
	struct evs_member member[] __counted_by(members);
};

/*
 * Where a member is to work: not on this CPU, whose task goes on, and no two on the
 * same. The workqueue takes that as a hint which caches to be close to. It would be
 * this CPU's else, so that a CPU with a cache of its own would stay alone.
 */
static int evs_crew_cpu(const struct evs_crew *crew, unsigned int i)
{
	unsigned int n = i < crew->regulars ? i : i - crew->regulars;
	unsigned int cpu = raw_smp_processor_id();

	do {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	} while (n--);
	return cpu;
}

/* The first of members @from on that has nothing to do is to look */
static void evs_crew_wake(struct evs_crew *crew, unsigned int from)
{
	lockdep_assert_held(&crew->lock);

	for (unsigned int i = from; i < crew->members; i++) {
		struct evs_member *member = &crew->member[i];

		if (!member->busy) {
			WRITE_ONCE(member->busy, true);
			queue_work_on(evs_crew_cpu(crew, i), crew->wq,
				      &member->work);
			return;
		}
	}
}

static void evs_crew_set_crowded(struct evs_crew *crew, bool crowded)
{
	if (READ_ONCE(crew->crowded) != crowded)
		WRITE_ONCE(crew->crowded, crowded);
}

/* Returns where the next piece of a job starts; there is one */
static unsigned int evs_job_take(struct evs_job *job)
{
	unsigned int offset = job->taken;

	job->taken += EVS_JOB_PIECE_BYTES;
	if (job->taken >= job->bytes)
		list_del_init(&job->node);
	return offset;
}

/* Data units do not span pieces */
static int evs_job_piece(const struct evs_job *job, struct evs_crypt_req *creq,
			 unsigned int offset)
{
	unsigned int len = min(job->bytes - offset, EVS_JOB_PIECE_BYTES);
	const struct bio_vec *bvecs = job->bio->bi_io_vec;
	struct bvec_iter iter = job->bio->bi_iter;
	struct bvec_iter dst = { .bi_size = job->bytes };

	if (!bvec_iter_advance(bvecs, &iter, offset))
		return -EIO;
	iter.bi_sector += offset >> SECTOR_SHIFT;
	if (!job->bounce) {
		iter.bi_size = len;
		return evs_decrypt(job->cipher, creq, bvecs, &iter);
	}

	if (!bvec_iter_advance(job->bounce, &dst, offset))
		return -EIO;
	return evs_encrypt(job->cipher, creq, bvecs, &iter, job->bounce, &dst,
			   len, iter.bi_sector);
}

static void evs_job_help(struct evs_crew *crew, struct evs_job *job,
			 struct evs_crypt_req *creq, unsigned int offset)
{
	bool last;
	int err;

	evs_crypt_req_init(creq, job->cipher);
	err = evs_job_piece(job, creq, offset);

	spin_lock_irq(&crew->lock);
	if (err)
		job->err = err;
	last = !--job->users;
	spin_unlock_irq(&crew->lock);

	if (last)
		job->end(job);
}

/* Returns whether there was anything to do */
static bool evs_member_turn(struct evs_member *member)
{
	struct evs_crew *crew = member->crew;
	struct evs_job *job = NULL;
	struct bio *bio, *taken;
	unsigned int offset;
	int err;

	spin_lock_irq(&crew->lock);
	taken = bio_list_pop(&crew->taken);
	bio = taken ?: bio_list_pop(&crew->reads);
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
		if (taken)
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
	do {
		if (!single_task_running())
			evs_crew_set_crowded(member->crew, true);
		cond_resched();
	} while (evs_member_turn(member));
	memalloc_noio_restore(noio);
}

/* Unless @always, only if there is nothing left to do. Returns whether it stays. */
static bool evs_volunteer_leave(struct evs_member *member, bool always)
{
	struct evs_crew *crew = member->crew;
	bool stays;

	spin_lock_irq(&crew->lock);
	stays = !always && !(bio_list_empty(&crew->taken) &&
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
			evs_crew_set_crowded(member->crew, false);
			if (!evs_member_turn(member))
				break;
			wait = EVS_CREW_WAIT_MIN;
		} else {
			evs_crew_set_crowded(member->crew, true);
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

/* Would a read be done sooner if it were taken from its task? */
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
 * evs_crew_take_read() - have a read decrypted, if that saves its task time
 * @crew: crew of its disk
 * @bio: bio of a read that the backing device has answered as it was submitted
 * @large: it would be shared
 *
 * A backing device that answers at once, to the task that submits, has one read of
 * that task in flight at most, and nobody can tell whether there are more to come.
 * If there are, two CPUs can share the work; if not, that takes two changes of
 * task more. So a read is taken once in a while, and ever more rarely as long as
 * that is in vain. If its task is back with the next one before it has been
 * decrypted, it has not been waiting for it: then the next ones are taken, too.
 * What other tasks do says nothing, as each of them may wait for a read of its own.
 *
 * Of large ones, only one at a time waits for the crew: the task gets on with the
 * others by sharing them. It does so with all of them if either is not alone on its
 * CPU, as it would have to sleep in the end, and whoever wakes up is in the way of
 * others.
 *
 * Context: any, down to soft interrupts.
 * Return: whether the crew has taken it: then evs_io_decrypt() is called for it.
 */
bool evs_crew_take_read(struct evs_crew *crew, struct bio *bio, bool large)
{
	unsigned long flags;

	if (crew->members == crew->regulars || !in_task())
		return false;
	if (large && (READ_ONCE(crew->crowded) || !single_task_running()))
		return false;
	/* One more or less that waits does not matter */
	if (large && data_race(!bio_list_empty(&crew->taken)))
		return false;
	if (!evs_crew_helps(crew))
		return false;

	atomic_inc(&crew->ahead);
	spin_lock_irqsave(&crew->lock, flags);
	bio_list_add(&crew->taken, bio);
	if (!crew->member[0].busy)
		evs_crew_wake(crew, 0);
	spin_unlock_irqrestore(&crew->lock, flags);
	return true;
}

/**
 * evs_crew_shares() - is it worthwhile to share a request?
 * @crew: crew of its disk
 * @rq: read or write
 * @bytes: how much of it is to be decrypted or encrypted
 *
 * Return: whether evs_crew_share() may be called for it.
 */
bool evs_crew_shares(const struct evs_crew *crew, const struct request *rq,
		     unsigned int bytes)
{
	return crew->members > crew->regulars && rq->bio == rq->biotail &&
	       bytes > EVS_INLINE_BYTES;
}

/* How many volunteers to wake for a job */
static unsigned int evs_crew_helpers(const struct evs_crew *crew,
				     const struct evs_job *job)
{
	unsigned int pieces = DIV_ROUND_UP(job->bytes, EVS_JOB_PIECE_BYTES);
	unsigned int worthwhile = pieces * READ_ONCE(crew->piece_ns) /
				  EVS_JOB_SHARE_NS;
	/* Who decrypts what has been taken has CPUs already */
	unsigned int ahead = atomic_read(&crew->ahead);
	unsigned int volunteers = crew->members - crew->regulars;

	return min3(pieces - 1, worthwhile,
		    volunteers - min(volunteers, ahead));
}

/* A piece that has taken longer than others may just have been interrupted */
static void evs_crew_measure(struct evs_crew *crew, u64 ns)
{
	unsigned int before = READ_ONCE(crew->piece_ns);

	if (ns > before)
		ns = before + min(ns - before, NSEC_PER_MSEC) / 8;
	WRITE_ONCE(crew->piece_ns, ns);
}

/**
 * evs_crew_share() - encrypt a write or decrypt a read, together with volunteers
 * @crew: crew of its disk
 * @job: what is to be done, of a request of which evs_crew_shares() says that it may
 *	be shared
 * @creq: initialised by evs_crypt_req_init() for the job's cipher
 *
 * Context: process context, may sleep.
 * Return: 0, or an error code as of evs_encrypt(); or -EINPROGRESS: volunteers are yet
 *	to finish pieces that they have begun with, and the job is theirs. The last
 *	one calls its @end, in process context.
 */
int evs_crew_share(struct evs_crew *crew, struct evs_job *job,
		   struct evs_crypt_req *creq)
{
	unsigned int helpers = evs_crew_helpers(crew, job);
	unsigned int offset;
	u64 start;
	int err;

	job->err = 0;
	job->taken = 0;
	job->users = 1;

	spin_lock_irq(&crew->lock);
	list_add_tail(&job->node, &crew->jobs);
	while (helpers--)
		evs_crew_wake(crew, crew->regulars);
	while (!list_empty(&job->node)) {
		offset = evs_job_take(job);
		spin_unlock_irq(&crew->lock);
		start = ktime_get_ns();
		err = evs_job_piece(job, creq, offset);
		evs_crew_measure(crew, ktime_get_ns() - start);
		cond_resched();
		spin_lock_irq(&crew->lock);
		if (err)
			job->err = err;
	}
	err = --job->users ? -EINPROGRESS : job->err;
	spin_unlock_irq(&crew->lock);

	return err;
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
	bio_list_init(&crew->taken);
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
