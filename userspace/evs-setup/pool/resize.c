// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resize POOL/DISK: the engine's object, then the record, then what is attached. Cut
 * short, it has the old size or the new one, and the same command goes on.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "block/loop.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "detach.h"
#include "disk/disks.h"
#include "link.h"
#include "proof.h"
#include "resize.h"
#include "volume/volume.h"

#define SIZE_UNIT 4096

static int check(const struct target *target, const struct evs_record *record, uint64_t size,
		 uint64_t offset, struct evs_error *err)
{
	if (!size)
		return evs_error_set(err, EINVAL, "%s: --size BYTES is missing", target->text);
	if (size % SIZE_UNIT || size > INT64_MAX - offset)
		return evs_error_set(err, EINVAL, "--size %" PRIu64 ": must be a multiple of %d", size,
				     SIZE_UNIT);
	if (size < record->size)
		return evs_error_set(err, EINVAL, "%s: has %" PRIu64 " bytes, and cannot shrink",
				     target->text, record->size);
	return 0;
}

/* Over a file, the loop device has to be told as well. */
static int grow_loop(const char *path, struct evs_error *err)
{
	char loop[PATH_MAX];
	struct stat st;
	int ret;

	ret = loop_over(path, &st, loop, sizeof(loop), err);
	return ret > 0 ? loop_grow(loop, err) : ret;
}

static int grow_attached(struct target *target, const struct evs_record *record,
			 uint64_t size, struct evs_error *err)
{
	char name[LINK_SIZE], path[PATH_MAX];
	struct evs_pool *pool = &target->pool;
	struct evs_disk disk;
	struct evs_nl *nl;
	int ret;

	if (!detach_where(target, record, path, sizeof(path)))
		return 0;
	ret = pool->ops->activate(pool, &target->object, true, path, sizeof(path), err);
	if (!ret)
		ret = grow_loop(path, err);
	if (ret || !record->encrypted)
		return ret;
	link_name(name, pool, &target->object);
	ret = disks_open(&nl, name, &disk, err);
	if (ret)
		return ret;
	ret = disk.size < size ? evs_nl_resize(nl, disk.id, size, &disk, err) : 0;
	evs_nl_close(nl);
	return ret;
}

static int print_size(const struct target *target, uint64_t size, struct evs_error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, size);
	if (cli_settings()->json)
		return out_texts("disks", err, "name", target->text, "size", text, NULL);
	puts(text);
	return 0;
}

/* What the engine has before the data: an imported header may be another one than ours. */
static int data_offset(struct target *target, const struct evs_pool_entry *entry,
		       uint64_t *offset, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	*offset = 0;
	if (!entry->record.encrypted)
		return 0;
	ret = proof_read(&target->pool, entry, &vol, err);
	if (ret)
		return ret;
	*offset = evs_volume_data_offset(vol);
	evs_volume_close(vol);
	return 0;
}

static int resize(struct target *target, uint64_t size, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	struct evs_pool_entry entry;
	uint64_t offset;
	int ret;

	ret = target_find(target, &entry, err);
	if (!ret)
		ret = data_offset(target, &entry, &offset, err);
	if (!ret)
		ret = check(target, &entry.record, size, offset, err);
	if (!ret && size > entry.record.size)
		ret = evs_pool_room(pool, 0, err);
	if (ret)
		return ret;
	ret = pool->ops->grow(pool, &target->object, size + offset, err);
	entry.record.size = size;
	if (!ret)
		ret = pool->ops->save(pool, &target->object, &entry.record, err);
	if (!ret)
		ret = grow_attached(target, &entry.record, size, err);
	return ret ? evs_error_prefix(err, "%s", target->text) : print_size(target, size, err);
}

int resize_in_pool(const char *ref, uint64_t size, struct evs_error *err)
{
	struct target target;
	int ret;

	ret = target_open(&target, ref, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	ret = evs_pool_lock(&target.pool, err);
	if (!ret)
		ret = resize(&target, size, err);
	target_close(&target);
	return ret;
}
