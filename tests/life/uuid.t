#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The links by UUID of a disk stay where they are, while snapshots and clones of it
# come, are written and go: by a real systemd-udevd, and the commands of the engines.
# LVM where the kernel has thin pools, and files. A loop of 5; EVS_LONG times that.
. "$(dirname "$0")/../system/tap.sh"

udevd=/lib/systemd/systemd-udevd
uuid=11111111-2222-4333-8444-555555555555
link=/dev/disk/by-uuid/$uuid
rounds=$((5 * ${EVS_LONG:-1}))

udev_stop()
{
	udevadm control --exit
	wait_for not pgrep -x systemd-udevd
	rm -rf /run/udev
}

# stays: the link leads to the disk once udev has done its work
stays()
{
	udevadm settle && [ "$(readlink -f $link)" = "$node" ]
}

# luks NODE: a header with this UUID
luks()
{
	echo key | cryptsetup luksFormat -q --type luks2 --uuid $uuid --pbkdf pbkdf2 \
		--pbkdf-force-iterations 1000 "$1" -
}

# touch_header NODE: it is opened for writing and closed, which udev watches
touch_header()
{
	dd if="$1" bs=4096 count=1 status=none | dd of="$1" bs=4096 conv=notrunc,fsync status=none
}

lvm_round()
{
	lvm lvcreate -q -s -pr -ky -n d1.s1 evs.vg/d1 &&
	lvm lvchange -q -prw evs.vg/d1.s1 && lvm lvchange -q -ay -K evs.vg/d1.s1 &&
	touch_header /dev/evs.vg/d1.s1 && stays &&
	lvm lvcreate -q -s -prw -kn -n new.$uuid evs.vg/d1.s1 && stays &&
	cryptsetup luksUUID -q --uuid 21111111-2222-4333-8444-555555555555 /dev/evs.vg/new.$uuid &&
	stays && lvm lvremove -q -y evs.vg/new.$uuid evs.vg/d1.s1
}

loop_round()
{
	local loop status=0

	for name in d1/snapshot/s1 image/i1 new.$uuid; do
		mkdir -p "$tmp/pool/$name"
		cp "$tmp/pool/d1/disk" "$tmp/pool/$name/"
		loop=$(losetup -f --show "$tmp/pool/$name/disk")
		touch_header "$loop"
		stays || status=1
		losetup -d "$loop"
		rm -r "${tmp:?}/pool/$name"
	done
	return $status
}

clean()
{
	[ ! -e "$tmp/pv" ] || lvm vgchange -q -an evs.vg
	losetup -D
	udev_stop
}
at_exit clean

must modprobe loop
mkdir -p /etc/evs
$udevd >"$tmp/udevd.log" 2>&1 &
must wait_for udevadm control --ping
must udevadm trigger --action=add --subsystem-match=block
must udevadm settle

lvm_disk()
{
	truncate -s 256M "$tmp/pv"
	must lvm vgcreate -q evs.vg "$(losetup -f --show "$tmp/pv")"
	must lvm lvcreate -q -L 128M --poolmetadatasize 4M -Zy -T evs.vg/pool
	must lvm lvcreate -q -y -V 32M -T evs.vg/pool -n d1
	must luks /dev/evs.vg/d1
	must udevadm settle
	node=$(readlink -f /dev/evs.vg/d1)
	is "$(readlink -f $link)" "$node" "a disk of LVM has its link"

	echo "vg = other" >/etc/evs/evs.conf
	must lvm lvcreate -q -s -prw -kn -n d1.other evs.vg/d1
	must udevadm settle
	like "$(udevadm info --query=symlink /dev/evs.vg/d1.other)" "by-uuid/$uuid" \
		"another's LV has it, too, whatever its name"
	must lvm lvremove -q -y evs.vg/d1.other
	must udevadm settle
	printf '[pool a]\n vg =  evs.vg\n' >/etc/evs/evs.conf
	must udevadm trigger --action=change --settle "$node"

	for ((i = 1; i <= rounds; i++)); do
		ok "LVM, round $i: it does not move" lvm_round
	done
	must lvm lvremove -q -y evs.vg/d1
	ok "it goes with the disk" wait_for not test -e $link
}

file_disk()
{
	mkdir -p "$tmp/pool/d1"
	truncate -s 32M "$tmp/pool/d1/disk"
	must luks "$tmp/pool/d1/disk"
	node=$(losetup -f --show "$tmp/pool/d1/disk")
	must udevadm settle
	is "$(readlink -f $link)" "$node" "a disk in a file has its link"
	for ((i = 1; i <= rounds; i++)); do
		ok "file, round $i: it does not move" loop_round
	done
}

modprobe -q -a dm-thin-pool dm-snapshot && lvm_disk
file_disk
done_testing
