// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the states of a disk
 *
 * Which operations are possible in each state, and which state they lead to. The
 * state itself changes in keyslot.c, together with what I/O finds as its cipher.
 */
#include <kunit/visibility.h>
#include <linux/netlink.h>

#include "state.h"

#define EVS_STATES		(EVS_DEV_STATE_DEAD + 1)

/* As in Documentation/netlink/specs/evs.yaml */
static const char *const evs_state_names[] = {
	[EVS_DEV_STATE_LIVE]		= "live",
	[EVS_DEV_STATE_SUSPENDED]	= "suspended",
	[EVS_DEV_STATE_REVOKED]		= "revoked",
	[EVS_DEV_STATE_REMOVED]		= "removed",
	[EVS_DEV_STATE_DETACHING]	= "detaching",
	[EVS_DEV_STATE_DEAD]		= "dead",
};

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
 * evs_state_name() - name a state
 * @state: what a disk does with I/O
 *
 * Return: its name in logs, uevents and sysfs.
 */
const char *evs_state_name(enum evs_dev_state state)
{
	return evs_state_names[state];
}
EXPORT_SYMBOL_IF_KUNIT(evs_state_name);

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
