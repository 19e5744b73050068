/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: which disks there are
 */
#ifndef _EVS_DISKS_H
#define _EVS_DISKS_H

#include <linux/mutex.h>
#include <linux/xarray.h>

#include "disk.h"

extern struct xarray evs_disks;
extern struct mutex evs_disks_lock;
extern unsigned int evs_disks_generation;

struct evs_disk *evs_disk_get(u32 id);
void evs_disk_put(struct evs_disk *evs);
int evs_disk_register(struct evs_disk *evs, struct netlink_ext_ack *extack);
void evs_disk_publish(struct evs_disk *evs);
void evs_disk_unregister(struct evs_disk *evs);
void evs_disk_explain_busy(const struct evs_disk *evs,
			   struct netlink_ext_ack *extack);

#endif /* _EVS_DISKS_H */
