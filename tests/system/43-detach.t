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
