// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-setup: options, operands, exit statuses, disks by name. */
#include "evs_setup.h"

static void test_bytes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "1K", 1024 },
		{ "3M", 3 << 20 },
		{ "16G", UINT64_C(16) << 30 },
		{ "2T", UINT64_C(2) << 40 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", " 1", "-1", "+1", "x", "1x", "1k", "1KiB", "K", "1.5G", "0x10",
		"18446744073709551616", "16777216T", "18014398509481984K",
	};
	struct evs_error err = {};
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(cli_bytes("--size", good[i].text, &bytes, &err), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(cli_bytes("--size", bad[i], &bytes, &err), -EINVAL);
		assert_non_null(strstr(err.text, "--size"));
		assert_int_equal(cli_exit_status(&err), CLI_EXIT_USAGE);
	}
}

static void test_sector_size(void **state)
{
	static const char *const bad[] = { "", "0", "1024", "4K", " 512", "512 ", "-512" };
	struct evs_error err = {};
	unsigned int size;
	size_t i;

	(void)state;
	assert_int_equal(cli_sector_size("512", &size, &err), 0);
	assert_int_equal(size, 512);
	assert_int_equal(cli_sector_size("4096", &size, &err), 0);
	assert_int_equal(size, 4096);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cli_sector_size(bad[i], &size, &err), -EINVAL);
}

static void test_serial(void **state)
{
	static const char *const bad[] = { "", "0", "-3", "@s", "12x", " 12", "2147483648",
					   "99999999999999999999" };
	struct evs_error err = {};
	int32_t serial;
	size_t i;

	(void)state;
	assert_int_equal(cli_serial("2147483647", &serial, &err), 0);
	assert_int_equal(serial, INT32_MAX);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cli_serial(bad[i], &serial, &err), -EINVAL);
}

/* Look at a command line, and run through the options; returns what the last call returned. */
static int parse_as(const struct verb *called, char *argv[], struct evs_error *err)
{
	int argc = 0, opt;

	while (argv[argc])
		argc++;
	*err = (struct evs_error){};
	if (cli_begin(called, argc, argv, err))
		return -err->errnum;
	while ((opt = cli_option(argc, argv, err)) > 0)
		;
	return opt;
}

static int parse(char *argv[], struct evs_error *err)
{
	return parse_as(&verb, argv, err);
}

static void test_options(void **state)
{
	char *good[] = { "verb", "operand", "--value", "x", "--flag", NULL };
	char *dashes[] = { "verb", "--flag", "--", "--value", NULL };
	struct evs_error err = {};
	const char *operand;

	(void)state;
	assert_int_equal(parse(good, &err), 0);
	assert_int_equal(cli_operand(5, good, "disk", &operand, &err), 0);
	assert_string_equal(operand, "operand");
	assert_int_equal(parse(dashes, &err), 0);
	assert_int_equal(cli_operand(4, dashes, "disk", &operand, &err), 0);
	assert_string_equal(operand, "--value");
}

static void test_options_bad(void **state)
{
	static struct {
		char *argv[5];
		const char *text;
	} bad[] = {
		{ { "verb", "--nosuch", "x" }, "unknown option --nosuch" },
		{ { "verb", "--value" }, "option --value needs an argument" },
		{ { "verb", "--flag=1" }, "option --flag=1 takes no argument" },
		{ { "verb", "-z" }, "unknown option -z" },
		{ { "verb", "--flag", "-fz", "x" }, "unknown option -z" },
		{ { "verb", "-o", "NAME" }, "unknown option -o" },
	};
	struct evs_error err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i].argv, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].text);
	}
}

/* What all verbs have in common is taken before they run, even behind a mistake. */
static void test_settings(void **state)
{
	char *common[] = { "verb", "-Jqv", "-f", "--help", NULL };
	char *table[] = { "verb", "-nrb", "-o", "NAME", NULL };
	char *mistake[] = { "verb", "--nosuch", "--json", NULL };
	char *value[] = { "verb", "--value", "--json", NULL };
	struct evs_error err;

	(void)state;
	assert_int_equal(parse(common, &err), 0);
	assert_true(cli_settings()->json && cli_settings()->quiet && cli_settings()->verbose &&
		    cli_settings()->help && !cli_settings()->raw);
	assert_int_equal(parse_as(&table_verb, table, &err), 0);
	assert_true(cli_settings()->no_headings && cli_settings()->raw && cli_settings()->bytes &&
		    !cli_settings()->json);
	assert_string_equal(cli_settings()->columns, "NAME");
	assert_int_equal(parse(mistake, &err), -EINVAL);
	assert_true(cli_settings()->json);
	assert_string_equal(err.text, "unknown option --nosuch");
	assert_int_equal(parse(value, &err), 0);
	assert_false(cli_settings()->json);
}

static void test_operands_bad(void **state)
{
	char *none[] = { "verb", NULL }, *empty[] = { "verb", "", NULL };
	char *two[] = { "verb", "a", "b", NULL };
	struct evs_error err = {};
	const char *operand;

	(void)state;
	assert_int_equal(parse(none, &err), 0);
	assert_int_equal(cli_no_operand(1, none, &err), 0);
	assert_int_equal(cli_operand(1, none, "disk", &operand, &err), -EINVAL);
	assert_string_equal(err.text, "disk is missing");
	assert_int_equal(parse(empty, &err), 0);
	assert_int_equal(cli_operand(2, empty, "disk", &operand, &err), -EINVAL);
	assert_int_equal(parse(two, &err), 0);
	assert_int_equal(cli_operand(3, two, "disk", &operand, &err), -EINVAL);
	assert_int_equal(cli_no_operand(3, two, &err), -EINVAL);
}

static void test_exit_status_class(void **state)
{
	static const enum cli_exit wanted[EVS_CLASS_COUNT] = {
		[EVS_CLASS_NONE] = CLI_EXIT_OK,
		[EVS_CLASS_CMK_DISABLED] = CLI_EXIT_REFUSED,
		[EVS_CLASS_CMK_PENDING_DELETION] = CLI_EXIT_REFUSED,
		[EVS_CLASS_CMK_DELETED] = CLI_EXIT_REFUSED,
		[EVS_CLASS_CMK_NO_MATERIAL] = CLI_EXIT_REFUSED,
		[EVS_CLASS_NO_PERMISSION] = CLI_EXIT_REFUSED,
		[EVS_CLASS_BAD_CREDENTIALS] = CLI_EXIT_REFUSED,
		[EVS_CLASS_KMS_UNREACHABLE] = CLI_EXIT_UNREACHABLE,
		[EVS_CLASS_KMS_BUSY] = CLI_EXIT_UNREACHABLE,
		[EVS_CLASS_WRONG_KEY] = CLI_EXIT_REFUSED,
		[EVS_CLASS_TAMPERED] = CLI_EXIT_REFUSED,
		[EVS_CLASS_DEFAULT_KEY_FORBIDDEN] = CLI_EXIT_REFUSED,
		[EVS_CLASS_ALIAS_EXISTS] = CLI_EXIT_BUSY,
		[EVS_CLASS_QUOTA] = CLI_EXIT_REFUSED,
		[EVS_CLASS_BAD_REQUEST] = CLI_EXIT_USAGE,
		[EVS_CLASS_PROTOCOL] = CLI_EXIT_UNREACHABLE,
	};
	struct evs_error err = {};
	int class;

	(void)state;
	for (class = EVS_CLASS_NONE + 1; class < EVS_CLASS_COUNT; class++) {
		err = (struct evs_error){};
		evs_error_set_class(&err, class, "text");
		assert_int_equal(cli_exit_status(&err), wanted[class]);
	}
	/* The KMS's own verdict, not a mistake that was found before */
	evs_error_set_class(&err, EVS_CLASS_BAD_REQUEST, "text");
	strcpy(err.code, "KMS.1201");
	assert_int_equal(cli_exit_status(&err), CLI_EXIT_REFUSED);
}

static void test_exit_status_errno(void **state)
{
	static const struct {
		int errnum;
		enum cli_exit status;
	} wanted[] = {
		{ 0, CLI_EXIT_OK },		  { EINVAL, CLI_EXIT_USAGE },
		{ ERANGE, CLI_EXIT_USAGE },	  { EPERM, CLI_EXIT_REFUSED },
		{ EKEYREJECTED, CLI_EXIT_REFUSED }, { ENOKEY, CLI_EXIT_REFUSED },
		{ ENOMEM, CLI_EXIT_INTERNAL },	  { EFAULT, CLI_EXIT_INTERNAL },
		{ ENOENT, CLI_EXIT_NO_DISK },	  { ENODEV, CLI_EXIT_NO_DISK },
		{ EUCLEAN, CLI_EXIT_NO_DISK },	  { EMEDIUMTYPE, CLI_EXIT_NO_DISK },
		{ EBADMSG, CLI_EXIT_NO_DISK },	  { EBUSY, CLI_EXIT_BUSY },
		{ EEXIST, CLI_EXIT_BUSY },	  { ENOPKG, CLI_EXIT_UNREACHABLE },
		{ EHOSTUNREACH, CLI_EXIT_UNREACHABLE },
	};
	struct evs_error err = {};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		evs_error_set(&err, wanted[i].errnum, "text");
		assert_int_equal(cli_exit_status(&err), wanted[i].status);
	}
}

static void test_match(void **state)
{
	const struct evs_disk disk = {
		.id = 12,
		.name = "data",
		.uuid = "6a0496ef-62a6-4963-960c-9a9d20739a38",
		.disk_dev = makedev(259, 4095),
	};
	const struct evs_disk raw = { .id = 1, .name = "evs1" };

	(void)state;
	assert_true(disks_match(&disk, "data"));
	assert_true(disks_match(&disk, "6a0496ef-62a6-4963-960c-9a9d20739a38"));
	assert_true(disks_match(&disk, "6A0496EF-62A6-4963-960C-9A9D20739A38"));
	assert_true(disks_match(&disk, "/dev/evs12"));
	assert_false(disks_match(&disk, "Data"));
	assert_false(disks_match(&disk, "dat"));
	assert_false(disks_match(&disk, "evs12"));
	assert_false(disks_match(&disk, "/dev/evs1"));
	assert_false(disks_match(&disk, "/dev/null"));
	assert_true(disks_match(&disk, "UUID=6a0496ef-62a6-4963-960c-9a9d20739a38"));
	assert_false(disks_match(&disk, "UUID="));
	assert_false(disks_match(&raw, "UUID="));
	assert_true(disks_match(&disk, "/dev/evs/data"));
	assert_false(disks_match(&disk, "/dev/evs/dat"));
	assert_true(disks_match(&raw, "evs1"));
	assert_false(disks_match(&raw, ""));
}

static void test_select(void **state)
{
	const struct evs_disk disks[] = {
		{ .id = 0, .name = "data", .state = EVS_DEV_STATE_DEAD },
		{ .id = 1, .name = "data", .uuid = "u" },
		{ .id = 2, .name = "u" },
		{ .id = 3, .name = "r", .state = EVS_DEV_STATE_REVOKED },
	};
	struct evs_disk disk;

	(void)state;
	assert_int_equal(select_disk(disks, 4, false, disks_match, "data", &disk), 1);
	assert_int_equal(disk.id, 1);
	assert_int_equal(select_disk(disks, 4, true, disks_match, "data", &disk), 1);
	assert_int_equal(disk.id, 0);
	assert_int_equal(select_disk(disks, 4, false, disks_match, "u", &disk), 2);
	assert_int_equal(select_disk(disks, 4, false, disks_match, "x", &disk), 0);
	/* A revoked disk still has its name. */
	assert_int_equal(select_disk(disks, 4, false, disks_match, "r", &disk), 1);
	assert_int_equal(select_disk(disks, 4, true, disks_match, "r", &disk), 0);
}

/* Who may call what: the driver asks for a capability, the key helper for root. */
static void test_needs(void **state)
{
	const struct verb nothing = {}, root = { .needs = VERB_NEEDS_ROOT };
	struct evs_error err = {};

	(void)state;
	assert_int_equal(cli_may_run(&nothing, &err), 0);
	assert_int_equal(cli_may_run(&root, &err), geteuid() ? -EPERM : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sector_size),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_options_bad),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_operands_bad),
		cmocka_unit_test(test_exit_status_class),
		cmocka_unit_test(test_exit_status_errno),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
