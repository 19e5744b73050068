#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KCSAN.
# CPUs that go and come again under load, where the guest can. EVS_LONG makes it
# longer.
. "$(dirname "$0")/tap.sh"

online=/sys/devices/system/cpu/cpu1/online
if [ ! -w $online ]; then
	skip "CPUs that go" "this guest's kernel cannot do without a CPU"
	done_testing
fi

# turn 0|1: turn the CPU off or on
turn()
{
	echo "$1" >$online && [ "$(<$online)" = "$1" ]
}

# turns TIMES: off and on again
turns()
{
	local i

	for ((i = 0; i < $1; i++)); do
		turn 0 || return 1
		sleep 0.2
		turn 1 || return 1
		sleep 0.2
	done
}

at_exit detach_all
at_exit turn 1
must evs-setup list
# Completes in an interrupt, on the CPU that asked or another one
new_null evs_t0 8 irqmode=2 completion_nsec=100000
evs=$(raw_attach /dev/evs_t0 4096)

# verify BLOCK-SIZE: write all of the disk and read it back
verify()
{
	timeout 300 fio --name=v --filename="$evs" --direct=1 --ioengine=libaio --iodepth=8 \
		--rw=randwrite --bs="$1" --size=4M --verify=crc32c --verify_fatal=1
}

(until [ -e "$tmp/stop" ]; do
	verify 64k && verify 4k || exit 1
done) >"$tmp/fio" 2>&1 &
load=$!
at_exit touch "$tmp/stop"

times=$((10 * ${EVS_LONG-1}))
ok "a CPU goes and comes $times times under load" turns "$times"
ok "it goes" turn 0
touch "$tmp/stop"
wait $load
is $? 0 "all that was written was read back" || diag "$(tail -n 20 "$tmp/fio")"
ok "the disk works without it" verify 16k

ok "the disk can be detached without it" evs-setup detach "$evs"
ok "and the module unloaded" modprobe -r evs
must modprobe evs
evs=$(raw_attach /dev/evs_t0 4096)
ok "it comes again" turn 1
ok "the disk works then" verify 64k

# ---- bounce pages that a CPU that has gone had in store ----

# traced: what was freed and left by each trim
traced()
{
	sed -n 's/.* evs_pool_trim: //p' $tracing/trace
}

# trimmed WHAT: wait for it; there is a trim each 20 s, on a guest that is not slow
trimmed()
{
	wait_for grep -qE " evs_pool_trim: .*$1" $tracing/trace ||
		wait_for grep -qE " evs_pool_trim: .*$1" $tracing/trace
}

tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs tracefs $tracing 2>/dev/null
if [ -d $tracing/events ]; then
	trim=$tracing/events/evs/evs_pool_trim
	: >$tracing/trace
	echo 1 >$trim/enable
	must taskset -c 1 fio --name=w --filename="$evs" --direct=1 --ioengine=psync --rw=write \
		--bs=64k --size=1M
	# One trim frees what nobody has needed since the one before
	ok "a CPU has pages in store" trimmed 'left=[1-9]'
	ok "it goes with them" turn 0
	ok "idle, they are given back" trimmed 'left=0$'
	echo 0 >$trim/enable
	left=$(traced | sed -n 's/.*left=//p' | sed '$d' | tail -n 1)
	is "$(traced | tail -n 1)" "freed=$left left=0" "all of them"
	diag "$(traced | paste -s -d ,)"
	ok "it is back" turn 1
else
	skip "bounce pages" "this guest's kernel has no tracing"
fi
must evs-setup detach "$evs"
must keyctl clear @s
ok "nothing is left behind" no_leftovers
while read -r kind; do
	is "$(dmesg | kernel_reports "$kind")" "" "no report of $kind"
done <<<"$(report_kinds)"
done_testing
