#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Snapshots on a file system that cannot clone files: by a copy, of a detached disk that
# is held for all of that time.
# shellcheck disable=SC2034 # life.sh has it
. "$(dirname "$0")/life.sh"
engine=dir

at_exit detach_pools
start_kms
must mkdir "$tmp/p"
must mount -t tmpfs -o size=256M,mode=755 p "$tmp/p"
at_exit umount "$tmp/p"
add_pool p dir "dir = $tmp/p"
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")
must evs-setup create --size 32M --cmk test p/enc
must evs-setup create --size 32M --plain p/plain
must put "$tmp/data" p/enc
must put "$tmp/data" p/plain

# Who opens a file that it holds itself waits for this long, and holds it no more.
lease=$(cat /proc/sys/fs/lease-break-time)
at_exit sh -c "echo $lease >/proc/sys/fs/lease-break-time"
echo 100000 >/proc/sys/fs/lease-break-time

for disk in enc plain; do
	refused 2 "give --copy" "$disk: not without --copy" evs-setup snapshot create "p/$disk@s"
	ok "$disk: a copy" timeout 60 evs-setup snapshot create --copy "p/$disk@s"
	ok "$disk: byte for byte" cmp "$(raw "p/$disk")" "$(raw "p/$disk@s")"
	ok "$disk: its holes stay holes" \
		test "$(du -k "$(raw "p/$disk@s")" | cut -f1)" -lt 28672
	must evs-setup attach "p/$disk"
	refused 5 "--copy needs a detached disk" "$disk: not of an attached disk" \
		evs-setup snapshot create --copy "p/$disk@t"
	must evs-setup detach "p/$disk"
	is "$(content "p/$disk")" "$sum" "$disk: the disk is as it was"
done
done_testing
