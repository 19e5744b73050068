// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs on a pool, killed at every call to the kernel that can change something: the
 * next one finds what was there before, or what was to be, and nothing else. In a
 * folder of a file system that cannot clone files. An encrypted disk takes its time, so
 * its making is killed at some of the calls. Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include "pool_fixture.h"

#define SIZE (4 << 20)

static char raw[96];

static int set_up(void **state)
{
	FILE *file;

	(void)state;
	if (geteuid())
		return 0;
	if (pool_set_up(""))
		return -1;
	snprintf(raw, sizeof(raw), "%s/raw", kmsd.dir);
	file = fopen(raw, "we");
	return !file || ftruncate(fileno(file), SIZE) || fclose(file);
}

static int tear_down(void **state)
{
	(void)state;
	return geteuid() ? 0 : pool_tear_down();
}

static void clean(void)
{
	static const char *const delete[] = { "delete", "--yes", "--with-snapshots", "%/d1", NULL };
	static const char *const others[][5] = {
		{ "image", "delete", "--yes", "%/image:i1", NULL },
		{ "image", "delete", "--yes", "%/image:i2", NULL },
	};
	static const char *const names[] = { "image:i1", "image:i2" };
	struct evs_record record;
	size_t i;

	if (is_there("d1", &record))
		must(delete);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_there(names[i], &record))
			must(others[i]);
	assert_int_equal(settle(), 0);
}

/**
 * struct step - A verb, and what there is before and after it.
 * @before: what makes what it needs, or NULL
 * @verb: it
 * @every: kill it at each of so many calls
 * @old: objects before it
 * @new: objects after it
 */
struct step {
	const char *const *before;
	const char *const *verb;
	unsigned int every;
	unsigned int old;
	unsigned int new;
};

static void kill_everywhere(const struct step *step)
{
	unsigned int when, count, olds = 0, news = 0;
	bool more = true;

	skip_unless_killable();
	for (when = 1; more; when += step->every) {
		if (step->before)
			must(step->before);
		more = killed_before(start(true, step->verb), when);
		count = settle();
		if (count != step->old && count != step->new)
			fail_msg("killed at call %u: %u objects", when, count);
		olds += count == step->old;
		news += count == step->new;
		assert_true(more || count == step->new);
		clean();
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
}

static const char *const create[] = { "create", "%/d1", "--size", "4M", NULL };
static const char *const create_plain[] = { "create", "%/d1", "--size", "4M", "--plain", NULL };
static const char *const snapshot[] = { "snapshot", "create", "--copy", "--no-freeze",
					"%/d1@s1", NULL };
static const char *const delete[] = { "delete", "--yes", "%/d1", NULL };

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
	kill_everywhere(&(struct step){ .before = create_plain, .verb = snapshot, .every = 1,
					.old = 1, .new = 2 });
}

static void test_delete(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .before = create_plain, .verb = delete, .every = 1,
					.old = 1 });
}

/* ---- images ---- */

static const char *const import[] = { "image", "import", "--plain", "--format", "raw", raw,
				      "%/image:i1", NULL };

static void test_import(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = import, .every = one_of(4), .new = 1 });
}

static void test_copy(void **state)
{
	static const char *const copy[] = { "image", "copy", "%/image:i1", "%/image:i2", NULL };

	(void)state;
	kill_everywhere(&(struct step){ .before = import, .verb = copy, .every = one_of(4), .old = 1,
					.new = 2 });
}

/* The record, the header and the size agree whenever it is killed. */
static void test_resize(void **state)
{
	static const char *const resize[] = { "resize", "%/d1", "--size", "8M", NULL };
	struct evs_record record;
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
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests_name("pool killed", tests, set_up, tear_down);
}
