#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
#
# Discards go to the device below only when that was asked for; write-zeroes
# never do.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
at_exit detach_all
at_exit umount "$mnt"
must evs-setup list
file=$(new_file sparse.img 16M)
loop=$(new_loop "$file" --direct-io=off)
at_exit losetup -d "$loop"
head -c 64 /dev/urandom >"$tmp/key"
head -c 8M /dev/urandom >"$tmp/data"
must test "$(cat "/sys/block/${loop#/dev/}/queue/discard_max_bytes")" -gt 0

# attach [OPTION]: sets $evs
attach()
{
	evs=$(evs-setup attach --raw --key "$(raw_key raw "$tmp/key")" --sector-size 4096 \
		--name data "$@" "$loop")
	must test -b "$evs"
}

limit()
{
	cat "/sys/block/${evs#/dev/}/queue/$1_max_bytes"
}

# KiB that the file has, once all is written that will be
allocated()
{
	sync "$evs" "$loop" "$file"
	du -k "$file" | cut -f 1
}

fill()
{
	must dd if="$tmp/data" of="$evs" bs=1M oflag=direct conv=fsync status=none
}

# zeroes_written NAME: an order to write zeroes writes what they are encrypted
zeroes_written()
{
	local before

	fill
	before=$(allocated)
	is "$(limit write_zeroes)" 0 "$1: write-zeroes are not offered"
	ok "$1: zeroes are written all the same" blkdiscard --zeroout --offset 1M --length 2M "$evs"
	is "$(dd if="$evs" bs=1M skip=1 count=2 iflag=direct status=none | tr -d '\0' | wc -c)" 0 \
		"$1: and read"
	is "$(allocated)" "$before" "$1: they take the space that other data does"
	is "$(dd if="$loop" bs=64k skip=16 count=1 status=none | od -An -v -tx1 -w1 | sort -u | wc -l)" 256 \
		"$1: below they are random data"
}

attach
fill
before=$(allocated)
ok "the file has what was written" test "$before" -ge 8192
is "$(limit discard)" 0 "by default no discards are offered"
is "$(evs-setup list --json | jq '.disks[0]."allow-discards"')" false "the list says so"
nok "blkdiscard is refused" blkdiscard "$evs"
is "$(allocated)" "$before" "the file has what it had"
ok "and the disk the data" cmp -n 8388608 "$tmp/data" "$evs"
zeroes_written "by default"
must evs-setup detach data

attach --allow-discards
fill
before=$(allocated)
ok "allowed, they are offered" test "$(limit discard)" -gt 0
is "$(evs-setup list --json | jq '.disks[0]."allow-discards"')" true "the list says so"
ok "blkdiscard" blkdiscard --offset 2M --length 4M "$evs"
is "$(($(allocated) - before))" -4096 "the file has as much less"
ok "the data before it is intact" cmp -n 2097152 "$tmp/data" "$evs"
ok "and after it" cmp -i 6291456 -n 2097152 "$tmp/data" "$evs"
is "$(dd if="$loop" bs=1M skip=2 count=4 status=none | tr -d '\0' | wc -c)" 0 \
	"below there are zeroes where it was"
ok "what was discarded can be written" dd if="$tmp/data" of="$evs" bs=1M count=8 oflag=direct
ok "and read" cmp -n 8388608 "$tmp/data" "$evs"
zeroes_written "with discards"
must mkfs.ext4 -q -E nodiscard "$evs"
must mount "$evs" "$mnt"
must cp "$tmp/data" "$mnt/data"
before=$(allocated)
must rm "$mnt/data"
must sync -f "$mnt"
ok "fstrim" fstrim "$mnt"
ok "frees what the file system has freed" test "$(allocated)" -lt $((before - 4096))
must umount "$mnt"
ok "the file system is clean" e2fsck -fn "$evs"

# A suspended disk holds discards as well
fill
must evs-setup suspend data
before=$(du -k "$file" | cut -f 1)
blkdiscard --offset 0 --length 1M "$evs" 2>/dev/null &
discard=$!
must wait_for held $discard
is "$(du -k "$file" | cut -f 1)" "$before" "a suspended disk passes none"
must evs-setup resume --key "$(raw_key again "$tmp/key")" data
ok "resumed it goes on" wait_for ended $discard
wait $discard
is $? 0 "and is done"
ok "below" test "$(allocated)" -lt "$before"
must evs-setup detach data

# Nothing to pass them to
new_null evs_t0 16
loop=/dev/evs_t0
attach --allow-discards
is "$(limit discard)" 0 "a device below that takes none is offered none"
must evs-setup detach data

# One that takes several ranges with one request: an NVMe device, looped back
nvme=/dev/nvme0n1
target=/sys/kernel/config/nvmet

nvme_remove()
{
	echo 1 >/sys/class/nvme/nvme0/delete_controller
	rm $target/ports/1/subsystems/evs
	rmdir $target/ports/1 $target/subsystems/evs/namespaces/1 $target/subsystems/evs
}

# nvme_over DEVICE: sets it up
nvme_over()
{
	must mkdir $target/subsystems/evs $target/subsystems/evs/namespaces/1 $target/ports/1
	echo 1 >$target/subsystems/evs/attr_allow_any_host
	echo "$1" >$target/subsystems/evs/namespaces/1/device_path
	echo 1 >$target/subsystems/evs/namespaces/1/enable
	echo loop >$target/ports/1/addr_trtype
	must ln -s $target/subsystems/evs $target/ports/1/subsystems/evs
	at_exit nvme_remove
	echo transport=loop,nqn=evs >/dev/nvme-fabrics
	must wait_for test -b $nvme
}

# ranges DEVICE: how many one request may discard
ranges()
{
	cat "/sys/block/${1#/dev/}/queue/max_discard_segments"
}

# Files in a row, and every second one goes: what is between them has to stay
every_second_goes()
{
	local i

	must mkfs.xfs -q -f -K --unsupported "$evs"
	must mount -o discard "$evs" "$mnt"
	for i in {100..163}; do
		head -c 64k "$tmp/data" >"$mnt/$i"
	done
	must sync -f "$mnt"
	before=$(allocated)
	rm "$mnt"/*[02468]
	must sync -f "$mnt"
	must umount "$mnt"
	ok "discards of several ranges at a time arrive" test "$(allocated)" -lt "$before"
	must mount "$evs" "$mnt"
	is "$(for i in "$mnt"/*; do cmp -n 65536 "$i" "$tmp/data" 2>&1; done)" "" \
		"what lies between the ranges is intact"
	must umount "$mnt"
}

if ! modprobe -q nvme-loop; then
	skip "discards of several ranges" "this guest's kernel has no nvme-loop"
else
	file=$(new_file sparse.img 64M)
	loop=$(new_loop "$file" --direct-io=off)
	at_exit losetup -d "$loop"
	nvme_over "$loop"
	ok "an NVMe device takes several ranges" test "$(ranges $nvme)" -gt 1
	loop=$nvme
	attach --allow-discards
	is "$(ranges "$evs")" 1 "the disk takes one"
	every_second_goes
	must evs-setup detach data
fi

ok "nothing is left behind" wait_for no_disk
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
