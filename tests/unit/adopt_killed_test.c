// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * adopt and release, killed at calls to the kernel that can change something: each
 * time the passphrase opens the disk, or the KMS does, or both; and each can be run again.
 * Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include <libcryptsetup.h>

#include "disk_fixture.h"
#include "killed.h"
#include "unwrap.h"
#include "volume/slots.h"

#define PASSPHRASE "a passphrase"

static struct fixture kmsd;
static char disk[96], foreign[96], ours[96], key_file[96];
static struct evs_cmk cmk;
static struct evs_config config;
static struct evs_error err;

/* What cryptsetup luksFormat makes, but that it takes no time to open */
static void make_foreign(void)
{
	struct crypt_pbkdf_type pbkdf = { .type = CRYPT_KDF_PBKDF2, .hash = "sha256",
					  .iterations = 1000,
					  .flags = CRYPT_PBKDF_NO_BENCHMARK };
	struct crypt_params_luks2 params = { .sector_size = 512, .pbkdf = &pbkdf };
	struct crypt_device *cd;

	copy_disk(ours, foreign);
	assert_int_equal(crypt_init(&cd, foreign), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", UUID, NULL, 64,
				      &params), 0);
	assert_true(crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT, NULL, 64, PASSPHRASE,
						    strlen(PASSPHRASE)) >= 0);
	crypt_free(cd);
}

static int set_up(void **state)
{
	FILE *file;

	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	snprintf(disk, sizeof(disk), "%s/disk", kmsd.dir);
	snprintf(foreign, sizeof(foreign), "%s/foreign", kmsd.dir);
	snprintf(ours, sizeof(ours), "%s/ours", kmsd.dir);
	snprintf(key_file, sizeof(key_file), "%s/key", kmsd.dir);
	fixture_client(&kmsd, 10);
	daemon_start(&kmsd);
	if (evs_config_load(&config, &err))
		fail_msg("%s", err.text);
	make_disk(&config, ours, NULL, &cmk, NULL);
	make_foreign();
	file = fopen(key_file, "we");
	return !file || fputs(PASSPHRASE, file) < 0 || fclose(file);
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	evs_config_free(&config);
	daemon_stop(&kmsd, SIGTERM);
	remove_tree(kmsd.dir);
	return 0;
}

static pid_t start(bool traced, const char *verb, const char *option)
{
	char program[256];
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(program, sizeof(program), "%s/evs-setup/evs-setup",
		 getenv("BUILD") ? getenv("BUILD") : "build");
	fd = open("/dev/null", O_RDWR);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || !killed_stop_at_changes()))
		_exit(126);
	execl(program, "evs-setup", verb, disk, "--key-file", key_file, option, NULL);
	_exit(127);
}

static bool runs(const char *verb, const char *option)
{
	pid_t pid = start(false, verb, option);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ---- what opens it ---- */

#define BY_PASSPHRASE 1
#define BY_KMS 2

static bool opens(struct evs_volume *vol, bool by_kms)
{
	struct evs_secret *passphrase = evs_secret_alloc(strlen(PASSPHRASE));
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error why = {};
	int ret;

	assert_true(passphrase && dk);
	memcpy(passphrase->data, PASSPHRASE, passphrase->size);
	ret = by_kms ? evs_unwrap(evs_volume_token(vol), dk, NULL, &why) :
	      evs_volume_unlock(vol, passphrase, dk, &why);
	if (!ret)
		ret = evs_volume_verify_dk(vol, dk, &why);
	evs_secret_free(passphrase);
	evs_secret_free(dk);
	return !ret;
}

/* A token that there is must be good. */
static unsigned int ways(void)
{
	struct evs_device dev;
	struct evs_volume *vol = open_disk(disk, EVS_VOLUME_FOREIGN, &dev);
	unsigned int found = 0;

	if (opens(vol, false))
		found |= BY_PASSPHRASE;
	if (evs_volume_token_count(vol)) {
		assert_int_equal(evs_volume_token_count(vol), 1);
		assert_true(opens(vol, true));
		found |= BY_KMS;
	}
	close_disk(vol, &dev);
	return found;
}

/* ---- tests ---- */

static void print_seen(const unsigned int seen[4])
{
	print_message("# opened by the passphrase %u times, by the KMS %u, by both %u\n",
		      seen[BY_PASSPHRASE], seen[BY_KMS], seen[BY_PASSPHRASE | BY_KMS]);
	assert_int_equal(seen[0], 0);
}

static void test_adopt(void **state)
{
	unsigned int when, found, seen[4] = {};
	bool more = true;

#ifdef __SANITIZE_ADDRESS__
	skip();		/* its search for leaks refuses to run in a traced process */
#endif
	(void)state;
	if (geteuid())
		skip();
	for (when = 1; more; when += one_of(8)) {
		copy_disk(foreign, disk);
		more = killed_before(start(true, "adopt", NULL), when);
		found = ways();
		seen[found]++;
		/* Once more, it is one already. */
		assert_int_equal(runs("adopt", NULL), found == BY_PASSPHRASE);
		assert_int_equal(ways(), BY_PASSPHRASE | BY_KMS);
	}
	print_seen(seen);
	assert_true(seen[BY_PASSPHRASE] && seen[BY_PASSPHRASE | BY_KMS]);
}

/* Cut short, it has both, or the KMS alone: never neither. */
static void test_remove_slots(void **state)
{
	unsigned int when, found, seen[4] = {};
	bool more = true;

#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	(void)state;
	if (geteuid())
		skip();
	for (when = 1; more; when += one_of(12)) {
		copy_disk(foreign, disk);
		more = killed_before(start(true, "adopt", "--remove-slots"), when);
		found = ways();
		seen[found]++;
		assert_true(more || found == BY_KMS);
	}
	print_seen(seen);
	assert_true(seen[BY_PASSPHRASE] && seen[BY_KMS] && seen[BY_PASSPHRASE | BY_KMS]);
}

/*
 * Cut short, it is ours or another's, and never both: the passphrase that was given first
 * opens nothing when another one is given to the next. Few of its calls in a short run: a
 * key slot that is made for a passphrase takes its time.
 */
static void test_release(void **state)
{
	unsigned int when, found, seen[4] = {};
	bool more = true;

#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	(void)state;
	if (geteuid())
		skip();
	for (when = 53; more; when += 4 * one_of(12)) {
		copy_disk(ours, disk);
		more = killed_before(start(true, "release", NULL), when);
		found = ways();
		seen[found]++;
		assert_true(more || found == BY_PASSPHRASE);
	}
	print_seen(seen);
	assert_true(seen[BY_PASSPHRASE] && seen[BY_KMS] && !seen[BY_PASSPHRASE | BY_KMS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_remove_slots),
		cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests_name("adopt killed", tests, set_up, tear_down);
}
