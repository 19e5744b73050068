/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: what the files that deal with requests share: io.c, read.c, write.c, submit.c
 */
#ifndef _EVS_IO_H
#define _EVS_IO_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "evs.h"

extern struct srcu_struct evs_srcu;

/**
 * struct evs_cmd - private data of a request
 * @work: decrypts the data of a read, or what is left of it
 * @bio: what is sent to the backing device
 * @bounce: how many bounce pages a write has in @bvecs, and whose they are
 * @next: bio of a read whose data is decrypted next
 * @iter: how far that is
 * @srcu_idx: of the cipher that a read has in use
 * @awaited: what a large read waits for: that the backing device has answered, and that
 *	submitting is over. Who comes last goes on with it.
 * @job: the decryption of a large read
 * @bvecs: bounce pages of a write; buffers of a read that was merged from
 *	several bios
 *
 * Followed by a struct evs_crypt_req, see evs_cmd_crypt_req().
 */
struct evs_cmd {
	struct work_struct work;
	struct bio bio;
	struct evs_bounce bounce;
	struct bio *next;
	struct bvec_iter iter;
	int srcu_idx;
	atomic_t awaited;
	struct evs_job job;
	struct bio_vec bvecs[EVS_MAX_SEGMENTS];
};

/* Private data of a request is less aligned than a crypto request may need */
static inline struct evs_crypt_req *evs_cmd_crypt_req(struct evs_cmd *cmd)
{
	return PTR_ALIGN((void *)(cmd + 1), __alignof__(struct evs_crypt_req));
}

/* io.c */

blk_status_t evs_no_cipher(const struct evs_cipher *cipher);
blk_status_t evs_io_admit(struct evs_disk *evs);
void evs_end_request(struct request *rq, blk_status_t status);

/* read.c */

void evs_read_queue(struct evs_disk *evs, struct evs_cmd *cmd);
blk_status_t evs_queue_read(struct evs_disk *evs, struct request *rq);

/* write.c */

blk_status_t evs_queue_write(struct evs_disk *evs, struct request *rq);

/* submit.c */

void evs_submit_init(struct evs_disk *evs);
void evs_submit_bio(struct evs_disk *evs, struct bio *bio);
void evs_cmd_init_bio(struct evs_disk *evs, struct request *rq,
		      unsigned int nr_bvecs);
void evs_cmd_submit(struct evs_disk *evs, struct request *rq,
		    bio_end_io_t *end_io);

#endif /* _EVS_IO_H */
