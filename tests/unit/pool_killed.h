/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs on a pool, killed at every call to the kernel that can change something: the
 * next one finds what was there before, or what was to be, and nothing else. What is
 * encrypted takes its time, so it is killed at some of the calls. Needs root, as the
 * daemon does.
 */
#ifndef POOL_KILLED_H
#define POOL_KILLED_H

#include <glob.h>

#include "kmsd_fixture.h"

#include "pool_fixture.h"

#define SIZE (4 << 20)

static char raw[96];

static int set_up(void **state)
{
	FILE *file;

	(void)state;
	if (geteuid())
		return 0;
	if (pool_set_up(""))
		return -1;
	snprintf(raw, sizeof(raw), "%s/raw", kmsd.dir);
	file = fopen(raw, "we");
	return !file || ftruncate(fileno(file), SIZE) || fclose(file);
}

static int tear_down(void **state)
{
	(void)state;
	return geteuid() ? 0 : pool_tear_down();
}

static void clean(void)
{
	static const char *const delete[][6] = {
		{ "delete", "--yes", "--with-snapshots", "%/d1", NULL },
		{ "delete", "--yes", "%/d2", NULL },
		{ "image", "delete", "--yes", "%/image:i1", NULL },
		{ "image", "delete", "--yes", "%/image:i2", NULL },
	};
	static const char *const names[] = { "d1", "d2", "image:i1", "image:i2" };
	struct evs_record record;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_there(names[i], &record))
			must(delete[i]);
	assert_int_equal(settle(), 0);
}

/* Is something attached that is in the pool, or a loop device over it there? */
static bool is_attached(void)
{
	glob_t disks, loops;
	char file[256];
	size_t i;
	bool any = !glob("/sys/block/evs*", 0, NULL, &disks);
	FILE *stream;

	globfree(&disks);
	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &loops))
		return any;
	for (i = 0; i < loops.gl_pathc; i++) {
		stream = fopen(loops.gl_pathv[i], "re");
		any = any || (stream && fgets(file, sizeof(file), stream) &&
			      !strncmp(file, folder, strlen(folder)));
		if (stream)
			fclose(stream);
	}
	globfree(&loops);
	return any;
}

/* What a verb attaches for itself goes once the kernel has closed its files. */
UNUSED static void wait_detached(void)
{
	unsigned int i;

	for (i = 0; is_attached() && i < 600; i++)
		sleep_ms(100);
	assert_false(is_attached());
}

/* The same of one that was killed, when the next verbs have cleaned up after it */
static void wait_swept(void)
{
	unsigned int i;

	for (i = 0; is_attached() && i < 600; i++) {
		if (evs_pool_lock(&pool, &err))
			fail_msg("%s", err.text);
		evs_pool_unlock(&pool);
		sleep_ms(100);
	}
	assert_false(is_attached());
}

/**
 * struct step - A verb, and what there is before and after it.
 * @prepare: makes what it needs, or NULL
 * @verb: it
 * @every: kill it at each of so many calls
 * @old: objects before it
 * @new: objects after it
 * @is_new: tells which it is where there are as many; looks at what is there as well
 */
struct step {
	void (*prepare)(void);
	const char *const *verb;
	unsigned int every;
	unsigned int old;
	unsigned int new;
	bool (*is_new)(void);
};

static void kill_everywhere(const struct step *step)
{
	unsigned int when, count, olds = 0, news = 0;
	bool more = true, new = true;

	skip_unless_killable();
	for (when = 1; more; when += step->every) {
		if (new && step->prepare)
			step->prepare();
		more = killed_before(start(true, step->verb), when);
		wait_swept();
		count = settle();
		if (count != step->old && count != step->new)
			fail_msg("killed at call %u: %u objects", when, count);
		new = step->is_new ? step->is_new() : count == step->new;
		olds += !new;
		news += new;
		assert_true(more || new);
		if (new)
			clean();
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
}

#endif /* POOL_KILLED_H */
