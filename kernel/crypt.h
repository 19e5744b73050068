/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the cipher; knows bio_vecs, and nothing else of the block layer
 */
#ifndef _EVS_CRYPT_H
#define _EVS_CRYPT_H

#include <crypto/skcipher.h>
#include <linux/bvec.h>
#include <linux/crypto.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

/* XTS-AES-256: two 256-bit keys, for the data and for the tweak */
#define EVS_DK_SIZE		64

/* What is compared of two data keys to tell whether they are the same */
#define EVS_KEY_CHECK_SIZE	16

/* A data unit is a multiple of 512 bytes, and so is each of its pieces */
#define EVS_CRYPT_SEGS_MAX	8

/**
 * struct evs_cipher - XTS-AES-256 with the key of one disk
 * @tfm: the transform; shared by all CPUs
 * @unit_size: size of a data unit in bytes, 512 or 4096
 * @slow: it does not use the processor's instructions for AES
 * @sg: a scatterlist of one entry, still empty, for requests to copy
 *
 * Nothing in it changes after evs_cipher_setkey(), so that any number of
 * requests may use it at the same time.
 */
struct evs_cipher {
	struct crypto_skcipher *tfm;
	unsigned int unit_size;
	bool slow;
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

#endif /* _EVS_CRYPT_H */
