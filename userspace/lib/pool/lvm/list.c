// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool/lvm/lvm.h"

/**
 * struct found - One of our LVs.
 * @entry: what it is
 * @over: name of the disk whose place it takes, "" for none
 */
struct found {
	struct evs_pool_entry entry;
	char over[LVM_TAG_SIZE];
};

struct list {
	struct found *found;
	size_t count;
};

/* What a name of an LV stands for; false where it is none of ours. */
static bool take_name(struct evs_object *object, const char *name)
{
	struct evs_error ignored = {};
	char text[LVM_NAME_SIZE + 1];
	char *dot;

	if (!strncmp(name, "new.", 4) && evs_uuid_valid(name + 4)) {
		*object = (struct evs_object){ .unfinished = true };
		strcpy(object->name, name + 4);
		return true;
	}
	if (strchr(name, '@') || strchr(name, ':') || strlen(name) >= sizeof(text))
		return false;
	strcpy(text, name);
	dot = strchr(text, '.');
	if (dot)
		*dot = strncmp(text, "image.", 6) ? '@' : ':';
	return !evs_object_parse(object, text, &ignored);
}

static bool take_tags(struct found *found, const char *tags)
{
	struct evs_record_tag list[EVS_RECORD_TAGS_MAX + 1] = {};
	size_t count = 0, len, name;

	for (; *tags; tags += len, tags += *tags == ',') {
		len = strcspn(tags, ",");
		name = strcspn(tags, "=");
		if (!strncmp(tags, LVM_OVER, strlen(LVM_OVER)) && len < sizeof(found->over)) {
			memcpy(found->over, tags + strlen(LVM_OVER), len - strlen(LVM_OVER));
			continue;
		}
		if (strncmp(tags, "evs.", 4))
			continue;
		if (count > EVS_RECORD_TAGS_MAX || name >= len ||
		    name >= sizeof(list->name) || len - name > sizeof(list->value))
			return false;
		memcpy(list[count].name, tags, name);
		memcpy(list[count++].value, tags + name + 1, len - name - 1);
	}
	return !evs_record_parse(&found->entry.record, list, count);
}

/*
 * A name says that it is complete: the tag evs.new stays until the record is changed, which
 * spares two commands.
 */
static bool is_complete(struct evs_pool_entry *entry)
{
	struct evs_record *record = &entry->record;

	memset(record->maker, 0, sizeof(record->maker));
	return entry->object.kind == record->kind && !*record->cmk == !record->encrypted;
}

static int note_lv(void *arg, const struct evs_lvm_lv *lv, struct evs_error *err)
{
	struct list *list = arg;
	struct found found = {}, *grown;
	struct evs_pool_entry *entry = &found.entry;

	if (!take_name(&entry->object, lv->name) || !take_tags(&found, lv->tags))
		return 0;
	if (!entry->object.unfinished && !is_complete(entry))
		return 0;
	entry->object.kind = entry->record.kind;
	entry->bytes = lv->bytes;
	entry->used = lv->used;
	grown = reallocarray(list->found, list->count + 1, sizeof(*grown));
	if (!grown)
		return evs_error_set(err, ENOMEM, "out of memory");
	list->found = grown;
	grown[list->count++] = found;
	return 0;
}

/* Is it on its way to a name? Then this is the disk whose name it will be. */
static bool takes_over(const struct found *found, struct evs_object *disk)
{
	struct evs_error ignored = {};

	return found->entry.object.unfinished && *found->over &&
	       !evs_object_parse(disk, found->over, &ignored) && disk->kind == EVS_KIND_DISK;
}

/* Whoever began it was killed, or lost its power. */
static bool finish(struct evs_pool *pool, const struct list *list)
{
	struct evs_error ignored = {};
	struct evs_object disk;
	bool any = false;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (!takes_over(&list->found[i], &disk))
			continue;
		evs_lvm_take_over(pool, &list->found[i].entry.object, &disk, &ignored);
		any = true;
	}
	return any;
}

static bool has(const struct list *list, const struct evs_object *object)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (evs_object_same(&list->found[i].entry.object, object))
			return true;
	}
	return false;
}

static int tell(const struct list *list, evs_pool_entry_fn *each, void *arg,
		struct evs_error *err)
{
	struct evs_object disk;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < list->count; i++) {
		/* Between two commands of evs_lvm_take_over(), it is the disk already. */
		if (takes_over(&list->found[i], &disk) && !has(list, &disk))
			list->found[i].entry.object = disk;
		ret = each(arg, &list->found[i].entry, err);
	}
	return ret;
}

int evs_lvm_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err)
{
	struct list list = {};
	int ret;

	ret = evs_lvm_each(pool, NULL, note_lv, &list, err);
	/* Only under the lock is nobody in the middle of it. */
	if (!ret && pool->lock.fd >= 0 && finish(pool, &list)) {
		list.count = 0;
		ret = evs_lvm_each(pool, NULL, note_lv, &list, err);
	}
	if (!ret)
		ret = tell(&list, each, arg, err);
	free(list.found);
	return ret;
}
