/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_NETLINK_PRIVATE_H
#define EVS_NETLINK_PRIVATE_H

struct nl_sock;

struct evs_nl {
	struct nl_sock *sock;
	int family;
};

#endif /* EVS_NETLINK_PRIVATE_H */
