/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: large requests, which several CPUs encrypt or decrypt
 */
#ifndef _EVS_SPLIT_H
#define _EVS_SPLIT_H

#include <linux/bvec.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "crypt-pool.h"
#include "workers.h"

/**
 * struct evs_split_data - what is to be encrypted or decrypted
 * @src: the data
 * @iter: all of it, and the position on the disk
 * @dst: bounce pages; NULL for a read, which is decrypted in place
 * @cipher: cipher, in use until this is done
 */
struct evs_split_data {
	const struct bio_vec *src;
	struct bvec_iter iter;
	const struct bio_vec *dst;
	const struct evs_cipher *cipher;
};

/**
 * struct evs_splitter - has large requests of a disk done by several CPUs
 * @workers: help on other CPUs
 * @creqs: where they get what the cipher needs
 */
struct evs_splitter {
	struct evs_workers workers;
	struct evs_crypt_pool *creqs;
};

int evs_splitter_init(struct evs_splitter *splitter,
		      struct workqueue_struct *wq, struct evs_crypt_pool *creqs);
void evs_splitter_exit(struct evs_splitter *splitter);
int evs_split_run(struct evs_splitter *splitter,
		  const struct evs_split_data *data, struct evs_crypt_req *creq,
		  void (*end)(void *priv, int err), void *priv);
bool evs_split_helps(unsigned int bytes);

#endif /* _EVS_SPLIT_H */
