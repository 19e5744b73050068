/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/evs.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _LINUX_EVS_GEN_H
#define _LINUX_EVS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/evs.h>

int evs_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		    struct genl_info *info);
int evs_nl_pre_doit_dev(const struct genl_split_ops *ops, struct sk_buff *skb,
			struct genl_info *info);
void
evs_nl_post_doit_dev(const struct genl_split_ops *ops, struct sk_buff *skb,
		     struct genl_info *info);
int evs_nl_pre_dump(struct netlink_callback *cb);

int evs_nl_attach_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_detach_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_revoke_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_get_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int evs_nl_suspend_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_resume_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_resize_doit(struct sk_buff *skb, struct genl_info *info);
int evs_nl_set_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	EVS_NLGRP_EVENTS,
};

extern struct genl_family evs_nl_family;

#endif /* _LINUX_EVS_GEN_H */
