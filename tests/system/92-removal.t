#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
#
# The device below a disk goes without asking, or becomes too small.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
at_exit detach_all
at_exit umount "$mnt"
must evs-setup list
start_monitor "$tmp/events"

# removed NAME CAUSE COMMAND...: a disk "data" that is open and has I/O loses the
# device below by the command; it is detached in the end
removed()
{
	local name=$1 cause=$2 key load

	shift 2
	: >"$tmp/events"
	key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
	must dd if=/dev/zero of="$evs" bs=64k count=16 oflag=direct status=none
	exec 5<>"$evs"
	(while dd if="$evs" of=/dev/null bs=64k iflag=direct status=none; do :; done) 2>/dev/null &
	load=$!
	must dd bs=4k count=16 if=/dev/zero status=none >&5 # the page cache has it
	ok "$name: it goes" timeout 60 "$@"
	ok "$name: the disk is removed" wait_for in_state "$evs" removed
	ok "$name: its key is gone" wait_for key_gone "$key"
	ok "$name: the monitor has seen it" saw "$tmp/events" removed "$cause" "state=removed .*name=data$" ||
		diag "$(cat "$tmp/events")"
	is "$(grep -c ' removed ' "$tmp/events")" 1 "$name: once"
	is "$(ls "/sys/block/${evs#/dev/}/slaves")" "" "$name: no link to the device is left"
	ok "$name: who reads gets an error" wait_for ended $load
	kill $load 2>/dev/null
	nok "$name: what was not written is lost" sync_open
	refused 1 'No such device' "$name: it cannot be opened" dd if="$evs" of=/dev/null count=1
	refused 4 'gone.*detach' "$name: suspend" evs-setup suspend data
	refused 4 'gone.*detach' "$name: resume" evs-setup resume data
	refused 4 'gone.*detach' "$name: revoke" evs-setup revoke data
	refused 4 'gone.*detach' "$name: resize" evs-setup resize data
	is "$(evs-setup status --json data | jq -r '.disks[0] | .state, ."key-serial"' | xargs)" \
		"removed null" "$name: status knows it"
	evs-setup detach data 2>"$tmp/left"
	is $? 0 "$name: it can be detached although it is open"
	like "$(<"$tmp/left")" "left behind.*$evs is open in process $$" "$name: who has it open is told"
	ok "$name: the monitor has seen that" saw "$tmp/events" detached '(command|force)' 'name=data$'
	exec 5>&-
	ok "$name: closed, nothing is left of it" wait_for no_disk
}

sync_open()
{
	dd bs=4k count=1 if=/dev/zero conv=fsync status=none >&5
}

# A disk in memory, removed through configfs
new_null evs_t0 32
evs=$(raw_attach /dev/evs_t0 4096 --name data)
power_off()
{
	echo 0 >/sys/kernel/config/nullb/evs_t0/power
}
export -f power_off
removed "null_blk" backing-gone bash -c power_off
echo 1 >/sys/kernel/config/nullb/evs_t0/power
must wait_for test -b /dev/evs_t0
evs=$(raw_attach /dev/evs_t0 4096 --name data)
ok "null_blk: come back, it can be attached" test -b "$evs"

# While nobody has it open, and no I/O fails: only the device below can tell
key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
is "$(evs-setup list --json | jq '.disks[0].openers')" 0 "idle: nobody has the disk open"
: >"$tmp/events"
ok "idle: the device below goes" timeout 60 bash -c power_off
ok "idle: the disk is removed" wait_for in_state "$evs" removed
ok "idle: its key is gone" wait_for key_gone "$key"
ok "idle: the monitor has seen it" saw "$tmp/events" removed backing-gone 'errors=0 .*name=data$' ||
	diag "$(cat "$tmp/events")"
ok "idle: it can be detached" evs-setup detach data
ok "idle: nothing is left of it" wait_for no_disk
echo 1 >/sys/kernel/config/nullb/evs_t0/power
must wait_for test -b /dev/evs_t0
evs=$(raw_attach /dev/evs_t0 4096 --name data)

# While it is suspended
must evs-setup suspend data
dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$tmp/err" &
reader=$!
must wait_for held $reader
ok "suspended: the device below goes" timeout 60 bash -c power_off
ok "suspended: the disk is removed" wait_for in_state "$evs" removed
ok "suspended: what waits ends" wait_for ended $reader ||
	must evs-setup detach --force data
wait $reader
is $? 1 "suspended: with an error"
ok "suspended: it can be detached" evs-setup detach data
ok "suspended: nothing is left of it" wait_for no_disk

# While writes are in flight in a device that answers late
new_null evs_t1 32 irqmode=2 completion_nsec=20000000
evs=$(raw_attach /dev/evs_t1 4096 --name data)
for ((i = 0; i < 8; i++)); do
	(while dd if=/dev/zero of="$evs" bs=64k count=8 seek=$((i * 8)) oflag=direct status=none; do :; done) \
		2>/dev/null &
	pids[i]=$!
done
sleep 0.2 # Any moment will do
ok "writers: the device below goes" timeout 60 bash -c 'echo 0 >/sys/kernel/config/nullb/evs_t1/power'
ok "writers: the disk is removed" wait_for in_state "$evs" removed
ok "writers: they end" wait_for ended "${pids[@]}"
wait "${pids[@]}"
ok "writers: it can be detached" evs-setup detach data
ok "writers: nothing is left of it" wait_for no_disk

# While a file system is on it that is written to
new_null evs_t2 64
evs=$(raw_attach /dev/evs_t2 4096 --name data)
must mkfs.ext4 -q "$evs"
must mount "$evs" "$mnt"
(while dd if=/dev/zero of="$mnt/load" bs=64k count=64 conv=fsync; do :; done) >/dev/null 2>&1 &
load=$!
must wait_for test -s "$mnt/load"
echo "evs-test: mounted" >/dev/kmsg
ok "mounted: the device below goes" timeout 60 bash -c 'echo 0 >/sys/kernel/config/nullb/evs_t2/power'
ok "mounted: the disk is removed" wait_for in_state "$evs" removed
ok "mounted: who writes gets an error" wait_for ended $load
# By the disk, not only by errors of its I/O
shut_down()
{
	dmesg | sed -n '/evs-test: mounted/,$p' | grep -q "EXT4-fs (${evs#/dev/}): shut down requested"
}
ok "mounted: the file system is told to shut down" wait_for shut_down
refused 1 'Input/output error' "mounted: nothing can be read from it" dd if="$mnt/load" of=/dev/null
ok "mounted: it can be detached" evs-setup detach data
ok "mounted: it can be unmounted" timeout 60 umount "$mnt"
ok "mounted: then nothing is left of it" wait_for no_disk

# A file that is cut below its loop device. What is left of it serves a new disk.
file=$(new_file cut.img 32M)
loop=$(new_loop "$file")
at_exit losetup -d "$loop"
evs=$(raw_attach "$loop" 4096 --name data)
cut_file()
{
	truncate -s 16M "$1" && losetup -c "$2"
	# A loop device does not tell; the next I/O behind its new end shows it
	dd if="$3" of=/dev/null bs=64k skip=300 count=1 iflag=direct 2>/dev/null
	return 0
}
export -f cut_file
# shellcheck disable=SC2016
removed "loop" backing-shrunk bash -c 'cut_file "$@"' cut "$file" "$loop" "$evs"
evs=$(raw_attach "$loop" 4096 --name data)
is "$(blockdev --getsize64 "$evs")" $((16 << 20)) "loop: attached anew, the disk is smaller"
must evs-setup detach data

# A file that is cut, but behind the end of the disk
truncate -s 32M "$file"
must losetup -c "$loop"
evs=$(raw_attach "$loop" 4096 --name data --size 8M)
must truncate -s 16M "$file"
must losetup -c "$loop"
ok "a device that is still large enough does not matter" \
	dd if="$evs" of=/dev/null bs=1M iflag=direct
is "$(disk_state data)" live "the disk is live"
must evs-setup detach data

# A file that is cut, and nobody tells its loop device. Only the file knows its
# size: to the driver a read that fails there is like any other.
truncate -s 32M "$file"
must losetup -c "$loop"
evs=$(raw_attach "$loop" 4096 --name data)
key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
must dd if=/dev/urandom of="$evs" bs=1M oflag=direct count=32
# read_at MEGABYTE: a block from there
read_at()
{
	dd if="$evs" bs=64k count=1 skip=$(($1 * 16)) iflag=direct status=none
}
: >"$tmp/events"
must truncate -s 16M "$file"
ok "untold: what is left of the file can be read" read_at 15
refused 1 'Input/output error' "untold: what was cut off cannot" read_at 20
ok "untold: the monitor has seen that" saw "$tmp/events" io-error read 'state=live .*name=data$'
is "$(disk_state data)" live "untold: the disk is live"
head -c 64k /dev/urandom >"$tmp/data"
ok "untold: a write there makes the file longer" \
	dd if="$tmp/data" of="$evs" bs=64k seek=$((20 * 16)) oflag=direct conv=notrunc
is "$(stat -c %s "$file")" $(((20 << 20) + (64 << 10))) "untold: up to its end"
is "$(read_at 20 | md5sum)" "$(md5sum <"$tmp/data")" "untold: and can be read"
nok "untold: its key is there" key_gone "$key"
must losetup -c "$loop"
refused 1 'Input/output error' "told: what was cut off cannot be read" read_at 24
ok "told: the disk is removed" wait_for in_state "$evs" removed
ok "told: its key is gone" wait_for key_gone "$key"
ok "told: the monitor has seen it" saw "$tmp/events" removed backing-shrunk 'name=data$'
must evs-setup detach data

# A SCSI disk that is pulled
if new_scsi dev_size_mb=32; then
	evs=$(raw_attach "/dev/$sd" 4096 --name data)
	pull()
	{
		echo 1 >"/sys/block/$1/device/delete"
	}
	export -f pull
	# shellcheck disable=SC2016
	removed "scsi_debug" backing-gone bash -c 'pull "$0"' "$sd"
else
	skip "scsi_debug" "this guest's kernel has no scsi_debug"
fi

unlike "$(kernel_complaints 'blocked for more')" . "the kernel did not complain"
done_testing
