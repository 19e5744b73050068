/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: reads
 */
#ifndef _EVS_READ_H
#define _EVS_READ_H

#include <linux/sizes.h>

#include "queue.h"

/*
 * Largest read that is decrypted where the backing device completes it, and largest
 * request whose data one CPU encrypts or decrypts alone. Two changes of task take as
 * long as the cipher for some 16 KiB.
 */
#define EVS_INLINE_BYTES	SZ_32K

/* Largest read that a slow cipher decrypts in a bottom half */
#define EVS_INLINE_SLOW_BYTES	SZ_4K

void evs_read_queue(struct evs_queue *queue, struct evs_cmd *cmd);
blk_status_t evs_queue_read(struct evs_queue *queue, struct request *rq);
void evs_read_go_on(struct evs_queue *queue, struct evs_cmd *cmd, bool may_sleep,
		    struct io_comp_batch *batch);

#endif /* _EVS_READ_H */
