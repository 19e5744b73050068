// SPDX-License-Identifier: GPL-2.0-or-later
/* Text from disks, KMSs and command lines, and what of it is printed. */
#include "common.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "stdfd.h"
#include "text.h"

#define FFFD "\xef\xbf\xbd"

/* @copy as it goes into JSON, @utf8 and @ascii as it is printed in such a locale */
static const struct {
	const char *text;
	const char *copy;
	const char *utf8;
	const char *ascii;
} rows[] = {
	{ "", "", "", "" },
	{ "a b\\x", "a b\\x", "a b\\x", "a b\\x" },
	{ "caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9", "caf\\xc3\\xa9" },
	{ "\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe", "\\xf0\\x9f\\x92\\xbe" },
	{ "a\n\t\x1b[m\x7f", "a   [m ", "a\\x0a\\x09\\x1b[m\\x7f", "a\\x0a\\x09\\x1b[m\\x7f" },
	/* C1, as a character and as a byte */
	{ "\xc2\x9b" "2J", FFFD "2J", "\\xc2\\x9b2J", "\\xc2\\x9b2J" },
	{ "\x9b" "2J", FFFD "2J", "\\x9b2J", "\\x9b2J" },
	/* Bytes that are no characters: Latin-1, cut, too long, surrogate, too large */
	{ "caf\xe9", "caf" FFFD, "caf\\xe9", "caf\\xe9" },
	{ "\xe2\x82", FFFD FFFD, "\\xe2\\x82", "\\xe2\\x82" },
	{ "\xc0\xaf", FFFD FFFD, "\\xc0\\xaf", "\\xc0\\xaf" },
	{ "\xed\xa0\x80", FFFD FFFD FFFD, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD, "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\xff\xfe", FFFD FFFD, "\\xff\\xfe", "\\xff\\xfe" },
	/* What breaks or reorders a line */
	{ "a\xe2\x80\xaet", "a" FFFD "t", "a\\xe2\\x80\\xaet", "a\\xe2\\x80\\xaet" },
	{ "a\xe2\x80\xa8t", "a" FFFD "t", "a\\xe2\\x80\\xa8t", "a\\xe2\\x80\\xa8t" },
	{ "a\xe2\x81\xa6t", "a" FFFD "t", "a\\xe2\\x81\\xa6t", "a\\xe2\\x81\\xa6t" },
};

#define COUNT (sizeof(rows) / sizeof(rows[0]))

static void test_copy(void **state)
{
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		evs_text_copy(text, sizeof(text), rows[i].text, strlen(rows[i].text));
		assert_string_equal(text, rows[i].copy);
		assert_true(evs_text_valid(text));
		assert_int_equal(evs_text_valid(rows[i].text),
				 !strcmp(rows[i].text, rows[i].copy));
	}
	/* Cut between characters, not in one */
	evs_text_copy(text, 4, "ab\xc3\xa9", 4);
	assert_string_equal(text, "ab");
	evs_text_copy(text, 5, "ab\xc3\xa9", 4);
	assert_string_equal(text, "ab\xc3\xa9");
	evs_text_copy(text, 3, "\xff", 1);
	assert_string_equal(text, "");
	memset(text, '#', sizeof(text));
	evs_text_copy(text, 4, "abcd", 4);
	assert_memory_equal(text, "abc\0#", 5);
	evs_text_copy(text, 1, "a", 1);
	assert_memory_equal(text, "\0bc", 3);
}

static void show_all(const char *locale, size_t column)
{
	char text[64];
	size_t i;

	assert_int_equal(setenv("LC_ALL", locale, 1), 0);
	evs_text_locale();
	for (i = 0; i < COUNT; i++) {
		evs_text_show(text, sizeof(text), rows[i].text);
		assert_string_equal(text, column ? rows[i].ascii : rows[i].utf8);
	}
}

static void test_show(void **state)
{
	char text[8];

	(void)state;
	show_all("C.UTF-8", 0);
	evs_text_show(text, 4, "ab\xc3\xa9");
	assert_string_equal(text, "ab");
	show_all("C", 1);
	show_all("no_such.locale", 1);
	evs_text_show(text, 6, "ab\x9b");
	assert_string_equal(text, "ab");
	evs_text_show(text, 7, "ab\x9b");
	assert_string_equal(text, "ab\\x9b");
	memset(text, '#', sizeof(text));
	evs_text_show(text, 4, "abcd");
	assert_memory_equal(text, "abc\0#", 5);
}

static void test_line(void **state)
{
	char text[64] = "";
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	evs_text_line(file, "%s: %d", "a\nb", 5);
	rewind(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "a\\x0ab: 5\n");
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
}

/* Closed descriptors stay as useless as they were, and nothing else gets their numbers. */
static void test_descriptors(void **state)
{
	int saved[3], fd, opened, failed = 0;
	char byte = 0;

	(void)state;
	for (fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
	failed |= evs_stdfd_open();
	opened = open("/dev/null", O_RDWR | O_CLOEXEC);
	failed |= opened < 3;
	failed |= read(0, &byte, 1) >= 0 || write(1, &byte, 1) >= 0 || write(2, &byte, 1) >= 0;
	close(opened);
	for (fd = 0; fd < 3; fd++) {
		if (saved[fd] >= 0)
			dup2(saved[fd], fd);
		else
			close(fd);
		close(saved[fd]);
	}
	assert_int_equal(failed, 0);
	/* What is open is left alone. */
	assert_int_equal(evs_stdfd_open(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
