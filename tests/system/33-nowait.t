#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# I/O whose submitter does not wait for the device (RWF_NOWAIT, and all of io_uring): over
# a device all of whose requests are in use, and that answers none of them until it is told
# to. What waits there all the same would wait for ever.
. "$(dirname "$0")/tap.sh"

here=$(dirname "$0")
at_exit losetup -D
at_exit detach_all
must evs-setup list # The key type comes with the module
new_null evs_t0 16
must dmsetup create evs-gate --table "0 $(blockdev --getsz /dev/evs_t0) linear /dev/evs_t0 0"
must dmsetup mknodes evs-gate
at_exit dmsetup remove --retry evs-gate
loop=$(losetup --find --show --direct-io=on /dev/mapper/evs-gate)
must test -b "$loop"
at_exit losetup -d "$loop"
# lockdep takes the locks of two devices for one here: with the disk's requests on top,
# a change of the scheduler or of nr_requests of the one below is a circle to it.
queue=/sys/block/${loop#/dev/}/queue
requests=4
must eval "echo none >$queue/scheduler"
must eval "echo $requests >$queue/nr_requests"
must eval "echo 4 >$queue/max_sectors_kb"

close_gate()
{
	must dmsetup suspend --noflush --nolockfs evs-gate
}

open_gate()
{
	must dmsetup resume evs-gate
}

# in_flight NODE: requests of it
in_flight()
{
	awk '{ print $1 + $2 }' "/sys/block/${1#/dev/}/inflight"
}

# in_flight_is NODE COUNT
in_flight_is()
{
	[ "$(in_flight "$1")" -eq "$2" ]
}

# try LENGTH OPERATION...: what comes of them, in the second MiB of the disk. Whoever waits
# for the device cannot be killed: it is let go.
try()
{
	local pid

	"$here/faulty.py" try "$evs" 1048576 "$@" &
	pid=$!
	wait_for ended $pid || open_gate
	wait $pid
}

# fill: have all requests of the loop device in use
fill()
{
	local i

	readers=()
	for ((i = 0; i < requests; i++)); do
		dd if="$loop" of=/dev/null bs=4k count=1 skip=$i iflag=direct status=none &
		readers+=($!)
	done
	must wait_for in_flight_is "$loop" $requests
}

evs=$(raw_attach "$loop" 4096)
must test -b "$evs"
start_monitor "$tmp/events"
is "$(try 4096 nowait-write nowait-read)" "ok ok" "a device that has room"
close_gate
at_exit dmsetup resume evs-gate
fill
is "$(try 4096 nowait-read nowait-write)" "EAGAIN EAGAIN" "none: read and write are told so"
is "$(in_flight "$evs")" 0 "none is left behind"

# Too large for one request of the device below: its submitter does not wait for the first
"$here/faulty.py" try "$evs" 1048576 65536 nowait-read >"$tmp/large" &
large=$!
must wait_for in_flight_is "$evs" 1
stack=$(cat "/proc/$large/stack" 2>/dev/null)
if [ -n "$stack" ]; then
	unlike "$stack" 'blk_mq_get_tag' "one that is split below: its submitter does not wait for requests"
else
	skip "one that is split below" "this kernel shows no stacks"
fi
open_gate
wait "${readers[@]}"
wait $large
is "$(<"$tmp/large")" ok "the gate is open: all is read"
is "$(try 4096 nowait-read nowait-write)" "ok ok" "there is room again"

# A scheduler has taken the request: that the device has no room then is for it to wait for
scheduler=/sys/block/${evs#/dev/}/queue/scheduler
if grep -q mq-deadline "$scheduler"; then
	must eval "echo mq-deadline >$scheduler"
	close_gate
	fill
	"$here/faulty.py" try "$evs" 1048576 4096 nowait-read >"$tmp/scheduled" &
	scheduled=$!
	ok "a scheduler: what it has taken waits for room" wait_for in_flight_is "$evs" 1
	open_gate
	wait "${readers[@]}" $scheduled
	is "$(<"$tmp/scheduled")" ok "and is read"
else
	skip "a scheduler" "this kernel has none"
fi
is "$(dmesg | grep -c 'nonblocking retry')" 0 "no line in the log"
must evs-setup detach "$evs"
ok "the monitor has seen the detach" saw "$tmp/events" detached command
unlike "$(<"$tmp/events")" ' io-error ' "and no I/O error before"

# A device that cannot say whether it would wait, as most of device-mapper
if dmsetup create evs-delay --table "0 $(blockdev --getsz /dev/evs_t0) delay /dev/mapper/evs-gate 0 0" 2>"$tmp/why"; then
	at_exit dmsetup remove --retry evs-delay
	must dmsetup mknodes evs-delay
	evs=$(raw_attach /dev/mapper/evs-delay 4096)
	is "$(try 4096 nowait-read nowait-write read)" "ENOTSUP ENOTSUP ok" \
		"a device that has no such thing: neither has the disk"
	must evs-setup detach "$evs"
	must dmsetup remove --retry evs-delay
else
	skip "a device that has no such thing" "$(<"$tmp/why")"
fi

done_testing
