// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the states of a disk
 *
 * What is asked of a disk, and whether that is possible, depends on one word, and
 * so does what I/O finds in place of a cipher. Both change together under a
 * spinlock: nothing that may have to wait, least of all for a backing device that
 * hangs, comes before the cipher is out of reach.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/netlink.h>

#include "evs.h"
#include "trace.h"

#define EVS_STATES		(EVS_DEV_STATE_DEAD + 1)

/* What becomes of a disk: a state, or the error code of a refusal */
static const int evs_transitions[EVS_STATES][EVS_OPS] = {
	[EVS_DEV_STATE_LIVE] = {
		[EVS_OP_SUSPEND]	= EVS_DEV_STATE_SUSPENDED,
		[EVS_OP_RESUME]		= -EALREADY,
		[EVS_OP_REVOKE]		= EVS_DEV_STATE_REVOKED,
		[EVS_OP_REMOVE]		= EVS_DEV_STATE_REMOVED,
		[EVS_OP_RESIZE]		= EVS_DEV_STATE_LIVE,
		[EVS_OP_DETACH]		= EVS_DEV_STATE_DETACHING,
		[EVS_OP_KILL]		= EVS_DEV_STATE_DEAD,
	},
	[EVS_DEV_STATE_SUSPENDED] = {
		[EVS_OP_SUSPEND]	= -EALREADY,
		[EVS_OP_RESUME]		= EVS_DEV_STATE_LIVE,
		[EVS_OP_REVOKE]		= EVS_DEV_STATE_REVOKED,
		[EVS_OP_REMOVE]		= EVS_DEV_STATE_REMOVED,
		[EVS_OP_RESIZE]		= EVS_DEV_STATE_SUSPENDED,
		[EVS_OP_DETACH]		= EVS_DEV_STATE_DEAD,
		[EVS_OP_KILL]		= EVS_DEV_STATE_DEAD,
	},
	[EVS_DEV_STATE_REVOKED] = {
		[EVS_OP_SUSPEND]	= -EKEYREVOKED,
		[EVS_OP_RESUME]		= -EKEYREVOKED,
		[EVS_OP_REVOKE]		= -EALREADY,
		[EVS_OP_REMOVE]		= EVS_DEV_STATE_REMOVED,
		[EVS_OP_RESIZE]		= -EKEYREVOKED,
		[EVS_OP_DETACH]		= EVS_DEV_STATE_DEAD,
		[EVS_OP_KILL]		= EVS_DEV_STATE_DEAD,
	},
	[EVS_DEV_STATE_REMOVED] = {
		[EVS_OP_SUSPEND]	= -ENXIO,
		[EVS_OP_RESUME]		= -ENXIO,
		[EVS_OP_REVOKE]		= -ENXIO,
		[EVS_OP_REMOVE]		= -EALREADY,
		[EVS_OP_RESIZE]		= -ENXIO,
		[EVS_OP_DETACH]		= EVS_DEV_STATE_DEAD,
		[EVS_OP_KILL]		= EVS_DEV_STATE_DEAD,
	},
	/* May be held up by the backing device, so that others may want it dead */
	[EVS_DEV_STATE_DETACHING] = {
		[EVS_OP_SUSPEND]	= -ENODEV,
		[EVS_OP_RESUME]		= -ENODEV,
		[EVS_OP_REVOKE]		= EVS_DEV_STATE_DEAD,
		[EVS_OP_REMOVE]		= EVS_DEV_STATE_DEAD,
		[EVS_OP_RESIZE]		= -ENODEV,
		[EVS_OP_DETACH]		= -ENODEV,
		[EVS_OP_KILL]		= EVS_DEV_STATE_DEAD,
	},
	[EVS_DEV_STATE_DEAD] = {
		[EVS_OP_SUSPEND]	= -ENODEV,
		[EVS_OP_RESUME]		= -ENODEV,
		[EVS_OP_REVOKE]		= -ENODEV,
		[EVS_OP_REMOVE]		= -ENODEV,
		[EVS_OP_RESIZE]		= -ENODEV,
		[EVS_OP_DETACH]		= -ENODEV,
		[EVS_OP_KILL]		= -ENODEV,
	},
};

/**
 * evs_state_next() - tell what becomes of a disk
 * @state: what it is
 * @op: what is asked of it
 *
 * Return: its next state, or a negative error code if that is refused: -EALREADY
 *	it has been done, -EKEYREVOKED the disk has lost its key for good, -ENXIO
 *	or its backing device, -ENODEV it has been detached.
 */
int evs_state_next(enum evs_dev_state state, enum evs_op op)
{
	return evs_transitions[state][op];
}
EXPORT_SYMBOL_IF_KUNIT(evs_state_next);

/**
 * evs_state_explain() - say why something is refused
 * @err: error code from evs_state_next()
 * @op: what was asked of the disk
 * @extack: says it, or NULL
 */
void evs_state_explain(int err, enum evs_op op, struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EALREADY:
		if (op == EVS_OP_SUSPEND)
			NL_SET_ERR_MSG(extack, "the disk is suspended already");
		else if (op == EVS_OP_RESUME)
			NL_SET_ERR_MSG(extack, "the disk is not suspended");
		else
			NL_SET_ERR_MSG(extack,
				       "the disk has been revoked already");
		break;
	case -EKEYREVOKED:
		NL_SET_ERR_MSG(extack,
			       "the disk has been revoked: detach it and attach it anew");
		break;
	case -ENXIO:
		NL_SET_ERR_MSG(extack,
			       "the backing device has gone: detach the disk");
		break;
	default:
		NL_SET_ERR_MSG(extack, "the disk has been detached already");
	}
}

/* What I/O finds in a state that has no cipher of its own */
static struct evs_cipher *evs_state_cipher(enum evs_dev_state state)
{
	return state == EVS_DEV_STATE_SUSPENDED ? EVS_CIPHER_HELD : NULL;
}

/**
 * evs_state_change() - change the state of a disk
 * @evs: disk
 * @op: what is asked of it
 * @cipher: for EVS_OP_RESUME, cipher with the data key, which on success is the
 *	disk's; for EVS_OP_SUSPEND, EVS_CIPHER_HELD to keep the disk's as its spare
 * @extack: says why if it is refused, or NULL
 *
 * When this returns, the cipher of a disk that may not have it any more has been
 * wiped, and no request uses it, unless it is kept as the spare of a suspended
 * disk. I/O that was held goes on or fails, as the new state demands. The key is
 * left to the caller.
 *
 * Context: process context. Does not wait for the backing device, for memory, or
 *	for any lock under which somebody else might.
 * Return: the state of before, or a negative error code from evs_state_next().
 */
int evs_state_change(struct evs_device *evs, enum evs_op op,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack)
{
	struct evs_cipher *old = NULL, *spare = NULL;
	enum evs_dev_state before;
	unsigned long flags;
	int next;

	/* First, so that no request is refused over and over again */
	if (op == EVS_OP_SUSPEND)
		evs_io_hold(evs);

	spin_lock_irqsave(&evs->state_lock, flags);
	before = evs->state;
	next = evs_state_next(before, op);
	if (next >= 0) {
		WRITE_ONCE(evs->state, next);
		if (next != EVS_DEV_STATE_LIVE &&
		    next != EVS_DEV_STATE_DETACHING)
			old = evs_io_set_cipher(evs, evs_state_cipher(next));
		else if (cipher)
			old = evs_io_set_cipher(evs, cipher);
		if (next != EVS_DEV_STATE_SUSPENDED) {
			spare = evs->spare;
			evs->spare = NULL;
		} else if (op == EVS_OP_SUSPEND && cipher == EVS_CIPHER_HELD) {
			evs->spare = old;
			old = NULL;
		}
	}
	spin_unlock_irqrestore(&evs->state_lock, flags);

	evs_io_wipe(old);
	evs_io_wipe(spare);
	if (next < 0) {
		if (op == EVS_OP_SUSPEND)
			evs_io_release(evs);
		evs_state_explain(next, op, extack);
		return next;
	}
	trace_evs_state(evs, op, before, next);
	if (before == EVS_DEV_STATE_SUSPENDED && next != before)
		evs_io_release(evs);
	return before;
}
EXPORT_SYMBOL_IF_KUNIT(evs_state_change);
