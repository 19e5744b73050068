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
#define EVS_CMK_MAX	127
#define EVS_GRACE_MAX	86400

/**
 * enum evs_dev_state - What a disk does with I/O.
 * @EVS_DEV_STATE_LIVE: The cipher is set and I/O goes through.
 * @EVS_DEV_STATE_SUSPENDED: The cipher and the key were taken away by suspend.
 *   I/O waits until resume brings the key back, or fails once that cannot be
 *   any more.
 * @EVS_DEV_STATE_REVOKED: The cipher and the key were taken away by revoke, or
 *   with the key: it was revoked or invalidated, or has expired. I/O fails and
 *   the disk cannot be opened until it is detached and attached anew.
 * @EVS_DEV_STATE_REMOVED: The backing device has gone or become too small, and
 *   the cipher and the key with it. I/O fails; all that can be done is to
 *   detach.
 * @EVS_DEV_STATE_DETACHING: The disk is being detached. What its page cache
 *   still holds is written out; it cannot be opened any more.
 * @EVS_DEV_STATE_DEAD: The disk was detached by force while it was open. I/O
 *   fails, the key is gone, and the disk goes when its last opener closes it.
 */
enum evs_dev_state {
	EVS_DEV_STATE_LIVE,
	EVS_DEV_STATE_SUSPENDED,
	EVS_DEV_STATE_REVOKED,
	EVS_DEV_STATE_REMOVED,
	EVS_DEV_STATE_DETACHING,
	EVS_DEV_STATE_DEAD,
};

/**
 * enum evs_event - What has happened to a disk.
 * @EVS_EVENT_ATTACHED: It is there.
 * @EVS_EVENT_DETACHED: It is gone, and the backing device is free.
 * @EVS_EVENT_SUSPENDED: It has become suspended.
 * @EVS_EVENT_RESUMED: It was suspended and has become live.
 * @EVS_EVENT_REVOKED: It has become revoked, for any cause but the next one.
 * @EVS_EVENT_KEY_EXPIRED: It has become revoked as its key has expired.
 * @EVS_EVENT_REMOVED: It has become removed.
 * @EVS_EVENT_RESIZED: It has grown.
 * @EVS_EVENT_IO_ERROR: I/O has failed, once or more often since the last event
 *   of this kind; there is one a second at most.
 */
enum evs_event {
	EVS_EVENT_ATTACHED,
	EVS_EVENT_DETACHED,
	EVS_EVENT_SUSPENDED,
	EVS_EVENT_RESUMED,
	EVS_EVENT_REVOKED,
	EVS_EVENT_KEY_EXPIRED,
	EVS_EVENT_REMOVED,
	EVS_EVENT_RESIZED,
	EVS_EVENT_IO_ERROR,
};

/**
 * enum evs_cause - Why it has happened.
 * @EVS_CAUSE_COMMAND: Somebody asked for it.
 * @EVS_CAUSE_FORCE: Somebody asked for it by force.
 * @EVS_CAUSE_LAST_CLOSE: The last opener of a disk to be detached then has
 *   closed it.
 * @EVS_CAUSE_KEY_REVOKED: The key was revoked.
 * @EVS_CAUSE_KEY_EXPIRED: The key has expired.
 * @EVS_CAUSE_KEY_INVALIDATED: The key was invalidated.
 * @EVS_CAUSE_BACKING_GONE: The backing device has gone.
 * @EVS_CAUSE_BACKING_SHRUNK: The backing device has become too small for the
 *   disk.
 * @EVS_CAUSE_READ: The last I/O that failed was a read.
 * @EVS_CAUSE_WRITE: The last I/O that failed was a write.
 * @EVS_CAUSE_FLUSH: The last I/O that failed was a flush.
 * @EVS_CAUSE_DISCARD: The last I/O that failed was a discard.
 */
enum evs_cause {
	EVS_CAUSE_COMMAND,
	EVS_CAUSE_FORCE,
	EVS_CAUSE_LAST_CLOSE,
	EVS_CAUSE_KEY_REVOKED,
	EVS_CAUSE_KEY_EXPIRED,
	EVS_CAUSE_KEY_INVALIDATED,
	EVS_CAUSE_BACKING_GONE,
	EVS_CAUSE_BACKING_SHRUNK,
	EVS_CAUSE_READ,
	EVS_CAUSE_WRITE,
	EVS_CAUSE_FLUSH,
	EVS_CAUSE_DISCARD,
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
	EVS_A_DEV_CMK,
	EVS_A_DEV_ALLOW_DISCARDS,
	EVS_A_DEV_NO_PARTSCAN,
	EVS_A_DEV_LAZY,
	EVS_A_DEV_EVENT,
	EVS_A_DEV_CAUSE,
	EVS_A_DEV_READS,
	EVS_A_DEV_WRITES,
	EVS_A_DEV_BYTES_READ,
	EVS_A_DEV_BYTES_WRITTEN,
	EVS_A_DEV_ERRORS,
	EVS_A_DEV_IN_FLIGHT,
	EVS_A_DEV_BOUNCE_PAGES,
	EVS_A_DEV_GRACE,

	__EVS_A_DEV_MAX,
	EVS_A_DEV_MAX = (__EVS_A_DEV_MAX - 1)
};

enum {
	EVS_CMD_ATTACH = 1,
	EVS_CMD_DETACH,
	EVS_CMD_REVOKE,
	EVS_CMD_GET,
	EVS_CMD_SUSPEND,
	EVS_CMD_RESUME,
	EVS_CMD_RESIZE,
	EVS_CMD_EVENT,
	EVS_CMD_SET,

	__EVS_CMD_MAX,
	EVS_CMD_MAX = (__EVS_CMD_MAX - 1)
};

#define EVS_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_EVS_H */
