// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kill the process at each command that it runs. PATH begins with a folder of programs
 * that do so (tests/life/fault): at which one is in the file $LIFE_FAULT/at.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life.h"

#define SIZE (64 * MIB)
#define PIECE 4096

static FILE *open_fault(const char *mode)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/at", getenv("LIFE_FAULT"));
	return fopen(path, mode);
}

static void set_fault(unsigned int at)
{
	FILE *file = open_fault("w");

	if (!file || fprintf(file, "%u\n", at) < 0 || fclose(file))
		ok(false, "set the command to be killed after");
}

/* How many commands are left until then */
static int get_fault(void)
{
	FILE *file = open_fault("r");
	int at = 0;

	if (!file || fscanf(file, "%d", &at) != 1 || fclose(file))
		ok(false, "how many commands there were");
	return at;
}

static int step_create(struct evs_error *err)
{
	return make("d2", NULL, SIZE, err);
}

static int step_clone(struct evs_error *err)
{
	return make("d2", "d1@s1", SIZE, err);
}

static int step_of_disk(struct evs_error *err)
{
	return make("d2", "d1", SIZE, err);
}

/* One that is read and dropped. Its disk may be frozen for one command, and no more. */
static int step_nameless(struct evs_error *err)
{
	struct evs_record record = { .kind = EVS_KIND_SNAPSHOT, .size = SIZE };
	struct evs_object disk = named("d1");
	struct evs_snapshot taken;
	int ret, left;

	ret = evs_snapshot_begin(&pool, &taken, &disk, &record, err);
	left = get_fault();
	if (!ret)
		ret = evs_snapshot_take(&pool, &taken, err);
	if (!ret && left - get_fault() != 1)
		ret = evs_error_set(err, EIO, "%d commands to take the data", left - get_fault());
	if (!ret)
		ret = evs_snapshot_end(&pool, &taken, EVS_CONSISTENT_FS, err);
	evs_snapshot_drop(&pool, &taken);
	return ret;
}

/* One that is given up when its data is taken, as when that of another disk cannot be */
static int step_dropped(struct evs_error *err)
{
	struct evs_record record = { .kind = EVS_KIND_SNAPSHOT, .size = SIZE };
	struct evs_object disk = named("d1");
	struct evs_snapshot taken;
	int ret;

	ret = evs_snapshot_begin(&pool, &taken, &disk, &record, err);
	if (!ret)
		ret = evs_snapshot_take(&pool, &taken, err);
	evs_snapshot_drop(&pool, &taken);
	return ret;
}

static int step_back(struct evs_error *err)
{
	return take_back("d1", "d1@s1", err);
}

/* Return: whether it was killed. */
static bool killed(int (*step)(struct evs_error *err), const char *name)
{
	struct evs_error err = {};
	pid_t pid = fork();
	int status;

	if (!pid) {
		char path[8192];

		snprintf(path, sizeof(path), "%s:%s", getenv("LIFE_FAULT"), getenv("PATH"));
		setenv("PATH", path, 1);
		if (evs_pool_lock(&pool, &err) || step(&err))
			printf("# %s\n", err.text);
		fflush(stdout);
		_exit(err.errnum ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return ok(false, "%s: fork", name) && false;
	if (!WIFSIGNALED(status) && WEXITSTATUS(status))
		ok(false, "%s: fails by itself", name);
	return WIFSIGNALED(status);
}

/* What the next verb finds: the lock is free, nothing is unfinished. */
static void settle(const char *name, unsigned int at)
{
	struct evs_error err = {};
	unsigned int unfinished = 1;

	if (evs_pool_lock(&pool, &err))
		return (void)ok(false, "%s: %s", name, err.text);
	objects(&unfinished);
	ok(!unfinished, "%s: killed after command %u: nothing is unfinished", name, at);
}

/* Nothing is left of it, nor in the way of a disk that is removed. */
static void check_nothing(const char *name, unsigned int at)
{
	struct evs_object disk = named("d1");
	struct evs_error err = {};

	settle(name, at);
	ok(objects(NULL) == 2, "%s: disk and snapshot are there, and nothing else", name);
	if (pool.ops->removable)
		returns(pool.ops->removable(&pool, &disk, &err), 0, &err, name);
	evs_pool_unlock(&pool);
}

static void check_made(const char *name, unsigned int at)
{
	char letter = !strcmp(name, "clone of a disk") ? 'b' : 'a';
	struct evs_object disk = named("d2");
	struct evs_pool_entry entry;
	struct evs_error err = {};

	settle(name, at);
	if (look("d2", &entry)) {
		ok(holds(&disk, 0, PIECE, *entry.record.from ? letter : 0),
		   "%s: it is there as a whole", name);
		returns(pool.ops->remove(&pool, &disk, &err), 0, &err, name);
	}
	evs_pool_unlock(&pool);
}

static void check_taken_back(const char *name, unsigned int at)
{
	struct evs_object disk = named("d1");
	struct evs_pool_entry entry = {};
	struct evs_error err = {};

	settle(name, at);
	ok(look("d1", &entry) && look("d1@s1", NULL), "%s: disk and snapshot are there", name);
	/* In place, the middle of it may be seen; it is known to be the middle. */
	if (*entry.record.rollback)
		returns(take_back("d1", "d1@s1", &err), 0, &err, "take it back once more");
	if (holds(&disk, 0, PIECE, 'b'))
		ok(true, "%s: old state", name);
	else
		ok(holds(&disk, 0, PIECE, 'a') && fill(&disk, 0, PIECE, 'b'), "%s: new state",
		   name);
	evs_pool_unlock(&pool);
}

static void each_command(const char *name, int (*step)(struct evs_error *err),
			 void (*check)(const char *name, unsigned int at))
{
	unsigned int at = 0;
	bool more;

	do {
		set_fault(++at);
		more = killed(step, name);
		check(name, at);
	} while (more && at < 30);
	ok(!more && at > 1, "%s: %u commands", name, at - 1);
}

static int set_up(struct evs_error *err)
{
	struct evs_object disk = named("d1"), snapshot = named("d1@s1");
	struct evs_record record = {
		.kind = EVS_KIND_SNAPSHOT,
		.size = SIZE,
		.id = "00000000-0000-4000-8000-000000000001",
		.made = 1700000000,
	};
	int ret;

	ret = evs_pool_lock(&pool, err);
	if (!ret)
		ret = make("d1", NULL, SIZE, err);
	if (!ret && !fill(&disk, 0, PIECE, 'a'))
		ret = evs_error_set(err, EIO, "fill");
	if (!ret)
		ret = evs_pool_snapshot(&pool, &snapshot, &record, err);
	if (!ret && !fill(&disk, 0, PIECE, 'b'))
		ret = evs_error_set(err, EIO, "fill");
	evs_pool_unlock(&pool);
	return ret;
}

void crash_checks(bool long_form)
{
	struct evs_object disk = named("d1"), snapshot = named("d1@s1");
	struct evs_error err = {};

	if (!returns(set_up(&err), 0, &err, "a disk and a snapshot"))
		return;
	if (long_form) {
		each_command("create", step_create, check_made);
		each_command("clone", step_clone, check_made);
		each_command("rollback", step_back, check_taken_back);
		each_command("clone of a disk", step_of_disk, check_made);
		each_command("dropped snapshot", step_dropped, check_nothing);
	}
	each_command("nameless snapshot", step_nameless, check_nothing);
	returns(pool.ops->remove(&pool, &snapshot, &err), 0, &err, "remove the snapshot");
	returns(pool.ops->remove(&pool, &disk, &err), 0, &err, "remove the disk");
	ok(!objects(NULL), "nothing is left");
}
