/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: small writes that a busy submitter leaves to workers
 */
#ifndef _EVS_SPREAD_H
#define _EVS_SPREAD_H

#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/sbitmap.h>
#include <linux/workqueue.h>

/* For so many writes in a row a task has waited for nothing before it counts as busy */
#define EVS_SPREAD_BUSY		64

/* So many requests have to be in flight: who has few waits for each of them */
#define EVS_SPREAD_DEEP		64

/**
 * struct evs_spread - the small writes of a disk that are left to workers
 * @wq: where those work
 * @run: called by a worker with the writes that have been left to it, the oldest
 *	first, in process context; the disk may go with the last of them
 * @cpu: what there is for each CPU
 */
struct evs_spread {
	struct workqueue_struct *wq;
	void (*run)(struct llist_node *first);
	struct evs_spread_cpu __percpu *cpu;
};

int evs_spread_init(struct evs_spread *spread, struct workqueue_struct *wq,
		    void (*run)(struct llist_node *first));
void evs_spread_exit(struct evs_spread *spread);
bool evs_spread_helps(struct evs_spread *spread, const struct sbitmap *tags);
void evs_spread_add(struct evs_spread *spread, struct llist_node *node);

#endif /* _EVS_SPREAD_H */
