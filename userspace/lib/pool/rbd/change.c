// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes, changes and removes images. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/rbd/rbd.h"
#include "pool/unfinished.h"

#define UNIT 4096

int evs_rbd_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	struct evs_rbd_args args;
	char size[32];
	int ret;

	snprintf(size, sizeof(size), "%lluB",
		 (unsigned long long)((bytes + UNIT - 1) / UNIT * UNIT));
	evs_rbd_begin(rbd, &args, "create", "--size", size, "--image-feature",
		      "layering,exclusive-lock,object-map,fast-diff,deep-flatten", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	ret = evs_rbd_run(&args, NULL, err);
	return ret ? ret : evs_rbd_store(rbd, object, record, err);
}

static int snapshot_verb(const struct evs_rbd *rbd, const char *verb,
			 const struct evs_object *object, const char *snapshot,
			 struct evs_error *err)
{
	struct evs_rbd_args args;

	evs_rbd_begin(rbd, &args, "snap", verb, "--no-progress", NULL);
	evs_rbd_add_spec(rbd, &args, object, snapshot);
	return evs_rbd_run(&args, NULL, err);
}

/* ---- removing ---- */

/* Clones of what was removed need it still, until they are flattened. */
int evs_rbd_removable(struct evs_pool *pool, const struct evs_object *object,
		      struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	struct evs_rbd_args args;
	char *output;
	int ret;

	evs_rbd_begin(rbd, &args, "children", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	ret = evs_rbd_run(&args, &output, err);
	if (ret)
		return ret;
	output[strcspn(output, "\n")] = '\0';
	if (*output)
		ret = evs_error_set(err, EBUSY,
				    "%s: what was made of it depends on it, such as %.*s; flatten that, or delete it first",
				    args.specs[0], 200, output);
	free(output);
	return ret;
}

int evs_rbd_remove_snapshot(const struct evs_rbd *rbd, const struct evs_object *object,
			    struct evs_error *err)
{
	struct evs_object image = *object;
	char key[RBD_NAME_SIZE];
	struct evs_rbd_args args;
	struct evs_error ignored = {};
	int ret = snapshot_verb(rbd, "rm", object, NULL, err);

	if (ret)
		return ret;
	/* Without its snapshot, a record counts for nothing. */
	evs_rbd_key(key, object);
	image.kind = EVS_KIND_DISK;
	evs_rbd_begin(rbd, &args, "image-meta", "remove", NULL);
	evs_rbd_add_spec(rbd, &args, &image, NULL);
	evs_rbd_add(&args, key, NULL);
	evs_rbd_run(&args, NULL, &ignored);
	return 0;
}

int evs_rbd_remove(struct evs_pool *pool, const struct evs_object *object,
		   struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	struct evs_error ignored = {};
	struct evs_record record;
	struct evs_rbd_args args;
	int ret;

	/* An unfinished one may not have it yet. */
	ret = object->unfinished ? 0 : evs_rbd_load(rbd, object, &record, err);
	if (ret)
		return ret;
	if (object->kind == EVS_KIND_SNAPSHOT && !object->unfinished)
		return evs_rbd_remove_snapshot(rbd, object, err);
	ret = evs_rbd_removable(pool, object, err);
	/* It may be no more than the snapshot that it was to be made from. */
	if (ret == -ENOENT && object->unfinished) {
		*err = (struct evs_error){};
		return evs_rbd_drop_interim(pool, object->name, err);
	}
	if (ret)
		return ret;
	if (object->kind == EVS_KIND_IMAGE)
		snapshot_verb(rbd, "rm", object, RBD_IMAGE_SNAPSHOT, &ignored);
	evs_rbd_begin(rbd, &args, "rm", "--no-progress", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	return evs_rbd_run(&args, NULL, err);
}

/* ---- names and sizes ---- */

int evs_rbd_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err)
{
	struct evs_rbd_args args;
	int ret;

	/* One whose name is taken away is going to be removed. */
	ret = to->unfinished ? evs_rbd_removable(pool, object, err) : 0;
	if (ret)
		return ret;
	evs_rbd_begin(pool->engine, &args, "rename", NULL);
	evs_rbd_add_spec(pool->engine, &args, object, NULL);
	evs_rbd_add_spec(pool->engine, &args, to, NULL);
	return evs_rbd_run(&args, NULL, err);
}

static int get_size(const struct evs_rbd *rbd, const struct evs_object *object, uint64_t *size,
		    struct evs_error *err)
{
	struct json_object *json;
	struct evs_rbd_args args;
	char *output;
	int ret;

	evs_rbd_begin(rbd, &args, "info", "--format", "json", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	ret = evs_rbd_run(&args, &output, err);
	if (ret)
		return ret;
	json = json_tokener_parse(output);
	free(output);
	*size = json_object_get_uint64(json_object_object_get(json, "size"));
	json_object_put(json);
	return *size ? 0 : evs_error_set(err, EPROTO, "%s: rbd tells no size", args.specs[0]);
}

int evs_rbd_grow(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		 struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	struct evs_rbd_args args;
	uint64_t before;
	char size[32];
	int ret = get_size(rbd, object, &before, err);

	if (ret || before >= bytes)
		return ret;
	snprintf(size, sizeof(size), "%lluB",
		 (unsigned long long)((bytes + UNIT - 1) / UNIT * UNIT));
	evs_rbd_begin(rbd, &args, "resize", "--no-progress", "--size", size, NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	return evs_rbd_run(&args, NULL, err);
}

/* ---- snapshots ---- */

/*
 * What a disk that goes on is cloned from: a snapshot of it that is called as the clone
 * is. By its record, who finds it knows whose it was.
 */
static void interim_of(struct evs_object *interim, const struct evs_object *disk,
		       const struct evs_object *to)
{
	*interim = *disk;
	interim->kind = EVS_KIND_SNAPSHOT;
	snprintf(interim->snapshot, sizeof(interim->snapshot), EVS_UNFINISHED "%.*s",
		 EVS_UUID_SIZE - 1, to->name);
}

/* The record comes first, as it counts for nothing without the snapshot. */
int evs_rbd_prepare(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		    struct evs_error *err)
{
	const struct evs_object *name = &snapshot->name;
	const struct evs_rbd *rbd = pool->engine;
	struct evs_error there = {};
	struct evs_object interim;
	uint64_t size;

	if (name->unfinished) {
		interim_of(&interim, &snapshot->disk, name);
		return evs_rbd_store(rbd, &interim, &snapshot->work.record, err);
	}
	/* That of one that exists must not be replaced. */
	if (!get_size(rbd, name, &size, &there))
		return evs_error_set(err, EEXIST, "%s@%s: is there already", name->name,
				     name->snapshot);
	return evs_rbd_store(rbd, name, &snapshot->work.record, err);
}

int evs_rbd_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err)
{
	struct evs_object interim;

	/* One that gets no name is an image in the end. */
	if (!snapshot->name.unfinished)
		return snapshot_verb(pool->engine, "create", &snapshot->name, NULL, err);
	interim_of(&interim, &snapshot->disk, &snapshot->name);
	return snapshot_verb(pool->engine, "create", &interim, NULL, err);
}

/* It cannot be done by a clone, which has no snapshots. The size becomes the old one, too. */
int evs_rbd_rollback(struct evs_pool *pool, const struct evs_object *snapshot,
		     struct evs_error *err)
{
	return snapshot_verb(pool->engine, "rollback", snapshot, NULL, err);
}

/* ---- clones ---- */

/* A clone is of a snapshot. One that is removed under it stays for it, out of sight. */
static int clone_of(const struct evs_rbd *rbd, const struct evs_object *source,
		    const char *snapshot, const struct evs_object *to, struct evs_error *err)
{
	struct evs_rbd_args args;

	evs_rbd_begin(rbd, &args, "clone", "--rbd-default-clone-format", "2", "--image-feature",
		      "layering,exclusive-lock,object-map,fast-diff,deep-flatten", NULL);
	evs_rbd_add_spec(rbd, &args, source, snapshot);
	evs_rbd_add_spec(rbd, &args, to, NULL);
	return evs_rbd_run(&args, NULL, err);
}

static int clone_interim(const struct evs_rbd *rbd, const struct evs_object *interim,
			 const struct evs_object *to, const struct evs_record *record,
			 struct evs_error *err)
{
	struct evs_error ignored = {};
	int ret = clone_of(rbd, interim, NULL, to, err);

	evs_rbd_remove_snapshot(rbd, interim, &ignored);
	/* It has all the metadata of its source: what is said of that must not hold. */
	return ret ? ret : evs_rbd_store(rbd, to, record, err);
}

int evs_rbd_derive(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		   struct evs_error *err)
{
	struct evs_object interim;

	interim_of(&interim, &snapshot->disk, &snapshot->name);
	return clone_interim(pool->engine, &interim, &snapshot->name, &snapshot->work.record,
			     err);
}

static int clone_disk(const struct evs_rbd *rbd, const struct evs_object *disk,
		      const struct evs_object *to, const struct evs_record *record,
		      struct evs_error *err)
{
	struct evs_object interim;
	int ret;

	interim_of(&interim, disk, to);
	ret = evs_rbd_store(rbd, &interim, record, err);
	if (!ret)
		ret = snapshot_verb(rbd, "create", &interim, NULL, err);
	return ret ? ret : clone_interim(rbd, &interim, to, record, err);
}

int evs_rbd_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	int ret = 0;

	if (source->kind == EVS_KIND_DISK)
		return clone_disk(rbd, source, to, record, err);
	/* An image never changes, so that it needs no more than one, for ever. */
	if (source->kind == EVS_KIND_IMAGE)
		ret = snapshot_verb(rbd, "create", source, RBD_IMAGE_SNAPSHOT, err);
	if (!ret || ret == -EEXIST)
		ret = clone_of(rbd, source,
			       source->kind == EVS_KIND_IMAGE ? RBD_IMAGE_SNAPSHOT : NULL, to,
			       err);
	return ret ? ret : evs_rbd_store(rbd, to, record, err);
}
