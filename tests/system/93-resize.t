#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
#
# A disk grows with the file below, while it is in use.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
mb=$((1 << 20))
at_exit detach_all
at_exit umount "$mnt"
must evs-setup list

size_of()
{
	blockdev --getsize64 "$evs"
}

# ---- without a header ----

file=$(new_file raw.img 16M)
loop=$(new_loop "$file")
at_exit losetup -d "$loop"
key=$(raw_key raw)
start_monitor "$tmp/events"
evs=$(evs-setup attach --raw --key "$key" --sector-size 4096 --name data "$loop")
head -c $((16 * mb)) /dev/urandom >"$tmp/data"
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
exec 5<>"$evs"
is "$(evs-setup resize data)" $((16 * mb)) "there is nothing to grow into"
nok "nothing is behind the end" dd if=/dev/zero of="$evs" bs=4k seek=4096 count=1 oflag=direct

must truncate -s 24M "$file"
must losetup -c "$loop"
is "$(size_of)" $((16 * mb)) "the disk does not grow by itself"
refused 1 ": the backing device has room for $((24 * mb)) bytes at this offset\$" "more than there is" \
	evs-setup resize --size 25M data
refused 1 'multiple' "no whole sectors" evs-setup resize --size $((17 * mb + 512)) data
refused 1 ": the disk has $((16 * mb)) bytes, and does not shrink\$" "less than it has" \
	evs-setup resize --size 8M data
refused 1 'not a number' "no number" evs-setup resize --size much data
refused 1 'size' "nothing" evs-setup resize --size 0 data
is "$(size_of)" $((16 * mb)) "refused, its size is what it was"
is "$(evs-setup resize --size 20M data)" $((20 * mb)) "it grows to a size"
is "$(size_of)" $((20 * mb)) "the kernel says so"
is "$(evs-setup resize data)" $((24 * mb)) "it grows up to the end"
is "$(size_of)" $((24 * mb)) "the kernel says so"
is "$(evs-setup list --json | jq '.disks[0].size')" $((24 * mb)) "so does the list"
ok "the monitor has seen it" saw "$tmp/events" resized command "size=$((24 * mb)) .*name=data$"

ok "the data is intact" cmp -n $((16 * mb)) "$tmp/data" "$evs"
ok "what is behind the old end can be written" \
	dd if="$tmp/data" of="$evs" bs=1M seek=16 count=8 oflag=direct conv=fsync
ok "across it, too" dd if="$tmp/data" of="$evs" bs=1M seek=15 count=2 oflag=direct
dd if="$evs" of="$tmp/tail" bs=1M skip=17 iflag=direct status=none
dd if="$tmp/data" of="$tmp/wanted" bs=1M skip=1 count=7 status=none
ok "and read" cmp "$tmp/tail" "$tmp/wanted"
past_end()
{
	dd if="$tmp/data" bs=1M seek=23 count=1 oflag=direct status=none >&5
}
ok "who had it open before can use all of it" past_end
must sync "$evs"
exec 5>&-

must evs-setup suspend data
must truncate -s 28M "$file"
must losetup -c "$loop"
is "$(evs-setup resize data)" $((28 * mb)) "a suspended disk grows as well"
must evs-setup revoke data
refused 2 'revoked' "a revoked one does not" evs-setup resize data
must evs-setup detach data
refused 4 'no such' "nor one that is not there" evs-setup resize data

# ---- with a header and a file system ----

# grow_ext4 MOUNT-POINT BLOCKS: what resize2fs does in the end; that wants to write
# to a mounted device first, which not every kernel allows
grow_ext4()
{
	perl -e 'open(my $dir, "<", $ARGV[0]) or die;
		 ioctl($dir, 0x40086610, pack("Q", $ARGV[1])) or die "$!\n"' "$@"
}

start_kms
file=$(new_file disk.img 48M)
must evs-setup create --cmk test "$file"
evs=$(evs-setup attach --name data "$file")
loop=$(losetup -j "$file" | cut -d : -f 1)
must mkfs.ext4 -q -b 4096 "$evs"
must mount "$evs" "$mnt"
cp "$tmp/data" "$mnt/data"
must truncate -s 80M "$file"
must losetup -c "$loop"
is "$(evs-setup resize data)" $((64 * mb)) "a disk with a header grows up to the end"
ok "its file system follows" grow_ext4 "$mnt" $((64 * mb / 4096))
ok "and takes what it could not before" dd if=/dev/zero of="$mnt/more" bs=1M count=30 conv=fsync
ok "its files are intact" cmp "$tmp/data" "$mnt/data"
must umount "$mnt"
ok "it is clean" e2fsck -fn "$evs"
must evs-setup detach data
evs=$(evs-setup attach --name data "$file")
is "$(size_of)" $((64 * mb)) "attached anew it has the new size"
must mount -o ro "$evs" "$mnt"
ok "and its files" cmp "$tmp/data" "$mnt/data"
must umount "$mnt"
must evs-setup detach data

ok "nothing is left behind" wait_for no_disk
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
