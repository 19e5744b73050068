// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes, changes and removes LVs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pool/lvm/lvm.h"

/* A snapshot may be taken while the file system of /etc/lvm is frozen. */
#define NO_BACKUP "backup{backup=0 archive=0}"

int evs_lvm_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	char size[32], thinpool[2 * LVM_NAME_SIZE], name[LVM_NAME_SIZE];
	struct evs_lvm_args args;

	snprintf(size, sizeof(size), "%llub", (unsigned long long)bytes);
	snprintf(thinpool, sizeof(thinpool), "%s/%s", lvm->vg, lvm->thinpool);
	evs_lvm_name(name, object);
	evs_lvm_begin(&args, "lvcreate", lvm->config);
	evs_lvm_add(&args, "-y", "-V", size, "-T", thinpool, "-n", name, NULL);
	evs_lvm_add_record(&args, record);
	return evs_lvm_run(pool, &args, err);
}

int evs_lvm_remove(struct evs_pool *pool, const struct evs_object *object,
		   struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;
	int ret = evs_lvm_check(pool, object, NULL, err);

	if (ret)
		return ret;
	evs_lvm_begin(&args, "lvremove", lvm->config);
	evs_lvm_add(&args, "-y", NULL);
	evs_lvm_add_lv(lvm, &args, object);
	return evs_lvm_run(pool, &args, err);
}

static int rename_lv(struct evs_pool *pool, const struct evs_object *object,
		     const struct evs_object *to, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	char from_name[LVM_NAME_SIZE], to_name[LVM_NAME_SIZE];
	struct evs_lvm_args args;

	evs_lvm_name(from_name, object);
	evs_lvm_name(to_name, to);
	evs_lvm_begin(&args, "lvrename", lvm->config);
	evs_lvm_add(&args, lvm->vg, from_name, to_name, NULL);
	return evs_lvm_run(pool, &args, err);
}

int evs_lvm_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err)
{
	return rename_lv(pool, object, to, err);
}

/* ---- taking the place of a disk ---- */

static int set_over(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_object *disk, const char *option, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	char tag[LVM_TAG_SIZE];
	struct evs_lvm_args args;

	snprintf(tag, sizeof(tag), LVM_OVER "%s", disk->name);
	evs_lvm_begin(&args, "lvchange", lvm->config);
	evs_lvm_add_tag(&args, option, tag);
	evs_lvm_add_lv(lvm, &args, object);
	return evs_lvm_run(pool, &args, err);
}

/*
 * The tag is there. Without it, the removal of the disk would be the loss of both if
 * the next command did not come: who sweeps what is unfinished would remove the other.
 */
int evs_lvm_take_over(struct evs_pool *pool, const struct evs_object *object,
		      const struct evs_object *disk, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_error ignored = {};
	struct evs_lvm_args args;
	int ret = evs_lvm_check(pool, disk, NULL, err);

	if (!ret) {
		evs_lvm_begin(&args, "lvremove", lvm->config);
		evs_lvm_add(&args, "-y", NULL);
		evs_lvm_add_lv(lvm, &args, disk);
		ret = evs_lvm_run(pool, &args, err);
	}
	if (ret && ret != -ENOENT) {
		set_over(pool, object, disk, "--deltag", &ignored);
		return ret;
	}
	return rename_lv(pool, object, disk, err);
}

int evs_lvm_replace(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_object *disk, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	char name[LVM_NAME_SIZE];
	struct evs_lvm_lv lv;
	int ret;

	/* Whoever opens it does not tell us. */
	evs_lvm_forget(pool);
	ret = evs_lvm_check(pool, disk, &lv, err);
	if (ret)
		return ret;
	evs_lvm_name(name, disk);
	if (lv.open)
		return evs_error_set(err, EBUSY, "%s/%s: is in use", lvm->vg, name);
	ret = set_over(pool, object, disk, "--addtag", err);
	return ret ? ret : evs_lvm_take_over(pool, object, disk, err);
}

/* ---- size ---- */

int evs_lvm_grow(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		 struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;
	struct evs_lvm_lv lv;
	char size[32];
	int ret = evs_lvm_check(pool, object, &lv, err);

	/* Rounded up, it may be of that size: LVM would call that an error. */
	if (ret || lv.bytes >= bytes)
		return ret;
	snprintf(size, sizeof(size), "%llub", (unsigned long long)bytes);
	evs_lvm_begin(&args, "lvextend", lvm->config);
	evs_lvm_add(&args, "-L", size, NULL);
	evs_lvm_add_lv(lvm, &args, object);
	return evs_lvm_run(pool, &args, err);
}

/* ---- copies ---- */

int evs_lvm_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	char name[LVM_NAME_SIZE], config[sizeof(lvm->config) + sizeof(NO_BACKUP) + 1];
	struct evs_lvm_args args;

	snprintf(config, sizeof(config), "%s " NO_BACKUP, lvm->config);
	evs_lvm_name(name, &snapshot->name);
	evs_lvm_begin(&args, "lvcreate", config);
	evs_lvm_add(&args, "-s", "-pr", "-ky", "-n", name, NULL);
	evs_lvm_add_record(&args, &snapshot->work.record);
	evs_lvm_add_lv(lvm, &args, &snapshot->disk);
	return evs_lvm_run(pool, &args, err);
}

int evs_lvm_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;
	char name[LVM_NAME_SIZE];

	evs_lvm_name(name, to);
	evs_lvm_begin(&args, "lvcreate", lvm->config);
	evs_lvm_add(&args, "-s", "-prw", "-kn", "-n", name, NULL);
	/* Of a plain one nothing is changed, and udev need not see it. */
	if (!record->encrypted)
		evs_lvm_add(&args, "-an", NULL);
	evs_lvm_add_record(&args, record);
	evs_lvm_add_lv(lvm, &args, source);
	return evs_lvm_run(pool, &args, err);
}

/* ---- activation ---- */

static int lv_change(struct evs_pool *pool, const struct evs_object *object,
		     const char *option, const char *more, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;

	evs_lvm_begin(&args, "lvchange", lvm->config);
	args.activates = option[1] == 'a';
	evs_lvm_add(&args, option, more, NULL);
	evs_lvm_add_lv(lvm, &args, object);
	return evs_lvm_run(pool, &args, err);
}

static bool is_active(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

static int make_path(const struct evs_lvm *lvm, const struct evs_object *object, char *path,
		     size_t size, struct evs_error *err)
{
	char name[LVM_NAME_SIZE];
	int len;

	evs_lvm_name(name, object);
	len = snprintf(path, size, "/dev/%s/%s", lvm->vg, name);
	if (len < 0 || (size_t)len >= size)
		return evs_error_set(err, ENAMETOOLONG, "/dev/%s/%s: is too long", lvm->vg, name);
	return 0;
}

int evs_lvm_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_lv lv;
	int ret;

	ret = make_path(lvm, object, path, size, err);
	if (ret)
		return ret;
	/* Snapshots are read-only, and not even active. */
	if (writable && object->kind == EVS_KIND_SNAPSHOT && !object->unfinished) {
		ret = evs_lvm_check(pool, object, &lv, err);
		if (!ret && !lv.writable)
			ret = lv_change(pool, object, "-prw", NULL, err);
	} else if (is_active(path)) {
		return 0;
	}
	return ret ? ret : lv_change(pool, object, "-ay", "-K", err);
}

int evs_lvm_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_lv lv;
	char path[4 * LVM_NAME_SIZE];
	int ret;

	ret = make_path(lvm, object, path, sizeof(path), err);
	if (!ret && is_active(path))
		ret = lv_change(pool, object, "-an", NULL, err);
	if (ret || object->kind != EVS_KIND_SNAPSHOT || object->unfinished)
		return ret;
	ret = evs_lvm_check(pool, object, &lv, err);
	if (!ret && lv.writable)
		ret = lv_change(pool, object, "-pr", NULL, err);
	return ret;
}

/* ---- records ---- */

struct save {
	struct evs_lvm_args *args;
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	size_t count;
};

static bool is_kept(const struct save *save, const char *tag)
{
	char text[LVM_TAG_SIZE];
	size_t i;

	for (i = 0; i < save->count; i++) {
		evs_lvm_tag(text, &save->tags[i]);
		if (!strcmp(text, tag))
			return true;
	}
	return false;
}

/* Of the tags that are there, those that are no longer true are removed. */
static int drop_tags(void *arg, const struct evs_lvm_lv *lv, struct evs_error *err)
{
	struct save *save = arg;
	const char *tags = lv->tags;
	char tag[LVM_TAG_SIZE];
	size_t len;

	(void)err;
	for (; *tags; tags += len, tags += *tags == ',') {
		len = strcspn(tags, ",");
		if ((strncmp(tags, "evs.", 4) && strncmp(tags, LVM_OVER, strlen(LVM_OVER))) ||
		    len >= sizeof(tag) || save->args->tag_count >= EVS_RECORD_TAGS_MAX)
			continue;
		memcpy(tag, tags, len);
		tag[len] = '\0';
		if (!is_kept(save, tag))
			evs_lvm_add_tag(save->args, "--deltag", tag);
	}
	return 1;
}

int evs_lvm_save(struct evs_pool *pool, const struct evs_object *object,
		 const struct evs_record *record, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;
	struct save save = { .args = &args };
	int ret;

	save.count = evs_record_tags(record, save.tags);
	evs_lvm_begin(&args, "lvchange", lvm->config);
	ret = evs_lvm_each(pool, object, drop_tags, &save, err);
	if (!ret)
		return evs_lvm_check(pool, object, NULL, err);
	if (ret < 0)
		return ret;
	/* One command, so that the record is the old one or the new one. */
	evs_lvm_add_record(&args, record);
	evs_lvm_add_lv(lvm, &args, object);
	return evs_lvm_run(pool, &args, err);
}
