// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: what becomes of the keys of disks
 */
#include <kunit/visibility.h>
#include <linux/jiffies.h>
#include <linux/key.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>

#include "keywatch.h"

/* How often keys are looked at while one of their owners is in use, in jiffies: 25 ms */
#define EVS_KEY_PERIOD		(HZ / 40)

/* How often they are if none is, on a CPU that is awake anyway, in jiffies */
#define EVS_KEY_IDLE_PERIOD	HZ

/* Longest time until a key that expires is looked at again, in seconds */
#define EVS_KEY_EXPIRY_MAX	3600

/* Those with a key that is good, as far as is known */
static LIST_HEAD(evs_key_owners);
/* Protects evs_key_owners and the ties between keys and owners */
static DEFINE_SPINLOCK(evs_key_lock);

/* Tell an owner, once */
static void evs_key_owner_lost(struct evs_key_owner *owner,
			       enum evs_cause cause)
{
	lockdep_assert_held(&evs_key_lock);

	if (list_empty(&owner->node))
		return;
	list_del_init(&owner->node);
	owner->lost(owner, cause);
}

/**
 * evs_key_lost() - tell the owner of a key that it is lost
 * @key: key, revoked or about to be freed
 * @cause: what has happened to it
 */
void evs_key_lost(struct key *key, enum evs_cause cause)
{
	struct evs_key_owner *owner;

	spin_lock_bh(&evs_key_lock);
	owner = key->payload.data[EVS_KEY_OWNER];
	if (owner)
		evs_key_owner_lost(owner, cause);
	/* Being freed */
	if (owner && !refcount_read(&key->usage))
		owner->key = NULL;
	spin_unlock_bh(&evs_key_lock);
}

static void evs_key_watch(struct timer_list *timer);
static DEFINE_TIMER(evs_key_timer, evs_key_watch);
/* Does not wake an idle CPU */
static struct timer_list evs_key_idle_timer =
	__TIMER_INITIALIZER(evs_key_watch, TIMER_DEFERRABLE);

static void evs_key_watch_again(bool in_use, time64_t expiry)
{
	time64_t left = expiry - ktime_get_real_seconds();

	lockdep_assert_held(&evs_key_lock);

	if (in_use || left <= 1) {
		mod_timer(&evs_key_timer, jiffies + EVS_KEY_PERIOD);
		return;
	}
	if (expiry != TIME64_MAX)
		mod_timer(&evs_key_timer, jiffies + HZ *
			  min_t(time64_t, left - 1, EVS_KEY_EXPIRY_MAX));
	mod_timer(&evs_key_idle_timer, jiffies + EVS_KEY_IDLE_PERIOD);
}

/*
 * A key that is invalidated or expires does not tell its type, nor is it told when
 * the time of expiry is changed. Destroying a key does, but it comes late: for one
 * that is invalidated after two grace periods of RCU, 0.1 s and more. So look at what
 * is no more than two words of each key, as long as there are any that are in use, or
 * are about to expire. For one that is not in use destroying it is soon enough.
 */
static void evs_key_watch(struct timer_list *timer)
{
	struct evs_key_owner *owner, *next;
	time64_t expiry = TIME64_MAX;
	bool in_use = false;

	spin_lock(&evs_key_lock);
	list_for_each_entry_safe(owner, next, &evs_key_owners, node) {
		switch (key_validate(owner->key)) {
		case -ENOKEY:
			evs_key_owner_lost(owner, EVS_CAUSE_KEY_INVALIDATED);
			continue;
		case -EKEYEXPIRED:
			evs_key_owner_lost(owner, EVS_CAUSE_KEY_EXPIRED);
			continue;
		}
		in_use |= owner->in_use(owner);
		expiry = min(expiry, READ_ONCE(owner->key->expiry) ?: TIME64_MAX);
	}
	if (!list_empty(&evs_key_owners))
		evs_key_watch_again(in_use, expiry);
	spin_unlock(&evs_key_lock);
}

/**
 * evs_key_used() - watch keys closely, as an owner is in use again
 *
 * Context: process context.
 */
void evs_key_used(void)
{
	spin_lock_bh(&evs_key_lock);
	if (!list_empty(&evs_key_owners))
		timer_reduce(&evs_key_timer, jiffies + EVS_KEY_PERIOD);
	spin_unlock_bh(&evs_key_lock);
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_used);

/**
 * evs_key_own() - tie the handle of a disk to its owner
 * @key: consumed by evs_key_consume()
 * @owner: owner. Takes no reference to the key, which the module's keyring has: nothing
 *	would tell that it is invalid, if it were not destroyed.
 *
 * The owner's @lost is called, once, when the key is revoked or invalidated or
 * expires from now on, until evs_key_disown().
 *
 * Context: process context, may sleep.
 * Return: 0, or if it is too late for that -EKEYREVOKED, -EKEYEXPIRED or -ENOKEY.
 */
int evs_key_own(struct key *key, struct evs_key_owner *owner)
{
	int err;

	/* The semaphore keeps the key from being revoked in between */
	down_read(&key->sem);
	err = key_validate(key);
	if (err)
		goto out;

	spin_lock_bh(&evs_key_lock);
	key->payload.data[EVS_KEY_OWNER] = owner;
	owner->key = key;
	list_add(&owner->node, &evs_key_owners);
	timer_reduce(&evs_key_timer, jiffies + EVS_KEY_PERIOD);
	spin_unlock_bh(&evs_key_lock);

out:
	up_read(&key->sem);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(evs_key_own);

/**
 * evs_key_unwatch() - undo evs_key_own()
 * @owner: owner
 *
 * Return: the key, with a reference to it; NULL if there is none (any more).
 */
struct key *evs_key_unwatch(struct evs_key_owner *owner)
{
	struct key *key;

	spin_lock_bh(&evs_key_lock);
	key = owner->key;
	if (key) {
		owner->key = NULL;
		list_del_init(&owner->node);
		key->payload.data[EVS_KEY_OWNER] = NULL;
		/* It may be about to be freed */
		if (!refcount_inc_not_zero(&key->usage))
			key = NULL;
	}
	spin_unlock_bh(&evs_key_lock);

	return key;
}

/**
 * evs_keywatch_exit() - watch no longer, as no disk is left
 */
void evs_keywatch_exit(void)
{
	timer_delete_sync(&evs_key_timer);
	timer_delete_sync(&evs_key_idle_timer);
}
