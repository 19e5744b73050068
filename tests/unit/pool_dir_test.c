// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine of folders, and what all engines have in common, on whatever /tmp is. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config.h"
#include "pool/pool.h"

#define MIB (1024 * 1024)
#define LOST "11111111-2222-3333-4444-555555555555"

struct fixture {
	char path[32];
	struct evs_config_pool config;
	struct evs_pool pool;
	struct evs_error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->path, "/tmp/evs-pool-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->config = (struct evs_config_pool){ .ops = &evs_pool_dir_ops, .limit = 100 };
	snprintf(f->config.name, sizeof(f->config.name), "t%d", getpid());
	f->config.options.count = 1;
	strcpy(f->config.options.list[0].name, "dir");
	strcpy(f->config.options.list[0].value, f->path);
	*state = f;
	return evs_pool_open(&f->pool, &f->config, &f->err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int ret;

	evs_pool_close(&f->pool);
	snprintf(command, sizeof(command), "chattr -R -f -i %s; rm -r %s", f->path, f->path);
	ret = system(command);
	free(f);
	return ret;
}

static struct evs_object name(const char *text)
{
	struct evs_error err = {};
	struct evs_object object;

	assert_int_equal(evs_object_parse(&object, text, &err), 0);
	return object;
}

static void begin(struct fixture *f, struct evs_unfinished *work, enum evs_kind kind)
{
	assert_int_equal(evs_pool_begin(work, kind, &f->err), 0);
	work->record.size = MIB;
	assert_int_equal(f->pool.ops->create(&f->pool, &work->object, MIB, &work->record, &f->err),
			 0);
}

static int try_make(struct fixture *f, const char *text)
{
	struct evs_object object = name(text);
	struct evs_unfinished work;
	int ret;

	begin(f, &work, object.kind);
	ret = evs_pool_commit(&f->pool, &work, &object, &f->err);
	evs_pool_abandon(&f->pool, &work);
	return ret;
}

static void make(struct fixture *f, const char *text)
{
	if (try_make(f, text))
		fail_msg("%s: %s", text, f->err.text);
}

static int count_one(void *arg, const struct evs_pool_entry *entry, struct evs_error *err)
{
	(void)entry;
	(void)err;
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int count(struct fixture *f)
{
	unsigned int found = 0;

	assert_int_equal(f->pool.ops->list(&f->pool, count_one, &found, &f->err), 0);
	return found;
}

static bool exists(struct fixture *f, const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->path, place);
	return !access(path, F_OK);
}

static bool is_unfinished(struct fixture *f)
{
	char pattern[128];
	glob_t found;
	int ret;

	snprintf(pattern, sizeof(pattern), "%s/new.*", f->path);
	ret = glob(pattern, 0, NULL, &found);
	globfree(&found);
	return !ret;
}

static void write_at(struct fixture *f, const char *text, off_t offset, const char *data)
{
	struct evs_object object = name(text);
	char path[128];
	int fd;

	assert_int_equal(f->pool.ops->activate(&f->pool, &object, true, path, sizeof(path),
					       &f->err), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, strlen(data), offset), strlen(data));
	assert_int_equal(close(fd), 0);
}

static void test_make(void **state)
{
	struct fixture *f = *state;
	struct evs_pool_entry entry;
	struct evs_object object = name("d1");

	make(f, "d1");
	make(f, "image:d1");
	make(f, "d1@s1");
	assert_int_equal(count(f), 3);
	assert_int_equal(evs_pool_find(&f->pool, &object, &entry, &f->err), 0);
	assert_int_equal(entry.bytes, MIB);
	assert_int_equal(entry.record.size, MIB);
	assert_string_equal(entry.record.maker, "");
	object = name("d1@s1");
	assert_int_equal(evs_pool_find(&f->pool, &object, &entry, &f->err), 0);
	assert_int_equal(entry.record.kind, EVS_KIND_SNAPSHOT);
	object = name("d2");
	assert_int_equal(evs_pool_find(&f->pool, &object, &entry, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "/d2: there is no such disk"));
}

static void test_name_taken(void **state)
{
	struct fixture *f = *state;

	make(f, "d1");
	assert_int_equal(try_make(f, "d1"), -EEXIST);
	assert_int_equal(count(f), 1);
	assert_int_equal(try_make(f, "other@s"), -ENOENT);
	assert_int_equal(count(f), 1);
}

static void test_remove(void **state)
{
	struct evs_object disk = name("d1"), snapshot = name("d1@s1");
	struct fixture *f = *state;

	make(f, "d1");
	make(f, "d1@s1");
	assert_int_equal(f->pool.ops->remove(&f->pool, &disk, &f->err), -EBUSY);
	assert_int_equal(count(f), 2);
	assert_int_equal(f->pool.ops->remove(&f->pool, &snapshot, &f->err), 0);
	assert_int_equal(f->pool.ops->remove(&f->pool, &disk, &f->err), 0);
	assert_int_equal(f->pool.ops->remove(&f->pool, &disk, &f->err), -ENOENT);
	assert_int_equal(count(f), 0);
	assert_false(exists(f, "d1"));
}

/* What is called so, but lacks one of the four signs, is not removed. */
static void test_sweep(void **state)
{
	struct evs_unfinished dead, alive, foreign, unmarked;
	struct fixture *f = *state;
	char path[128], to[128];

	begin(f, &dead, EVS_KIND_DISK);
	begin(f, &alive, EVS_KIND_DISK);
	begin(f, &foreign, EVS_KIND_DISK);
	begin(f, &unmarked, EVS_KIND_DISK);
	strcpy(foreign.record.maker, LOST ":another host");
	strcpy(unmarked.record.maker, "");
	assert_int_equal(f->pool.ops->save(&f->pool, &foreign.object, &foreign.record, &f->err), 0);
	assert_int_equal(f->pool.ops->save(&f->pool, &unmarked.object, &unmarked.record, &f->err),
			 0);
	evs_lock_release(&dead.lock);
	evs_lock_release(&foreign.lock);
	evs_lock_release(&unmarked.lock);
	make(f, "d1");
	/* A disk that was made, but keeps the tag, is complete. */
	snprintf(path, sizeof(path), "%s/d1/meta.json", f->path);
	assert_int_equal(evs_pool_lock(&f->pool, &f->err), 0);
	evs_pool_unlock(&f->pool);
	assert_int_equal(count(f), 4);
	assert_int_equal(f->pool.ops->remove(&f->pool, &dead.object, &f->err), -ENOENT);
	/* Another name than that form */
	snprintf(path, sizeof(path), "%s/new.%s", f->path, alive.object.name);
	snprintf(to, sizeof(to), "%s/new.%.30s", f->path, alive.object.name);
	evs_lock_release(&alive.lock);
	assert_int_equal(rename(path, to), 0);
	assert_int_equal(evs_pool_lock(&f->pool, &f->err), 0);
	evs_pool_unlock(&f->pool);
	assert_int_equal(access(to, F_OK), 0);
}

static void test_half_made(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/new." LOST, f->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(count(f), 0);
	assert_true(exists(f, "new." LOST));
	assert_int_equal(evs_pool_lock(&f->pool, &f->err), 0);
	evs_pool_unlock(&f->pool);
	assert_false(exists(f, "new." LOST));
}

static void test_foreign_files(void **state)
{
	struct evs_object object = name("link");
	struct fixture *f = *state;
	char path[128], target[128];

	make(f, "d1");
	snprintf(target, sizeof(target), "%s/d1", f->path);
	snprintf(path, sizeof(path), "%s/link", f->path);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/lost+found", f->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(count(f), 1);
	assert_true(f->pool.ops->activate(&f->pool, &object, false, path, sizeof(path),
					  &f->err) < 0);
	assert_int_equal(try_make(f, "link"), -EEXIST);
}

static void test_replace(void **state)
{
	struct evs_object disk = name("d1");
	struct fixture *f = *state;
	struct evs_unfinished work;
	struct evs_pool_entry entry;

	make(f, "d1");
	make(f, "d1@s1");
	begin(f, &work, EVS_KIND_DISK);
	assert_int_equal(f->pool.ops->replace(&f->pool, &work.object, &disk, &f->err), 0);
	assert_int_equal(evs_pool_find(&f->pool, &disk, &entry, &f->err), 0);
	assert_string_equal(entry.record.id, work.record.id);
	assert_int_equal(count(f), 2);
	assert_false(exists(f, "d1/replace"));
	evs_lock_release(&work.lock);
}

static void test_replace_cut_short(void **state)
{
	struct evs_object disk = name("d1");
	struct fixture *f = *state;
	struct evs_unfinished work;
	struct evs_pool_entry entry;
	char from[128], to[128];

	make(f, "d1");
	begin(f, &work, EVS_KIND_DISK);
	snprintf(from, sizeof(from), "%s/new.%s", f->path, work.object.name);
	snprintf(to, sizeof(to), "%s/d1/replace", f->path);
	assert_int_equal(rename(from, to), 0);
	snprintf(from, sizeof(from), "%s/d1/replace/disk", f->path);
	snprintf(to, sizeof(to), "%s/d1/disk", f->path);
	assert_int_equal(rename(from, to), 0);
	evs_pool_close(&f->pool);
	assert_int_equal(evs_pool_open(&f->pool, &f->config, &f->err), 0);
	assert_int_equal(evs_pool_find(&f->pool, &disk, &entry, &f->err), 0);
	assert_string_equal(entry.record.id, work.record.id);
	assert_false(exists(f, "d1/replace"));
	evs_lock_release(&work.lock);
}

static int add_range(void *arg, uint64_t offset, uint64_t length, struct evs_error *err)
{
	(void)offset;
	(void)err;
	*(uint64_t *)arg += length;
	return 0;
}

static void test_ranges(void **state)
{
	struct evs_object disk = name("d1");
	struct fixture *f = *state;
	uint64_t bytes = 0;

	make(f, "d1");
	assert_int_equal(f->pool.ops->allocated(&f->pool, &disk, add_range, &bytes, &f->err), 0);
	assert_int_equal(bytes, 0);
	write_at(f, "d1", MIB / 2, "data");
	assert_int_equal(f->pool.ops->allocated(&f->pool, &disk, add_range, &bytes, &f->err), 0);
	assert_true(bytes > 0 && bytes < MIB);
	assert_int_equal(f->pool.ops->grow(&f->pool, &disk, 2 * MIB, &f->err), 0);
	assert_int_equal(f->pool.ops->grow(&f->pool, &disk, MIB, &f->err), 0);
}

/* Where files can be cloned, else it says so and leaves nothing. */
static void test_snapshot(void **state)
{
	struct evs_object disk = name("d1"), snapshot = name("d1@s1");
	struct fixture *f = *state;
	struct evs_pool_entry entry;
	uint64_t bytes = 0;

	make(f, "d1");
	write_at(f, "d1", 0, "old");
	assert_int_equal(evs_pool_find(&f->pool, &disk, &entry, &f->err), 0);
	entry.record.kind = EVS_KIND_SNAPSHOT;
	strcpy(entry.record.id, LOST);
	if (evs_pool_snapshot(&f->pool, &snapshot, &entry.record, &f->err)) {
		assert_int_equal(f->err.errnum, EOPNOTSUPP);
		assert_non_null(strstr(f->err.text, "cannot clone files"));
		assert_int_equal(count(f), 1);
		assert_false(is_unfinished(f));
		return;
	}
	assert_int_equal(count(f), 2);
	assert_int_equal(f->pool.ops->changed(&f->pool, &snapshot, &disk, add_range, &bytes,
					      &f->err), 0);
	assert_int_equal(bytes, 0);
	write_at(f, "d1", 0, "new");
	assert_int_equal(f->pool.ops->changed(&f->pool, &snapshot, &disk, add_range, &bytes,
					      &f->err), 0);
	assert_true(bytes > 0 && bytes < MIB);
}

static void test_in_use(void **state)
{
	struct evs_object disk = name("d1");
	struct fixture *f = *state;
	char path[128];
	int fd;

	make(f, "d1");
	assert_int_equal(f->pool.ops->activate(&f->pool, &disk, true, path, sizeof(path), &f->err),
			 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(f->pool.ops->deactivate(&f->pool, &disk, &f->err), -EBUSY);
	close(fd);
	assert_int_equal(f->pool.ops->deactivate(&f->pool, &disk, &f->err), 0);
}

static void test_folder_of_others(void **state)
{
	struct fixture *f = *state;
	struct evs_pool pool;

	assert_int_equal(chmod(f->path, 0770), 0);
	assert_int_equal(evs_pool_open(&pool, &f->config, &f->err), -EPERM);
	assert_non_null(strstr(f->err.text, "only its owner, root, can write to"));
	evs_pool_close(&pool);
	assert_int_equal(chmod(f->path, 0700), 0);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct evs_pool_usage usage;

	assert_int_equal(f->pool.ops->usage(&f->pool, &usage, &f->err), 0);
	assert_true(usage.size > usage.used);
	assert_int_equal(evs_pool_room(&f->pool, 0, &f->err), 0);
	assert_int_equal(evs_pool_room(&f->pool, usage.size, &f->err), -ENOSPC);
	assert_non_null(strstr(f->err.text, "this needs more, and limit is 100 %"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
		TEST(test_make),
		TEST(test_name_taken),
		TEST(test_remove),
		TEST(test_sweep),
		TEST(test_half_made),
		TEST(test_foreign_files),
		TEST(test_replace),
		TEST(test_replace_cut_short),
		TEST(test_ranges),
		TEST(test_snapshot),
		TEST(test_in_use),
		TEST(test_folder_of_others),
		TEST(test_limit),
	};

	return cmocka_run_group_tests_name("pool dir", tests, NULL, NULL);
}
