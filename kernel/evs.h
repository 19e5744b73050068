/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the data path
 */
#ifndef _EVS_H
#define _EVS_H

#include <crypto/skcipher.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/bvec.h>
#include <linux/crypto.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/* XTS-AES-256: two 256-bit keys, for the data and for the tweak */
#define EVS_DK_SIZE		64

/* What is compared of two data keys to tell whether they are the same */
#define EVS_KEY_CHECK_SIZE	16

/* A data unit is a multiple of 512 bytes, and so is each of its pieces */
#define EVS_CRYPT_SEGS_MAX	8

/* crypt.c: the cipher; knows bio_vecs, nothing else of the block layer */

/**
 * struct evs_cipher - XTS-AES-256 with the key of one disk
 * @tfm: the transform; shared by all CPUs
 * @unit_size: size of a data unit in bytes, 512 or 4096
 * @sg: a scatterlist of one entry, still empty, for requests to copy
 *
 * Nothing in it changes after evs_cipher_setkey(), so that any number of
 * requests may use it at the same time.
 */
struct evs_cipher {
	struct crypto_skcipher *tfm;
	unsigned int unit_size;
	struct scatterlist sg;
};

/**
 * struct evs_crypt_req - what one caller needs to encrypt or decrypt
 * @wait: for ciphers that complete asynchronously, where one may sleep
 * @iv: tweak of the data unit, overwritten by the cipher
 * @src: pieces of memory that make up the data unit read
 * @dst: pieces of memory that make up the data unit written
 * @req: request to the crypto API, followed by the context of the cipher
 */
struct evs_crypt_req {
	struct crypto_wait wait;
	__le64 iv[2];
	struct scatterlist src[EVS_CRYPT_SEGS_MAX];
	struct scatterlist dst[EVS_CRYPT_SEGS_MAX];
	struct skcipher_request req;
};

struct evs_cipher *evs_cipher_alloc(unsigned int unit_size);
int evs_cipher_setkey(struct evs_cipher *cipher, const u8 dk[EVS_DK_SIZE]);
int evs_cipher_key_check(const struct evs_cipher *cipher,
			 u8 check[EVS_KEY_CHECK_SIZE]);
void evs_cipher_free(struct evs_cipher *cipher);
const char *evs_cipher_driver(const struct evs_cipher *cipher);
size_t evs_crypt_req_size(const struct evs_cipher *cipher);
void evs_crypt_req_init(struct evs_crypt_req *creq,
			const struct evs_cipher *cipher);
void evs_crypt_req_init_atomic(struct evs_crypt_req *creq,
			       const struct evs_cipher *cipher,
			       crypto_completion_t done, void *data);
int evs_encrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *src, struct bvec_iter *src_iter,
		const struct bio_vec *dst, struct bvec_iter *dst_iter,
		unsigned int len, sector_t sector);
int evs_decrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *bvec, struct bvec_iter *iter);

struct evs_disk;

/* Sizes of requests */

/*
 * Largest request: a bio has room for no more, unless its pages happen to be
 * contiguous. Bounds what a disk needs while it is idle: a table of buffers for each
 * of the requests of its queue.
 */
#define EVS_MAX_BYTES		SZ_1M
#define EVS_MAX_SEGMENTS	BIO_MAX_VECS
static_assert(DIV_ROUND_UP(EVS_MAX_BYTES, PAGE_SIZE) <= EVS_MAX_SEGMENTS);

/* How much of a write goes on if there is no memory for bounce pages */
#define EVS_RESERVE_BYTES	SZ_128K
#define EVS_RESERVE_PAGES	DIV_ROUND_UP(EVS_RESERVE_BYTES, PAGE_SIZE)

/*
 * Largest read that is decrypted where the backing device completes it, and largest
 * request whose data one CPU encrypts or decrypts alone. Two changes of task take as
 * long as the cipher for some 16 KiB.
 */
#define EVS_INLINE_BYTES	SZ_32K

/* bounce.c: the pages that writes are encrypted into */

struct evs_pool;

/**
 * struct evs_bounce - what to do with the bounce pages of a write
 * @pool: the pool they go to, or NULL if they are the disk's reserve
 * @nr_pages: how many there are
 * @bytes: how much they have room for, in bytes
 */
struct evs_bounce {
	struct evs_pool *pool;
	unsigned int nr_pages;
	unsigned int bytes;
};

int evs_pools_init(void);
void evs_pools_exit(void);
int evs_bounce_init(struct evs_disk *evs);
void evs_bounce_exit(struct evs_disk *evs);
bool evs_bounce_alloc(struct evs_disk *evs, struct evs_bounce *bounce,
		      struct bio_vec *bvecs, unsigned int bytes);
void evs_bounce_free(struct evs_disk *evs, const struct evs_bounce *bounce,
		     const struct bio_vec *bvecs);

/* crew.c: several CPUs for one disk */

/**
 * struct evs_job - a large request that is encrypted or decrypted
 * @bio: bio of the request
 * @bytes: how much of it
 * @cipher: cipher, in use until the job is done
 * @bounce: bounce pages; NULL for a read, which is decrypted in place
 * @end: called when it is done, unless evs_crew_share() has returned that
 * @err: an error that somebody has met
 * @node: entry in the crew's list while there are pieces that nobody has taken
 * @taken: where the next piece starts, in bytes from the start of the request
 * @users: those that are at a piece, and whose job it is while pieces are left
 *
 * The caller sets those up to @end; the crew changes the others under its lock.
 */
struct evs_job {
	const struct bio *bio;
	unsigned int bytes;
	const struct evs_cipher *cipher;
	const struct bio_vec *bounce;
	void (*end)(struct evs_job *job);
	int err;
	struct list_head node;
	unsigned int taken;
	unsigned int users;
};

struct evs_crew *evs_crew_alloc(struct workqueue_struct *wq, size_t creq_size);
void evs_crew_free(struct evs_crew *crew);
void evs_crew_read(struct evs_crew *crew, struct bio *bio);
bool evs_crew_take_read(struct evs_crew *crew, struct bio *bio, bool large);
bool evs_crew_shares(const struct evs_crew *crew, const struct request *rq,
		     unsigned int bytes);
int evs_crew_share(struct evs_crew *crew, struct evs_job *job,
		   struct evs_crypt_req *creq);

/* read.c: the way of a read; io.h has what is between it, io.c, write.c and submit.c */

int evs_io_decrypt(struct bio *bio);
void evs_io_decrypted(struct bio *bio, int err);

/* io.c: the way of a request */

int evs_io_init(struct evs_disk *evs, const struct evs_cipher *cipher);
void evs_io_exit(struct evs_disk *evs);

/* In place of the cipher of a disk that is suspended */
#define EVS_CIPHER_HELD		((struct evs_cipher *)ERR_PTR(-EAGAIN))

struct evs_cipher *evs_cipher_swap(struct evs_disk *evs,
				   struct evs_cipher *cipher);
void evs_cipher_wipe(struct evs_cipher *cipher);
bool evs_io_in_use(struct evs_disk *evs);
void evs_io_hold(struct evs_disk *evs);
void evs_io_release(struct evs_disk *evs);

#endif /* _EVS_H */
