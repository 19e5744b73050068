// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket that hears what happens to disks. It is read without libnl, which
 * does not tell lost messages from lack of memory.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink-private.h"
#include "netlink.h"

/* Room for some hundred events while nobody takes them */
#define RECEIVE_BUFFER (256 * 1024)

/* Several times what all attributes of an event need */
#define EVENT_BYTES 4096

int evs_nl_listen(struct evs_nl *nl, struct evs_error *err)
{
	int group, ret;

	group = genl_ctrl_resolve_grp(nl->sock, EVS_FAMILY_NAME, EVS_MCGRP_EVENTS);
	if (group < 0)
		return evs_error_set(err, ENOPKG,
				     "the kernel module sends no events: is it older than this program?");
	ret = nl_socket_set_buffer_size(nl->sock, RECEIVE_BUFFER, 0);
	if (!ret)
		ret = nl_socket_add_membership(nl->sock, group);
	if (ret)
		return evs_error_set(err, ret == -NLE_PERM ? EPERM : EPROTO,
				     "netlink: cannot listen to events: %s", nl_geterror(ret));
	return nl_socket_get_fd(nl->sock);
}

int evs_nl_event(struct evs_nl *nl, struct evs_event_msg *event, struct evs_error *err)
{
	union {
		struct nlmsghdr hdr;
		char bytes[EVENT_BYTES];
	} msg;
	struct sockaddr_nl from = {};
	socklen_t from_size = sizeof(from);
	ssize_t len;

	do
		len = recvfrom(nl_socket_get_fd(nl->sock), &msg, sizeof(msg),
			       MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);
	while (len < 0 && errno == EINTR);
	if (len < 0 && errno == ENOBUFS)
		return evs_error_set(err, ENOBUFS, "events were lost");
	if (len < 0)
		return evs_error_set(err, errno, "netlink: %m");
	/* Only the kernel, whose port is 0, knows what has happened. */
	if (from.nl_pid || len > (ssize_t)sizeof(msg) || !nlmsg_ok(&msg.hdr, (int)len) ||
	    msg.hdr.nlmsg_type != nl->family || evs_nl_parse_event(&msg.hdr, event))
		return evs_error_set(err, EPROTO, "an event makes no sense");
	return 0;
}
