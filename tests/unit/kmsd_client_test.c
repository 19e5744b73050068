// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The KMS client and the key helper against the real daemon with a real token
 * (SoftHSM2), each in a process of its own. Needs root, as the daemon does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "hex.h"
#include "init.h"
#include "kms/kms.h"
#include "volume_fixture.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define OTHER_UUID "21111111-2222-3333-4444-555555555555"
#define CHUNK (1 << 20)

static char dir[] = "/tmp/evs-kmsd-client-XXXXXX";
static char state_dir[64], config[64], socket_path[64], client_config[64], disk[64];
static char daemon_log[64];
static struct evs_config cfg;
static struct evs_kms *kms;
static pid_t daemon_pid;

static const char *built(const char *program)
{
	static char path[256];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", program);
	return path;
}

static bool listens(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	strcpy(addr.sun_path, socket_path);
	ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return !ret;
}

static pid_t start_daemon(void)
{
	pid_t pid = fork();
	int tries, log;

	if (!pid) {
		log = open(daemon_log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (log < 0 || dup2(log, STDERR_FILENO) < 0)
			_exit(127);
		execl(built("evs-kmsd/evs-kmsd"), "evs-kmsd", "--config", config, NULL);
		_exit(127);
	}
	for (tries = 0; pid > 0 && !listens() && tries < 6000; tries++)
		usleep(10000);
	return pid;
}

static int write_client_config(void)
{
	FILE *file = fopen(client_config, "we");

	if (!file)
		return -1;
	fprintf(file, "[kms local]\nurl = unix:%s\ntimeout = 60\n", socket_path);
	return fclose(file) || setenv("EVS_CONF", client_config, 1) ? -1 : 0;
}

static int set_up(void **state)
{
	const struct kmsd_init init = {
		.state_dir = state_dir, .config = config, .socket = socket_path,
	};
	struct evs_error err = {};

	(void)state;
	if (geteuid() || !mkdtemp(dir))
		return geteuid() ? 0 : -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(config, sizeof(config), "%s/kmsd.conf", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	snprintf(client_config, sizeof(client_config), "%s/evs.conf", dir);
	snprintf(daemon_log, sizeof(daemon_log), "%s/log", dir);
	snprintf(disk, sizeof(disk), "%s/disk", dir);
	if (kmsd_init(&init, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	daemon_pid = start_daemon();
	if (daemon_pid < 0 || write_client_config() || evs_config_load(&cfg, &err))
		return -1;
	return evs_kms_open(&kms, evs_config_kms(&cfg, EVS_KMS_LOCAL, &err), &err);
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	evs_kms_close(kms);
	evs_config_free(&cfg);
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGTERM);
		waitpid(daemon_pid, NULL, 0);
	}
	return remove_tree(dir);
}

static void need_root(void)
{
	if (geteuid())
		skip();
}

static void make_key(const char *alias, struct evs_cmk *cmk)
{
	struct evs_error err = {};

	if (evs_kms_create_key(kms, alias, "made by a test", cmk, &err))
		fail_msg("%s", err.text);
}

static void make_dk(const struct evs_cmk *cmk, struct evs_token *token, struct evs_secret *dk)
{
	struct evs_error err = {};

	assert_int_equal(evs_token_init(token, EVS_KMS_LOCAL, cmk->id, UUID, &err), 0);
	if (evs_kms_create_datakey(kms, token, dk, &err))
		fail_msg("%s", err.text);
}

static void test_cmks(void **state)
{
	struct evs_cmk made, cmk, *cmks;
	struct evs_error err = {};
	bool found = false;
	size_t count, i;

	(void)state;
	need_root();
	make_key("alias/cmks", &made);
	assert_string_equal(made.alias, "cmks");
	assert_string_equal(made.description, "made by a test");
	assert_int_equal(made.state, EVS_CMK_STATE_ENABLED);
	assert_true(made.created > 1700000000 && made.created < 10000000000);
	assert_int_equal(evs_kms_create_key(kms, "cmks", NULL, &cmk, &err), -EEXIST);
	assert_contains(err.text, "CMK cmks: another CMK has this alias (KMS.1104");

	assert_int_equal(evs_kms_describe_key(kms, "cmks", &cmk, &err), 0);
	assert_string_equal(cmk.id, made.id);
	assert_int_equal(evs_kms_describe_key(kms, made.id, &cmk, &err), 0);
	assert_int_equal(evs_kms_describe_key(kms, "nothing", &cmk, &err), -ENOKEY);
	assert_contains(err.text, "CMK nothing: no such CMK");
	assert_int_equal(evs_kms_describe_key(kms, EVS_CMK_DEFAULT, &cmk, &err), 0);
	assert_true(cmk.is_default);
	assert_int_equal(evs_kms_disable_key(kms, EVS_CMK_DEFAULT, &cmk, &err), -EOPNOTSUPP);
	assert_contains(err.text, "CMK evs/default (");

	assert_int_equal(evs_kms_list_keys(kms, &cmks, &count, &err), 0);
	for (i = 0; i < count; i++)
		found |= !strcmp(cmks[i].id, made.id);
	assert_true(found);
	free(cmks);
}

static void test_many_pages(void **state)
{
	struct evs_error err = {};
	struct evs_cmk cmk, *cmks;
	size_t before, count;
	char alias[32];
	int i;

	(void)state;
	need_root();
	assert_int_equal(evs_kms_list_keys(kms, &cmks, &before, &err), 0);
	free(cmks);
	for (i = 0; i < 45; i++) {
		snprintf(alias, sizeof(alias), "page-%d", i);
		make_key(alias, &cmk);
	}
	if (evs_kms_list_keys(kms, &cmks, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(count, before + 45);
	free(cmks);
}

static void test_datakeys(void **state)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_secret *back = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_token token;
	struct evs_cmk cmk;

	(void)state;
	need_root();
	assert_true(dk && back);
	make_key("datakeys", &cmk);
	make_dk(&cmk, &token, dk);
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), 0);
	assert_memory_equal(dk->data, back->data, EVS_DK_SIZE);
	assert_int_equal(evs_kms_encrypt_datakey(kms, &token, dk, &err), 0);
	evs_secret_wipe(back);
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), 0);
	assert_memory_equal(dk->data, back->data, EVS_DK_SIZE);

	/* Another context, then another blob. */
	token.context.pair[1].value[0] = 'f';
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), -EBADMSG);
	assert_int_equal(err.class, EVS_CLASS_TAMPERED);
	token.context.pair[1].value[0] = UUID[0];
	token.wrapped_dk[60] = token.wrapped_dk[60] == '0' ? '1' : '0';
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, back, &err), -EBADMSG);
	evs_secret_free(dk);
	evs_secret_free(back);
}

static void test_disable(void **state)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_token token;
	struct evs_cmk cmk;

	(void)state;
	need_root();
	assert_non_null(dk);
	make_key("db-prod", &cmk);
	make_dk(&cmk, &token, dk);
	assert_int_equal(evs_kms_disable_key(kms, "db-prod", &cmk, &err), 0);
	assert_int_equal(cmk.state, EVS_CMK_STATE_DISABLED);
	assert_int_equal(evs_kms_disable_key(kms, "db-prod", &cmk, &err), -EINVAL);
	assert_contains(err.text, "is disabled already (KMS.1301");
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, dk, &err), -EKEYREVOKED);
	assert_contains(err.text, "CMK db-prod (");
	assert_contains(err.text, "): disabled (KMS.0209");
	assert_contains(err.text, "; enable it with: evs-setup cmk enable db-prod");
	assert_int_equal(evs_kms_enable_key(kms, cmk.id, &cmk, &err), 0);
	assert_int_equal(evs_kms_enable_key(kms, cmk.id, &cmk, &err), -EINVAL);
	assert_contains(err.text, "is enabled already (KMS.1201");
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, dk, &err), 0);
	evs_secret_free(dk);
}

/* Runs the helper's dry mode; its output goes to @out. */
static int run_helper(const char *uuid, const char *device, char *out, size_t size)
{
	char command[512];
	size_t used;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s -D %s %s 2>&1",
		 built("evs-request-key/evs-request-key"), uuid, device);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	used = fread(out, 1, size - 1, pipe);
	out[used] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void test_helper(void **state)
{
	const struct evs_format fmt = { .uuid = UUID };
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_token token;
	struct evs_cmk cmk;
	char out[2048];
	int fd;

	(void)state;
	need_root();
	assert_non_null(dk);
	fd = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 20 << 20), 0);
	close(fd);
	make_key("helper", &cmk);
	make_dk(&cmk, &token, dk);
	assert_int_equal(format_path(disk, &fmt, &token, dk, &err), 0);
	assert_int_equal(run_helper(UUID, disk, out, sizeof(out)), 0);
	assert_string_equal(out, "DK of " UUID ": verified\n");

	assert_int_equal(run_helper(OTHER_UUID, disk, out, sizeof(out)), 2);
	assert_contains(out, "holds disk " UUID ", not " OTHER_UUID);
	assert_int_equal(run_helper("nonsense", disk, out, sizeof(out)), 1);
	assert_int_equal(run_helper(UUID, "/nonexistent", out, sizeof(out)), 2);
	assert_int_equal(evs_kms_disable_key(kms, "helper", &cmk, &err), 0);
	assert_int_equal(run_helper(UUID, disk, out, sizeof(out)), 2);
	assert_contains(out, "evs-request-key: CMK helper (");
	assert_contains(out, "KMS.0209");

	/* The wrapped key of another disk: the KMS is content, the disk is not. */
	assert_int_equal(evs_kms_enable_key(kms, "helper", &cmk, &err), 0);
	dk->data[0] ^= 1;
	assert_int_equal(format_path(disk, &fmt, &token, dk, &err), 0);
	assert_int_equal(run_helper(UUID, disk, out, sizeof(out)), 2);
	assert_contains(out, "not the key of this disk");
	evs_secret_free(dk);
}

/* ---- no copy of a key stays behind ---- */

/* @needle is inverted, so that it is not found itself. */
static bool chunk_holds(const unsigned char *chunk, size_t len, const unsigned char *needle,
			size_t needle_len)
{
	const unsigned char *at = chunk, *end = chunk + len;
	size_t i;

	while ((at = memchr(at, (unsigned char)~needle[0], (size_t)(end - at)))) {
		for (i = 1; i < needle_len && at + i < end; i++)
			if ((at[i] ^ needle[i]) != 0xff)
				break;
		if (i == needle_len)
			return true;
		at++;
	}
	return false;
}

/* Whether any writable memory of this process but @own holds the needle. */
static bool memory_holds(const unsigned char *needle, size_t needle_len, struct evs_secret *own)
{
	unsigned long start, end, at;
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[512];
	ssize_t len;

	assert_true(mem >= 0 && maps);
	while (!found && fgets(line, sizeof(line), maps)) {
		char perms[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 || perms[1] != 'w' ||
		    (start <= (unsigned long)own && (unsigned long)own < end))
			continue;
		/* Chunks overlap, so a needle on their border is seen. */
		for (at = start; at < end && !found; at += CHUNK - needle_len) {
			len = pread(mem, own->data, CHUNK, (off_t)at);
			if (len <= 0)
				break;
			found = chunk_holds(own->data, (size_t)len, needle, needle_len);
		}
	}
	fclose(maps);
	close(mem);
	return found;
}

static void invert(unsigned char *bytes, size_t len)
{
	while (len--)
		bytes[len] = (unsigned char)~bytes[len];
}

static void test_no_copies(void **state)
{
	unsigned char *copy;
	struct evs_secret *chunk = evs_secret_alloc(CHUNK);
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	unsigned char needle[EVS_DK_SIZE], hex[2 * EVS_DK_SIZE + 1];
	struct evs_error err = {};
	struct evs_token token;
	struct evs_cmk cmk;

	(void)state;
	need_root();
#ifdef __SANITIZE_ADDRESS__
	skip();		/* its shadow memory is too large to be searched */
#endif
	assert_true(chunk && dk);
	make_key("copies", &cmk);
	make_dk(&cmk, &token, dk);
	memcpy(needle, dk->data, EVS_DK_SIZE);
	invert(needle, sizeof(needle));
	evs_hex_encode((char *)hex, dk->data, EVS_DK_SIZE);
	invert(hex, sizeof(hex));
	/* The search finds what is there; of the DK's own buffer it may not see anything. */
	copy = malloc(EVS_DK_SIZE);
	assert_non_null(copy);
	memcpy(copy, dk->data, EVS_DK_SIZE);
	assert_true(memory_holds(needle, sizeof(needle), chunk));
	explicit_bzero(copy, EVS_DK_SIZE);
	free(copy);
	assert_int_equal(evs_kms_decrypt_datakey(kms, &token, dk, &err), 0);
	assert_int_equal(evs_kms_encrypt_datakey(kms, &token, dk, &err), 0);
	evs_secret_free(dk);
	/* Half of a key is as bad as all of it. */
	assert_false(memory_holds(needle, sizeof(needle) / 2, chunk));
	assert_false(memory_holds(needle + 32, sizeof(needle) / 2, chunk));
	/* The connection is kept for the next call: what curl sent lies there until then. */
	evs_kms_close(kms);
	kms = NULL;
	assert_false(memory_holds(hex, EVS_DK_SIZE, chunk));
	assert_false(memory_holds(hex + EVS_DK_SIZE, EVS_DK_SIZE, chunk));
	evs_secret_free(chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cmks),
		cmocka_unit_test(test_many_pages),
		cmocka_unit_test(test_datakeys),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_helper),
		cmocka_unit_test(test_no_copies),	/* closes the connection: last */
	};

	return cmocka_run_group_tests_name("kmsd_client", tests, set_up, tear_down);
}
