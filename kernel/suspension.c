// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: disks that are without their key for a time
 *
 * Suspending wipes the cipher as revoking does, and as fast. But I/O, whether new
 * or answered by the backing device only now, is held instead of failed. Resuming
 * takes a key that was asked for anew, and lets the I/O go on if it is the same.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/utils.h>
#include <linux/key.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/string.h>

#include "evs.h"

/**
 * evs_dev_suspend() - take cipher and key away from a disk, and hold its I/O
 * @evs: disk, open or not
 * @extack: says why if it fails
 *
 * Context: process context. Does not wait for the backing device.
 * Return: 0 or a negative error code, see evs_state_next().
 */
int evs_dev_suspend(struct evs_device *evs, struct netlink_ext_ack *extack)
{
	int before;

	mutex_lock(&evs->control_mutex);
	before = evs_state_change(evs, EVS_OP_SUSPEND, NULL, extack);
	if (before >= 0)
		evs_key_disown(evs);
	mutex_unlock(&evs->control_mutex);
	if (before < 0)
		return before;

	pr_info("%s: suspended \"%s\"\n", evs->disk->disk_name, evs->name);
	evs_event(evs, EVS_EVENT_SUSPENDED, EVS_CAUSE_COMMAND);
	return 0;
}

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
		NL_SET_ERR_MSG_FMT(extack,
				   "the cipher %s needs more memory than %s; detach the disk and attach it anew",
				   evs_cipher_driver(cipher),
				   evs->cipher_driver);
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
	evs->key_serial = key_serial(key);
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
	struct key *key;
	int err;

	key = evs_key_get(serial);
	if (IS_ERR(key)) {
		evs_dev_explain_key(PTR_ERR(key), serial, extack);
		return PTR_ERR(key);
	}

	mutex_lock(&evs->control_mutex);
	/* Do not use up a key in vain; may be refused all the same later on */
	err = evs_state_next(READ_ONCE(evs->state), EVS_OP_RESUME);
	if (err < 0)
		evs_state_explain(err, EVS_OP_RESUME, extack);
	else
		err = evs_dev_resume_key(evs, key, extack);
	mutex_unlock(&evs->control_mutex);
	key_put(key);
	if (err)
		return err;

	pr_info("%s: resumed \"%s\"\n", evs->disk->disk_name, evs->name);
	evs_event(evs, EVS_EVENT_RESUMED, EVS_CAUSE_COMMAND);
	return 0;
}
