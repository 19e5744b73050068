// SPDX-License-Identifier: GPL-2.0-or-later
/* What LVM is called with, and what is made of its reports: by programs in its place. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "config-options.h"
#include "pool/pool.h"


static char folder[] = "/tmp/evs-lvm-XXXXXX";

/* A program of this name, which keeps its arguments and says this */
static void program(const char *name, const char *said)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s/%s.args\necho >>%s/%s.calls\n"
		"cat <<'END'\n%s\nEND\n", folder, name, folder, name, said);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* Whether it was called with this argument */
static bool called_with(const char *name, const char *argument)
{
	char path[64], line[4096];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.args", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strncmp(line, argument, strlen(argument));
	}
	fclose(file);
	return found;
}

/* How often it was called since this was asked */
static unsigned int calls(const char *name)
{
	unsigned int count = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.calls", folder, name);
	file = fopen(path, "r");
	while (file && fgetc(file) != EOF)
		count++;
	if (file)
		fclose(file);
	unlink(path);
	return count;
}

static int open_pool(struct evs_pool *pool, struct evs_error *err)
{
	static const struct evs_config_pool none;
	static struct evs_config_pool config;

	config = none;
	config.ops = &evs_pool_lvm_ops;
	strcpy(config.name, "p");
	assert_int_equal(evs_options_set(&config.options, "vg", "v"), 0);
	assert_int_equal(evs_options_set(&config.options, "thinpool", "t"), 0);
	return evs_pool_open(pool, &config, err);
}

#define THIN(zero) "{\"report\": [{\"lv\": [{\"lv_name\": \"t\", \"lv_attr\": \"twi-aotz--\", \"lv_size\": \"100\"," \
		   "\"data_percent\": \"50.00\", \"metadata_percent\": \"9.60\", \"zero\": \"" zero "\"}]}]}"

static void test_filter(void **state)
{
	static const struct {
		const char *there;
		const char *wanted;
	} cases[] = {
		{ "", "devices{global_filter=[\"r|^/dev/evs[0-9/]|\"]}" },
		{ "global_filter=[\"r|sd[ab]|\",\"a|.*|\"]",
		  "devices{global_filter=[\"r|^/dev/evs[0-9/]|\",\"r|sd[ab]|\",\"a|.*|\"]}" },
		{ "global_filter=\"r|sd[ab]|\"",
		  "devices{global_filter=[\"r|^/dev/evs[0-9/]|\",\"r|sd[ab]|\"]}" },
	};
	struct evs_pool_usage usage;
	struct evs_error err = {};
	struct evs_pool pool;
	size_t i;

	(void)state;
	program("lvs", THIN("zero"));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		program("lvmconfig", cases[i].there);
		assert_int_equal(open_pool(&pool, &err), 0);
		assert_int_equal(pool.ops->usage(&pool, &usage, &err), 0);
		if (!called_with("lvs", cases[i].wanted))
			fail_msg("not called with %s", cases[i].wanted);
		evs_pool_close(&pool);
	}
}

/* A pool that cannot be used is found by what is asked of it first. */
static void refused(int ret, const char *why)
{
	struct evs_pool_usage usage;
	struct evs_error err = {};
	struct evs_pool pool;

	assert_int_equal(open_pool(&pool, &err), 0);
	assert_int_equal(pool.ops->usage(&pool, &usage, &err), ret);
	assert_contains(err.text, why);
	evs_pool_close(&pool);
}

static void test_pool(void **state)
{
	struct evs_pool_usage usage;
	struct evs_error err = {};
	struct evs_pool pool;

	(void)state;
	program("lvmconfig", "");
	program("lvs", THIN("zero"));
	assert_int_equal(open_pool(&pool, &err), 0);
	assert_int_equal(pool.ops->usage(&pool, &usage, &err), 0);
	assert_int_equal(usage.size, 100);
	assert_int_equal(usage.used, 50);
	assert_int_equal(usage.metadata_used, 10);
	evs_pool_close(&pool);
	program("lvs", THIN(""));
	refused(-EOPNOTSUPP, "does not zero new blocks");
	program("lvs", "{\"report\": [{\"lv\": [{\"lv_name\": \"t\", \"lv_attr\": \"-wi-a-----\", \"zero\": \"\"}]}]}");
	refused(-EOPNOTSUPP, "is no thin pool");
	program("lvs", "{}");
	refused(-EPROTO, "a report without LVs");
}

#define LVS "{\"report\": [{\"lv\": [{\"lv_name\": \"t\", \"lv_attr\": \"twi-aotz--\"," \
	    "\"lv_size\": \"100\", \"data_percent\": \"50.00\", \"zero\": \"zero\"}," \
	    "{\"lv_name\": \"d\", \"lv_attr\": \"Vwi---tz--\", \"lv_size\": \"8388608\", \"pool_lv\": \"t\"," \
	    "\"lv_tags\": \"evs.v=1,evs.id=0b5f3d6c-0d9c-4a6d-8f3e-6f1f0a4a8c11,evs.kind=disk," \
	    "evs.new=maker,evs.attr=plain,evs.size=4194304,evs.made=1700000000\"}]}]}"

static const char *const changes[] = { "lvcreate", "lvrename", "lvchange", "lvremove", "lvextend" };

/* LVM takes its time to start: once for all that is looked at between two changes */
static void test_reports(void **state)
{
	struct evs_object disk = { .kind = EVS_KIND_DISK, .name = "d" };
	struct evs_pool_usage usage;
	struct evs_pool_entry entry;
	struct evs_pool pool, other;
	struct evs_error err = {};
	char path[64];
	size_t i;

	(void)state;
	if (geteuid())
		skip();
	program("lvmconfig", "");
	program("lvs", LVS);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		program(changes[i], "");
	assert_int_equal(open_pool(&pool, &err), 0);
	calls("lvs");
	assert_int_equal(evs_pool_lock(&pool, &err), 0);
	assert_int_equal(evs_pool_find(&pool, &disk, &entry, &err), 0);
	/* It has a name, so that nobody is making it, whatever its tags say. */
	assert_string_equal(entry.record.maker, "");
	assert_int_equal(pool.ops->usage(&pool, &usage, &err), 0);
	assert_int_equal(usage.used, 50);
	assert_int_equal(pool.ops->activate(&pool, &disk, true, path, sizeof(path), &err), 0);
	assert_int_equal(evs_pool_find(&pool, &disk, &entry, &err), 0);
	assert_int_equal(calls("lvs"), 1);
	assert_int_equal(pool.ops->save(&pool, &disk, &entry.record, &err), 0);
	assert_int_equal(calls("lvs"), 0);
	assert_int_equal(evs_pool_find(&pool, &disk, &entry, &err), 0);
	assert_int_equal(calls("lvs"), 1);
	/* Nobody has changed anything meanwhile, then somebody has. */
	evs_pool_unlock(&pool);
	assert_int_equal(evs_pool_lock(&pool, &err), 0);
	assert_int_equal(calls("lvs"), 0);
	evs_pool_unlock(&pool);
	assert_int_equal(open_pool(&other, &err), 0);
	assert_int_equal(evs_pool_lock(&other, &err), 0);
	assert_int_equal(calls("lvs"), 1);
	assert_int_equal(other.ops->rename(&other, &disk, &disk, &err), 0);
	evs_pool_unlock(&other);
	evs_pool_close(&other);
	assert_int_equal(evs_pool_lock(&pool, &err), 0);
	assert_int_equal(calls("lvs"), 1);
	evs_pool_unlock(&pool);
	assert_int_equal(evs_pool_find(&pool, &disk, &entry, &err), 0);
	assert_int_equal(evs_pool_find(&pool, &disk, &entry, &err), 0);
	assert_int_equal(calls("lvs"), 2);
	evs_pool_close(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_reports),
	};
	char path[4096];
	int ret;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s:%s", folder, getenv("PATH"));
	setenv("PATH", path, 1);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	remove_tree(folder);
	return ret;
}
