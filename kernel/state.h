/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the states of a disk
 */
#ifndef _EVS_STATE_H
#define _EVS_STATE_H

#include <uapi/linux/evs.h>

struct netlink_ext_ack;

/* What is asked of a disk */
enum evs_op {
	EVS_OP_SUSPEND,
	EVS_OP_RESUME,
	EVS_OP_REVOKE,
	EVS_OP_REMOVE,		/* the backing device is lost */
	EVS_OP_RESIZE,
	EVS_OP_DETACH,		/* with what the page cache has written out */
	EVS_OP_KILL,		/* detach by force, or the end of a detach */
	EVS_OPS
};

const char *evs_state_name(enum evs_dev_state state);
int evs_state_next(enum evs_dev_state state, enum evs_op op);
void evs_state_explain(int err, enum evs_op op, struct netlink_ext_ack *extack);

#endif /* _EVS_STATE_H */
