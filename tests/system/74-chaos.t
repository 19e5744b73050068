#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Also under KCSAN.
# All that can be done to disks, at random and from several sides, under load.
# EVS_SEED starts the same dice, EVS_LONG makes it longer.
. "$(dirname "$0")/tap.sh"

seed=${EVS_SEED-$RANDOM}
steps=$((600 * ${EVS_LONG-1}))
[[ $EVS_VM == uml* ]] || steps=$((steps / 3)) # Emulated
mark="chaos $seed begins"
echo "$mark" >/dev/kmsg
diag "EVS_SEED=$seed"
at_exit detach_all
must evs-setup list
for i in 0 1 2; do
	new_null evs_t$i 4
done
ok "without all that, a disk can be attached" raw_attach /dev/evs_t0 4096
detach_all
# One that takes its time
new_null evs_t3 4 irqmode=2 completion_nsec=2000000

# Beside the load that checks what it reads, one that has much in flight
(until [ -e "$tmp/stop" ]; do
	fio --name=x --filename=/dev/evs0:/dev/evs1 --rw=randread --bs=64k --iodepth=16 --direct=1 \
		--ioengine=libaio --time_based --runtime=3 --size=1M --continue_on_error=all \
		--allow_file_create=0
	sleep 0.1
done) >/dev/null 2>&1 &
load=$!
at_exit touch "$tmp/stop"

# Unlike the number of steps, patience is not for ever
limit=$((600 * ${EVS_LONG-1}))
timeout -k 10 $limit "$(dirname "$0")/../../userspace/build/stress/chaos" "$seed" "$steps" \
	evs_t0 evs_t1 evs_t2 evs_t3 >"$tmp/said" 2>&1 &
chaos=$!
limit=$((SECONDS + limit + 60))
hangs()
{
	grep -qs ' hangs$' "$tmp/said" || [ $SECONDS -ge $limit ]
}
until ended $chaos 2>/dev/null || hangs; do
	sleep 0.1
done
touch "$tmp/stop"
# One that hangs detaches all disks by force, which may help. Where it does not, neither
# the program nor anybody else who touches a disk ends any more.
if ! wait_for ended $chaos; then
	ok "$steps steps: none hangs" false
	diag "$(<"$tmp/said")"
	tap_undo=()
	done_testing
fi
wait $chaos
is $? 0 "$steps steps: none fails that should not, what is read was written, nothing hangs"
wait $load
diag "$(paste -sd , "$tmp/said")"

# It was worth it
for step in attach detach-force suspend resume resume-kept resize power-off fill; do
	like "$(<"$tmp/said")" "^$step OK [1-9]" "$step: made"
done
like "$(<"$tmp/said")" "^reload 1 " "the module was loaded again"
is "$(awk '/^chaos/ && ($2 == 0 || $3 == 0)' "$tmp/said")" "" "each disk was read and written"

for i in 0 1 2 3; do
	echo 1 >/sys/kernel/config/nullb/evs_t$i/power 2>/dev/null
	must wait_for test -b /dev/evs_t$i
	ok "/dev/evs_t$i is free" wait_for exclusive /dev/evs_t$i
	evs=$(raw_attach /dev/evs_t$i 4096)
	ok "and can be attached" dd if="$evs" of=/dev/null bs=64k count=4 iflag=direct
	must evs-setup detach "$evs"
done
must keyctl clear @s
ok "nothing is left behind" no_leftovers
like "$(dmesg)" "$mark" "the kernel's log is whole"
while read -r kind; do
	is "$(dmesg | sed "1,/$mark/d" | kernel_reports "$kind")" "" "no report of $kind"
done <<<"$(report_kinds)"
if [ -e /sys/kernel/debug/kmemleak ]; then
	is "$(leaks 2>&1)" "" "nothing has leaked"
fi
ok "the module can be unloaded" modprobe -r evs
must modprobe evs
done_testing
