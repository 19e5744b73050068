/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: generic netlink
 */
#ifndef _EVS_NETLINK_H
#define _EVS_NETLINK_H

#include <uapi/linux/evs.h>

struct evs_disk;
struct genl_info;
struct sk_buff;

/* netlink.c */

int evs_nl_init(void);
void evs_nl_exit(void);

/* message.c */

struct sk_buff *evs_nl_new_reply(void);
int evs_nl_put_dev(struct sk_buff *skb, struct evs_disk *evs);
int evs_nl_reply_dev(struct sk_buff *skb, struct genl_info *info,
		     struct evs_disk *evs);
void evs_nl_event(struct evs_disk *evs, enum evs_event event,
		  enum evs_cause cause);

#endif /* _EVS_NETLINK_H */
