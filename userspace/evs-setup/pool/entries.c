// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "entries.h"

/**
 * struct collection - Entries on their way into a list.
 * @entries: the list
 * @disk: only the snapshots of this disk, or NULL
 */
struct collection {
	struct entries *entries;
	const struct evs_object *disk;
};

static int collect(void *arg, const struct evs_pool_entry *entry, struct evs_error *err)
{
	const struct collection *collection = arg;
	struct entries *entries = collection->entries;
	struct evs_pool_entry *list;

	if (collection->disk && (entry->object.unfinished ||
				 entry->object.kind != EVS_KIND_SNAPSHOT ||
				 strcmp(entry->object.name, collection->disk->name)))
		return 0;
	/* Grows by doubling: a pool may have thousands. */
	if (!(entries->count & (entries->count - 1))) {
		list = reallocarray(entries->list, entries->count ? 2 * entries->count : 1,
				    sizeof(*list));
		if (!list)
			return evs_error_set(err, ENOMEM, "out of memory");
		entries->list = list;
	}
	entries->list[entries->count++] = *entry;
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct evs_object *one = &((const struct evs_pool_entry *)a)->object;
	const struct evs_object *other = &((const struct evs_pool_entry *)b)->object;
	int names = strcmp(one->name, other->name);

	if (one->unfinished != other->unfinished)
		return one->unfinished - other->unfinished;
	if ((one->kind == EVS_KIND_IMAGE) != (other->kind == EVS_KIND_IMAGE))
		return one->kind == EVS_KIND_IMAGE ? 1 : -1;
	return names ? names : strcmp(one->snapshot, other->snapshot);
}

int entries_get(struct entries *entries, struct evs_pool *pool, const struct evs_object *disk,
		struct evs_error *err)
{
	struct collection collection = { entries, disk };
	int ret;

	*entries = (struct entries){};
	ret = pool->ops->list(pool, collect, &collection, err);
	if (ret) {
		entries_free(entries);
		return evs_error_prefix(err, "pool %s", pool->config->name);
	}
	if (entries->count)
		qsort(entries->list, entries->count, sizeof(*entries->list), order);
	return 0;
}

void entries_free(struct entries *entries)
{
	free(entries->list);
	*entries = (struct entries){};
}
