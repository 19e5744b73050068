// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys on their way between processes: only the receiver opens what was sealed. */
#include "common.h"

#include <errno.h>
#include <string.h>

#include "seal.h"
#include "secret.h"

#define SEALED_SIZE (EVS_DK_SIZE + EVS_SEAL_OVERHEAD)

static const unsigned char dk[EVS_DK_SIZE] = "as long as a data key, and one as far as this test can tell";

static void test_there_and_back(void **state)
{
	unsigned char sealed[SEALED_SIZE], again[SEALED_SIZE], back[EVS_DK_SIZE];
	struct evs_error err = {};
	struct evs_seal seal;

	(void)state;
	assert_int_equal(evs_seal_init(&seal, &err), 0);
	assert_int_equal(evs_seal_close(seal.public, dk, sizeof(dk), sealed, &err), 0);
	assert_int_equal(evs_seal_open(&seal, sealed, back, sizeof(back), &err), 0);
	assert_memory_equal(back, dk, sizeof(dk));
	/* Nothing of it twice */
	assert_int_equal(evs_seal_close(seal.public, dk, sizeof(dk), again, &err), 0);
	assert_memory_not_equal(sealed, again, EVS_SEAL_PUBLIC_SIZE);
	assert_memory_not_equal(sealed + EVS_SEAL_PUBLIC_SIZE, again + EVS_SEAL_PUBLIC_SIZE,
				EVS_DK_SIZE);
	evs_seal_exit(&seal);
}

static void test_every_byte_counts(void **state)
{
	static const unsigned char zeros[EVS_DK_SIZE];
	unsigned char sealed[SEALED_SIZE], back[EVS_DK_SIZE];
	struct evs_error err = {};
	struct evs_seal seal;
	size_t i;

	(void)state;
	assert_int_equal(evs_seal_init(&seal, &err), 0);
	assert_int_equal(evs_seal_close(seal.public, dk, sizeof(dk), sealed, &err), 0);
	for (i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		memset(back, 0xff, sizeof(back));
		assert_int_equal(evs_seal_open(&seal, sealed, back, sizeof(back), &err), -EBADMSG);
		assert_memory_equal(back, zeros, sizeof(zeros));
		sealed[i] ^= 1;
	}
	assert_int_equal(evs_seal_open(&seal, sealed, back, sizeof(back), &err), 0);
	evs_seal_exit(&seal);
}

static void test_another_receiver(void **state)
{
	unsigned char sealed[SEALED_SIZE], back[EVS_DK_SIZE];
	struct evs_seal seal, other;
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_seal_init(&seal, &err), 0);
	assert_int_equal(evs_seal_init(&other, &err), 0);
	assert_memory_not_equal(seal.public, other.public, sizeof(seal.public));
	assert_int_equal(evs_seal_close(seal.public, dk, sizeof(dk), sealed, &err), 0);
	assert_int_equal(evs_seal_open(&other, sealed, back, sizeof(back), &err), -EBADMSG);
	evs_seal_exit(&other);
	evs_seal_exit(&seal);
}

static void test_no_public_key(void **state)
{
	static const unsigned char zeros[EVS_SEAL_PUBLIC_SIZE];
	unsigned char sealed[SEALED_SIZE];
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_seal_close(zeros, dk, sizeof(dk), sealed, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_another_receiver),
		cmocka_unit_test(test_no_public_key),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
