// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a thin pool has allocated, from a snapshot of its metadata. There is one for each
 * thin pool, and while it is there, no block that it knows is used anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/lvm/lvm.h"
#include "run.h"

#define SECTOR 512

/**
 * struct metadata - A snapshot of the metadata, and what is read of it.
 * @lock: held for as long; the file has a byte in it while the snapshot is there, so
 *	  that one which was left by a process that was killed is known to be ours
 * @pool: name of the pool's device
 * @device: path of its metadata
 * @each: called for each range
 * @arg: its argument
 * @unit: bytes of a block, once they are told
 * @end: bytes of the object
 * @offset: of the range that is not told yet
 * @length: of it
 */
struct metadata {
	struct evs_lock lock;
	char pool[4 * LVM_NAME_SIZE];
	char device[4 * LVM_NAME_SIZE];
	evs_pool_range_fn *each;
	void *arg;
	uint64_t unit;
	uint64_t end;
	uint64_t offset;
	uint64_t length;
};

/* The device mapper has one hyphen between the names, and two for one in a name. */
static void add_name(char *text, const char *name)
{
	text += strlen(text);
	for (; *name; name++) {
		*text++ = *name;
		if (*name == '-')
			*text++ = '-';
	}
	*text = '\0';
}

static int message(const struct metadata *md, const char *text, struct evs_error *err)
{
	const char *const argv[] = { "dmsetup", "message", md->pool, "0", text, NULL };

	return evs_run(argv, NULL, err);
}

static int reserve(struct metadata *md, struct evs_error *err)
{
	struct evs_error ignored = {};
	char mark;
	int ret = message(md, "reserve_metadata_snap", err);

	if (ret == -EIO && pread(md->lock.fd, &mark, 1, 0) == 1) {
		message(md, "release_metadata_snap", &ignored);
		ret = message(md, "reserve_metadata_snap", err);
	}
	if (ret == -EIO)
		return evs_error_set(err, EBUSY,
				     "%s: no snapshot of its metadata can be had; if another program has left one: dmsetup message %s 0 release_metadata_snap",
				     md->pool, md->pool);
	if (!ret && pwrite(md->lock.fd, "1", 1, 0) != 1) {
		ret = evs_error_set(err, errno ? errno : EIO, "%s: %m", md->lock.path);
		message(md, "release_metadata_snap", &ignored);
	}
	return ret;
}

static int take_metadata(const struct evs_lvm *lvm, struct metadata *md, struct evs_error *err)
{
	char name[2 * LVM_NAME_SIZE] = "";
	int ret;

	add_name(name, lvm->vg);
	strcat(name, "-");
	snprintf(md->pool, sizeof(md->pool), "%s", name);
	add_name(md->pool, lvm->thinpool);
	snprintf(md->device, sizeof(md->device), "/dev/mapper/%s_tmeta", md->pool);
	snprintf(md->lock.path, sizeof(md->lock.path), "/run/evs/thin-%.80s", md->pool);
	strcat(md->pool, "-tpool");
	ret = evs_lock_folder(err);
	if (ret)
		return ret;
	ret = evs_lock_take(&md->lock, true);
	if (ret)
		return evs_error_set(err, -ret, "%s: %s", md->lock.path, strerror(-ret));
	ret = reserve(md, err);
	if (ret)
		evs_lock_release(&md->lock);
	return ret;
}

static void release_metadata(struct metadata *md)
{
	struct evs_error ignored = {};

	message(md, "release_metadata_snap", &ignored);
	evs_lock_release(&md->lock);
}

/* The number that an attribute of an element has */
static bool attribute(const char *line, const char *name, uint64_t *number)
{
	char text[32];
	const char *at;

	snprintf(text, sizeof(text), " %s=\"", name);
	at = strstr(line, text);
	if (at)
		*number = strtoull(at + strlen(text), NULL, 10);
	return at;
}

/* Tell the range that was kept back in case that the next one adjoins it. */
static int flush(struct metadata *md, struct evs_error *err)
{
	uint64_t offset = md->offset, length = md->length;

	md->length = 0;
	if (!length || offset >= md->end)
		return 0;
	if (length > md->end - offset)
		length = md->end - offset;
	return md->each(md->arg, offset, length, err);
}

static int add(struct metadata *md, uint64_t block, uint64_t count, struct evs_error *err)
{
	int ret;

	if (!md->unit)
		return evs_error_set(err, EPROTO, "%s: its metadata has no size of blocks",
				     md->pool);
	if (md->length && md->offset + md->length == block * md->unit) {
		md->length += count * md->unit;
		return 0;
	}
	ret = flush(md, err);
	md->offset = block * md->unit;
	md->length = count * md->unit;
	return ret;
}

/* A line of thin_dump(8) or thin_delta(8) has one element. */
static int take_line(void *arg, const char *line, struct evs_error *err)
{
	struct metadata *md = arg;
	uint64_t block, count = 1;

	if (strstr(line, "<superblock ")) {
		if (attribute(line, "data_block_size", &md->unit))
			md->unit *= SECTOR;
		return 0;
	}
	if (strstr(line, "<single_mapping ") && attribute(line, "origin_block", &block))
		return add(md, block, 1, err);
	if (strstr(line, "<range_mapping ") && attribute(line, "origin_begin", &block) &&
	    attribute(line, "length", &count))
		return add(md, block, count, err);
	if ((strstr(line, "<left_only ") || strstr(line, "<right_only ") ||
	     strstr(line, "<different ")) &&
	    attribute(line, "begin", &block) && attribute(line, "length", &count))
		return add(md, block, count, err);
	return 0;
}

static int walk(const struct evs_lvm *lvm, struct metadata *md, const char *const *argv,
		struct evs_error *err)
{
	struct evs_run run = { .argv = argv, .line = take_line, .arg = md };
	int ret;

	ret = take_metadata(lvm, md, err);
	if (ret)
		return ret;
	ret = evs_run_program(&run, err);
	release_metadata(md);
	return ret ? ret : flush(md, err);
}

int evs_lvm_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct metadata md = { .each = each, .arg = arg };
	char id[24];
	/* The option last: a program may take what follows for its value. */
	const char *const argv[] = { "thin_dump", "--dev-id", id, md.device, "-m", NULL };
	struct evs_lvm_lv lv;
	int ret = evs_lvm_check(pool, object, &lv, err);

	if (ret)
		return ret;
	snprintf(id, sizeof(id), "%lu", lv.thin_id);
	md.end = lv.bytes;
	return walk(lvm, &md, argv, err);
}

int evs_lvm_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct metadata md = { .each = each, .arg = arg };
	char first[24], second[24];
	const char *const argv[] = { "thin_delta", "--snap1", first, "--snap2", second,
				     md.device, "-m", NULL };
	struct evs_lvm_lv one, other;
	int ret;

	ret = evs_lvm_check(pool, before, &one, err);
	if (!ret)
		ret = evs_lvm_check(pool, after, &other, err);
	if (ret)
		return ret;
	snprintf(first, sizeof(first), "%lu", one.thin_id);
	snprintf(second, sizeof(second), "%lu", other.thin_id);
	md.end = one.bytes > other.bytes ? one.bytes : other.bytes;
	return walk(lvm, &md, argv, err);
}
