// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks: which there are, and how they are made
 *
 * What may happen to a disk afterwards: see state.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/utils.h>
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

/**
 * evs_dev_get() - find a disk and keep it from being freed
 * @id: the N of /dev/evsN
 *
 * Return: the disk, in whatever state, or NULL if there is none.
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

/* A dead disk has lost its name and UUID. Context: evs_devs_lock is held */
static bool evs_dev_is_other(const struct evs_device *evs,
			     const struct evs_device *other)
{
	return other != evs && READ_ONCE(other->state) != EVS_DEV_STATE_DEAD;
}

/* Context: evs_devs_lock is held */
static bool evs_dev_name_taken(const struct evs_device *evs, const char *name)
{
	struct evs_device *other;
	unsigned long i;

	xa_for_each(&evs_devs, i, other)
		if (evs_dev_is_other(evs, other) && !strcmp(other->name, name))
			return true;
	return false;
}

/*
 * Give a new disk the lowest free number, and the name evsN unless it has one. A
 * number is passed over while another disk has been named so by its user: the
 * default name is always free, and evsN means one disk.
 *
 * Context: evs_devs_lock is held.
 */
static int evs_dev_number(struct evs_device *evs)
{
	char name[DISK_NAME_LEN];
	u32 min = 0;
	int err;

	for (;;) {
		err = xa_alloc(&evs_devs, &evs->id, evs,
			       XA_LIMIT(min, EVS_MAX_ID), GFP_NOIO);
		if (err)
			return err;
		snprintf(name, sizeof(name), "evs%u", evs->id);
		if (!evs_dev_name_taken(evs, name))
			break;
		xa_erase(&evs_devs, evs->id);
		min = evs->id + 1;
	}

	if (!*evs->name)
		strscpy(evs->name, name, sizeof(evs->name));
	return 0;
}

/* Find an id for a new disk, and see that its name and UUID are unique */
static int evs_dev_register(struct evs_device *evs,
			    struct netlink_ext_ack *extack)
{
	struct evs_device *other;
	unsigned long i;
	int err;

	mutex_lock(&evs_devs_lock);

	err = evs_dev_number(evs);
	if (err)
		goto out;

	xa_for_each(&evs_devs, i, other) {
		if (!evs_dev_is_other(evs, other))
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

/*
 * Called with disk->open_mutex held, so that detach need not fear an open. Only
 * detach: a disk that is being revoked right now may still be opened.
 */
static int evs_open(struct gendisk *disk, blk_mode_t mode)
{
	struct evs_device *evs = disk->private_data;
	int err = -ENXIO;

	switch (READ_ONCE(evs->state)) {
	case EVS_DEV_STATE_LIVE:
	case EVS_DEV_STATE_SUSPENDED:
		return 0;
	case EVS_DEV_STATE_REVOKED:
		err = -EKEYREVOKED;
		break;
	case EVS_DEV_STATE_REMOVED:
		break;
	default:
		return -ENXIO;
	}

	/*
	 * Without this, udev would not get to its rules: it opens the disk to lock
	 * it, and takes only an absent one for no failure.
	 */
	if (mode & BLK_OPEN_NDELAY)
		return -ENXIO;
	/* swapoff(2) has to open the disk for writing. I/O fails all the same. */
	return mode & BLK_OPEN_WRITE && disk_openers(disk) ? 0 : err;
}

static void evs_release(struct gendisk *disk)
{
	evs_dev_closed(disk->private_data);
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
	.release	= evs_release,
	.set_read_only	= evs_set_read_only,
	.free_disk	= evs_free_disk,
};

/**
 * evs_dev_explain_key() - say why a key is of no use
 * @err: error code from a function of key.c
 * @serial: serial number of the key
 * @extack: says it
 */
void evs_dev_explain_key(int err, key_serial_t serial,
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

/* Is the key in @cipher the one that the disk had? The first one sets it. */
static int evs_dev_check_key(struct evs_device *evs,
			     const struct evs_cipher *cipher,
			     struct netlink_ext_ack *extack)
{
	u8 check[EVS_KEY_CHECK_SIZE];
	int err;

	err = evs_cipher_key_check(cipher, check);
	if (err)
		return err;

	if (!evs->has_key_check) {
		memcpy(evs->key_check, check, sizeof(check));
		evs->has_key_check = true;
	} else if (crypto_memneq(evs->key_check, check, sizeof(check))) {
		NL_SET_ERR_MSG(extack,
			       "the key is not the one that the disk was attached with");
		return -EKEYREJECTED;
	}

	return 0;
}

/**
 * evs_dev_take_key() - move the data key of a disk out of a key into a cipher
 * @evs: disk, which gets the key as its handle
 * @key: key from evs_key_get(), of no use to anyone afterwards
 * @cipher: cipher whose key is yet to be set
 * @extack: says why if it fails
 *
 * From then on the key may be lost, and the disk with it.
 *
 * Return: 0, -EKEYREJECTED if the disk has had another data key, or another error
 *	code.
 */
int evs_dev_take_key(struct evs_device *evs, struct key *key,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack)
{
	key_serial_t serial = key_serial(key);
	int err;

	err = evs_key_consume(key, cipher);
	if (err) {
		evs_dev_explain_key(err, serial, extack);
		if (err == -ENOKEY)
			NL_SET_ERR_MSG_FMT(extack,
					   "key %d was used by an earlier attach; request it again",
					   serial);
		return err;
	}

	err = evs_dev_check_key(evs, cipher, extack);
	if (err)
		goto err_key;
	err = evs_key_own(key, evs);
	if (err) {
		evs_dev_explain_key(err, serial, extack);
		goto err_key;
	}

	return 0;

err_key:
	/* And drops the link of the module's keyring */
	evs_key_put(key_get(key));
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
	if (evs->no_partscan)
		disk->flags |= GENHD_FL_NO_PART;
	evs->disk = disk;

	err = evs_dev_take_key(evs, key, cipher, extack);
	if (err)
		goto err_disk;
	err = device_add_disk(NULL, disk, evs_disk_groups);
	if (err)
		goto err_key;

	evs_backing_link(evs);
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
	evs->allow_discards = args->allow_discards;
	evs->no_partscan = args->no_partscan;
	if (args->name)
		strscpy(evs->name, args->name, sizeof(evs->name));
	if (args->uuid)
		strscpy(evs->uuid, args->uuid, sizeof(evs->uuid));
	if (args->cmk)
		strscpy(evs->cmk, args->cmk, sizeof(evs->cmk));
	spin_lock_init(&evs->state_lock);
	mutex_init(&evs->control_mutex);
	INIT_WORK(&evs->lost_work, evs_dev_lost_work);
	INIT_WORK(&evs->gone_work, evs_dev_gone_work);
	INIT_WORK(&evs->gone_tell_work, evs_dev_gone_tell_work);
	INIT_WORK(&evs->remove_work, evs_dev_remove_work);
	INIT_DELAYED_WORK(&evs->spare_work, evs_dev_spare_work);
	init_completion(&evs->removed);
	evs_events_init(evs);

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
	evs_io_set_cipher(evs, cipher);
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
	evs_dev_wipe(evs);
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

	/*
	 * From here on it is found by whoever is told that it is attached, and may
	 * be detached. What is done to it is told afterwards: that waits for the
	 * mutex before it does so, as removal does, for the loss of the backing
	 * device see evs_dev_added(), for that of the key evs_events_start().
	 */
	mutex_lock(&evs->control_mutex);
	mutex_lock(&evs_devs_lock);
	get_device(disk_to_dev(evs->disk));
	evs->visible = true;
	evs_devs_generation++;
	mutex_unlock(&evs_devs_lock);

	evs_events_start(evs);
	evs_dev_added(evs);
	mutex_unlock(&evs->control_mutex);
	return evs;

err_unregister:
	evs_events_exit(evs);
	evs_dev_unregister(evs);
err_free:
	kfree(evs);
err_module:
	module_put(THIS_MODULE);
	return ERR_PTR(err);
}
