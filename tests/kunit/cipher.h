/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: a cipher, for tests
 */
#ifndef _EVS_TEST_CIPHER_H
#define _EVS_TEST_CIPHER_H

#include <kunit/test.h>
#include <linux/prandom.h>

#include "crypt.h"

static inline void free_cipher(void *cipher)
{
	evs_cipher_free(cipher);
}

/* It is freed when the test ends */
static inline void own_cipher(struct kunit *test, struct evs_cipher *cipher)
{
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_cipher, cipher));
}

/* The same key each time; for the caller to free, or for a disk to own */
static inline struct evs_cipher *make_cipher(struct kunit *test,
					     unsigned int unit)
{
	struct evs_cipher *cipher = evs_cipher_alloc(unit);
	struct rnd_state rnd;
	u8 dk[EVS_DK_SIZE];

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cipher);
	prandom_seed_state(&rnd, 1619);
	prandom_bytes_state(&rnd, dk, sizeof(dk));
	KUNIT_EXPECT_EQ(test, 0, evs_cipher_setkey(cipher, dk));
	return cipher;
}

#endif /* _EVS_TEST_CIPHER_H */
