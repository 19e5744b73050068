// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies of files with holes; what is read and written is compared byte by byte. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pool/copy.h"

#define MIB ((size_t)1 << 20)
#define SIZE (11 * MIB + 1536)	/* no multiple of a piece, nor of a block */
#define TARGET_BYTE 0x5a

static char dir[] = "/tmp/evs-copy-XXXXXX";
static char source_path[64], target_path[64];
static struct evs_device source, target;
static struct evs_error err;

static void open_file(struct evs_device *dev, char *path, const char *name, int flags)
{
	snprintf(path, 64, "%s/%s", dir, name);
	assert_int_equal(evs_device_open(dev, path, flags, &err), 0);
}

static int set_up(void **state)
{
	char path[64];
	FILE *file;
	size_t i;

	(void)state;
	err = (struct evs_error){};
	if (!strcmp(dir + strlen(dir) - 6, "XXXXXX"))
		assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/source", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	/* No two blocks are alike. */
	for (i = 0; i < SIZE; i++)
		fputc((int)((i * 2654435761U) >> 13) & 0xff, file);
	assert_int_equal(fclose(file), 0);
	snprintf(path, sizeof(path), "%s/target", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	for (i = 0; i < SIZE; i++)
		fputc(TARGET_BYTE, file);
	assert_int_equal(fclose(file), 0);
	open_file(&source, source_path, "source", O_RDONLY);
	open_file(&target, target_path, "target", O_RDWR);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	evs_device_close(&source);
	evs_device_close(&target);
	unlink(source_path);
	unlink(target_path);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	return rmdir(dir);
}

static bool is_in(const struct evs_ranges *ranges, uint64_t offset)
{
	size_t i;

	for (i = 0; i < ranges->count; i++)
		if (offset >= ranges->range[i].offset &&
		    offset - ranges->range[i].offset < ranges->range[i].length)
			return true;
	return false;
}

/* The target has the bytes of the ranges, and @hole everywhere else. */
static void must_have(const struct evs_ranges *ranges, unsigned char hole)
{
	unsigned char *from = malloc(SIZE), *to = malloc(SIZE);
	size_t i;

	assert_true(from && to);
	assert_int_equal(pread(source.fd, from, SIZE, 0), SIZE);
	assert_int_equal(pread(target.fd, to, SIZE, 0), SIZE);
	for (i = 0; i < SIZE; i++)
		if (to[i] != (is_in(ranges, i) ? from[i] : hole))
			fail_msg("byte %zu is 0x%02x", i, to[i]);
	free(from);
	free(to);
}

static void add(struct evs_ranges *ranges, uint64_t offset, uint64_t length)
{
	assert_int_equal(evs_ranges_add(ranges, offset, length, &err), 0);
}

static void copy_ranges(struct evs_ranges *ranges, bool zero)
{
	const struct evs_copy copy = { .source = &source, .target = &target, .ranges = ranges,
				       .zero = zero };

	if (evs_copy(&copy, &err))
		fail_msg("%s", err.text);
	must_have(ranges, zero ? 0 : TARGET_BYTE);
	evs_ranges_free(ranges);
}

static void test_whole(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };

	(void)state;
	add(&ranges, 0, SIZE);
	assert_int_equal(evs_ranges_bytes(&ranges), SIZE);
	copy_ranges(&ranges, false);
}

static void add_some(struct evs_ranges *ranges)
{
	add(ranges, 8192, 4096);
	add(ranges, 3 * MIB - 4096, 2 * MIB);
	add(ranges, 7 * MIB, 512);
	add(ranges, SIZE - 512, 512);
}

/* Holes are left, or zeroed: before, between and behind the ranges. */
static void test_holes(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };

	(void)state;
	add_some(&ranges);
	copy_ranges(&ranges, false);
	add_some(&ranges);
	copy_ranges(&ranges, true);
	add(&ranges, 4096, 4096);
	copy_ranges(&ranges, true);
	copy_ranges(&ranges, true);
}

/* What comes before the data is left out, and what is behind it; blocks are whole. */
static void test_ranges(void **state)
{
	struct evs_ranges ranges = { .skip = MIB, .size = SIZE };

	(void)state;
	add(&ranges, 0, 4096);
	assert_int_equal(ranges.count, 0);
	add(&ranges, MIB - 10, 20);
	add(&ranges, MIB + 4096, 1);
	add(&ranges, MIB + 5000, 4000);
	add(&ranges, MIB + 20480, 4096);
	add(&ranges, MIB + SIZE - 600, MIB);
	add(&ranges, MIB + SIZE, MIB);
	assert_int_equal(ranges.count, 3);
	assert_int_equal(ranges.range[0].offset, 0);
	assert_int_equal(ranges.range[0].length, 12288);
	assert_int_equal(ranges.range[1].offset, 20480);
	assert_int_equal(ranges.range[1].length, 4096);
	assert_int_equal(ranges.range[2].offset, (SIZE - 600) / 4096 * 4096);
	assert_int_equal(ranges.range[2].offset + ranges.range[2].length, SIZE);
	copy_ranges(&ranges, false);
}

static void test_too_small(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };
	const struct evs_copy copy = { .source = &source, .target = &target, .ranges = &ranges };

	(void)state;
	add(&ranges, 0, SIZE);
	assert_int_equal(truncate(target_path, SIZE - 1), 0);
	assert_int_equal(evs_copy(&copy, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "/target: has "));
	assert_int_equal(truncate(target_path, SIZE), 0);
	assert_int_equal(truncate(source_path, SIZE - 1), 0);
	assert_int_equal(evs_copy(&copy, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "/source: has "));
	evs_ranges_free(&ranges);
}

/* A file of this size cannot be written further than this. */
static void test_write_fails(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };
	const struct evs_copy copy = { .source = &source, .target = &target, .ranges = &ranges };
	struct rlimit before, limit;

	(void)state;
	add(&ranges, 0, SIZE);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 5 * MIB;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(evs_copy(&copy, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(err.text, "/target: cannot be written at byte "));
	evs_ranges_free(&ranges);
}

/**
 * struct told - What the progress was.
 * @calls: how often
 * @done: at last
 * @total: at last
 * @shrink: cut the source at the first call
 * @stop: what to return
 */
struct told {
	unsigned int calls;
	uint64_t done;
	uint64_t total;
	bool shrink;
	int stop;
};

static int tell(void *arg, uint64_t done, uint64_t total, struct evs_error *why)
{
	struct told *told = arg;

	told->calls++;
	told->done = done;
	told->total = total;
	if (told->shrink)
		assert_int_equal(truncate(source_path, 6 * MIB), 0);
	return told->stop ? evs_error_set(why, -told->stop, "stopped") : 0;
}

static void test_progress(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };
	struct told told = {};
	struct evs_copy copy = { .source = &source, .target = &target, .ranges = &ranges,
				 .progress = tell, .arg = &told };

	(void)state;
	add(&ranges, 4096, 8192);
	assert_int_equal(evs_copy(&copy, &err), 0);
	assert_true(told.calls >= 2);
	assert_int_equal(told.done, 8192);
	assert_int_equal(told.total, 8192);
	copy.zero = true;
	assert_int_equal(evs_copy(&copy, &err), 0);
	assert_int_equal(told.done, SIZE);
	assert_int_equal(told.total, SIZE);
	told = (struct told){ .stop = -EINTR };
	assert_int_equal(evs_copy(&copy, &err), -EINTR);
	assert_string_equal(err.text, "stopped");
	assert_int_equal(told.calls, 1);
	evs_ranges_free(&ranges);
}

/* It had enough when it was looked at. */
static void test_read_fails(void **state)
{
	struct evs_ranges ranges = { .size = SIZE };
	struct told told = { .shrink = true };
	const struct evs_copy copy = { .source = &source, .target = &target, .ranges = &ranges,
				       .progress = tell, .arg = &told };

	(void)state;
	add(&ranges, 0, SIZE);
	assert_int_equal(evs_copy(&copy, &err), -ENODATA);
	assert_non_null(strstr(err.text, "/source: cannot be read at byte "));
	evs_ranges_free(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_small, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_write_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_fails, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("pool_copy", tests, NULL, tear_down_all);
}
