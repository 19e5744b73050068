#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154
#
# dracut's module: what opens the disks that evstab(5) marks with x-initrd.attach, by
# cryptsetup with the plug-in, and access to the KMS of each disk.
. /usr/share/evs/initrd-image

# Where there is such a disk, the host does not boot without
check()
{
	[ -n "$(marked)" ] || return 255
	require_binaries awk blkid cryptsetup modprobe sed tr || return 1
}

depends()
{
	echo dm rootfs-block systemd systemd-ask-password
	[ -z "$(remote)" ] || echo network
}

# remote: some KMS of them that is reached by a network
remote()
{
	local name device options

	marked | while read -r name device options _; do
		section "$(kms_of "$name" "$device" "$options")" | grep '^[ \t]*url'
	done
}

installkernel()
{
	hostonly='' instmods dm_mod dm_crypt af_alg algif_skcipher "=crypto"
}

complain()
{
	dfatal "evs: $*"
}

put()
{
	inst_simple "$1" || fail "$1: cannot be copied into the image"
}

# Also with those libraries of a plug-in, which has no leave to be executed
put_program()
{
	DRACUT_RESOLVE_DEPS=1 inst_binary "$1" || fail "$1: cannot be copied into the image"
}

# The unit's order holds for networks of systemd-networkd; others come when they come, and
# the KMS is asked again
put_network()
{
	echo rd.neednet=1 >"$initdir/etc/cmdline.d/95evs.conf"
	inst_simple "$moddir/evs.network" /usr/lib/systemd/network/zz-evs.network
	mkdir -p "$initdir/etc/systemd/system/evs-unlock.service.d"
	printf '[Unit]\nWants=network-online.target\nAfter=network-online.target\n' \
		>"$initdir/etc/systemd/system/evs-unlock.service.d/network.conf"
}

install()
{
	local image=$initdir uuid

	inst_multiple awk blkid cryptsetup modprobe sed tr
	# For threads that end, which those of a slow key derivation do
	inst_libdir_file "libgcc_s.so*"
	put_opener
	put_tab
	inst_script "$moddir/evs-unlock.sh" /sbin/evs-unlock
	inst_simple "$moddir/evs-unlock.service" "$systemdsystemunitdir/evs-unlock.service"
	$SYSTEMCTL -q --root "$initdir" add-wants initrd.target evs-unlock.service
	[ ! -e "$image/etc/evs/network" ] || put_network
	# dracut's own module for LUKS would ask for passphrases of these
	while read -r _ uuid _; do
		[ ! -e "$initdir/etc/cmdline.d/90crypt.conf" ] ||
			sed -i "s/ rd.luks.uuid=luks-${uuid#UUID=}//" "$initdir/etc/cmdline.d/90crypt.conf"
	done <"$initdir/etc/evstab"
	# dracut writes into an image that is there, whose mode stays
	[ ! -e "$outfile" ] || chmod 600 "$outfile"
	dracut_need_initqueue
}
