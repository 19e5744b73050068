// SPDX-License-Identifier: GPL-2.0-only
/*
 * xts(aes) with the processor's instructions, for the benchmark in User-Mode Linux,
 * which has none of the ciphers of x86: data and cipher would otherwise cost what
 * they cost nowhere else. Loads if it computes what the kernel's own cipher does.
 *
 * Whole blocks only: a data unit has no other.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/aes.h>
#include <crypto/internal/skcipher.h>
#include <crypto/xts.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

/* So many blocks at once keep the unit for AES of the processor busy */
#define XTS_LANES	8

typedef long long xts_block __attribute__((vector_size(16), aligned(1), may_alias));
typedef long long xts_reg __attribute__((vector_size(16)));

struct xts_ctx {
	struct crypto_aes_ctx data;
	struct crypto_aes_ctx tweak;
};

static int xts_setkey(struct crypto_skcipher *tfm, const u8 *key,
		      unsigned int len)
{
	struct xts_ctx *ctx = crypto_skcipher_ctx(tfm);
	int err;

	err = xts_verify_key(tfm, key, len);
	if (err)
		return err;
	err = aes_expandkey(&ctx->data, key, len / 2);
	if (err)
		return err;
	return aes_expandkey(&ctx->tweak, key + len / 2, len / 2);
}

static unsigned int xts_rounds(const struct crypto_aes_ctx *aes)
{
	return aes->key_length / 4 + 6;
}

static __always_inline void xts_blocks(xts_reg *x, unsigned int lanes,
				       const struct crypto_aes_ctx *aes, bool enc)
{
	const xts_block *key = (const xts_block *)(enc ? aes->key_enc : aes->key_dec);
	unsigned int rounds = xts_rounds(aes), round, i;

#pragma GCC unroll 8
	for (i = 0; i < lanes; i++)
		x[i] ^= key[0];
	for (round = 1; round < rounds; round++) {
		xts_reg k = key[round];

#pragma GCC unroll 8
		for (i = 0; i < lanes; i++)
			x[i] = enc ? __builtin_ia32_aesenc128(x[i], k) :
				     __builtin_ia32_aesdec128(x[i], k);
	}
#pragma GCC unroll 8
	for (i = 0; i < lanes; i++)
		x[i] = enc ? __builtin_ia32_aesenclast128(x[i], key[rounds]) :
			     __builtin_ia32_aesdeclast128(x[i], key[rounds]);
}

/* Times x in GF(2^128) */
static __always_inline xts_reg xts_next(xts_reg t)
{
	u64 lo = t[0], hi = t[1];

	return (xts_reg){ (lo << 1) ^ ((s64)hi < 0 ? 0x87 : 0),
			  (hi << 1) | (lo >> 63) };
}

static __always_inline xts_reg xts_lanes(xts_block *dst, const xts_block *src,
					 unsigned int lanes,
					 const struct crypto_aes_ctx *aes,
					 xts_reg t, bool enc)
{
	xts_reg x[XTS_LANES], tweak[XTS_LANES];
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < lanes; i++) {
		tweak[i] = t;
		x[i] = src[i] ^ t;
		t = xts_next(t);
	}
	xts_blocks(x, lanes, aes, enc);
#pragma GCC unroll 8
	for (i = 0; i < lanes; i++)
		dst[i] = x[i] ^ tweak[i];
	return t;
}

static __always_inline int xts_crypt(struct skcipher_request *req, bool enc)
{
	struct xts_ctx *ctx = crypto_skcipher_ctx(crypto_skcipher_reqtfm(req));
	struct skcipher_walk walk;
	xts_reg t;
	int err;

	if (!req->cryptlen || req->cryptlen % AES_BLOCK_SIZE)
		return -EINVAL;

	err = skcipher_walk_virt(&walk, req, false);
	if (err)
		return err;
	t = *(xts_block *)walk.iv;
	xts_blocks(&t, 1, &ctx->tweak, true);
	while (walk.nbytes) {
		unsigned int left = walk.nbytes / AES_BLOCK_SIZE;
		const xts_block *src = walk.src.virt.addr;
		xts_block *dst = walk.dst.virt.addr;

		for (; left >= XTS_LANES; left -= XTS_LANES) {
			t = xts_lanes(dst, src, XTS_LANES, &ctx->data, t, enc);
			src += XTS_LANES;
			dst += XTS_LANES;
		}
		for (; left; left--)
			t = xts_lanes(dst++, src++, 1, &ctx->data, t, enc);
		err = skcipher_walk_done(&walk, walk.nbytes % AES_BLOCK_SIZE);
		if (err)
			break;
	}
	return err;
}

static int xts_encrypt(struct skcipher_request *req)
{
	return xts_crypt(req, true);
}

static int xts_decrypt(struct skcipher_request *req)
{
	return xts_crypt(req, false);
}

static struct skcipher_alg xts_alg = {
	.base.cra_name		= "xts(aes)",
	.base.cra_driver_name	= "xts-aes-evs-bench",
	/* Above that of the library in C */
	.base.cra_priority	= 1000,
	.base.cra_blocksize	= AES_BLOCK_SIZE,
	.base.cra_ctxsize	= sizeof(struct xts_ctx),
	.base.cra_module	= THIS_MODULE,
	.min_keysize		= 2 * AES_MIN_KEY_SIZE,
	.max_keysize		= 2 * AES_MAX_KEY_SIZE,
	.ivsize			= AES_BLOCK_SIZE,
	.walksize		= 2 * AES_BLOCK_SIZE,
	.setkey			= xts_setkey,
	.encrypt		= xts_encrypt,
	.decrypt		= xts_decrypt,
};

/* Encrypt, and decrypt what is @back there, with this implementation */
static int xts_try(const char *driver, const u8 key[64], u8 *unit, u8 *back)
{
	DECLARE_CRYPTO_WAIT(wait);
	struct skcipher_request *req;
	struct crypto_skcipher *tfm;
	struct scatterlist sg;
	u8 iv[AES_BLOCK_SIZE];
	int err;

	tfm = crypto_alloc_skcipher(driver, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	err = req ? crypto_skcipher_setkey(tfm, key, 64) : -ENOMEM;
	if (!err) {
		skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP,
					      crypto_req_done, &wait);
		sg_init_one(&sg, unit, PAGE_SIZE);
		memset(iv, 0xa5, sizeof(iv));
		skcipher_request_set_crypt(req, &sg, &sg, PAGE_SIZE, iv);
		err = crypto_wait_req(crypto_skcipher_encrypt(req), &wait);
	}
	if (!err) {
		sg_init_one(&sg, back, PAGE_SIZE);
		memset(iv, 0xa5, sizeof(iv));
		err = crypto_wait_req(crypto_skcipher_decrypt(req), &wait);
	}
	skcipher_request_free(req);
	crypto_free_skcipher(tfm);
	return err;
}

static int xts_compare(void)
{
	u8 *pages = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	u8 key[64];
	int err;

	if (!pages)
		return -ENOMEM;
	get_random_bytes(key, sizeof(key));
	get_random_bytes(pages, 2 * PAGE_SIZE);
	memcpy(pages + 2 * PAGE_SIZE, pages, 2 * PAGE_SIZE);
	err = xts_try("xts-aes-evs-bench", key, pages, pages + PAGE_SIZE);
	if (!err)
		err = xts_try("xts-aes-lib", key, pages + 2 * PAGE_SIZE,
			      pages + 3 * PAGE_SIZE);
	if (!err && memcmp(pages, pages + 2 * PAGE_SIZE, 2 * PAGE_SIZE))
		err = -EBADMSG;
	kfree(pages);
	return err;
}

static int __init xts_init(void)
{
	int err;

	err = crypto_register_skcipher(&xts_alg);
	if (err)
		return err;
	err = xts_compare();
	if (err) {
		pr_err("not the same as the kernel's own: %d\n", err);
		crypto_unregister_skcipher(&xts_alg);
	}
	return err;
}
module_init(xts_init);

static void __exit xts_exit(void)
{
	crypto_unregister_skcipher(&xts_alg);
}
module_exit(xts_exit);

MODULE_DESCRIPTION("xts(aes) at the speed of the processor, for the benchmark of EVS");
MODULE_LICENSE("GPL");
