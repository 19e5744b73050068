/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/evs.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _UAPI_LINUX_EVS_H
#define _UAPI_LINUX_EVS_H

#define EVS_FAMILY_NAME		"evs"
#define EVS_FAMILY_VERSION	1

#define EVS_NAME_MAX	63
#define EVS_UUID_MAX	39

/**
 * enum evs_dev_state - What a disk does with I/O.
 * @EVS_DEV_STATE_LIVE: The cipher is set and I/O goes through.
 * @EVS_DEV_STATE_REVOKED: The cipher and the key were taken away by revoke, or
 *   with the key: it was revoked or invalidated, or has expired. I/O fails and
 *   the disk cannot be opened until it is detached and attached anew.
 * @EVS_DEV_STATE_DEAD: The disk was detached by force while it was open. I/O
 *   fails, the key is gone, and the disk goes when its last opener closes it.
 */
enum evs_dev_state {
	EVS_DEV_STATE_LIVE,
	EVS_DEV_STATE_REVOKED,
	EVS_DEV_STATE_DEAD,
};

enum {
	EVS_A_DEV_ID = 1,
	EVS_A_DEV_NAME,
	EVS_A_DEV_UUID,
	EVS_A_DEV_BACKING_DEV,
	EVS_A_DEV_OFFSET,
	EVS_A_DEV_SIZE,
	EVS_A_DEV_SECTOR_SIZE,
	EVS_A_DEV_KEY_SERIAL,
	EVS_A_DEV_READ_ONLY,
	EVS_A_DEV_FORCE,
	EVS_A_DEV_STATE,
	EVS_A_DEV_CIPHER,
	EVS_A_DEV_OPENERS,
	EVS_A_DEV_DISK_DEV,

	__EVS_A_DEV_MAX,
	EVS_A_DEV_MAX = (__EVS_A_DEV_MAX - 1)
};

enum {
	EVS_CMD_ATTACH = 1,
	EVS_CMD_DETACH,
	EVS_CMD_REVOKE,
	EVS_CMD_GET,

	__EVS_CMD_MAX,
	EVS_CMD_MAX = (__EVS_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_EVS_H */
