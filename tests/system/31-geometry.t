#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Sizes, limits and windows; what a raw disk must not touch; read-only disks.
. "$(dirname "$0")/tap.sh"

MB=1048576
at_exit losetup -D
at_exit detach_all
must evs-setup list # The key type comes with the module
new_null evs_t0 4 cache_size=1
new_null evs_t4k 4 blocksize=4096

limit()
{
	cat "/sys/block/${evs#/dev/}/queue/$1"
}

# in_list FIELD: of the only disk
in_list()
{
	evs-setup list --json | jq -r ".disks[0].\"$1\""
}

for sector in 512 4096; do
	evs=$(raw_attach /dev/evs_t0 $sector)
	is "$(blockdev --getss "$evs")" $sector "$sector: logical sector size"
	is "$(blockdev --getpbsz "$evs")" $sector "$sector: physical sector size"
	is "$(blockdev --getsize64 "$evs")" $((4 * MB)) "$sector: size of the whole device"
	is "$(limit discard_max_bytes)" 0 "$sector: no discard"
	is "$(limit write_zeroes_max_bytes)" 0 "$sector: no write zeroes"
	nok "$sector: blkdiscard is refused" blkdiscard "$evs"
	is "$(limit rotational)" "$(cat /sys/block/evs_t0/queue/rotational)" "$sector: rotational as below"
	is "$(limit write_cache)" "$(cat /sys/block/evs_t0/queue/write_cache)" "$sector: write cache as below"
	is "$(limit fua)" "$(cat /sys/block/evs_t0/queue/fua)" "$sector: FUA as below"
	is "$(limit max_sectors_kb)" 1024 "$sector: its own size of requests"
	is "$(in_list sector-size)" $sector "$sector: the list says the sector size"
	is "$(in_list size)" $((4 * MB)) "$sector: the list says the size"
	is "$(in_list backing)" /dev/evs_t0 "$sector: the list says the backing device"
	is "$(in_list read-only)" false "$sector: the list says that it can be written"
	must evs-setup detach "$evs"
done

# Data units that are smaller than the blocks of the device: made on another one
head -c 1M /dev/urandom >"$tmp/data"
head -c 64 /dev/urandom >"$tmp/key"

# attach_512 DEVICE [ARGUMENT...]: by the same key each time
attach_512()
{
	evs-setup attach --raw --key "$(raw_key "raw:$1" "$tmp/key")" --sector-size 512 "$@"
}

evs=$(attach_512 /dev/evs_t0)
must dd if="$tmp/data" of="$evs" bs=64k oflag=direct status=none
must evs-setup detach "$evs"
must dd if=/dev/evs_t0 of=/dev/evs_t4k bs=1M oflag=direct status=none
evs=$(attach_512 /dev/evs_t4k)
is "$(blockdev --getss "$evs")" 4096 "512 on 4096: logical sector size"
ok "512 on 4096: the data is read" cmp -n $MB "$tmp/data" "$evs"
must dd if="$tmp/data" of="$evs" bs=4k seek=256 oflag=direct status=none
must evs-setup detach "$evs"
refused 1 'offset.* multiple of 4096' "512 on 4096: an offset within a block" \
	attach_512 /dev/evs_t4k --offset 512
refused 1 'size.* multiple of 4096' "512 on 4096: a size within a block" \
	attach_512 /dev/evs_t4k --size $((MB + 512))
must dd if=/dev/evs_t4k of=/dev/evs_t0 bs=1M oflag=direct status=none
evs=$(attach_512 /dev/evs_t0)
ok "512 on 4096: and so is what was written there, on the other" \
	cmp -i $MB:0 -n $MB "$evs" "$tmp/data"
must evs-setup detach "$evs"
evs=$(raw_attach /dev/evs_t4k 4096)
ok "sectors of 4096 there" test -b "$evs"
must evs-setup detach "$evs"

# The block layer splits at the chunks of the device below anyway
if dmsetup create evs-stripe --table "0 $((8 * MB / 512)) striped 2 32 /dev/evs_t0 0 /dev/evs_t4k 0" 2>"$tmp/why"; then
	at_exit dmsetup remove --retry evs-stripe
	must dmsetup mknodes evs-stripe
	evs=$(raw_attach /dev/mapper/evs-stripe 4096)
	is "$(limit chunk_sectors)" 0 "striped: requests are not cut at its chunks"
	must evs-setup detach "$evs"
	must dmsetup remove --retry evs-stripe
else
	skip "striped" "$(<"$tmp/why")"
fi

# A window: what is around it stays as it was
head -c $((4 * MB)) /dev/urandom >"$tmp/before"
for sector in 512 4096; do
	dd if="$tmp/before" of=/dev/evs_t0 bs=1M oflag=direct status=none
	off=$((3 * sector)) size=$((MB + sector))
	evs=$(raw_attach /dev/evs_t0 $sector --offset $off --size $size)
	is "$(blockdev --getsize64 "$evs")" $size "$sector: a window has its own size"
	is "$(in_list offset)" $off "$sector: the list says its offset"
	head -c $size /dev/urandom >"$tmp/data"
	dd if="$tmp/data" of="$evs" bs=64k oflag=dsync conv=fsync status=none
	ok "$sector: the window reads back" cmp -n $size "$tmp/data" "$evs"
	nok "$sector: a write beyond its end fails" \
		dd if=/dev/zero of="$evs" bs=$sector count=1 seek=$((size / sector)) oflag=direct
	must evs-setup detach "$evs"
	ok "$sector: nothing before it changed" cmp -n $off "$tmp/before" /dev/evs_t0
	ok "$sector: nothing after it changed" \
		cmp -i $((off + size)) "$tmp/before" /dev/evs_t0
	nok "$sector: its first sector changed" \
		cmp -s -i $off -n $sector "$tmp/before" /dev/evs_t0
	nok "$sector: its last sector changed" \
		cmp -s -i $((off + size - sector)) -n $sector "$tmp/before" /dev/evs_t0

	# The rest of a device that is no multiple of the sector size
	evs=$(raw_attach /dev/evs_t0 $sector --offset $((3 * MB)))
	is "$(blockdev --getsize64 "$evs")" $MB "$sector: without a size it is the rest"
	must evs-setup detach "$evs"
done

loop=$(new_loop "$(new_file odd $((MB + 1536)))")
evs=$(raw_attach "$loop" 4096)
is "$(blockdev --getsize64 "$evs")" $MB "a size is rounded down to whole sectors"
must evs-setup detach "$evs"
must losetup -d "$loop"

# try STATUS REGEX NAME ARGUMENT...: bad geometry
try()
{
	local status=$1 regex=$2 name=$3

	shift 3
	refused "$status" "$regex" "$name is refused" raw_attach /dev/evs_t0 "$@"
}

try 1 'offset' "an offset that is no multiple of the sector" 4096 --offset 512
try 1 'offset' "an odd offset" 512 --offset 1
try 1 'size' "a size that is no multiple of the sector" 4096 --size $((MB + 512))
try 1 'beyond|room|range' "an offset at the end" 512 --offset $((4 * MB))
try 1 'beyond|room|range' "an offset far beyond the end" 512 --offset $((1 << 50))
try 1 'beyond|room|range' "a size beyond the end" 512 --size $((4 * MB + 512))
try 1 'beyond|room|range' "offset and size beyond the end" 512 --offset $MB --size $((4 * MB))
try 1 'beyond|room|range|multiple' "an offset that wraps around" 512 --offset 18446744073709551104 --size 1024
try 1 'size' "no size at all" 512 --size 0
try 1 'sector' "a sector size of 3" 3
try 1 'sector' "a sector size of 1024" 1024
try 1 'sector' "a sector size of 0" 0
try 1 '.' "a negative offset" 512 --offset -512
try 1 '.' "an offset in letters" 512 --offset ten
ok "nothing is attached" test "$(evs-setup list --json | jq -c .disks)" = "[]"
ok "the backing device is free" exclusive /dev/evs_t0

# Read-only
dd if="$tmp/before" of=/dev/evs_t0 bs=1M oflag=direct status=none
sum=$(sha256sum </dev/evs_t0)
evs=$(raw_attach /dev/evs_t0 4096 --read-only)
is "$(blockdev --getro "$evs")" 1 "read-only: the kernel says so"
is "$(in_list read-only)" true "read-only: the list says so"
refused 1 'not permitted' "read-only: a direct write is refused" dd if=/dev/zero of="$evs" bs=4k count=1 oflag=direct
refused 1 'not permitted' "read-only: a buffered write is refused" dd if=/dev/zero of="$evs" bs=4k count=1 conv=fsync
nok "read-only: it cannot be made writable" blockdev --setrw "$evs"
is "$(blockdev --getro "$evs")" 1 "read-only: and is not"
ok "read-only: it reads" dd if="$evs" of=/dev/null bs=64k count=4 iflag=direct
must evs-setup detach "$evs"
is "$(sha256sum </dev/evs_t0)" "$sum" "read-only: nothing changed"

evs=$(raw_attach /dev/evs_t0 4096)
must blockdev --setro "$evs"
refused 1 'not permitted' "BLKROSET: a write is refused" dd if=/dev/zero of="$evs" bs=4k count=1 oflag=direct
must blockdev --setrw "$evs"
ok "BLKROSET: and back" dd if=/dev/zero of="$evs" bs=4k count=1 oflag=direct
must evs-setup detach "$evs"

loop=$(new_loop "$(new_file ro 1M)" --read-only)
refused 2 'read-only|only be read' "a read-only device as a disk that is written" raw_attach "$loop" 512 ||
	detach_all
evs=$(raw_attach "$loop" 512 --read-only)
is "$(blockdev --getro "$evs")" 1 "a read-only device as a read-only disk"
must evs-setup detach "$evs"
must losetup -d "$loop"

# A flush on the disk gets to the device below
flushes()
{
	awk '{ print $16 }' /sys/block/evs_t0/stat
}

evs=$(raw_attach /dev/evs_t0 4096)
before=$(flushes)
ok "fdatasync succeeds" dd if=/dev/zero of="$evs" bs=4k count=1 conv=fdatasync
ok "and is a flush below" test "$(flushes)" -gt "$before"
must evs-setup detach "$evs"

ok "nothing is left behind" no_leftovers
done_testing
