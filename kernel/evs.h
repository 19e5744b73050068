/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: encrypted block devices, keys from a Key Management Service
 */
#ifndef _EVS_H
#define _EVS_H

#include <crypto/skcipher.h>
#include <linux/bvec.h>
#include <linux/crypto.h>
#include <linux/key.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

/* XTS-AES-256: two 256-bit keys, for the data and for the tweak */
#define EVS_DK_SIZE		64

/* A data unit is a multiple of 512 bytes, and so is each of its pieces */
#define EVS_CRYPT_SEGS_MAX	8

/* crypt.c: the cipher; knows bio_vecs, nothing else of the block layer */

/**
 * struct evs_cipher - XTS-AES-256 with the key of one disk
 * @tfm: the transform; shared by all CPUs
 * @unit_size: size of a data unit in bytes, 512 or 4096
 *
 * Nothing in it changes after evs_cipher_setkey(), so that any number of
 * requests may use it at the same time.
 */
struct evs_cipher {
	struct crypto_skcipher *tfm;
	unsigned int unit_size;
};

/**
 * struct evs_crypt_req - what one caller needs to encrypt or decrypt
 * @wait: for ciphers that complete asynchronously
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
void evs_cipher_free(struct evs_cipher *cipher);
const char *evs_cipher_driver(const struct evs_cipher *cipher);
size_t evs_crypt_req_size(const struct evs_cipher *cipher);
void evs_crypt_req_init(struct evs_crypt_req *creq,
			const struct evs_cipher *cipher);
int evs_encrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *src, struct bvec_iter *src_iter,
		const struct bio_vec *dst, struct bvec_iter *dst_iter,
		unsigned int len, sector_t sector);
int evs_decrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *bvec, struct bvec_iter iter,
		sector_t sector);

/* key.c: key type "evs" and the module's keyring */

extern struct key_type evs_key_type;

int evs_key_init(void);
void evs_key_exit(void);
struct key *evs_key_get(key_serial_t serial);
int evs_key_consume(struct key *key, struct evs_cipher *cipher);
void evs_key_put(struct key *key);

#endif /* _EVS_H */
