#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Allocations of memory that fail: each that an operation makes, in turn, then any
# in the way of a request. EVS_LONG=3 does not leave out any of attach. For a guest
# of its own, whose kernel injects faults: what it says of them stays in its log.
. "$(dirname "$0")/tap.sh"

debug=/sys/kernel/debug
if [ ! -d $debug/failslab ] || [ ! -d $debug/fail_page_alloc ]; then
	skip "allocations that fail" "not built into this guest's kernel"
	done_testing
fi

# faults PERCENT [START END]: let allocations fail, of those with a caller between
# START and END. "0" leaves it to those who ask for it in their /proc/PID/fail-nth
faults()
{
	local dir

	for dir in $debug/fail_page_alloc $debug/failslab; do
		echo 0 >$dir/probability # Nothing here is to fail
		echo N >$dir/ignore-gfp-wait
		echo 0 >$dir/verbose
		echo 1000000 >$dir/times
		echo 32 >$dir/stacktrace-depth
		echo "${2-0}" >$dir/require-start
		echo "${3-0xffffffffffffffff}" >$dir/require-end
	done
	echo N >$debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >$debug/fail_page_alloc/min-order
	for dir in $debug/fail_page_alloc $debug/failslab; do
		echo "$1" >$dir/probability
	done
}

# failed KIND: how many have
failed()
{
	echo $((1000000 - $(<$debug/"$1"/times)))
}

at_exit detach_all
at_exit faults 0
must evs-setup list
new_null evs_t0 16 irqmode=2 completion_nsec=300000
# Its own memory is not what is to fail
must dd if=/dev/zero of=/dev/evs_t0 bs=1M count=16 oflag=direct status=none

# ---- one at a time ----

# Not below a null_blk, whose own failures would count as well
must modprobe brd rd_nr=1 rd_size=16384
at_exit modprobe -r brd
must dd if=/dev/zero of=/dev/ram0 bs=1M count=16 oflag=direct status=none
alloc()
{
	timeout 900 "$(dirname "$0")/../../userspace/build/stress/alloc" /dev/ram0 "$@" >>"$tmp/said"
}

faults 0
step=$((3 / ${EVS_LONG-1}))
[ $step -gt 0 ] || step=1
first=$((RANDOM % step + 1))
ok "attach, each ${step}th from $first: no memory is an error, or does no harm" alloc $first $step attach
ok "all others: likewise" alloc 1 1 key detach detach-force detach-lazy revoke suspend resume \
	resize get dump open write read flush
diag "operation, allocations that failed, how often it got over it: $(<"$tmp/said")"
for op in key attach detach detach-force detach-lazy revoke suspend resume resize get dump open \
	write read; do
	like "$(<"$tmp/said")" "^$op [1-9][0-9]* [0-9]+$" "$op: some have failed"
done
ok "nothing is left behind" no_leftovers

# ---- any in the way of a request ----

text=$(</sys/module/evs/sections/.text)
end=$(awk '$4 == "[evs]" && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms | sort | tail -n 1)
must test -n "$end"
# Writes take a moment before they are copied, or nobody would see that a page has been
# given to another one meanwhile
must dmsetup create evs_slow \
	--table "0 $(blockdev --getsz /dev/evs_t0) delay /dev/evs_t0 0 0 /dev/evs_t0 0 3"
at_exit dmsetup remove --force evs_slow
must dmsetup mknodes evs_slow
evs=$(raw_attach /dev/mapper/evs_slow 4096)
must wait_for exclusive "$evs"
# More in flight than there are bounce pages in store
verify()
{
	local i

	for ((i = 0; i < ${EVS_LONG-1}; i++)); do
		timeout 600 fio --name=verify --filename="$evs" --direct=1 --ioengine=libaio \
			--iodepth=16 --rw=randwrite --bs="$1" --size=16M --verify=crc32c \
			--verify_fatal=1 --randseed=$RANDOM || return 1
	done
}
faults 20 "$text" "0x$end"
ok "fio verify, requests larger than the reserve" verify 1m
ok "fio verify, medium ones" verify 64k
ok "fio verify, small ones" verify 4k
ok "fsync" dd if=/dev/zero of="$evs" bs=64k count=32 conv=fsync status=none
ok "what was written is there" cmp -n $((32 << 16)) "$evs" /dev/zero
pages=$(failed fail_page_alloc)
objects=$(failed failslab)
faults 0
diag "$pages allocations of pages and $objects of objects have failed"
ok "bounce pages have failed" test "$pages" -gt 20
ok "no request is left" grep -qx '[[:space:]]*0[[:space:]]*0' "/sys/block/${evs#/dev/}/inflight"
ok "the disk works with memory" verify 128k
must evs-setup detach "$evs"
must dmsetup remove evs_slow
must keyctl clear @s
ok "nothing is left behind" no_leftovers
ok "the device below is free" exclusive /dev/evs_t0
is "$(leaks 2>&1)" "" "nothing has leaked"
done_testing
