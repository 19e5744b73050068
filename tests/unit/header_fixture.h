/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks in files, and copies of their headers. */
#ifndef HEADER_TEST_H
#define HEADER_TEST_H

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

#define TEST(name) cmocka_unit_test_setup(name, set_up)

#endif /* HEADER_TEST_H */
