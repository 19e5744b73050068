// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that make and remove what has no source, killed: see pool_killed.h. */
#include "pool_killed.h"

static const char *const create[] = { "create", "%/d1", "--size", "4M", NULL };
static const char *const create_plain[] = { "create", "%/d1", "--size", "4M", "--plain", NULL };
static const char *const snapshot[] = { "snapshot", "create", "%/d1@s1", NULL };
static const char *const by_copy[] = { "snapshot", "create", "--copy", "--no-freeze",
				       "%/d1@s1", NULL };
static const char *const delete[] = { "delete", "--yes", "%/d1", NULL };

static void disk(void)
{
	must(create_plain);
}

static void test_create(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = create, .every = 8, .new = 1 });
}

static void test_create_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = create_plain, .every = 1, .new = 1 });
}

static void test_snapshot(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = disk, .verb = snapshot, .every = 1,
					.old = 1, .new = 2 });
}

static void test_by_copy(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = disk, .verb = by_copy, .every = one_of(2),
					.old = 1, .new = 2 });
}

static void test_delete(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = disk, .verb = delete, .every = 1,
					.old = 1 });
}

/* ---- images ---- */

static const char *const import[] = { "image", "import", "--plain", "--format", "raw", raw,
				      "%/image:i1", NULL };

static void image(void)
{
	must(import);
}

static void test_import(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = import, .every = one_of(4), .new = 1 });
}

static void test_copy(void **state)
{
	static const char *const copy[] = { "image", "copy", "%/image:i1", "%/image:i2", NULL };

	(void)state;
	kill_everywhere(&(struct step){ .prepare = image, .verb = copy, .every = one_of(4), .old = 1,
					.new = 2 });
}

/* The record, the header and the size agree whenever it is killed. */
static void test_resize(void **state)
{
	static const char *const resize[] = { "resize", "%/d1", "--size", "8M", NULL };
	struct evs_record record = {};
	unsigned int when;
	bool more = true;

	(void)state;
	skip_unless_killable();
	must(create_plain);
	for (when = 1; more; when++) {
		more = killed_before(start(true, resize), when);
		assert_int_equal(settle(), 1);
		assert_true(is_there("d1", &record));
		assert_true(record.size == SIZE || record.size == 2 * SIZE);
		if (record.size == SIZE)
			continue;
		clean();
		must(create_plain);
	}
	clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_plain),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_by_copy),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests_name("pool killed", tests, set_up, tear_down);
}
