/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: writes
 */
#ifndef _EVS_WRITE_H
#define _EVS_WRITE_H

#include "queue.h"

void evs_writes_run(struct llist_node *first);
blk_status_t evs_queue_write(struct evs_queue *queue, struct request *rq);

#endif /* _EVS_WRITE_H */
