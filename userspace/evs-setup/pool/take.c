// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/stat.h>

#include "detach.h"
#include "take.h"

int take_look(struct take *take, const struct target *disk, const struct evs_pool_entry *entry,
	      struct evs_error *err)
{
	struct stat st;
	int ret;

	take->below[0] = '\0';
	if (!detach_where(disk, &entry->record, take->node, sizeof(take->node))) {
		take->node[0] = '\0';
		return 0;
	}
	ret = take->pool->ops->activate(take->pool, &disk->object, false, take->below,
					sizeof(take->below), err);
	/* What lies on no file system needs none. */
	if (!ret && (stat(take->below, &st) || !S_ISREG(st.st_mode)))
		take->below[0] = '\0';
	return ret;
}

/* Whether a disk holds still is known at the end, which one that is killed does not see. */
static int begin(struct take *list, size_t count, bool commands, size_t *begun,
		 struct evs_error *err)
{
	struct take *take;
	int ret = 0;

	for (*begun = 0; *begun < count && !ret; ++*begun) {
		take = &list[*begun];
		take->record.consistent = *take->node || commands ? EVS_CONSISTENT_CRASH :
					  EVS_CONSISTENT_FS;
		ret = evs_snapshot_begin(take->pool, &take->snapshot, take->name, &take->record,
					 err);
		if (ret)
			evs_error_prefix(err, "%s", take->text);
	}
	return ret;
}

static int take_data(struct take *list, size_t count, struct evs_error *err)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++) {
		ret = evs_snapshot_take(list[i].pool, &list[i].snapshot, err);
		if (ret)
			evs_error_prefix(err, "%s", list[i].text);
	}
	return ret;
}

static int take_frozen(struct take *list, size_t count, struct freeze_disk *disks,
		       const struct freeze_options *how, int *thawed, struct evs_error *err)
{
	struct evs_error thaw = {};
	struct freeze freeze;
	int ret;

	ret = freeze_begin(&freeze, disks, count, how, err);
	if (ret)
		return ret;
	ret = take_data(list, count, err);
	*thawed = freeze_end(&freeze, &thaw);
	if (!ret && *thawed)
		*err = thaw;
	return ret;
}

static int end(struct take *list, size_t count, const struct freeze_disk *disks,
	       struct evs_error *err)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++) {
		list[i].record.consistent = disks[i].consistent ? EVS_CONSISTENT_FS :
					    EVS_CONSISTENT_CRASH;
		ret = evs_snapshot_end(list[i].pool, &list[i].snapshot, list[i].record.consistent,
				       err);
		if (ret)
			evs_error_prefix(err, "%s", list[i].text);
	}
	return ret;
}

/* Those that were made go again when one fails. */
static int make(struct take *list, size_t count, struct freeze_disk *disks,
		const struct freeze_options *how, struct evs_error *err)
{
	struct evs_error why = {};
	int ret, thawed = 0;
	size_t begun;

	ret = begin(list, count, how && (how->command || how->thaw_command), &begun, err);
	if (!ret)
		ret = how ? take_frozen(list, count, disks, how, &thawed, err) :
		      take_data(list, count, err);
	if (!ret) {
		ret = end(list, count, disks, &why);
		if (ret)
			*err = why;
	}
	if (!ret)
		return thawed;
	while (begun--)
		evs_snapshot_drop(list[begun].pool, &list[begun].snapshot);
	return ret;
}

int take_all(struct take *list, size_t count, const struct freeze_options *how,
	     struct evs_error *err)
{
	struct freeze_disk disks[TAKE_MAX] = {};
	bool needed = how && (how->command || how->thaw_command);
	struct stat st;
	size_t i;

	for (i = 0; i < count; i++) {
		disks[i].name = list[i].text;
		/* Nobody writes to one that is not attached. */
		disks[i].consistent = !*list[i].node;
		if (!*list[i].node)
			continue;
		needed = true;
		disks[i].node = list[i].node;
		if (stat(disks[i].node, &st))
			return evs_error_set(err, errno, "%s: %m", disks[i].node);
		disks[i].dev = st.st_rdev;
		disks[i].below = *list[i].below ? list[i].below : NULL;
	}
	return make(list, count, disks, needed ? how : NULL, err);
}
