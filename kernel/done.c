// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: reads that the backing device answers in hard interrupts: a bottom half of each CPU
 * decrypts them
 */
#include <linux/blk-mq.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/sizes.h>

#include "done.h"
#include "read.h"

/*
 * How much of them a bottom half decrypts before it lets others have a turn, and how
 * many reads it ends at once: each of them waits for those that come after it.
 */
#define EVS_DONE_BYTES		SZ_32K
#define EVS_DONE_SLOW_BYTES	SZ_16K
#define EVS_DONE_BATCH		4

/**
 * struct evs_done - reads that have been answered in hard interrupts of a CPU
 * @queue: queue of their disk
 * @list: those that @tasklet has yet to see
 * @todo: those that it has. Nobody else's.
 * @tasklet: decrypts them in a bottom half. A work of system_bh_wq takes over 900
 *	instructions more, a twentieth of a read of 4 KiB.
 */
struct evs_done {
	struct evs_queue *queue;
	struct llist_head list;
	struct llist_node *todo;
	struct tasklet_struct tasklet;
};

/*
 * Take the next read that has been answered in a hard interrupt of this CPU. They
 * go on in the order in which they came.
 */
static struct evs_cmd *evs_done_pop(struct evs_done *done)
{
	struct llist_node *node;

	if (!done->todo)
		done->todo = llist_reverse_order(llist_del_all(&done->list));
	node = done->todo;
	if (!node)
		return NULL;
	done->todo = node->next;
	return llist_entry(node, struct evs_cmd, node);
}

/* End what has been collected */
static void evs_done_end(struct io_comp_batch *batch)
{
	if (!rq_list_empty(&batch->req_list))
		batch->complete(batch);
}

/* In a soft interrupt. Lets others have a turn after a while. */
static void evs_done_tasklet(struct tasklet_struct *tasklet)
{
	struct evs_done *done = container_of(tasklet, struct evs_done, tasklet);
	struct evs_queue *queue = done->queue;
	DEFINE_IO_COMP_BATCH(batch);
	unsigned int nr = 0;
	struct evs_cmd *cmd;
	int budget;

	budget = READ_ONCE(queue->slow) ? EVS_DONE_SLOW_BYTES : EVS_DONE_BYTES;
	while (budget > 0 && (cmd = evs_done_pop(done))) {
		budget -= blk_rq_bytes(blk_mq_rq_from_pdu(cmd));
		/* One alone ends sooner without a batch */
		evs_read_go_on(queue, cmd, false,
			       done->todo || nr ? &batch : NULL);
		if (++nr % EVS_DONE_BATCH == 0)
			evs_done_end(&batch);
	}
	evs_done_end(&batch);
	if (budget <= 0)
		tasklet_schedule(tasklet);
}

/**
 * evs_done_add() - have a read decrypted by a bottom half of this CPU
 * @queue: queue of its disk
 * @cmd: private data of the read, which the backing device has answered
 *
 * Context: interrupts are off.
 */
void evs_done_add(struct evs_queue *queue, struct evs_cmd *cmd)
{
	struct evs_done *done = this_cpu_ptr(queue->done);

	/* If it is not the first one, @tasklet has yet to see the first one */
	if (llist_add(&cmd->node, &done->list))
		tasklet_schedule(&done->tasklet);
}

/**
 * evs_done_init() - set up the bottom halves of a disk
 * @queue: queue of the disk
 *
 * Return: 0 or -ENOMEM.
 */
int evs_done_init(struct evs_queue *queue)
{
	struct evs_done *done;
	int cpu;

	queue->done = alloc_percpu(struct evs_done);
	if (!queue->done)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		done = per_cpu_ptr(queue->done, cpu);
		done->queue = queue;
		init_llist_head(&done->list);
		tasklet_setup(&done->tasklet, evs_done_tasklet);
	}
	return 0;
}

/**
 * evs_done_exit() - undo evs_done_init()
 * @queue: queue of a disk that has no requests any more; who ended the last one may be
 *	yet to return
 */
void evs_done_exit(struct evs_queue *queue)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(queue->done, cpu)->tasklet);
	free_percpu(queue->done);
}
