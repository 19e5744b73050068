/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: what becomes of the keys of disks
 */
#ifndef _EVS_KEYWATCH_H
#define _EVS_KEYWATCH_H

#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/evs.h>

struct key;

/* Words of a key's payload */
enum {
	EVS_KEY_PAYLOAD,	/* struct evs_key_payload; under key->sem */
	EVS_KEY_OWNER,		/* struct evs_key_owner; under a lock of keywatch.c */
};

/**
 * struct evs_key_owner - what stands and falls with a key
 * @key: its handle, or NULL. Under a lock of keywatch.c, as is @node.
 * @node: entry in the list of owners whose key is good, as far as is known
 * @lost: called once when the key is revoked or invalidated or expires, under
 *	spinlocks and the key's semaphore, in process context or soft interrupt
 * @in_use: tells whether the owner has been in use since this was last called, or is.
 *	If not, evs_key_used() is called when it is again. Likewise.
 */
struct evs_key_owner {
	struct key *key;
	struct list_head node;
	void (*lost)(struct evs_key_owner *owner, enum evs_cause cause);
	bool (*in_use)(struct evs_key_owner *owner);
};

int evs_key_own(struct key *key, struct evs_key_owner *owner);
struct key *evs_key_unwatch(struct evs_key_owner *owner);
void evs_key_used(void);
void evs_key_lost(struct key *key, enum evs_cause cause);
void evs_keywatch_exit(void);

#endif /* _EVS_KEYWATCH_H */
