// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks that are without their key for a time
 *
 * Suspending wipes the cipher as revoking does, and as fast. But I/O, whether new
 * or answered by the backing device only now, is held instead of failed. Resuming
 * takes a key that was asked for anew, and lets the I/O go on if it is the same.
 *
 * If somebody asks for it, the cipher is not wiped but put aside for a time: only
 * resuming without a key, when nobody can be asked for one, brings it back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/utils.h>
#include <kunit/visibility.h>
#include <linux/key.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "evs.h"

/* The one cipher that nobody but the disk knows of */
static struct evs_cipher *evs_dev_take_spare(struct evs_device *evs)
{
	struct evs_cipher *spare;
	unsigned long flags;

	spin_lock_irqsave(&evs->state_lock, flags);
	spare = evs->spare;
	evs->spare = NULL;
	spin_unlock_irqrestore(&evs->state_lock, flags);

	return spare;
}

/**
 * evs_dev_spare_work() - wipe the cipher that was kept, its time being over
 * @work: spare_work of the disk
 */
void evs_dev_spare_work(struct work_struct *work)
{
	struct evs_device *evs = container_of(to_delayed_work(work),
					      struct evs_device, spare_work);

	evs_io_wipe(evs_dev_take_spare(evs));
}
EXPORT_SYMBOL_IF_KUNIT(evs_dev_spare_work);

/**
 * evs_dev_suspend() - take cipher and key away from a disk, and hold its I/O
 * @evs: disk, open or not
 * @grace: for how many seconds evs_dev_resume_spare() may give the cipher back,
 *	0 to wipe it at once
 * @extack: says why if it fails
 *
 * Whatever else becomes of the disk wipes a cipher that was kept, and so does this
 * with a @grace of 0, although it fails for a disk that is suspended already.
 *
 * Context: process context. Does not wait for the backing device.
 * Return: 0 or a negative error code, see evs_state_next().
 */
int evs_dev_suspend(struct evs_device *evs, unsigned int grace,
		    struct netlink_ext_ack *extack)
{
	int before;

	mutex_lock(&evs->control_mutex);
	/* The end of an earlier time, unless that is the present one */
	if (READ_ONCE(evs->state) != EVS_DEV_STATE_SUSPENDED)
		cancel_delayed_work_sync(&evs->spare_work);
	if (!grace)
		evs_io_wipe(evs_dev_take_spare(evs));
	before = evs_state_change(evs, EVS_OP_SUSPEND,
				  grace ? EVS_CIPHER_HELD : NULL, extack);
	if (before >= 0)
		evs_key_disown(evs);
	if (before >= 0 && grace) {
		/* Work does not count the time that the machine sleeps */
		evs->spare_until = ktime_get_boottime_seconds() + grace;
		queue_delayed_work(evs_revocation_wq, &evs->spare_work,
				   grace * HZ);
	}
	mutex_unlock(&evs->control_mutex);
	if (before < 0)
		return before;

	if (grace)
		pr_info("%s: suspended \"%s\", its key is kept for %u s\n",
			evs->disk->disk_name, evs->name, grace);
	else
		pr_info("%s: suspended \"%s\"\n", evs->disk->disk_name,
			evs->name);
	evs_event(evs, EVS_EVENT_SUSPENDED, EVS_CAUSE_COMMAND);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(evs_dev_suspend);

/* A cipher like the one that the memory of requests was allocated for */
static struct evs_cipher *evs_dev_resume_cipher(struct evs_device *evs,
						struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher;

	cipher = evs_cipher_alloc(evs->sector_size);
	if (IS_ERR(cipher)) {
		NL_SET_ERR_MSG(extack, "the cipher xts(aes) is not available");
		return cipher;
	}
	if (evs_crypt_req_size(cipher) > evs->crypt_req_size) {
		NL_SET_ERR_MSG(extack,
			       "another driver of the cipher is loaded and needs more memory: detach the disk and attach it again");
		evs_cipher_free(cipher);
		return ERR_PTR(-EOPNOTSUPP);
	}

	return cipher;
}

/* Context: control_mutex is held; the disk was suspended when last seen */
static int evs_dev_resume_key(struct evs_device *evs, struct key *key,
			      struct netlink_ext_ack *extack)
{
	struct evs_cipher *cipher;
	int err;

	cipher = evs_dev_resume_cipher(evs, extack);
	if (IS_ERR(cipher))
		return PTR_ERR(cipher);

	err = evs_dev_take_key(evs, key, cipher, extack);
	if (err)
		goto err_cipher;

	mutex_lock(&evs_devs_lock);
	WRITE_ONCE(evs->key_serial, key_serial(key));
	strscpy(evs->cipher_driver, evs_cipher_driver(cipher),
		sizeof(evs->cipher_driver));
	mutex_unlock(&evs_devs_lock);

	err = evs_state_change(evs, EVS_OP_RESUME, cipher, extack);
	if (err < 0)
		goto err_key;
	return 0;

err_key:
	evs_key_disown(evs);
err_cipher:
	evs_cipher_free(cipher);
	return err;
}

/**
 * evs_dev_resume() - give the key back to a suspended disk
 * @evs: disk
 * @serial: serial number of a key of type "evs" that has the same data key as
 *	the one that the disk was attached with
 * @extack: says why if it fails
 *
 * What was held goes on, in the order in which it came.
 *
 * Context: process context, of the task whose permissions count. May load modules.
 * Return: 0, -EKEYREJECTED if it is another key, or another error code.
 */
int evs_dev_resume(struct evs_device *evs, key_serial_t serial,
		   struct netlink_ext_ack *extack)
{
	unsigned int noio;
	struct key *key;
	int err;

	key = evs_key_get(serial);
	if (IS_ERR(key)) {
		evs_dev_explain_key(PTR_ERR(key), serial, extack);
		return PTR_ERR(key);
	}

	/* No memory can be had by I/O that is held until this has ended */
	noio = memalloc_noio_save();
	mutex_lock(&evs->control_mutex);
	/* Do not use up a key in vain; may be refused all the same later on */
	err = evs_state_next(READ_ONCE(evs->state), EVS_OP_RESUME);
	if (err < 0)
		evs_state_explain(err, EVS_OP_RESUME, extack);
	else
		err = evs_dev_resume_key(evs, key, extack);
	mutex_unlock(&evs->control_mutex);
	memalloc_noio_restore(noio);
	key_put(key);
	if (err)
		return err;

	pr_info("%s: resumed \"%s\"\n", evs->disk->disk_name, evs->name);
	evs_event(evs, EVS_EVENT_RESUMED, EVS_CAUSE_COMMAND);
	return 0;
}

/**
 * evs_dev_resume_spare() - give the cipher back that was kept for a suspended disk
 * @evs: disk
 * @extack: says why if it fails
 *
 * The disk has no key by which it could be revoked from then on.
 *
 * Context: process context.
 * Return: 0, -ENOKEY if none was kept or its time is over, or another error code.
 */
int evs_dev_resume_spare(struct evs_device *evs,
			 struct netlink_ext_ack *extack)
{
	struct evs_cipher *spare;
	int err;

	mutex_lock(&evs->control_mutex);
	err = evs_state_next(READ_ONCE(evs->state), EVS_OP_RESUME);
	if (err < 0) {
		evs_state_explain(err, EVS_OP_RESUME, extack);
		goto out;
	}
	spare = evs_dev_take_spare(evs);
	if (!spare || ktime_get_boottime_seconds() >= evs->spare_until) {
		NL_SET_ERR_MSG(extack,
			       "a key is required: none was kept, or not for so long");
		err = -ENOKEY;
		goto err_spare;
	}

	mutex_lock(&evs_devs_lock);
	WRITE_ONCE(evs->key_serial, 0);
	mutex_unlock(&evs_devs_lock);

	err = evs_state_change(evs, EVS_OP_RESUME, spare, extack);
	if (err < 0)
		goto err_spare;
	mutex_unlock(&evs->control_mutex);

	pr_warn("%s: resumed \"%s\" with the key that was kept\n",
		evs->disk->disk_name, evs->name);
	evs_event(evs, EVS_EVENT_RESUMED, EVS_CAUSE_COMMAND);
	return 0;

err_spare:
	evs_io_wipe(spare);
out:
	mutex_unlock(&evs->control_mutex);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_dev_resume_spare);
