// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the key of a cipher
 */
#include <crypto/aes-xts.h>
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "cipher.h"

static int setup(struct kunit *test)
{
	test->priv = make_cipher(test, 512);
	own_cipher(test, test->priv);
	return 0;
}

static void random_key(u8 dk[EVS_DK_SIZE])
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 140);
	prandom_bytes_state(&rnd, dk, EVS_DK_SIZE);
}

/* IEEE Std 1619-2018 and FIPS 140-3 forbid a key with equal halves */
static void test_weak_key(struct kunit *test)
{
	struct evs_cipher *cipher = test->priv;
	u8 dk[EVS_DK_SIZE];

	random_key(dk);
	memcpy(dk + EVS_DK_SIZE / 2, dk, EVS_DK_SIZE / 2);
	KUNIT_EXPECT_EQ(test, -EINVAL, evs_cipher_setkey(cipher, dk));
	dk[EVS_DK_SIZE - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, 0, evs_cipher_setkey(cipher, dk));
}

/* What it is made of: zeroes, encrypted with a tweak that no data unit has */
static void test_key_check(struct kunit *test)
{
	u8 check[EVS_KEY_CHECK_SIZE], expect[EVS_KEY_CHECK_SIZE];
	const u8 zeroes[EVS_KEY_CHECK_SIZE] = {};
	struct evs_cipher *cipher = test->priv;
	u8 tweak[AES_BLOCK_SIZE] = {};
	struct aes_xts_key ref;
	u8 dk[EVS_DK_SIZE];

	random_key(dk);
	KUNIT_ASSERT_EQ(test, 0, evs_cipher_setkey(cipher, dk));
	KUNIT_ASSERT_EQ(test, 0, evs_cipher_key_check(cipher, check));

	KUNIT_ASSERT_EQ(test, 0, aes_xts_preparekey(&ref, dk, EVS_DK_SIZE, 0));
	memset(tweak, 0xff, sizeof(u64));
	aes_xts_encrypt(expect, zeroes, sizeof(zeroes), tweak, &ref, false);
	KUNIT_EXPECT_MEMEQ(test, check, expect, sizeof(check));
}

/* It tells one bit of a key from another */
static void test_key_check_differs(struct kunit *test)
{
	u8 check[EVS_KEY_CHECK_SIZE], other[EVS_KEY_CHECK_SIZE];
	struct evs_cipher *cipher = test->priv;
	u8 dk[EVS_DK_SIZE];

	random_key(dk);
	KUNIT_ASSERT_EQ(test, 0, evs_cipher_setkey(cipher, dk));
	KUNIT_ASSERT_EQ(test, 0, evs_cipher_key_check(cipher, check));
	for (int bit = 0; bit < EVS_DK_SIZE * 8; bit += 37) {
		dk[bit / 8] ^= BIT(bit % 8);
		KUNIT_ASSERT_EQ(test, 0, evs_cipher_setkey(cipher, dk));
		KUNIT_ASSERT_EQ(test, 0, evs_cipher_key_check(cipher, other));
		KUNIT_EXPECT_MEMNEQ(test, check, other, sizeof(check));
		dk[bit / 8] ^= BIT(bit % 8);
	}
}

static struct kunit_case crypt_key_cases[] = {
	KUNIT_CASE(test_weak_key),
	KUNIT_CASE(test_key_check),
	KUNIT_CASE(test_key_check_differs),
	{}
};

static struct kunit_suite crypt_key_suite = {
	.name = "evs_crypt_key",
	.init = setup,
	.test_cases = crypt_key_cases,
};

kunit_test_suite(crypt_key_suite);
