// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: generic netlink, see Documentation/netlink/specs/evs.yaml
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/kdev_t.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <net/genetlink.h>

#include "disks.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "removal.h"
#include "sysfs.h"

/*
 * GENL_ADMIN_PERM, all that the generated table can ask for, is CAP_NET_ADMIN,
 * which is not meant to decide about disks and their keys, and a refusal for lack
 * of it would neither say why nor be logged. So every operation comes by here.
 */
static int evs_nl_check_capable(struct sk_buff *skb,
				struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;

	/* The name is the caller's choice: no line of the log by its hand */
	pr_notice_ratelimited("refused %*pE[%d], uid %u: lacks CAP_SYS_ADMIN\n",
			      (int)strlen(current->comm), current->comm,
			      task_tgid_nr(current),
			      from_kuid(&init_user_ns, current_uid()));
	NL_SET_ERR_MSG(extack,
		       "CAP_SYS_ADMIN in the initial user namespace is required");
	return -EPERM;
}

int evs_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		    struct genl_info *info)
{
	return evs_nl_check_capable(skb, info->extack);
}

/* Of the operations on one disk, which they find in the first user_ptr */
int evs_nl_pre_doit_dev(const struct genl_split_ops *ops, struct sk_buff *skb,
			struct genl_info *info)
{
	struct evs_disk *evs;
	int err;

	err = evs_nl_check_capable(skb, info->extack);
	if (err)
		return err;

	if (GENL_REQ_ATTR_CHECK(info, EVS_A_DEV_ID)) {
		NL_SET_ERR_MSG(info->extack, "the number of a disk is required");
		return -EINVAL;
	}

	evs = evs_disk_get(nla_get_u32(info->attrs[EVS_A_DEV_ID]));
	if (!evs) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[EVS_A_DEV_ID],
				    "no such disk");
		return -ENODEV;
	}

	info->user_ptr[0] = evs;
	return 0;
}

void evs_nl_post_doit_dev(const struct genl_split_ops *ops,
			  struct sk_buff *skb, struct genl_info *info)
{
	evs_disk_put(info->user_ptr[0]);
}

int evs_nl_pre_dump(struct netlink_callback *cb)
{
	return evs_nl_check_capable(cb->skb, cb->extack);
}

static const struct evs_interface evs_nl_interface = {
	.groups	= evs_disk_groups,
	.tell	= evs_nl_event,
};

/* What goes into logs and tables */
static int evs_nl_check_text(struct genl_info *info, int attrtype)
{
	const struct nlattr *attr = info->attrs[attrtype];
	const char *c;

	if (!attr)
		return 0;

	for (c = nla_data(attr); *c; c++) {
		if (iscntrl(*c))
			break;
	}
	if (*c || c == nla_data(attr)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a name is not empty and has no control characters");
		return -EINVAL;
	}

	return 0;
}

/* By udev, names of disks go into paths, too */
static int evs_nl_check_name(struct genl_info *info, int attrtype)
{
	const struct nlattr *attr = info->attrs[attrtype];
	const char *name;

	if (!attr)
		return 0;
	if (evs_nl_check_text(info, attrtype))
		return -EINVAL;

	name = nla_data(attr);
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a name has no slashes, and is neither . nor ..");
		return -EINVAL;
	}

	return 0;
}

/* No attribute is a size of 0, but an attribute is not */
static int evs_nl_get_size(struct genl_info *info, u64 *size)
{
	const struct nlattr *attr = info->attrs[EVS_A_DEV_SIZE];

	if (!attr)
		return 0;

	*size = nla_get_uint(attr);
	if (!*size) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "the size is zero");
		return -EINVAL;
	}

	return 0;
}

static int evs_nl_parse_attach(struct genl_info *info,
			       struct evs_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (GENL_REQ_ATTR_CHECK(info, EVS_A_DEV_BACKING_DEV) ||
	    GENL_REQ_ATTR_CHECK(info, EVS_A_DEV_SECTOR_SIZE) ||
	    GENL_REQ_ATTR_CHECK(info, EVS_A_DEV_KEY_SERIAL)) {
		NL_SET_ERR_MSG(info->extack,
			       "backing device, sector size and key are required");
		return -EINVAL;
	}
	if (evs_nl_check_name(info, EVS_A_DEV_NAME) ||
	    evs_nl_check_name(info, EVS_A_DEV_UUID) ||
	    evs_nl_check_text(info, EVS_A_DEV_CMK))
		return -EINVAL;

	if (attrs[EVS_A_DEV_NAME])
		nla_strscpy(config->name, attrs[EVS_A_DEV_NAME],
			    sizeof(config->name));
	if (attrs[EVS_A_DEV_UUID])
		nla_strscpy(config->uuid, attrs[EVS_A_DEV_UUID],
			    sizeof(config->uuid));
	if (attrs[EVS_A_DEV_OFFSET])
		config->offset = nla_get_uint(attrs[EVS_A_DEV_OFFSET]);
	if (evs_nl_get_size(info, &config->size))
		return -EINVAL;
	if (attrs[EVS_A_DEV_CMK])
		nla_strscpy(config->cmk, attrs[EVS_A_DEV_CMK],
			    sizeof(config->cmk));

	config->backing_dev =
		new_decode_dev(nla_get_u32(attrs[EVS_A_DEV_BACKING_DEV]));
	config->key_serial = nla_get_s32(attrs[EVS_A_DEV_KEY_SERIAL]);
	config->read_only = nla_get_flag(attrs[EVS_A_DEV_READ_ONLY]);
	config->allow_discards = nla_get_flag(attrs[EVS_A_DEV_ALLOW_DISCARDS]);
	config->no_partscan = nla_get_flag(attrs[EVS_A_DEV_NO_PARTSCAN]);
	config->sector_size = nla_get_u32(attrs[EVS_A_DEV_SECTOR_SIZE]);
	if (config->sector_size != SZ_512 && config->sector_size != SZ_4K) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[EVS_A_DEV_SECTOR_SIZE],
				    "the sector size is neither 512 nor 4096");
		return -EINVAL;
	}

	return 0;
}

int evs_nl_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct evs_config config = {};
	struct evs_disk *evs;
	struct sk_buff *reply;
	int err;

	err = evs_nl_parse_attach(info, &config);
	if (err)
		return err;

	/* First, so that a disk once attached is not reported as an error */
	reply = evs_nl_new_reply();
	if (!reply)
		return -ENOMEM;

	evs = evs_disk_attach(&config, &evs_nl_interface, info->extack);
	if (IS_ERR(evs)) {
		nlmsg_free(reply);
		return PTR_ERR(evs);
	}

	err = evs_nl_reply_dev(reply, info, evs);
	evs_disk_put(evs);
	return err;
}

int evs_nl_detach_doit(struct sk_buff *skb, struct genl_info *info)
{
	enum evs_detach how = EVS_DETACH_CLOSED;

	if (nla_get_flag(info->attrs[EVS_A_DEV_FORCE]))
		how = EVS_DETACH_FORCE;
	if (nla_get_flag(info->attrs[EVS_A_DEV_LAZY])) {
		if (how == EVS_DETACH_FORCE) {
			NL_SET_ERR_MSG_ATTR(info->extack,
					    info->attrs[EVS_A_DEV_LAZY],
					    "detach is either lazy or by force");
			return -EINVAL;
		}
		how = EVS_DETACH_LAZY;
	}

	return evs_disk_detach(info->user_ptr[0], how, info->extack);
}

int evs_nl_revoke_doit(struct sk_buff *skb, struct genl_info *info)
{
	return evs_disk_revoke(info->user_ptr[0], info->extack);
}

int evs_nl_suspend_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *grace = info->attrs[EVS_A_DEV_GRACE];

	return evs_disk_suspend(info->user_ptr[0],
				grace ? nla_get_u32(grace) : 0, info->extack);
}

int evs_nl_resume_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *serial = info->attrs[EVS_A_DEV_KEY_SERIAL];

	return evs_disk_resume(info->user_ptr[0],
			       serial ? nla_get_s32(serial) : 0, info->extack);
}

int evs_nl_resize_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct evs_disk *evs = info->user_ptr[0];
	struct sk_buff *reply;
	u64 size = 0;
	int err;

	err = evs_nl_get_size(info, &size);
	if (err)
		return err;

	/* First, so that a disk that has grown is not reported as an error */
	reply = evs_nl_new_reply();
	if (!reply)
		return -ENOMEM;

	err = evs_disk_resize(evs, size, info->extack);
	if (err) {
		nlmsg_free(reply);
		return err;
	}

	return evs_nl_reply_dev(reply, info, evs);
}

int evs_nl_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct evs_disk *evs = info->user_ptr[0];

	if (GENL_REQ_ATTR_CHECK(info, EVS_A_DEV_CMK)) {
		NL_SET_ERR_MSG(info->extack, "the name of a CMK is required");
		return -EINVAL;
	}
	if (evs_nl_check_text(info, EVS_A_DEV_CMK))
		return -EINVAL;

	mutex_lock(&evs_disks_lock);
	nla_strscpy(evs->config.cmk, info->attrs[EVS_A_DEV_CMK], sizeof(evs->config.cmk));
	mutex_unlock(&evs_disks_lock);

	return 0;
}

int evs_nl_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;

	reply = evs_nl_new_reply();
	if (!reply)
		return -ENOMEM;

	return evs_nl_reply_dev(reply, info, info->user_ptr[0]);
}

int evs_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct evs_disk *evs;
	unsigned long i;
	void *hdr;
	int err = 0;

	mutex_lock(&evs_disks_lock);
	cb->seq = evs_disks_generation;

	/* A dump may need several messages: args[0] is where to go on */
	xa_for_each_start(&evs_disks, i, evs, cb->args[0]) {
		if (!evs->visible)
			continue;

		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, &evs_nl_family,
				  NLM_F_MULTI, EVS_CMD_GET);
		if (!hdr) {
			err = -EMSGSIZE;
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		err = evs_nl_put_dev(skb, evs);
		if (err) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = i + 1;
	}
	mutex_unlock(&evs_disks_lock);

	return err;
}

/*
 * The generated table, which knows nothing of capabilities, would let everybody
 * listen.
 */
static const struct genl_multicast_group evs_nl_groups[] = {
	[EVS_NLGRP_EVENTS] = {
		.name	= EVS_MCGRP_EVENTS,
		.flags	= GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/**
 * evs_nl_init() - take commands from now on
 *
 * Return: 0 or a negative error code.
 */
int __init evs_nl_init(void)
{
	evs_nl_family.mcgrps = evs_nl_groups;
	evs_nl_family.n_mcgrps = ARRAY_SIZE(evs_nl_groups);
	return genl_register_family(&evs_nl_family);
}

/**
 * evs_nl_exit() - undo evs_nl_init(), waiting for commands that are carried out
 */
void evs_nl_exit(void)
{
	genl_unregister_family(&evs_nl_family);
}
