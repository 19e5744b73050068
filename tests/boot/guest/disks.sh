# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The disks of evstab(5) and crypttab(5): made at the first boot, looked for at each.
# Part of tests/boot/guest/run.

# One checksum of all files
sum()
{
	find /data /parts /net -type f -exec sha256sum {} + | sort | sha256sum
}

# node_of NAME: /dev/evsN
node_of()
{
	evs-setup list --json | jq -er --arg name "$1" '.disks[] | select(.name == $name).device'
}

# property DEVICE NAME: as udev has it
property()
{
	udevadm info --query=property --property="$2" --value --name="$1"
}

# links WHAT NODE LINK...: they lead to the node, and systemd has them as devices
links()
{
	local what=$1 node=$2 link

	shift 2
	for link; do
		is "$(readlink -e "$link")" "$node" "$what: $link"
		ok "$what: systemd has $link" systemctl is-active "$(device_unit "$link")"
	done
}

# backing_is_left_alone WHAT DISK
backing_is_left_alone()
{
	is "$(property "$2" ID_FS_USAGE)" crypto "$1: the device below counts as encrypted"
	is "$(property "$2" UDISKS_IGNORE)" 1 "$1: and is nothing for a desktop"
	nok "$1: it is not mounted" findmnt --source "$2"
	nok "$1: nor is it free for others" exclusive "$2"
}

disks_are_there()
{
	local boot="boot $EVS_BOOT" data parts net data_uuid parts_uuid

	data_uuid=$(cryptsetup luksUUID $data_disk)
	parts_uuid=$(cryptsetup luksUUID $parts_disk)
	data=$(node_of data)
	parts=$(node_of parts)
	net=$(node_of net)
	like "$data $parts $net" '^/dev/evs[0-9]+ /dev/evs[0-9]+ /dev/evs[0-9]+$' \
		"$boot: the disks are attached"

	links "$boot: data" "$data" /dev/evs/data "/dev/disk/by-id/evs-$data_uuid" \
		/dev/evs/by-label/boot-a "/dev/disk/by-uuid/$(<$kept/fs-uuid)"
	links "$boot: parts" "$parts" /dev/evs/parts "/dev/disk/by-id/evs-$parts_uuid"
	links "$boot: partition" "${parts}p2" /dev/evs/parts-part2 \
		"/dev/disk/by-id/evs-$parts_uuid-part2" /dev/disk/by-partlabel/second
	is "$(property "$data" EVS_NAME)" data "$boot: udev knows the disk's name"
	is "$(property "$data" EVS_UUID)" "$data_uuid" "$boot: and its UUID"
	is "$(property "$data" ID_FS_TYPE)" ext4 "$boot: and what is on it"
	is "$(lsblk --noheadings --output FSTYPE "$data")" ext4 "$boot: lsblk says the same"
	backing_is_left_alone "$boot: data" $data_disk
	backing_is_left_alone "$boot: parts" $parts_disk

	is "$(findmnt --noheadings --output SOURCE /data)" "$data" "$boot: /data is mounted"
	is "$(findmnt --noheadings --output SOURCE /parts)" "${parts}p2" "$boot: /parts is mounted"
	is "$(findmnt --noheadings --output SOURCE /net)" "$net" "$boot: /net is mounted"
	is "$(sum)" "$(<$kept/sum)" "$boot: every file is as it was written"
}

missing_disk_is_no_trouble()
{
	nok "boot $EVS_BOOT: a disk whose device is missing is not there" test -e /dev/evs/missing
	is "$(systemctl is-active evs-attach@missing)" inactive \
		"boot $EVS_BOOT: its unit waits for nothing"
}

noauto_disks_are_not_there()
{
	local name

	for name in file plug; do
		nok "boot $EVS_BOOT: noauto: $name is not attached" node_of $name
		is "$(systemctl is-active evs-attach@$name)" inactive \
			"boot $EVS_BOOT: noauto: the unit of $name was not started"
	done
}

setup_tables()
{
	cat >/etc/evstab <<-EOT
		# name	device	options
		data	$data_disk
		parts	UUID=$(cryptsetup luksUUID $parts_disk)
		net	$net_disk	_netdev
		missing	/dev/disk/by-id/virtio-evs-none	nofail,x-systemd.device-timeout=5s,
		typo	/dev/disk/by-id/virtio-evs-none	nofial
		file	$file_disk	noauto
	EOT
	cat >>/etc/fstab <<-EOT
		/dev/evs/data	/data	ext4	defaults	0 2
		/dev/evs/parts-part2	/parts	ext4	x-systemd.requires=evs-attach@parts.service	0 2
		/dev/evs/net	/net	ext4	_netdev	0 2
	EOT
	mkdir /data /parts /net
	must systemctl daemon-reload
	bad_line_is_reported
}

# While systemd runs its generators, there may be no journal yet
bad_line_is_reported()
{
	like "$(dmesg)" 'evs-generator: /etc/evstab:6: unknown option "nofial"$' \
		"boot $EVS_BOOT: the kernel's log has a line of evstab that is bad"
}

setup_disks()
{
	ok "create a disk" evs-setup create --cmk boot --label boot-a $data_disk
	ok "create another one" evs-setup create --cmk boot $parts_disk
	must evs-setup create --cmk boot $net_disk
	setup_tables
	ok "its unit attaches the disk" starts evs-attach@data
	ok "the module comes with it" test -e /sys/module/evs
	must mkfs.ext4 -q /dev/evs/data
	blkid --output value --match-tag UUID /dev/evs/data >$kept/fs-uuid
	ok "its unit attaches the other one" starts evs-attach@parts
	must sfdisk --quiet /dev/evs/parts <<-EOT
		label: gpt
		size=8MiB, name=first
		name=second
	EOT
	# udev reads the table once more when sfdisk has closed the disk
	must udevadm settle
	must wait_for test -b /dev/evs/parts-part2
	must mkfs.ext4 -q /dev/evs/parts-part2
	must udevadm settle
	ok "stopped, it is detached" systemctl stop evs-attach@parts
	ok "its links are gone" wait_for eval \
		'[ ! -L /dev/evs/parts ] && [ ! -L /dev/evs/parts-part2 ]'

	ok "a mount of a partition brings its disk" systemctl start parts.mount
	must starts evs-attach@net
	must mkfs.ext4 -q /dev/evs/net
	must systemctl start data.mount net.mount
	for mnt in /data /parts /net; do
		cp -r /usr/share/common-licenses $mnt/
		head -c 8M /dev/urandom >$mnt/random
	done
	sum >$kept/sum
	[ "$(find /data /parts /net -type f | wc -l)" -gt 30 ] || must false "files on the disks"
}

no_loop()
{
	[ -z "$(losetup --noheadings --list)" ]
}

# A disk in a file, of another owner, has its unit need the loop driver's module
file_works()
{
	must truncate --size 20M $file_disk
	ok "create a disk in a file" evs-setup create --cmk boot $file_disk
	must losetup --detach-all
	ok "the loop driver is not loaded" modprobe --remove loop
	must chown nobody $file_disk
	must chmod 600 $file_disk
	ok "its unit attaches the disk in a file" starts evs-attach@file
	is "$(losetup --noheadings --output BACK-FILE)" $file_disk "by a loop device"
	ok "stopped, it is detached" systemctl stop evs-attach@file
	ok "and so is the loop device" wait_for no_loop
}

setup_crypttab()
{
	must evs-setup create --cmk boot $crypt_disk
	zcat /usr/share/man/man5/evstab.5.gz | grep -m1 '^vault.*_netdev' |
		sed "s/[0-9a-f-]\{36\}/$(cryptsetup luksUUID $crypt_disk)/" >/etc/crypttab
	like "$(</etc/crypttab)" '^vault' "crypttab: evstab(5) has a line"
	must systemctl daemon-reload
	ok "crypttab: systemd-cryptsetup opens a disk without a prompt" starts_crypt
	must mkfs.ext4 -q /dev/mapper/vault
	# The device that has just come and changed may have systemd start it again, and cancel this
	must udevadm settle
	must wait_for systemctl stop systemd-cryptsetup@vault
	echo "/dev/mapper/vault /vault ext4 _netdev 0 2" >>/etc/fstab
	mkdir /vault
	must systemctl daemon-reload
}

starts_crypt()
{
	timeout 60 systemctl start systemd-cryptsetup@vault </dev/null ||
		{ journalctl --no-pager --boot --lines 20 --unit systemd-cryptsetup@vault; return 1; }
}

crypttab_disk_is_there()
{
	is "$(findmnt --noheadings --output SOURCE /vault)" /dev/mapper/vault \
		"boot $EVS_BOOT: crypttab: /vault is mounted" ||
		diag "$(journalctl --no-pager --boot --lines 20 --unit systemd-cryptsetup@vault)"
	is "$(lsblk --noheadings --output TYPE /dev/mapper/vault)" crypt "boot $EVS_BOOT: crypttab: by dm-crypt"
}
