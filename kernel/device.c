// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks, from attach to the last close
 *
 * A disk is live from attach to detach, unless it is revoked: see revocation.c.
 * Detach by force leaves a dead disk to those who have it open: I/O fails, the
 * cipher and the key are gone, and so is the claim to the backing device as soon
 * as that has answered all I/O. Closing it for the last time frees it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "evs.h"

#define EVS_MAX_ID		(BIT(20) - 1)

/* All disks: from the first step of attach until they are freed */
DEFINE_XARRAY_ALLOC(evs_devs);
/* Protects evs_devs and what struct evs_device says of it */
DEFINE_MUTEX(evs_devs_lock);
/* Tells a dump that goes on whether evs_devs is what it was */
unsigned int evs_devs_generation = 1;

/* Own, so that unloading the module can wait for its work to return */
static struct workqueue_struct *evs_remove_wq;

/**
 * evs_dev_get() - find a disk and keep it from being freed
 * @id: the N of /dev/evsN
 *
 * Return: the disk, live or dead, or NULL if there is none.
 */
struct evs_device *evs_dev_get(u32 id)
{
	struct evs_device *evs;

	mutex_lock(&evs_devs_lock);
	evs = xa_load(&evs_devs, id);
	/* The last reference may be gone, with evs_free_disk() at the lock */
	if (evs && (!evs->visible ||
		    !kobject_get_unless_zero(&disk_to_dev(evs->disk)->kobj)))
		evs = NULL;
	mutex_unlock(&evs_devs_lock);

	return evs;
}

/**
 * evs_dev_put() - drop a reference to a disk
 * @evs: disk from evs_dev_get() or evs_dev_attach()
 */
void evs_dev_put(struct evs_device *evs)
{
	put_disk(evs->disk);
}

/* Find an id for a new disk, and see that its name and UUID are unique */
static int evs_dev_register(struct evs_device *evs,
			    struct netlink_ext_ack *extack)
{
	struct evs_device *other;
	unsigned long i;
	int err;

	mutex_lock(&evs_devs_lock);

	err = xa_alloc(&evs_devs, &evs->id, evs, XA_LIMIT(0, EVS_MAX_ID),
		       GFP_KERNEL);
	if (err)
		goto out;
	if (!*evs->name)
		snprintf(evs->name, sizeof(evs->name), "evs%u", evs->id);

	xa_for_each(&evs_devs, i, other) {
		if (other == evs || other->state == EVS_DEV_STATE_DEAD)
			continue;
		if (!strcmp(other->name, evs->name)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "a disk of this name is attached as evs%u",
					   other->id);
			err = -EEXIST;
		} else if (*evs->uuid && !strcmp(other->uuid, evs->uuid)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "a disk with this UUID is attached as evs%u",
					   other->id);
			err = -EEXIST;
		}
		if (err) {
			xa_erase(&evs_devs, evs->id);
			break;
		}
	}

out:
	mutex_unlock(&evs_devs_lock);
	return err;
}

static void evs_dev_unregister(struct evs_device *evs)
{
	mutex_lock(&evs_devs_lock);
	xa_erase(&evs_devs, evs->id);
	evs_devs_generation++;
	mutex_unlock(&evs_devs_lock);
}

/* Called with disk->open_mutex held, so that detach need not fear an open */
static int evs_open(struct gendisk *disk, blk_mode_t mode)
{
	struct evs_device *evs = disk->private_data;

	/* Not so revoke: a disk that is just being revoked may be opened yet */
	switch (READ_ONCE(evs->state)) {
	case EVS_DEV_STATE_LIVE:
		return 0;
	case EVS_DEV_STATE_REVOKED:
		return -EKEYREVOKED;
	default:
		return -ENXIO;
	}
}

static int evs_set_read_only(struct block_device *bdev, bool ro)
{
	struct evs_device *evs = bdev->bd_disk->private_data;

	return evs->read_only && !ro ? -EROFS : 0;
}

/* Attach, detach and all openers are done with the disk */
static void evs_free_disk(struct gendisk *disk)
{
	struct evs_device *evs = disk->private_data;

	evs_dev_unregister(evs);
	evs_io_exit(evs);
	kfree(evs);
	module_put(THIS_MODULE);
}

static const struct block_device_operations evs_fops = {
	.owner		= THIS_MODULE,
	.open		= evs_open,
	.set_read_only	= evs_set_read_only,
	.free_disk	= evs_free_disk,
};

/*
 * Wipe the cipher and invalidate the key, if that has not been done. Does not
 * wait for the backing device.
 */
static void evs_dev_wipe(struct evs_device *evs)
{
	evs_io_wipe(evs);
	evs_key_disown(evs);
	cancel_work_sync(&evs->lost_work);
}

static void evs_dev_remove(struct evs_device *evs)
{
	del_gendisk(evs->disk);

	/* No request is in flight any more, and none will come */
	evs_dev_wipe(evs);
	bdev_fput(evs->bdev_file);
	complete_all(&evs->removed);
	put_disk(evs->disk);
}

static void evs_dev_remove_work(struct work_struct *work)
{
	struct evs_device *evs = container_of(work, struct evs_device,
					      remove_work);

	/* Users learn that the disk is gone; file systems shut down */
	blk_mark_disk_dead(evs->disk);

	/*
	 * del_gendisk() waits for requests in flight to a backing device that
	 * may hang. Wait here, in portions that do not look like a hung task.
	 */
	while (!blk_mq_freeze_queue_wait_timeout(evs->disk->queue, 10 * HZ))
		;

	evs_dev_remove(evs);
}

static void evs_dev_explain_key(int err, key_serial_t serial,
				struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EKEYREVOKED:
		NL_SET_ERR_MSG_FMT(extack, "key %d is revoked", serial);
		break;
	case -EKEYEXPIRED:
		NL_SET_ERR_MSG_FMT(extack, "key %d has expired", serial);
		break;
	case -ENOKEY:
		NL_SET_ERR_MSG_FMT(extack, "there is no key %d", serial);
		break;
	case -EKEYREJECTED:
		NL_SET_ERR_MSG_FMT(extack, "key %d is not of type evs", serial);
		break;
	case -EACCES:
		NL_SET_ERR_MSG_FMT(extack, "no permission to use key %d",
				   serial);
		break;
	default:
		NL_SET_ERR_MSG_FMT(extack, "key %d cannot be used", serial);
	}
}

/* As late as can be: the key is of no use to anyone afterwards */
static int evs_dev_take_key(struct evs_device *evs, struct key *key,
			    struct evs_cipher *cipher,
			    struct netlink_ext_ack *extack)
{
	int err;

	err = evs_key_consume(key, cipher);
	if (err) {
		evs_dev_explain_key(err, evs->key_serial, extack);
		if (err == -ENOKEY)
			NL_SET_ERR_MSG_FMT(extack,
					   "key %d was used by an earlier attach; request it again",
					   evs->key_serial);
		return err;
	}

	/* From here on the key may be lost, and the cipher with it */
	err = evs_key_own(key, evs);
	if (err) {
		evs_dev_explain_key(err, evs->key_serial, extack);
		key_invalidate(key);
	}

	return err;
}

static int evs_dev_add_disk(struct evs_device *evs, struct key *key,
			    struct evs_cipher *cipher,
			    struct netlink_ext_ack *extack)
{
	struct queue_limits lim = evs_backing_limits(evs);
	struct gendisk *disk;
	int err;

	disk = blk_mq_alloc_disk(&evs->tag_set, &lim, evs);
	if (IS_ERR(disk))
		return PTR_ERR(disk);

	snprintf(disk->disk_name, sizeof(disk->disk_name), "evs%u", evs->id);
	disk->fops = &evs_fops;
	disk->private_data = evs;
	set_capacity(disk, evs->size >> SECTOR_SHIFT);
	set_disk_ro(disk, evs->read_only);
	evs->disk = disk;

	err = evs_dev_take_key(evs, key, cipher, extack);
	if (err)
		goto err_disk;
	err = device_add_disk(NULL, disk, NULL);
	if (err)
		goto err_key;

	return 0;

err_key:
	evs_dev_wipe(evs);
err_disk:
	put_disk(disk);
	return err;
}

static struct evs_device *evs_dev_alloc(const struct evs_attach_args *args)
{
	struct evs_device *evs;

	evs = kzalloc_obj(*evs);
	if (!evs)
		return NULL;

	evs->backing_dev = args->backing_dev;
	evs->offset = args->offset;
	evs->size = args->size;
	evs->sector_size = args->sector_size;
	evs->key_serial = args->key_serial;
	evs->read_only = args->read_only;
	if (args->name)
		strscpy(evs->name, args->name, sizeof(evs->name));
	if (args->uuid)
		strscpy(evs->uuid, args->uuid, sizeof(evs->uuid));
	INIT_WORK(&evs->lost_work, evs_dev_lost_work);
	INIT_WORK(&evs->remove_work, evs_dev_remove_work);
	init_completion(&evs->removed);

	return evs;
}

/* Get all that a disk stands on, then add it */
static int evs_dev_start(struct evs_device *evs, struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher;
	struct key *key;
	int err;

	key = evs_key_get(evs->key_serial);
	if (IS_ERR(key)) {
		err = PTR_ERR(key);
		evs_dev_explain_key(err, evs->key_serial, extack);
		return err;
	}

	err = evs_backing_open(evs, extack);
	if (err)
		goto err_key;
	err = evs_backing_fit(evs, extack);
	if (err)
		goto err_bdev;

	cipher = evs_cipher_alloc(evs->sector_size);
	if (IS_ERR(cipher)) {
		err = PTR_ERR(cipher);
		NL_SET_ERR_MSG(extack, "the cipher xts(aes) is not available");
		goto err_bdev;
	}
	rcu_assign_pointer(evs->cipher, cipher);
	strscpy(evs->cipher_driver, evs_cipher_driver(cipher),
		sizeof(evs->cipher_driver));

	err = evs_io_init(evs, cipher);
	if (err)
		goto err_cipher;
	err = evs_dev_add_disk(evs, key, cipher, extack);
	if (err)
		goto err_io;

	key_put(key);
	return 0;

err_io:
	evs_io_exit(evs);
err_cipher:
	evs_io_wipe(evs);
err_bdev:
	bdev_fput(evs->bdev_file);
err_key:
	key_put(key);
	return err;
}

/**
 * evs_dev_attach() - make a disk
 * @args: what the user asked for
 * @extack: says why if it fails
 *
 * Return: the disk, with a reference that evs_dev_put() drops, or an ERR_PTR.
 */
struct evs_device *evs_dev_attach(const struct evs_attach_args *args,
				  struct netlink_ext_ack *extack)
{
	struct evs_device *evs;
	int err = -ENOMEM;

	/* Not __module_get(): the module may be on its way out */
	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);

	evs = evs_dev_alloc(args);
	if (!evs)
		goto err_module;
	err = evs_dev_register(evs, extack);
	if (err)
		goto err_free;
	err = evs_dev_start(evs, extack);
	if (err)
		goto err_unregister;

	pr_info("%s: attached \"%s\" on %pg, %llu bytes at %llu, %u-byte sectors, %s%s\n",
		evs->disk->disk_name, evs->name, evs->bdev, evs->size,
		evs->offset, evs->sector_size, evs->cipher_driver,
		evs->read_only ? ", read-only" : "");

	mutex_lock(&evs_devs_lock);
	get_device(disk_to_dev(evs->disk));
	evs->visible = true;
	evs_devs_generation++;
	mutex_unlock(&evs_devs_lock);

	return evs;

err_unregister:
	evs_dev_unregister(evs);
err_free:
	kfree(evs);
err_module:
	module_put(THIS_MODULE);
	return ERR_PTR(err);
}

/* Whoever makes a disk dead, and it is one only, has to remove it */
static int evs_dev_kill(struct evs_device *evs, bool force,
			struct netlink_ext_ack *extack)
{
	struct gendisk *disk = evs->disk;
	int err = 0;

	mutex_lock(&disk->open_mutex);
	if (evs->state == EVS_DEV_STATE_DEAD) {
		NL_SET_ERR_MSG(extack, "the disk has been detached already");
		err = -ENODEV;
	} else if (!force && disk_openers(disk)) {
		NL_SET_ERR_MSG(extack, "the disk is in use");
		err = -EBUSY;
	} else {
		mutex_lock(&evs_devs_lock);
		WRITE_ONCE(evs->state, EVS_DEV_STATE_DEAD);
		evs_devs_generation++;
		mutex_unlock(&evs_devs_lock);
	}
	mutex_unlock(&disk->open_mutex);

	return err;
}

/**
 * evs_dev_detach() - remove a disk
 * @evs: disk
 * @force: do so although it is open. Its key is wiped at once; writes that have
 *	not reached the backing device by then fail, even if it is only the page
 *	cache that has them.
 * @extack: says why if it fails
 *
 * On success the backing device is free, except after a forced detach when it
 * does not answer I/O that is in flight: then it is so once it does.
 *
 * Return: 0, -EBUSY if the disk is open, -ENODEV if it is detached already.
 */
int evs_dev_detach(struct evs_device *evs, bool force,
		   struct netlink_ext_ack *extack)
{
	int err;

	err = evs_dev_kill(evs, force, extack);
	if (err)
		return err;

	pr_info("%s: detached \"%s\" from %pg%s\n", evs->disk->disk_name,
		evs->name, evs->bdev, force ? " by force" : "");

	if (!force) {
		/* What the page cache still has is written out encrypted */
		evs_dev_remove(evs);
		return 0;
	}

	evs_dev_wipe(evs);
	queue_work(evs_remove_wq, &evs->remove_work);
	wait_for_completion_timeout(&evs->removed, HZ);
	return 0;
}

/**
 * evs_dev_init() - set up what disks have in common
 *
 * Return: 0 or -ENOMEM.
 */
int __init evs_dev_init(void)
{
	evs_remove_wq = alloc_workqueue("evs_remove", WQ_UNBOUND, 0);
	return evs_remove_wq ? 0 : -ENOMEM;
}

/**
 * evs_dev_exit() - the counterpart of evs_dev_init(), when no disk is left
 */
void evs_dev_exit(void)
{
	destroy_workqueue(evs_remove_wq);
}
