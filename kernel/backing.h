/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the backing device of a disk
 */
#ifndef _EVS_BACKING_H
#define _EVS_BACKING_H

#include <linux/blkdev.h>

#include "config.h"

struct netlink_ext_ack;

/**
 * struct evs_backing - the backing device of a disk
 * @file: exclusive open of it
 * @linked: linked with the disk in sysfs. Under the mutex of its key slot.
 * @gone: called when the device goes, or shrinks below the disk, in any context.
 *	More than once.
 */
struct evs_backing {
	struct file *file;
	bool linked;
	void (*gone)(struct evs_backing *backing, enum evs_cause cause);
};

int evs_backing_open(struct evs_backing *backing,
		     const struct evs_config *config,
		     struct netlink_ext_ack *extack);
void evs_backing_close(struct evs_backing *backing);
int evs_backing_fit(const struct evs_backing *backing,
		    const struct evs_config *config, u64 *size,
		    struct netlink_ext_ack *extack);
int evs_backing_room(const struct evs_backing *backing,
		     const struct evs_config *config, u64 *size, u64 now,
		     struct netlink_ext_ack *extack);
void evs_backing_check(struct evs_backing *backing, u64 end);
struct queue_limits evs_backing_limits(const struct evs_backing *backing,
				       const struct evs_config *config);
void evs_backing_link(struct evs_backing *backing, struct gendisk *disk);
void evs_backing_unlink(struct evs_backing *backing, struct gendisk *disk);

#endif /* _EVS_BACKING_H */
