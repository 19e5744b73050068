// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: workers, one for each CPU, that help with a job
 *
 * An offer that no worker has taken up when nothing of the job is left is withdrawn, so
 * that a busy machine waits for no worker. Until then the worker gets no other, and is
 * not woken in vain by all jobs.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include "workers.h"

/**
 * struct evs_worker - helps with the jobs of a disk on one CPU
 * @work: takes up @offer
 * @offer: job to help with, or NULL. Whoever puts NULL there has its user.
 */
struct evs_worker {
	struct work_struct work;
	struct evs_job *offer;
};

static DEFINE_PER_CPU(unsigned int, evs_workers_last_cpu);

/* Online, and not @cpu unless that is the only one */
static unsigned int evs_workers_cpu_after(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

/**
 * evs_workers_next_cpu() - choose the CPU for a work that is done by one worker
 *
 * The workqueue takes the CPU as a hint which caches to be close to. Without it, all
 * would be close to the CPU that the backing device interrupts.
 *
 * Return: another CPU each time.
 */
int evs_workers_next_cpu(void)
{
	unsigned int *last = raw_cpu_ptr(&evs_workers_last_cpu);
	unsigned int cpu = evs_workers_cpu_after(READ_ONCE(*last));

	WRITE_ONCE(*last, cpu);
	return cpu;
}

static void evs_worker_work(struct work_struct *work)
{
	struct evs_worker *worker = container_of(work, struct evs_worker, work);
	struct evs_job *job = xchg(&worker->offer, NULL);

	if (job)
		job->help(job);
}

/**
 * evs_workers_offer() - offer a job to workers on other CPUs
 * @workers: of the disk
 * @job: the job, which the caller is a user of
 * @nr: to how many, if as many are free; at most EVS_WORKERS_MAX
 */
void evs_workers_offer(struct evs_workers *workers, struct evs_job *job,
		       unsigned int nr)
{
	unsigned int self = raw_smp_processor_id();
	unsigned int cpu = evs_workers_cpu_after(self);
	struct evs_worker *worker;

	for (; nr && cpu != self; nr--, cpu = evs_workers_cpu_after(cpu)) {
		worker = per_cpu_ptr(workers->cpu, cpu);
		if (READ_ONCE(worker->offer))
			continue;
		atomic_inc(&job->users);
		if (cmpxchg(&worker->offer, NULL, job)) {
			atomic_dec(&job->users);
			continue;
		}
		job->offered[job->nr_offered++] = cpu;
		queue_work_on(cpu, workers->wq, &worker->work);
	}
}

/**
 * evs_workers_withdraw() - take back the offers of a job that no worker has taken up
 * @workers: of the disk
 * @job: the job, which the caller is a user of
 */
void evs_workers_withdraw(struct evs_workers *workers, struct evs_job *job)
{
	struct evs_worker *worker;

	while (job->nr_offered) {
		worker = per_cpu_ptr(workers->cpu,
				     job->offered[--job->nr_offered]);
		if (cmpxchg(&worker->offer, job, NULL) == job)
			atomic_dec(&job->users);
	}
}

/**
 * evs_workers_init() - set up workers
 * @workers: to be set up
 * @wq: where they work, which outlives them
 *
 * Return: 0 or -ENOMEM.
 */
int evs_workers_init(struct evs_workers *workers, struct workqueue_struct *wq)
{
	int cpu;

	workers->wq = wq;
	workers->cpu = alloc_percpu(struct evs_worker);
	if (!workers->cpu)
		return -ENOMEM;

	for_each_possible_cpu(cpu)
		INIT_WORK(&per_cpu_ptr(workers->cpu, cpu)->work,
			  evs_worker_work);
	return 0;
}

/**
 * evs_workers_exit() - undo evs_workers_init()
 * @workers: no job is offered to them, and their workqueue has been emptied
 */
void evs_workers_exit(struct evs_workers *workers)
{
	free_percpu(workers->cpu);
}
