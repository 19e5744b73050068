/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A KMS in this process and its audit log, read, checked and changed by the test. */
#ifndef KMSD_AUDIT_TEST_H
#define KMSD_AUDIT_TEST_H

#include "kmsd_fixture.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/flood.h"
#include "fault.h"
#include "pool.h"

static struct fixture f;
UNUSED static const struct kmsd_filter all;
static char log_path[160], db_path[160];
static off_t on_disk;		/* so much of the log, and maybe more */
static bool others_note;	/* somebody uses a key while the disk is waited for */

UNUSED static off_t log_size(void)
{
	struct stat st;

	assert_int_equal(stat(log_path, &st), 0);
	return st.st_size;
}

UNUSED static void note(void)
{
	const struct kmsd_event event = {
		.text = { [KMSD_EV_NAME] = "createDataKey", [KMSD_EV_CLIENT] = "other" },
		.status = 200,
	};
	struct evs_error err = {};

	assert_int_equal(kmsd_audit_note(f.kmsd.audit, &event, &err), 0);
}

/* In place of the C library's, for SQLite as well */
int fdatasync(int fd)
{
	struct stat log, file;

	if (!stat(log_path, &log) && !fstat(fd, &file) && log.st_ino == file.st_ino) {
		on_disk = file.st_size;
		if (others_note) {
			others_note = false;
			note();
		}
	}
	return (int)syscall(SYS_fdatasync, fd);
}

UNUSED static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	snprintf(log_path, sizeof(log_path), "%s/audit.log", f.state);
	snprintf(db_path, sizeof(db_path), "%s/kms.db", f.state);
	return 0;
}

UNUSED static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

UNUSED static char *read_log(size_t *size)
{
	FILE *file = fopen(log_path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	*size = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

UNUSED static void write_log(const char *text, size_t size)
{
	FILE *file = fopen(log_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

UNUSED static int verify(int64_t *count)
{
	struct evs_error err = {};
	struct kmsd_span span = {};
	int ret = kmsd_audit_verify(log_path, NULL, 0, db_path, &span, &err);

	*count = span.last;
	if (ret)
		assert_non_null(strstr(err.text, log_path));
	return ret;
}

UNUSED static void some_traffic(void)
{
	char *key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");

	call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", key);
	call_refused(&f, 400, "KMS.0209", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
	call_done(&f, "schedule-key-deletion", "{\"key_id\":\"%s\",\"pending_days\":7}", key);
	free(call_ok(&f, "total", "list-keys", "{}"));	/* leaves no trace */
	free(key);
}

/* What kmsd_audit_show() prints of the log; for free() */
UNUSED static char *shown_by(const struct kmsd_filter *filter)
{
	struct evs_error err = {};
	char *text = calloc(1, 1 << 16);
	int out = dup(STDOUT_FILENO);
	FILE *file = tmpfile();

	assert_true(text && file && out >= 0);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_int_equal(kmsd_audit_show(log_path, filter, &err), 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(file);
	assert_in_range(fread(text, 1, (1 << 16) - 1, file), 0, (1 << 16) - 2);
	fclose(file);
	return text;
}

UNUSED static char *shown(void)
{
	return shown_by(&all);
}

#endif /* KMSD_AUDIT_TEST_H */
