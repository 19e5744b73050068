// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "life.h"
#include "run.h"

struct evs_pool pool;
static unsigned int lines, failures;

bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - %s: ", good ? "" : "not ", ++lines, pool.config->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	failures += !good;
	return good;
}

bool returns(int ret, int wanted, const struct evs_error *err, const char *name)
{
	ok(ret == wanted, "%s", name);
	if (ret != wanted)
		printf("# %d instead of %d: %s\n", ret, wanted, err->text);
	else if (ret && (!*err->text || err->errnum != -ret))
		ok(false, "%s: tells why", name);
	return ret == wanted;
}

struct evs_object named(const char *name)
{
	struct evs_object object;
	struct evs_error err = {};

	if (evs_object_parse(&object, name, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return object;
}

bool look(const char *name, struct evs_pool_entry *entry)
{
	struct evs_object object = named(name);
	struct evs_pool_entry unused;
	struct evs_error err = {};

	return !evs_pool_find(&pool, &object, entry ? entry : &unused, &err);
}

struct tally {
	unsigned int all;
	unsigned int unfinished;
};

static int count_one(void *arg, const struct evs_pool_entry *entry, struct evs_error *err)
{
	struct tally *tally = arg;

	(void)err;
	tally->all++;
	tally->unfinished += entry->object.unfinished;
	return 0;
}

unsigned int objects(unsigned int *unfinished)
{
	struct tally tally = {};
	struct evs_error err = {};

	if (pool.ops->list(&pool, count_one, &tally, &err))
		ok(false, "list: %s", err.text);
	if (unfinished)
		*unfinished = tally.unfinished;
	return tally.all;
}

/* A plain one: keys are nothing that an engine knows of. */
static int produce(struct evs_unfinished *work, const char *source, uint64_t bytes,
		   struct evs_error *err)
{
	struct evs_object from;

	work->record.size = bytes;
	if (!source)
		return pool.ops->create(&pool, &work->object, bytes, &work->record, err);
	from = named(source);
	strcpy(work->record.from, "00000000-0000-4000-8000-000000000001");
	return pool.ops->clone(&pool, &from, &work->object, &work->record, err);
}

int make(const char *name, const char *source, uint64_t bytes, struct evs_error *err)
{
	struct evs_object object = named(name);
	struct evs_unfinished work;
	int ret;

	ret = evs_pool_begin(&work, object.kind, err);
	if (!ret)
		ret = produce(&work, source, bytes, err);
	if (!ret)
		ret = evs_pool_commit(&pool, &work, &object, err);
	evs_pool_abandon(&pool, &work);
	return ret;
}

static int roll_back(const struct evs_object *disk, const struct evs_object *source,
		     struct evs_error *err)
{
	struct evs_pool_entry entry;
	int ret = evs_pool_find(&pool, disk, &entry, err);

	strcpy(entry.record.rollback, source->snapshot);
	if (!ret)
		ret = pool.ops->save(&pool, disk, &entry.record, err);
	if (!ret)
		ret = pool.ops->rollback(&pool, source, err);
	entry.record.rollback[0] = '\0';
	return ret ? ret : pool.ops->save(&pool, disk, &entry.record, err);
}

int take_back(const char *disk, const char *snapshot, struct evs_error *err)
{
	struct evs_object object = named(disk), source = named(snapshot);
	struct evs_unfinished work;
	int ret;

	if (pool.ops->rollback)
		return roll_back(&object, &source, err);
	ret = evs_pool_begin(&work, EVS_KIND_DISK, err);
	if (!ret)
		ret = produce(&work, snapshot, MIB, err);
	if (!ret)
		ret = pool.ops->deactivate(&pool, &work.object, err);
	if (!ret)
		ret = pool.ops->replace(&pool, &work.object, &object, err);
	if (ret)
		evs_pool_abandon(&pool, &work);
	else
		evs_lock_release(&work.lock);
	return ret;
}

/*
 * A Ceph cluster without the kernel's driver has no device: its objects are written and
 * read by a program, which gets the name, offset, length and letter.
 */
static bool by_program(const char *verb, const struct evs_object *object, uint64_t offset,
		       uint64_t length, char letter)
{
	char where[24], count[24], what[2] = { letter };
	char name[2 * EVS_POOL_OBJECT_MAX + 16];
	const char *const argv[] = { getenv("LIFE_IO"), verb, name, where, count, what, NULL };
	struct evs_error err = {};

	snprintf(where, sizeof(where), "%llu", (unsigned long long)offset);
	snprintf(count, sizeof(count), "%llu", (unsigned long long)length);
	snprintf(name, sizeof(name), "%s%s%s%s",
		 object->unfinished ? "new." : object->kind == EVS_KIND_IMAGE ? "image." : "",
		 object->name, *object->snapshot ? "@" : "", object->snapshot);
	if (!evs_run(argv, NULL, &err))
		return true;
	printf("# %s\n", err.text);
	return false;
}

/* Without O_DIRECT, a device that was read before could be answered from memory. */
static bool move(const struct evs_object *object, bool writing, uint64_t offset, char *data,
		 size_t length)
{
	struct evs_error err = {};
	char path[4096];
	ssize_t done = -1;
	int fd;

	if (pool.ops->activate(&pool, object, writing, path, sizeof(path), &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	fd = open(path, (writing ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (fd >= 0) {
		done = writing ? pwrite(fd, data, length, (off_t)offset) :
				 pread(fd, data, length, (off_t)offset);
		if (writing && fsync(fd))
			done = -1;
		close(fd);
	}
	if (done != (ssize_t)length)
		printf("# %s: %s\n", path, strerror(errno));
	/* Others may stay as they are, which spares commands. */
	if (object->kind == EVS_KIND_SNAPSHOT && pool.ops->deactivate(&pool, object, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	return done == (ssize_t)length;
}

bool fill(const struct evs_object *object, uint64_t offset, uint64_t length, char letter)
{
	bool good;
	void *data;

	if (getenv("LIFE_IO"))
		return by_program("write", object, offset, length, letter);
	if (posix_memalign(&data, 4096, length))
		return false;
	memset(data, letter, length);
	good = move(object, true, offset, data, length);
	free(data);
	return good;
}

bool holds(const struct evs_object *object, uint64_t offset, uint64_t length, char letter)
{
	char *bytes;
	void *data;
	bool good;
	size_t i;

	if (getenv("LIFE_IO"))
		return by_program("read", object, offset, length, letter);
	if (posix_memalign(&data, 4096, length))
		return false;
	good = move(object, false, offset, data, length);
	bytes = data;
	for (i = 0; good && i < length; i++)
		good = bytes[i] == letter;
	free(data);
	return good;
}

int main(int argc, char **argv)
{
	const struct evs_config_pool *section;
	struct evs_error err = {};
	struct evs_config cfg;

	if (argc != 3 || evs_config_load(&cfg, &err)) {
		fprintf(stderr, "usage: engine POOL check|crash|crash-long (%s)\n", err.text);
		return 2;
	}
	section = evs_config_pool(&cfg, argv[1]);
	if (!section || evs_pool_open(&pool, section, &err)) {
		printf("Bail out! %s: %s\n", argv[1], err.text);
		return 1;
	}
	if (!strcmp(argv[2], "check"))
		engine_checks();
	else
		crash_checks(!strcmp(argv[2], "crash-long"));
	evs_pool_close(&pool);
	evs_config_free(&cfg);
	printf("1..%u\n", lines);
	return failures ? 1 : 0;
}
