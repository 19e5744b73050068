// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data key that was checked last is not derived anew for the next disk that has it: no
 * other key may pass for it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "rewraps.h"
#include "volume_fixture.h"

static struct evs_secret *keys[2];
static struct evs_volume *vols[2];
static struct evs_rewraps rewraps;
static struct evs_error err;

/* A disk of each of two data keys; what is read of them stays when the file is gone. */
static int set_up(void **state)
{
	static const char *const uuids[] = { "6a0496ef-62a6-4963-960c-9a9d20739a38",
					     "0b8f0f3c-7f0a-4c07-9f0e-7f4f6d0c9a11" };
	struct evs_token token = { .kms = "local", .cmk = "cmk", .wrapped_dk = "00ff" };
	char path[] = "/dev/shm/evs-rewraps-XXXXXX";
	size_t i, at;

	(void)state;
	close(mkstemp(path));
	for (i = 0; i < 2; i++) {
		const struct evs_format fmt = { .uuid = uuids[i] };

		keys[i] = evs_secret_alloc(EVS_DK_SIZE);
		assert_non_null(keys[i]);
		for (at = 0; at < EVS_DK_SIZE; at++)
			keys[i]->data[at] = (unsigned char)((2 * i + 3) * at + i);
		if (truncate(path, 0) || truncate(path, EVS_DATA_OFFSET + (1 << 20)))
			return -1;
		if (format_path(path, &fmt, &token, keys[i], &err) ||
		    evs_volume_read(&vols[i], path, 0, &err))
			fail_msg("%s", err.text);
	}
	return unlink(path);
}

static int tear_down(void **state)
{
	size_t i;

	(void)state;
	evs_rewraps_close(&rewraps);
	for (i = 0; i < 2; i++) {
		evs_volume_close(vols[i]);
		evs_secret_free(keys[i]);
	}
	return 0;
}

static int check(size_t vol, size_t key)
{
	err = (struct evs_error){};
	return evs_rewraps_check(&rewraps, vols[vol], keys[key], &err);
}

static void test_first(void **state)
{
	(void)state;
	assert_int_not_equal(check(0, 1), 0);
	assert_int_equal(check(0, 0), 0);
	assert_int_equal(check(0, 0), 0);
}

/* The header is the same as a moment ago, but the key is not. */
static void test_wrong_key(void **state)
{
	(void)state;
	assert_int_equal(check(0, 0), 0);
	assert_int_not_equal(check(0, 1), 0);
	assert_int_not_equal(check(0, 1), 0);
	assert_int_equal(check(0, 0), 0);
}

/* The key is the same as a moment ago, but it is not that of this disk. */
static void test_wrong_disk(void **state)
{
	(void)state;
	assert_int_equal(check(0, 0), 0);
	assert_int_not_equal(check(1, 0), 0);
	assert_int_equal(check(1, 1), 0);
	assert_int_not_equal(check(0, 1), 0);
	assert_int_equal(check(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_wrong_disk),
	};

	return cmocka_run_group_tests_name("rewraps", tests, set_up, tear_down);
}
