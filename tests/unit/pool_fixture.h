/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool in a folder of a file system that cannot clone files, with a KMS of its own, and
 * verbs on it that are killed. kmsd_fixture.h comes before this.
 */
#ifndef POOL_FIXTURE_H
#define POOL_FIXTURE_H

#include <limits.h>

#include "killed.h"
#include "kms/kms.h"
#include "pool/pool.h"
#include "volume/volume.h"

static struct fixture kmsd;
static char folder[] = "/dev/shm/evs-pool-XXXXXX";
static struct evs_config config;
static struct evs_pool pool;
static struct evs_error err;

/* With @more in the configuration */
static int pool_set_up(const char *more)
{
	FILE *file;

	fixture_init(&kmsd);
	fixture_client(&kmsd, 10);
	file = fopen(getenv("EVS_CONF"), "ae");
	if (!file || !mkdtemp(folder) ||
	    fprintf(file, "[pool k%d]\nengine = dir\ndir = %s\nlimit = 100\n%s", getpid(),
		    folder, more) < 0 ||
	    fclose(file))
		return -1;
	daemon_start(&kmsd);
	return evs_config_load(&config, &err) || evs_pool_open(&pool, &config.pools[0], &err);
}

static int pool_tear_down(void)
{
	daemon_stop(&kmsd, SIGTERM);
	evs_pool_close(&pool);
	evs_config_free(&config);
	return remove_tree(kmsd.dir) || remove_tree(folder);
}

/* Its search for leaks refuses to run in a traced process. */
static void skip_unless_killable(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	if (geteuid())
		skip();
}

/* "%" in a word stands for the pool. */
static pid_t start(bool traced, const char *const *words)
{
	static char text[8][128];
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
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || !killed_stop_at_changes()))
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

UNUSED static bool is_there(const char *name, struct evs_record *record)
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

	evs_pool_close(&pool);
	if (evs_pool_open(&pool, &config.pools[0], &err) || evs_pool_lock(&pool, &err))
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

#endif /* POOL_FIXTURE_H */
