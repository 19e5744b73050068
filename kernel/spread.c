// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: small writes that a busy submitter leaves to workers
 *
 * A small write is encrypted by who submits it: as long as that task comes to wait for
 * its writes, nothing is quicker. One that has so many in flight that it does not is
 * what limits them, with its one CPU, while others are idle.
 */
#include <kunit/visibility.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "spread.h"
#include "workers.h"

/* What a pause takes off the count of writes without one, and how far that goes */
#define EVS_SPREAD_PAUSE	8
#define EVS_SPREAD_MAX		(2 * EVS_SPREAD_BUSY)

/* A CPU that has been busy is taken to be so for that long, in jiffies */
#define EVS_SPREAD_STALE	(HZ / 20)

/* How many workers take what the tasks of one CPU leave to them */
#define EVS_SPREAD_WORKERS	4

/**
 * struct evs_spread_work - takes what the tasks of a CPU leave to workers
 * @work: on another CPU, if that is free
 * @cpu: the CPU of the tasks
 */
struct evs_spread_work {
	struct work_struct work;
	struct evs_spread_cpu *cpu;
};

/**
 * struct evs_spread_cpu - the tasks of a CPU that submit writes
 * @spread: of the disk
 * @task: the last one to submit a write. To be compared, not looked at.
 * @waits: how often that one had waited for something by then
 * @busy: how many writes it has submitted without waiting, less what pauses have taken off
 * @looks: how many since it has been busy
 * @helps: whether others were found to have time when that was last looked at
 * @busy_at: when it was, in jiffies
 * @list: writes that are left to workers
 * @turn: which of @works was the last one
 * @works: each takes all there is on @list
 *
 * Tasks may change CPUs at any time. That makes a guess wrong, and nothing else.
 */
struct evs_spread_cpu {
	struct evs_spread *spread;
	const struct task_struct *task;
	unsigned long waits;
	unsigned int busy;
	unsigned int looks;
	bool helps;
	unsigned long busy_at;
	struct llist_head list;
	unsigned int turn;
	struct evs_spread_work works[EVS_SPREAD_WORKERS];
};

/* Is there a CPU without a busy submitter? */
static bool evs_spread_finds_cpu(const struct evs_spread *spread)
{
	unsigned int self = raw_smp_processor_id();
	unsigned long busy_at;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		busy_at = READ_ONCE(per_cpu_ptr(spread->cpu, cpu)->busy_at);
		if (cpu != self &&
		    time_after(jiffies, busy_at + EVS_SPREAD_STALE))
			return true;
	}
	return false;
}

/*
 * Count a write of this task.
 *
 * Return: for how many in a row it has been busy, less what pauses have taken off; 0 for
 * the first one of a task.
 */
static unsigned int evs_spread_count(struct evs_spread_cpu *cpu)
{
	bool same = READ_ONCE(cpu->task) == current;
	unsigned int busy = READ_ONCE(cpu->busy);

	if (same && READ_ONCE(cpu->waits) == current->nvcsw) {
		if (busy < EVS_SPREAD_MAX)
			WRITE_ONCE(cpu->busy, ++busy);
		return busy;
	}
	busy = same ? busy - min(busy, EVS_SPREAD_PAUSE) : 0;
	WRITE_ONCE(cpu->task, current);
	WRITE_ONCE(cpu->waits, current->nvcsw);
	WRITE_ONCE(cpu->busy, busy);
	return busy;
}

/**
 * evs_spread_helps() - tell whether a small write is to be left to a worker
 * @spread: of the disk
 * @tags: tags of the requests of the disk
 *
 * Other CPUs, and the tags, which all of them write, are looked at once in a while.
 *
 * Context: the task that submits the write.
 * Return: whether it has a deep queue and no time to wait for it, and others have time.
 */
bool evs_spread_helps(struct evs_spread *spread, const struct sbitmap *tags)
{
	struct evs_spread_cpu *cpu = raw_cpu_ptr(spread->cpu);
	unsigned int looks;
	bool helps;

	if (evs_spread_count(cpu) < EVS_SPREAD_BUSY) {
		WRITE_ONCE(cpu->looks, 0);
		return false;
	}

	looks = READ_ONCE(cpu->looks);
	WRITE_ONCE(cpu->looks, looks + 1);
	if (looks % EVS_SPREAD_BUSY)
		return READ_ONCE(cpu->helps);

	helps = sbitmap_weight(tags) >= EVS_SPREAD_DEEP &&
		evs_spread_finds_cpu(spread);
	WRITE_ONCE(cpu->busy_at, jiffies);
	WRITE_ONCE(cpu->helps, helps);
	return helps;
}
EXPORT_SYMBOL_IF_KUNIT(evs_spread_helps);

/**
 * evs_spread_add() - leave a write to a worker
 * @spread: of the disk
 * @node: entry for the write
 *
 * A worker is woken for the first one. It takes those that have come by then, too.
 *
 * Context: any.
 */
void evs_spread_add(struct evs_spread *spread, struct llist_node *node)
{
	struct evs_spread_cpu *cpu = raw_cpu_ptr(spread->cpu);
	unsigned int turn;

	if (!llist_add(node, &cpu->list))
		return;
	turn = (READ_ONCE(cpu->turn) + 1) % EVS_SPREAD_WORKERS;
	WRITE_ONCE(cpu->turn, turn);
	queue_work_on(evs_workers_next_cpu(), spread->wq,
		      &cpu->works[turn].work);
}
EXPORT_SYMBOL_IF_KUNIT(evs_spread_add);

static void evs_spread_work(struct work_struct *work)
{
	struct evs_spread_cpu *cpu =
		container_of(work, struct evs_spread_work, work)->cpu;
	struct llist_node *first = llist_del_all(&cpu->list);

	/* Nothing if another worker was quicker */
	if (first)
		cpu->spread->run(llist_reverse_order(first));
}

static void evs_spread_init_cpu(struct evs_spread *spread,
				struct evs_spread_cpu *cpu)
{
	cpu->spread = spread;
	cpu->busy_at = jiffies - EVS_SPREAD_STALE - 1;
	init_llist_head(&cpu->list);
	for (unsigned int i = 0; i < EVS_SPREAD_WORKERS; i++) {
		INIT_WORK(&cpu->works[i].work, evs_spread_work);
		cpu->works[i].cpu = cpu;
	}
}

/**
 * evs_spread_init() - set up what leaves writes to workers
 * @spread: to be set up
 * @wq: where they work, which outlives them
 * @run: as in struct evs_spread
 *
 * Return: 0 or -ENOMEM.
 */
int evs_spread_init(struct evs_spread *spread, struct workqueue_struct *wq,
		    void (*run)(struct llist_node *first))
{
	int cpu;

	spread->wq = wq;
	spread->run = run;
	spread->cpu = alloc_percpu(struct evs_spread_cpu);
	if (!spread->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		evs_spread_init_cpu(spread, per_cpu_ptr(spread->cpu, cpu));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(evs_spread_init);

/**
 * evs_spread_exit() - undo evs_spread_init()
 * @spread: no write is left to its workers, and their workqueue has been emptied
 */
void evs_spread_exit(struct evs_spread *spread)
{
	free_percpu(spread->cpu);
}
EXPORT_SYMBOL_IF_KUNIT(evs_spread_exit);
