/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: reads that the backing device answers in hard interrupts
 */
#ifndef _EVS_DONE_H
#define _EVS_DONE_H

#include "queue.h"

int evs_done_init(struct evs_queue *queue);
void evs_done_exit(struct evs_queue *queue);
void evs_done_add(struct evs_queue *queue, struct evs_cmd *cmd);

#endif /* _EVS_DONE_H */
