// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket that hears what happens to disks. It is read without libnl, which
 * does not tell lost messages from lack of memory.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "nl/private.h"
#include "nl/netlink.h"

/* Room for some hundred events while nobody takes them */
#define RECEIVE_BUFFER (256 * 1024)

/* Several times what all attributes of an event need */
#define EVENT_BYTES 4096

/*
 * A module that goes takes its group along, and those who listen are told nothing
 * more, not even by the one that is loaded next. So they listen to what becomes of
 * families as well.
 */
static int listen_families(struct evs_nl *nl)
{
	int group = genl_ctrl_resolve_grp(nl->sock, "nlctrl", "notify");

	return group < 0 ? group : nl_socket_add_membership(nl->sock, group);
}

int evs_nl_listen(struct evs_nl *nl, struct evs_error *err)
{
	int group, ret;

	group = genl_ctrl_resolve_grp(nl->sock, EVS_FAMILY_NAME, EVS_MCGRP_EVENTS);
	if (group < 0)
		return evs_error_set(err, ENOPKG,
				     "the kernel module sends no events: is it older than this program?");
	ret = nl_socket_set_buffer_size(nl->sock, RECEIVE_BUFFER, 0);
	if (!ret)
		ret = listen_families(nl);
	if (!ret)
		ret = nl_socket_add_membership(nl->sock, group);
	if (ret)
		return evs_error_set(err, ret == -NLE_PERM ? EPERM : EPROTO,
				     "netlink: cannot listen to events: %s", nl_geterror(ret));
	return nl_socket_get_fd(nl->sock);
}

union message {
	struct nlmsghdr hdr;
	char bytes[EVENT_BYTES];
};

/* The next message, or what is in the buffer of it; its length or -1, as recvfrom(2) */
static ssize_t receive(struct evs_nl *nl, union message *msg, struct sockaddr_nl *from)
{
	socklen_t from_size = sizeof(*from);
	ssize_t len;

	do
		len = recvfrom(nl_socket_get_fd(nl->sock), msg, sizeof(*msg),
			       MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)from, &from_size);
	while (len < 0 && errno == EINTR);
	return len;
}

/* Whether a message tells what became of some family; that of others may be longer */
static bool about_family(const union message *msg, ssize_t len, const struct sockaddr_nl *from)
{
	return !from->nl_pid && len >= NLMSG_HDRLEN && msg->hdr.nlmsg_type == GENL_ID_CTRL;
}

static bool family_gone(union message *msg, ssize_t len, int family)
{
	struct nlattr *id;

	if (len > (ssize_t)sizeof(*msg) || !nlmsg_ok(&msg->hdr, (int)len) ||
	    !genlmsg_valid_hdr(&msg->hdr, 0) ||
	    ((const struct genlmsghdr *)nlmsg_data(&msg->hdr))->cmd != CTRL_CMD_DELFAMILY)
		return false;
	id = nla_find(genlmsg_attrdata(nlmsg_data(&msg->hdr), 0),
		      genlmsg_attrlen(nlmsg_data(&msg->hdr), 0), CTRL_ATTR_FAMILY_ID);
	return id && nla_len(id) == sizeof(uint16_t) && nla_get_u16(id) == family;
}

int evs_nl_event(struct evs_nl *nl, struct evs_event_msg *event, struct evs_error *err)
{
	struct sockaddr_nl from = {};
	union message msg;
	ssize_t len;

	do {
		len = receive(nl, &msg, &from);
		if (len < 0 && errno == ENOBUFS)
			return evs_error_set(err, ENOBUFS, "events were lost");
		if (len < 0)
			return evs_error_set(err, errno, "netlink: %m");
		if (about_family(&msg, len, &from) && family_gone(&msg, len, nl->family))
			return evs_error_set(err, ENOPKG, "the kernel module has been unloaded");
	} while (about_family(&msg, len, &from));
	/* Only the kernel, whose port is 0, knows what has happened. */
	if (from.nl_pid || len > (ssize_t)sizeof(msg) || !nlmsg_ok(&msg.hdr, (int)len) ||
	    msg.hdr.nlmsg_type != nl->family || evs_nl_parse_event(&msg.hdr, event))
		return evs_error_set(err, EPROTO, "an event makes no sense");
	return 0;
}
