// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls of a storage engine, and what each of them promises. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "life.h"

/* So far from each other that no engine has both in one unit */
#define FAR (32 * MIB)
#define PIECE (64 * 1024ULL)
#define SIZE (64 * MIB)

static void check_create(void)
{
	struct evs_object disk = named("d1");
	struct evs_pool_entry entry = {};
	struct evs_error err = {};

	returns(make("d1", NULL, SIZE, &err), 0, &err, "create");
	ok(look("d1", &entry), "a new disk is in the list");
	ok(entry.bytes == SIZE && entry.record.size == SIZE && !entry.record.encrypted &&
	   entry.record.kind == EVS_KIND_DISK && evs_uuid_valid(entry.record.id) &&
	   !*entry.record.maker, "with its record and size");
	ok(holds(&disk, 0, PIECE, 0) && holds(&disk, SIZE - PIECE, PIECE, 0), "reads zeros");
	ok(fill(&disk, 0, PIECE, 'a') && holds(&disk, 0, PIECE, 'a'), "keeps what is written");
	returns(make("odd", NULL, 5 * MIB + 512, &err), 0, &err, "create: an odd size");
	ok(look("odd", &entry) && entry.bytes >= 5 * MIB + 512, "is rounded up");
}

static void check_exists(void)
{
	struct evs_object missing = named("nothing"), snapshot = named("nothing@s"),
			  disk = named("d1"), image = named("image:nothing");
	struct evs_record record = { .kind = EVS_KIND_SNAPSHOT };
	unsigned int before = objects(NULL), unfinished;
	char path[4096];
	struct evs_error err = {};

	returns(make("d1", NULL, SIZE, &err), -EEXIST, &err, "create: the name is taken");
	ok(objects(&unfinished) == before && !unfinished, "nothing is left of it");
	returns(pool.ops->remove(&pool, &missing, &err), -ENOENT, &err, "remove: not there");
	returns(pool.ops->remove(&pool, &snapshot, &err), -ENOENT, &err,
		"remove: no such snapshot");
	returns(pool.ops->remove(&pool, &image, &err), -ENOENT, &err, "remove: no such image");
	returns(pool.ops->rename(&pool, &missing, &disk, &err), -ENOENT, &err,
		"rename: not there");
	returns(pool.ops->grow(&pool, &missing, SIZE, &err), -ENOENT, &err, "grow: not there");
	returns(pool.ops->save(&pool, &missing, &record, &err), -ENOENT, &err,
		"save: not there");
	returns(evs_pool_snapshot(&pool, &snapshot, &record, &err), -ENOENT, &err,
		"snapshot: no such disk");
	returns(pool.ops->clone(&pool, &missing, &image, &record, &err), -ENOENT, &err,
		"clone: no such source");
	returns(pool.ops->activate(&pool, &missing, false, path, sizeof(path), &err), -ENOENT,
		&err, "activate: not there");
}

static int snapshot(const char *name, struct evs_error *err)
{
	struct evs_object object = named(name);
	struct evs_record record = {
		.kind = EVS_KIND_SNAPSHOT,
		.size = SIZE,
		.id = "00000000-0000-4000-8000-000000000001",
		.from = "00000000-0000-4000-8000-000000000002",
		.made = 1700000000,
		.consistent = EVS_CONSISTENT_FS,
	};

	return evs_pool_snapshot(&pool, &object, &record, err);
}

static void check_snapshot(void)
{
	struct evs_object disk = named("d1"), taken = named("d1@s1");
	struct evs_pool_entry entry = {};
	struct evs_error err = {};

	returns(snapshot("d1@s1", &err), 0, &err, "snapshot");
	ok(look("d1@s1", &entry) && entry.record.consistent == EVS_CONSISTENT_FS &&
	   !strcmp(entry.record.from, "00000000-0000-4000-8000-000000000002") &&
	   entry.record.made == 1700000000, "is in the list with its record");
	returns(snapshot("d1@s1", &err), -EEXIST, &err, "snapshot: the name is taken");
	ok(fill(&disk, 0, PIECE, 'b') && fill(&disk, FAR, PIECE, 'b'), "the disk goes on");
	ok(holds(&taken, 0, PIECE, 'a') && holds(&taken, FAR, PIECE, 0),
	   "the snapshot does not change");
	returns(snapshot("d1@s2", &err), 0, &err, "another snapshot");
}

static void check_clone(void)
{
	struct evs_object disk = named("d1"), copy = named("d2"), image = named("image:i1");
	struct evs_pool_entry one = {}, other = {};
	struct evs_error err = {};

	returns(make("d2", "d1@s1", SIZE, &err), 0, &err, "clone of a snapshot");
	ok(look("d1@s1", &one) && look("d2", &other) && strcmp(one.record.id, other.record.id),
	   "has its own record");
	ok(holds(&copy, 0, PIECE, 'a'), "has the data of the snapshot");
	ok(fill(&copy, 0, PIECE, 'c') && holds(&disk, 0, PIECE, 'b'), "leaves the disk alone");
	returns(make("image:i1", "d1@s1", SIZE, &err), 0, &err, "image of a snapshot");
	ok(look("image:i1", &other) && other.record.kind == EVS_KIND_IMAGE &&
	   holds(&image, 0, PIECE, 'a'), "is an image with its data");
	returns(make("d3", "image:i1", SIZE, &err), 0, &err, "clone of an image");
	if (pool.ops->flatten)
		returns(pool.ops->flatten(&pool, &copy, NULL, NULL, &err), 0, &err, "flatten");
	ok(holds(&copy, 0, PIECE, 'c'), "does not change the data");
}

static void check_save(void)
{
	struct evs_object disk = named("d2");
	struct evs_pool_entry entry = {}, again = {};
	struct evs_error err = {};

	look("d2", &entry);
	entry.record.encrypted = true;
	strcpy(entry.record.kms, "local");
	memset(entry.record.cmk, 'x', sizeof(entry.record.cmk) - 1);
	memcpy(entry.record.cmk, "arn:aws:kms:eu/", 15);
	returns(pool.ops->save(&pool, &disk, &entry.record, &err), 0, &err, "save");
	ok(look("d2", &again) && !memcmp(&entry.record, &again.record, sizeof(entry.record)),
	   "the record is what was saved");
	strcpy(entry.record.cmk, "b");
	entry.record.from[0] = '\0';
	entry.record.consistent = EVS_CONSISTENT_UNSAID;
	returns(pool.ops->save(&pool, &disk, &entry.record, &err), 0, &err, "save again");
	ok(look("d2", &again) && !strcmp(again.record.cmk, "b") && !*again.record.from,
	   "nothing of the old record is left");
}

static void check_grow(void)
{
	struct evs_object disk = named("d2");
	struct evs_pool_entry entry = {};
	struct evs_error err = {};

	returns(pool.ops->grow(&pool, &disk, SIZE + 16 * MIB, &err), 0, &err, "grow");
	ok(look("d2", &entry) && entry.bytes == SIZE + 16 * MIB, "it is larger");
	ok(holds(&disk, 0, PIECE, 'c') && holds(&disk, SIZE, PIECE, 0), "data, and zeros behind");
	returns(pool.ops->grow(&pool, &disk, SIZE, &err), 0, &err, "grow: large enough");
	ok(look("d2", &entry) && entry.bytes == SIZE + 16 * MIB, "nothing shrinks");
}

/**
 * struct ranges - What was told of ranges.
 * @end: of the last one
 * @first: one has the first byte
 * @far: one has the byte at FAR
 * @between: one has the byte halfway to it
 * @disorder: one began before the end of the last one
 */
struct ranges {
	uint64_t end;
	bool first;
	bool far;
	bool between;
	bool disorder;
};

static int note_range(void *arg, uint64_t offset, uint64_t length, struct evs_error *err)
{
	struct ranges *r = arg;

	(void)err;
	r->disorder |= offset < r->end || !length;
	r->end = offset + length;
	r->first |= !offset;
	r->far |= offset <= FAR && FAR < r->end;
	r->between |= offset <= FAR / 2 && FAR / 2 < r->end;
	return 0;
}

static int stop(void *arg, uint64_t offset, uint64_t length, struct evs_error *err)
{
	(void)arg;
	(void)offset;
	(void)length;
	return evs_error_set(err, EINTR, "stopped");
}

static void check_ranges(void)
{
	struct evs_object disk = named("d1"), s1 = named("d1@s1"), s2 = named("d1@s2");
	struct ranges r = {};
	struct evs_error err = {};

	returns(pool.ops->allocated(&pool, &disk, note_range, &r, &err), 0, &err, "allocated");
	ok(r.first && r.far && !r.between && !r.disorder && r.end <= SIZE, "what was written");
	r = (struct ranges){};
	returns(pool.ops->allocated(&pool, &s1, note_range, &r, &err), 0, &err,
		"allocated in a snapshot");
	ok(r.first && !r.far && !r.between, "what was written before");
	r = (struct ranges){};
	returns(pool.ops->changed(&pool, &s1, &s2, note_range, &r, &err), 0, &err, "changed");
	ok(r.first && r.far && !r.between && !r.disorder, "what was written between them");
	r = (struct ranges){};
	returns(pool.ops->changed(&pool, &s2, &disk, note_range, &r, &err), 0, &err,
		"changed, nothing");
	ok(!r.first && !r.far && !r.between, "nothing is told");
	ok(fill(&disk, FAR / 2, PIECE, 'd'), "write more");
	r = (struct ranges){};
	returns(pool.ops->changed(&pool, &s2, &disk, note_range, &r, &err), 0, &err,
		"changed since a snapshot");
	ok(!r.first && !r.far && r.between, "what was written since");
	returns(pool.ops->allocated(&pool, &disk, stop, NULL, &err), -EINTR, &err, "stopped");
	returns(pool.ops->allocated(&pool, &disk, note_range, &r, &err), 0, &err,
		"and again after that");
}

static void check_back(void)
{
	struct evs_object disk = named("d1");
	struct evs_error err = {};

	returns(take_back("d1", "d1@s1", &err), 0, &err, "back to a snapshot");
	ok(holds(&disk, 0, PIECE, 'a') && holds(&disk, FAR, PIECE, 0), "the data is the old one");
	ok(look("d1@s1", NULL) && look("d1@s2", NULL), "the snapshots are all there");
}

static void check_busy(void)
{
	struct evs_object disk = named("d3");
	struct evs_error err = {};
	char path[4096];
	struct stat st;
	int fd;

	if (pool.ops->activate(&pool, &disk, true, path, sizeof(path), &err))
		return (void)ok(false, "activate: %s", err.text);
	fd = open(path, O_RDWR | O_CLOEXEC | O_EXCL);
	returns(pool.ops->activate(&pool, &disk, true, path, sizeof(path), &err), 0, &err,
		"activate once more");
	returns(pool.ops->deactivate(&pool, &disk, &err), -EBUSY, &err, "deactivate: in use");
	/* A file that is removed lives on for who has it open. */
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode)) {
		returns(pool.ops->remove(&pool, &disk, &err), -EBUSY, &err, "remove: in use");
		ok(look("d3", NULL), "it is still there");
	}
	close(fd);
	returns(pool.ops->deactivate(&pool, &disk, &err), 0, &err, "deactivate");
	returns(pool.ops->deactivate(&pool, &disk, &err), 0, &err, "deactivate once more");
}

/* One that is only read, as a backup does */
static void check_nameless(void)
{
	struct evs_record record = { .kind = EVS_KIND_SNAPSHOT, .size = SIZE };
	unsigned int before = objects(NULL), unfinished;
	struct evs_object disk = named("d1");
	struct evs_snapshot taken;
	struct evs_error err = {};

	ok(fill(&disk, FAR, PIECE, 'd'), "a disk is written to");
	returns(evs_snapshot_begin(&pool, &taken, &disk, &record, &err), 0, &err,
		"snapshot without a name");
	returns(evs_snapshot_take(&pool, &taken, &err), 0, &err, "is taken");
	returns(evs_snapshot_end(&pool, &taken, EVS_CONSISTENT_FS, &err), 0, &err, "ends");
	ok(fill(&disk, FAR, PIECE, 'e') && holds(&taken.name, FAR, PIECE, 'd'),
	   "does not change");
	ok(objects(&unfinished) == before + 1 && unfinished == 1, "is unfinished for others");
	evs_snapshot_drop(&pool, &taken);
	ok(objects(&unfinished) == before && !unfinished, "nothing is left of it");
}

static void check_remove(void)
{
	static const char *const names[] = {
		"d3", "image:i1", "d2", "odd", "d1@s2", "d1@s1", "d1",
	};
	struct evs_error err = {};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct evs_object object = named(names[i]);

		returns(pool.ops->remove(&pool, &object, &err), 0, &err, names[i]);
		ok(!look(names[i], NULL), "%s is gone", names[i]);
	}
	ok(!objects(NULL), "nothing is left");
}

void engine_checks(void)
{
	struct evs_pool_usage usage = {};
	struct evs_error err = {};

	if (!returns(evs_pool_lock(&pool, &err), 0, &err, "lock"))
		return;
	ok(!objects(NULL), "nothing of ours at first");
	returns(pool.ops->usage(&pool, &usage, &err), 0, &err, "usage");
	ok(usage.size > SIZE && usage.used < usage.size && usage.metadata_used <= 100,
	   "size and use make sense");
	check_create();
	check_exists();
	check_snapshot();
	check_clone();
	check_save();
	check_grow();
	check_ranges();
	check_back();
	check_nameless();
	/* Without a device nobody has it open. */
	if (!getenv("LIFE_IO"))
		check_busy();
	check_remove();
	evs_pool_unlock(&pool);
}
