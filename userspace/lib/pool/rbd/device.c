// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's devices of images, what of them is allocated, and how full a pool is. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/rbd/rbd.h"
#include "run.h"

#define UDEV_CONTROL "/run/udev/control"

static int run_json(struct evs_rbd_args *args, struct json_object **json, struct evs_error *err)
{
	char *output;
	int ret = evs_rbd_run(args, &output, err);

	if (ret)
		return ret;
	*json = json_tokener_parse(output);
	free(output);
	return *json ? 0 : evs_error_set(err, EPROTO, "rbd: its output is no JSON");
}

static bool has(struct json_object *json, const char *name, const char *value)
{
	const char *text = json_object_get_string(json_object_object_get(json, name));

	return text && !strcmp(text, value);
}

/* The device of an object, "" where it has none */
static int find_device(const struct evs_rbd *rbd, const struct evs_object *object, char *path,
		       size_t size, struct evs_error *err)
{
	bool snapshot = object->kind == EVS_KIND_SNAPSHOT && !object->unfinished;
	struct json_object *json, *device;
	char image[RBD_NAME_SIZE];
	struct evs_rbd_args args;
	size_t i;
	int ret;

	evs_rbd_image(image, object);
	evs_rbd_begin(rbd, &args, "device", "list", "--format", "json", NULL);
	ret = run_json(&args, &json, err);
	if (ret)
		return ret;
	*path = '\0';
	for (i = 0; i < json_object_array_length(json); i++) {
		device = json_object_array_get_idx(json, i);
		if (has(device, "pool", rbd->pool) && has(device, "name", image) &&
		    has(device, "namespace", "") &&
		    has(device, "snap", snapshot ? object->snapshot : "-"))
			snprintf(path, size, "%s", json_object_get_string(
					 json_object_object_get(device, "device")));
	}
	json_object_put(json);
	return 0;
}

/* Whoever has an image open watches it, such as the driver of another host. */
static int refuse_used(const struct evs_rbd *rbd, const struct evs_object *object,
		       struct evs_error *err)
{
	struct json_object *json, *watchers;
	struct evs_rbd_args args;
	const char *address;
	int ret;

	evs_rbd_begin(rbd, &args, "status", "--format", "json", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	ret = run_json(&args, &json, err);
	if (ret)
		return ret;
	watchers = json_object_object_get(json, "watchers");
	if (watchers && json_object_array_length(watchers)) {
		address = json_object_get_string(json_object_object_get(
			json_object_array_get_idx(watchers, 0), "address"));
		ret = evs_error_set(err, EBUSY,
				    "%s: is in use by the client %s; detach it there, or wait 30 s if that host is gone",
				    args.specs[0], address ? address : "");
	}
	json_object_put(json);
	return ret;
}

int evs_rbd_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err)
{
	bool snapshot = object->kind == EVS_KIND_SNAPSHOT && !object->unfinished;
	const struct evs_rbd *rbd = pool->engine;
	struct evs_rbd_args args;
	char *output;
	int ret;

	if (snapshot && writable)
		return evs_error_set(err, EROFS, "%s@%s: a snapshot in Ceph cannot be written",
				     object->name, object->snapshot);
	ret = find_device(rbd, object, path, size, err);
	if (ret || *path)
		return ret;
	ret = writable ? refuse_used(rbd, object, err) : 0;
	if (ret)
		return ret;
	evs_rbd_begin(rbd, &args, "device", "map", NULL);
	/* Not --exclusive: no snapshot could be made of it, nor could it grow. */
	if (snapshot)
		evs_rbd_add(&args, "--read-only", NULL);
	/* It would wait for ever for a udevd that is not there. */
	if (access(UDEV_CONTROL, F_OK))
		evs_rbd_add(&args, "-o", "noudev", NULL);
	evs_rbd_add_spec(rbd, &args, object, NULL);
	ret = evs_rbd_run(&args, &output, err);
	if (ret)
		return ret;
	output[strcspn(output, "\n")] = '\0';
	snprintf(path, size, "%s", output);
	free(output);
	return 0;
}

int evs_rbd_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err)
{
	struct evs_rbd_args args;
	char path[64];
	int ret = find_device(pool->engine, object, path, sizeof(path), err);

	if (ret || !*path)
		return ret;
	evs_rbd_begin(pool->engine, &args, "device", "unmap", NULL);
	if (access(UDEV_CONTROL, F_OK))
		evs_rbd_add(&args, "-o", "noudev", NULL);
	evs_rbd_add(&args, path, NULL);
	return evs_rbd_run(&args, NULL, err);
}

/* ---- ranges ---- */

/* A clone has what its parent has: both are told. */
static int tell_ranges(struct evs_rbd_args *args, evs_pool_range_fn *each, void *arg,
		       struct evs_error *err)
{
	struct json_object *json, *range;
	size_t i;
	int ret = run_json(args, &json, err);

	if (ret)
		return ret;
	for (i = 0; !ret && i < json_object_array_length(json); i++) {
		range = json_object_array_get_idx(json, i);
		ret = each(arg, json_object_get_uint64(json_object_object_get(range, "offset")),
			   json_object_get_uint64(json_object_object_get(range, "length")), err);
	}
	json_object_put(json);
	return ret;
}

int evs_rbd_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err)
{
	struct evs_rbd_args args;

	evs_rbd_begin(pool->engine, &args, "diff", "--whole-object", "--format", "json", NULL);
	evs_rbd_add_spec(pool->engine, &args, object, NULL);
	return tell_ranges(&args, each, arg, err);
}

int evs_rbd_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err)
{
	struct evs_rbd_args args;

	if (before->kind != EVS_KIND_SNAPSHOT || strcmp(before->name, after->name))
		return evs_error_set(err, EOPNOTSUPP,
				     "%s: Ceph tells what changed since a snapshot of the same disk only",
				     after->name);
	evs_rbd_begin(pool->engine, &args, "diff", "--whole-object", "--format", "json",
		      "--from-snap", before->snapshot, NULL);
	evs_rbd_add_spec(pool->engine, &args, after, NULL);
	return tell_ranges(&args, each, arg, err);
}

/* ---- independence ---- */

struct flatten {
	evs_pool_progress_fn *progress;
	void *arg;
};

/* Image flatten: 12% complete... */
static int take_progress(void *arg, const char *line, struct evs_error *err)
{
	const struct flatten *flatten = arg;
	const char *colon = strchr(line, ':');
	unsigned int percent;

	if (!flatten->progress || !colon || sscanf(colon, ": %u%% complete", &percent) != 1)
		return 0;
	return flatten->progress(flatten->arg, percent, 100, err);
}

int evs_rbd_flatten(struct evs_pool *pool, const struct evs_object *object,
		    evs_pool_progress_fn *progress, void *arg, struct evs_error *err)
{
	struct flatten flatten = { progress, arg };
	struct evs_rbd_args args;
	struct evs_run run = { .argv = args.argv, .said = take_progress, .arg = &flatten };
	int ret;

	evs_rbd_begin(pool->engine, &args, "flatten", NULL);
	evs_rbd_add_spec(pool->engine, &args, object, NULL);
	ret = evs_run_program(&run, err);
	if (ret == -EIO && strstr(err->text, "has no parent")) {
		*err = (struct evs_error){};
		return 0;
	}
	return ret;
}

/* ---- use ---- */

/* The statistics are the manager's; a cluster without one has no figures. */
int evs_rbd_usage(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err)
{
	const struct evs_rbd *rbd = pool->engine;
	const char *argv[8] = { "ceph", "--connect-timeout=30" };
	size_t count = 2, i;
	struct json_object *json, *pools, *stats;
	uint64_t free_bytes;
	int ret;

	if (*rbd->conf)
		argv[count++] = rbd->conf;
	if (*rbd->user)
		argv[count++] = rbd->user;
	argv[count++] = "df";
	argv[count++] = "--format=json";
	*usage = (struct evs_pool_usage){ .size = EVS_POOL_UNKNOWN };
	ret = evs_run_json(argv, &json, err);
	if (ret)
		return ret;
	pools = json_object_object_get(json, "pools");
	for (i = 0; pools && i < json_object_array_length(pools); i++) {
		stats = json_object_array_get_idx(pools, i);
		if (!has(stats, "name", rbd->pool))
			continue;
		stats = json_object_object_get(stats, "stats");
		free_bytes = json_object_get_uint64(json_object_object_get(stats, "max_avail"));
		if (!free_bytes)
			continue;
		usage->used = json_object_get_uint64(json_object_object_get(stats, "stored"));
		usage->size = usage->used + free_bytes;
	}
	json_object_put(json);
	return 0;
}
