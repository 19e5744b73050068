/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the bios for the backing device
 */
#ifndef _EVS_SUBMIT_H
#define _EVS_SUBMIT_H

#include "queue.h"

void evs_submit_init(struct evs_queue *queue);
void evs_submit_bio(struct evs_queue *queue, struct bio *bio);
void evs_cmd_init_bio(struct evs_queue *queue, struct request *rq,
		      unsigned int nr_bvecs);
void evs_cmd_submit(struct evs_queue *queue, struct request *rq,
		    bio_end_io_t *end_io, bool by_worker);

#endif /* _EVS_SUBMIT_H */
