# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# A disk that comes and goes with its device.
# Part of tests/boot/guest/run.

# patiently COMMAND...: as wait_for, for what udev and systemd do in turns
patiently()
{
	wait_for "$@" || wait_for "$@" || wait_for "$@"
}

# is_plugged NAME: the unit and the node are there
is_plugged()
{
	systemctl is-active "evs-attach@$1" && systemctl is-active "$(device_unit "/dev/evs/$1")" &&
		[ "$(readlink -e "/dev/evs/$1")" = "$(node_of "$1")" ]
}

# The disk of scsi_debug, which keeps what is on it
pull()
{
	echo 1 >"/sys/block/$sd/device/delete"
}

push()
{
	echo "- - -" >"$1/scsi_host/${1##*/}/scan"
}

# The rule of the man page, for the disk "plug"
plug_rule()
{
	zcat /usr/share/man/man5/evstab.5.gz | sed -n '/^SUBSYSTEM==/,/SYSTEMD_WANTS/ { s/\\e$/\\/; p }' |
		sed "s/[0-9a-f-]\{36\}/$1/; s/evs-attach@backup/evs-attach@plug/"
}

# A disk comes and goes with its device
plug_works()
{
	local uuid host

	must new_scsi dev_size_mb=32
	host=$(readlink -e "/sys/block/$sd/device/../..")
	must evs-setup create --cmk boot "/dev/$sd"
	uuid=$(cryptsetup luksUUID "/dev/$sd")
	must udevadm settle
	ok "plug: the device is pulled" pull
	must wait_for not test -e "/sys/block/$sd"
	plug_rule "$uuid" >/etc/udev/rules.d/90-plug.rules
	like "$(</etc/udev/rules.d/90-plug.rules)" "$uuid" "plug: evstab(5) has a rule"
	echo "plug UUID=$uuid noauto,nofail" >>/etc/evstab
	must udevadm control --reload
	must systemctl daemon-reload
	is "$(systemctl is-active evs-attach@plug)" inactive "plug: its unit is not started"

	ok "plug: the device is plugged in" push "$host"
	ok "plug: then its unit attaches the disk" patiently is_plugged plug ||
		diag "$(journalctl --no-pager --boot --lines 20 --unit evs-attach@plug)"
	must wait_for scsi_disk
	head -c 4M /dev/urandom >$kept/plug
	must dd if=$kept/plug of=/dev/evs/plug bs=1M oflag=direct
	ok "plug: the device is pulled" pull
	ok "plug: then its unit stops" patiently is_down plug ||
		diag "$(systemctl status --no-pager evs-attach@plug)"
	nok "plug: the disk is not in the list" node_of plug
	ok "plug: its link is gone" wait_for not test -L /dev/evs/plug

	ok "plug: the device is plugged in again" push "$host"
	ok "plug: then the disk is there again" patiently is_plugged plug
	must wait_for scsi_disk
	ok "plug: with what was written to it" cmp --bytes=4M $kept/plug /dev/evs/plug
	exec 5</dev/evs/plug
	ok "plug: the device is pulled while the disk is open" pull
	ok "plug: then its unit stops" patiently is_down plug
	exec 5<&-
	ok "plug: closed, the disk is not in the list" wait_for not node_of plug
	like "$(dmesg | grep '"plug"' | tail -n 1)" 'detached "plug": command$' \
		"plug: it has been detached"
	like "$(dmesg | grep -c '"plug" has lost its backing device: backing-gone$')" '^2$' \
		"plug: the driver was told each time"
}
