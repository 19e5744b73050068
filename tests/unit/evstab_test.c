// SPDX-License-Identifier: GPL-2.0-or-later
/* The parser of /etc/evstab: good lines, bad lines, any bytes. */
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

#include "evstab.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"

static void parse(struct evstab *tab, const char *text)
{
	struct evs_error err = {};

	assert_int_equal(evstab_parse(tab, "tab", text, strlen(text), &err), 0);
}

static void test_shape(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "  \t # another one\n"
				   "data /dev/sdb\n"
				   "\t db-1 \t UUID=" UUID " \t read-only,discard \t\n"
				   "last LABEL=x nofail";
	struct evs_error err = {};
	struct evstab tab;

	(void)state;
	parse(&tab, text);
	assert_int_equal(tab.count, 3);
	assert_int_equal(tab.entries[0].line, 4);
	assert_null(tab.entries[0].bad);
	assert_string_equal(tab.entries[0].name, "data");
	assert_string_equal(tab.entries[0].device, "/dev/sdb");
	assert_int_equal(tab.entries[1].line, 5);
	assert_string_equal(tab.entries[1].name, "db-1");
	assert_string_equal(tab.entries[1].device, "UUID=" UUID);
	assert_true(tab.entries[1].read_only);
	assert_true(tab.entries[1].discard);
	assert_false(tab.entries[1].nofail);
	assert_string_equal(tab.entries[2].name, "last");
	assert_true(tab.entries[2].nofail);

	assert_ptr_equal(evstab_find(&tab, "db-1", &err), &tab.entries[1]);
	assert_null(evstab_find(&tab, "db", &err));
	assert_int_equal(err.errnum, ENODEV);
	assert_string_equal(err.text, "db: is not in tab");
	evstab_free(&tab);
	parse(&tab, "");
	assert_int_equal(tab.count, 0);
	evstab_free(&tab);
}

static void test_options(void **state)
{
	struct evstab tab;

	(void)state;
	parse(&tab, "a /a readonly,no-partscan,noauto,_netdev,x-initrd.attach,x-systemd.device-timeout=1min30s\n"
		    "b /b x-systemd.device-timeout=infinity,x-initrd.attach=driver\n"
		    "c /c x-systemd.device-timeout=0\n"
		    "d /d\n"
		    "e /e kms=hsm-1,cmk=a:b\\054c,nofail\n");
	assert_int_equal(tab.count, 5);
	assert_null(tab.entries[0].bad);
	assert_true(tab.entries[0].read_only);
	assert_true(tab.entries[0].no_partscan);
	assert_true(tab.entries[0].noauto);
	assert_true(tab.entries[0].initrd);
	assert_true(tab.entries[0].netdev);
	assert_false(tab.entries[0].discard);
	assert_false(tab.entries[0].nofail);
	assert_string_equal(tab.entries[0].device_timeout, "1min30s");
	assert_null(tab.entries[1].bad);
	assert_true(tab.entries[1].initrd);
	assert_false(tab.entries[2].initrd);
	assert_string_equal(tab.entries[1].device_timeout, "infinity");
	assert_null(tab.entries[2].bad);
	assert_false(tab.entries[3].read_only);
	assert_string_equal(tab.entries[3].device_timeout, "");
	assert_string_equal(tab.entries[3].kms, "");
	assert_string_equal(tab.entries[3].cmk, "");
	assert_null(tab.entries[4].bad);
	assert_string_equal(tab.entries[4].kms, "hsm-1");
	assert_string_equal(tab.entries[4].cmk, "a:b,c");
	assert_true(tab.entries[4].nofail);
	evstab_free(&tab);
}

/* A comma too many, as a program or a hand leaves it */
static void test_empty_options(void **state)
{
	static const char *const options[] = {
		"nofail,", ",nofail", ",,nofail,,", "noauto,,nofail", "nofail,,noauto,",
	};
	struct evstab tab;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		snprintf(text, sizeof(text), "a /d %s\n", options[i]);
		parse(&tab, text);
		assert_int_equal(tab.count, 1);
		assert_null(tab.entries[0].bad);
		assert_true(tab.entries[0].nofail);
		assert_int_equal(tab.entries[0].noauto, strstr(options[i], "noauto") != NULL);
		evstab_free(&tab);
	}
	parse(&tab, "a /d ,\n");
	assert_int_equal(tab.count, 1);
	assert_null(tab.entries[0].bad);
	assert_false(tab.entries[0].nofail);
	evstab_free(&tab);
}

static void test_bad(void **state)
{
	static const struct {
		const char *line;
		const char *why;
	} bad[] = {
		{ "x", "x has no device" },
		{ "x /d nosuch", "unknown option \"nosuch\"" },
		{ "x /d nofail=1", "unknown option \"nofail=1\"" },
		{ "x /d NOFAIL", "unknown option \"NOFAIL\"" },
		{ "x /d nofail discard", "\"discard\" is too much" },
		{ "x dev", "\"dev\" is no device" },
		{ "x p/d", "p/d: the name of this disk is p:d" },
		{ "p:d p/d@s", "\"p/d@s\" is no device" },
		{ "p:d P/d", "\"P/d\" is no device" },
		{ "p:d p/d/e", "\"p/d/e\" is no device" },
		{ "p:image:d p/image:d", "\"p/image:d\" is no device" },
		{ "x UUID=", "\"UUID=\" is no device" },
		{ "x uuid=1", "\"uuid=1\" is no device" },
		{ "x ID=1", "\"ID=1\" is no device" },
		{ "x /a\\40b", "three octal digits" },
		{ "x /a\\", "three octal digits" },
		{ "x /a\\012", "three octal digits" },
		{ "x /a\\400", "three octal digits" },
		{ "x/y /d", "\"x/y\" cannot be a name" },
		{ ".. /d", "\"..\" cannot be a name" },
		{ "a%b /d", "\"a%b\" cannot be a name" },
		{ "by-label /d", "\"by-label\" cannot be a name" },
		{ "x\001 /d", "control characters" },
		{ "# x\033[2J", "control characters" },
		{ "x /d x-systemd.device-timeout=", "no time span" },
		{ "x /d x-systemd.device-timeout=s", "no time span" },
		{ "x /d x-systemd.device-timeout=5y", "no time span" },
		{ "x /d x-systemd.device-timeout=5minutes", "no time span" },
		{ "x /d x-systemd.device-timeout=-1", "no time span" },
		{ "x /d x-systemd.device-timeout=1.5s", "no time span" },
		{ "x /d x-systemd.device-timeout", "unknown option" },
		{ "x /d kms=", "not the name of a KMS" },
		{ "x /d kms=a/b", "not the name of a KMS" },
		{ "x /d kms", "unknown option" },
		{ "x /d cmk=", "not the id of a CMK" },
		{ "x /d cmk=a\\040b", "not the id of a CMK" },
		{ "x /d cmk=a\\54", "not the id of a CMK" },
	};
	struct evstab tab;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "\nok /dev/a\n%s\nok2 /dev/b\n", bad[i].line);
		parse(&tab, text);
		assert_int_equal(tab.count, 3);
		assert_null(tab.entries[0].bad);
		assert_non_null(tab.entries[1].bad);
		assert_non_null(strstr(tab.entries[1].bad, bad[i].why));
		assert_int_equal(strncmp(tab.entries[1].bad, "tab:3: ", 7), 0);
		assert_null(tab.entries[2].bad);
		assert_int_equal(tab.entries[2].line, 4);
		evstab_free(&tab);
	}
}

static void test_twice(void **state)
{
	struct evs_error err = {};
	struct evstab tab;

	(void)state;
	parse(&tab, "a /x\nb /y nosuch\na /z\nb /w\n");
	assert_int_equal(tab.count, 4);
	assert_string_equal(tab.entries[2].bad, "tab:3: a is in line 1 already");
	assert_string_equal(tab.entries[3].bad, "tab:4: b is in line 2 already");
	assert_ptr_equal(evstab_find(&tab, "a", &err), &tab.entries[0]);
	/* A name of which there is only a bad line: the reason is that line's */
	assert_null(evstab_find(&tab, "b", &err));
	assert_int_equal(err.errnum, EINVAL);
	assert_string_equal(err.text, "tab:2: unknown option \"nosuch\"");
	evstab_free(&tab);
}

static void test_long(void **state)
{
	char text[EVSTAB_DEVICE_MAX + 64], name[EVSTAB_NAME_MAX + 2];
	struct evstab tab;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "%s /d\n%s /d\n", name, name + 1);
	parse(&tab, text);
	assert_non_null(tab.entries[0].bad);
	assert_non_null(strstr(tab.entries[0].bad, "longer than 63"));
	assert_null(tab.entries[1].bad);
	evstab_free(&tab);

	memset(text, 'd', sizeof(text));
	memcpy(text, "x /", 3);
	text[sizeof(text) - 1] = '\0';
	parse(&tab, text);
	assert_non_null(tab.entries[0].bad);
	evstab_free(&tab);
	text[3 + EVSTAB_DEVICE_MAX - 1] = '\0';
	parse(&tab, text);
	assert_null(tab.entries[0].bad);
	evstab_free(&tab);
}

static void test_link(void **state)
{
	static const struct {
		const char *device;
		const char *path;
	} good[] = {
		{ "/dev/sdb1", "/dev/sdb1" },
		{ "/srv/my\\040disk", "/srv/my disk" },
		{ "UUID=6A0496EF-62a6-4963-960c-9a9d20739a38", "/dev/disk/by-uuid/" UUID },
		{ "LABEL=a\\040b/c", "/dev/disk/by-label/a\\x20b\\x2fc" },
		{ "PARTUUID=ABCD", "/dev/disk/by-partuuid/abcd" },
		{ "PARTLABEL=Data", "/dev/disk/by-partlabel/Data" },
	};
	char text[256], path[64], tiny[8];
	struct evs_error err = {};
	struct evstab tab;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(text, sizeof(text), "x %s", good[i].device);
		parse(&tab, text);
		assert_null(tab.entries[0].bad);
		assert_int_equal(evstab_link(&tab.entries[0], path, sizeof(path), &err), 0);
		assert_string_equal(path, good[i].path);
		assert_int_equal(evstab_link(&tab.entries[0], tiny, sizeof(tiny), &err),
				 -ENAMETOOLONG);
		evstab_free(&tab);
	}
}

static void test_resolve(void **state)
{
	struct evs_error err = {};
	struct evstab tab;
	char *path;

	(void)state;
	parse(&tab, "a /no/such\nb UUID=00000000-0000-4000-8000-000000000000\n");
	assert_int_equal(evstab_resolve(&tab.entries[0], &path, &err), 0);
	assert_string_equal(path, "/no/such");
	free(path);
	assert_false(tab.entries[0].in_pool);
	assert_int_equal(evstab_resolve(&tab.entries[1], &path, &err), -ENODEV);
	assert_non_null(strstr(err.text, "UUID=00000000-0000-4000-8000-000000000000"));
	evstab_free(&tab);
	parse(&tab, "pool:disk-1 pool/disk-1 noauto\n");
	assert_null(tab.entries[0].bad);
	assert_true(tab.entries[0].in_pool);
	assert_true(tab.entries[0].noauto);
	assert_int_equal(evstab_resolve(&tab.entries[0], &path, &err), 0);
	assert_string_equal(path, "pool/disk-1");
	free(path);
	evstab_free(&tab);
}

static void test_load(void **state)
{
	char path[] = "/tmp/evstab-XXXXXX";
	struct evs_error err = {};
	struct evstab tab;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a /d\n", 5), 5);
	setenv("EVSTAB", path, 1);
	assert_int_equal(evstab_load(&tab, &err), 0);
	assert_int_equal(tab.count, 1);
	assert_string_equal(tab.path, path);
	evstab_free(&tab);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	assert_int_equal(evstab_load(&tab, &err), -EINVAL);
	close(fd);
	unlink(path);
	/* One that is named must be there. */
	assert_int_equal(evstab_load(&tab, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	unsetenv("EVSTAB");
}

/* Whatever bytes: no crash, and each entry is either good or says why not. */
static void test_noise(void **state)
{
	static const char bytes[] = "a/\\0 4\t,#=\n\n  xUUID=nofail-.\x80\xff\x00\x01";
	struct evs_error err = {};
	struct evstab tab;
	uint32_t seed = 1;
	char text[400];
	size_t i, round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		for (i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = bytes[(seed >> 16) % sizeof(bytes)];
		}
		assert_int_equal(evstab_parse(&tab, "t", text, sizeof(text), &err), 0);
		for (i = 0; i < tab.count; i++)
			assert_true(tab.entries[i].bad ||
				    (*tab.entries[i].name && *tab.entries[i].device));
		evstab_free(&tab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),	cmocka_unit_test(test_options),
		cmocka_unit_test(test_empty_options),
		cmocka_unit_test(test_bad),	cmocka_unit_test(test_twice),
		cmocka_unit_test(test_long),	cmocka_unit_test(test_link),
		cmocka_unit_test(test_resolve), cmocka_unit_test(test_load),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("evstab", tests, NULL, NULL);
}
