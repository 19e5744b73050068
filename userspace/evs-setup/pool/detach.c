// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/major.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block/loop.h"
#include "block/users.h"
#include "detach.h"
#include "disk/disks.h"
#include "link.h"
#include "target.h"

/* ---- where it is ---- */

static bool find_driver_disk(const struct evs_record *record, char *node, size_t size)
{
	struct evs_error ignored = {};
	struct evs_disk *disks;
	struct evs_nl *nl;
	bool found = false;
	size_t i, count;

	/* Without the driver, nothing is attached. */
	if (evs_nl_open(&nl, &ignored))
		return false;
	if (!evs_nl_dump(nl, &disks, &count, &ignored)) {
		for (i = 0; i < count && !found; i++) {
			found = disks[i].state != EVS_DEV_STATE_DEAD &&
				!strcmp(disks[i].uuid, record->id);
			if (found)
				disks_path(&disks[i], node, size);
		}
		free(disks);
	}
	evs_nl_close(nl);
	return found;
}

bool detach_where(const struct target *target, const struct evs_record *record, char *node,
		  size_t size)
{
	char name[LINK_SIZE];
	struct stat st;

	/* A snapshot has the UUID of its disk. */
	if (target->object.kind != EVS_KIND_DISK)
		return false;
	if (record->encrypted)
		return find_driver_disk(record, node, size);
	link_name(name, &target->pool, &target->object);
	return !link_read(name, node, size) && !stat(node, &st) && S_ISBLK(st.st_mode);
}

int detach_refuse_attached(const struct target *target, const struct evs_record *record,
			   struct evs_error *err)
{
	char node[PATH_MAX];

	if (!detach_where(target, record, node, sizeof(node)))
		return 0;
	return evs_error_set(err, EBUSY, "%s: is attached as %s; detach it first: evs-setup detach %s",
			     target->text, node, target->text);
}

/* ---- detaching ---- */

static int detach_found(struct target *target, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	char node[PATH_MAX], name[LINK_SIZE], prefix[EVS_OBJECT_TEXT_SIZE + 16];
	char mark[LINK_SIZE] = "";
	struct evs_pool_entry entry;
	struct stat st;
	int ret;

	ret = evs_pool_find(pool, &target->object, &entry, err);
	if (ret)
		return ret;
	if (entry.record.encrypted || !detach_where(target, &entry.record, node, sizeof(node)) ||
	    stat(node, &st))
		return evs_error_set(err, ENODEV, "%s: is not attached", target->text);
	snprintf(prefix, sizeof(prefix), "detach: %s", target->text);
	if (users_tell(st.st_rdev, prefix))
		return evs_error_set(err, EBUSY, "%s: the disk is in use: end the uses above",
				     target->text);
	if (link_mark(mark, node))
		mark[0] = '\0';
	if (major(st.st_rdev) == LOOP_MAJOR)
		ret = loop_detach(node, err);
	if (!ret)
		ret = pool->ops->deactivate(pool, &target->object, err);
	if (ret)
		return evs_error_prefix(err, "%s", target->text);
	unlink(mark);
	link_name(name, pool, &target->object);
	link_remove(name, node);
	return 0;
}

int detach_plain(const char *ref, enum evs_detach how, struct evs_error *err)
{
	struct target target;
	int ret;

	ret = target_open(&target, ref, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	if (how != EVS_DETACH_IDLE)
		ret = evs_error_set(err, EINVAL,
				    "%s: --force and --lazy are for encrypted disks", target.text);
	if (!ret)
		ret = evs_pool_lock(&target.pool, err);
	if (!ret)
		ret = detach_found(&target, err);
	target_close(&target);
	return ret;
}

void detach_release(const char *ref)
{
	struct evs_error ignored = {};
	struct target target;

	if (target_open(&target, ref, EVS_KIND_DISK, &ignored))
		return;
	if (!evs_pool_lock(&target.pool, &ignored))
		target.pool.ops->deactivate(&target.pool, &target.object, &ignored);
	target_close(&target);
}
