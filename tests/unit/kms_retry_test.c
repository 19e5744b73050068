// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When the KMS client repeats an operation, and for how long: a back end that
 * plays a script, and a clock that moves only when somebody sleeps.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kms/clock.h"
#include "kms/backend.h"

#define NAPS_MAX 64

static int64_t now;
static long naps[NAPS_MAX];
static unsigned int nap_count;
static uint32_t chance;

/* What the next calls of the back end come to; the last one stands for all further. */
static struct step {
	enum evs_class class;
	bool transient;
	long retry_after;
} script[8];
static unsigned int steps, calls;

static int64_t fake_now(void)
{
	return now;
}

static void fake_sleep(long ms)
{
	assert_true(nap_count < NAPS_MAX);
	naps[nap_count++] = ms;
	now += ms;
}

static uint32_t fake_random(void)
{
	return chance;
}

static int play(struct evs_kms *kms, struct evs_error *err)
{
	const struct step *step = &script[calls < steps ? calls : steps - 1];

	calls++;
	if (step->class == EVS_CLASS_NONE)
		return 0;
	evs_error_set_class(err, step->class, "words");
	if (step->class != EVS_CLASS_KMS_BUSY)
		err->transient = step->transient;
	kms->retry_after = step->retry_after;
	return -err->errnum;
}

static int fake_describe(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	memset(cmk, 0, sizeof(*cmk));
	strcpy(cmk->id, ref);
	return play(kms, err);
}

static int fake_create(struct evs_kms *kms, const char *alias, const char *description,
		       char id[EVS_CMK_REF_SIZE], struct evs_error *err)
{
	(void)description;
	strcpy(id, alias);
	return play(kms, err);
}

static const struct evs_config_key no_keys[] = { {} };

static const struct evs_kms_ops fake_ops = {
	.name = "fake",
	.keys = no_keys,
	.describe_key = fake_describe,
	.create_key = fake_create,
};

static struct evs_kms *begin(const struct step *steps_wanted, unsigned int count)
{
	struct evs_config_kms cfg = { .name = "cloud", .ops = &fake_ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_kms *kms;

	memcpy(script, steps_wanted, count * sizeof(*script));
	steps = count;
	calls = 0;
	nap_count = 0;
	chance = 0;
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	return kms;
}

static const struct step busy = { EVS_CLASS_KMS_BUSY, true, -1 };
static const struct step unreachable = { EVS_CLASS_KMS_UNREACHABLE, true, -1 };
static const struct step fine = { EVS_CLASS_NONE, false, -1 };

static void test_recovers(void **state)
{
	const struct step plan[] = { busy, unreachable, busy, fine };
	struct evs_kms *kms = begin(plan, 4);
	struct evs_error err = {};
	struct evs_cmk cmk;

	(void)state;
	assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), 0);
	assert_int_equal(calls, 4);
	/* Half of 200, 400 and 800 ms, as chance has it nothing on top. */
	assert_int_equal(nap_count, 3);
	assert_int_equal(naps[0], 100);
	assert_int_equal(naps[1], 200);
	assert_int_equal(naps[2], 400);
	assert_int_equal(err.errnum, 0);
	evs_kms_close(kms);
}

static void test_jitter(void **state)
{
	const struct step plan[] = { busy, fine };
	struct evs_kms *kms = begin(plan, 2);
	struct evs_error err = {};
	struct evs_cmk cmk;
	uint32_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		chance = 0x12345678u * i;
		calls = 0;
		nap_count = 0;
		assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), 0);
		assert_in_range(naps[0], 100, 200);
		if (i)
			assert_int_not_equal(naps[0], 100);
	}
	evs_kms_close(kms);
}

/* However long the KMS stays away, the call ends within the 30 s. */
static void test_deadline(void **state)
{
	struct evs_kms *kms = begin(&busy, 1);
	struct evs_error err = {};
	int64_t start = now;
	struct evs_cmk cmk;
	unsigned int i;

	(void)state;
	assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), -EAGAIN);
	assert_int_equal(err.class, EVS_CLASS_KMS_BUSY);
	assert_non_null(strstr(err.text, "KMS cloud: cannot answer now"));
	assert_true(now - start < 30000);
	assert_true(now - start > 20000);
	assert_int_equal(calls, nap_count + 1);
	for (i = 1; i < nap_count; i++)
		assert_true(naps[i] >= naps[i - 1] && naps[i] <= 8000);
	evs_kms_close(kms);
}

static void test_retry_after(void **state)
{
	const struct step plan[] = { { EVS_CLASS_KMS_BUSY, true, 7 }, fine };
	struct evs_kms *kms = begin(plan, 2);
	struct evs_error err = {};
	struct evs_cmk cmk;

	(void)state;
	assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), 0);
	assert_int_equal(nap_count, 1);
	assert_in_range(naps[0], 7000, 7200);
	evs_kms_close(kms);
}

static void test_retry_after_too_long(void **state)
{
	static const long too_long[] = { 30, 31, 86400, INT64_MAX / 1000, LONG_MAX };
	struct step plan = { EVS_CLASS_KMS_BUSY, true, 0 };
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		plan.retry_after = too_long[i];
		kms = begin(&plan, 1);
		assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), -EAGAIN);
		assert_int_equal(calls, 1);
		assert_int_equal(nap_count, 0);
		evs_kms_close(kms);
	}
}

/* What another try cannot change is told at once. */
static void test_final(void **state)
{
	enum evs_class class;
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	for (class = EVS_CLASS_CMK_DISABLED; class < EVS_CLASS_COUNT; class++) {
		const struct step plan = { class, false, 3 };

		if (class == EVS_CLASS_KMS_BUSY)
			continue;
		kms = begin(&plan, 1);
		assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err),
				 -evs_class_errno(class));
		assert_int_equal(err.class, class);
		assert_int_equal(calls, 1);
		assert_int_equal(nap_count, 0);
		evs_kms_close(kms);
	}
}

/* A CMK whose creation got no answer may exist: making a second one helps nobody. */
static void test_create(void **state)
{
	struct evs_kms *kms = begin(&unreachable, 1);
	const struct step plan[] = { busy, fine };
	struct evs_error err = {};
	struct evs_cmk cmk;

	(void)state;
	assert_int_equal(evs_kms_create_key(kms, "k", NULL, &cmk, &err), -EHOSTUNREACH);
	assert_int_equal(calls, 1);
	evs_kms_close(kms);
	kms = begin(plan, 2);
	assert_int_equal(evs_kms_create_key(kms, "k", NULL, &cmk, &err), 0);
	assert_int_equal(calls, 3);
	evs_kms_close(kms);
}

/* An error of this host stays what it is, whatever its errno. */
static int fail_locally(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			struct evs_error *err)
{
	(void)kms;
	(void)ref;
	(void)cmk;
	return evs_error_set(err, ENOENT, "/etc/evs/secret: not there");
}

static void test_local_error(void **state)
{
	struct evs_kms_ops ops = fake_ops;
	struct evs_config_kms cfg = { .name = "cloud", .ops = &ops, .timeout = 30 };
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	ops.describe_key = fail_locally;
	assert_int_equal(evs_kms_open(&kms, &cfg, &err), 0);
	assert_int_equal(evs_kms_describe_key(kms, "k", &cmk, &err), -ENOENT);
	assert_string_equal(err.text, "KMS cloud: /etc/evs/secret: not there");
	evs_kms_close(kms);
}

/* What a back end has no operation for is refused by name. */
static void test_cannot(void **state)
{
	struct evs_kms *kms = begin(&fine, 1);
	struct evs_error err = {};
	struct evs_cmk *cmks, cmk;
	size_t count;

	(void)state;
	assert_int_equal(evs_kms_list_keys(kms, &cmks, &count, &err), -EOPNOTSUPP);
	assert_string_equal(err.text, "KMS cloud: cannot list CMKs: its backend is fake");
	assert_int_equal(evs_kms_disable_key(kms, "k", &cmk, &err), -EOPNOTSUPP);
	assert_int_equal(evs_kms_schedule_deletion(kms, "k", 7, &cmk, &err), -EOPNOTSUPP);
	assert_int_equal(evs_kms_cancel_deletion(kms, "k", &cmk, &err), -EOPNOTSUPP);
	assert_int_equal(evs_kms_rotate(kms, "k", &cmk, &err), -EOPNOTSUPP);
	assert_int_equal(calls, 0);
	evs_kms_close(kms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_retry_after_too_long),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_local_error),
		cmocka_unit_test(test_cannot),
	};

	evs_clock.now_ms = fake_now;
	evs_clock.sleep_ms = fake_sleep;
	evs_clock.random = fake_random;
	return cmocka_run_group_tests_name("kms_retry", tests, NULL, NULL);
}
