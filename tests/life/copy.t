#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Snapshots, disks and images on a file system that cannot clone files: by a copy. A disk
# that is copied is detached, and held for all of that time.
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
	refused 2 "take --copy" "$disk: not without --copy" evs-setup snapshot create "p/$disk@s"
	ok "$disk: a copy" timeout 60 evs-setup snapshot create --copy "p/$disk@s"
	ok "$disk: byte for byte" cmp "$(raw "p/$disk")" "$(raw "p/$disk@s")"
	ok "$disk: its holes stay holes" \
		test "$(du -k "$(raw "p/$disk@s")" | cut -f1)" -lt 28672
	must evs-setup attach "p/$disk"
	refused 5 "--copy needs a detached disk" "$disk: not of an attached disk" \
		evs-setup snapshot create --copy "p/$disk@t"
	must evs-setup detach "p/$disk"
	is "$(content "p/$disk")" "$sum" "$disk: the disk is as it was"

	before=$(everything p)
	refused 2 "take --copy" "$disk: nor a disk from it" \
		evs-setup create --from-snapshot "p/$disk@s" "p/c$disk"
	is "$(everything p)" "$before" "$disk: nothing is left of that"
	ok "$disk: by a copy, larger" timeout 60 evs-setup create --copy \
		--from-snapshot "p/$disk@s" --size 48M "p/c$disk"
	is "$(content "p/c$disk")" "$sum" "$disk: it has the data"
	is "$(object "p/c$disk" size)" $((48 << 20)) "$disk: and its size"
	ok "$disk: it has a UUID of its own" \
		test "$(object "p/c$disk" uuid)" != "$(object "p/$disk" uuid)"
	ok "$disk: holes stay holes" \
		test "$(du -k "$(raw "p/c$disk")" | cut -f1)" -lt 28672
	must evs-setup attach "p/$disk"
	refused 5 "is attached" "$disk: no image of an attached disk" \
		evs-setup image create --copy --from "p/$disk" "p/image:$disk"
	must evs-setup detach "p/$disk"
	ok "$disk: an image of the disk" timeout 60 evs-setup image create --copy \
		--from "p/$disk" "p/image:$disk"
	ok "$disk: a disk from that" timeout 60 evs-setup create --copy \
		--from-image "p/image:$disk" "p/i$disk"
	is "$(content "p/i$disk")" "$sum" "$disk: it has the data as well"
	is "$(evs-setup list --verify --json p | jq -r '.objects[].state' | sort -u)" ok \
		"$disk: all are whole"
done
refused 1 "are for a disk from a snapshot or an image" "a blank disk is no copy" \
	evs-setup create --copy --plain --size 4M p/no
done_testing
