// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: tests of the key type, from the data key's arrival to its end
 */
#include <crypto/aes-xts.h>
#include <keys/user-type.h>
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/key.h>
#include <linux/string.h>
#include <uapi/linux/keyctl.h>

#include "data-key.h"

static int instantiate(struct kunit *test, const void *data, size_t len)
{
	struct key *key = alloc_key(test, &evs_key_type);

	return key_instantiate_and_link(key, data, len, NULL, NULL);
}

/* The cipher does what the library does with the data key */
static void expect_cipher_has_dk(struct kunit *test)
{
	struct key_test *kt = test->priv;
	u8 tweak[AES_BLOCK_SIZE] = { 7 };
	struct evs_crypt_req *creq;
	struct aes_xts_key *ref;
	struct bvec_iter iter = { .bi_size = 512, .bi_sector = 7 };
	struct bio_vec bvec;
	u8 *got, *expect;

	creq = kunit_kmalloc(test, evs_crypt_req_size(kt->cipher), GFP_KERNEL);
	ref = kunit_kmalloc(test, sizeof(*ref), GFP_KERNEL);
	got = kunit_kzalloc(test, 512, GFP_KERNEL);
	expect = kunit_kzalloc(test, 512, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, creq && ref && got && expect);

	evs_crypt_req_init(creq, kt->cipher);
	bvec_set_virt(&bvec, got, 512);
	KUNIT_ASSERT_EQ(test, 0, evs_decrypt(kt->cipher, creq, &bvec, &iter));
	KUNIT_ASSERT_EQ(test, 0,
			aes_xts_preparekey(ref, kt->dk, EVS_DK_SIZE, 0));
	aes_xts_decrypt(expect, expect, 512, tweak, ref, false);
	KUNIT_EXPECT_MEMEQ(test, got, expect, 512);
}

static void test_payload_size(struct kunit *test)
{
	struct key_test *kt = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL, instantiate(test, NULL, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, instantiate(test, kt->dk, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, instantiate(test, kt->dk, 32));
	KUNIT_EXPECT_EQ(test, -EINVAL, instantiate(test, kt->dk, 63));
	KUNIT_EXPECT_EQ(test, 0, instantiate(test, kt->dk, 64));
	KUNIT_EXPECT_EQ(test, -EINVAL, instantiate(test, kt->dk, 65));
}

static void test_equal_halves(struct kunit *test)
{
	struct key_test *kt = test->priv;

	memcpy(kt->dk + 32, kt->dk, 32);
	KUNIT_EXPECT_EQ(test, -EKEYREJECTED, instantiate(test, kt->dk, 64));
	kt->dk[0] ^= 0x80;
	KUNIT_EXPECT_EQ(test, 0, instantiate(test, kt->dk, 64));
	kt->dk[0] ^= 0x80;
	kt->dk[63] ^= 1;
	KUNIT_EXPECT_EQ(test, 0, instantiate(test, kt->dk, 64));
}

/* What came in does not come out */
static void test_no_read(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, evs_key_type.read);
}

static void test_no_update(struct kunit *test)
{
	struct key_test *kt = test->priv;
	struct key *key = make_key(test);
	key_ref_t ref = make_key_ref(key, true);

	kt->dk[0]++;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			key_update(ref, kt->dk, EVS_DK_SIZE));
	kt->dk[0]--;
	KUNIT_ASSERT_EQ(test, 0, consume(test, key));
	expect_cipher_has_dk(test);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			key_update(ref, kt->dk, EVS_DK_SIZE));
	KUNIT_EXPECT_EQ(test, -ENOKEY, consume(test, key));
}

static void test_consume(struct kunit *test)
{
	struct key *key = make_key(test);

	KUNIT_ASSERT_EQ(test, 0, consume(test, key));
	expect_cipher_has_dk(test);
	KUNIT_EXPECT_NULL(test, key->payload.data[0]);
	KUNIT_EXPECT_EQ(test, 0, key_validate(key));
}

static void test_consume_twice(struct kunit *test)
{
	struct key *key = make_key(test);

	KUNIT_ASSERT_EQ(test, 0, consume(test, key));
	KUNIT_EXPECT_EQ(test, -ENOKEY, consume(test, key));
	/* The disk whose handle it is goes on */
	expect_cipher_has_dk(test);
	KUNIT_EXPECT_EQ(test, 0, key_validate(key));
}

/* A cipher that does not take the data key does not leave it behind either */
static void test_consume_refused(struct kunit *test)
{
	struct key *key = make_key(test);
	u8 *payload = key->payload.data[0];
	unsigned int users = refcount_read(&key->usage);

	memcpy(payload + 32, payload, 32);
	KUNIT_EXPECT_EQ(test, -EINVAL, consume(test, key));
	KUNIT_EXPECT_NULL(test, key->payload.data[0]);
	KUNIT_EXPECT_EQ(test, users, refcount_read(&key->usage));
	KUNIT_EXPECT_EQ(test, -ENOKEY, consume(test, key));
}

static void test_revoke(struct kunit *test)
{
	struct key *key = make_key(test);

	key_revoke(key);
	KUNIT_EXPECT_NULL(test, key->payload.data[0]);
	KUNIT_EXPECT_EQ(test, -EKEYREVOKED, consume(test, key));
}

static void test_expired(struct kunit *test)
{
	struct key *key = make_key(test);

	key->expiry = ktime_get_real_seconds() - 1;
	KUNIT_EXPECT_EQ(test, -EKEYEXPIRED, consume(test, key));
}

/* The module holds the handle of a disk, and lets nobody find it afterwards */
static void test_handle(struct kunit *test)
{
	struct key_test *kt = test->priv;
	struct key *key = make_key(test);
	unsigned int users = refcount_read(&key->usage);

	KUNIT_ASSERT_EQ(test, 0, evs_key_consume(key, kt->cipher));
	KUNIT_EXPECT_EQ(test, users + 1, refcount_read(&key->usage));
	evs_key_destroy(key_get(key));
	KUNIT_EXPECT_TRUE(test, test_bit(KEY_FLAG_INVALIDATED, &key->flags));
	KUNIT_EXPECT_EQ(test, -ENOKEY, key_validate(key));
}

/* Why a key cannot be had, or 0 */
static int get_error(key_serial_t serial)
{
	return PTR_ERR_OR_ZERO(evs_key_claim(serial));
}

static void test_get(struct kunit *test)
{
	struct key *key = make_key(test), *got;

	got = evs_key_claim(key_serial(key));
	KUNIT_ASSERT_PTR_EQ(test, key, got);
	key_put(got);

	key_revoke(key);
	KUNIT_EXPECT_EQ(test, -EKEYREVOKED, get_error(key_serial(key)));
}

/* A key is not waited for, since that may take as long as a KMS takes */
static void test_get_pending(struct kunit *test)
{
	struct key *key = alloc_key(test, &evs_key_type);

	KUNIT_ASSERT_EQ(test, -ENOKEY, get_error(key_serial(key)));
	/* So it is while /sbin/request-key runs */
	set_bit(KEY_FLAG_USER_CONSTRUCT, &key->flags);
	KUNIT_EXPECT_EQ(test, -ENOKEY, get_error(key_serial(key)));
	clear_bit(KEY_FLAG_USER_CONSTRUCT, &key->flags);

	KUNIT_ASSERT_EQ(test, 0,
			key_reject_and_link(key, 60, EHOSTUNREACH, NULL, NULL));
	KUNIT_EXPECT_EQ(test, -EHOSTUNREACH, get_error(key_serial(key)));
}

/* Root may end what hangs on a key, possessed or not, but not make use of it */
static void test_get_root(struct kunit *test)
{
	struct key *key = make_key(test), *got;

	key->perm = KEY_POS_ALL | KEY_USR_LINK;
	got = evs_key_claim(key_serial(key));
	KUNIT_ASSERT_PTR_EQ(test, key, got);
	key_put(got);

	KUNIT_EXPECT_EQ(test, key->perm & ~KEY_POS_ALL,
			KEY_USR_VIEW | KEY_USR_SEARCH | KEY_USR_SETATTR |
			KEY_USR_LINK);
	KUNIT_EXPECT_TRUE(test, test_bit(KEY_FLAG_ROOT_CAN_INVAL, &key->flags));
}

static void test_get_refused(struct kunit *test)
{
	struct key *logon = alloc_key(test, &key_type_logon);
	struct key *key = make_key(test);

	KUNIT_ASSERT_EQ(test, 0,
			key_instantiate_and_link(logon, "x", 1, NULL, NULL));
	KUNIT_EXPECT_EQ(test, -EKEYREJECTED, get_error(key_serial(logon)));
	KUNIT_EXPECT_EQ(test, -ENOKEY, get_error(0));
	KUNIT_EXPECT_EQ(test, -ENOKEY, get_error(KEY_SPEC_THREAD_KEYRING));

	key->perm &= ~(KEY_USR_LINK | KEY_GRP_LINK | KEY_OTH_LINK);
	KUNIT_EXPECT_EQ(test, -EACCES, get_error(key_serial(key)));
}

static struct kunit_case key_cases[] = {
	KUNIT_CASE(test_payload_size),
	KUNIT_CASE(test_equal_halves),
	KUNIT_CASE(test_no_read),
	KUNIT_CASE(test_no_update),
	KUNIT_CASE(test_consume),
	KUNIT_CASE(test_consume_twice),
	KUNIT_CASE(test_consume_refused),
	KUNIT_CASE(test_revoke),
	KUNIT_CASE(test_expired),
	KUNIT_CASE(test_handle),
	KUNIT_CASE(test_get),
	KUNIT_CASE(test_get_pending),
	KUNIT_CASE(test_get_root),
	KUNIT_CASE(test_get_refused),
	{}
};

static struct kunit_suite key_suite = {
	.name = "evs_key",
	.init = setup,
	.test_cases = key_cases,
};

kunit_test_suite(key_suite);
