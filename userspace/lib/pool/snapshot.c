// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A snapshot is made in three steps, as its disk may have to hold still for the second
 * one: what is slow comes before it or after it.
 */
#include <string.h>
#include <time.h>
#include <uuid.h>

#include "pool/pool.h"

void evs_pool_snapshot_record(struct evs_record *record, const struct evs_record *disk)
{
	uuid_t uuid;

	*record = *disk;
	record->kind = EVS_KIND_SNAPSHOT;
	strcpy(record->from, disk->id);
	record->made = time(NULL);
	record->maker[0] = '\0';
	record->rollback[0] = '\0';
	record->consistent = EVS_CONSISTENT_UNSAID;
	/* It has the header of its disk, so it has its UUID as well. */
	if (record->encrypted)
		return;
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, record->id);
}

int evs_snapshot_begin(struct evs_pool *pool, struct evs_snapshot *snapshot,
		       const struct evs_object *name, const struct evs_record *record,
		       struct evs_error *err)
{
	struct evs_unfinished *work = &snapshot->work;
	struct evs_record begun;
	int ret;

	*snapshot = (struct evs_snapshot){ .disk = *name, .name = *name, .work.lock.fd = -1 };
	snapshot->disk.kind = EVS_KIND_DISK;
	snapshot->disk.snapshot[0] = '\0';
	ret = evs_pool_begin(work, EVS_KIND_SNAPSHOT, err);
	if (ret)
		return ret;
	begun = work->record;
	work->record = *record;
	/* Left by one that is killed, it is known for that. */
	if (name->kind == EVS_KIND_DISK) {
		snapshot->name = work->object;
		strcpy(work->record.id, begun.id);
		strcpy(work->record.maker, begun.maker);
	}
	return pool->ops->prepare ? pool->ops->prepare(pool, snapshot, err) : 0;
}

int evs_snapshot_take(struct evs_pool *pool, struct evs_snapshot *snapshot,
		      struct evs_error *err)
{
	int ret = pool->ops->snapshot(pool, snapshot, err);

	snapshot->named = !ret && !pool->ops->complete && !snapshot->name.unfinished;
	return ret;
}

int evs_snapshot_end(struct evs_pool *pool, struct evs_snapshot *snapshot,
		     enum evs_consistent consistent, struct evs_error *err)
{
	struct evs_record *record = &snapshot->work.record;
	bool more = record->consistent != consistent;
	int ret = 0;

	if (snapshot->name.unfinished)
		return pool->ops->derive ? pool->ops->derive(pool, snapshot, err) : 0;
	if (pool->ops->complete) {
		ret = pool->ops->complete(pool, snapshot, err);
		snapshot->named = !ret;
		/* It said that it is unfinished. */
		more = true;
	}
	record->consistent = consistent;
	if (!ret && more)
		ret = pool->ops->save(pool, &snapshot->name, record, err);
	if (!ret)
		evs_lock_release(&snapshot->work.lock);
	return ret;
}

void evs_snapshot_drop(struct evs_pool *pool, struct evs_snapshot *snapshot)
{
	struct evs_error ignored = {};

	if (snapshot->named) {
		pool->ops->remove(pool, &snapshot->name, &ignored);
		evs_lock_release(&snapshot->work.lock);
	} else {
		evs_pool_abandon(pool, &snapshot->work);
	}
}

int evs_pool_snapshot(struct evs_pool *pool, const struct evs_object *name,
		      const struct evs_record *record, struct evs_error *err)
{
	struct evs_snapshot snapshot;
	int ret;

	ret = evs_snapshot_begin(pool, &snapshot, name, record, err);
	if (!ret)
		ret = evs_snapshot_take(pool, &snapshot, err);
	if (!ret)
		ret = evs_snapshot_end(pool, &snapshot, record->consistent, err);
	if (ret)
		evs_snapshot_drop(pool, &snapshot);
	return ret;
}
