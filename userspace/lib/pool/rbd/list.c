// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of a pool. rbd(8) would have to be run for each image, as each has its own
 * metadata: a list of a thousand would take minutes. So librbd is asked, by several
 * threads. It is loaded when it is needed: most hosts have no Ceph.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/rbd/rbd.h"

#define THREADS 16
#define SNAPSHOTS_MAX 1024	/* the kernel's driver takes 510 */
#define METADATA_SIZE (1U << 20)
#define MADE_ELSEWHERE_SECONDS 3600

/* As librbd.h and librados.h have them */
struct image_spec {
	char *id;
	char *name;
};

struct snapshot {
	uint64_t id;
	uint64_t size;
	const char *name;
};

/**
 * struct api - What is called of librados and librbd.
 */
struct api {
	int (*rados_create)(void **cluster, const char *id);
	int (*rados_conf_read_file)(void *cluster, const char *path);
	int (*rados_conf_set)(void *cluster, const char *option, const char *value);
	int (*rados_connect)(void *cluster);
	void (*rados_shutdown)(void *cluster);
	int (*rados_ioctx_create)(void *cluster, const char *pool, void **io);
	void (*rados_ioctx_destroy)(void *io);
	int (*rbd_list2)(void *io, struct image_spec *images, size_t *count);
	void (*rbd_image_spec_list_cleanup)(struct image_spec *images, size_t count);
	int (*rbd_open_read_only)(void *io, const char *name, void **image, const char *snapshot);
	int (*rbd_close)(void *image);
	int (*rbd_get_size)(void *image, uint64_t *size);
	int (*rbd_get_create_timestamp)(void *image, struct timespec *time);
	int (*rbd_snap_list)(void *image, struct snapshot *snapshots, int *count);
	void (*rbd_snap_list_end)(struct snapshot *snapshots);
	int (*rbd_metadata_list)(void *image, const char *start, uint64_t max, char *keys,
				 size_t *keys_size, char *values, size_t *values_size);
};

/**
 * struct listing - A list that is being made.
 * @api: the libraries
 * @io: the pool
 * @images: all images of the pool
 * @image_count: how many
 * @next: the one that the next free thread takes
 * @found: for each image, its entries
 * @maker: this boot of this host
 */
struct listing {
	struct api api;
	void *io;
	struct image_spec *images;
	size_t image_count;
	atomic_size_t next;
	struct entries {
		struct evs_pool_entry *list;
		size_t count;
		int errnum;
	} *found;
	char maker[EVS_MAKER_SIZE];
};

#define CALL(name) { #name, offsetof(struct api, name) }

static int load(struct api *api, struct evs_error *err)
{
	static const struct {
		const char *name;
		size_t at;
	} calls[] = {
		CALL(rados_create), CALL(rados_conf_read_file), CALL(rados_conf_set),
		CALL(rados_connect), CALL(rados_shutdown), CALL(rados_ioctx_create),
		CALL(rados_ioctx_destroy), CALL(rbd_list2), CALL(rbd_image_spec_list_cleanup),
		CALL(rbd_open_read_only), CALL(rbd_close), CALL(rbd_get_size),
		CALL(rbd_get_create_timestamp), CALL(rbd_snap_list), CALL(rbd_snap_list_end),
		CALL(rbd_metadata_list),
	};
	/* It is never unloaded: its threads would not survive that. */
	void *rbd = dlopen("librbd.so.1", RTLD_NOW | RTLD_LOCAL), *call;
	size_t i;

	if (!rbd)
		return evs_error_set(err, ENOPKG, "%s; install ceph-common", dlerror());
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* librados is among what librbd needs, so that it is found by the same handle. */
		call = dlsym(rbd, calls[i].name);
		if (!call)
			return evs_error_set(err, ENOPKG, "%s", dlerror());
		memcpy((char *)api + calls[i].at, &call, sizeof(call));
	}
	return 0;
}

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
	struct snapshot *snapshots = calloc(SNAPSHOTS_MAX, sizeof(*snapshots));
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
		    entry.record.kind == EVS_KIND_SNAPSHOT)
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

static int tell(const struct listing *l, evs_pool_entry_fn *each, void *arg,
		struct evs_error *err)
{
	size_t i, j;
	int ret = 0;

	for (i = 0; i < l->image_count; i++) {
		if (l->found[i].errnum)
			return evs_error_set(err, l->found[i].errnum, "image %s: %s",
					     l->images[i].name, strerror(l->found[i].errnum));
	}
	for (i = 0; !ret && i < l->image_count; i++) {
		for (j = 0; !ret && j < l->found[i].count; j++)
			ret = each(arg, &l->found[i].list[j], err);
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

int evs_rbd_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	struct listing l = {};
	void *cluster;
	int ret;

	ret = load(&l.api, err);
	if (ret)
		return ret;
	ret = evs_record_maker(l.maker);
	if (!ret)
		ret = l.api.rados_create(&cluster, *rbd->user ? strchr(rbd->user, '=') + 1 : NULL);
	if (ret)
		return evs_error_set(err, -ret, "Ceph: %s", strerror(-ret));
	ret = l.api.rados_conf_read_file(cluster, *rbd->conf ? strchr(rbd->conf, '=') + 1 : NULL);
	if (!ret) {
		l.api.rados_conf_set(cluster, "client_mount_timeout", "30");
		/* What goes wrong is told by what the calls return. */
		l.api.rados_conf_set(cluster, "log_to_stderr", "false");
		l.api.rados_conf_set(cluster, "err_to_stderr", "false");
		ret = l.api.rados_connect(cluster);
	}
	if (ret)
		ret = evs_error_set(err, -ret, "Ceph: no connection: %s", strerror(-ret));
	else
		ret = list_pool(&l, cluster, rbd->pool, each, arg, err);
	l.api.rados_shutdown(cluster);
	return ret;
}
