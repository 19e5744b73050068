// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of LVM, and what its reports say. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pool/lvm/lvm.h"
#include "run.h"

void evs_lvm_name(char name[LVM_NAME_SIZE], const struct evs_object *object)
{
	if (object->unfinished)
		snprintf(name, LVM_NAME_SIZE, "new.%s", object->name);
	else if (object->kind == EVS_KIND_SNAPSHOT)
		snprintf(name, LVM_NAME_SIZE, "%s.%s", object->name, object->snapshot);
	else
		snprintf(name, LVM_NAME_SIZE, "%s%s",
			 object->kind == EVS_KIND_IMAGE ? "image." : "", object->name);
}

void evs_lvm_begin(struct evs_lvm_args *args, const char *command, const char *config)
{
	*args = (struct evs_lvm_args){};
	evs_lvm_add(args, command, "--config", config, "-q", NULL);
}

void evs_lvm_add(struct evs_lvm_args *args, ...)
{
	const char *arg;
	va_list ap;

	va_start(ap, args);
	while ((arg = va_arg(ap, const char *)) && args->count < LVM_ARGS_MAX - 1)
		args->argv[args->count++] = arg;
	va_end(ap);
}

void evs_lvm_add_lv(const struct evs_lvm *lvm, struct evs_lvm_args *args,
		    const struct evs_object *object)
{
	char name[LVM_NAME_SIZE];

	evs_lvm_name(name, object);
	snprintf(args->lv, sizeof(args->lv), "%s/%s", lvm->vg, name);
	evs_lvm_add(args, args->lv, NULL);
}

void evs_lvm_add_tag(struct evs_lvm_args *args, const char *option, const char *tag)
{
	char *text = args->tags[args->tag_count++];

	snprintf(text, LVM_TAG_SIZE, "%s", tag);
	evs_lvm_add(args, option, text, NULL);
}

void evs_lvm_tag(char text[LVM_TAG_SIZE], const struct evs_record_tag *tag)
{
	snprintf(text, LVM_TAG_SIZE, "%.*s=%.*s", EVS_RECORD_NAME_MAX, tag->name,
		 EVS_RECORD_VALUE_MAX, tag->value);
}

void evs_lvm_add_record(struct evs_lvm_args *args, const struct evs_record *record)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	size_t count = evs_record_tags(record, tags), i;
	char text[LVM_TAG_SIZE];

	for (i = 0; i < count; i++) {
		evs_lvm_tag(text, &tags[i]);
		evs_lvm_add_tag(args, "--addtag", text);
	}
}

/* LVM has one exit status for all that goes wrong. */
static int classify(int ret, struct evs_error *err)
{
	static const struct {
		const char *text;
		int errnum;
	} cases[] = {
		{ "already exists", EEXIST },
		{ "ailed to find logical volume", ENOENT },
		{ "not found in", ENOENT },
		{ " in use", EBUSY },
		{ " is used by another device", EBUSY },
	};
	size_t i;

	for (i = 0; ret == -EIO && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strstr(err->text, cases[i].text)) {
			err->errnum = cases[i].errnum;
			return -err->errnum;
		}
	}
	return ret;
}

void evs_lvm_forget(struct evs_pool *pool)
{
	struct evs_lvm *lvm = pool->engine;

	json_object_put(lvm->lvs);
	lvm->lvs = NULL;
}

/*
 * Of the last change of the pool, by whoever held its lock: a report from before another
 * one is of no use. 0 where nothing was changed since this host was started.
 */
static int open_stamp(const struct evs_pool *pool, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/evs/change-%s", pool->config->name);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static uint64_t read_stamp(const struct evs_pool *pool)
{
	uint64_t stamp = 0;
	int fd = open_stamp(pool, O_RDONLY);

	if (fd < 0)
		return 0;
	if (pread(fd, &stamp, sizeof(stamp), 0) != sizeof(stamp))
		stamp = 0;
	close(fd);
	return stamp;
}

/* Before the change: whoever is killed after it has told of it. */
static int new_stamp(const struct evs_pool *pool, struct evs_error *err)
{
	int ret = evs_lock_folder(err), fd;
	uint64_t stamp;

	if (ret)
		return ret;
	fd = open_stamp(pool, O_WRONLY | O_CREAT);
	if (fd < 0 || getrandom(&stamp, sizeof(stamp), 0) != sizeof(stamp) ||
	    pwrite(fd, &stamp, sizeof(stamp), 0) != sizeof(stamp))
		ret = evs_error_set(err, errno ? errno : EIO, "/run/evs/change-%s: %m",
				    pool->config->name);
	if (fd >= 0)
		close(fd);
	return ret;
}

int evs_lvm_run(struct evs_pool *pool, struct evs_lvm_args *args, struct evs_error *err)
{
	int ret = args->activates ? 0 : new_stamp(pool, err);

	if (!ret)
		ret = classify(evs_run(args->argv, NULL, err), err);
	if (ret || !args->activates)
		evs_lvm_forget(pool);
	return ret;
}

/* ---- reports ---- */

static int ask(const struct evs_lvm *lvm, const char *name, struct json_object **lvs,
	       struct evs_error *err)
{
	struct json_object *answer, *list;
	struct evs_lvm_args args;
	int ret;

	evs_lvm_begin(&args, "lvs", lvm->config);
	evs_lvm_add(&args, "--reportformat", "json", "--units", "b", "--nosuffix", "-o",
		    "lv_name,lv_tags,lv_attr,lv_size,data_percent,metadata_percent,zero,thin_id,pool_lv,lv_device_open",
		    NULL);
	snprintf(args.lv, sizeof(args.lv), "%s%s%s", lvm->vg, name ? "/" : "", name ? name : "");
	evs_lvm_add(&args, args.lv, NULL);
	ret = classify(evs_run_json(args.argv, &answer, err), err);
	if (ret)
		return ret;
	if (json_pointer_get(answer, "/report/0/lv", &list) ||
	    !json_object_is_type(list, json_type_array))
		ret = evs_error_set(err, EPROTO, "lvs: a report without LVs");
	else
		*lvs = json_object_get(list);
	json_object_put(answer);
	return ret;
}

/* The first time it is for the pool as well. */
static int ask_checked(struct evs_pool *pool, const char *name, struct json_object **lvs,
		       struct evs_error *err)
{
	struct evs_lvm *lvm = pool->engine;
	int ret = ask(lvm, lvm->checked ? name : NULL, lvs, err);

	if (ret || lvm->checked)
		return ret;
	ret = evs_lvm_check_pool(pool, *lvs, err);
	lvm->checked = ret >= 0;
	if (!ret)
		return 0;
	json_object_put(*lvs);
	*lvs = NULL;
	return ret < 0 ? ret : ask(lvm, name, lvs, err);
}

int evs_lvm_report(struct evs_pool *pool, const char *name, struct json_object **lvs,
		   struct evs_error *err)
{
	struct evs_lvm *lvm = pool->engine;
	struct json_object *all;
	int ret;

	/* Without the lock, anything may have changed since. */
	if (pool->lock.fd < 0)
		return ask_checked(pool, name, lvs, err);
	if (!lvm->lvs || lvm->stamp != read_stamp(pool)) {
		ret = ask_checked(pool, NULL, &all, err);
		if (ret)
			return ret;
		evs_lvm_forget(pool);
		lvm->lvs = all;
		lvm->stamp = read_stamp(pool);
	}
	*lvs = json_object_get(lvm->lvs);
	return 0;
}

const char *evs_lvm_field(struct json_object *lv, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(lv, name, &value))
		return "";
	return json_object_get_string(value) ? json_object_get_string(value) : "";
}

static void take_lv(struct evs_lvm_lv *lv, struct json_object *json)
{
	const char *used = evs_lvm_field(json, "data_percent");

	*lv = (struct evs_lvm_lv){
		.name = evs_lvm_field(json, "lv_name"),
		.tags = evs_lvm_field(json, "lv_tags"),
		.bytes = strtoull(evs_lvm_field(json, "lv_size"), NULL, 10),
		.used = EVS_POOL_UNKNOWN,
		.thin_id = strtoul(evs_lvm_field(json, "thin_id"), NULL, 10),
		.writable = evs_lvm_field(json, "lv_attr")[0] && evs_lvm_field(json, "lv_attr")[1] == 'w',
		.open = !strcmp(evs_lvm_field(json, "lv_device_open"), "open"),
	};
	/* It is told of active ones alone. */
	if (*used)
		lv->used = (uint64_t)(strtod(used, NULL) / 100 * (double)lv->bytes);
}

static bool has_tag(const char *tags, const char *start)
{
	size_t len = strlen(start);

	for (; *tags; tags += strcspn(tags, ","), tags += *tags == ',') {
		if (!strncmp(tags, start, len))
			return true;
	}
	return false;
}

int evs_lvm_each(struct evs_pool *pool, const struct evs_object *object, evs_lvm_lv_fn *each,
		 void *arg, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct json_object *lvs, *json;
	char name[LVM_NAME_SIZE];
	struct evs_lvm_lv lv;
	size_t i;
	int ret;

	if (object)
		evs_lvm_name(name, object);
	ret = evs_lvm_report(pool, object ? name : NULL, &lvs, err);
	if (ret)
		return ret;
	for (i = 0; !ret && i < json_object_array_length(lvs); i++) {
		json = json_object_array_get_idx(lvs, i);
		take_lv(&lv, json);
		if ((!object || !strcmp(lv.name, name)) && has_tag(lv.tags, "evs.v=") &&
		    !strcmp(evs_lvm_field(json, "pool_lv"), lvm->thinpool))
			ret = each(arg, &lv, err);
	}
	json_object_put(lvs);
	return ret;
}

static int note_lv(void *arg, const struct evs_lvm_lv *found, struct evs_error *err)
{
	struct evs_lvm_lv *lv = arg;

	(void)err;
	*lv = *found;
	lv->name = NULL;
	lv->tags = NULL;
	return 1;
}

int evs_lvm_check(struct evs_pool *pool, const struct evs_object *object,
		  struct evs_lvm_lv *lv, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_lv unused;
	char name[LVM_NAME_SIZE];
	int ret = evs_lvm_each(pool, object, note_lv, lv ? lv : &unused, err);

	if (ret)
		return ret > 0 ? 0 : ret;
	evs_lvm_name(name, object);
	return evs_error_set(err, ENOENT, "%s/%s: is no disk of EVS in the thin pool %s", lvm->vg,
			     name, lvm->thinpool);
}
