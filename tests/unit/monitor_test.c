// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What monitor prints of an event. The program is no library, so its files are
 * included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/evs-setup/block/backing.c"
#include "../../userspace/evs-setup/block/claim.c"
#include "../../userspace/evs-setup/cli/cli.c"
#include "../../userspace/evs-setup/disk/journal.c"
#include "../../userspace/evs-setup/block/loop.c"
#include "../../userspace/evs-setup/block/mountinfo.c"
#include "../../userspace/evs-setup/block/program.c"
#include "../../userspace/evs-setup/disk/monitor.c"
#include "../../userspace/evs-setup/cli/out.c"
#include "../../userspace/evs-setup/block/stack.c"
#include "../../userspace/evs-setup/block/users.c"

/* Have standard output go to a file; returns what was there before. */
static int begin_output(void)
{
	FILE *file = tmpfile();
	int out;

	assert_non_null(file);
	fflush(stdout);
	out = dup(STDOUT_FILENO);
	assert_true(out >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
	fclose(file);
	return out;
}

/* What has been printed since */
static void end_output(int out, char *text, size_t size)
{
	ssize_t len;

	fflush(stdout);
	len = pread(STDOUT_FILENO, text, size - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
}

static const struct evs_event_msg io_error = {
	.event = EVS_EVENT_IO_ERROR,
	.cause = EVS_CAUSE_WRITE,
	.id = 3,
	.name = "a \"b\"",
	.size = UINT64_C(1) << 40,
	.state = EVS_DEV_STATE_LIVE,
	.errors = 17,
};

/* A line, with a time before the rest that is compared */
static void one_line(const struct evs_event_msg *event, enum form form, char *line, size_t size)
{
	struct evs_error err = {};
	int out = begin_output();

	assert_int_equal(print_event(event, form, &err), 0);
	end_output(out, line, size);
}

static void test_monitor_text(void **state)
{
	struct evs_event_msg event = io_error;
	char line[512];

	(void)state;
	one_line(&event, FORM_TEXT, line, sizeof(line));
	assert_memory_equal(line + strlen("2026-11-24T15:18:30.123"), "Z io-error ", 11);
	assert_string_equal(strchr(line, ' '),
			    " io-error cause=write state=live device=/dev/evs3 size=1099511627776"
			    " errors=17 uuid=- name=a \"b\"\n");
	strcpy(event.uuid, "c0ffee");
	one_line(&event, FORM_TEXT, line, sizeof(line));
	assert_non_null(strstr(line, " uuid=c0ffee name="));
	one_line(NULL, FORM_TEXT, line, sizeof(line));
	assert_string_equal(strchr(line, ' '), " events-lost\n");
}

static void test_monitor_json(void **state)
{
	struct evs_event_msg event = io_error;
	char line[512];

	(void)state;
	one_line(&event, FORM_JSON, line, sizeof(line));
	assert_memory_equal(line, "{\"time\":\"2", 10);
	assert_string_equal(strstr(line, "Z\""),
			    "Z\",\"event\":\"io-error\",\"cause\":\"write\",\"name\":\"a \\\"b\\\"\","
			    "\"device\":\"/dev/evs3\",\"uuid\":null,\"state\":\"live\","
			    "\"backing\":\"0:0\",\"size\":1099511627776,\"errors\":17}\n");
	strcpy(event.uuid, "c0ffee");
	one_line(&event, FORM_JSON, line, sizeof(line));
	assert_non_null(strstr(line, "\"uuid\":\"c0ffee\""));
	one_line(NULL, FORM_JSON, line, sizeof(line));
	assert_string_equal(strstr(line, "Z\""), "Z\",\"event\":\"events-lost\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monitor_text),
		cmocka_unit_test(test_monitor_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
