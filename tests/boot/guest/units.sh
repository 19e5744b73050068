# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# What systemd does with the units of the disks, and the packages, which leave them alone.
# Part of tests/boot/guest/run.

# device_unit PATH
device_unit()
{
	systemd-escape --path --suffix=device "$1"
}

# show PROPERTY UNIT: as systemd has it
show()
{
	systemctl show --property "$1" --value "$2"
}

# starts UNIT: it does; when not, the journal of the disks says why
starts()
{
	systemctl start "$1" ||
		{ journalctl --no-pager --boot --lines 20 --unit 'evs-attach@*'; return 1; }
}

# is_down NAME: systemd has stopped the unit, without any trouble
is_down()
{
	[ "$(systemctl is-active "evs-attach@$1")" = inactive ]
}

# reached_before UNIT UNIT: the first one was up before the other one was begun with
reached_before()
{
	local up begun

	up=$(show ActiveEnterTimestampMonotonic "$1")
	begun=$(show InactiveExitTimestampMonotonic "$2")
	echo "$1 was up at $up us, $2 begun with at $begun us"
	[ "$up" -gt 0 ] && [ "$up" -le "$begun" ]
}

netdev_has_its_order()
{
	local boot="boot $EVS_BOOT: _netdev"

	like "$(show After evs-attach@net.service)" '(^| )network-online\.target( |$)' \
		"$boot: the disk comes after the network"
	unlike "$(show After evs-attach@data.service)" 'network-online' \
		"$boot: another one does not"
	like "$(show Before evs-attach@net.service)" '(^| )remote-fs-pre\.target( |$)' \
		"$boot: it comes before remote file systems"
	like "$(show After net.mount)" '(^| )remote-fs-pre\.target( |$)' "$boot: of which its own is one"
	ok "$boot: it was so with the network" \
		reached_before network-online.target evs-attach@net.service
	ok "$boot: and with the file system" reached_before evs-attach@net.service net.mount
}

# What the journal has of the way down
was_detached_at_shutdown()
{
	local name journal

	for name in data parts net; do
		# What a unit has used up is told last, where the machine is slow
		journal=$(journalctl --boot=-1 --unit="evs-attach@$name" --output=cat |
			grep -v ': Consumed ')
		like "${journal##*$'\n'}" '^Stopped ' "boot $EVS_BOOT: $name was detached at the shutdown before"
		unlike "$journal" 'fail|error|in use' "boot $EVS_BOOT: $name went without trouble"
		# A disk that is still mounted would go later, at its last close
		like "$(journalctl --boot=-1 --dmesg --output=cat | grep "tached \"$name\"" | tail -n 1)" \
			"detached \"$name\": command\$" "boot $EVS_BOOT: $name had nobody who had it open"
	done
	unlike "$(dmesg | grep EXT4-fs)" '\(evs.*(recover|error)' \
		"boot $EVS_BOOT: its file systems need no recovery"
}

# By hand, what boot and shutdown do
units_work()
{
	ok "unmount" systemctl stop data.mount
	ok "stop the unit: it is detached" systemctl stop evs-attach@data
	nok "stopped: it is not in the list" node_of data
	nok "stopped: its link is gone" test -e /dev/evs/data
	ok "stopped: its device is free" exclusive $data_disk
	ok "start the unit" starts evs-attach@data
	must evs-setup detach data
	ok "detached by hand, and its unit started at once: it is attached" starts_attached data
	must evs-setup detach data
	ok "detached by hand: the unit follows" wait_for is_down data
	must starts evs-attach@data
	ok "restart the unit: it is attached" restarts_attached data
	must evs-setup detach --tab data
	ok "detach --tab: the unit follows" wait_for is_down data
	ok "started again and again: systemd does not refuse" starts_often data
	ok "start the mount: it brings its disk" starts data.mount
	ok "started: it is in the list" node_of data
	ok "detach --all spares what is mounted" spares_mounted
}

starts_attached()
{
	starts "evs-attach@$1" && evs-setup status "$1" && systemctl is-active "evs-attach@$1"
}

# More often than DefaultStartLimitBurst= allows in a while
starts_often()
{
	local i

	for i in 1 2 3 4 5 6; do
		starts "evs-attach@$1" && systemctl stop "evs-attach@$1" || return
	done
}

restarts_attached()
{
	systemctl restart "evs-attach@$1" && evs-setup status "$1" &&
		systemctl is-active "evs-attach@$1"
}

spares_mounted()
{
	! evs-setup detach --all && node_of data && node_of parts
}

no_jobs()
{
	systemctl list-jobs | grep 'No jobs'
}

# What waits for the disk is told at once when it cannot be attached
failure_is_told()
{
	must systemctl stop slow.mount evs-attach@slow
	must evs-setup cmk disable boot
	nok "refused: a mount of a disk whose CMK is disabled" systemctl start slow.mount
	is "$(show Result evs-attach@slow)" exit-code "refused: because its unit has failed"
	ok "refused: nothing waits any more" wait_for no_jobs
	must evs-setup cmk enable boot
	must systemctl reset-failed
	ok "refused: enabled, the mount brings the disk" starts slow.mount
}

# attached_since NAME: when systemd had it attached
attached_since()
{
	show ActiveEnterTimestampMonotonic "evs-attach@$1"
}

# What an upgrade runs, and an attempt to remove what is in use
packages_spare_disks()
{
	local data net

	data=$(attached_since data)
	net=$(attached_since net)
	ok "packages: installed over the same ones" eval 'dpkg -i /run/vm/debs/*.deb'
	like "$(dpkg --remove evs-setup 2>&1)" '^evs-setup: EVS disks are attached' \
		"packages: none is removed while disks are attached"
	is "$(dpkg-query -W -f '${db:Status-Status}' evs-setup)" installed \
		"packages: and it is as it was"
	is "$(attached_since data) $(attached_since net)" "$data $net" \
		"packages: the disks have been attached all the time"
	is "$(sum)" "$(<$kept/sum)" "packages: with every file"
	ok "packages: the KMS answers" evs-setup cmk show boot
	is "$(show Result evs-kmsd)" success "packages: its service has started again"
}
