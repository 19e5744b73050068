// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks: how they are made, and the commands on them
 *
 * What a command makes of a disk: see state.c. How a disk goes: see removal.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "compat.h"
#include "disk.h"
#include "disks.h"
#include "removal.h"

/*
 * Called with disk->open_mutex held, so that detach need not fear an open. Only
 * detach: a disk that is being revoked right now may still be opened.
 */
static int evs_open(struct gendisk *disk, blk_mode_t mode)
{
	struct evs_disk *evs = disk->private_data;
	int err = -ENXIO;

	switch (READ_ONCE(evs->slot.state)) {
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
	evs_disk_closed(disk->private_data);
}

static int evs_set_read_only(struct block_device *bdev, bool ro)
{
	struct evs_disk *evs = bdev->bd_disk->private_data;

	return evs->config.read_only && !ro ? -EROFS : 0;
}

/* Attach, detach and all openers are done with the disk */
static void evs_free_disk(struct gendisk *disk)
{
	struct evs_disk *evs = disk->private_data;

	evs_disk_unregister(evs);
	evs_queue_exit(&evs->queue);
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

static int evs_disk_add(struct evs_disk *evs, struct key *key,
			struct evs_cipher *cipher,
			struct netlink_ext_ack *extack)
{
	struct queue_limits lim = evs_backing_limits(&evs->backing,
						     &evs->config);
	struct gendisk *disk;
	int err;

	disk = evs_queue_alloc_disk(&evs->queue, &lim);
	if (IS_ERR(disk))
		return PTR_ERR(disk);

	snprintf(disk->disk_name, sizeof(disk->disk_name), "evs%u", evs->id);
	disk->fops = &evs_fops;
	disk->private_data = evs;
	set_capacity(disk, evs->size >> SECTOR_SHIFT);
	set_disk_ro(disk, evs->config.read_only);
	if (evs->config.no_partscan)
		disk->flags |= GENHD_FL_NO_PART;
	evs->disk = disk;
	evs->events.disk = disk;

	err = evs_keyslot_load(&evs->slot, key, cipher, extack);
	if (err)
		goto err_disk;
	err = device_add_disk(NULL, disk, evs->interface->groups);
	if (err)
		goto err_key;

	evs_backing_link(&evs->backing, disk);
	return 0;

err_key:
	evs_keyslot_kill(&evs->slot);
	cancel_work_sync(&evs->lost_tell_work);
err_disk:
	put_disk(disk);
	return err;
}

static void evs_disk_tell(struct evs_events *events, enum evs_event event,
			  enum evs_cause cause)
{
	struct evs_disk *evs = container_of(events, struct evs_disk, events);

	evs->interface->tell(evs, event, cause);
}

/* Context: any, down to hard interrupts */
static void evs_disk_io_failed(struct evs_queue *queue, enum req_op op)
{
	struct evs_disk *evs = container_of(queue, struct evs_disk, queue);

	evs_io_error(&evs->events, op);
	evs_backing_check(&evs->backing,
			  evs->config.offset + READ_ONCE(evs->size));
}

static struct evs_disk *evs_disk_alloc(const struct evs_config *config,
				       const struct evs_interface *interface)
{
	struct evs_disk *evs;

	evs = kzalloc_obj(*evs);
	if (!evs)
		return NULL;

	evs->config = *config;
	evs->interface = interface;
	evs_keyslot_init(&evs->slot, config->sector_size);
	evs->slot.queue = &evs->queue;
	evs_events_init(&evs->events);
	evs->events.tell = evs_disk_tell;
	evs->events.state = &evs->slot.state;
	evs_disk_init_removal(evs);

	return evs;
}

static int evs_disk_open_backing(struct evs_disk *evs,
				 struct netlink_ext_ack *extack)
{
	int err;

	err = evs_backing_open(&evs->backing, &evs->config, extack);
	if (err == -EBUSY)
		evs_disk_explain_busy(evs, extack);
	return err;
}

/* Get all that a disk stands on, then add it */
static int evs_disk_start(struct evs_disk *evs,
			  struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher;
	struct key *key;
	int err;

	key = evs_key_claim(evs->config.key_serial);
	if (IS_ERR(key)) {
		err = PTR_ERR(key);
		evs_key_explain(err, evs->config.key_serial,
				extack);
		return err;
	}

	err = evs_disk_open_backing(evs, extack);
	if (err)
		goto err_key;
	err = evs_backing_fit(&evs->backing, &evs->config, &evs->size, extack);
	if (err)
		goto err_bdev;

	cipher = evs_keyslot_alloc_cipher(&evs->slot, extack);
	if (IS_ERR(cipher)) {
		err = PTR_ERR(cipher);
		goto err_bdev;
	}
	evs->queue.id = evs->id;
	evs->queue.read_only = evs->config.read_only;
	evs->queue.offset = evs->config.offset;
	evs->queue.bdev = file_bdev(evs->backing.file);
	evs->queue.failed = evs_disk_io_failed;
	evs->queue.used = evs_key_used;
	err = evs_queue_init(&evs->queue, cipher);
	if (err)
		goto err_cipher;
	err = evs_disk_add(evs, key, cipher, extack);
	if (err)
		goto err_queue;

	key_put(key);
	return 0;

err_queue:
	evs_keyslot_kill(&evs->slot);
	evs_queue_exit(&evs->queue);
	goto err_bdev;
err_cipher:
	evs_cipher_free(cipher);
err_bdev:
	evs_backing_close(&evs->backing);
err_key:
	key_put(key);
	return err;
}

/**
 * evs_disk_attach() - make a disk
 * @config: what the user asked for
 * @interface: what shows it to users
 * @extack: says why if it fails
 *
 * Return: the disk, with a reference that evs_disk_put() drops, or an ERR_PTR.
 */
struct evs_disk *evs_disk_attach(const struct evs_config *config,
				 const struct evs_interface *interface,
				 struct netlink_ext_ack *extack)
{
	struct evs_disk *evs;
	int err = -ENOMEM;

	/* Not __module_get(): the module may be on its way out */
	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);

	evs = evs_disk_alloc(config, interface);
	if (!evs)
		goto err_module;
	err = evs_disk_register(evs, extack);
	if (err)
		goto err_free;
	err = evs_disk_start(evs, extack);
	if (err)
		goto err_unregister;

	pr_info("%s: attached \"%s\" on %pg, %llu bytes at %llu, %u-byte sectors, %s%s\n",
		evs->disk->disk_name, evs->config.name, evs->queue.bdev, evs->size,
		evs->config.offset, evs->config.sector_size, evs->slot.driver,
		evs->config.read_only ? ", read-only" : "");

	/*
	 * From here on it is found by whoever is told that it is attached, and may
	 * be detached. What is done to it is told afterwards: that waits for the
	 * mutex before it does so, as removal does, for the loss of the backing
	 * device see evs_disk_added(), for that of the key evs_events_start().
	 * A uevent may be sent under the mutex here, since the disk cannot be
	 * suspended without.
	 */
	mutex_lock(&evs->slot.mutex);
	evs_disk_publish(evs);
	evs_events_start(&evs->events);
	evs_disk_added(evs);
	mutex_unlock(&evs->slot.mutex);
	return evs;

err_unregister:
	evs_events_exit(&evs->events);
	evs_disk_unregister(evs);
err_free:
	kfree(evs);
err_module:
	module_put(THIS_MODULE);
	return ERR_PTR(err);
}

/**
 * evs_disk_resize() - let a disk grow, in use or not
 * @evs: disk
 * @size: size in bytes, or 0 for what there is on the backing device
 * @extack: says why if it fails
 *
 * It is fine if the disk has that size already.
 *
 * Context: process context.
 * Return: 0, -EINVAL if the disk would shrink, -ERANGE if there is no room for
 *	it, or another negative error code from evs_state_next().
 */
int evs_disk_resize(struct evs_disk *evs, u64 size,
		    struct netlink_ext_ack *extack)
{
	bool grows = false;
	int err;

	mutex_lock(&evs->slot.mutex);
	err = evs_keyslot_change(&evs->slot, EVS_OP_RESIZE, NULL, extack);
	if (err >= 0)
		err = evs_backing_room(&evs->backing, &evs->config, &size,
				       evs->size, extack);
	if (!err && size > evs->size) {
		grows = true;
		/* Who sees this size sees that of the backing device, too */
		smp_mb();
		WRITE_ONCE(evs->size, size);
		set_capacity(evs->disk, size >> SECTOR_SHIFT);
	}
	mutex_unlock(&evs->slot.mutex);
	if (!grows)
		return err;

	pr_info("%s: \"%s\" has grown to %llu bytes\n", evs->disk->disk_name,
		evs->config.name, size);
	evs_event(&evs->events, EVS_EVENT_RESIZED, EVS_CAUSE_COMMAND);
	return 0;
}

/**
 * evs_disk_suspend() - take cipher and key away from a disk, and hold its I/O
 * @evs: disk
 * @grace: see evs_keyslot_suspend()
 * @extack: says why if it fails
 *
 * Return: 0 or a negative error code.
 */
int evs_disk_suspend(struct evs_disk *evs, unsigned int grace,
		     struct netlink_ext_ack *extack)
{
	int err;

	err = evs_keyslot_suspend(&evs->slot, grace, extack);
	if (err)
		return err;

	if (grace)
		pr_info("%s: suspended \"%s\", its key is kept for %u s\n",
			evs->disk->disk_name, evs->config.name, grace);
	else
		pr_info("%s: suspended \"%s\"\n", evs->disk->disk_name,
			evs->config.name);
	evs_event(&evs->events, EVS_EVENT_SUSPENDED, EVS_CAUSE_COMMAND);
	return 0;
}

/**
 * evs_disk_resume() - give the key back to a suspended disk
 * @evs: disk
 * @serial: serial number of a key of type "evs", or 0 for the one that was kept
 * @extack: says why if it fails
 *
 * Context: process context, of the task whose permissions count. May load modules.
 * Return: 0 or a negative error code.
 */
int evs_disk_resume(struct evs_disk *evs, key_serial_t serial,
		    struct netlink_ext_ack *extack)
{
	struct key *key;
	int err;

	if (serial) {
		key = evs_key_claim(serial);
		if (IS_ERR(key)) {
			evs_key_explain(PTR_ERR(key), serial, extack);
			return PTR_ERR(key);
		}
		err = evs_keyslot_resume(&evs->slot, key, extack);
		key_put(key);
	} else {
		err = evs_keyslot_resume_kept(&evs->slot, extack);
	}
	if (err)
		return err;

	if (serial)
		pr_info("%s: resumed \"%s\"\n", evs->disk->disk_name,
			evs->config.name);
	else
		pr_warn("%s: resumed \"%s\" with the key that was kept\n",
			evs->disk->disk_name, evs->config.name);
	evs_event(&evs->events, EVS_EVENT_RESUMED, EVS_CAUSE_COMMAND);
	return 0;
}
