// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of a pool. rbd(8) would have to be run for each image, as each has its own
 * metadata: a list of a thousand would take minutes. So librbd is asked, by several
 * threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/rbd/librbd.h"
#include "pool/rbd/rbd.h"
#include "pool/unfinished.h"

#define THREADS 16
#define SNAPSHOTS_MAX 1024	/* the kernel's driver takes 510 */
#define METADATA_SIZE (1U << 20)
#define MADE_ELSEWHERE_SECONDS 3600

/**
 * struct entries - Some objects.
 * @list: them
 * @count: how many
 * @errnum: why there are none
 */
struct entries {
	struct evs_pool_entry *list;
	size_t count;
	int errnum;
};

/**
 * struct listing - A list that is being made.
 * @api: the libraries
 * @io: the pool
 * @images: all images of the pool
 * @image_count: how many
 * @next: the one that the next free thread takes
 * @found: for each image, its entries
 * @interims: snapshots of disks that are to be cloned
 * @maker: this boot of this host
 */
struct listing {
	struct evs_librbd api;
	void *io;
	struct evs_librbd_image *images;
	size_t image_count;
	atomic_size_t next;
	struct entries *found;
	struct entries interims;
	char maker[EVS_MAKER_SIZE];
};

static bool take_name(struct evs_object *object, const char *name)
{
	struct evs_error ignored = {};
	char text[RBD_NAME_SIZE];

	if (!strncmp(name, "new.", 4) && evs_uuid_valid(name + 4)) {
		*object = (struct evs_object){ .unfinished = true };
		strcpy(object->name, name + 4);
		return true;
	}
	if (strpbrk(name, "@:") || strlen(name) >= sizeof(text))
		return false;
	strcpy(text, name);
	if (!strncmp(text, "image.", 6))
		text[5] = ':';
	return !evs_object_parse(object, text, &ignored);
}

static int add_entry(struct entries *entries, const struct evs_pool_entry *entry)
{
	struct evs_pool_entry *list;

	list = reallocarray(entries->list, entries->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	entries->list = list;
	list[entries->count++] = *entry;
	return 0;
}

/* A snapshot that the user has made has no such name. */
static const char *uuid_of_interim(const struct evs_object *object)
{
	const char *uuid = object->snapshot + strlen(EVS_UNFINISHED);

	return object->kind == EVS_KIND_SNAPSHOT &&
	       !strncmp(object->snapshot, EVS_UNFINISHED, strlen(EVS_UNFINISHED)) &&
	       evs_uuid_valid(uuid) ? uuid : NULL;
}

/*
 * Between two commands, a new image has no record, or that of what it was cloned from,
 * which would keep it for ever. The file of its lock says that this host makes it, or
 * that it was killed; without one it is another host's, unless it is old.
 */
static void adopt(const struct listing *l, void *image, struct evs_pool_entry *entry)
{
	struct timespec made = {};
	char path[64];

	entry->record = (struct evs_record){ .kind = EVS_KIND_DISK };
	strcpy(entry->record.id, entry->object.name);
	strcpy(entry->record.maker, "unknown");
	snprintf(path, sizeof(path), "/run/evs/new.%s", entry->object.name);
	if (!access(path, F_OK) ||
	    (!l->api.rbd_get_create_timestamp(image, &made) &&
	     made.tv_sec < time(NULL) - MADE_ELSEWHERE_SECONDS))
		strcpy(entry->record.maker, l->maker);
}

/* The value of a key, both being one text after another; NULL where it is not there */
static const char *value_of(const char *keys, size_t size, const char *values, const char *key)
{
	const char *end = keys + size;

	for (; keys < end; keys += strlen(keys) + 1, values += strlen(values) + 1) {
		if (!strcmp(keys, key))
			return values;
	}
	return NULL;
}

/**
 * struct metadata - That of an image.
 * @keys: one text after another
 * @keys_size: bytes of them
 * @values: the same
 */
struct metadata {
	char *keys;
	size_t keys_size;
	char *values;
};

static int read_snapshots(const struct listing *l, void *image, const struct metadata *md,
			  struct evs_pool_entry *disk, struct entries *entries)
{
	struct evs_librbd_snapshot *snapshots = calloc(SNAPSHOTS_MAX, sizeof(*snapshots));
	int count = SNAPSHOTS_MAX, ret = snapshots ? 0 : -ENOMEM, i;
	struct evs_pool_entry entry;
	char key[RBD_NAME_SIZE];
	const char *value;

	if (!ret)
		count = l->api.rbd_snap_list(image, snapshots, &count);
	for (i = 0; !ret && i < count; i++) {
		entry = (struct evs_pool_entry){ .object = disk->object,
						 .bytes = snapshots[i].size,
						 .used = EVS_POOL_UNKNOWN };
		entry.object.kind = EVS_KIND_SNAPSHOT;
		if (strlen(snapshots[i].name) > EVS_POOL_OBJECT_MAX)
			continue;
		strcpy(entry.object.snapshot, snapshots[i].name);
		evs_rbd_key(key, &entry.object);
		value = value_of(md->keys, md->keys_size, md->values, key);
		if (value && !evs_rbd_parse(&entry.record, value) &&
		    (entry.record.kind == EVS_KIND_SNAPSHOT || uuid_of_interim(&entry.object)))
			ret = add_entry(entries, &entry);
	}
	if (!ret && count > 0)
		l->api.rbd_snap_list_end(snapshots);
	free(snapshots);
	return ret ? ret : count < 0 ? count : 0;
}

static int read_image(const struct listing *l, void *image, const struct metadata *md,
		      struct evs_pool_entry *entry, struct entries *entries)
{
	const char *value = value_of(md->keys, md->keys_size, md->values, RBD_RECORD);
	int ret = value ? evs_rbd_parse(&entry->record, value) : -ENOENT;

	if (entry->object.unfinished && (ret || strcmp(entry->record.id, entry->object.name)))
		adopt(l, image, entry);
	else if (ret || (!entry->object.unfinished && entry->record.kind != entry->object.kind))
		return 0;
	entry->object.kind = entry->record.kind;
	entry->used = EVS_POOL_UNKNOWN;
	ret = l->api.rbd_get_size(image, &entry->bytes);
	if (!ret)
		ret = add_entry(entries, entry);
	if (!ret && !entry->object.unfinished && entry->object.kind == EVS_KIND_DISK)
		ret = read_snapshots(l, image, md, entry, entries);
	return ret;
}

static int look_at(const struct listing *l, size_t i, struct metadata *md)
{
	size_t values_size = METADATA_SIZE;
	struct evs_pool_entry entry = {};
	void *image;
	int ret;

	if (!take_name(&entry.object, l->images[i].name))
		return 0;
	ret = l->api.rbd_open_read_only(l->io, l->images[i].name, &image, NULL);
	/* It may have gone meanwhile. */
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	md->keys_size = METADATA_SIZE;
	ret = l->api.rbd_metadata_list(image, "", 0, md->keys, &md->keys_size, md->values,
				       &values_size);
	if (ret >= 0)
		ret = read_image(l, image, md, &entry, &l->found[i]);
	l->api.rbd_close(image);
	return ret;
}

static void *work(void *arg)
{
	struct listing *l = arg;
	struct metadata md = { .keys = malloc(METADATA_SIZE), .values = malloc(METADATA_SIZE) };
	size_t i;

	while ((i = atomic_fetch_add(&l->next, 1)) < l->image_count)
		l->found[i].errnum = md.keys && md.values ? -look_at(l, i, &md) : ENOMEM;
	free(md.keys);
	free(md.values);
	return NULL;
}

/* The caller is one of the threads, and the only one where no other can be made. */
static void look_at_all(struct listing *l)
{
	pthread_t threads[THREADS];
	size_t count = 0;

	while (count < THREADS && count + 1 < l->image_count &&
	       !pthread_create(&threads[count], NULL, work, l))
		count++;
	work(l);
	while (count)
		pthread_join(threads[--count], NULL);
}

static int list_images(struct listing *l, const char *pool, struct evs_error *err)
{
	size_t room = 256;
	int ret;

	do {
		free(l->images);
		l->images = calloc(room, sizeof(*l->images));
		l->image_count = room;
		ret = l->images ? l->api.rbd_list2(l->io, l->images, &l->image_count) : -ENOMEM;
		room = l->image_count;
	} while (ret == -ERANGE);
	if (ret < 0) {
		l->image_count = 0;
		return evs_error_set(err, -ret, "%s: its images cannot be listed: %s", pool,
				     strerror(-ret));
	}
	l->found = calloc(l->image_count + 1, sizeof(*l->found));
	return l->found ? 0 : evs_error_set(err, ENOMEM, "out of memory");
}

static int sort_out_interims(struct listing *l, struct evs_error *err)
{
	size_t i, j;

	for (i = 0; i < l->image_count; i++) {
		for (j = 0; j < l->found[i].count; j++) {
			if (uuid_of_interim(&l->found[i].list[j].object) &&
			    add_entry(&l->interims, &l->found[i].list[j]))
				return evs_error_set(err, ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int tell(struct listing *l, evs_pool_entry_fn *each, void *arg, struct evs_error *err)
{
	size_t i, j;
	int ret;

	for (i = 0; i < l->image_count; i++) {
		if (l->found[i].errnum)
			return evs_error_set(err, l->found[i].errnum, "image %s: %s",
					     l->images[i].name, strerror(l->found[i].errnum));
	}
	ret = sort_out_interims(l, err);
	for (i = 0; !ret && each && i < l->image_count; i++) {
		for (j = 0; !ret && j < l->found[i].count; j++) {
			if (!uuid_of_interim(&l->found[i].list[j].object))
				ret = each(arg, &l->found[i].list[j], err);
		}
	}
	return ret;
}

static void release(struct listing *l)
{
	size_t i;

	for (i = 0; l->found && i < l->image_count; i++)
		free(l->found[i].list);
	free(l->found);
	if (l->image_count)
		l->api.rbd_image_spec_list_cleanup(l->images, l->image_count);
	free(l->images);
}

static int list_pool(struct listing *l, void *cluster, const char *pool,
		     evs_pool_entry_fn *each, void *arg, struct evs_error *err)
{
	int ret = l->api.rados_ioctx_create(cluster, pool, &l->io);

	if (ret)
		return evs_error_set(err, -ret, "Ceph: the pool %s: %s", pool, strerror(-ret));
	ret = list_images(l, pool, err);
	if (!ret) {
		look_at_all(l);
		ret = tell(l, each, arg, err);
	}
	release(l);
	l->api.rados_ioctx_destroy(l->io);
	return ret;
}

static int list_cluster(struct listing *l, const struct evs_rbd *rbd, evs_pool_entry_fn *each,
			void *arg, struct evs_error *err)
{
	void *cluster;
	int ret;

	ret = evs_librbd_load(&l->api, err);
	if (ret)
		return ret;
	ret = evs_record_maker(l->maker);
	if (!ret)
		ret = l->api.rados_create(&cluster, *rbd->user ? strchr(rbd->user, '=') + 1 : NULL);
	if (ret)
		return evs_error_set(err, -ret, "Ceph: %s", strerror(-ret));
	ret = l->api.rados_conf_read_file(cluster, *rbd->conf ? strchr(rbd->conf, '=') + 1 : NULL);
	if (!ret) {
		l->api.rados_conf_set(cluster, "client_mount_timeout", "30");
		/* What goes wrong is told by what the calls return. */
		l->api.rados_conf_set(cluster, "log_to_stderr", "false");
		l->api.rados_conf_set(cluster, "err_to_stderr", "false");
		ret = l->api.rados_connect(cluster);
	}
	if (ret)
		ret = evs_error_set(err, -ret, "Ceph: no connection: %s", strerror(-ret));
	else
		ret = list_pool(l, cluster, rbd->pool, each, arg, err);
	l->api.rados_shutdown(cluster);
	return ret;
}

int evs_rbd_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err)
{
	struct evs_error ignored = {};
	struct listing l = {};
	int ret = list_cluster(&l, pool->engine, each, arg, err);
	const struct evs_pool_entry *interim = l.interims.list;

	/* Those whose makers were killed, perhaps before there was a clone of them. */
	for (; pool->lock.fd >= 0 && l.interims.count; l.interims.count--, interim++) {
		if (evs_unfinished_left(uuid_of_interim(&interim->object), interim->record.maker,
					l.maker))
			evs_rbd_remove_snapshot(pool->engine, &interim->object, &ignored);
	}
	free(l.interims.list);
	return ret;
}

int evs_rbd_drop_interim(struct evs_pool *pool, const char *uuid, struct evs_error *err)
{
	struct listing l = {};
	int ret = list_cluster(&l, pool->engine, NULL, NULL, err);
	size_t i;

	if (!ret)
		ret = evs_error_set(err, ENOENT, "new.%s: there is no such image", uuid);
	for (i = 0; i < l.interims.count; i++) {
		if (!strcmp(uuid_of_interim(&l.interims.list[i].object), uuid))
			ret = evs_rbd_remove_snapshot(pool->engine, &l.interims.list[i].object,
						      err);
	}
	free(l.interims.list);
	return ret;
}
