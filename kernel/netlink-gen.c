// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/evs.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/evs.h>

/* Integer value ranges */
static const struct netlink_range_validation evs_a_dev_grace_range = {
	.min	= 1ULL,
	.max	= EVS_GRACE_MAX,
};

/* EVS_CMD_ATTACH - do */
static const struct nla_policy evs_attach_nl_policy[EVS_A_DEV_NO_PARTSCAN + 1] = {
	[EVS_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = EVS_NAME_MAX, },
	[EVS_A_DEV_UUID] = { .type = NLA_NUL_STRING, .len = EVS_UUID_MAX, },
	[EVS_A_DEV_BACKING_DEV] = { .type = NLA_U32, },
	[EVS_A_DEV_OFFSET] = { .type = NLA_UINT, },
	[EVS_A_DEV_SIZE] = { .type = NLA_UINT, },
	[EVS_A_DEV_SECTOR_SIZE] = { .type = NLA_U32, },
	[EVS_A_DEV_KEY_SERIAL] = { .type = NLA_S32, },
	[EVS_A_DEV_READ_ONLY] = { .type = NLA_FLAG, },
	[EVS_A_DEV_CMK] = { .type = NLA_NUL_STRING, .len = EVS_CMK_MAX, },
	[EVS_A_DEV_ALLOW_DISCARDS] = { .type = NLA_FLAG, },
	[EVS_A_DEV_NO_PARTSCAN] = { .type = NLA_FLAG, },
};

/* EVS_CMD_DETACH - do */
static const struct nla_policy evs_detach_nl_policy[EVS_A_DEV_LAZY + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
	[EVS_A_DEV_FORCE] = { .type = NLA_FLAG, },
	[EVS_A_DEV_LAZY] = { .type = NLA_FLAG, },
};

/* EVS_CMD_REVOKE - do */
static const struct nla_policy evs_revoke_nl_policy[EVS_A_DEV_ID + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
};

/* EVS_CMD_GET - do */
static const struct nla_policy evs_get_nl_policy[EVS_A_DEV_ID + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
};

/* EVS_CMD_SUSPEND - do */
static const struct nla_policy evs_suspend_nl_policy[EVS_A_DEV_GRACE + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
	[EVS_A_DEV_GRACE] = NLA_POLICY_FULL_RANGE(NLA_U32, &evs_a_dev_grace_range),
};

/* EVS_CMD_RESUME - do */
static const struct nla_policy evs_resume_nl_policy[EVS_A_DEV_KEY_SERIAL + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
	[EVS_A_DEV_KEY_SERIAL] = { .type = NLA_S32, },
};

/* EVS_CMD_RESIZE - do */
static const struct nla_policy evs_resize_nl_policy[EVS_A_DEV_SIZE + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
	[EVS_A_DEV_SIZE] = { .type = NLA_UINT, },
};

/* EVS_CMD_SET - do */
static const struct nla_policy evs_set_nl_policy[EVS_A_DEV_CMK + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32, },
	[EVS_A_DEV_CMK] = { .type = NLA_NUL_STRING, .len = EVS_CMK_MAX, },
};

/* Ops table for evs */
static const struct genl_split_ops evs_nl_ops[] = {
	{
		.cmd		= EVS_CMD_ATTACH,
		.pre_doit	= evs_nl_pre_doit,
		.doit		= evs_nl_attach_doit,
		.policy		= evs_attach_nl_policy,
		.maxattr	= EVS_A_DEV_NO_PARTSCAN,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_DETACH,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_detach_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_detach_nl_policy,
		.maxattr	= EVS_A_DEV_LAZY,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_REVOKE,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_revoke_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_revoke_nl_policy,
		.maxattr	= EVS_A_DEV_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_GET,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_get_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_get_nl_policy,
		.maxattr	= EVS_A_DEV_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= EVS_CMD_GET,
		.start	= evs_nl_pre_dump,
		.dumpit	= evs_nl_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= EVS_CMD_SUSPEND,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_suspend_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_suspend_nl_policy,
		.maxattr	= EVS_A_DEV_GRACE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_RESUME,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_resume_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_resume_nl_policy,
		.maxattr	= EVS_A_DEV_KEY_SERIAL,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_RESIZE,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_resize_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_resize_nl_policy,
		.maxattr	= EVS_A_DEV_SIZE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= EVS_CMD_SET,
		.pre_doit	= evs_nl_pre_doit_dev,
		.doit		= evs_nl_set_doit,
		.post_doit	= evs_nl_post_doit_dev,
		.policy		= evs_set_nl_policy,
		.maxattr	= EVS_A_DEV_CMK,
		.flags		= GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group evs_nl_mcgrps[] = {
	[EVS_NLGRP_EVENTS] = { "events", },
};

struct genl_family evs_nl_family __ro_after_init = {
	.name		= EVS_FAMILY_NAME,
	.version	= EVS_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= evs_nl_ops,
	.n_split_ops	= ARRAY_SIZE(evs_nl_ops),
	.mcgrps		= evs_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(evs_nl_mcgrps),
};
