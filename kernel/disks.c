// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: which disks there are
 */
#include <linux/blkdev.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "disks.h"

#define EVS_MAX_ID		(BIT(20) - 1)

/* All disks: from the first step of attach until they are freed */
DEFINE_XARRAY_ALLOC(evs_disks);
/* Protects evs_disks and what struct evs_disk says of it */
DEFINE_MUTEX(evs_disks_lock);
/* Tells a dump that goes on whether evs_disks is what it was */
unsigned int evs_disks_generation = 1;

/**
 * evs_disk_get() - find a disk and keep it from being freed
 * @id: the N of /dev/evsN
 *
 * Return: the disk, in whatever state, or NULL if there is none.
 */
struct evs_disk *evs_disk_get(u32 id)
{
	struct evs_disk *evs;

	mutex_lock(&evs_disks_lock);
	evs = xa_load(&evs_disks, id);
	/* The last reference may be gone, with evs_free_disk() at the lock */
	if (evs && (!evs->visible ||
		    !kobject_get_unless_zero(&disk_to_dev(evs->disk)->kobj)))
		evs = NULL;
	mutex_unlock(&evs_disks_lock);

	return evs;
}

/**
 * evs_disk_put() - drop a reference to a disk
 * @evs: disk from evs_disk_get() or evs_disk_attach()
 */
void evs_disk_put(struct evs_disk *evs)
{
	put_disk(evs->disk);
}

/* A dead disk has lost its name and UUID */
static bool evs_disk_is_other(const struct evs_disk *evs,
			      const struct evs_disk *other)
{
	return other != evs && READ_ONCE(other->slot.state) != EVS_DEV_STATE_DEAD;
}

static bool evs_disk_name_taken(const struct evs_disk *evs, const char *name)
{
	struct evs_disk *other;
	unsigned long i;

	lockdep_assert_held(&evs_disks_lock);

	xa_for_each(&evs_disks, i, other)
		if (evs_disk_is_other(evs, other) && !strcmp(other->config.name, name))
			return true;
	return false;
}

/*
 * Give a new disk the lowest free number, and the name evsN unless it has one. A
 * number is passed over while another disk has been named so by its user: the
 * default name is always free, and evsN means one disk.
 */
static int evs_disk_number(struct evs_disk *evs)
{
	char name[DISK_NAME_LEN];
	u32 min = 0;
	int err;

	for (;;) {
		err = xa_alloc(&evs_disks, &evs->id, evs,
			       XA_LIMIT(min, EVS_MAX_ID), GFP_NOIO);
		if (err)
			return err;
		snprintf(name, sizeof(name), "evs%u", evs->id);
		if (!evs_disk_name_taken(evs, name))
			break;
		xa_erase(&evs_disks, evs->id);
		min = evs->id + 1;
	}

	if (!*evs->config.name)
		strscpy(evs->config.name, name, sizeof(evs->config.name));
	return 0;
}

/**
 * evs_disk_register() - find an id for a new disk
 * @evs: disk
 * @extack: says why if it fails
 *
 * Return: 0, -EEXIST if another disk has its name or UUID, or another error code.
 */
int evs_disk_register(struct evs_disk *evs,
		      struct netlink_ext_ack *extack)
{
	struct evs_disk *other;
	unsigned long i;
	int err;

	mutex_lock(&evs_disks_lock);

	err = evs_disk_number(evs);
	if (err)
		goto out;

	xa_for_each(&evs_disks, i, other) {
		if (!evs_disk_is_other(evs, other))
			continue;
		if (!strcmp(other->config.name, evs->config.name)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "a disk of this name is attached as evs%u",
					   other->id);
			err = -EEXIST;
		} else if (*evs->config.uuid && !strcmp(other->config.uuid, evs->config.uuid)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "a disk with this UUID is attached as evs%u",
					   other->id);
			err = -EEXIST;
		}
		if (err) {
			xa_erase(&evs_disks, evs->id);
			break;
		}
	}

out:
	mutex_unlock(&evs_disks_lock);
	return err;
}

/**
 * evs_disk_publish() - let a disk be found
 * @evs: disk that has been added, with a reference that evs_disk_put() drops
 */
void evs_disk_publish(struct evs_disk *evs)
{
	mutex_lock(&evs_disks_lock);
	get_device(disk_to_dev(evs->disk));
	evs->visible = true;
	evs_disks_generation++;
	mutex_unlock(&evs_disks_lock);
}

/**
 * evs_disk_explain_busy() - tell which disk has the backing device of another
 * @evs: disk that cannot have it
 * @extack: says it
 */
void evs_disk_explain_busy(const struct evs_disk *evs,
			   struct netlink_ext_ack *extack)
{
	struct evs_disk *other;
	unsigned long i;

	mutex_lock(&evs_disks_lock);
	xa_for_each(&evs_disks, i, other) {
		if (other != evs &&
		    other->config.backing_dev == evs->config.backing_dev)
			NL_SET_ERR_MSG_FMT(extack,
					   "the backing device is in use by evs%u",
					   other->id);
	}
	mutex_unlock(&evs_disks_lock);
}

/**
 * evs_disk_unregister() - undo evs_disk_register()
 * @evs: disk that is about to be freed
 */
void evs_disk_unregister(struct evs_disk *evs)
{
	mutex_lock(&evs_disks_lock);
	xa_erase(&evs_disks, evs->id);
	evs_disks_generation++;
	mutex_unlock(&evs_disks_lock);
}
