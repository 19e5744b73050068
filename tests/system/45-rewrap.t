#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: the kernel is told the id of the other CMK, and no more.
# The data key of a disk that is in use is wrapped anew, by another CMK; and
# scheduling the deletion of a CMK tells of the disks that are attached.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
must evs-setup cmk create other
disk=$(new_file disk.img 34M)
must evs-setup create --cmk test "$disk"
evs=$(evs-setup attach "$disk")
ok "attached" test -b "$evs"
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
sum=$(md5sum <"$tmp/data")

# The data through the disk, past every cache
data()
{
	dd if="$evs" bs=1M count=8 iflag=direct status=none | md5sum
}

# The token, whatever its number is now
token_now()
{
	cryptsetup token export --token-id 1 "$disk" 2>/dev/null || token_of "$disk"
}

(while :; do dd if="$tmp/data" of="$evs" bs=1M seek=8 oflag=direct status=none || exit 1; done) &
writer=$!
before=$(token_now)
ok "rewrap, attached and written to" evs-setup rewrap "$disk"
is "$(token_now | jq -r .cmk)" "$(cmk_id test)" "by the same CMK"
ok "another wrapped key" test "$(jq -r '."wrapped-dk"' <<<"$before")" != \
	"$(token_now | jq -r '."wrapped-dk"')"
ok "rewrap by another CMK" evs-setup rewrap --cmk other "$disk"
is "$(token_now | jq -r .cmk)" "$(cmk_id other)" "by the other CMK"
is "$(evs-setup status --json | jq -r '.disks[0].cmk')" "$(cmk_id other)" "status shows that one"
is "$(cat "/sys/block/${evs#/dev/}/evs/cmk")" "$(cmk_id other)" "and so does sysfs"
ok "the disk is written to all the while" kill "$writer"
wait "$writer" 2>/dev/null
is "$(data)" "$sum" "the data is what it was"
must wait_for evs-setup detach "$evs"

must evs-setup cmk disable test
evs=$(evs-setup attach "$disk")
ok "attached by the new CMK, the old one is disabled" test -b "$evs"
is "$(data)" "$sum" "the data is what it was, attached anew"
must evs-setup cmk enable test

refused 5 $'--yes\nprotects' "deletion of the CMK of an attached disk" \
	evs-setup cmk schedule-deletion --days 7 other
like "$(evs-setup cmk schedule-deletion --days 7 other 2>&1 </dev/null)" "$evs" "which it names"
is "$(evs-setup cmk show --json other | jq -r '.cmks[0].state')" enabled "it is as it was"

# What counts is the disk below, whatever is at the path of its file by now
must evs-setup create --cmk test "$(new_file new.img 34M)"
must mount --bind "$tmp/new.img" "$disk"
at_exit umount "$disk"
refused 5 $'--yes\nprotects' "deletion of it with another disk mounted over the file" \
	evs-setup cmk schedule-deletion --days 7 other
must umount "$disk"
evs-setup cmk disable other >"$tmp/out" 2>"$tmp/err"
is "$?:$(<"$tmp/out")" "0:$(cmk_id other) other disabled" "disabled at once: nothing is lost by it"
like "$(<"$tmp/err")" "^evs-setup: CMK other protects disk .* \\($evs\\), which is attached here\$" \
	"but the disk is named"
like "$(<"$tmp/err")" '^evs-setup: attached disks go on working; once detached, no disk under other can be attached until' \
	"and what comes of it"
must evs-setup cmk enable other
refused 1 '7 to 1096' "six days" evs-setup cmk schedule-deletion --days 6 --yes other

must evs-setup detach "$evs"

# Disks that are not attached: nobody knows of this one, then evstab does
is "$(evs-setup cmk disable other 2>&1)" "$(cmk_id other) other disabled" "no disk that is known"
must evs-setup cmk enable other
at_exit rm -f /etc/evstab
printf 'data %s\nbad\n' "$disk" >/etc/evstab
refused 5 $'--yes\nCMK other protects disk data of /etc/evstab, which is not attached' \
	"deletion of the CMK of a disk of evstab" evs-setup cmk schedule-deletion --days 7 other
printf 'data %s kms=local,cmk=%s\n' "$tmp/away" "$(cmk_id other)" >/etc/evstab
refused 5 $'--yes\nCMK other protects disk data of /etc/evstab, which is not attached' \
	"of one that is away" evs-setup cmk schedule-deletion --days 7 other
is "$(evs-setup cmk disable test 2>&1)" "$(cmk_id test) test disabled" "it is under no other CMK"
must evs-setup cmk enable test
rm /etc/evstab

# As udev would know it
new_null evs_t2 24
known=/run/udev/data/b$(cat /sys/block/evs_t2/dev)
at_exit rm -f "$known"
must mkdir -p "${known%/*}"
printf '%s\n' I:1 "E:EVS_UUID=$(cryptsetup luksUUID "$disk")" E:EVS_KMS=local \
	"E:EVS_CMK=$(cmk_id other)" >"$known"
refused 5 $'--yes\nCMK other protects disk /dev/evs_t2, which is not attached' \
	"of a disk that udev knows" evs-setup cmk schedule-deletion --days 7 other
printf 'data %s\n' "$disk" >/etc/evstab
evs-setup cmk schedule-deletion --days 7 other </dev/null 2>"$tmp/err"
is "$(grep -c 'CMK other protects ' "$tmp/err")" 1 "a disk that is known twice is named once"
is "$(evs-setup cmk show --json other | jq -r '.cmks[0].state')" enabled "it is as it was"
like "$(evs-setup cmk disable other 2>&1)" 'disk /dev/evs_t2, which is not attached' \
	"disabled: it is named"
must evs-setup cmk enable other
rm "$known" /etc/evstab

# ---- a backup from before ----

must evs-setup header backup "$disk" "$tmp/header"
must evs-setup rewrap --cmk test "$disk"
sum=$(md5sum <"$disk")
refused 5 "$disk: was rewrapped after the backup: its header names CMK $(cmk_id test) of KMS local, the backup CMK $(cmk_id other)
nothing was written; --force" "header restore of a backup with another CMK" \
	evs-setup header restore "$disk" "$tmp/header"
is "$(md5sum <"$disk")" "$sum" "leaves the disk alone"
must evs-setup header backup "$disk" "$tmp/header2"
ok "one with the same CMK is restored" evs-setup header restore "$disk" "$tmp/header2"
printf 'one %s cmk=%s\n' "$disk" "$(cmk_id test)" >"$tmp/evstab"
out=$(EVSTAB=$tmp/evstab evs-setup header restore --force "$disk" "$tmp/header" 2>&1)
is $? 0 "header restore --force"
like "$out" 'was rewrapped after the backup' "says so as well"
like "$out" "header restore: $tmp/evstab:1: one cannot be attached by this line" \
	"and names the line of evstab that it makes stale"
is "$(token_now | jq -r .cmk)" "$(cmk_id other)" "the token is the one of the backup"

# ---- a disk that cannot be written ----

new_null evs_t0 24
# table FIRST COUNT: the device but for writes to these sectors, which fail
table()
{
	local end=$(($1 + $2)) all=49152

	[ "$1" -eq 0 ] || echo "0 $1 linear /dev/evs_t0 0"
	[ "$2" -eq 0 ] || echo "$1 $2 flakey /dev/evs_t0 $1 0 3600 1 error_writes"
	echo "$end $((all - end)) linear /dev/evs_t0 $end"
}

change_table()
{
	table "$@" | dmsetup load evs_bad && dmsetup resume evs_bad
}

modprobe dm-flakey
table 0 0 | must dmsetup create evs_bad
at_exit dmsetup remove evs_bad
bad=/dev/mapper/evs_bad
must dmsetup mknodes evs_bad
must evs-setup create --cmk test $bad

# broken FIRST COUNT NAME: rewrap fails and says so, and the disk is as good as before
broken()
{
	must change_table "$1" "$2"
	refused 7 'cannot write the header' "$3: rewrap" evs-setup rewrap --cmk other $bad
	must change_table 0 0
	evs=$(evs-setup attach $bad)
	ok "$3: the disk can be attached" test -b "$evs"
	must evs-setup detach "$evs"
}

broken 0 32 "the first copy of the header cannot be written"
is "$(token_of $bad | jq -r .cmk)" "$(cmk_id test)" "the token is the old one"
broken 32 32 "the second copy of the header cannot be written"
broken 0 64 "neither copy can be written"
ok "written again, rewrap succeeds" evs-setup rewrap --cmk other $bad
is "$(evs-setup header dump --json $bad | jq -r '[.tokens[].cmk] | join(",")')" "$(cmk_id other)" \
	"there is one token, the new one"

# A copy with holes, on a file system that has no room to fill them
must mkdir "$tmp/full"
must mount -t tmpfs -o size=1M tmpfs "$tmp/full"
at_exit umount "$tmp/full"
must cp --sparse=always "$disk" "$tmp/disk.copy"
must truncate -s 34M "$tmp/full/disk.img"
must dd if="$tmp/disk.copy" of="$tmp/full/disk.img" bs=4k count=8 conv=sparse,notrunc status=none
dd if=/dev/zero of="$tmp/full/rest" bs=4k status=none 2>/dev/null
refused 2 'cannot write the header' "rewrap with the disk full" evs-setup rewrap --cmk test "$tmp/full/disk.img"
evs=$(evs-setup attach "$tmp/full/disk.img")
ok "the disk can be attached all the same" test -b "$evs"
must evs-setup detach "$evs"
must rm "$tmp/full/rest"
is "$(evs-setup header dump --json "$tmp/full/disk.img" | jq -r '[.tokens[].cmk] | join(",")')" \
	"$(cmk_id other)" "its token is the old one"
ok "rewrap succeeds once there is room" evs-setup rewrap --cmk test "$tmp/full/disk.img"

done_testing
