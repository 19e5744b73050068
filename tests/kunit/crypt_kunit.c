// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the cipher. Those of its key are in crypt_key_kunit.c.
 *
 * What is expected comes from published vectors, and for anything else from the
 * library of the kernel with a tweak made here.
 */
#include <crypto/aes-xts.h>
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "cipher.h"
#include "layout.h"
#include "xts_vectors.h"

/**
 * struct crypt_test - what each test here needs
 * @cipher: under test
 * @creq: under test
 * @ref: the same key for the library
 * @unit: size of a data unit
 * @rnd: reproducible random numbers
 * @src: read by the cipher
 * @dst: written by the cipher
 * @plain: data, flat
 * @expect: what the library makes of it
 * @got: what the cipher has made of it
 */
struct crypt_test {
	struct evs_cipher *cipher;
	struct evs_crypt_req *creq;
	struct aes_xts_key ref;
	unsigned int unit;
	struct rnd_state rnd;
	struct layout src, dst;
	u8 plain[MAX_UNITS * SZ_4K];
	u8 expect[MAX_UNITS * SZ_4K];
	u8 got[MAX_UNITS * SZ_4K];
};

static const struct unit_param {
	const char *name;
	unsigned int size;
} units[] = {
	{ "512", 512 },
	{ "4096", 4096 },
};

KUNIT_ARRAY_PARAM_DESC(unit, units, name);

/* The tweak as the standard has it: number of the unit, lowest byte first */
static void ref_crypt(struct crypt_test *ct, u8 *dst, const u8 *src,
		      size_t len, u64 sector, bool encrypt)
{
	u8 tweak[AES_BLOCK_SIZE];

	for (size_t pos = 0; pos < len; pos += ct->unit) {
		u64 number = sector + pos / 512;

		memset(tweak, 0, sizeof(tweak));
		for (int i = 0; i < 8; i++)
			tweak[i] = number >> (8 * i);
		if (encrypt)
			aes_xts_encrypt(dst + pos, src + pos, ct->unit, tweak,
					&ct->ref, false);
		else
			aes_xts_decrypt(dst + pos, src + pos, ct->unit, tweak,
					&ct->ref, false);
	}
}

static void set_key(struct kunit *test, const u8 dk[EVS_DK_SIZE])
{
	struct crypt_test *ct = test->priv;

	KUNIT_ASSERT_EQ(test, 0, evs_cipher_setkey(ct->cipher, dk));
	KUNIT_ASSERT_EQ(test, 0, aes_xts_preparekey(&ct->ref, dk, EVS_DK_SIZE, 0));
}

static int setup(struct kunit *test)
{
	const struct unit_param *param = test->param_value;
	struct crypt_test *ct;
	u8 dk[EVS_DK_SIZE];
	size_t size;

	ct = kunit_kzalloc(test, sizeof(*ct), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ct);
	test->priv = ct;
	ct->unit = param->size;
	prandom_seed_state(&ct->rnd, 1619);

	ct->cipher = evs_cipher_alloc(ct->unit);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ct->cipher);
	own_cipher(test, ct->cipher);

	/* Memory comes with anything in it */
	size = evs_crypt_req_size(ct->cipher);
	ct->creq = kunit_kmalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ct->creq);
	memset(ct->creq, 0xff, size);
	evs_crypt_req_init(ct->creq, ct->cipher);

	layout_init(test, &ct->src);
	layout_init(test, &ct->dst);
	prandom_bytes_state(&ct->rnd, dk, sizeof(dk));
	set_key(test, dk);
	prandom_bytes_state(&ct->rnd, ct->plain, sizeof(ct->plain));

	return 0;
}

/* All of src to dst */
static int encrypt(struct crypt_test *ct, unsigned int len, u64 sector)
{
	struct bvec_iter src = ct->src.iter, dst = ct->dst.iter;

	return evs_encrypt(ct->cipher, ct->creq, ct->src.bvecs, &src,
			   ct->dst.bvecs, &dst, len, sector);
}

static int decrypt(struct crypt_test *ct, struct layout *l, u64 sector)
{
	struct bvec_iter iter = l->iter;

	iter.bi_sector = sector;
	return evs_decrypt(ct->cipher, ct->creq, l->bvecs, &iter);
}

/* Published units are shorter than ours, but their blocks come out the same */
static void test_vectors(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const struct xts_vector *v;

	for (v = xts_vectors; v < xts_vectors + ARRAY_SIZE(xts_vectors); v++) {
		KUNIT_ASSERT_LE(test, v->len, ct->unit);
		memcpy(ct->plain, v->plain, v->len);
		memcpy(ct->expect, v->cipher, v->len);
		set_key(test, v->key);

		layout_flat(test, &ct->src, ct->unit);
		layout_flat(test, &ct->dst, ct->unit);
		layout_scatter(&ct->src, ct->plain);
		KUNIT_ASSERT_EQ(test, 0, encrypt(ct, ct->unit, v->sector));
		layout_gather(&ct->dst, ct->got);
		KUNIT_EXPECT_MEMEQ_MSG(test, ct->got, ct->expect, v->len,
				       "encrypt: %s", v->name);

		layout_scatter(&ct->dst, ct->expect);
		KUNIT_ASSERT_EQ(test, 0, decrypt(ct, &ct->dst, v->sector));
		layout_gather(&ct->dst, ct->got);
		KUNIT_EXPECT_MEMEQ_MSG(test, ct->got, ct->plain, v->len,
				       "decrypt: %s", v->name);
	}
}

/* Each of several units gets the tweak of its place on the disk */
static void test_tweak(struct kunit *test)
{
	static const u64 sectors[] = {
		0, 1, 8, 0xff, 0xffff, (1ULL << 32) - 8, (1ULL << 32) - 1,
		1ULL << 32, (1ULL << 32) + 1, 1ULL << 40, (1ULL << 48) - 1,
		(1ULL << 55) - 32, 1ULL << 55, (1ULL << 63) - 1,
	};
	struct crypt_test *ct = test->priv;
	const unsigned int len = 3 * ct->unit;

	for (int i = 0; i < ARRAY_SIZE(sectors); i++) {
		layout_flat(test, &ct->src, len);
		layout_flat(test, &ct->dst, len);
		layout_scatter(&ct->src, ct->plain);
		KUNIT_ASSERT_EQ(test, 0, encrypt(ct, len, sectors[i]));
		layout_gather(&ct->dst, ct->got);
		ref_crypt(ct, ct->expect, ct->plain, len, sectors[i], true);
		KUNIT_EXPECT_MEMEQ_MSG(test, ct->got, ct->expect, len,
				       "encrypt: sector %llu", sectors[i]);

		layout_scatter(&ct->src, ct->plain);
		KUNIT_ASSERT_EQ(test, 0, decrypt(ct, &ct->src, sectors[i]));
		layout_gather(&ct->src, ct->got);
		ref_crypt(ct, ct->expect, ct->plain, len, sectors[i], false);
		KUNIT_EXPECT_MEMEQ_MSG(test, ct->got, ct->expect, len,
				       "decrypt: sector %llu", sectors[i]);
	}
}

/* A destination filled from one source after the other, then read back */
static void test_random(struct kunit *test)
{
	struct crypt_test *ct = test->priv;

	for (int round = 0; round < 200; round++) {
		unsigned int n = 1 + prandom_u32_state(&ct->rnd) % MAX_UNITS;
		u64 sector = prandom_u32_state(&ct->rnd);
		unsigned int len = n * ct->unit;
		struct bvec_iter dst;
		unsigned int done;

		layout_random(test, &ct->dst, &ct->rnd, ct->unit, n);
		dst = ct->dst.iter;
		for (done = 0; done < len;) {
			unsigned int part = 1 + prandom_u32_state(&ct->rnd) % n;
			struct bvec_iter src;

			part = min(part * ct->unit, len - done);
			layout_random(test, &ct->src, &ct->rnd, ct->unit,
				      part / ct->unit);
			layout_scatter(&ct->src, ct->plain + done);
			src = ct->src.iter;
			KUNIT_ASSERT_EQ(test, 0,
					evs_encrypt(ct->cipher, ct->creq,
						    ct->src.bvecs, &src,
						    ct->dst.bvecs, &dst, part,
						    sector + done / 512));
			done += part;
			KUNIT_EXPECT_EQ(test, src.bi_size, 0);
			KUNIT_EXPECT_EQ(test, dst.bi_size, len - done);

			/* What is encrypted may be in use by someone else */
			layout_gather(&ct->src, ct->got);
			KUNIT_EXPECT_MEMEQ(test, ct->got,
					   ct->plain + done - part, part);
			layout_expect_guards(test, &ct->src);
		}

		layout_gather(&ct->dst, ct->got);
		ref_crypt(ct, ct->expect, ct->plain, len, sector, true);
		KUNIT_ASSERT_MEMEQ(test, ct->got, ct->expect, len);

		KUNIT_ASSERT_EQ(test, 0, decrypt(ct, &ct->dst, sector));
		layout_gather(&ct->dst, ct->got);
		KUNIT_ASSERT_MEMEQ(test, ct->got, ct->plain, len);
		layout_expect_guards(test, &ct->dst);
	}
}

/* Decryption of what was not encrypted here, from the middle of the bvecs */
static void test_decrypt_part(struct kunit *test)
{
	struct crypt_test *ct = test->priv;

	for (int round = 0; round < 100; round++) {
		unsigned int n = 2 + prandom_u32_state(&ct->rnd) % (MAX_UNITS - 1);
		unsigned int skip = prandom_u32_state(&ct->rnd) % n * ct->unit;
		u64 sector = prandom_u32_state(&ct->rnd);
		unsigned int len = n * ct->unit;
		struct bvec_iter iter;

		layout_random(test, &ct->dst, &ct->rnd, ct->unit, n);
		layout_scatter(&ct->dst, ct->plain);
		iter = ct->dst.iter;
		bvec_iter_advance(ct->dst.bvecs, &iter, skip);
		iter.bi_size = ct->unit;
		iter.bi_sector = sector;
		KUNIT_ASSERT_EQ(test, 0,
				evs_decrypt(ct->cipher, ct->creq,
					    ct->dst.bvecs, &iter));
		KUNIT_EXPECT_EQ(test, iter.bi_size, 0);
		KUNIT_EXPECT_EQ(test, iter.bi_sector, sector + ct->unit / 512);

		memcpy(ct->expect, ct->plain, len);
		ref_crypt(ct, ct->expect + skip, ct->plain + skip, ct->unit,
			  sector, false);
		layout_gather(&ct->dst, ct->got);
		KUNIT_ASSERT_MEMEQ(test, ct->got, ct->expect, len);
		layout_expect_guards(test, &ct->dst);
	}
}

/* As many pieces as are allowed, on either side */
static void test_most_pieces(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const unsigned int unit = ct->unit;

	for (unsigned int n = 1; n <= EVS_CRYPT_SEGS_MAX; n++) {
		layout_pieces(test, &ct->src, unit, n);
		layout_pieces(test, &ct->dst, unit, EVS_CRYPT_SEGS_MAX + 1 - n);
		layout_scatter(&ct->src, ct->plain);
		KUNIT_ASSERT_EQ(test, 0, encrypt(ct, unit, n));
		layout_gather(&ct->dst, ct->got);
		ref_crypt(ct, ct->expect, ct->plain, unit, n, true);
		KUNIT_EXPECT_MEMEQ(test, ct->got, ct->expect, unit);

		KUNIT_ASSERT_EQ(test, 0, decrypt(ct, &ct->dst, n));
		layout_gather(&ct->dst, ct->got);
		KUNIT_EXPECT_MEMEQ(test, ct->got, ct->plain, unit);
		layout_expect_guards(test, &ct->dst);
	}
}

/* One more is refused, before anything is written */
static void test_too_many_pieces(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const unsigned int unit = ct->unit;

	layout_pieces(test, &ct->src, unit, EVS_CRYPT_SEGS_MAX + 1);
	layout_flat(test, &ct->dst, unit);
	layout_scatter(&ct->src, ct->plain);
	KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, unit, 0));
	layout_expect_guards(test, &ct->dst);

	KUNIT_EXPECT_EQ(test, -EIO, decrypt(ct, &ct->src, 0));
	layout_gather(&ct->src, ct->got);
	KUNIT_EXPECT_MEMEQ(test, ct->got, ct->plain, unit);

	layout_flat(test, &ct->src, unit);
	layout_pieces(test, &ct->dst, unit, EVS_CRYPT_SEGS_MAX + 1);
	KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, unit, 0));
	KUNIT_EXPECT_NULL(test, memchr_inv(ct->dst.arena, GUARD, ARENA_SIZE));
}

/* Parts of a unit are refused, before anything is written */
static void test_part_of_unit(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const unsigned int lens[] = {
		1, 16, ct->unit / 2, ct->unit - 1, ct->unit + 1, ct->unit + 256,
	};

	for (int i = 0; i < ARRAY_SIZE(lens); i++) {
		layout_flat(test, &ct->src, 2 * ct->unit);
		layout_flat(test, &ct->dst, 2 * ct->unit);
		layout_scatter(&ct->src, ct->plain);
		KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, lens[i], 0));
		KUNIT_EXPECT_NULL(test, memchr_inv(ct->dst.arena, GUARD,
						   ARENA_SIZE));

		ct->src.iter.bi_size = lens[i];
		KUNIT_EXPECT_EQ(test, -EIO, decrypt(ct, &ct->src, 0));
		layout_gather(&ct->src, ct->got);
		KUNIT_EXPECT_MEMEQ(test, ct->got, ct->plain, 2 * ct->unit);
	}
}

/* The end of the memory is an error, and nothing behind it is written */
static void test_too_short(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const unsigned int unit = ct->unit;

	layout_flat(test, &ct->src, 2 * unit);
	layout_flat(test, &ct->dst, 2 * unit - 16);
	layout_scatter(&ct->src, ct->plain);
	KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, 2 * unit, 0));
	layout_expect_guards(test, &ct->dst);

	layout_flat(test, &ct->dst, 0);
	KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, unit, 0));
	layout_expect_guards(test, &ct->dst);

	layout_flat(test, &ct->src, 2 * unit - 16);
	layout_flat(test, &ct->dst, 3 * unit);
	KUNIT_EXPECT_EQ(test, -EIO, encrypt(ct, 2 * unit, 0));
	ct->dst.bvecs[0].bv_len = unit;
	layout_expect_guards(test, &ct->dst);

	/* Of nothing there is enough */
	KUNIT_EXPECT_EQ(test, 0, encrypt(ct, 0, 0));
	layout_expect_guards(test, &ct->dst);
}

/* For people; passes on any machine */
static void test_benchmark(struct kunit *test)
{
	struct crypt_test *ct = test->priv;
	const unsigned int len = MAX_UNITS * SZ_4K, rounds = 256;
	u64 start, ns[2];

	layout_flat(test, &ct->src, len);
	layout_flat(test, &ct->dst, len);
	start = ktime_get_ns();
	for (unsigned int i = 0; i < rounds; i++)
		KUNIT_ASSERT_EQ(test, 0, encrypt(ct, len, i));
	ns[0] = ktime_get_ns() - start + 1;
	start = ktime_get_ns();
	for (unsigned int i = 0; i < rounds; i++)
		KUNIT_ASSERT_EQ(test, 0, decrypt(ct, &ct->dst, i));
	ns[1] = ktime_get_ns() - start + 1;

	kunit_info(test, "%s, %u-byte units: encrypt %llu MB/s, decrypt %llu MB/s",
		   evs_cipher_driver(ct->cipher), ct->unit,
		   div64_u64((u64)len * rounds * 1000, ns[0]),
		   div64_u64((u64)len * rounds * 1000, ns[1]));
}

static struct kunit_case crypt_cases[] = {
	KUNIT_CASE_PARAM(test_vectors, unit_gen_params),
	KUNIT_CASE_PARAM(test_tweak, unit_gen_params),
	KUNIT_CASE_PARAM(test_random, unit_gen_params),
	KUNIT_CASE_PARAM(test_decrypt_part, unit_gen_params),
	KUNIT_CASE_PARAM(test_most_pieces, unit_gen_params),
	KUNIT_CASE_PARAM(test_too_many_pieces, unit_gen_params),
	KUNIT_CASE_PARAM(test_part_of_unit, unit_gen_params),
	KUNIT_CASE_PARAM(test_too_short, unit_gen_params),
	KUNIT_CASE_PARAM(test_benchmark, unit_gen_params),
	{}
};

static struct kunit_suite crypt_suite = {
	.name = "evs_crypt",
	.init = setup,
	.test_cases = crypt_cases,
};

kunit_test_suite(crypt_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of evs");
MODULE_LICENSE("GPL");
