// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the cipher on top of an implementation that completes later, as
 * those with CRYPTO_ALG_ASYNC may
 */
#include <crypto/aes-xts.h>
#include <crypto/internal/skcipher.h>
#include <crypto/scatterwalk.h>
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "cipher.h"

#define NR_UNITS	4
#define UNIT		512
#define LEN		(NR_UNITS * UNIT)

/**
 * struct later_req - request to the implementation under the tests
 * @work: does it
 * @req: what to do
 * @encrypt: in which direction
 */
struct later_req {
	struct work_struct work;
	struct skcipher_request *req;
	bool encrypt;
};

/* What the next requests return at once, and with what they complete */
static int later_returns;
static int later_fails_at, later_error;
/* They have completed by the time the implementation returns that */
static bool later_was_done;

/* Drivers of hardware map the whole list, and on 6.12 want it page by page */
static bool is_unit(struct scatterlist *sg)
{
	unsigned int len = 0;

	for (; sg; sg = sg_next(sg)) {
		if (!sg->length || sg->offset + sg->length > PAGE_SIZE)
			return false;
		len += sg->length;
	}
	return len == UNIT;
}

static void later_work(struct work_struct *work)
{
	struct later_req *later = container_of(work, struct later_req, work);
	struct skcipher_request *req = later->req;
	void *ctx = crypto_skcipher_ctx(crypto_skcipher_reqtfm(req));
	int err = later_fails_at-- ? 0 : later_error;
	u8 data[UNIT];

	/* Long enough for anyone to go on who does not wait */
	usleep_range(1000, 2000);
	local_bh_disable();
	if (later_returns == -EBUSY)
		skcipher_request_complete(req, -EINPROGRESS);
	memcpy_from_sglist(data, req->src, 0, UNIT);
	if (later->encrypt)
		aes_xts_encrypt(data, data, UNIT, req->iv, ctx, false);
	else
		aes_xts_decrypt(data, data, UNIT, req->iv, ctx, false);
	memcpy_to_sglist(req->dst, 0, data, UNIT);
	skcipher_request_complete(req, err);
	local_bh_enable();
}

static int later_start(struct skcipher_request *req, bool encrypt)
{
	struct later_req *later = skcipher_request_ctx(req);

	if (req->cryptlen != UNIT || !is_unit(req->src) || !is_unit(req->dst))
		return -EINVAL;

	if (later_returns == -ENOMEM)
		return later_returns;

	INIT_WORK(&later->work, later_work);
	later->req = req;
	later->encrypt = encrypt;
	schedule_work(&later->work);
	if (later_was_done)
		flush_work(&later->work);
	return later_returns;
}

static int later_encrypt(struct skcipher_request *req)
{
	return later_start(req, true);
}

static int later_decrypt(struct skcipher_request *req)
{
	return later_start(req, false);
}

static int later_setkey(struct crypto_skcipher *tfm, const u8 *key,
			unsigned int len)
{
	return aes_xts_preparekey(crypto_skcipher_ctx(tfm), key, len, 0);
}

static int later_init(struct crypto_skcipher *tfm)
{
	crypto_skcipher_set_reqsize(tfm, sizeof(struct later_req));
	return 0;
}

/* Not called xts(aes), since it is not for others */
static struct skcipher_alg later_alg = {
	.base.cra_name		= "evs-kunit-later",
	.base.cra_driver_name	= "evs-kunit-later",
	.base.cra_flags		= CRYPTO_ALG_ASYNC,
	.base.cra_blocksize	= AES_BLOCK_SIZE,
	.base.cra_ctxsize	= sizeof(struct aes_xts_key),
	.base.cra_module	= THIS_MODULE,
	.min_keysize		= EVS_DK_SIZE,
	.max_keysize		= EVS_DK_SIZE,
	.ivsize			= AES_BLOCK_SIZE,
	.init			= later_init,
	.setkey			= later_setkey,
	.encrypt		= later_encrypt,
	.decrypt		= later_decrypt,
};

static const struct returns_param {
	const char *name;
	int returns;
} returns[] = {
	{ "in progress", -EINPROGRESS },
	{ "backlogged", -EBUSY },
};

KUNIT_ARRAY_PARAM_DESC(returns, returns, name);

/**
 * struct async_test - what each test here needs
 * @cipher: under test
 * @creq: under test
 * @ref: the same key for the library
 * @plain: data, of which a unit is on two pages
 * @expect: what the library makes of it
 * @got: what the cipher makes of it, likewise
 */
struct async_test {
	struct evs_cipher *cipher;
	struct evs_crypt_req *creq;
	struct aes_xts_key ref;
	u8 *plain;
	u8 expect[LEN];
	u8 *got;
};

/* A cipher as evs_cipher_alloc() makes it, but of that implementation */
static struct evs_cipher *alloc_cipher(struct kunit *test)
{
	struct crypto_skcipher *tfm;
	struct evs_cipher *cipher;

	tfm = crypto_alloc_skcipher("evs-kunit-later", 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tfm);
	cipher = kzalloc_obj(*cipher);
	if (!cipher)
		crypto_free_skcipher(tfm);
	KUNIT_ASSERT_NOT_NULL(test, cipher);

	cipher->unit_size = UNIT;
	cipher->tfm = tfm;
	own_cipher(test, cipher);
	return cipher;
}

static u8 *alloc_data(struct kunit *test, unsigned int before_page)
{
	u8 *pages = kunit_kzalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	return pages + PAGE_SIZE - before_page;
}

static int setup(struct kunit *test)
{
	const struct returns_param *param = test->param_value;
	struct async_test *at;
	struct rnd_state rnd;
	u8 dk[EVS_DK_SIZE];

	at = kunit_kzalloc(test, sizeof(*at), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, at);
	test->priv = at;
	later_returns = param->returns;
	later_fails_at = -1;
	later_was_done = false;

	at->cipher = alloc_cipher(test);
	at->creq = kunit_kmalloc(test, evs_crypt_req_size(at->cipher),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, at->creq);
	evs_crypt_req_init(at->creq, at->cipher);
	at->plain = alloc_data(test, UNIT + 48);
	at->got = alloc_data(test, 2 * UNIT + 16);

	prandom_seed_state(&rnd, 1619);
	prandom_bytes_state(&rnd, dk, sizeof(dk));
	prandom_bytes_state(&rnd, at->plain, LEN);
	KUNIT_ASSERT_EQ(test, 0, evs_cipher_setkey(at->cipher, dk));
	KUNIT_ASSERT_EQ(test, 0,
			aes_xts_preparekey(&at->ref, dk, EVS_DK_SIZE, 0));
	for (u64 i = 0; i < NR_UNITS; i++) {
		u8 tweak[AES_BLOCK_SIZE] = { i };

		aes_xts_encrypt(at->expect + i * UNIT, at->plain + i * UNIT,
				UNIT, tweak, &at->ref, false);
	}

	return 0;
}

static int suite_init(struct kunit_suite *suite)
{
	return crypto_register_skcipher(&later_alg);
}

static void suite_exit(struct kunit_suite *suite)
{
	crypto_unregister_skcipher(&later_alg);
}

static int encrypt(struct async_test *at)
{
	struct bvec_iter src_iter = { .bi_size = LEN };
	struct bvec_iter dst_iter = { .bi_size = LEN };
	struct bio_vec src, dst;

	bvec_set_virt(&src, at->plain, LEN);
	bvec_set_virt(&dst, at->got, LEN);
	return evs_encrypt(at->cipher, at->creq, &src, &src_iter, &dst,
			   &dst_iter, LEN, 0);
}

static int decrypt(struct async_test *at)
{
	struct bvec_iter iter = { .bi_size = LEN };
	struct bio_vec bvec;

	bvec_set_virt(&bvec, at->got, LEN);
	return evs_decrypt(at->cipher, at->creq, &bvec, &iter);
}

/* All is done on return, not earlier */
static void test_later(struct kunit *test)
{
	struct async_test *at = test->priv;

	KUNIT_EXPECT_EQ(test, 0, encrypt(at));
	KUNIT_EXPECT_MEMEQ(test, at->got, at->expect, LEN);
	KUNIT_EXPECT_EQ(test, 0, decrypt(at));
	KUNIT_EXPECT_MEMEQ(test, at->got, at->plain, LEN);
}

/* An error that comes later stops the rest, and is not held against the next */
static void test_later_error(struct kunit *test)
{
	struct async_test *at = test->priv;

	later_fails_at = 2;
	later_error = -EBADMSG;
	KUNIT_EXPECT_EQ(test, -EBADMSG, encrypt(at));
	KUNIT_EXPECT_EQ(test, -1, later_fails_at);
	KUNIT_EXPECT_EQ(test, 0, encrypt(at));
	KUNIT_EXPECT_MEMEQ(test, at->got, at->expect, LEN);

	later_fails_at = 0;
	KUNIT_EXPECT_EQ(test, -EBADMSG, decrypt(at));
	KUNIT_EXPECT_EQ(test, -1, later_fails_at);
}

/**
 * struct atomic_test - what is there where nobody may sleep
 * @bvec: the data
 * @iter: how far it is done
 * @done: a unit has completed
 * @err: with that
 */
struct atomic_test {
	struct bio_vec bvec;
	struct bvec_iter iter;
	struct completion done;
	int err;
};

static void atomic_done(void *data, int err)
{
	struct atomic_test *atomic = data;

	if (err == -EINPROGRESS)
		return;
	atomic->err = err;
	complete(&atomic->done);
}

static int atomic_decrypt(struct async_test *at, struct atomic_test *atomic)
{
	return evs_decrypt(at->cipher, at->creq, &atomic->bvec, &atomic->iter);
}

static void atomic_setup(struct kunit *test, struct atomic_test *atomic)
{
	struct async_test *at = test->priv;

	KUNIT_ASSERT_EQ(test, 0, encrypt(at));
	bvec_set_virt(&atomic->bvec, at->got, LEN);
	atomic->iter = (struct bvec_iter){ .bi_size = LEN };
	init_completion(&atomic->done);
	evs_crypt_req_init_atomic(at->creq, at->cipher, atomic_done, atomic);
}

/*
 * Each unit is done later, and then it goes on with the next one; but one that is
 * on two pages is left to somebody who may sleep, who does the rest.
 */
static void test_atomic(struct kunit *test)
{
	struct async_test *at = test->priv;
	struct atomic_test atomic;

	atomic_setup(test, &atomic);
	for (unsigned int i = 1; i <= 2; i++) {
		KUNIT_ASSERT_EQ(test, -EINPROGRESS,
				atomic_decrypt(at, &atomic));
		wait_for_completion(&atomic.done);
		KUNIT_EXPECT_EQ(test, 0, atomic.err);
		KUNIT_EXPECT_EQ(test, LEN - i * UNIT, atomic.iter.bi_size);
		KUNIT_EXPECT_EQ(test, i, atomic.iter.bi_sector);
	}
	KUNIT_EXPECT_EQ(test, -EAGAIN, atomic_decrypt(at, &atomic));
	KUNIT_EXPECT_EQ(test, LEN - 2 * UNIT, atomic.iter.bi_size);
	KUNIT_EXPECT_EQ(test, 2, atomic.iter.bi_sector);

	evs_crypt_req_init(at->creq, at->cipher);
	KUNIT_EXPECT_EQ(test, 0, atomic_decrypt(at, &atomic));
	KUNIT_EXPECT_EQ(test, 0, atomic.iter.bi_size);
	KUNIT_EXPECT_MEMEQ(test, at->got, at->plain, LEN);
}

/* An error that comes later is reported once */
static void test_atomic_error(struct kunit *test)
{
	struct async_test *at = test->priv;
	struct atomic_test atomic;

	atomic_setup(test, &atomic);
	later_fails_at = 0;
	later_error = -EBADMSG;
	KUNIT_ASSERT_EQ(test, -EINPROGRESS, atomic_decrypt(at, &atomic));
	wait_for_completion(&atomic.done);
	KUNIT_EXPECT_EQ(test, -EBADMSG, atomic.err);
	KUNIT_EXPECT_FALSE(test, completion_done(&atomic.done));
}

/* One for which there is no memory without sleeping is done by who may */
static void test_atomic_nomem(struct kunit *test)
{
	struct async_test *at = test->priv;
	struct atomic_test atomic;

	atomic_setup(test, &atomic);
	later_returns = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -EAGAIN, atomic_decrypt(at, &atomic));
	KUNIT_EXPECT_EQ(test, LEN, atomic.iter.bi_size);
	KUNIT_EXPECT_EQ(test, 0, atomic.iter.bi_sector);
}

static void taken_done(void *data, int err)
{
	struct async_test *at = data;

	if (err == -EINPROGRESS)
		return;
	evs_crypt_req_init(at->creq, at->cipher);
	complete(&at->creq->wait.completion);
}

/* Whoever goes on after a unit that is done later may have begun to do so already */
static void test_atomic_taken(struct kunit *test)
{
	struct async_test *at = test->priv;

	KUNIT_ASSERT_EQ(test, 0, encrypt(at));
	evs_crypt_req_init_atomic(at->creq, at->cipher, taken_done, at);
	later_was_done = true;
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, decrypt(at));
}

static struct kunit_case async_cases[] = {
	KUNIT_CASE_PARAM(test_later, returns_gen_params),
	KUNIT_CASE_PARAM(test_later_error, returns_gen_params),
	KUNIT_CASE_PARAM(test_atomic, returns_gen_params),
	KUNIT_CASE_PARAM(test_atomic_error, returns_gen_params),
	KUNIT_CASE_PARAM(test_atomic_nomem, returns_gen_params),
	KUNIT_CASE_PARAM(test_atomic_taken, returns_gen_params),
	{}
};

static struct kunit_suite async_suite = {
	.name = "evs_async",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = setup,
	.test_cases = async_cases,
};

kunit_test_suite(async_suite);
