/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the key of one disk
 */
#ifndef _EVS_KEYSLOT_H
#define _EVS_KEYSLOT_H

#include <linux/crypto.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "crypt.h"
#include "key.h"
#include "queue.h"
#include "state.h"

/**
 * struct evs_keyslot - the key of a disk, and what the disk does with I/O
 * @unit_size: size of a data unit in bytes, 512 or 4096
 * @queue: whose requests find the cipher, or that there is none; set by the caller
 * @lost: called when the disk has been revoked as its key is lost, with the state of
 *	before. Must not wait for memory: other disks are to be revoked as well.
 * @mutex: held while the disk is being suspended, resumed or resized, and while its
 *	attach is told
 * @lock: protects @state, @kept, @driver, and changes of the cipher in use
 * @state: what the disk does with I/O, see state.c. Becomes detaching under
 *	disk->open_mutex in addition.
 * @kept: cipher of a suspended disk that may get it back without its key, or NULL
 * @kept_timer: when that ends. By the boot clock, which counts while the machine
 *	sleeps. Started under @mutex.
 * @kept_work: wipes @kept then
 * @owner: ties the slot to the handle of the data key
 * @serial: serial number of the key, of use when it has been put; 0 if there is
 *	none since the disk was resumed without. Changed under @mutex.
 * @check: tells another data key from the one the disk was attached with
 * @has_check: @check is set
 * @driver: driver name of the implementation of xts(aes) in use
 * @lost_cause: what happened to the key, for @lost_work and @lost
 * @lost_work: revokes the disk
 */
struct evs_keyslot {
	unsigned int unit_size;
	struct evs_queue *queue;
	void (*lost)(struct evs_keyslot *slot, enum evs_dev_state before);
	struct mutex mutex;		/* one command at a time */
	spinlock_t lock;		/* protects state, kept, driver, cipher */
	enum evs_dev_state state;
	struct evs_cipher *kept;
	struct hrtimer kept_timer;
	struct work_struct kept_work;
	struct evs_key_owner owner;
	key_serial_t serial;
	u8 check[EVS_KEY_CHECK_SIZE];
	bool has_check;
	char driver[CRYPTO_MAX_ALG_NAME];
	enum evs_cause lost_cause;
	struct work_struct lost_work;
};

extern struct workqueue_struct *evs_revocation_wq;

/* keyslot.c */

int evs_keyslots_init(void);
void evs_keyslots_exit(void);

void evs_keyslot_init(struct evs_keyslot *slot, unsigned int unit_size);
struct evs_cipher *evs_keyslot_alloc_cipher(struct evs_keyslot *slot,
					    struct netlink_ext_ack *extack);
int evs_keyslot_load(struct evs_keyslot *slot, struct key *key,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack);
void evs_keyslot_driver(struct evs_keyslot *slot,
			char driver[CRYPTO_MAX_ALG_NAME]);
int evs_keyslot_change(struct evs_keyslot *slot, enum evs_op op,
		       struct evs_cipher *cipher,
		       struct netlink_ext_ack *extack);
void evs_keyslot_kill(struct evs_keyslot *slot);

/* suspend.c */

void evs_kept_init(struct evs_keyslot *slot);
void evs_kept_exit(struct evs_keyslot *slot);
int evs_keyslot_suspend(struct evs_keyslot *slot, unsigned int grace,
			struct netlink_ext_ack *extack);
int evs_keyslot_resume(struct evs_keyslot *slot, struct key *key,
		       struct netlink_ext_ack *extack);
int evs_keyslot_resume_kept(struct evs_keyslot *slot,
			    struct netlink_ext_ack *extack);

#endif /* _EVS_KEYSLOT_H */
