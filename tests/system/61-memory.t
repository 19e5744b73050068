#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What disks take of the machine's memory while they are idle, and that the bounce
# pages that writes have left behind go back to it.
. "$(dirname "$0")/tap.sh"

count=64
must evs-setup list
new_null evs_t0 64
at_exit detach_all

# available: what could be had without swapping, in KiB, caches apart
available()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
}

for ((i = 1; i <= count; i++)); do
	must addpart /dev/evs_t0 $i $((i * 256)) 256
	serial=$(head -c 64 /dev/urandom | keyctl padd evs "memory:$i" @s) || must false "key $i"
	printf '%s m%d /dev/evs_t0p%d\n' "$serial" $i $i
done >"$tmp/todo"
must wait_for test -b "/dev/evs_t0p$count"
before=$(available)
must xargs -P 2 -n 3 -a "$tmp/todo" sh -c \
	'evs-setup attach --raw --sector-size 4096 --key "$0" --name "$1" "$2"'
each=$(((before - $(available)) / count))
diag "an idle disk takes $each KiB"
ok "an idle disk takes 4 MiB at most" test $each -le 4096
ok "and something, so that this was measured" test $each -gt 0

# Bounce pages on all CPUs, more than the pools keep. What all the machine has
# available moves by as much as is in them, so the driver is asked.
evs=$(evs-setup list --json | jq -r '.disks[] | select(.name == "m1").device')
tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs tracefs $tracing 2>/dev/null
if [ -d $tracing/events ]; then
	trim=$tracing/events/evs/evs_pool_trim
	: >$tracing/trace
	echo 1 >$trim/enable
	must fio --name=w --filename="$evs" --ioengine=io_uring --direct=1 --rw=write \
		--bs=64k --size=128k --loops=200 --iodepth=16 --numjobs=4 --output-format=terse
	# They go within 40 s, on a guest that is not slow
	for ((i = 0; i < 6; i++)); do
		wait_for grep -q ' left=0$' $tracing/trace && break
	done
	echo 0 >$trim/enable
	ok "idle again, the bounce pages are back" grep -q ' left=0$' $tracing/trace
	diag "$(grep -o 'freed=.*' $tracing/trace | paste -s -d ,)"
	most=$(sed -n 's/.* left=//p' $tracing/trace | sort -n | tail -n 1)
	ok "they were kept for the next write" test "$most" -gt 0
	ok "1 MiB for each CPU at most" test "$most" -le $((256 * $(nproc --all)))
else
	skip "bounce pages" "this guest's kernel has no tracing"
fi

evs-setup list --json | jq -r '.disks[].name' >"$tmp/todo"
must xargs -P 2 -n 1 -a "$tmp/todo" evs-setup detach
ok "nothing is left behind" no_leftovers
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
