#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lies on the backing device: dm-crypt's ciphertext, another for each disk.
. "$(dirname "$0")/tap.sh"

megabytes=4
bytes=$((megabytes * 1024 * 1024))
at_exit detach_all
must evs-setup list # The key type comes with the module
new_null evs_t0 32
new_null evs_t1 32
head -c $bytes /dev/urandom >"$tmp/data"
head -c 64 /dev/urandom >"$tmp/key"

# dmcrypt NAME BACKING SECTOR-SIZE OFFSET-IN-SECTORS
dmcrypt()
{
	local sectors opt=

	sectors=$(($(blockdev --getsz "$2") - $4))
	[ "$3" = 512 ] || opt=" 1 sector_size:$3"
	echo "0 $sectors crypt aes-xts-plain64 $(xxd -p -c 0 "$tmp/key") 0 $2 $4$opt" |
		dmsetup create "$1" && dmsetup mknodes "$1" && [ -b "/dev/mapper/$1" ]
}

put()
{
	dd if="$tmp/data" of="$1" bs=1M oflag=direct conv=fsync,nocreat status=none
}

for sector in 512 4096; do
	evs=$(evs-setup attach --raw --key "$(raw_key x "$tmp/key")" --sector-size $sector /dev/evs_t0)
	must test -b "$evs"
	must dmcrypt plain /dev/evs_t1 $sector 0
	at_exit dmsetup remove plain

	ok "$sector: write through the driver" put "$evs"
	ok "$sector: write through dm-crypt" put /dev/mapper/plain
	ok "$sector: read back through the driver" cmp -n $bytes "$tmp/data" "$evs"
	must evs-setup detach "$evs"
	must dmsetup remove plain
	ok "$sector: the ciphertext is the same, bit for bit" cmp -n $bytes /dev/evs_t0 /dev/evs_t1
	nok "$sector: and not the plaintext" cmp -s -n 4096 "$tmp/data" /dev/evs_t0

	must dmcrypt plain /dev/evs_t0 $sector 0
	ok "$sector: dm-crypt reads what the driver wrote" cmp -n $bytes "$tmp/data" /dev/mapper/plain
	must dmsetup remove plain
	evs=$(evs-setup attach --raw --key "$(raw_key x "$tmp/key")" --sector-size $sector /dev/evs_t1)
	ok "$sector: the driver reads what dm-crypt wrote" cmp -n $bytes "$tmp/data" "$evs"
	must evs-setup detach "$evs"

	# Not from the start of the device
	evs=$(evs-setup attach --raw --key "$(raw_key x "$tmp/key")" --sector-size $sector \
		--offset 1048576 --size 3145728 /dev/evs_t0)
	dd if="$tmp/data" of="$evs" bs=1M count=3 oflag=direct status=none
	must evs-setup detach "$evs"
	must dmcrypt plain /dev/evs_t0 $sector 2048
	ok "$sector: the same from an offset on" cmp -n 3145728 "$tmp/data" /dev/mapper/plain
	must dmsetup remove plain
done

# A tweak that takes more than 32 bits: the far end of a large, thin device
must truncate -s 5T "$tmp/large"
loop=$(new_loop "$tmp/large")
at_exit losetup -d "$loop"
for sector in 512 4096; do
	evs=$(evs-setup attach --raw --key "$(raw_key x "$tmp/key")" --sector-size $sector "$loop")
	dd if="$tmp/data" of="$evs" bs=64k count=4 seek=50000000 oflag=direct status=none
	must evs-setup detach "$evs"
	must dmcrypt plain "$loop" $sector 0
	ok "$sector: beyond sector 2^32, too" \
		cmp -n 262144 -i 0:3276800000000 "$tmp/data" /dev/mapper/plain
	must dmsetup remove plain
done

# Two disks under one CMK, same plaintext
start_kms
declare -a offset
for i in 0 1; do
	must evs-setup create --cmk test /dev/evs_t$i --force
	evs=$(evs-setup attach /dev/evs_t$i)
	dd if="$tmp/data" of="$evs" bs=64k count=8 oflag=direct status=none
	offset[i]=$(evs-setup list --json | jq -r '.disks[0].offset')
	must evs-setup detach "$evs"
	dd if=/dev/evs_t$i bs=4k skip=$((offset[i] / 4096)) count=128 of="$tmp/cipher.$i" \
		iflag=direct status=none
done
is "${offset[0]}" "${offset[1]}" "two disks are laid out alike"
is "$(cmp -l "$tmp/cipher.0" "$tmp/cipher.1" | wc -l | awk '{ print ($1 > 520000) }')" 1 \
	"the same plaintext on two disks has nothing in common"
is "$(xxd -p -c 16 "$tmp/cipher.0" | sort | uniq -d | wc -l)" 0 "no two blocks of random data are equal"

# Equal plaintext blocks: the tweak makes the difference
evs=$(evs-setup attach /dev/evs_t0)
dd if=/dev/zero of="$evs" bs=64k count=8 oflag=direct status=none
must evs-setup detach "$evs"
dd if=/dev/evs_t0 bs=4k skip=$((offset[0] / 4096)) count=128 iflag=direct status=none >"$tmp/cipher.0"
is "$(xxd -p -c 16 "$tmp/cipher.0" | sort | uniq -d | wc -l)" 0 "no two blocks of zeros are equal"

done_testing
