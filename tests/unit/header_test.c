// SPDX-License-Identifier: GPL-2.0-or-later
/* Backup and restore of headers. */
#include "header_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backup),
		TEST(test_restore_same),
		TEST(test_restore_damaged),
		TEST(test_restore_elsewhere),
		TEST(test_restore_nonsense),
		TEST(test_restore_older),
		TEST(test_label),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, remove_all);
}
