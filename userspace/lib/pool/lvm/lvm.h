/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_LVM_H
#define EVS_POOL_LVM_H

/*
 * A thin pool of LVM. Records are tags of the LVs, which are called DISK,
 * DISK.SNAPSHOT, image.NAME and new.UUID; all other LVs are somebody else's.
 */

#include "config.h"
#include "pool/pool.h"

struct json_object;

#define LVM_NAME_SIZE 128	/* which is LVM's limit as well */
#define LVM_ARGS_MAX 48
#define LVM_TAG_SIZE (EVS_RECORD_NAME_MAX + EVS_RECORD_VALUE_MAX + 2)

/* Tag of an unfinished LV that takes the place of the disk that it names */
#define LVM_OVER "evs_over="

/**
 * struct evs_lvm - A thin pool.
 * @vg: name of its volume group
 * @thinpool: its name
 * @config: --config of every command
 * @checked: it was seen to be a thin pool that can be used
 * @lvs: what the last report said, with the lock of the pool; NULL when that may not be so
 *	 any more
 * @stamp: that of the last change, at that time
 */
struct evs_lvm {
	const char *vg;
	const char *thinpool;
	char config[2048];
	bool checked;
	struct json_object *lvs;
	uint64_t stamp;
};

/**
 * struct evs_lvm_args - A command of LVM.
 * @argv: it
 * @count: how many
 * @tags: the texts of those of them that are tags
 * @tag_count: how many
 * @lv: VG/LV that it is about
 * @activates: it does nothing else
 */
struct evs_lvm_args {
	const char *argv[LVM_ARGS_MAX];
	size_t count;
	char tags[2 * EVS_RECORD_TAGS_MAX][LVM_TAG_SIZE];
	size_t tag_count;
	char lv[2 * LVM_NAME_SIZE];
	bool activates;
};

/**
 * struct evs_lvm_lv - What LVM tells of one LV.
 * @name: its name
 * @tags: its tags, separated by commas; owned by the answer
 * @bytes: its size
 * @used: bytes that it has mapped, or EVS_POOL_UNKNOWN
 * @thin_id: its number in the thin pool
 * @writable: not read-only
 * @open: somebody has it open
 */
struct evs_lvm_lv {
	const char *name;
	const char *tags;
	uint64_t bytes;
	uint64_t used;
	unsigned long thin_id;
	bool writable;
	bool open;
};

typedef int evs_lvm_lv_fn(void *arg, const struct evs_lvm_lv *lv, struct evs_error *err);

/** evs_lvm_name() - The name of an object's LV. @name: filled @object: the object */
void evs_lvm_name(char name[LVM_NAME_SIZE], const struct evs_object *object);

/**
 * evs_lvm_begin() - Begin a command.
 * @args: filled
 * @command: its name
 * @config: that of the pool
 */
void evs_lvm_begin(struct evs_lvm_args *args, const char *command, const char *config);

/** evs_lvm_add() - Add arguments. @args: the command @...: them, NULL last */
void evs_lvm_add(struct evs_lvm_args *args, ...) __attribute__((sentinel));

/** evs_lvm_add_lv() - Add VG/LV. @lvm: the pool @args: the command @object: whose LV */
void evs_lvm_add_lv(const struct evs_lvm *lvm, struct evs_lvm_args *args,
		    const struct evs_object *object);

/** evs_lvm_add_record() - Add the tags of a record. @args: the command @record: the record */
void evs_lvm_add_record(struct evs_lvm_args *args, const struct evs_record *record);

/** evs_lvm_tag() - Write a tag as LVM has it. @text: filled @tag: the tag */
void evs_lvm_tag(char text[LVM_TAG_SIZE], const struct evs_record_tag *tag);

/** evs_lvm_add_tag() - Add --addtag or --deltag. @args: the command @option: it @tag: the tag */
void evs_lvm_add_tag(struct evs_lvm_args *args, const char *option, const char *tag);

/**
 * evs_lvm_run() - Run a command that changes something.
 * @pool: the pool
 * @args: the command
 * @err: filled on failure
 *
 * Return: 0 or a negative errno: -EEXIST, -ENOENT and -EBUSY where LVM says so.
 */
int evs_lvm_run(struct evs_pool *pool, struct evs_lvm_args *args, struct evs_error *err);

/**
 * evs_lvm_report() - Have LVs of the volume group reported.
 * @pool: the pool
 * @name: that of the one that is needed, or NULL for all; there may be others as well
 * @lvs: set to an array of objects; release it with json_object_put()
 * @err: filled on failure
 *
 * LVM takes its time to start: with the lock of the pool, it is asked once, and anew after
 * evs_lvm_run(), by whichever process, and evs_lvm_forget(). What an administrator changes
 * beside us meanwhile is found by the command that needs it. The first report is looked
 * through by evs_lvm_check_pool().
 *
 * Return: 0 or a negative errno.
 */
int evs_lvm_report(struct evs_pool *pool, const char *name, struct json_object **lvs,
		   struct evs_error *err);

/**
 * evs_lvm_check_pool() - See whether the thin pool can be used.
 * @pool: the pool; it is made active where it is not
 * @lvs: what LVM reports of all LVs
 * @err: filled on failure
 *
 * Return: 0, 1 when the report is not true any more, or a negative errno.
 */
int evs_lvm_check_pool(struct evs_pool *pool, struct json_object *lvs, struct evs_error *err);

/** evs_lvm_field() - A field of a report, "" where it is not. @lv: of which LV @name: its name */
const char *evs_lvm_field(struct json_object *lv, const char *name);

/** evs_lvm_forget() - Have LVM asked anew. @pool: the pool */
void evs_lvm_forget(struct evs_pool *pool);

/**
 * evs_lvm_each() - Look at all LVs of the pool, or at one.
 * @pool: the pool
 * @object: the one, or NULL
 * @each: called for each LV in the pool that has the tag evs.v
 * @arg: its argument
 * @err: filled on failure
 *
 * Return: 0, what @each has returned, or a negative errno.
 */
int evs_lvm_each(struct evs_pool *pool, const struct evs_object *object, evs_lvm_lv_fn *each,
		 void *arg, struct evs_error *err);

/**
 * evs_lvm_check() - Look at one LV before it is changed.
 * @pool: the pool
 * @object: its object
 * @lv: filled, but for what the answer owned; may be NULL
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when it is not there or not one of ours.
 */
int evs_lvm_check(struct evs_pool *pool, const struct evs_object *object,
		  struct evs_lvm_lv *lv, struct evs_error *err);

int evs_lvm_list(struct evs_pool *pool, evs_pool_entry_fn *each, void *arg,
		 struct evs_error *err);
int evs_lvm_create(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		   const struct evs_record *record, struct evs_error *err);
int evs_lvm_remove(struct evs_pool *pool, const struct evs_object *object,
		   struct evs_error *err);
int evs_lvm_rename(struct evs_pool *pool, const struct evs_object *object,
		   const struct evs_object *to, struct evs_error *err);
int evs_lvm_replace(struct evs_pool *pool, const struct evs_object *object,
		    const struct evs_object *disk, struct evs_error *err);
int evs_lvm_grow(struct evs_pool *pool, const struct evs_object *object, uint64_t bytes,
		 struct evs_error *err);
int evs_lvm_snapshot(struct evs_pool *pool, const struct evs_snapshot *snapshot,
		     struct evs_error *err);
int evs_lvm_clone(struct evs_pool *pool, const struct evs_object *source,
		  const struct evs_object *to, const struct evs_record *record,
		  struct evs_error *err);
int evs_lvm_activate(struct evs_pool *pool, const struct evs_object *object, bool writable,
		     char *path, size_t size, struct evs_error *err);
int evs_lvm_deactivate(struct evs_pool *pool, const struct evs_object *object,
		       struct evs_error *err);
int evs_lvm_save(struct evs_pool *pool, const struct evs_object *object,
		 const struct evs_record *record, struct evs_error *err);
int evs_lvm_allocated(struct evs_pool *pool, const struct evs_object *object,
		      evs_pool_range_fn *each, void *arg, struct evs_error *err);
int evs_lvm_changed(struct evs_pool *pool, const struct evs_object *before,
		    const struct evs_object *after, evs_pool_range_fn *each, void *arg,
		    struct evs_error *err);

/**
 * evs_lvm_take_over() - Finish what evs_lvm_replace() began.
 * @pool: the pool
 * @object: the unfinished object, which has its tag
 * @disk: the disk whose name it gets, and which goes, if it is still there
 * @err: filled on failure, after which @disk is as before
 *
 * Return: 0 or a negative errno.
 */
int evs_lvm_take_over(struct evs_pool *pool, const struct evs_object *object,
		      const struct evs_object *disk, struct evs_error *err);

#endif /* EVS_POOL_LVM_H */
