// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: netlink messages about disks
 */
#include <linux/blkdev.h>
#include <linux/kdev_t.h>
#include <linux/netlink.h>
#include <net/genetlink.h>

#include "disks.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "stat.h"

static int evs_nl_put_stat(struct sk_buff *skb, struct evs_disk *evs)
{
	struct evs_stat stat;

	evs_stat_read(evs, &stat);
	if (nla_put_uint(skb, EVS_A_DEV_READS, stat.reads) ||
	    nla_put_uint(skb, EVS_A_DEV_WRITES, stat.writes) ||
	    nla_put_uint(skb, EVS_A_DEV_BYTES_READ, stat.bytes_read) ||
	    nla_put_uint(skb, EVS_A_DEV_BYTES_WRITTEN, stat.bytes_written) ||
	    nla_put_uint(skb, EVS_A_DEV_ERRORS, stat.errors) ||
	    nla_put_u32(skb, EVS_A_DEV_IN_FLIGHT, stat.in_flight) ||
	    nla_put_u32(skb, EVS_A_DEV_BOUNCE_PAGES, stat.bounce_pages))
		return -EMSGSIZE;

	return 0;
}

/**
 * evs_nl_put_dev() - say all that there is to say of a disk
 * @skb: message
 * @evs: disk
 *
 * Return: 0 or -EMSGSIZE.
 */
int evs_nl_put_dev(struct sk_buff *skb, struct evs_disk *evs)
{
	char driver[CRYPTO_MAX_ALG_NAME];

	lockdep_assert_held(&evs_disks_lock);

	evs_keyslot_driver(&evs->slot, driver);
	if (nla_put_u32(skb, EVS_A_DEV_ID, evs->id) ||
	    nla_put_string(skb, EVS_A_DEV_NAME, evs->config.name) ||
	    (*evs->config.uuid && nla_put_string(skb, EVS_A_DEV_UUID, evs->config.uuid)) ||
	    nla_put_u32(skb, EVS_A_DEV_BACKING_DEV,
			new_encode_dev(evs->config.backing_dev)) ||
	    nla_put_uint(skb, EVS_A_DEV_OFFSET, evs->config.offset) ||
	    nla_put_uint(skb, EVS_A_DEV_SIZE, READ_ONCE(evs->size)) ||
	    nla_put_u32(skb, EVS_A_DEV_SECTOR_SIZE, evs->config.sector_size) ||
	    nla_put_s32(skb, EVS_A_DEV_KEY_SERIAL,
			READ_ONCE(evs->slot.serial)) ||
	    (evs->config.read_only && nla_put_flag(skb, EVS_A_DEV_READ_ONLY)) ||
	    nla_put_u32(skb, EVS_A_DEV_STATE, READ_ONCE(evs->slot.state)) ||
	    nla_put_string(skb, EVS_A_DEV_CIPHER, driver) ||
	    nla_put_u32(skb, EVS_A_DEV_OPENERS, disk_openers(evs->disk)) ||
	    nla_put_u32(skb, EVS_A_DEV_DISK_DEV,
			new_encode_dev(disk_devt(evs->disk))) ||
	    (*evs->config.cmk && nla_put_string(skb, EVS_A_DEV_CMK, evs->config.cmk)) ||
	    (evs->config.allow_discards &&
	     nla_put_flag(skb, EVS_A_DEV_ALLOW_DISCARDS)) ||
	    (evs->config.no_partscan && nla_put_flag(skb, EVS_A_DEV_NO_PARTSCAN)) ||
	    (test_bit(EVS_LAZY, &evs->flags) &&
	     nla_put_flag(skb, EVS_A_DEV_LAZY)))
		return -EMSGSIZE;

	return evs_nl_put_stat(skb, evs);
}

static int evs_nl_put_event(struct sk_buff *skb, const struct evs_disk *evs,
			    enum evs_event event, enum evs_cause cause)
{
	if (nla_put_u32(skb, EVS_A_DEV_EVENT, event) ||
	    nla_put_u32(skb, EVS_A_DEV_CAUSE, cause) ||
	    nla_put_u32(skb, EVS_A_DEV_ID, evs->id) ||
	    nla_put_string(skb, EVS_A_DEV_NAME, evs->config.name) ||
	    (*evs->config.uuid && nla_put_string(skb, EVS_A_DEV_UUID, evs->config.uuid)) ||
	    nla_put_u32(skb, EVS_A_DEV_BACKING_DEV,
			new_encode_dev(evs->config.backing_dev)) ||
	    nla_put_uint(skb, EVS_A_DEV_SIZE, READ_ONCE(evs->size)) ||
	    nla_put_s32(skb, EVS_A_DEV_KEY_SERIAL,
			READ_ONCE(evs->slot.serial)) ||
	    nla_put_u32(skb, EVS_A_DEV_STATE, evs_event_state(&evs->events, event)) ||
	    nla_put_uint(skb, EVS_A_DEV_ERRORS,
			 (u32)atomic_read(&evs->events.errors)) ||
	    nla_put_u32(skb, EVS_A_DEV_DISK_DEV,
			new_encode_dev(disk_devt(evs->disk))))
		return -EMSGSIZE;

	return 0;
}

/**
 * evs_nl_new_reply() - make an empty message
 *
 * Return: the message, or NULL.
 */
struct sk_buff *evs_nl_new_reply(void)
{
	return genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
}

/**
 * evs_nl_reply_dev() - answer a command with what there is to say of a disk
 * @skb: message from evs_nl_new_reply(), which is consumed
 * @info: command
 * @evs: disk
 *
 * Return: 0 or a negative error code.
 */
int evs_nl_reply_dev(struct sk_buff *skb, struct genl_info *info,
		     struct evs_disk *evs)
{
	void *hdr;
	int err;

	hdr = genlmsg_iput(skb, info);
	if (!hdr) {
		err = -EMSGSIZE;
		goto err_skb;
	}

	mutex_lock(&evs_disks_lock);
	err = evs_nl_put_dev(skb, evs);
	mutex_unlock(&evs_disks_lock);
	if (err)
		goto err_skb;

	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_skb:
	nlmsg_free(skb);
	return err;
}

/**
 * evs_nl_event() - tell the listeners of the group that something has happened
 * @evs: disk, which must not be freed meanwhile
 * @event: what has happened
 * @cause: why
 *
 * Listeners that miss a message, say for lack of memory, learn so by ENOBUFS.
 *
 * Context: process context. What memory may be waited for is the caller's to say.
 */
void evs_nl_event(struct evs_disk *evs, enum evs_event event,
		  enum evs_cause cause)
{
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&evs_nl_family, &init_net, EVS_NLGRP_EVENTS))
		return;

	skb = evs_nl_new_reply();
	if (!skb)
		goto err_lost;
	hdr = genlmsg_put(skb, 0, 0, &evs_nl_family, 0, EVS_CMD_EVENT);
	if (!hdr || evs_nl_put_event(skb, evs, event, cause))
		goto err_skb;

	genlmsg_end(skb, hdr);
	genlmsg_multicast(&evs_nl_family, skb, 0, EVS_NLGRP_EVENTS, GFP_KERNEL);
	return;

err_skb:
	nlmsg_free(skb);
err_lost:
	genl_set_err(&evs_nl_family, &init_net, 0, EVS_NLGRP_EVENTS, -ENOBUFS);
}
