// SPDX-License-Identifier: GPL-2.0-or-later
/* On regular files, which need neither root nor a loop device. */
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
#include <libcryptsetup.h>
#include <cmocka.h>

#include "volume_fixture.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define UUID "11111111-2222-3333-4444-555555555555"
#define MIB (1 << 20)
#define SECOND_COPY 0x4000

struct fixture {
	char path[32];
	struct evs_secret *dk;
	struct evs_token token;
	struct evs_error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd, i;

	if (!f)
		return -1;
	strcpy(f->path, "/tmp/evs-volume-XXXXXX");
	fd = mkstemp(f->path);
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (fd < 0 || !f->dk || ftruncate(fd, 20 * MIB))
		return -1;
	close(fd);
	for (i = 0; i < EVS_DK_SIZE; i++)
		f->dk->data[i] = (unsigned char)i;
	if (evs_token_init(&f->token, "local", CMK, UUID, &f->err))
		return -1;
	strcpy(f->token.wrapped_dk, "0200ABCD");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	evs_secret_free(f->dk);
	unlink(f->path);
	free(f);
	return 0;
}

static int format_at(struct fixture *f, const char *path, unsigned int sector_size,
		     const char *label)
{
	struct evs_format fmt = { .uuid = UUID, .label = label, .sector_size = sector_size };

	return format_path(path, &fmt, &f->token, f->dk, &f->err);
}

static int probe_path(const char *path, struct evs_probe *probe, struct evs_error *err)
{
	struct evs_device dev;
	int ret = evs_device_open(&dev, path, O_RDONLY, err);

	if (ret)
		return ret;
	ret = evs_device_probe(&dev, probe, err);
	evs_device_close(&dev);
	return ret;
}

static int format(struct fixture *f, unsigned int sector_size, const char *label)
{
	return format_at(f, f->path, sector_size, label);
}

static void overwrite(struct fixture *f, off_t offset, const void *bytes, size_t len)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, offset), len);
	close(fd);
}

static void refuse_open(struct fixture *f, int ret, const char *why)
{
	struct evs_volume *vol = NULL;

	if (evs_volume_read(&vol, f->path, 0, &f->err) != ret || !strstr(f->err.text, why)) {
		evs_volume_close(vol);
		fail_msg("%d \"%s\", expected %d \"%s\"", -f->err.errnum, f->err.text, ret, why);
	}
}

static void test_format_and_open(void **state)
{
	struct fixture *f = *state;
	struct evs_volume *vol;
	struct evs_probe probe;

	assert_int_equal(format(f, 0, "mail"), 0);
	assert_int_equal(evs_volume_read(&vol, f->path, 0, &f->err), 0);
	assert_string_equal(evs_volume_uuid(vol), UUID);
	assert_string_equal(evs_volume_label(vol), "mail");
	assert_int_equal(evs_volume_data_offset(vol), 16 * MIB);
	assert_int_equal(evs_volume_data_size(vol), 4 * MIB);
	assert_int_equal(evs_volume_sector_size(vol), 4096);
	assert_int_equal(evs_volume_token(vol)->keyslots, 1);
	f->token.keyslots = 1;
	assert_memory_equal(evs_volume_token(vol), &f->token, sizeof(f->token));
	assert_int_equal(evs_volume_verify_dk(vol, f->dk, &f->err), 0);
	f->dk->data[63] ^= 1;
	assert_int_equal(evs_volume_verify_dk(vol, f->dk, &f->err), -EKEYREJECTED);
	assert_int_equal(f->err.class, EVS_CLASS_WRONG_KEY);
	assert_non_null(strstr(f->err.text, "not the key of this disk"));
	evs_volume_close(vol);

	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_true(probe.found && probe.is_evs);
	assert_string_equal(probe.type, "crypto_LUKS");
	assert_string_equal(probe.uuid, UUID);
	assert_string_equal(probe.label, "mail");
}

static void test_sector_sizes(void **state)
{
	struct fixture *f = *state;
	struct evs_volume *vol;

	assert_int_equal(format(f, 512, NULL), 0);
	assert_int_equal(evs_volume_read(&vol, f->path, 0, &f->err), 0);
	assert_int_equal(evs_volume_sector_size(vol), 512);
	assert_string_equal(evs_volume_label(vol), "");
	evs_volume_close(vol);

	assert_int_equal(format(f, 1024, NULL), -EINVAL);
	assert_int_equal(truncate(f->path, 20 * MIB + 512), 0);
	assert_int_equal(format(f, 4096, NULL), -EINVAL);
	assert_non_null(strstr(f->err.text, "no multiple"));
	assert_int_equal(format(f, 0, NULL), 0);
	assert_int_equal(evs_volume_read(&vol, f->path, 0, &f->err), 0);
	assert_int_equal(evs_volume_sector_size(vol), 512);
	assert_int_equal(evs_volume_data_size(vol), 4 * MIB + 512);
	evs_volume_close(vol);
}

static void test_format_refuses(void **state)
{
	struct fixture *f = *state;
	struct evs_format fmt = { .uuid = "x" };
	struct evs_secret *half = evs_secret_alloc(EVS_DK_SIZE / 2);
	char label[EVS_LABEL_MAX + 2];

	assert_non_null(half);
	assert_int_equal(format_path(f->path, &fmt, &f->token, f->dk, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "bad UUID"));
	fmt.uuid = UUID;
	assert_int_equal(format_path(f->path, &fmt, &f->token, half, &f->err), -EINVAL);
	evs_secret_free(half);
	memset(label, 'l', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	assert_int_equal(format(f, 0, label), -EINVAL);
	assert_int_equal(truncate(f->path, 16 * MIB), 0);
	assert_int_equal(format(f, 0, NULL), -ENOSPC);
	assert_non_null(strstr(f->err.text, "too small"));
	assert_int_equal(format_at(f, "/dev/null", 0, NULL), -ENOTBLK);
	assert_int_equal(format_at(f, "/nonexistent", 0, NULL), -ENOENT);
}

/* The token cannot be written: the header that was there by then must go. */
static void test_format_undoes(void **state)
{
	struct fixture *f = *state;
	struct evs_probe probe;

	strcpy(f->token.cmk, "no id");
	assert_int_equal(format(f, 0, NULL), -EBADMSG);
	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_false(probe.found);
	refuse_open(f, -EMEDIUMTYPE, "no LUKS2 header");
}

/* Opens it by a descriptor for reading, as attach does with a device. */
static const char *open_disk(struct fixture *f, bool repair)
{
	static char damage[160];
	struct evs_volume *vol;
	struct evs_device dev;

	assert_int_equal(evs_device_open(&dev, f->path, O_RDONLY, &f->err), 0);
	if (evs_volume_open(&vol, &dev, 0, &f->err))
		fail_msg("%s", f->err.text);
	if (repair)
		assert_int_equal(evs_volume_repair(vol, &dev, &f->err), 0);
	assert_string_equal(evs_volume_token(vol)->cmk, CMK);
	assert_int_equal(evs_volume_verify_dk(vol, f->dk, &f->err), 0);
	snprintf(damage, sizeof(damage), "%s", evs_volume_damage(vol));
	evs_volume_close(vol);
	evs_device_close(&dev);
	return damage;
}

/* One copy is damaged: reading leaves it so and says so, repairing repairs it. */
static void damage_copy(struct fixture *f, off_t copy, const char *which)
{
	static const char junk[4096] = "junk";
	static unsigned char before[8 * SECOND_COPY], after[sizeof(before)];
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	overwrite(f, copy + 0x1000, junk, sizeof(junk));
	assert_int_equal(pread(fd, before, sizeof(before), 0), sizeof(before));
	assert_non_null(strstr(open_disk(f, false), which));
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	assert_string_equal(open_disk(f, true), "");
	assert_string_equal(open_disk(f, false), "");
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_not_equal(before, after, sizeof(before));
	close(fd);
}

static void test_one_copy_damaged(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(format(f, 0, NULL), 0);
	damage_copy(f, 0, "first copy");
	damage_copy(f, SECOND_COPY, "second copy");
	damage_copy(f, 0, "first copy");
}

/* One copy is left, and a file system as well: it may have been made over the disk. */
static void test_one_copy_and_other(void **state)
{
	static const unsigned char ext_magic[] = { 0x53, 0xef };
	static const unsigned char one = 1;
	static const char zeros[SECOND_COPY];
	struct fixture *f = *state;

	assert_int_equal(format(f, 0, NULL), 0);
	overwrite(f, 0, zeros, sizeof(zeros));
	overwrite(f, 1024 + 0x38, ext_magic, sizeof(ext_magic));
	overwrite(f, 1024 + 0x4c, &one, sizeof(one));
	refuse_open(f, -EUCLEAN, "damaged header");
}

static void test_both_copies_damaged(void **state)
{
	static const char junk[4096] = "junk";
	struct fixture *f = *state;

	assert_int_equal(format(f, 0, NULL), 0);
	overwrite(f, 0x1000, junk, sizeof(junk));
	overwrite(f, SECOND_COPY + 0x1000, junk, sizeof(junk));
	refuse_open(f, -EUCLEAN, "damaged header");
	/* Even the magic of one copy alone tells that there was a disk. */
	overwrite(f, 0, junk, sizeof(junk));
	refuse_open(f, -EUCLEAN, "damaged header");
	overwrite(f, SECOND_COPY, junk, sizeof(junk));
	refuse_open(f, -EMEDIUMTYPE, "no LUKS2 header");
}

static void test_truncated(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(format(f, 0, NULL), 0);
	assert_int_equal(truncate(f->path, 16 * MIB), 0);
	refuse_open(f, -EBADMSG, "ends before the data begins");
	assert_int_equal(truncate(f->path, 100), 0);
	refuse_open(f, -EUCLEAN, "damaged header");
}

/* A LUKS2 header with this token (or none), subsystem and cipher. */
static void foreign(struct fixture *f, const char *subsystem, const char *mode, const char *token)
{
	struct crypt_params_luks2 params = { .sector_size = 512, .subsystem = subsystem };
	struct crypt_device *cd;

	assert_int_equal(crypt_init(&cd, f->path), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", mode, UUID,
				      (const char *)f->dk->data, f->dk->size, &params), 0);
	if (token)
		assert_true(crypt_token_json_set(cd, CRYPT_ANY_TOKEN, token) >= 0);
	crypt_free(cd);
}

static void test_foreign(void **state)
{
	struct fixture *f = *state;

	foreign(f, NULL, "xts-plain64", NULL);
	refuse_open(f, -EMEDIUMTYPE, "another LUKS2 disk");
	/* Its token makes it an EVS disk, whatever the subsystem is. */
	foreign(f, NULL, "xts-plain", "{\"type\":\"evs-kms\",\"keyslots\":[],\"version\":1}");
	refuse_open(f, -EBADMSG, "not aes-xts-plain64");
	foreign(f, "other", "xts-plain64", "{\"type\":\"evs-kms\",\"keyslots\":[],\"version\":1}");
	refuse_open(f, -EBADMSG, "\"kms\" is missing");
	foreign(f, "evs", "xts-plain64", NULL);
	refuse_open(f, -EMEDIUMTYPE, "no evs-kms token");
	foreign(f, "evs", "xts-plain64", "{\"type\":\"other\",\"keyslots\":[]}");
	refuse_open(f, -EMEDIUMTYPE, "no evs-kms token");
	foreign(f, "evs", "xts-plain", NULL);
	refuse_open(f, -EBADMSG, "not aes-xts-plain64");
	foreign(f, "evs", "xts-plain64",
		"{\"type\":\"evs-kms\",\"keyslots\":[],\"version\":1}");
	refuse_open(f, -EBADMSG, "\"kms\" is missing");
}

/* As cryptsetup makes one that has a passphrase, and half a key */
static void test_key_size(void **state)
{
	struct crypt_pbkdf_type pbkdf = { .type = CRYPT_KDF_PBKDF2, .hash = "sha256",
					  .iterations = 1000, .flags = CRYPT_PBKDF_NO_BENCHMARK };
	struct crypt_params_luks2 params = { .sector_size = 512, .subsystem = "evs",
					     .pbkdf = &pbkdf };
	struct fixture *f = *state;
	struct crypt_device *cd;

	assert_int_equal(crypt_init(&cd, f->path), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", UUID,
				      (const char *)f->dk->data, EVS_DK_SIZE / 2, &params), 0);
	assert_int_equal(crypt_keyslot_add_by_volume_key(cd, 0, (const char *)f->dk->data,
							 EVS_DK_SIZE / 2, "x", 1), 0);
	crypt_free(cd);
	refuse_open(f, -EBADMSG, "its key is not of 64 bytes");
}

static void test_luks1(void **state)
{
	static const unsigned char luks1[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 1 };
	struct fixture *f = *state;

	overwrite(f, 0, luks1, sizeof(luks1));
	refuse_open(f, -EMEDIUMTYPE, "not an EVS disk but a LUKS1 disk");
}

static void test_probe(void **state)
{
	static const unsigned char ext_magic[] = { 0x53, 0xef };
	static const unsigned char mbr_magic[] = { 0x55, 0xaa };
	static const unsigned char partition[16] = { [4] = 0x83, [8] = 1, [12] = 1 };
	static const unsigned char one = 1;
	struct fixture *f = *state;
	struct evs_probe probe;

	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_false(probe.found);
	overwrite(f, 1024 + 0x38, ext_magic, sizeof(ext_magic));
	overwrite(f, 1024 + 0x4c, &one, sizeof(one));
	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_true(probe.found);
	assert_false(probe.is_evs);
	assert_string_equal(probe.type, "ext2");
	assert_string_equal(probe.usage, "filesystem");
	/* What was there is wiped, all of it. */
	overwrite(f, 510, mbr_magic, sizeof(mbr_magic));
	overwrite(f, 446, partition, sizeof(partition));
	assert_int_equal(format(f, 0, NULL), 0);
	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_true(probe.is_evs);
}

static void test_probe_partitions(void **state)
{
	static const unsigned char mbr_magic[] = { 0x55, 0xaa };
	static const unsigned char partition[16] = { [4] = 0x83, [8] = 1, [12] = 1 };
	struct fixture *f = *state;
	struct evs_probe probe;

	overwrite(f, 510, mbr_magic, sizeof(mbr_magic));
	overwrite(f, 446, partition, sizeof(partition));
	assert_int_equal(probe_path(f->path, &probe, &f->err), 0);
	assert_true(probe.found);
	assert_string_equal(probe.type, "dos");
	assert_string_equal(probe.usage, "partition table");
}

#define volume_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		volume_test(test_format_and_open),
		volume_test(test_sector_sizes),
		volume_test(test_format_refuses),
		volume_test(test_format_undoes),
		volume_test(test_one_copy_damaged),
		volume_test(test_one_copy_and_other),
		volume_test(test_both_copies_damaged),
		volume_test(test_truncated),
		volume_test(test_foreign),
		volume_test(test_key_size),
		volume_test(test_luks1),
		volume_test(test_probe),
		volume_test(test_probe_partitions),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
