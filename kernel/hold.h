/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the cipher that the requests of a disk find
 */
#ifndef _EVS_HOLD_H
#define _EVS_HOLD_H

#include <linux/srcu.h>

#include "queue.h"

extern struct srcu_struct evs_srcu;

/* In place of the cipher of a disk that is suspended */
#define EVS_CIPHER_HELD		((struct evs_cipher *)ERR_PTR(-EAGAIN))

struct evs_cipher *evs_cipher_swap(struct evs_queue *queue,
				   struct evs_cipher *cipher);
void evs_cipher_wipe(struct evs_cipher *cipher);
void evs_queue_hold(struct evs_queue *queue);
void evs_queue_release(struct evs_queue *queue);
blk_status_t evs_no_cipher(const struct evs_cipher *cipher);

#endif /* _EVS_HOLD_H */
