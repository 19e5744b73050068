/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: keys with a data key, for tests
 */
#ifndef _EVS_TEST_DATA_KEY_H
#define _EVS_TEST_DATA_KEY_H

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/key.h>
#include <linux/key-type.h>
#include <linux/prandom.h>

#include "cipher.h"
#include "key.h"

#define KEY_PERM	(KEY_POS_ALL | KEY_USR_ALL)

/**
 * struct key_test - what each test here needs
 * @cipher: without a key
 * @dk: a good data key, with room behind it
 */
struct key_test {
	struct evs_cipher *cipher;
	u8 dk[EVS_DK_SIZE + 1];
};

KUNIT_DEFINE_ACTION_WRAPPER(put_key, key_put, struct key *);
KUNIT_DEFINE_ACTION_WRAPPER(put_handle, evs_key_destroy, struct key *);

static int setup(struct kunit *test)
{
	struct rnd_state rnd;
	struct key_test *kt;

	kt = kunit_kzalloc(test, sizeof(*kt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kt);
	test->priv = kt;
	prandom_seed_state(&rnd, 1619);
	prandom_bytes_state(&rnd, kt->dk, sizeof(kt->dk));

	kt->cipher = evs_cipher_alloc(512);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kt->cipher);
	own_cipher(test, kt->cipher);
	return 0;
}

/* A key without a payload, put when the test ends */
static struct key *alloc_key(struct kunit *test, struct key_type *type)
{
	struct key *key;

	key = key_alloc(type, "evs:kunit", GLOBAL_ROOT_UID, GLOBAL_ROOT_GID,
			current_cred(), KEY_PERM, KEY_ALLOC_NOT_IN_QUOTA, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, key);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_key, key));

	return key;
}

static struct key *make_key(struct kunit *test)
{
	struct key_test *kt = test->priv;
	struct key *key = alloc_key(test, &evs_key_type);

	KUNIT_ASSERT_EQ(test, 0,
			key_instantiate_and_link(key, kt->dk, EVS_DK_SIZE,
						 NULL, NULL));
	return key;
}

/* The way of an attach, until the handle is put by the test's end */
static int consume(struct kunit *test, struct key *key)
{
	struct key_test *kt = test->priv;
	int err = evs_key_consume(key, kt->cipher);

	if (!err)
		KUNIT_ASSERT_EQ(test, 0,
				kunit_add_action_or_reset(test, put_handle,
							  key_get(key)));
	return err;
}

#endif /* _EVS_TEST_DATA_KEY_H */
