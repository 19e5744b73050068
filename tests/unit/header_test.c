// SPDX-License-Identifier: GPL-2.0-or-later
/* Backup and restore of headers, and headers with more than one token. */
#include <errno.h>
#include <fcntl.h>
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

#include "volume_fixture.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define OTHER_UUID "21111111-2222-3333-4444-555555555555"
#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OTHER "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e"
#define MIB (1 << 20)

static char dir[] = "/tmp/evs-header-XXXXXX";
static char disk[64], second[64], backup[64];
static struct evs_secret *dk;
static struct evs_token token;
static struct evs_error err;

static void make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 20 * MIB), 0);
	close(fd);
}

static void make_disk(const char *path, const char *uuid)
{
	const struct evs_format fmt = { .uuid = uuid };

	make_file(path);
	assert_int_equal(evs_token_init(&token, "local", CMK, uuid, &err), 0);
	strcpy(token.wrapped_dk, "00ff");
	if (format_path(path, &fmt, &token, dk, &err))
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	if (!dk) {
		if (!mkdtemp(dir))
			return -1;
		snprintf(disk, sizeof(disk), "%s/disk", dir);
		snprintf(second, sizeof(second), "%s/second", dir);
		snprintf(backup, sizeof(backup), "%s/backup", dir);
		dk = evs_secret_alloc(EVS_DK_SIZE);
	}
	if (!dk)
		return -1;
	memset(dk->data, 1, EVS_DK_SIZE / 2);
	memset(dk->data + EVS_DK_SIZE / 2, 2, EVS_DK_SIZE / 2);
	unlink(backup);
	make_disk(disk, UUID);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	unlink(disk);
	unlink(second);
	unlink(backup);
	evs_secret_free(dk);
	return rmdir(dir);
}

static void assert_disk(const char *path, const char *uuid)
{
	struct evs_volume *vol;

	if (evs_volume_read(&vol, path, 0, &err))
		fail_msg("%s", err.text);
	assert_string_equal(evs_volume_uuid(vol), uuid);
	assert_int_equal(evs_volume_verify_dk(vol, dk, &err), 0);
	evs_volume_close(vol);
}

static char said[1024];

static int backup_path(const char *path)
{
	struct evs_volume *vol;
	struct evs_device dev;
	int ret;

	assert_int_equal(evs_device_open(&dev, path, O_RDONLY, &err), 0);
	ret = evs_volume_open(&vol, &dev, 0, &err);
	if (!ret) {
		ret = evs_volume_backup(vol, backup, &err);
		evs_volume_close(vol);
	}
	evs_device_close(&dev);
	return ret;
}

static int restore_path(const char *path, const char *file, bool force)
{
	struct evs_device dev;
	int ret;

	assert_int_equal(evs_device_open(&dev, path, O_RDWR, &err), 0);
	ret = evs_volume_restore(&dev, file, force, NULL, NULL, &err);
	evs_device_close(&dev);
	return ret;
}

/* The disk, open for a change of its tokens */
static struct evs_volume *open_disk(struct evs_device *dev)
{
	struct evs_volume *vol;

	assert_int_equal(evs_device_open(dev, disk, O_RDWR, &err), 0);
	if (evs_volume_open(&vol, dev, 0, &err))
		fail_msg("%s", err.text);
	return vol;
}

static void close_disk(struct evs_volume *vol, struct evs_device *dev)
{
	evs_volume_close(vol);
	evs_device_close(dev);
}

static void wipe(const char *path, off_t from, size_t len)
{
	char *zeros = calloc(1, len);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(zeros && fd >= 0);
	assert_int_equal(pwrite(fd, zeros, len, from), len);
	close(fd);
	free(zeros);
}

/* The token as another program might have written it */
static void spoil_token(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "printf '{\"type\":\"evs-kms\",\"keyslots\":[],\"version\":1}' | "
		 "cryptsetup token import --disable-external-tokens --token-id 0 --token-replace %s", path);
	assert_int_equal(system(command), 0);
}

static void assert_contains(const char *part)
{
	if (!strstr(err.text, part))
		fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static void test_backup(void **state)
{
	struct evs_volume *vol;
	struct stat st;

	(void)state;
	assert_int_equal(backup_path(disk), 0);
	assert_int_equal(stat(backup, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(evs_volume_read(&vol, backup, EVS_VOLUME_HEADER, &err), 0);
	assert_string_equal(evs_volume_uuid(vol), UUID);
	assert_int_equal(evs_volume_data_size(vol), 0);
	evs_volume_close(vol);
	/* There is no disk in it. */
	assert_int_equal(evs_volume_read(&vol, backup, 0, &err), -EBADMSG);
	assert_int_equal(backup_path(disk), -EEXIST);
	assert_contains("exists already");
	make_file(second);
	unlink(backup);
	assert_int_equal(backup_path(second), -EMEDIUMTYPE);
	assert_int_not_equal(access(backup, F_OK), 0);
}

static void test_restore_same(void **state)
{
	(void)state;
	assert_int_equal(backup_path(disk), 0);
	if (restore_path(disk, backup, false))
		fail_msg("%s", err.text);
	assert_disk(disk, UUID);
}

/* What the disk would lose is said; the answer is what happens. */
static int agree(void *arg, const char *change, struct evs_error *unused)
{
	(void)unused;
	snprintf(said, sizeof(said), "%s", change);
	return arg ? *(int *)arg : 0;
}

static int restore_asked(int answer)
{
	struct evs_device dev;
	int ret;

	*said = '\0';
	assert_int_equal(evs_device_open(&dev, disk, O_RDWR, &err), 0);
	ret = evs_volume_restore(&dev, backup, false, agree, &answer, &err);
	evs_device_close(&dev);
	return ret;
}

static void test_restore_older(void **state)
{
	struct evs_token newer;
	struct evs_volume *vol;
	struct evs_device dev;

	(void)state;
	assert_int_equal(backup_path(disk), 0);
	assert_int_equal(restore_asked(-ECANCELED), 0);
	assert_string_equal(said, "");
	/* Another CMK */
	vol = open_disk(&dev);
	newer = *evs_volume_token(vol);
	strcpy(newer.cmk, "newer");
	assert_int_equal(evs_volume_add_token(vol, &newer, &err), 0);
	assert_int_equal(evs_volume_keep_token(vol, &newer, &err), 0);
	close_disk(vol, &dev);
	assert_int_equal(restore_asked(-ECANCELED), -ECANCELED);
	assert_non_null(strstr(said, "its header names CMK newer of KMS"));
	assert_int_equal(evs_volume_read(&vol, disk, 0, &err), 0);
	assert_string_equal(evs_volume_token(vol)->cmk, "newer");
	evs_volume_close(vol);
	assert_int_equal(restore_asked(0), 0);
	assert_disk(disk, UUID);
	/* Another data key */
	memset(dk->data, 3, EVS_DK_SIZE / 2);
	make_disk(disk, UUID);
	assert_int_equal(restore_asked(-ECANCELED), -ECANCELED);
	assert_non_null(strstr(said, "has another data key"));
	assert_disk(disk, UUID);
	assert_int_equal(restore_asked(0), 0);
}

static void test_label(void **state)
{
	struct evs_volume *vol;
	struct evs_device dev;

	(void)state;
	vol = open_disk(&dev);
	assert_int_equal(evs_volume_set_label(vol, "new label", &err), 0);
	assert_string_equal(evs_volume_label(vol), "new label");
	assert_int_equal(evs_volume_set_label(vol, "a\nb", &err), -EINVAL);
	assert_int_equal(evs_volume_set_label(vol, "\xff", &err), -EINVAL);
	close_disk(vol, &dev);
	vol = open_disk(&dev);
	assert_string_equal(evs_volume_label(vol), "new label");
	assert_int_equal(evs_volume_set_label(vol, "", &err), 0);
	close_disk(vol, &dev);
	vol = open_disk(&dev);
	assert_string_equal(evs_volume_label(vol), "");
	close_disk(vol, &dev);
	assert_disk(disk, UUID);
}

/* Both copies have lost what they say, but not what they are. */
static void test_restore_damaged(void **state)
{
	struct evs_volume *vol;

	(void)state;
	assert_int_equal(backup_path(disk), 0);
	wipe(disk, 4096, 4096);
	wipe(disk, 16384 + 4096, 4096);
	assert_int_equal(evs_volume_read(&vol, disk, 0, &err), -EUCLEAN);
	if (restore_path(disk, backup, false))
		fail_msg("%s", err.text);
	assert_disk(disk, UUID);
}

static void test_restore_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(backup_path(disk), 0);
	make_disk(second, OTHER_UUID);
	assert_int_equal(restore_path(second, backup, false), -EEXIST);
	assert_contains("holds disk " OTHER_UUID ", the backup is of " UUID);
	assert_disk(second, OTHER_UUID);
	assert_int_equal(restore_path(second, backup, true), 0);
	assert_disk(second, UUID);

	/* Another disk is another disk, however bad its token is. */
	make_disk(second, OTHER_UUID);
	spoil_token(second);
	assert_int_equal(restore_path(second, backup, false), -EEXIST);
	assert_contains("holds disk " OTHER_UUID);

	/* The first 8 MiB are gone: it may be the right device, or any other. */
	wipe(disk, 0, 8 * MIB);
	assert_int_equal(restore_path(disk, backup, false), -EEXIST);
	assert_contains("holds no EVS disk but nothing that is known");
	assert_int_equal(restore_path(disk, backup, true), 0);
	assert_disk(disk, UUID);
}

static void test_restore_nonsense(void **state)
{
	(void)state;
	assert_int_equal(backup_path(disk), 0);
	wipe(backup, 0, 2 * 16384);
	assert_int_equal(restore_path(disk, backup, true), -EMEDIUMTYPE);
	assert_int_equal(restore_path(disk, "/nonexistent", true), -ENOENT);
	assert_disk(disk, UUID);
}

/* ---- tokens ---- */

static void test_tokens(void **state)
{
	struct evs_token added = token;
	struct evs_volume *vol;
	struct evs_device dev;
	int i;

	(void)state;
	strcpy(added.cmk, OTHER);
	vol = open_disk(&dev);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_int_equal(evs_volume_add_token(vol, &added, &err), 0);
	assert_int_equal(evs_volume_token_count(vol), 2);
	assert_string_equal(evs_volume_token_at(vol, 0)->cmk, CMK);
	assert_string_equal(evs_volume_token_at(vol, 1)->cmk, OTHER);
	close_disk(vol, &dev);

	vol = open_disk(&dev);
	assert_int_equal(evs_volume_token_count(vol), 2);
	assert_int_equal(evs_volume_keep_token(vol, &added, &err), 0);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_int_equal(evs_volume_keep_token(vol, &token, &err), -ENOENT);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_string_equal(evs_volume_token(vol)->cmk, OTHER);
	for (i = 1; i < EVS_TOKENS_MAX; i++)
		assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), -ENOSPC);
	close_disk(vol, &dev);
	assert_disk(disk, UUID);
}

#define COPY_SIZE 16384
#define COPIES (2 * COPY_SIZE)
#define SECTOR 512

static void read_copies(unsigned char copies[COPIES])
{
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, copies, COPIES, 0), COPIES);
	close(fd);
}

static void write_copies(const unsigned char copies[COPIES])
{
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, copies, COPIES, 0), COPIES);
	close(fd);
}

/* The tokens of the disk, as a word of the first letters of their CMKs */
static void read_tokens(char word[EVS_TOKENS_MAX + 1])
{
	struct evs_volume *vol;
	size_t i;

	if (evs_volume_read(&vol, disk, 0, &err))
		fail_msg("%s", err.text);
	for (i = 0; i < evs_volume_token_count(vol); i++) {
		word[i] = evs_volume_token_at(vol, i)->cmk[0];
		assert_int_equal(strlen(evs_volume_token_at(vol, i)->wrapped_dk), 3000);
	}
	word[i] = '\0';
	evs_volume_close(vol);
}

/*
 * Power fails during a write that takes the disk from one state to the other: from
 * each copy one part is old, the other new. Sectors of the second copy are new only
 * when all of the first are; within one, they may have been written from either end.
 */
static void tear(const unsigned char from[COPIES], const unsigned char to[COPIES],
		 const char *old, const char *new)
{
	unsigned char torn[COPIES];
	char word[EVS_TOKENS_MAX + 1];
	size_t copy, at, seen[2] = {};

	for (copy = 0; copy < COPIES; copy += COPY_SIZE) {
		for (at = 0; at <= COPY_SIZE; at += SECTOR) {
			memcpy(torn, from, COPIES);
			memcpy(torn, to, copy + at);
			write_copies(torn);
			read_tokens(word);
			assert_true(!strcmp(word, old) || !strcmp(word, new));
			seen[!strcmp(word, new)]++;

			memcpy(torn + copy, from + copy, COPY_SIZE - at);
			memcpy(torn + copy + COPY_SIZE - at, to + copy + COPY_SIZE - at, at);
			write_copies(torn);
			read_tokens(word);
			assert_true(!strcmp(word, old) || !strcmp(word, new));
		}
	}
	assert_true(seen[0] && seen[1]);
	write_copies(to);
}

/* What rewrap writes, torn at each sector, leaves the old tokens or the new. */
static void test_torn(void **state)
{
	static unsigned char one[COPIES], two[COPIES], other[COPIES];
	struct evs_token added;
	struct evs_volume *vol;
	struct evs_device dev;
	char word[EVS_TOKENS_MAX + 1];

	(void)state;
	make_disk(disk, UUID);
	memset(token.wrapped_dk, 'a', 3000);
	added = token;
	strcpy(added.cmk, OTHER);
	vol = open_disk(&dev);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	assert_int_equal(evs_volume_keep_token(vol, &token, &err), 0);
	read_copies(one);
	assert_int_equal(evs_volume_add_token(vol, &added, &err), 0);
	read_copies(two);
	assert_int_equal(evs_volume_keep_token(vol, &added, &err), 0);
	read_copies(other);
	close_disk(vol, &dev);
	tear(one, two, "0", "b0");
	tear(two, other, "b0", "b");
	read_tokens(word);
	assert_string_equal(word, "b");
	assert_disk(disk, UUID);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backup), TEST(test_restore_same), TEST(test_restore_damaged),
		TEST(test_restore_elsewhere), TEST(test_restore_nonsense), TEST(test_tokens),
		TEST(test_torn), TEST(test_restore_older), TEST(test_label),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, remove_all);
}
