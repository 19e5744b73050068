/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: workers, one for each CPU, that help with a job
 */
#ifndef _EVS_WORKERS_H
#define _EVS_WORKERS_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define EVS_WORKERS_MAX		7

/**
 * struct evs_job - work that several CPUs can do together
 * @users: those who work on it: the owner, and workers who have or are offered it.
 *	The last one to go ends it.
 * @help: called by a worker, in process context, which is a user until it lets go
 * @offered: CPUs whose workers have been offered it
 * @nr_offered: how many
 */
struct evs_job {
	atomic_t users;
	void (*help)(struct evs_job *job);
	unsigned int offered[EVS_WORKERS_MAX];
	unsigned int nr_offered;
};

/**
 * struct evs_workers - the workers of a disk
 * @wq: where they work
 * @cpu: one for each CPU
 */
struct evs_workers {
	struct workqueue_struct *wq;
	struct evs_worker __percpu *cpu;
};

int evs_workers_init(struct evs_workers *workers, struct workqueue_struct *wq);
void evs_workers_exit(struct evs_workers *workers);
void evs_workers_offer(struct evs_workers *workers, struct evs_job *job,
		       unsigned int nr);
void evs_workers_withdraw(struct evs_workers *workers, struct evs_job *job);
int evs_workers_next_cpu(void);

#endif /* _EVS_WORKERS_H */
