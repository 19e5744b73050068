#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Detach of a disk that is in use: refused, or by force.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
at_exit detach_all
at_exit umount "$mnt"
start_kms
disk=$(new_file disk.img 64M)
must evs-setup create --cmk test "$disk"

evs=$(evs-setup attach --name data "$disk")
must mkfs.ext4 -q "$evs"
must mount "$evs" "$mnt"
refused 5 'in use|open|busy' "detach of a mounted disk" evs-setup detach data
ok "it works on" touch "$mnt/file"
is "$(evs-setup list --json | jq -r '.disks[0].openers > 0')" true "the list says that it is open"
must umount "$mnt"

exec 5<"$evs"
refused 5 'in use|open|busy' "detach of an open disk" evs-setup detach "$evs"
ok "it reads on" dd bs=4k count=1 of=/dev/null status=none <&5
exec 5<&-
ok "closed, it can be detached" evs-setup detach data
ok "nothing is left behind" no_leftovers

# ---- who is in the way ----

# lines REGEX NAME: what the last refusal printed, in this order
lines()
{
	like "$(tr '\n' ' ' <"$tmp/err")" "$1" "$2"
}

evs=$(evs-setup attach --name data "$disk")
must mount "$evs" "$mnt"
refused 5 "data: $evs is mounted on $mnt: run umount $mnt\$
data: the disk is in use: .*--lazy" "a mount point is named" evs-setup detach data
unlike "$(cat "$tmp/err")" '--force' "and --force is not what it offers"
unshare -m --propagation private sh -c "mount --bind $mnt /opt; umount $mnt; exec sleep 1000" &
other=$!
at_exit kill $other
must wait_for grep -q ' /opt ' /proc/$other/mountinfo
must wait_for not grep -q " $mnt " /proc/$other/mountinfo
must umount "$mnt"
refused 5 "data: $evs is mounted on /opt in the mount namespace of process $other: run nsenter -t $other -m umount /opt" \
	"a mount point in another mount namespace is named" evs-setup detach data
ok "the command that it gives" nsenter -t $other -m umount /opt
kill $other
wait $other 2>/dev/null

exec 5<"$evs"
refused 5 "data: $evs is open in process $$ \\(.*\\)\$" "a process is named" evs-setup detach data
exec 5<&-

# A stack, as LVM makes it, and a loop device and an EVS disk above
echo "0 65536 linear $evs 0" | dmsetup create --uuid LVM-test my--vg-lv
must wait_for test -e /dev/dm-0
must dmsetup mknodes
dm=/dev/$(basename "$(readlink -f /dev/mapper/my--vg-lv)")
[ -b "$dm" ] || dm=/dev/dm-$(dmsetup info -c --noheadings -o minor my--vg-lv)
must evs-setup create --force --cmk test "$dm"
top=$(evs-setup attach --name top "$dm")
refused 5 "EVS disk $top is on $evs: run evs-setup detach $top
LVM volume my--vg-lv \\($dm\\) is on $evs: run vgchange -an my-vg" "what is made of it is named" \
	evs-setup detach data
lines "EVS disk .*LVM volume " "the upper one first"
ok "detach --force" evs-setup detach --force top
out=$(evs-setup detach --force data 2>&1)
like "$out" "data: left behind, with I/O errors: LVM volume my--vg-lv \($dm\) is on $evs: run dmsetup remove my--vg-lv\$" \
	"detach --force names what it leaves behind"
ok "the command that it gives" dmsetup remove my--vg-lv
ok "nothing is left behind" no_leftovers

evs=$(evs-setup attach --name data "$disk")
loop=$(losetup --find --show "$evs")
refused 5 "loop device $loop is on $evs: run losetup --detach $loop" "a loop device is named" \
	evs-setup detach data
must losetup --detach "$loop"
must mkswap -q "$evs"
must swapon "$evs"
refused 5 "data: $evs has the swap space $evs: run swapoff $evs" "swap space is named" \
	evs-setup detach data
must swapoff "$evs"
must mkfs.ext4 -qF "$evs"

# ---- the device or file below ----

loop=$(losetup --noheadings --output NAME --associated "$disk")
uuid=$(cryptsetup luksUUID "$disk")
cd "$tmp" || exit
for ref in "$disk" disk.img "$loop" "UUID=$uuid" /dev/evs/data "$evs"; do
	is "$(evs-setup status --json "$ref" | jq -r '.disks[].device')" "$evs" "status ${ref#"$tmp"/}"
done
ok "suspend FILE" evs-setup suspend "$disk"
ok "resume DEVICE" evs-setup resume "$loop"
ok "resize UUID=UUID" evs-setup resize "UUID=$uuid"
refused 4 'no such disk is attached' "a file that is below no disk" evs-setup status "$tmp/err"
refused 4 'no such disk is attached' "a tag that no device has" evs-setup status LABEL=none
ok "detach FILE" evs-setup detach "$disk"
ok "nothing is left behind" no_leftovers

# By force, with somebody who holds it open
evs=$(evs-setup attach --name data "$disk")
exec 5<>"$evs"
ok "detach --force" evs-setup detach --force data
# A dead disk has no sectors: its opener reads nothing, not even an error
is "$(dd bs=4k count=1 iflag=direct status=none <&5 | wc -c)" 0 "the opener cannot read"
write_open()
{
	dd bs=4k count=1 oflag=direct if=/dev/zero >&5
}
nok "nor write" write_open
nok "nobody else can open it" dd if="$evs" of=/dev/null count=1
ok "the key is gone" wait_for not grep -qE ' evs +evs:' /proc/keys
new=$(evs-setup attach --name data "$disk")
ok "the disk can be attached anew, under its old name" test -b "$new"
nok "as another device" test "$new" = "$evs"
ok "and read" dd if="$new" of=/dev/null bs=4k count=1 iflag=direct
refused 4 'no such|not attached|detached' "the dead one cannot be detached again" \
	evs-setup detach --force "$evs"
exec 5>&-
gone()
{
	[ ! -e "/sys/block/${evs#/dev/}" ] &&
		[ "$(evs-setup list --json | jq '.disks | length')" -eq 1 ]
}
ok "closed, the dead one is gone" wait_for gone
must evs-setup detach data
ok "nothing is left behind" no_leftovers

# By force, with a file system in full write
evs=$(evs-setup attach --name data "$disk")
must mount "$evs" "$mnt"
(while dd if=/dev/zero of="$mnt/load" bs=64k count=64 conv=fsync; do :; done) >/dev/null 2>&1 &
load=$!
wait_for test -s "$mnt/load"
ok "detach --force of a mounted disk with writers" evs-setup detach --force data
ended()
{
	! kill -0 "$load"
}
ok "the writers end with an error" wait_for ended
wait $load
must umount "$mnt"
ok "nothing is left behind" no_leftovers
evs=$(evs-setup attach --name data "$disk")
ok "the file system can be repaired" test "$(e2fsck -fp "$evs" >/dev/null 2>&1; echo $?)" -le 1
must evs-setup detach data

ok "nothing is left behind" no_leftovers
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
