// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "error.h"
#include "text.h"

static void test_set(void **state)
{
	struct evs_error err = { .class = EVS_CLASS_QUOTA, .code = "KMS.1105" };

	(void)state;
	assert_int_equal(evs_error_set(&err, ENOENT, "%s: %d", "file", 7), -ENOENT);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(err.class, EVS_CLASS_NONE);
	assert_string_equal(err.code, "");
	assert_string_equal(err.text, "file: 7");
}

static void test_set_class_keeps_code(void **state)
{
	struct evs_error err = { .code = "KMS.0209", .request_id = "id" };

	(void)state;
	assert_int_equal(evs_error_set_class(&err, EVS_CLASS_CMK_DISABLED, "disabled"),
			 -EKEYREVOKED);
	assert_string_equal(err.code, "KMS.0209");
	assert_string_equal(err.request_id, "id");
}

static void test_prefix(void **state)
{
	struct evs_error err = {};
	char wide[2000];

	(void)state;
	evs_error_set_class(&err, EVS_CLASS_TAMPERED, "inner");
	assert_int_equal(evs_error_prefix(&err, "outer %d", 1), -EBADMSG);
	assert_string_equal(err.text, "outer 1: inner");
	/* The old text itself may be an argument, and anything may be too long. */
	evs_error_set(&err, EIO, "again: %s", err.text);
	assert_string_equal(err.text, "again: outer 1: inner");
	memset(wide, 'x', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	evs_error_set(&err, EIO, "%s", wide);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	evs_error_prefix(&err, "%s", wide);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* The errno carries the class through the kernel, so it must lead back. */
static void test_classes_and_errnos(void **state)
{
	enum evs_class class;

	(void)state;
	for (class = EVS_CLASS_NONE + 1; class < EVS_CLASS_COUNT; class++)
		assert_int_equal(evs_class_from_errno(evs_class_errno(class)), class);
	assert_int_equal(evs_class_errno(EVS_CLASS_NONE), EIO);
	assert_int_equal(evs_class_from_errno(EIO), EVS_CLASS_NONE);
	assert_int_equal(evs_class_errno(EVS_CLASS_WRONG_KEY), EKEYREJECTED);
	assert_int_equal(evs_class_errno(EVS_CLASS_CMK_PENDING_DELETION), EKEYEXPIRED);
}

static void test_text_copy(void **state)
{
	char text[8];

	(void)state;
	evs_text_copy(text, sizeof(text), "a\x1b[1m\n\x7fz", 8);
	assert_string_equal(text, "a [1m  ");
	evs_text_copy(text, sizeof(text), "abc", 2);
	assert_string_equal(text, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_class_keeps_code),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_classes_and_errnos),
		cmocka_unit_test(test_text_copy),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
