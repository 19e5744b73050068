// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backups in a directory: what one writes the other does not, what is deleted stays as far
 * as others need it, and a bit that flips anywhere is found.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "common.h"
#include "config-options.h"
#include "repo/repo.h"

#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"
#define A "20261130T060000Z-p-d"
#define B "20261130T070000Z-p-d"
#define C "20261130T080000Z-p-d"
#define SIZE (4 * EVS_BLOCK + 3 * EVS_CHUNK + 4096)

static char dir[] = "/tmp/evs-repo-XXXXXX", path[64];
static struct evs_config_repo config = { .name = "r", .ops = &evs_repo_dir_ops };
static struct evs_repo repo;
static struct evs_error err;
static unsigned char *disk;
static struct evs_device dev = { .path = "disk", .is_file = true };
static int stop_at;

static int set_up(void **state)
{
	size_t i;

	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(evs_options_set(&config.options, "path", dir), 0);
	assert_int_equal(evs_repo_open(&repo, &config, &err), 0);
	dev.fd = memfd_create("disk", 0);
	disk = calloc(1, SIZE);
	for (i = 0; i < SIZE; i++)
		disk[i] = (unsigned char)((i * 2654435761U) >> 13);
	memset(disk + EVS_BLOCK, 0, EVS_BLOCK);
	memset(disk + 2 * EVS_BLOCK + EVS_CHUNK, 0, EVS_CHUNK);
	stop_at = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	evs_repo_close(&repo);
	close(dev.fd);
	free(disk);
	return remove_tree(dir);
}

static int progress(void *arg, uint64_t done, uint64_t total, struct evs_error *why)
{
	(void)arg;
	(void)total;
	return stop_at >= 0 && done >= (uint64_t)stop_at ? evs_error_set(why, ECANCELED, "stop") : 0;
}

static int backup(const char *name, const struct evs_manifest *base,
		  const struct evs_ranges *changed)
{
	struct evs_ranges all = { .size = SIZE };
	struct evs_source source = {
		.dev = &dev, .allocated = &all, .changed = changed, .base = base,
		.progress = progress,
	};
	struct evs_manifest manifest = {
		.record = { .id = UUID, .size = SIZE, .made = 1796000000 }, .bytes = SIZE,
	};
	int ret;

	strcpy(manifest.name, name);
	strcpy(manifest.disk, "p/d");
	assert_int_equal(pwrite(dev.fd, disk, SIZE, 0), SIZE);
	/* The block that is not allocated is not read. */
	assert_int_equal(evs_ranges_add(&all, 0, EVS_BLOCK, &err), 0);
	assert_int_equal(evs_ranges_add(&all, 2 * EVS_BLOCK, SIZE - 2 * EVS_BLOCK, &err), 0);
	assert_int_equal(evs_manifest_size(&manifest, &err), 0);
	ret = repo.ops->create(&repo, &manifest, &source, &err);
	evs_manifest_free(&manifest);
	evs_ranges_free(&all);
	return ret;
}

static int compare(void *arg, uint64_t offset, const void *data, size_t length,
		   struct evs_error *why)
{
	const struct evs_manifest *manifest = arg;

	if (evs_manifest_check(manifest, offset / EVS_BLOCK, data, why))
		return -why->errnum;
	if (data)
		assert_memory_equal(data, disk + offset, length);
	else
		assert_true(evs_is_zero(disk + offset, length));
	return 0;
}

static int read_back(const char *name)
{
	struct evs_manifest manifest;
	int ret;

	err = (struct evs_error){};
	ret = evs_repo_manifest(&repo, name, &manifest, &err);
	if (ret)
		return ret;
	ret = repo.ops->read(&repo, &manifest, 0, compare, &manifest, &err);
	evs_manifest_free(&manifest);
	return ret;
}

static long taken(const char *name)
{
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s/data", dir, name);
	return stat(path, &st) ? -1 : st.st_blocks * 512L;
}

static void manifest_of(const char *name, struct evs_manifest *manifest)
{
	assert_int_equal(evs_repo_manifest(&repo, name, manifest, &err), 0);
}

/* ---- tests ---- */

static void test_whole(void **state)
{
	struct evs_backup_list list;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	assert_int_equal(read_back(A), 0);
	assert_true(taken(A) <= (long)(SIZE - EVS_BLOCK - EVS_CHUNK));
	assert_int_equal(backup(A, NULL, NULL), -EEXIST);
	assert_int_equal(evs_repo_list(&repo, &list, &err), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.entry->name, A);
	assert_string_equal(list.entry->disk, "p/d");
	assert_string_equal(list.entry->id, UUID);
	assert_int_equal(list.entry->made, 1796018400);
	free(list.entry);
}

static void test_growth(void **state)
{
	struct evs_manifest base;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	manifest_of(A, &base);
	disk[2 * EVS_BLOCK + 5 * EVS_CHUNK + 1]++;
	disk[SIZE - 1]++;
	assert_int_equal(backup(B, &base, NULL), 0);
	assert_int_equal(read_back(B), 0);
	assert_true(taken(B) <= 2 * (long)EVS_CHUNK);
	evs_manifest_free(&base);
}

/* What the engine says is unchanged is not even read: here it lies. */
static void test_changed(void **state)
{
	struct evs_ranges changed = { .size = SIZE };
	struct evs_manifest base;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	manifest_of(A, &base);
	disk[3 * EVS_BLOCK]++;
	assert_int_equal(evs_ranges_add(&changed, 2 * EVS_BLOCK, 4096, &err), 0);
	disk[2 * EVS_BLOCK]++;
	assert_int_equal(backup(B, &base, &changed), 0);
	disk[3 * EVS_BLOCK]--;
	assert_int_equal(read_back(B), 0);
	evs_manifest_free(&base);
	evs_ranges_free(&changed);
}

static void test_remove(void **state)
{
	struct evs_manifest base;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	manifest_of(A, &base);
	memset(disk, 0x11, EVS_BLOCK);
	assert_int_equal(backup(B, &base, NULL), 0);
	evs_manifest_free(&base);
	assert_int_equal(repo.ops->remove(&repo, A, &err), 0);
	assert_int_equal(read_back(A), -ENOENT);
	assert_int_equal(read_back(B), 0);
	/* What only the first one had is gone. */
	assert_true(taken(A) <= (long)(SIZE - 2 * EVS_BLOCK));
	manifest_of(B, &base);
	assert_int_equal(backup(C, &base, NULL), 0);
	evs_manifest_free(&base);
	assert_int_equal(repo.ops->remove(&repo, B, &err), 0);
	assert_int_equal(read_back(C), 0);
	assert_int_equal(repo.ops->remove(&repo, C, &err), 0);
	assert_int_equal(taken(A), -1);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void test_remove_busy(void **state)
{
	struct evs_repo other;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	assert_int_equal(evs_repo_open(&other, &config, &err), 0);
	assert_int_equal(repo.ops->remove(&repo, A, &err), -EBUSY);
	evs_repo_close(&other);
	assert_int_equal(repo.ops->remove(&repo, A, &err), 0);
}

static void flip(const char *name, const char *file, off_t offset)
{
	unsigned char byte;
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s%s", dir, name, *file ? "/" : "", file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void test_flip(void **state)
{
	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	flip(A, "data", 3 * EVS_BLOCK + 70000);
	assert_int_equal(read_back(A), -EBADMSG);
	assert_contains(err.text, A ": is damaged: bytes 12582912 to 16777215");
	flip(A, "data", 3 * EVS_BLOCK + 70000);
	/* A hole is data as well. */
	flip(A, "data", EVS_BLOCK + 1);
	assert_int_equal(read_back(A), 0);
	flip(A, "data", 2 * EVS_BLOCK + 1);
	assert_int_equal(read_back(A), -EBADMSG);
	flip(A, "data", 2 * EVS_BLOCK + 1);
	flip(A, "manifest", 200);
	assert_int_equal(read_back(A), -EBADMSG);
	flip(A, "manifest", 200);
	flip(A, "manifest", 0);
	assert_int_equal(read_back(A), -EBADMSG);
}

static void test_stopped(void **state)
{
	(void)state;
	stop_at = SIZE / 2;
	/* Told at its start and its end, as it takes less than a second */
	assert_int_equal(backup(A, NULL, NULL), -ECANCELED);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

/* Somebody is at work on one of two that were begun, and was killed at the other. */
static void test_killed(void **state)
{
	static const char *const names[] = { ".new.1", ".new.2" };
	int i, fd = -1;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(flock(fd, LOCK_EX), 0);
		if (!i)
			close(fd);
	}
	assert_int_equal(backup(A, NULL, NULL), 0);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, names[0]);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

/* What the list, and no header, tells of the newest token */
static void check_protection(bool encrypted)
{
	struct evs_backup_list list;
	struct evs_record record;

	assert_int_equal(evs_repo_list(&repo, &list, &err), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.entry[0].name, A);
	assert_int_equal(list.entry[0].token, 10);
	assert_int_equal(evs_repo_protection(&repo, &list.entry[0], &record, &err), 0);
	assert_string_equal(list.entry[0].disk, "p/d");
	assert_string_equal(record.id, UUID);
	assert_string_equal(record.kms, "local");
	assert_string_equal(record.cmk, "two");
	assert_int_equal(record.encrypted, encrypted);
	free(list.entry);
}

static void test_tokens(void **state)
{
	struct evs_token token, read;
	unsigned int number;

	(void)state;
	assert_int_equal(backup(A, NULL, NULL), 0);
	assert_int_equal(evs_repo_token(&repo, A, &read, &number, &err), 0);
	assert_int_equal(number, 0);
	assert_int_equal(evs_token_init(&token, "local", "one", UUID, &err), 0);
	strcpy(token.wrapped_dk, "00ff");
	assert_int_equal(evs_repo_add_token(&repo, A, 9, &token, &err), 0);
	assert_int_equal(evs_repo_add_token(&repo, A, 9, &token, &err), -EEXIST);
	strcpy(token.cmk, "two");
	assert_int_equal(evs_repo_add_token(&repo, A, 10, &token, &err), 0);
	assert_int_equal(evs_repo_token(&repo, A, &read, &number, &err), 0);
	assert_int_equal(number, 10);
	assert_string_equal(read.cmk, "two");
	/* Those of a backup that is gone are no backup. */
	assert_int_equal(evs_repo_add_token(&repo, B, 11, &token, &err), 0);
	check_protection(true);
	snprintf(path, sizeof(path), "%s/" A "/comment", dir);
	assert_int_equal(unlink(path), 0);
	check_protection(false);
	flip(A ".token.10", "", 100);
	assert_int_equal(evs_repo_token(&repo, A, &read, &number, &err), -EBADMSG);
	assert_int_equal(repo.ops->remove(&repo, A, &err), 0);
	/* That of the one that was gone has gone with it. */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void test_folder(void **state)
{
	struct evs_repo other;

	(void)state;
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(evs_repo_open(&other, &config, &err), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole), TEST(test_growth), TEST(test_changed), TEST(test_remove),
		TEST(test_remove_busy), TEST(test_flip), TEST(test_stopped), TEST(test_killed),
		TEST(test_tokens), TEST(test_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
