// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the cipher
 *
 * Everything here knows memory (bio_vecs) and positions (512-byte sectors), and
 * nothing else of the block layer. Data is encrypted by XTS-AES-256 (IEEE Std
 * 1619-2007) in data units of 512 or 4096 bytes. The tweak of a unit is the
 * position of its first sector, which is what dm-crypt calls plain64 and what
 * LUKS2 expects of aes-xts-plain64.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/slab.h>

#include "compat.h"
#include "crypt.h"

/*
 * The library in C, or the template over a cipher of single blocks: several times
 * slower than what uses the processor's instructions for AES, if it has any.
 * User-Mode Linux has nothing else.
 */
static bool evs_cipher_is_slow(const char *driver)
{
	return strstarts(driver, "xts(") || !strcmp(driver, "xts-aes-lib");
}

/**
 * evs_cipher_alloc() - get the best cipher that this machine has
 * @unit_size: size of a data unit in bytes, 512 or 4096
 *
 * Ciphers flagged CRYPTO_ALG_ASYNC are wanted: up to 6.12 the fast ones of x86
 * are, although in process context they complete before they return. Those that
 * drive an accelerator are not, as their completion has to be waited for; but not
 * all of them are flagged so that they could be told apart.
 *
 * Context: process context. May load modules.
 * Return: the cipher, whose key is yet to be set, or an ERR_PTR.
 */
struct evs_cipher *evs_cipher_alloc(unsigned int unit_size)
{
	struct evs_cipher *cipher;
	int err;

	cipher = kzalloc_obj(*cipher);
	if (!cipher)
		return ERR_PTR(-ENOMEM);

	cipher->unit_size = unit_size;
	sg_init_table(&cipher->sg, 1);
	cipher->tfm = crypto_alloc_skcipher("xts(aes)", 0,
					    CRYPTO_ALG_ALLOCATES_MEMORY |
					    CRYPTO_ALG_KERN_DRIVER_ONLY);
	if (IS_ERR(cipher->tfm)) {
		err = PTR_ERR(cipher->tfm);
		kfree(cipher);
		return ERR_PTR(err);
	}

	cipher->slow = evs_cipher_is_slow(evs_cipher_driver(cipher));
	if (cipher->slow && !IS_ENABLED(CONFIG_UML))
		pr_warn("slow cipher %s: is a module like aesni_intel missing?\n",
			evs_cipher_driver(cipher));

	return cipher;
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_alloc);

/**
 * evs_cipher_setkey() - set the data key
 * @cipher: cipher that no request uses yet
 * @dk: data key, EVS_DK_SIZE bytes; not needed any more on return
 *
 * Return: 0, -EINVAL if the halves of the key are equal, or another error code.
 */
int evs_cipher_setkey(struct evs_cipher *cipher, const u8 dk[EVS_DK_SIZE])
{
	crypto_skcipher_set_flags(cipher->tfm, CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	return crypto_skcipher_setkey(cipher->tfm, dk, EVS_DK_SIZE);
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_setkey);

/**
 * evs_cipher_free() - wipe and free a cipher
 * @cipher: cipher that no request uses any more
 */
void evs_cipher_free(struct evs_cipher *cipher)
{
	/* Zeroes the transform, and with it the expanded key */
	crypto_free_skcipher(cipher->tfm);
	kfree(cipher);
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_free);

/**
 * evs_cipher_driver() - say which implementation is in use
 * @cipher: cipher
 *
 * Return: the driver's name as in /proc/crypto.
 */
const char *evs_cipher_driver(const struct evs_cipher *cipher)
{
	return crypto_tfm_alg_driver_name(crypto_skcipher_tfm(cipher->tfm));
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_driver);

/**
 * evs_crypt_req_size() - tell how much memory a struct evs_crypt_req takes
 * @cipher: cipher that it will be used with
 *
 * Return: size in bytes, the context of the cipher included.
 */
size_t evs_crypt_req_size(const struct evs_cipher *cipher)
{
	return sizeof(struct evs_crypt_req) +
	       crypto_skcipher_reqsize(cipher->tfm);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_req_size);

static void evs_crypt_req_set(struct evs_crypt_req *creq,
			      const struct evs_cipher *cipher, u32 flags,
			      crypto_completion_t done, void *data)
{
	/* Enough for a data unit in one piece; see evs_crypt_map_pieces() */
	creq->src[0] = cipher->sg;
	creq->dst[0] = cipher->sg;
	skcipher_request_set_tfm(&creq->req, cipher->tfm);
	skcipher_request_set_callback(&creq->req,
				      CRYPTO_TFM_REQ_MAY_BACKLOG | flags, done,
				      data);
}

/**
 * evs_crypt_req_init() - prepare for calls of evs_encrypt() or evs_decrypt()
 * @creq: memory of evs_crypt_req_size() bytes
 * @cipher: cipher that it will be used with
 */
void evs_crypt_req_init(struct evs_crypt_req *creq,
			const struct evs_cipher *cipher)
{
	crypto_init_wait(&creq->wait);
	evs_crypt_req_set(creq, cipher, CRYPTO_TFM_REQ_MAY_SLEEP,
			  crypto_req_done, &creq->wait);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_req_init);

/**
 * evs_crypt_req_init_atomic() - prepare for evs_decrypt() where nobody may sleep
 * @creq: memory of evs_crypt_req_size() bytes
 * @cipher: cipher that it will be used with
 * @done: called when a unit completes after evs_decrypt() has said -EINPROGRESS,
 *	with 0 or an error code; before that maybe with -EINPROGRESS, which means
 *	nothing
 * @data: passed to @done
 */
void evs_crypt_req_init_atomic(struct evs_crypt_req *creq,
			       const struct evs_cipher *cipher,
			       crypto_completion_t done, void *data)
{
	evs_crypt_req_set(creq, cipher, 0, done, data);
}
EXPORT_SYMBOL_IF_KUNIT(evs_crypt_req_init_atomic);

static bool evs_crypt_may_sleep(const struct evs_crypt_req *creq)
{
	return creq->req.base.flags & CRYPTO_TFM_REQ_MAY_SLEEP;
}

/* A data unit in several pieces */
static int evs_crypt_map_pieces(struct scatterlist *sg,
				const struct bio_vec *bvecs,
				struct bvec_iter *iter, unsigned int len)
{
	unsigned int n = 0;

	sg_init_table(sg, EVS_CRYPT_SEGS_MAX);
	while (len) {
		struct bio_vec piece = bvec_iter_bvec(bvecs, *iter);

		if (n == EVS_CRYPT_SEGS_MAX)
			return -EIO;
		piece.bv_len = min(piece.bv_len, len);
		sg_set_page(&sg[n], piece.bv_page, piece.bv_len,
			    piece.bv_offset);
		if (!bvec_iter_advance(bvecs, iter, piece.bv_len))
			return -EIO;
		len -= piece.bv_len;
		n++;
	}
	sg_mark_end(&sg[n - 1]);
	return 0;
}

/*
 * Take the next data unit off @iter if it is in one page. Otherwise ciphers of 6.12
 * map each page by itself. @iter has that much.
 */
static __always_inline bool evs_crypt_map_page(struct scatterlist *sg,
					       const struct bio_vec *bvecs,
					       struct bvec_iter *iter,
					       unsigned int unit)
{
	struct bio_vec piece = mp_bvec_iter_bvec(bvecs, *iter);

	if (unlikely(offset_in_page(piece.bv_offset) + unit > PAGE_SIZE ||
		     piece.bv_len < unit))
		return false;

	sg_set_page(sg, piece.bv_page + (piece.bv_offset >> PAGE_SHIFT), unit,
		    offset_in_page(piece.bv_offset));
	/* It may be the first of several entries from before */
	sg_mark_end(sg);
	bvec_iter_advance_single(bvecs, iter, unit);
	return true;
}

static __always_inline int evs_crypt_map(struct scatterlist *sg,
					 const struct bio_vec *bvecs,
					 struct bvec_iter *iter,
					 unsigned int unit)
{
	if (likely(evs_crypt_map_page(sg, bvecs, iter, unit)))
		return 0;
	return evs_crypt_map_pieces(sg, bvecs, iter, unit);
}

/* From @src, to @dst, which may be the same */
static void evs_crypt_set(struct evs_crypt_req *creq, struct scatterlist *dst,
			  unsigned int len)
{
	skcipher_request_set_crypt(&creq->req, creq->src, dst, len, creq->iv);
}

/*
 * The unit at @sector, as the request has been set. Unless the caller waits for it,
 * @creq may be somebody else's when this returns -EINPROGRESS or -EBUSY.
 */
static __always_inline int evs_crypt_unit(struct evs_crypt_req *creq,
					  u64 sector, bool encrypt)
{
	/* The cipher has overwritten both words */
	creq->iv[0] = cpu_to_le64(sector);
	creq->iv[1] = 0;
	if (encrypt)
		return crypto_skcipher_encrypt(&creq->req);
	return crypto_skcipher_decrypt(&creq->req);
}

/**
 * evs_cipher_key_check() - compute what tells one data key from another
 * @cipher: cipher with its key set
 * @check: set to a block of zeroes as it would be encrypted in the last sector
 *	that a 64-bit number can name, where no disk has any
 *
 * Says nothing about the key beyond whether it is the same.
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOMEM, or an error code of the cipher.
 */
int evs_cipher_key_check(const struct evs_cipher *cipher,
			 u8 check[EVS_KEY_CHECK_SIZE])
{
	struct evs_crypt_req *creq;
	u8 *block;
	int err;

	creq = kzalloc(evs_crypt_req_size(cipher), GFP_KERNEL);
	block = kzalloc(EVS_KEY_CHECK_SIZE, GFP_KERNEL);
	if (!creq || !block) {
		err = -ENOMEM;
		goto out;
	}

	evs_crypt_req_init(creq, cipher);
	sg_set_buf(creq->src, block, EVS_KEY_CHECK_SIZE);
	evs_crypt_set(creq, creq->src, EVS_KEY_CHECK_SIZE);
	err = crypto_wait_req(evs_crypt_unit(creq, U64_MAX, true), &creq->wait);
	memcpy(check, block, EVS_KEY_CHECK_SIZE);

out:
	kfree_sensitive(block);
	kfree_sensitive(creq);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_cipher_key_check);

/**
 * evs_encrypt() - encrypt data units from one place to another
 * @cipher: cipher with its key set
 * @creq: initialised by evs_crypt_req_init() for @cipher
 * @src: memory with the plaintext
 * @src_iter: position there, advanced by @len
 * @dst: memory for the ciphertext
 * @dst_iter: position there, advanced by @len
 * @len: how much, in bytes, a multiple of the size of a data unit
 * @sector: position of the first data unit on the disk in 512-byte sectors
 *
 * Neither place has to be aligned in any way. A unit may be in up to
 * EVS_CRYPT_SEGS_MAX pieces.
 *
 * Context: process context, may sleep.
 * Return: 0, -EIO if the memory is not laid out like that, or an error code of
 *	the cipher.
 */
int evs_encrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *src, struct bvec_iter *src_iter,
		const struct bio_vec *dst, struct bvec_iter *dst_iter,
		unsigned int len, sector_t sector)
{
	const unsigned int unit = cipher->unit_size;
	int err;

	if (!IS_ALIGNED(len, unit) || src_iter->bi_size < len ||
	    dst_iter->bi_size < len)
		return -EIO;

	evs_crypt_set(creq, creq->dst, unit);
	for (; len; len -= unit, sector += unit >> SECTOR_SHIFT) {
		err = evs_crypt_map(creq->src, src, src_iter, unit);
		if (err)
			return err;
		err = evs_crypt_map(creq->dst, dst, dst_iter, unit);
		if (err)
			return err;
		err = crypto_wait_req(evs_crypt_unit(creq, sector, true),
				      &creq->wait);
		if (err)
			return err;
	}

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(evs_encrypt);

/* A unit that has failed where nobody may sleep; @iter was @before */
static int evs_decrypt_atomic_error(struct bvec_iter *iter,
				    const struct bvec_iter *before, int err)
{
	switch (err) {
	case -EINPROGRESS:
	case -EBUSY:
		return -EINPROGRESS;
	case -ENOMEM:
		/* For the tweak: data as it comes here need not be copied */
		*iter = *before;
		return -EAGAIN;
	default:
		return err;
	}
}

/**
 * evs_decrypt() - decrypt data units in place
 * @cipher: cipher with its key set
 * @creq: initialised by evs_crypt_req_init() or evs_crypt_req_init_atomic() for
 *	@cipher
 * @bvec: memory with the ciphertext
 * @iter: position there, and on the disk that of the next unit in 512-byte
 *	sectors; all that is left is decrypted, which has to be a multiple of the
 *	size of a data unit. On return, those of the next unit that is to be done.
 *
 * Context: process context, may sleep, if initialised by evs_crypt_req_init(); else
 *	any in which ciphers may be used.
 * Return: see evs_encrypt(). If nobody may sleep, also -EAGAIN: the next unit has
 *	to be done where one may; and -EINPROGRESS: the cipher does the unit before
 *	the next one, and calls back when it has. @creq is the cipher's until then,
 *	and as that may have been before this returns, so is all else that is used
 *	to go on.
 */
int evs_decrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *bvec, struct bvec_iter *iter)
{
	const unsigned int unit = cipher->unit_size;
	const bool may_sleep = evs_crypt_may_sleep(creq);
	/*
	 * A unit that is not like this the cipher would copy, might find no memory
	 * for that without sleeping, and leave the unit half done.
	 */
	const unsigned int misaligned =
		may_sleep ? 0 : crypto_skcipher_alignmask(cipher->tfm);
	struct bvec_iter before;
	int err;

	if (!IS_ALIGNED(iter->bi_size, unit))
		return -EIO;

	evs_crypt_set(creq, creq->src, unit);
	while (iter->bi_size) {
		before = *iter;
		if (likely(evs_crypt_map_page(creq->src, bvec, iter, unit)))
			err = creq->src->offset & misaligned ? -EAGAIN : 0;
		else if (may_sleep)
			err = evs_crypt_map_pieces(creq->src, bvec, iter, unit);
		else
			err = -EAGAIN;
		if (unlikely(err)) {
			*iter = before;
			return err;
		}
		iter->bi_sector = before.bi_sector + (unit >> SECTOR_SHIFT);
		err = evs_crypt_unit(creq, before.bi_sector, false);
		if (likely(!err))
			continue;
		if (!may_sleep)
			return evs_decrypt_atomic_error(iter, &before, err);
		err = crypto_wait_req(err, &creq->wait);
		if (err)
			return err;
	}

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(evs_decrypt);
