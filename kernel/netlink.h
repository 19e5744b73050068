/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: generic netlink
 */
#ifndef _EVS_NETLINK_H
#define _EVS_NETLINK_H

int evs_nl_init(void);
void evs_nl_exit(void);

#endif /* _EVS_NETLINK_H */
