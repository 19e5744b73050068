// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data key stays in the kernel: what is copied passes through a disk that is
 * attached for that, and told to go with its last user at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uuid.h>

#include "block/backing.h"
#include "block/node.h"
#include "disk/disks.h"
#include "disk/dk.h"
#include "nl/netlink.h"
#include "pool/unfinished.h"
#include "temporary.h"
#include "volume/volume.h"

#define RELEASE_TRIES 750
#define RELEASE_PAUSE_MS 20

static int hold(struct evs_nl *nl, const struct evs_attach *what, struct evs_device *dev,
		char *node, struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_disk disk;
	int ret;

	ret = evs_nl_attach(nl, what, &disk, err);
	if (ret)
		return ret;
	disks_path(&disk, node, PATH_MAX);
	ret = node_wait(node, disk.disk_dev, err);
	if (!ret)
		ret = evs_device_open(dev, node, what->read_only ? O_RDONLY : O_RDWR | O_EXCL,
				      err);
	if (ret) {
		evs_nl_detach(nl, disk.id, EVS_DETACH_FORCE, &ignored);
		return ret;
	}
	ret = evs_nl_detach(nl, disk.id, EVS_DETACH_LAZY, err);
	if (ret)
		evs_device_close(dev);
	return ret;
}

/*
 * Of this form of name udev makes no links: the file systems in it may be there twice.
 * Killed between the two calls of hold(), this process leaves a disk that stays until
 * somebody finds its lock free: the next verb on any pool.
 */
static int attach_as(const char *name, const struct evs_volume *vol, struct backing *backing,
		     bool read_only, struct evs_device *dev, char *node, struct evs_error *err)
{
	struct evs_attach what = {
		.name = name,
		.uuid = evs_volume_uuid(vol),
		.backing_dev = backing->claim.dev.number,
		.offset = evs_volume_data_offset(vol),
		.size = evs_volume_data_size(vol),
		.sector_size = evs_volume_sector_size(vol),
		.read_only = read_only,
		.cmk = evs_volume_token(vol)->cmk,
		.no_partscan = true,
	};
	const struct evs_pin pin = {};
	sigset_t all, before;
	key_serial_t key;
	struct evs_nl *nl;
	int ret;

	/* Loads the driver, without which nobody knows the type of the key. */
	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	ret = dk_request(vol, what.backing_dev, &pin, &key, err);
	if (!ret) {
		what.key_serial = key;
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &before);
		ret = hold(nl, &what, dev, node, err);
		sigprocmask(SIG_SETMASK, &before, NULL);
		dk_drop(key);
	}
	evs_nl_close(nl);
	return ret;
}

static int attach(const struct evs_volume *vol, struct backing *backing, bool read_only,
		  struct evs_device *dev, char *node, struct evs_error *err)
{
	char name[EVS_UNFINISHED_SIZE] = EVS_UNFINISHED;
	char *id = name + strlen(EVS_UNFINISHED);
	struct evs_lock lock;
	uuid_t uuid;
	int ret;

	/* Its own, as something else may be at work on the volume. */
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, id);
	ret = evs_lock_folder(err);
	if (ret)
		return ret;
	ret = evs_unfinished_lock(&lock, id);
	if (ret)
		return evs_error_set(err, -ret, "%s: %s", lock.path, strerror(-ret));
	ret = attach_as(name, vol, backing, read_only, dev, node, err);
	evs_lock_release(&lock);
	return ret;
}

int temporary_open(struct evs_device *dev, char *node, const char *path, bool read_only,
		   struct evs_pool *pool, struct evs_error *err)
{
	struct evs_volume *vol;
	struct backing backing;
	int ret;

	ret = backing_open(&backing, path, read_only, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, &backing.claim.dev, 0, err);
	if (!ret) {
		ret = backing_loop(&backing, evs_volume_sector_size(vol), err);
		if (pool)
			evs_pool_unlock(pool);
		if (!ret)
			ret = attach(vol, &backing, read_only, dev, node, err);
		evs_volume_close(vol);
	}
	backing_close(&backing);
	return ret ? evs_error_prefix(err, "%s", path) : 0;
}

int temporary_release(struct evs_pool *pool, const struct evs_object *object,
		      struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = RELEASE_PAUSE_MS * 1000000 };
	int tries = RELEASE_TRIES, ret;

	for (;;) {
		ret = pool->ops->deactivate(pool, object, err);
		if (ret != -EBUSY || !--tries)
			return ret;
		nanosleep(&pause, NULL);
		*err = (struct evs_error){};
	}
}
