#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# With little memory, in User-Mode Linux.
#
# 256 disks, attached and detached several at a time; a quarter of it where the
# processor is emulated.
. "$(dirname "$0")/tap.sh"

count=256
[ "$EVS_VM" != qemu ] || count=64
must evs-setup list
new_null evs_t0 32
new_null evs_t1 32
at_exit detach_all

# As many devices that can be claimed: partitions of 128 KiB, as they are made
# fast, on two disks
head -c $((64 * count)) /dev/urandom | split -b 64 -a 4 --numeric-suffixes=1000 - "$tmp/key."
for ((i = 0; i < count; i++)); do
	disk=evs_t$((i % 2)) part=$((i / 2 + 1))
	must addpart /dev/$disk $part $((part * 256)) 256
	serial=$(keyctl padd evs "many:$i" @s <"$tmp/key.$((1000 + i))") || must false "key $i"
	printf '%s m%d /dev/%sp%d\n' "$serial" $i $disk $part
done >"$tmp/todo"
wait_for test -b "/dev/evs_t1p$((count / 2))"

ok "$count disks are attached" xargs -P 4 -n 3 -a "$tmp/todo" \
	sh -c 'evs-setup attach --raw --sector-size 4096 --key "$0" --name "$1" "$2"'
json=$(evs-setup list --json)
is "$(jq '.disks | length' <<<"$json")" $count "all are listed"
is "$(jq '[.disks[].name] | unique | length' <<<"$json")" $count "each by its name"
is "$(jq '[.disks[].device] | unique | length' <<<"$json")" $count "as a device of its own"
is "$(find /sys/block -name 'evs[0-9]*' | wc -l)" $count "all are in sysfs"
is "$(jq -r '.disks[] | select(.name == "m50") | .size' <<<"$json")" 131072 "with the right size"

evs=$(jq -r '.disks[] | select(.name == "m50") | .device' <<<"$json")
head -c 131072 /dev/urandom >"$tmp/data"
dd if="$tmp/data" of="$evs" bs=64k oflag=direct conv=nocreat status=none
ok "one of them works" cmp "$tmp/data" "$evs"
before=$(sha256sum </dev/evs_t0p26)
evs-setup detach m50
nok "and has written" test "$(head -c 131072 /dev/zero | sha256sum)" = "$before"

jq -r '.disks[].name' <<<"$json" | grep -vx m50 >"$tmp/todo"
ok "all are detached" xargs -P 16 -n 1 -a "$tmp/todo" evs-setup detach
ok "nothing is left behind" no_leftovers
ok "the module can go" rmmod evs
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
