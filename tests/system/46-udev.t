#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone. On Linux 6.12, tests/boot has a whole Debian with them.
#
# The rules for udev, run by a real systemd-udevd: links, what is said of a disk
# and of the device below, and detaching under udev's nose.
. "$(dirname "$0")/tap.sh"

udevd=/lib/systemd/systemd-udevd
udev_processes='systemd-udevd|\(udev-worker\)'
mnt=$tmp/mnt
mkdir "$mnt"

udev_stop()
{
	pkill -CONT -x "$udev_processes"
	udevadm control --exit
	wait_for not pgrep -x systemd-udevd
	rm -rf /run/udev /etc/udev/rules.d/99-evs-test.rules
}
at_exit udev_stop
at_exit detach_all
at_exit umount "$mnt"
# In the foreground, where it can say what it does
$udevd >"$tmp/udevd.log" 2>&1 &
must wait_for udevadm control --ping
must udevadm trigger --action=add --subsystem-match=block
must udevadm settle
start_kms

# link LINK NODE NAME: the link is there and leads to the node
link()
{
	is "$(readlink -f "$1")" "$2" "$3"
}

# gone LINK NAME: it goes. Not at once: a loop device that udev has a look at is cleared
# when that is done, and settle may return before the event of it has come.
gone()
{
	ok "$2" wait_for not test -L "$1" -o -e "$1"
}

# property NODE KEY: what udev knows of a device
property()
{
	udevadm info --query=property --property="$2" --value "$1"
}

# is_lost: nothing can be done with the disk but to detach it
is_lost()
{
	is "$(property "$evs" SYSTEMD_READY)" 0 "nobody shall wait for it"
	nok "what was on it has no link" test -L $by_uuid
	link /dev/evs/data "$evs" "the disk has"
	ok "it can be detached by its link" evs-setup detach /dev/evs/data
	gone /dev/evs/data "the link has gone"
}

# property_is NODE KEY VALUE
property_is()
{
	[ "$(property "$1" "$2")" = "$3" ]
}

# backing_of NAME: the node of the device below
backing_of()
{
	losetup --noheadings --output NAME --associated "$(evs-setup status --json "$1" |
		jq -r '.disks[0].backing')"
}

disk=$(new_file disk.img 96M)
must evs-setup create --cmk test --label "my label" "$disk"
uuid=$(cryptsetup luksUUID "$disk")

# ---- links ----

evs=$(evs-setup attach --name data "$disk")
link /dev/evs/data "$evs" "/dev/evs/NAME once attach has returned"
wbt=/sys/block/${evs#/dev/}/queue/wbt_lat_usec
if [ -e "$wbt" ]; then
	is "$(<"$wbt")" 0 "writeback is throttled by the device below alone"
else
	skip "writeback is throttled by the device below alone" "this kernel throttles none"
fi
link "/dev/disk/by-id/evs-$uuid" "$evs" "/dev/disk/by-id/evs-UUID"
link '/dev/evs/by-label/my\x20label' "$evs" "/dev/evs/by-label/LABEL, as udev encodes it"
is "$(property "$evs" EVS_STATE)" live "the state"
is "$(property "$evs" EVS_CMK)" "$(cmk_id test)" "the CMK"
is "$(property "$evs" SYSTEMD_READY)" "" "it is ready"
ok "detach, while udev may still be at it" evs-setup detach data
for name in /dev/evs/data "/dev/disk/by-id/evs-$uuid" '/dev/evs/by-label/my\x20label'; do
	gone "$name" "$name has gone with it"
done

# Names that cannot be links as they are
evs=$(evs-setup attach --name 'a b$c;' "$disk")
link '/dev/evs/a_b_c_' "$evs" "characters that no link has become underscores"
must evs-setup detach "$evs"
evs=$(evs-setup attach --name by-label "$disk")
link '/dev/evs/by-label/my\x20label' "$evs" "a disk called by-label does not hide the labels"
must evs-setup detach "$evs"

# One of a pool
evs=$(evs-setup attach --name p:disk-1 "$disk")
link /dev/evs/p/disk-1 "$evs" "POOL:DISK is POOL/DISK for users"
must evs-setup detach "$evs"
gone /dev/evs/p "its link has gone with it, and the folder"
evs=$(evs-setup attach --name 'P:disk' "$disk")
nok "another name with a colon has no such link" test -e /dev/evs/P
must evs-setup detach "$evs"

# A plain one, which the driver does not know of
mkdir "$tmp/pool"
printf '[pool p]\nengine = dir\ndir = %s\n' "$tmp/pool" >>/etc/evs/evs.conf
must evs-setup create --size 16M --plain p/plain
loop=$(evs-setup attach p/plain)
link /dev/evs/p/plain "$loop" "a plain disk of a pool has its link"
like "$(property "$loop" DEVLINKS)" "/dev/evs/p/plain" "by udev: units can wait for it"
must udevadm trigger --action=change "$loop"
must udevadm settle
link /dev/evs/p/plain "$loop" "and keeps it"
ok "it is detached by that name" evs-setup detach p/plain
gone /dev/evs/p "its link has gone with it"
must udevadm settle
must losetup "$loop" "$disk"
must udevadm settle
nok "and does not come back with the next use of the device" test -e /dev/evs/p
must losetup -d "$loop"

# udev may be slower than one who attaches at once what was just detached. It is stopped
# whole: what a worker is about already would go on when only the queue is held.
evs=$(evs-setup attach --name data "$disk")
must udevadm settle
must pkill -STOP -x "$udev_processes"
evs-setup detach data &
detach=$!
must wait_for not test -e "/sys/block/${evs#/dev/}"
evs-setup attach --name again "$disk" >"$tmp/out" &
attach=$!
must wait_for test -e "/sys/block/${evs#/dev/}/evs/name"
sleep 0.5
ok "detach waits for udev: systemd learns from it to stop the unit" kill -0 $detach
ok "attach waits for udev, which still knows the disk before by this number" kill -0 $attach
must pkill -CONT -x "$udev_processes"
wait $detach
is $? 0 "when udev has caught up, detach returns"
gone /dev/evs/data "the link has gone then"
wait $attach
is $? 0 "and so does attach"
is "$(cat "$tmp/out")" "$evs" "the disk has the number of the one before"
link /dev/evs/again "$evs" "and has its link then"
must evs-setup detach again

# udev's events do not get into another network namespace
must udevadm settle
evs=$(timeout --signal=KILL 50 unshare --net evs-setup attach --name data "$disk")
is $? 0 "attach in a network namespace of its own does not wait for an event"
link /dev/evs/data "$evs" "waits for udev there"
must evs-setup detach data

# ---- the device below ----

evs=$(evs-setup attach --name data "$disk")
must udevadm settle
loop=$(backing_of data)
is "$(property "$loop" UDISKS_IGNORE)" 1 "desktops leave the device below alone"
is "$(property "$loop" EVS_UUID)" "$uuid" "udev knows what is on it"
is "$(property "$loop" ID_FS_USAGE)" crypto "it is what it is for others"
is "$(property "$loop" SYSTEMD_READY)" "" "units can wait for it"

# ---- what is on the disk ----

must mkfs.ext4 -q -L content -U 11111111-2222-4333-8444-555555555555 "$evs"
by_uuid=/dev/disk/by-uuid/11111111-2222-4333-8444-555555555555
ok "a new file system is seen" wait_for test -L $by_uuid
link $by_uuid "$evs" "/dev/disk/by-uuid of its file system"
link /dev/disk/by-label/content "$evs" "/dev/disk/by-label of its file system"
must udevadm settle
events=$(cat /sys/kernel/uevent_seqnum)
sleep 1
must udevadm settle
is "$(cat /sys/kernel/uevent_seqnum)" "$events" "the rules cause no events that call the rules"

# umount closes a disk that was written to: udev has it open right then
unmount_detach()
{
	local i node

	for ((i = 0; i < 20; i++)); do
		node=$(evs-setup attach --name again "$disk") && mount "$node" "$mnt" &&
			touch "$mnt/file$i" && umount "$mnt" && evs-setup detach again || return 1
	done
}
must evs-setup detach data
ok "detach right after umount, 20 times" unmount_detach
evs=$(evs-setup attach --name data "$disk")
exec 5<"$evs"
refused 5 'open|in use' "who has it open himself is told so" evs-setup detach data
exec 5<&-

# ---- states ----

# What udev knows of a state it has from the driver's own uevents
must evs-setup suspend data
ok "suspended, udev is told" wait_for property_is "$evs" EVS_STATE suspended
ok "udev does not wait for a suspended disk" udevadm settle --timeout=10
is "$(property "$evs" SYSTEMD_READY)" "" "it is still ready"
link $by_uuid "$evs" "it has its links"
is "$(property "$evs" ID_FS_TYPE)" ext4 "udev knows what is on it"
must evs-setup resume data
must udevadm settle
is "$(property "$evs" EVS_STATE)" live "resumed, it is live"

must evs-setup revoke data
must udevadm settle
is "$(property "$evs" EVS_STATE)" revoked "revoked, it is revoked"
is_lost

# ---- partitions ----

evs=$(evs-setup attach --name data "$disk")
printf 'label: gpt\nsize=16M, name=first\nsize=16M\n' | must sfdisk -q "$evs"
ok "partitions are seen" wait_for test -L /dev/evs/data-part2
must udevadm settle
link /dev/evs/data-part1 "${evs}p1" "/dev/evs/NAME-part1"
link "/dev/disk/by-id/evs-$uuid-part2" "${evs}p2" "/dev/disk/by-id/evs-UUID-part2"
link '/dev/evs/by-label/my\x20label-part1' "${evs}p1" "/dev/evs/by-label/LABEL-part1"
link /dev/disk/by-partlabel/first "${evs}p1" "/dev/disk/by-partlabel"
must evs-setup revoke data
ok "a revoked disk's partitions are revoked" wait_for property_is "${evs}p1" SYSTEMD_READY 0
must evs-setup detach data

# ---- a device below that goes ----

new_null evs_t0 64
must evs-setup create --cmk test /dev/evs_t0
evs=$(evs-setup attach --name data /dev/evs_t0)
must mkfs.ext4 -q -U 11111111-2222-4333-8444-666666666666 "$evs"
by_uuid=/dev/disk/by-uuid/11111111-2222-4333-8444-666666666666
ok "a file system is seen" wait_for test -L $by_uuid
must udevadm settle
echo 0 >/sys/kernel/config/nullb/evs_t0/power
ok "removed, udev is told" wait_for property_is "$evs" EVS_STATE removed
must udevadm settle
is_lost

# ---- a rule that attaches on plug ----

mkdir -p /etc/udev/rules.d
cat >/etc/udev/rules.d/99-evs-test.rules <<END
SUBSYSTEM=="block", ENV{EVS_UUID}=="$uuid", KERNEL!="evs*", TAG+="systemd", ENV{SYSTEMD_WANTS}+="evs-attach@data.service"
END
must udevadm control --reload --log-level=debug
loop=$(new_loop "$disk")
at_exit losetup --detach "$loop"
must udevadm settle

# why_not: what became of the event of the device, if there was one
why_not()
{
	diag "$(udevadm info "$loop")"
	diag "$(evs-setup probe --export "$loop" 2>&1)"
	diag "$(grep -aE "${loop#/dev/}|99-evs-test|RELOAD|probe" "$tmp/udevd.log" | tail -n 100)"
}

# One after the other, to tell what is lost: the event, the answer of probe, or the rule
ok "a device that is plugged in has an event" \
	wait_for property_is "$loop" ID_FS_TYPE crypto_LUKS || why_not
ok "probe tells udev what is on it" wait_for property_is "$loop" EVS_UUID "$uuid" || why_not
ok "a rule can ask systemd to attach it" \
	wait_for property_is "$loop" SYSTEMD_WANTS evs-attach@data.service || why_not

# ---- udevd misses what is written while it has the disk locked to look at it ----

label_of()
{
	cryptsetup luksDump "$loop" | awk '$1 == "Label:" { print $2 }'
}

label=$(label_of)
exec 7<"$loop"
must flock --shared 7
evs-setup header label "$loop" other >"$tmp/label" 2>&1 7<&- &
sleep 1
is "$(label_of)" "$label" "nothing is written while udevd looks at a device"
exec 7<&-
wait $!
is $? 0 "but after that"
is "$(label_of)" other "the label is written"
must losetup --detach "$loop"

ok "nothing is left behind" no_leftovers
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
