#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 256 disks at once.
. "$(dirname "$0")/tap.sh"

count=256
new_null evs_t0 64
at_exit dmsetup remove_all
at_exit detach_all
must evs-setup list

# 256 claimable devices of 256 KiB, out of one
for ((i = 0; i < count; i++)); do
	printf 'evs_m%d,,,rw,0 512 linear /dev/evs_t0 %d\n' $i $((i * 512))
done | paste -sd ';' >"$tmp/table"
must dmsetup create --concise "$(cat "$tmp/table")"

# One key after the other, all serials of one go
for ((i = 0; i < count; i++)); do
	head -c 64 /dev/urandom >"$tmp/key"
	keyctl padd evs "many:$i" @s <"$tmp/key"
done >"$tmp/serials"
attached=0
while read -r serial; do
	evs-setup attach --raw --sector-size 4096 --key "$serial" --name "m$attached" \
		"/dev/mapper/evs_m$attached" >>"$tmp/disks" || break
	attached=$((attached + 1))
done <"$tmp/serials"
is $attached $count "$count disks are attached"
is "$(sort -u "$tmp/disks" | wc -l)" $count "as so many devices"
json=$(evs-setup list --json)
is "$(jq '.disks | length' <<<"$json")" $count "all are listed"
is "$(jq '[.disks[].name] | unique | length' <<<"$json")" $count "with their names"
is "$(find /sys/block -name 'evs[0-9]*' | wc -l)" $count "all are in sysfs"

last=$(tail -n 1 "$tmp/disks")
head -c 262144 /dev/urandom >"$tmp/data"
dd if="$tmp/data" of="$last" bs=64k oflag=direct status=none
ok "the last one works" cmp "$tmp/data" "$last"

detached=0
while [ $detached -lt $count ]; do
	evs-setup detach "m$detached" || break
	detached=$((detached + 1))
done
is $detached $count "all are detached"
must dmsetup remove_all
ok "nothing is left behind" no_leftovers
ok "the module can go" rmmod evs
unlike "$(dmesg | grep -A 20 -E 'BUG|WARNING|Oops|Call Trace')" . "the kernel did not complain"
done_testing
