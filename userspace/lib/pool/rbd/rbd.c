// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of rbd(8), and records as they keep them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/rbd/rbd.h"
#include "run.h"

/* Without it, a cluster that does not answer is waited for five minutes. */
#define CONNECT_TIMEOUT "--client-mount-timeout=30"

static const struct evs_config_key keys[] = {
	{ "pool", evs_config_is_word, "be the name of a pool of Ceph", true },
	{ "conf", evs_config_is_path, "be an absolute path", false },
	{ "user", evs_config_is_word, "be the name of a user of Ceph, without client.", false },
	{},
};

void evs_rbd_image(char name[RBD_NAME_SIZE], const struct evs_object *object)
{
	snprintf(name, RBD_NAME_SIZE, "%s%s",
		 object->unfinished ? "new." : object->kind == EVS_KIND_IMAGE ? "image." : "",
		 object->name);
}

static bool is_snapshot(const struct evs_object *object)
{
	return object->kind == EVS_KIND_SNAPSHOT && !object->unfinished;
}

void evs_rbd_key(char key[RBD_NAME_SIZE], const struct evs_object *object)
{
	if (is_snapshot(object))
		snprintf(key, RBD_NAME_SIZE, RBD_SNAPSHOT "%s", object->snapshot);
	else
		strcpy(key, RBD_RECORD);
}

static void add_all(struct evs_rbd_args *args, va_list ap)
{
	const char *arg;

	while ((arg = va_arg(ap, const char *)) && args->count < RBD_ARGS_MAX - 1)
		args->argv[args->count++] = arg;
}

void evs_rbd_add(struct evs_rbd_args *args, ...)
{
	va_list ap;

	va_start(ap, args);
	add_all(args, ap);
	va_end(ap);
}

void evs_rbd_begin(const struct evs_rbd *rbd, struct evs_rbd_args *args, ...)
{
	va_list ap;

	*args = (struct evs_rbd_args){};
	evs_rbd_add(args, "rbd", CONNECT_TIMEOUT, NULL);
	if (*rbd->conf)
		evs_rbd_add(args, rbd->conf, NULL);
	if (*rbd->user)
		evs_rbd_add(args, rbd->user, NULL);
	va_start(ap, args);
	add_all(args, ap);
	va_end(ap);
}

void evs_rbd_add_spec(const struct evs_rbd *rbd, struct evs_rbd_args *args,
		      const struct evs_object *object, const char *snapshot)
{
	char *spec = args->specs[args->spec_count++], image[RBD_NAME_SIZE];

	if (!snapshot && is_snapshot(object))
		snapshot = object->snapshot;
	evs_rbd_image(image, object);
	snprintf(spec, sizeof(args->specs[0]), "%s/%s%s%s", rbd->pool, image,
		 snapshot ? "@" : "", snapshot ? snapshot : "");
	evs_rbd_add(args, spec, NULL);
}

int evs_rbd_run(struct evs_rbd_args *args, char **output, struct evs_error *err)
{
	struct evs_run run = { .argv = args->argv, .output = output };
	int ret = evs_run_program(&run, err);

	/* It is known for ending with the errno. */
	if (ret == -EIO && run.status > 0 && run.status < 126) {
		err->errnum = run.status;
		ret = -run.status;
	}
	return ret;
}

/* ---- records ---- */

void evs_rbd_value(char value[RBD_VALUE_SIZE], const struct evs_record *record)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	size_t count = evs_record_tags(record, tags), i;

	for (i = 0; i < count; i++)
		value += sprintf(value, "%s%.*s=%.*s", i ? "," : "", EVS_RECORD_NAME_MAX,
				 tags[i].name, EVS_RECORD_VALUE_MAX, tags[i].value);
}

int evs_rbd_parse(struct evs_record *record, const char *value)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX] = {};
	size_t count, len, name;

	for (count = 0; *value && *value != '\n'; count++, value += len, value += *value == ',') {
		len = strcspn(value, ",\n");
		name = strcspn(value, "=");
		if (count == EVS_RECORD_TAGS_MAX || name >= len || name >= sizeof(tags->name) ||
		    len - name > sizeof(tags->value))
			return -EBADMSG;
		memcpy(tags[count].name, value, name);
		memcpy(tags[count].value, value + name + 1, len - name - 1);
	}
	return evs_record_parse(record, tags, count);
}

int evs_rbd_load(const struct evs_rbd *rbd, const struct evs_object *object,
		 struct evs_record *record, struct evs_error *err)
{
	struct evs_object image = *object;
	struct evs_rbd_args args;
	char key[RBD_NAME_SIZE], *output;
	int ret;

	evs_rbd_key(key, object);
	image.kind = EVS_KIND_DISK;
	if (object->kind == EVS_KIND_IMAGE)
		image.kind = EVS_KIND_IMAGE;
	evs_rbd_begin(rbd, &args, "image-meta", "get", NULL);
	evs_rbd_add_spec(rbd, &args, &image, NULL);
	evs_rbd_add(&args, key, NULL);
	ret = evs_rbd_run(&args, &output, err);
	if (ret)
		return ret;
	ret = evs_rbd_parse(record, output);
	free(output);
	if (!ret)
		return 0;
	return evs_error_set(err, -ret, "%s: its record (%s) is none", args.specs[0], key);
}

int evs_rbd_store(const struct evs_rbd *rbd, const struct evs_object *object,
		  const struct evs_record *record, struct evs_error *err)
{
	struct evs_object image = *object;
	char key[RBD_NAME_SIZE], value[RBD_VALUE_SIZE];
	struct evs_rbd_args args;

	evs_rbd_key(key, object);
	evs_rbd_value(value, record);
	image.kind = object->kind == EVS_KIND_IMAGE ? EVS_KIND_IMAGE : EVS_KIND_DISK;
	evs_rbd_begin(rbd, &args, "image-meta", "set", NULL);
	evs_rbd_add_spec(rbd, &args, &image, NULL);
	evs_rbd_add(&args, key, value, NULL);
	return evs_rbd_run(&args, NULL, err);
}

int evs_rbd_save(struct evs_pool *pool, const struct evs_object *object,
		 const struct evs_record *record, struct evs_error *err)
{
	struct evs_record before;
	int ret = evs_rbd_load(pool->engine, object, &before, err);

	return ret ? ret : evs_rbd_store(pool->engine, object, record, err);
}

/* ---- the pool ---- */

static int rbd_open(struct evs_pool *pool, struct evs_error *err)
{
	const char *conf = evs_config_pool_get(pool->config, "conf");
	const char *user = evs_config_pool_get(pool->config, "user");
	struct evs_rbd *rbd = calloc(1, sizeof(*rbd));

	if (!rbd)
		return evs_error_set(err, ENOMEM, "out of memory");
	rbd->pool = evs_config_pool_get(pool->config, "pool");
	if (conf)
		snprintf(rbd->conf, sizeof(rbd->conf), "--conf=%s", conf);
	if (user)
		snprintf(rbd->user, sizeof(rbd->user), "--id=%s", user);
	/* A list comes first in all that is done, and tells whether the pool is there. */
	pool->engine = rbd;
	return 0;
}

static void rbd_close(struct evs_pool *pool)
{
	free(pool->engine);
	pool->engine = NULL;
}

const struct evs_pool_ops evs_pool_rbd_ops = {
	.name = "rbd",
	.keys = keys,
	.open = rbd_open,
	.close = rbd_close,
	.usage = evs_rbd_usage,
	.list = evs_rbd_list,
	.create = evs_rbd_create,
	.removable = evs_rbd_removable,
	.remove = evs_rbd_remove,
	.rename = evs_rbd_rename,
	.rollback = evs_rbd_rollback,
	.grow = evs_rbd_grow,
	.prepare = evs_rbd_prepare,
	.snapshot = evs_rbd_snapshot,
	.derive = evs_rbd_derive,
	.clone = evs_rbd_clone,
	.activate = evs_rbd_activate,
	.deactivate = evs_rbd_deactivate,
	.save = evs_rbd_save,
	.allocated = evs_rbd_allocated,
	.changed = evs_rbd_changed,
	.flatten = evs_rbd_flatten,
};
