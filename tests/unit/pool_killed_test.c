// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs on a pool, killed at every call to the kernel that can change something: the
 * next one finds what was there before, or what was to be, and nothing else. In a
 * folder of a file system that cannot clone files. An encrypted disk takes its time, so
 * its making is killed at some of the calls. Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "killed.h"
#include "kms/kms.h"
#include "pool/pool.h"
#include "volume/volume.h"

#define SIZE (4 << 20)

static struct fixture kmsd;
static char folder[] = "/dev/shm/evs-pool-XXXXXX";
static char raw[96];
static struct evs_config config;
static struct evs_pool pool;
static struct evs_error err;

static int set_up(void **state)
{
	FILE *file;

	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	fixture_client(&kmsd, 10);
	file = fopen(getenv("EVS_CONF"), "ae");
	if (!file || !mkdtemp(folder) ||
	    fprintf(file, "[pool k%d]\nengine = dir\ndir = %s\nlimit = 100\n", getpid(),
		    folder) < 0 ||
	    fclose(file))
		return -1;
	snprintf(raw, sizeof(raw), "%s/raw", kmsd.dir);
	file = fopen(raw, "we");
	if (!file || ftruncate(fileno(file), SIZE) || fclose(file))
		return -1;
	daemon_start(&kmsd);
	return evs_config_load(&config, &err) || evs_pool_open(&pool, &config.pools[0], &err);
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	daemon_stop(&kmsd, SIGTERM);
	evs_pool_close(&pool);
	evs_config_free(&config);
	remove_tree(kmsd.dir);
	remove_tree(folder);
	return 0;
}

/* ---- the program ---- */

#define STOP_AT(call, more) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, more, 0)

/* Stops at nothing but what changes something. */
static bool stop_at_changes(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		STOP_AT(write, 11),
		STOP_AT(pwrite64, 10),
		STOP_AT(fsync, 9),
		STOP_AT(unlinkat, 8),
		STOP_AT(ftruncate, 7),
		STOP_AT(mkdirat, 6),
		STOP_AT(renameat, 5),
		STOP_AT(renameat2, 4),
		STOP_AT(unlink, 3),
		STOP_AT(sendto, 2),
		STOP_AT(openat, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]),
				      .filter = filter };

	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Opening counts where it makes a file. */
static bool changes_something(pid_t pid)
{
	struct __ptrace_syscall_info info;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0);
	if (info.seccomp.nr == SYS_openat)
		return info.seccomp.args[2] & O_CREAT;
	if (info.seccomp.nr == SYS_write || info.seccomp.nr == SYS_pwrite64)
		return !killed_is_memory(pid, (int)info.seccomp.args[0]);
	return true;
}

/* Kills it before its @when-th such call. Returns whether there was one. */
static bool killed_before(pid_t pid, unsigned int when)
{
	unsigned int seen = 0;
	int status, signal = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	for (;;) {
		assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
		signal = status >> 16 ? 0 : WSTOPSIG(status);
		if (status >> 16 == PTRACE_EVENT_SECCOMP && changes_something(pid) &&
		    ++seen == when)
			break;
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

/* "%" in a word stands for the pool. */
static pid_t start(bool traced, const char *const *words)
{
	static char text[8][96];
	char program[256];
	char *args[10] = { "evs-setup" };
	pid_t pid = fork();
	size_t i;
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (i = 0; words[i]; i++) {
		snprintf(text[i], sizeof(text[i]), "%s%s", *words[i] == '%' ? pool.config->name : "",
			 words[i] + (*words[i] == '%'));
		args[i + 1] = text[i];
	}
	snprintf(program, sizeof(program), "%s/evs-setup/evs-setup",
		 getenv("BUILD") ? getenv("BUILD") : "build");
	fd = open("/dev/null", O_RDWR);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || !stop_at_changes()))
		_exit(126);
	execv(program, args);
	_exit(127);
}

static void must(const char *const *words)
{
	pid_t pid = start(false, words);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s %s: status %x", words[0], words[1], status);
}

/* ---- what is left ---- */

/* What a command prints, without its last line feed */
static void output(char *text, size_t size, const char *command)
{
	FILE *pipe = popen(command, "re");
	size_t len;

	assert_non_null(pipe);
	len = fread(text, 1, size - 1, pipe);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static int look(void *arg, const struct evs_pool_entry *entry, struct evs_error *error)
{
	unsigned int *count = arg;
	struct evs_volume *vol;
	char path[PATH_MAX];

	assert_false(entry->object.unfinished);
	++*count;
	if (!entry->record.encrypted)
		return 0;
	assert_int_equal(pool.ops->activate(&pool, &entry->object, false, path, sizeof(path), error),
			 0);
	if (evs_volume_read(&vol, path, 0, error))
		fail_msg("%s", error->text);
	assert_string_equal(evs_volume_uuid(vol), entry->record.id);
	assert_string_equal(evs_volume_token(vol)->cmk, entry->record.cmk);
	assert_true(evs_volume_data_size(vol) >= entry->record.size);
	evs_volume_close(vol);
	return 0;
}

static bool is_there(const char *name, struct evs_record *record)
{
	struct evs_error why = {};
	struct evs_pool_entry entry;
	struct evs_object object;

	assert_int_equal(evs_object_parse(&object, name, &why), 0);
	if (evs_pool_find(&pool, &object, &entry, &why))
		return false;
	*record = entry.record;
	return true;
}

/* Folders without a record are no object, but not nothing. */
static unsigned int folders(void)
{
	char out[32], command[128];

	snprintf(command, sizeof(command), "find %s -name disk | wc -l", folder);
	output(out, sizeof(out), command);
	return (unsigned int)atoi(out);
}

/* As the next verb does; returns how many whole objects there are. */
static unsigned int settle(void)
{
	unsigned int count = 0;
	char out[256], command[128];

	if (evs_pool_lock(&pool, &err))
		fail_msg("%s", err.text);
	evs_pool_unlock(&pool);
	if (pool.ops->list(&pool, look, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(folders(), count);
	snprintf(command, sizeof(command), "find %s -name 'new.*'", folder);
	output(out, sizeof(out), command);
	assert_string_equal(out, "");
	return count;
}

static void clean(void)
{
	static const char *const delete[] = { "delete", "--yes", "--with-snapshots", "%/d1", NULL };
	static const char *const others[][5] = {
		{ "image", "delete", "--yes", "%/image:i1", NULL },
		{ "image", "delete", "--yes", "%/image:i2", NULL },
	};
	static const char *const names[] = { "image:i1", "image:i2" };
	struct evs_record record;
	size_t i;

	if (is_there("d1", &record))
		must(delete);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_there(names[i], &record))
			must(others[i]);
	assert_int_equal(settle(), 0);
}

/**
 * struct step - A verb, and what there is before and after it.
 * @before: what makes what it needs, or NULL
 * @verb: it
 * @every: kill it at each of so many calls
 * @old: objects before it
 * @new: objects after it
 */
struct step {
	const char *const *before;
	const char *const *verb;
	unsigned int every;
	unsigned int old;
	unsigned int new;
};

static void kill_everywhere(const struct step *step)
{
	unsigned int when, count, olds = 0, news = 0;
	bool more = true;

#ifdef __SANITIZE_ADDRESS__
	skip();		/* its search for leaks refuses to run in a traced process */
#endif
	if (geteuid())
		skip();
	for (when = 1; more; when += step->every) {
		if (step->before)
			must(step->before);
		more = killed_before(start(true, step->verb), when);
		count = settle();
		if (count != step->old && count != step->new)
			fail_msg("killed at call %u: %u objects", when, count);
		olds += count == step->old;
		news += count == step->new;
		assert_true(more || count == step->new);
		clean();
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
}

static const char *const create[] = { "create", "%/d1", "--size", "4M", NULL };
static const char *const create_plain[] = { "create", "%/d1", "--size", "4M", "--plain", NULL };
static const char *const snapshot[] = { "snapshot", "create", "--copy", "--no-freeze",
					"%/d1@s1", NULL };
static const char *const delete[] = { "delete", "--yes", "%/d1", NULL };

static void test_create(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = create, .every = 8, .new = 1 });
}

static void test_create_plain(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = create_plain, .every = 1, .new = 1 });
}

static void test_snapshot(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .before = create_plain, .verb = snapshot, .every = 1,
					.old = 1, .new = 2 });
}

static void test_delete(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .before = create_plain, .verb = delete, .every = 1,
					.old = 1 });
}

/* Each call in a long run, else one of so many */
static unsigned int one_of(unsigned int calls)
{
	const char *length = getenv("EVS_LONG");

	return length && atoi(length) > 1 ? 1 : calls;
}

/* ---- images ---- */

static const char *const import[] = { "image", "import", "--plain", "--format", "raw", raw,
				      "%/image:i1", NULL };

static void test_import(void **state)
{
	(void)state;
	kill_everywhere(&(struct step){ .verb = import, .every = one_of(4), .new = 1 });
}

static void test_copy(void **state)
{
	static const char *const copy[] = { "image", "copy", "%/image:i1", "%/image:i2", NULL };

	(void)state;
	kill_everywhere(&(struct step){ .before = import, .verb = copy, .every = one_of(4), .old = 1,
					.new = 2 });
}

/* The record, the header and the size agree whenever it is killed. */
static void test_resize(void **state)
{
	static const char *const resize[] = { "resize", "%/d1", "--size", "8M", NULL };
	struct evs_record record;
	unsigned int when;
	bool more = true;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	if (geteuid())
		skip();
	must(create_plain);
	for (when = 1; more; when++) {
		more = killed_before(start(true, resize), when);
		assert_int_equal(settle(), 1);
		assert_true(is_there("d1", &record));
		assert_true(record.size == SIZE || record.size == 2 * SIZE);
		if (record.size == SIZE)
			continue;
		clean();
		must(create_plain);
	}
	clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_plain),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests_name("pool killed", tests, set_up, tear_down);
}
