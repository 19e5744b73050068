// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of LVM, and what its reports say. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int evs_lvm_run(struct evs_lvm_args *args, struct evs_error *err)
{
	return classify(evs_run(args->argv, NULL, err), err);
}

static const char *text_of(struct json_object *lv, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(lv, name, &value))
		return "";
	return json_object_get_string(value) ? json_object_get_string(value) : "";
}

static void take_lv(struct evs_lvm_lv *lv, struct json_object *json)
{
	const char *used = text_of(json, "data_percent");

	*lv = (struct evs_lvm_lv){
		.name = text_of(json, "lv_name"),
		.tags = text_of(json, "lv_tags"),
		.bytes = strtoull(text_of(json, "lv_size"), NULL, 10),
		.used = EVS_POOL_UNKNOWN,
		.thin_id = strtoul(text_of(json, "thin_id"), NULL, 10),
		.writable = text_of(json, "lv_attr")[0] && text_of(json, "lv_attr")[1] == 'w',
		.open = !strcmp(text_of(json, "lv_device_open"), "open"),
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

static int each_of(const struct evs_lvm *lvm, struct json_object *answer, evs_lvm_lv_fn *each,
		   void *arg, struct evs_error *err)
{
	struct json_object *list, *json;
	struct evs_lvm_lv lv;
	size_t i;
	int ret = 0;

	if (!json_object_object_get_ex(answer, "report", &list) ||
	    !json_object_object_get_ex(json_object_array_get_idx(list, 0), "lv", &list) ||
	    !json_object_is_type(list, json_type_array))
		return evs_error_set(err, EPROTO, "lvs: a report without LVs");
	for (i = 0; !ret && i < json_object_array_length(list); i++) {
		json = json_object_array_get_idx(list, i);
		take_lv(&lv, json);
		if (!strcmp(text_of(json, "pool_lv"), lvm->thinpool) && has_tag(lv.tags, "evs.v="))
			ret = each(arg, &lv, err);
	}
	return ret;
}

int evs_lvm_each(const struct evs_lvm *lvm, const struct evs_object *object, evs_lvm_lv_fn *each,
		 void *arg, struct evs_error *err)
{
	struct json_object *answer;
	struct evs_lvm_args args;
	int ret;

	evs_lvm_begin(&args, "lvs", lvm->config);
	evs_lvm_add(&args, "--reportformat", "json", "--units", "b", "--nosuffix", "-o",
		    "lv_name,lv_tags,lv_attr,lv_size,data_percent,thin_id,pool_lv,lv_device_open",
		    NULL);
	if (object)
		evs_lvm_add_lv(lvm, &args, object);
	else
		evs_lvm_add(&args, lvm->vg, NULL);
	ret = classify(evs_run_json(args.argv, &answer, err), err);
	if (ret)
		return ret;
	ret = each_of(lvm, answer, each, arg, err);
	json_object_put(answer);
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

int evs_lvm_check(const struct evs_lvm *lvm, const struct evs_object *object,
		  struct evs_lvm_lv *lv, struct evs_error *err)
{
	struct evs_lvm_lv unused;
	char name[LVM_NAME_SIZE];
	int ret = evs_lvm_each(lvm, object, note_lv, lv ? lv : &unused, err);

	if (ret)
		return ret > 0 ? 0 : ret;
	evs_lvm_name(name, object);
	return evs_error_set(err, ENOENT, "%s/%s: is no disk of EVS in the thin pool %s", lvm->vg,
			     name, lvm->thinpool);
}
