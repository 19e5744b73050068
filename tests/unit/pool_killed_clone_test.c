// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that clone, killed: see pool_killed.h. */
#include "pool_killed.h"

static const char *const create[] = { "create", "%/d1", "--size", "4M", NULL };
static const char *const create_plain[] = { "create", "%/d1", "--size", "4M", "--plain", NULL };
static const char *const snapshot[] = { "snapshot", "create", "--copy", "--no-freeze",
					"%/d1@s1", NULL };
static const char *const from_snapshot[] = { "create", "%/d2", "--from-snapshot", "%/d1@s1",
					     NULL };
/* As a file system needs it that cannot clone, such as that of this test on most machines */
static const char *const by_copy[] = { "create", "--copy", "%/d2", "--from-snapshot", "%/d1@s1",
				       NULL };
static const char *const image_by_copy[] = { "image", "create", "--copy", "%/image:i1", "--from",
					     "%/d1", NULL };
static const char *const image[] = { "image", "create", "%/image:i1", "--from", "%/d1@s1", NULL };
static const char *const rollback[] = { "snapshot", "rollback", "--yes", "%/d1@s1", NULL };

/* ---- data, which is read and written below the driver ---- */

static int open_data(const char *name, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/disk", folder, name);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The last bytes of a disk: behind the header, where it has one */
static void write_letter(char letter)
{
	int fd = open_data("d1", O_RDWR);

	assert_int_equal(pwrite(fd, &letter, 1, lseek(fd, 0, SEEK_END) - 1), 1);
	close(fd);
}

static char letter_of(const char *name)
{
	int fd = open_data(name, O_RDONLY);
	char letter;

	assert_int_equal(pread(fd, &letter, 1, lseek(fd, 0, SEEK_END) - 1), 1);
	close(fd);
	return letter;
}

/* ---- what is cloned ---- */

static void prepare(const char *const *verb)
{
	must(verb);
	write_letter('a');
	must(snapshot);
	write_letter('b');
}

static void plain(void)
{
	prepare(create_plain);
}

static void encrypted(void)
{
	prepare(create);
}

static void rewrapped(void)
{
	static const char *const rewrap[] = { "rewrap", "--cmk", "other", "%/d1", NULL };

	encrypted();
	must(rewrap);
}

/* ---- the verbs ---- */

/* Both are clones of the snapshot; no two headers have the same UUID. */
static bool is_cloned(void)
{
	struct evs_record disk = {}, made = {};
	const char *name = "d2";

	assert_true(is_there("d1", &disk));
	assert_int_equal(letter_of("d1"), 'b');
	if (!is_there(name, &made)) {
		name = "image/i1";
		if (!is_there("image:i1", &made))
			return false;
	}
	assert_int_equal(letter_of(name), 'a');
	assert_string_not_equal(made.id, disk.id);
	assert_string_equal(made.cmk, disk.cmk);
	return true;
}

static void test_clone_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = plain, .verb = from_snapshot, .every = one_of(2),
					.old = 2, .new = 3, .is_new = is_cloned });
}

static void test_clone(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = encrypted, .verb = from_snapshot, .every = one_of(8),
					.old = 2, .new = 3, .is_new = is_cloned });
}

static void test_image_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = plain, .verb = image, .every = one_of(3),
					.old = 2, .new = 3, .is_new = is_cloned });
}

static void test_image(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = encrypted, .verb = image, .every = one_of(11),
					.old = 2, .new = 3, .is_new = is_cloned });
}

static void test_copy_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = plain, .verb = by_copy, .every = one_of(3),
					.old = 2, .new = 3, .is_new = is_cloned });
}

static void test_copy(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = encrypted, .verb = by_copy, .every = one_of(9),
					.old = 2, .new = 3, .is_new = is_cloned });
}

/* Of the disk itself, which is claimed meanwhile */
static bool is_copied(void)
{
	struct evs_record disk = {}, made = {};

	assert_true(is_there("d1", &disk));
	assert_int_equal(letter_of("d1"), 'b');
	if (!is_there("image:i1", &made))
		return false;
	assert_int_equal(letter_of("image/i1"), 'b');
	assert_string_not_equal(made.id, disk.id);
	return true;
}

static void test_image_copy(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = encrypted, .verb = image_by_copy,
					.every = one_of(11), .old = 2, .new = 3,
					.is_new = is_copied });
}

static bool is_back(void)
{
	struct evs_record disk = {}, snap = {};

	assert_true(is_there("d1", &disk) && is_there("d1@s1", &snap));
	assert_string_equal(disk.id, snap.from);
	assert_int_equal(letter_of("d1/snapshot/s1"), 'a');
	return letter_of("d1") == 'a';
}

static void test_rollback_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .prepare = plain, .verb = rollback, .every = one_of(2),
					.old = 2, .new = 2, .is_new = is_back });
}

/* Old or new, the header is that of today, under the CMK that it was rewrapped to. */
static bool is_back_rewrapped(void)
{
	struct evs_record disk = {}, snap = {};

	assert_true(is_there("d1", &disk) && is_there("d1@s1", &snap));
	assert_string_not_equal(disk.cmk, snap.cmk);
	return is_back();
}

static void test_rollback(void **state)
{
	static const char *const other[] = { "cmk", "create", "other", NULL };

	(void)state;
	if (!geteuid())
		must(other);
	kill_everywhere(&(struct step){ .prepare = rewrapped, .verb = rollback,
					.every = one_of(8), .old = 2, .new = 2,
					.is_new = is_back_rewrapped });
}

/* ---- a file that holds an encrypted disk ---- */

static char file[112];

static bool is_imported(void)
{
	struct evs_record record = {};

	return is_there("image:i1", &record) && record.encrypted;
}

static void test_import(void **state)
{
	const char *const make[] = { "create", file, NULL };
	const char *const import[] = { "image", "import", "--format", "raw", file,
				       "%/image:i1", NULL };

	(void)state;
	if (!geteuid()) {
		snprintf(file, sizeof(file), "%s.encrypted", raw);
		assert_int_equal(truncate(raw, EVS_DATA_OFFSET + SIZE), 0);
		assert_int_equal(rename(raw, file), 0);
		must(make);
	}
	kill_everywhere(&(struct step){ .verb = import, .every = one_of(8), .new = 1,
					.is_new = is_imported });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone_plain),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_copy_plain),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_image_plain),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_copy),
		cmocka_unit_test(test_rollback_plain),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_import),
	};

	return cmocka_run_group_tests_name("pool killed, clones", tests, set_up, tear_down);
}
