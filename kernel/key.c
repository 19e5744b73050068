// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: key type "evs" and the keyring of attached disks
 *
 * A key of this type carries the data key (DK) of one disk from whoever unwrapped
 * it to the cipher. It cannot be read or updated by anyone. Attaching the disk
 * takes the DK out of it, so that the only copy left is the one in the cipher; the
 * key stays as a handle in a keyring of the module's own until the disk goes.
 *
 * The type is not "logon", since any user of logon keys in the kernel may take
 * any of them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/utils.h>
#include <kunit/visibility.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/key-type.h>
#include <linux/netlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "crypt.h"
#include "key.h"

/* What root may do to a key without possessing it: not link, not read */
#define EVS_KEY_ROOT_PERM	(KEY_USR_VIEW | KEY_USR_SEARCH | KEY_USR_SETATTR)

/**
 * struct evs_key_payload - what a key holds until a disk is attached with it
 * @dk: data key
 */
struct evs_key_payload {
	u8 dk[EVS_DK_SIZE];
};

/* Handles of attached disks, so that they live and are found in /proc/keys */
static struct key *evs_keyring;

static int evs_key_preparse(struct key_preparsed_payload *prep)
{
	const u8 *dk = prep->data;
	struct evs_key_payload *payload;

	if (!prep->data || prep->datalen != EVS_DK_SIZE)
		return -EINVAL;
	/* XTS with equal halves is weak: IEEE Std 1619-2018 forbids it */
	if (!crypto_memneq(dk, dk + EVS_DK_SIZE / 2, EVS_DK_SIZE / 2))
		return -EKEYREJECTED;

	payload = kmalloc_obj(*payload);
	if (!payload)
		return -ENOMEM;
	memcpy(payload->dk, dk, EVS_DK_SIZE);
	prep->payload.data[EVS_KEY_PAYLOAD] = payload;
	prep->quotalen = EVS_DK_SIZE;

	return 0;
}

/* Also after the payload has moved to the key, and is not there any more */
static void evs_key_free_preparse(struct key_preparsed_payload *prep)
{
	kfree_sensitive(prep->payload.data[EVS_KEY_PAYLOAD]);
}

/* Context: key->sem is held for writing, or nobody has the key any more */
static void evs_key_wipe(struct key *key)
{
	kfree_sensitive(key->payload.data[EVS_KEY_PAYLOAD]);
	key->payload.data[EVS_KEY_PAYLOAD] = NULL;
}

/* Called with key->sem held */
static void evs_key_revoke(struct key *key)
{
	evs_key_wipe(key);
	evs_key_lost(key, EVS_CAUSE_KEY_REVOKED);
}

/* Nobody has the key any more: it is invalid, or has been expired for long */
static void evs_key_gone(struct key *key)
{
	evs_key_wipe(key);
	evs_key_lost(key, test_bit(KEY_FLAG_INVALIDATED, &key->flags) ?
			  EVS_CAUSE_KEY_INVALIDATED : EVS_CAUSE_KEY_EXPIRED);
}

static void evs_key_describe(const struct key *key, struct seq_file *m)
{
	seq_puts(m, key->description);
}

/* No ->read and no ->update: what came in does not come out, nor change */
VISIBLE_IF_KUNIT struct key_type evs_key_type = {
	.name		= "evs",
	.preparse	= evs_key_preparse,
	.free_preparse	= evs_key_free_preparse,
	.instantiate	= generic_key_instantiate,
	.revoke		= evs_key_revoke,
	.destroy	= evs_key_gone,
	.describe	= evs_key_describe,
};
EXPORT_SYMBOL_IF_KUNIT(evs_key_type);

/**
 * evs_key_claim() - find the key for a disk
 * @serial: serial number of the key, which the caller must be allowed to link
 *
 * Root may revoke, invalidate or set a timeout on it from then on.
 *
 * This does not wait for a key that is under construction: it is called under the
 * lock of generic netlink, and behind the construction is a KMS in the network.
 *
 * Context: process context, of the task whose permissions count. May sleep.
 * Return: the key, with a reference that key_put() drops, or evs_key_destroy() once
 *	evs_key_consume() has succeeded; or an ERR_PTR:
 *	-ENOKEY there is no such key (yet), -EACCES the caller may not link it,
 *	-EKEYREJECTED it is of another type, -EKEYREVOKED, -EKEYEXPIRED, or the
 *	error code with which its construction was rejected.
 */
struct key *evs_key_claim(key_serial_t serial)
{
	key_ref_t ref;
	struct key *key;
	int state;
	int err;

	/* Negative numbers stand for the caller's own keyrings */
	if (serial <= 0)
		return ERR_PTR(-ENOKEY);

	/* Validates the key, but does not wait for its construction */
	ref = lookup_user_key(serial, KEY_LOOKUP_PARTIAL, KEY_NEED_LINK);
	if (IS_ERR(ref))
		return ERR_CAST(ref);
	key = key_ref_to_ptr(ref);

	if (key->type != &evs_key_type) {
		err = -EKEYREJECTED;
		goto err_put;
	}
	/* Under construction, or with the error that ended it */
	state = key_read_state(key);
	if (state != KEY_IS_POSITIVE) {
		err = state < 0 ? state : -ENOKEY;
		goto err_put;
	}

	down_write(&key->sem);
	key->perm |= EVS_KEY_ROOT_PERM;
	set_bit(KEY_FLAG_ROOT_CAN_INVAL, &key->flags);
	up_write(&key->sem);

	return key;

err_put:
	key_put(key);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_claim);

/**
 * evs_key_consume() - move the data key out of a key into a cipher
 * @key: key from evs_key_claim()
 * @cipher: cipher whose key is yet to be set
 *
 * Whether the cipher accepts it or not, the key does not hold it any more. It is
 * linked into the module's keyring as the handle of a disk, but only now: a key
 * without a data key may be the handle of another disk, to be left alone.
 *
 * Context: process context, may sleep. Does not wait for I/O, which may be held
 *	until a key has been consumed: also of another disk, as all share a keyring.
 * Return: 0, -ENOKEY if there is no data key in it (any more), -EKEYREVOKED,
 *	-EKEYEXPIRED, or an error code of the cipher.
 */
int evs_key_consume(struct key *key, struct evs_cipher *cipher)
{
	struct evs_key_payload *payload;
	unsigned int noio;
	int err;

	noio = memalloc_noio_save();
	down_write(&key->sem);
	err = key_validate(key);
	if (err)
		goto out;

	payload = key->payload.data[EVS_KEY_PAYLOAD];
	if (!payload) {
		err = -ENOKEY;
		goto out;
	}
	err = evs_cipher_setkey(cipher, payload->dk);
	evs_key_wipe(key);

out:
	up_write(&key->sem);
	err = err ?: key_link(evs_keyring, key);
	memalloc_noio_restore(noio);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_consume);

/**
 * evs_key_destroy() - let go of the handle of a disk
 * @key: consumed by evs_key_consume(); invalidated, so that nobody finds it
 *
 * Context: process context, may sleep.
 */
void evs_key_destroy(struct key *key)
{
	unsigned int noio;

	/* As evs_key_consume() */
	noio = memalloc_noio_save();
	key_unlink(evs_keyring, key);
	memalloc_noio_restore(noio);
	key_invalidate(key);
	key_put(key);
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_destroy);

/**
 * evs_key_disown() - undo evs_key_own() and let go of the handle of a disk
 * @owner: owner; nothing happens if it has no key (any more)
 *
 * The owner's @lost is not called any more once this has returned.
 *
 * Context: process context, may sleep.
 */
void evs_key_disown(struct evs_key_owner *owner)
{
	struct key *key = evs_key_unwatch(owner);

	if (key)
		evs_key_destroy(key);
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_disown);

/**
 * evs_key_explain() - say why a key is of no use
 * @err: error code from a function of key.c
 * @serial: serial number of the key
 * @extack: says it
 */
void evs_key_explain(int err, key_serial_t serial,
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

/**
 * evs_key_init() - register the key type and make the module's keyring
 *
 * Return: 0 or a negative error code.
 */
int __init evs_key_init(void)
{
	struct cred *cred;
	int err;

	err = register_key_type(&evs_key_type);
	if (err)
		return err;

	/* The keyring belongs to the kernel, not to who loads the module */
	cred = prepare_kernel_cred(&init_task);
	if (!cred) {
		err = -ENOMEM;
		goto err_type;
	}
	evs_keyring = keyring_alloc(".evs", GLOBAL_ROOT_UID, GLOBAL_ROOT_GID,
				    cred, (KEY_POS_ALL & ~KEY_POS_SETATTR) |
				    KEY_USR_VIEW | KEY_USR_READ |
				    KEY_USR_SEARCH, KEY_ALLOC_NOT_IN_QUOTA,
				    NULL, NULL);
	put_cred(cred);
	if (IS_ERR(evs_keyring)) {
		err = PTR_ERR(evs_keyring);
		goto err_type;
	}

	return 0;

err_type:
	unregister_key_type(&evs_key_type);
	return err;
}

/**
 * evs_key_exit() - undo evs_key_init(), when no disk is left
 *
 * Keys of the type that users still have lose their payload.
 */
void evs_key_exit(void)
{
	evs_keywatch_exit();
	key_revoke(evs_keyring);
	key_put(evs_keyring);
	unregister_key_type(&evs_key_type);
}
