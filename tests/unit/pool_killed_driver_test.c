// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs that attach disks for themselves, killed: see pool_killed.h. Only in a guest, by
 * tests/life/killed.t, as the kernel asks for their keys with the configuration in /etc.
 */
#include "pool_killed.h"

#define OTHER "other"
#define EVERY 9		/* of some 110 calls each */
#define HOURS 20	/* EVS_LONG from which on there is time for all of them */

static const char *const import[] = { "image", "import", "--format", "raw", "--cmk", "evs/default",
				      raw, "%/image:i1", NULL };
static const char *const copy[] = { "image", "copy", "--cmk", OTHER, "%/image:i1", "%/image:i2",
				    NULL };

static int set_up_guest(void **state)
{
	static const char *const other[] = { "cmk", "create", OTHER, NULL };
	char block[4096];
	unsigned int i;
	FILE *file;

	if (!getenv("EVS_VM"))
		return 0;
	if (set_up(state))
		return -1;
	file = fopen(raw, "r+e");
	for (i = 0; file && i < SIZE / sizeof(block); i++) {
		memset(block, (int)(i % 251), sizeof(block));
		if (fwrite(block, sizeof(block), 1, file) != 1)
			return -1;
	}
	if (!file || fclose(file) || (mkdir("/etc/evs", 0755) && errno != EEXIST) ||
	    symlink(getenv("EVS_CONF"), "/etc/evs/evs.conf"))
		return -1;
	must(other);
	return 0;
}

static int tear_down_guest(void **state)
{
	return getenv("EVS_VM") ? tear_down(state) : 0;
}

/* Its data is that of the file, once it is decrypted. */
static bool holds_data(const char *image)
{
	const char *const decrypt[] = { "image", "copy", "--plain", image, "%/image:plain", NULL };
	const char *const remove[] = { "image", "delete", "--yes", "%/image:plain", NULL };
	char command[256];
	int ret;

	must(decrypt);
	wait_detached();
	snprintf(command, sizeof(command), "cmp %s %s/image/plain/disk", raw, folder);
	ret = system(command);
	must(remove);
	return !ret;
}

static unsigned int every(void)
{
	const char *length = getenv("EVS_LONG");

	return length && atoi(length) >= HOURS ? 1 : EVERY;
}

static bool is_imported(void)
{
	struct evs_record record = {};

	if (!is_there("image:i1", &record))
		return false;
	assert_true(record.encrypted);
	assert_true(holds_data("%/image:i1"));
	return true;
}

static void test_import(void **state)
{
	(void)state;
	if (!getenv("EVS_VM"))
		skip();
	kill_everywhere(&(struct step){ .verb = import, .every = every(), .new = 1,
					.is_new = is_imported });
}

static void image(void)
{
	must(import);
	wait_detached();
}

static bool is_copied(void)
{
	struct evs_record from = {}, to = {};

	assert_true(is_there("image:i1", &from));
	if (!is_there("image:i2", &to))
		return false;
	assert_string_not_equal(to.id, from.id);
	assert_string_not_equal(to.cmk, from.cmk);
	assert_true(holds_data("%/image:i2"));
	return true;
}

static void test_copy(void **state)
{
	(void)state;
	if (!getenv("EVS_VM"))
		skip();
	kill_everywhere(&(struct step){ .prepare = image, .verb = copy, .every = every(),
					.old = 1, .new = 2, .is_new = is_copied });
}

/* Two of them attach a disk, and two more have it go with its last user. */
static void test_messages(void **state)
{
	(void)state;
	if (!getenv("EVS_VM"))
		skip();
	killed_only = SYS_sendmsg;
	kill_everywhere(&(struct step){ .prepare = image, .verb = copy, .every = 1,
					.old = 1, .new = 2, .is_new = is_copied });
	killed_only = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests_name("pool killed, with the driver", tests, set_up_guest,
					   tear_down_guest);
}
