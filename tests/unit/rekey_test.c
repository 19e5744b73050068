// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new data key in place, killed at every call that changes the disk: what is left
 * goes on, and all data is there under the new key.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libcryptsetup.h>
#include <cmocka.h>

#include "killed.h"
#include "volume/rekey.h"
#include "volume/slots.h"
#include "volume_fixture.h"

#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"
#define DATA ((size_t)1 << 20)
#define PART ((size_t)256 << 10)

static char path[] = "/dev/shm/evs-rekey-XXXXXX";
static unsigned char plain[DATA];
static struct evs_secret *old_dk, *new_dk;
static struct evs_token old_token, new_token;
static struct evs_error err;
static unsigned int sector_size;
static uint64_t stop_at;
static bool kill_at_end;

/* A child has no part in locked memory. */
static int make_keys(void)
{
	old_dk = evs_secret_alloc(EVS_DK_SIZE);
	new_dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!old_dk || !new_dk)
		return -1;
	for (size_t i = 0; i < EVS_DK_SIZE; i++) {
		old_dk->data[i] = (unsigned char)(3 * i + 1);
		new_dk->data[i] = (unsigned char)(5 * i + 2);
	}
	return 0;
}

/* As the driver and dm-crypt do it: numbers count 512 bytes */
static void crypt_data(const struct evs_secret *dk, bool encrypt, unsigned char *data)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint64_t iv[2] = {};
	int len;

	for (size_t at = 0; at < DATA; at += sector_size) {
		iv[0] = at / 512;
		assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_256_xts(), NULL, dk->data,
						   (unsigned char *)iv, encrypt), 1);
		assert_int_equal(EVP_CipherUpdate(ctx, data + at, &len, data + at,
						  (int)sector_size), 1);
	}
	EVP_CIPHER_CTX_free(ctx);
}

static void transfer(bool write, unsigned char *data)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(write ? pwrite(fd, data, DATA, EVS_DATA_OFFSET) :
			 pread(fd, data, DATA, EVS_DATA_OFFSET), DATA);
	close(fd);
}

/* What is made once is copied: deriving the digest of its key takes long. */
static void make_disk(unsigned int sector)
{
	const struct evs_format fmt = { .uuid = UUID, .sector_size = sector };
	static unsigned char data[DATA], header[EVS_DATA_OFFSET];
	int fd;

	if (sector == sector_size) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
		close(fd);
		transfer(true, data);
		return;
	}
	sector_size = sector;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(truncate(path, (off_t)(EVS_DATA_OFFSET + DATA)), 0);
	assert_int_equal(format_path(path, &fmt, &old_token, old_dk, &err), 0);
	memcpy(data, plain, DATA);
	crypt_data(old_dk, true, data);
	transfer(true, data);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
}

static int tell(void *arg, uint64_t done, uint64_t total, struct evs_error *why)
{
	(void)arg;
	if (kill_at_end && done == total)
		raise(SIGKILL);
	return done >= stop_at ? evs_error_set(why, ECANCELED, "stop") : 0;
}

static int open_disk(struct evs_device *dev, struct evs_volume **vol, unsigned int flags)
{
	int ret;

	err = (struct evs_error){};
	ret = evs_device_open(dev, path, O_RDWR, &err);
	if (ret)
		return ret;
	ret = evs_volume_open(vol, dev, flags, &err);
	if (ret)
		evs_device_close(dev);
	return ret;
}

static void close_disk(struct evs_device *dev, struct evs_volume *vol)
{
	evs_volume_close(vol);
	evs_device_close(dev);
}

/* From whatever state to the end */
static int rekey(void)
{
	struct evs_device dev;
	struct evs_volume *vol;
	int ret;

	ret = open_disk(&dev, &vol, EVS_VOLUME_REKEY);
	if (ret)
		return ret;
	if (evs_volume_rekey_state(vol) == EVS_REKEY_NONE &&
	    !evs_volume_verify_dk(vol, old_dk, &err))
		ret = evs_volume_rekey_begin(vol, &new_token, old_dk, new_dk, &err);
	if (!ret && evs_volume_rekey_state(vol) == EVS_REKEY_BEGUN)
		ret = evs_volume_rekey_run(vol, new_dk, PART, tell, NULL, &err);
	close_disk(&dev, vol);
	if (!ret)
		ret = open_disk(&dev, &vol, EVS_VOLUME_REKEY);
	if (ret)
		return ret;
	ret = evs_volume_rekey_end(vol, &new_token, &err);
	close_disk(&dev, vol);
	return ret;
}

/* Nothing but the new key is known, and opens all of it. */
static void check_done(void)
{
	static unsigned char data[DATA];
	struct evs_device dev;
	struct evs_volume *vol;

	if (open_disk(&dev, &vol, 0))
		fail_msg("%s", err.text);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_string_equal(evs_volume_token(vol)->wrapped_dk, new_token.wrapped_dk);
	assert_int_equal(evs_volume_other_slots(vol), 0);
	assert_string_equal(evs_volume_damage(vol), "");
	assert_int_equal(evs_volume_verify_dk(vol, new_dk, &err), 0);
	assert_int_equal(evs_volume_verify_dk(vol, old_dk, &err), -EKEYREJECTED);
	assert_string_equal(evs_volume_uuid(vol), UUID);
	assert_int_equal(evs_volume_sector_size(vol), sector_size);
	assert_int_equal(evs_volume_data_size(vol), DATA);
	close_disk(&dev, vol);
	transfer(false, data);
	crypt_data(new_dk, false, data);
	assert_memory_equal(data, plain, DATA);
}

/* ---- tests ---- */

static void test_whole(void **state)
{
	static const unsigned int sectors[] = { 512, 4096 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		make_disk(sectors[i]);
		if (rekey())
			fail_msg("%s", err.text);
		check_done();
	}
}

static void test_stopped(void **state)
{
	struct evs_device dev;
	struct evs_volume *vol;

	(void)state;
	/* It is told of a part when the next one is written. */
	for (stop_at = PART; stop_at < DATA - PART; stop_at += PART) {
		uint64_t at = stop_at;

		make_disk(4096);
		assert_int_equal(rekey(), -ECANCELED);
		assert_int_equal(open_disk(&dev, &vol, 0), -EALREADY);
		assert_non_null(strstr(err.text, "go on by: evs-setup rekey"));
		assert_int_equal(open_disk(&dev, &vol, EVS_VOLUME_REKEY), 0);
		assert_int_equal(evs_volume_rekey_state(vol), EVS_REKEY_BEGUN);
		assert_int_equal(evs_volume_verify_dk(vol, new_dk, &err), 0);
		assert_int_equal(evs_volume_token_count(vol), 2);
		close_disk(&dev, vol);
		stop_at = UINT64_MAX;
		if (rekey())
			fail_msg("%s", err.text);
		check_done();
		stop_at = at;
	}
	make_disk(4096);
	/* Too late */
	assert_int_equal(rekey(), 0);
	stop_at = UINT64_MAX;
	check_done();
}

/* Of one that cryptsetup has begun, no token of ours gives the new key. */
static void test_foreign(void **state)
{
	const struct crypt_params_luks2 luks2 = { .sector_size = 4096 };
	const struct crypt_params_reencrypt params = {
		.mode = CRYPT_REENCRYPT_REENCRYPT, .resilience = "checksum", .hash = "sha256",
		.luks2 = &luks2, .flags = CRYPT_REENCRYPT_INITIALIZE_ONLY,
	};
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2, .hash = "sha256", .iterations = 1000,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	const char *key = (const char *)old_dk->data;
	struct crypt_device *cd;
	struct evs_device dev;
	struct evs_volume *vol;
	int slot;

	(void)state;
	make_disk(4096);
	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	assert_int_equal(crypt_set_pbkdf_type(cd, &pbkdf), 0);
	slot = crypt_keyslot_add_by_key(cd, CRYPT_ANY_SLOT, NULL, EVS_DK_SIZE, key, EVS_DK_SIZE,
					CRYPT_VOLUME_KEY_NO_SEGMENT);
	assert_true(slot > 0);
	assert_true(crypt_reencrypt_init_by_passphrase(cd, NULL, key, EVS_DK_SIZE, 0, slot, "aes",
						       "xts-plain64", &params) >= 0);
	crypt_free(cd);
	assert_int_equal(open_disk(&dev, &vol, EVS_VOLUME_REKEY), -EBADMSG);
}

static bool killed(unsigned int when)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		if (!killed_stop_at_changes())
			_exit(2);
		_exit(make_keys() || rekey() ? 1 : 0);
	}
	return killed_before(pid, when);
}

/* Once the data has the new key, the header alone tells which token is the old one. */
static void check_tokens(const struct evs_volume *vol)
{
	const struct evs_token *token;
	size_t i;

	for (i = 0; i < evs_volume_token_count(vol); i++) {
		token = evs_volume_token_at(vol, i);
		assert_int_equal(evs_volume_names_slot(vol, token),
				 !strcmp(token->wrapped_dk, new_token.wrapped_dk));
	}
}

static void test_killed(void **state)
{
	const char *text = getenv("EVS_LONG");
	unsigned int step = text && atoi(text) > 1 ? 1 : 17, when, seen[5] = {};
	struct evs_device dev;
	struct evs_volume *vol;
	bool more = true;

	(void)state;
	for (when = 1; more; when += step) {
		make_disk(4096);
		more = killed(when);
		if (open_disk(&dev, &vol, EVS_VOLUME_REKEY))
			fail_msg("%s", err.text);
		if (evs_volume_rekey_state(vol) != EVS_REKEY_NONE) {
			seen[evs_volume_rekey_state(vol)]++;
		} else if (!evs_volume_verify_dk(vol, old_dk, &err)) {
			seen[4]++;
		} else {
			seen[3]++;
			check_tokens(vol);
		}
		close_disk(&dev, vol);
		if (rekey())
			fail_msg("%s", err.text);
		check_done();
	}
	print_message("# killed at %u calls: begun %u times, written %u, done %u, not begun %u\n",
		      when / step - 1, seen[EVS_REKEY_BEGUN], seen[EVS_REKEY_WRITTEN], seen[3],
		      seen[4]);
	assert_true(seen[EVS_REKEY_BEGUN] && seen[3] && seen[4]);
	assert_true(step > 1 || seen[EVS_REKEY_WRITTEN]);
}

/* Cut short after the last part: the library would encrypt all of it once more. */
static void test_written(void **state)
{
	struct evs_device dev;
	struct evs_volume *vol;

	pid_t pid;
	int status;

	(void)state;
	make_disk(4096);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		kill_at_end = true;
		_exit(make_keys() || rekey() ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(open_disk(&dev, &vol, EVS_VOLUME_REKEY), 0);
	assert_int_equal(evs_volume_rekey_state(vol), EVS_REKEY_WRITTEN);
	close_disk(&dev, vol);
	if (rekey())
		fail_msg("%s", err.text);
	check_done();
}

static int set_up(void **state)
{
	int fd = mkstemp(path);
	size_t i;

	(void)state;
	close(fd);
	stop_at = UINT64_MAX;
	if (fd < 0 || make_keys())
		return -1;
	for (i = 0; i < DATA; i++)
		plain[i] = (unsigned char)((i * 2654435761U) >> 13);
	if (evs_token_init(&old_token, "local", "cmk", UUID, &err) ||
	    evs_token_init(&new_token, "local", "cmk", UUID, &err))
		return -1;
	strcpy(old_token.wrapped_dk, "00ff");
	strcpy(new_token.wrapped_dk, "00fe");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	evs_secret_free(old_dk);
	evs_secret_free(new_dk);
	return unlink(path);
}

static int no_stop(void **state)
{
	(void)state;
	stop_at = UINT64_MAX;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, no_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole), TEST(test_stopped),
		TEST(test_written), TEST(test_foreign),
		TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
