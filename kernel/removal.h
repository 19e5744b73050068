/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: detach, and what is lost
 */
#ifndef _EVS_REMOVAL_H
#define _EVS_REMOVAL_H

#include "disk.h"

/* What to do with a disk that is open when it is to be detached */
enum evs_detach {
	EVS_DETACH_CLOSED,	/* refuse */
	EVS_DETACH_LAZY,	/* wait for the last opener to close it */
	EVS_DETACH_FORCE,	/* leave a dead one to its openers */
};

int evs_removal_init(void);
void evs_removal_exit(void);
void evs_disk_init_removal(struct evs_disk *evs);
int evs_disk_detach(struct evs_disk *evs, enum evs_detach how,
		    struct netlink_ext_ack *extack);
int evs_disk_revoke(struct evs_disk *evs, struct netlink_ext_ack *extack);
void evs_disk_closed(struct evs_disk *evs);
void evs_disk_added(struct evs_disk *evs);

#endif /* _EVS_REMOVAL_H */
