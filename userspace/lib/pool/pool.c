// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What all engines have in common: the locks, and how an object comes to be. It is made
 * under a name that no user can give, and named when it is complete. Whoever comes next
 * removes what was not completed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid.h>

#include "config.h"
#include "device.h"
#include "pool/pool.h"
#include "pool/unfinished.h"
#include "volume/volume.h"

#define LOCK_FOLDER "/run/evs"

/* ---- opening ---- */

int evs_pool_open(struct evs_pool *pool, const struct evs_config_pool *config,
		  struct evs_error *err)
{
	int ret;

	*pool = (struct evs_pool){ .config = config, .ops = config->ops, .lock.fd = -1 };
	ret = pool->ops->open(pool, err);
	return ret ? evs_error_prefix(err, "pool %s", config->name) : 0;
}

void evs_pool_close(struct evs_pool *pool)
{
	pool->ops->close(pool);
	evs_lock_release(&pool->lock);
}

/* ---- what was not completed ---- */

/**
 * struct leftovers - Objects that nobody will complete.
 * @maker: this boot of this host
 * @entries: the objects
 * @count: how many
 */
struct leftovers {
	char maker[EVS_MAKER_SIZE];
	struct evs_pool_entry *entries;
	size_t count;
};

static int note_leftover(void *arg, const struct evs_pool_entry *entry, struct evs_error *err)
{
	struct leftovers *left = arg;
	struct evs_pool_entry *entries;

	if (!entry->object.unfinished ||
	    !evs_unfinished_left(entry->object.name, entry->record.maker, left->maker))
		return 0;
	entries = reallocarray(left->entries, left->count + 1, sizeof(*entries));
	if (!entries)
		return evs_error_set(err, ENOMEM, "out of memory");
	left->entries = entries;
	entries[left->count++] = *entry;
	return 0;
}

/* Not all headers are of our making. What is too damaged to tell gets the size of those. */
static uint64_t header_bytes(const char *path, uint64_t size)
{
	uint64_t bytes = EVS_DATA_OFFSET;
	struct evs_error ignored = {};
	struct evs_volume *vol;

	if (!evs_volume_read(&vol, path, 0, &ignored)) {
		bytes = evs_volume_data_offset(vol);
		evs_volume_close(vol);
	}
	return bytes < size ? bytes : size;
}

/* Overwrite the header of an object. */
static void shred(struct evs_pool *pool, const struct evs_object *object)
{
	static const unsigned char zeros[1 << 20];
	struct evs_error ignored = {};
	struct evs_device dev;
	char path[PATH_MAX];
	uint64_t offset, size, end;
	unsigned int block;
	size_t part;

	if (pool->ops->activate(pool, object, true, path, sizeof(path), &ignored) ||
	    evs_device_open(&dev, path, O_RDWR, &ignored))
		return;
	if (evs_device_size(&dev, &size, &block, &ignored))
		size = 0;
	end = header_bytes(path, size);
	for (offset = 0; offset < end; offset += part) {
		part = end - offset < sizeof(zeros) ? (size_t)(end - offset) : sizeof(zeros);
		if (evs_device_write(&dev, zeros, part, offset))
			break;
	}
	evs_device_sync(&dev);
	evs_device_close(&dev);
}

static int remove_unfinished(struct evs_pool *pool, const struct evs_object *object,
			     bool encrypted, struct evs_error *err)
{
	if (encrypted)
		shred(pool, object);
	if (pool->ops->deactivate(pool, object, err))
		return -err->errnum;
	return pool->ops->remove(pool, object, err);
}

static int sweep(struct evs_pool *pool, struct evs_error *err)
{
	struct leftovers left = {};
	struct evs_error ignored = {};
	size_t i;
	int ret;

	ret = evs_record_maker(left.maker);
	if (ret)
		return evs_error_set(err, -ret, "cannot tell this boot: %s", strerror(-ret));
	/* It may hold one of the objects. */
	evs_unfinished_detach();
	ret = pool->ops->list(pool, note_leftover, &left, err);
	/* One that cannot be removed now is in nobody's way. */
	for (i = 0; !ret && i < left.count; i++)
		remove_unfinished(pool, &left.entries[i].object, left.entries[i].record.encrypted,
				  &ignored);
	free(left.entries);
	/* Their objects are gone, or had not been made yet. */
	evs_unfinished_unlock();
	return ret;
}

/* ---- the lock ---- */

int evs_pool_lock(struct evs_pool *pool, struct evs_error *err)
{
	int ret;

	if (evs_lock_folder(err))
		return -err->errnum;
	snprintf(pool->lock.path, sizeof(pool->lock.path), LOCK_FOLDER "/pool-%s",
		 pool->config->name);
	ret = evs_lock_take(&pool->lock, true);
	if (ret)
		return evs_error_set(err, -ret, "%s: %s", pool->lock.path, strerror(-ret));
	ret = sweep(pool, err);
	if (!ret)
		return 0;
	evs_pool_unlock(pool);
	return evs_error_prefix(err, "pool %s", pool->config->name);
}

void evs_pool_unlock(struct evs_pool *pool)
{
	evs_lock_release(&pool->lock);
}

/* ---- looking things up ---- */

struct search {
	const struct evs_object *object;
	struct evs_pool_entry *entry;
};

static int match(void *arg, const struct evs_pool_entry *entry, struct evs_error *err)
{
	const struct search *search = arg;

	(void)err;
	if (!evs_object_same(&entry->object, search->object))
		return 0;
	*search->entry = *entry;
	return 1;
}

int evs_pool_find(struct evs_pool *pool, const struct evs_object *object,
		  struct evs_pool_entry *entry, struct evs_error *err)
{
	struct search search = { object, entry };
	char text[EVS_OBJECT_TEXT_SIZE];
	int ret;

	ret = pool->ops->list(pool, match, &search, err);
	if (ret)
		return ret > 0 ? 0 : evs_error_prefix(err, "pool %s", pool->config->name);
	evs_object_text(text, pool->config->name, object);
	return evs_error_set(err, ENOENT, "%s: there is no such %s", text,
			     evs_kind_name(object->kind));
}

/* ---- room ---- */

int evs_pool_room(struct evs_pool *pool, uint64_t bytes, struct evs_error *err)
{
	unsigned int limit = pool->config->limit;
	struct evs_pool_usage usage;
	uint64_t full;
	int ret;

	ret = pool->ops->usage(pool, &usage, err);
	if (ret)
		return evs_error_prefix(err, "pool %s", pool->config->name);
	full = usage.size / 100 * limit;
	if (usage.metadata_used >= limit)
		return evs_error_set(err, ENOSPC,
				     "pool %s: its metadata is %u %% full, and limit is %u %%; delete snapshots or disks, or make the metadata larger",
				     pool->config->name, usage.metadata_used, limit);
	if (usage.used < full && bytes <= full - usage.used)
		return 0;
	return evs_error_set(err, ENOSPC,
			     "pool %s: %llu MiB of %llu MiB are used%s, and limit is %u %%; delete snapshots or disks, or make the pool larger",
			     pool->config->name, (unsigned long long)usage.used >> 20,
			     (unsigned long long)usage.size >> 20,
			     bytes ? ", this needs more" : "", limit);
}

/* ---- making ---- */

int evs_pool_begin(struct evs_unfinished *work, enum evs_kind kind, struct evs_error *err)
{
	uuid_t uuid;
	int ret;

	*work = (struct evs_unfinished){ .lock.fd = -1 };
	if (evs_lock_folder(err))
		return -err->errnum;
	ret = evs_record_maker(work->record.maker);
	if (ret)
		return evs_error_set(err, -ret, "cannot tell this boot: %s", strerror(-ret));
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, work->record.id);
	work->record.kind = kind;
	work->record.made = time(NULL);
	work->object.kind = kind;
	work->object.unfinished = true;
	strcpy(work->object.name, work->record.id);
	ret = evs_unfinished_lock(&work->lock, work->record.id);
	return ret ? evs_error_set(err, -ret, "%s: %s", work->lock.path, strerror(-ret)) : 0;
}

int evs_pool_commit(struct evs_pool *pool, struct evs_unfinished *work,
		    const struct evs_object *name, struct evs_error *err)
{
	struct evs_error ignored = {};
	char text[EVS_OBJECT_TEXT_SIZE];
	int ret;

	ret = pool->ops->rename(pool, &work->object, name, err);
	if (ret) {
		evs_object_text(text, pool->config->name, name);
		return evs_error_prefix(err, "%s", text);
	}
	/* From now on its name says that it is complete, whatever its record does. */
	work->record.maker[0] = '\0';
	if (!pool->ops->name_decides)
		pool->ops->save(pool, name, &work->record, &ignored);
	evs_lock_release(&work->lock);
	return 0;
}

void evs_pool_abandon(struct evs_pool *pool, struct evs_unfinished *work)
{
	struct evs_error ignored = {};

	if (work->lock.fd < 0)
		return;
	pool->ops->deactivate(pool, &work->object, &ignored);
	pool->ops->remove(pool, &work->object, &ignored);
	evs_lock_release(&work->lock);
}

/* ---- removing ---- */

static int take_name_away(struct evs_pool *pool, const struct evs_pool_entry *entry,
			  struct evs_unfinished *work, struct evs_error *err)
{
	struct evs_error ignored = {};
	int ret;

	work->record = entry->record;
	ret = evs_record_maker(work->record.maker);
	if (ret)
		return evs_error_set(err, -ret, "cannot tell this boot: %s", strerror(-ret));
	/* With its name, it is complete whatever its tags say. */
	ret = pool->ops->save(pool, &entry->object, &work->record, err);
	if (!ret)
		ret = pool->ops->rename(pool, &entry->object, &work->object, err);
	if (ret)
		pool->ops->save(pool, &entry->object, &entry->record, &ignored);
	return ret;
}

int evs_pool_delete(struct evs_pool *pool, const struct evs_pool_entry *entry,
		    struct evs_error *err)
{
	struct evs_unfinished work = { .object.unfinished = true };
	int ret;

	ret = pool->ops->deactivate(pool, &entry->object, err);
	if (ret)
		return ret;
	/* A snapshot has the header of its disk, and cannot be renamed by all engines. */
	if (entry->object.kind == EVS_KIND_SNAPSHOT)
		return pool->ops->remove(pool, &entry->object, err);
	strcpy(work.object.name, entry->record.id);
	work.object.kind = entry->object.kind;
	ret = evs_unfinished_lock(&work.lock, entry->record.id);
	if (ret)
		return evs_error_set(err, -ret, "%s: %s", work.lock.path, strerror(-ret));
	ret = take_name_away(pool, entry, &work, err);
	if (!ret)
		ret = remove_unfinished(pool, &work.object, entry->record.encrypted, err);
	evs_lock_release(&work.lock);
	return ret;
}
