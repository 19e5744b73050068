#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the initial RAM disk of dracut: open the disks of evstab(5) that module-setup.sh has
# left there.
AGAIN=/sbin/evs-unlock
. /usr/share/evs/initrd-unlock

# The table names a node or what blkid finds, such as UUID=
resolve_device()
{
	case $1 in
	/*) [ -b "$1" ] && echo "$1" ;;
	*) blkid -l -t "$1" -o device ;;
	esac
}

# What systemd-networkd has learnt, where nobody has written it yet: the name servers
before_round()
{
	[ -s /etc/resolv.conf ] || sed -n 's/^DNS=//p' /run/systemd/netif/state 2>/dev/null |
		tr ' ' '\n' | sed 's/^/nameserver /' >/etc/resolv.conf
}

open_by_passphrase()
{
	systemd-ask-password -n --timeout="$PROMPT" "Recovery passphrase of an EVS disk:" |
		cryptsetup open --key-file=- "$@"
}

open_disks
