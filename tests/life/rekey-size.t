#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A new data key for disks whose size is no multiple of what is written at once, and for
# those that are larger than it: each byte is there afterwards. Most of them in the long
# form alone.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
mib=$((1 << 20))
sizes=("512 $((17 * mib + 512))" "4096 $((33 * mib + 4096))")
[ "${EVS_LONG:-1}" -eq 1 ] || sizes+=("512 $((4 * mib - 512))" "4096 $((2 * mib + 4096))"
	"512 $((32 * mib + 512))" "512 $((64 * mib + 1536))" "4096 $((160 * mib + 8192))")

# bytes DISK: how many a detached disk holds, and their checksum
bytes()
{
	local node

	node=$(evs-setup attach --read-only "$1") || return
	echo "$(blockdev --getsize64 "$node") $(sha256sum <"$node")"
	evs-setup detach "$1" >&2
}

# fill DISK: all of it
fill()
{
	local node

	node=$(evs-setup attach "$1") || return
	head -c "$(blockdev --getsize64 "$node")" /dev/urandom |
		dd of="$node" bs=1M iflag=fullblock conv=fsync status=none
	evs-setup detach "$1"
}

# rekeyed DISK SIZE NAME
rekeyed()
{
	local before

	must fill "$1"
	before=$(bytes "$1")
	is "${before%% *}" "$2" "$3 of $2 bytes"
	ok "$3 of $2 bytes: rekey" evs-setup rekey "$1"
	is "$(bytes "$1")" "$before" "$3 of $2 bytes: its data is the same"
}

for each in "${sizes[@]}"; do
	read -r sector size <<<"$each"
	file=$(new_file file $((16 * mib + size)))
	must evs-setup create --cmk test --sector-size "$sector" "$file"
	rekeyed "$file" "$size" "a file"
	must rm "$file"
done
# Of one that has grown, what holds no whole sector is no part of the disk.
file=$(new_file file $((18 * mib)))
must evs-setup create --cmk test --sector-size 4096 "$file"
must truncate -s +512 "$file"
rekeyed "$file" $((2 * mib)) "a file with half a sector at its end"
loop=$(new_loop "$file")
at_exit losetup -d "$loop"
rekeyed "$loop" $((2 * mib)) "a device with half a sector at its end"
is "$(stat -c %s "$file")" $((18 * mib + 512)) "it is as long as before"
for engine in $(engines); do
	new_pool p "$engine"
	for each in "${sizes[@]}"; do
		read -r sector size <<<"$each"
		# Of a pool's disk, sizes are multiples of 4096.
		size=$(((size + 4095) & ~4095))
		must evs-setup create --cmk test --sector-size "$sector" --size "$size" p/d
		rekeyed p/d "$size" "$engine: a disk"
		must evs-setup delete --yes p/d
	done
	drop_pools
done
done_testing
