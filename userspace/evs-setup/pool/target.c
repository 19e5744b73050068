// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "device.h"
#include "disk/header-copy.h"
#include "proof.h"
#include "target.h"

int target_is_pool(const char *text, struct evs_error *err)
{
	char name[EVS_POOL_NAME_MAX + 1];
	struct evs_config config;
	int found;

	if (!evs_object_split(text, name) || !evs_pool_name_valid(name))
		return 0;
	if (evs_config_load(&config, err))
		return -err->errnum;
	found = !!evs_config_pool(&config, name);
	evs_config_free(&config);
	return found;
}

int target_outside_pools(int argc, char *argv[], const char **device, const char *instead,
			 struct evs_error *err)
{
	int ret = cli_operand(argc, argv, "device or file", device, err);

	if (!ret)
		ret = target_is_pool(*device, err);
	return ret > 0 ? evs_error_set(err, EINVAL, "%s: is a disk of a pool: %s", *device,
				       instead) : ret;
}

static int open_pool(struct target *target, const char *text, enum evs_kind kind,
		     struct evs_error *err)
{
	static const char *const forms[] = { "POOL/DISK", "POOL/DISK@SNAPSHOT", "POOL/image:NAME" };
	const struct evs_config_pool *pool = NULL;
	char name[EVS_POOL_NAME_MAX + 1] = "";
	const char *rest;

	rest = evs_object_split(text, name);
	if (rest)
		pool = evs_config_pool(&target->config, name);
	if (!pool)
		return evs_error_set(err, ENOENT, "%s: is of no pool of %s: give %s", text,
				     evs_config_path(), forms[kind]);
	if (evs_object_parse(&target->object, rest, err))
		return evs_error_prefix(err, "%s", text);
	if (target->object.kind != kind)
		return evs_error_set(err, EINVAL, "%s: is the name of a %s: give %s", text,
				     evs_kind_name(target->object.kind), forms[kind]);
	evs_object_text(target->text, name, &target->object);
	return evs_pool_open(&target->pool, pool, err);
}

int target_open(struct target *target, const char *text, enum evs_kind kind,
		struct evs_error *err)
{
	int ret;

	memset(target, 0, sizeof(*target));
	ret = evs_config_load(&target->config, err);
	if (ret)
		return ret;
	ret = open_pool(target, text, kind, err);
	if (ret)
		evs_config_free(&target->config);
	return ret;
}

void target_disk(struct target *disk, const struct target *snapshot)
{
	*disk = *snapshot;
	disk->object.kind = EVS_KIND_DISK;
	disk->object.snapshot[0] = '\0';
	evs_object_text(disk->text, disk->pool.config->name, &disk->object);
}

void target_close(struct target *target)
{
	evs_pool_close(&target->pool);
	evs_config_free(&target->config);
}

int target_refuse_rollback(const struct target *target, const struct evs_record *record,
			   struct evs_error *err)
{
	if (!*record->rollback)
		return 0;
	return evs_error_set(err, EBUSY,
			     "%s: its rollback to %s is not finished; finish it with: evs-setup snapshot rollback %s@%s",
			     target->text, record->rollback, target->text, record->rollback);
}

/* That a record stays as old as it was is no obstacle: the header is what counts. */
static void correct(struct target *target, struct evs_pool_entry *entry,
		    const struct evs_volume *vol)
{
	struct evs_error err = {};
	int ret;

	ret = proof_record(&target->pool, entry, vol, &err);
	if (ret < 0)
		cli_note("warning: %s", err.text);
	else if (ret)
		cli_note("%s: note: its header names CMK %s of KMS %s now; the record of the pool is corrected",
			 target->text, entry->record.cmk, entry->record.kms);
}

int target_find(struct target *target, struct evs_pool_entry *entry, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	ret = evs_pool_find(&target->pool, &target->object, entry, err);
	/* In the middle of it, the bytes of a disk are nothing to go by. */
	if (!ret)
		ret = target_refuse_rollback(target, &entry->record, err);
	if (ret || !entry->record.encrypted)
		return ret;
	ret = proof_read(&target->pool, entry, &vol, err);
	if (ret)
		return ret;
	correct(target, entry, vol);
	evs_volume_close(vol);
	return 0;
}

void target_copy_header(struct target *target)
{
	struct evs_pool *pool = &target->pool;
	struct evs_error err = {}, ignored = {};
	struct evs_device dev;
	char path[PATH_MAX];

	if (!*target->config.header_copies)
		return;
	if (pool->ops->activate(pool, &target->object, false, path, sizeof(path), &err) ||
	    evs_device_open(&dev, path, O_RDONLY, &err)) {
		cli_note("warning: %s: its header is not copied: %s", target->text, err.text);
		return;
	}
	header_copy_take(target->text, &dev);
	evs_device_close(&dev);
	pool->ops->deactivate(pool, &target->object, &ignored);
}

int target_explain(const char *text, enum evs_kind kind, struct evs_error *err)
{
	static const char *const verbs[] = { "delete", "snapshot delete", "image delete" };
	int ret = evs_error_prefix(err, "%s", text);
	size_t used = strlen(err->text);

	if (err->class == EVS_CLASS_CMK_DELETED)
		snprintf(err->text + used, sizeof(err->text) - used,
			 "; if it is gone for good, delete what it protected with: evs-setup %s %s",
			 verbs[kind], text);
	return ret;
}

int target_free_name(struct target *target, struct evs_error *err)
{
	struct evs_pool_entry entry;
	struct evs_error why = {};
	int ret = evs_pool_find(&target->pool, &target->object, &entry, &why);

	if (!ret)
		return evs_error_set(err, EEXIST, "%s: exists already; delete it first, or choose another name",
				     target->text);
	if (ret == -ENOENT)
		return 0;
	*err = why;
	return ret;
}
