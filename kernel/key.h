/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: key type "evs" and the keyring of attached disks
 */
#ifndef _EVS_KEY_H
#define _EVS_KEY_H

#include <linux/key.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/evs.h>

struct evs_cipher;
struct netlink_ext_ack;

/**
 * struct evs_key_owner - what stands and falls with a key
 * @key: its handle, or NULL. Under a lock of key.c, as is @node.
 * @node: entry in the list of owners whose key is good, as far as is known
 * @lost: called once when the key is revoked or invalidated or expires, under
 *	spinlocks and the key's semaphore, in process context or soft interrupt
 */
struct evs_key_owner {
	struct key *key;
	struct list_head node;
	void (*lost)(struct evs_key_owner *owner, enum evs_cause cause);
};

#if IS_ENABLED(CONFIG_KUNIT)
extern struct key_type evs_key_type;
#endif

int evs_key_init(void);
void evs_key_exit(void);
struct key *evs_key_claim(key_serial_t serial);
int evs_key_consume(struct key *key, struct evs_cipher *cipher);
void evs_key_destroy(struct key *key);
int evs_key_own(struct key *key, struct evs_key_owner *owner);
void evs_key_disown(struct evs_key_owner *owner);
void evs_key_explain(int err, key_serial_t serial,
		     struct netlink_ext_ack *extack);

#endif /* _EVS_KEY_H */
