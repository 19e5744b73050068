// SPDX-License-Identifier: GPL-2.0-or-later
/* What a request leaves in the memory that the next one gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/exchange.h"

/* A request with a body of @size letters comes and goes: the next has none of them. */
static void check_body(size_t size, bool too_long)
{
	static const unsigned char zeros[KMSD_BODY_MAX];
	static char text[KMSD_BODY_MAX + 1];
	struct kmsd_exchange *ex = kmsd_exchange_new();
	struct evs_secret *body;

	assert_non_null(ex);
	body = ex->body;
	memset(text, 'x', size);
	kmsd_exchange_take(ex, text, size / 2);
	kmsd_exchange_take(ex, text + size / 2, size - size / 2);
	assert_int_equal(ex->too_long, too_long);
	assert_memory_equal(text, zeros, size < sizeof(zeros) ? size : sizeof(zeros));
	assert_int_equal(body->data[size / 2 - 1], 'x');
	kmsd_exchange_free(ex);
	ex = kmsd_exchange_new();
	assert_ptr_equal(ex->body, body);
	assert_memory_equal(ex->body->data, zeros, sizeof(zeros));
	kmsd_exchange_free(ex);
}

static void test_body(void **state)
{
	(void)state;
	check_body(2, false);
	check_body(600, false);
	check_body(KMSD_BODY_MAX, false);
	check_body(KMSD_BODY_MAX + 1, true);
	kmsd_pool_trim();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
