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

ok "nothing is left behind" wait_for no_disk
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
