#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Also under KCSAN.
# The kernel has reported nothing in all the tests before this one, and would have.
. "$(dirname "$0")/tap.sh"

# samples KIND: lines that kernels have written, each of which has to be found
samples()
{
	case $1 in
	KASAN) echo 'BUG: KASAN: slab-use-after-free in evs_io_wipe+0x51/0x90 [evs]' ;;
	KCSAN)
		echo 'BUG: KCSAN: data-race in evs_a [evs] / evs_b [evs]'
		echo 'BUG: KCSAN: data-race in __mod_timer / evs_b [evs]'
		echo 'BUG: KCSAN: data-race in evs_a [evs]'
		echo 'BUG: KCSAN: assert: race in evs_a [evs] / run_timer_softirq'
		;;
	lockdep)
		cat <<-EOF
		WARNING: possible circular locking dependency detected
		WARNING: possible recursive locking detected
		WARNING: possible irq lock inversion dependency detected
		WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected
		WARNING: inconsistent lock state
		[ BUG: Invalid wait context ]
		WARNING: bad unlock balance detected!
		WARNING: held lock freed!
		WARNING: evs-setup/12 still has locks held!
		WARNING: lock held when returning to user space!
		turning off the locking correctness validator.
		INFO: lockdep is turned off.
		EOF
		;;
	PROVE_RCU) echo 'WARNING: suspicious RCU usage' ;;
	'sleep in atomic context')
		echo 'BUG: sleeping function called from invalid context at mm/slab.h:321'
		echo 'BUG: scheduling while atomic: evs-setup/12/0x00000002'
		;;
	'hung tasks')
		echo 'INFO: task dd:123 blocked for more than 30 seconds.'
		echo 'INFO: task dd:123 blocked in I/O wait for more than 30 seconds.'
		echo 'INFO: task dd:123 is blocked on a mutex likely owned by task dd:124.'
		;;
	'reference counts') echo 'refcount_t: underflow; use-after-free.' ;;
	'list corruption')
		echo 'list_add corruption. next->prev should be prev (0061a2), but was 0061a8.'
		echo 'list_del corruption, 0061a2->next is LIST_POISON1 (dead0100)'
		;;
	UBSAN) echo 'UBSAN: array-index-out-of-bounds in kernel/crypt.c:99:9' ;;
	bugs)
		echo 'BUG: unable to handle page fault for address: ffffffffdeadbeef'
		echo 'kernel BUG at kernel/io.c:99!'
		echo 'Oops: general protection fault, 0000 [#1] SMP'
		;;
	warnings)
		echo 'WARNING: kernel/io.c:99 at evs_queue_rq+0x1/0x2 [evs], CPU#0: dd/12'
		echo 'Call Trace:'
		;;
	esac
}

# What the log of a good run has, and is not to be found
good_log()
{
	cat <<-EOF
	Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
	rcu: RCU lockdep checking is enabled.
	KernelAddressSanitizer initialized (generic)
	kmemleak: Kernel memory leak detector initialized (mem pool available: 15813)
	evs: loading out-of-tree module taints kernel.
	BUG: KCSAN: data-race in tick_nohz_next_event / tick_nohz_stop_tick
	evs: evs0: "data" has lost its key: key-revoked
	EOF
}

# a_leak WHERE: what kmemleak says of an object that was made there
a_leak()
{
	cat <<-EOF
	unreferenced object 0x61a2b3c0 (size 192):
	  comm "evs-setup", pid 12, jiffies 4294937296
	  hex dump (first 4 bytes):
	    65 76 73 00                                      evs.
	  backtrace (crc 4ba1e2f0):
	    kmalloc_noprof+0x1/0x2
	    $1
	    genl_rcv_msg+0x1/0x2
	EOF
}

# a_race CALLER [WHO]: what KCSAN says of a race whose first access was made by a function
# of the kernel, called by another one, which was called there; WHO has made the second
a_race()
{
	cat <<-EOF
	BUG: KCSAN: data-race in blk_a / blk_b

	write to 0xffff888003a1b2c8 of 8 bytes by task 12 on cpu 1:
	 blk_a+0x51/0x90
	 $1
	 evs_disk_attach+0x51/0x90 [evs]
	 genl_rcv_msg+0x1/0x2

	read to 0xffff888003a1b2c8 of 8 bytes by ${2-interrupt} on cpu 0:
	 blk_b+0x51/0x90
	 blk_c+0x1/0x2

	value changed: 0x0000000000000000 -> 0x0000000000000001

	Reported by Kernel Concurrency Sanitizer on:
	CPU: 0 UID: 0 PID: 12 Comm: kworker/0:1 Tainted: G           O        7.3.0-evs
	Workqueue: evs0 evs_submit_work [evs]
	EOF
}

# a_change TO: what KCSAN says of a word that the driver has read, and that nobody
# whom it knows has changed
a_change()
{
	cat <<-EOF
	BUG: KCSAN: data-race in evs_submit_bio+0x51/0x90 [evs]

	race at unknown origin, with read to 0xff11000005449a6c of 4 bytes by task 12 on cpu 0:
	 evs_submit_bio+0x51/0x90 [evs]

	value changed: 0x20440140 -> $1
	EOF
}

# no_page FLAGS: what the kernel says if it gets no page; the memory is not always told
no_page()
{
	cat <<-EOF
	[    9.120000] kswapd0: page allocation failure: order:0, mode:0xc0ce0($1), nodemask=(null)
	[    9.120000] CPU: 1 UID: 0 PID: 34 Comm: kswapd0 Tainted: G           O        7.3.0-evs
	[    9.120000] Call Trace:
	[    9.120000]  [<60187611>] ? warn_alloc+0x131/0x150
	EOF
}

finds_samples()
{
	local line

	while read -r line; do
		kernel_reports "$1" <<<"$line" || return 1
	done <<<"$(samples "$1")"
	! good_log | kernel_reports "$1"
}

# option CONFIG: has this kernel been built with it?
option()
{
	zgrep -qx "CONFIG_$1=y" /proc/config.gz
}

log=$(dmesg)
like "$log" '^.*Linux version ' "the kernel's log is whole"
while read -r kind; do
	ok "what finds $kind would find it" finds_samples "$kind"
	is "$(kernel_reports "$kind" <<<"$log")" "" "no report of $kind"
done <<<"$(report_kinds)"

# Whatever else is in the log before, between and after
line='=================================================================='
ours=$(a_race "evs_queue_rq+0x51/0x90 [evs]")
others=$(a_race "blk_mq_submit_bio+0x51/0x90")
itself=$(a_race "evs_queue_rq+0x51/0x90 [evs]" "task 12")
is "$(printf '%s\n' "$line" "$others" "$line" "evs_queue_rq+0x1/0x2 [evs]" "$line" "$ours" "$line" \
	"$line" "$itself" "$line" "$line" "$others" "$line" | kernel_reports KCSAN)" "$ours" \
	"of data races, those of the driver are found"
is "$(for reader in kthread_data kthread_is_per_cpu rcu_core; do
	a_race "evs_queue_rq+0x51/0x90 [evs]" | sed s/blk_b/$reader/
	echo "$line"
done | kernel_reports KCSAN)" "" "that the kernel looks at the flags of a task is none"
ours=$(a_race "evs_queue_rq+0x51/0x90 [evs]" "task 13")
is "$(kernel_reports KCSAN <<<"$ours")" "$ours" "also between two tasks"
ours=$(a_change 0x00440141)
is "$(printf '%s\n' "$(a_change 0x00440140)" "$ours" | kernel_reports KCSAN)" "$ours" \
	"also with one that is not known, but not with who schedules tasks"

# What is left of a log in which the kernel has not got some page
told='Mem-Info:
no page here: evs0: attached'
swap='GFP_KERNEL|__GFP_HIGH|__GFP_COMP|__GFP_NOMEMALLOC'
is "$(printf '%s\n' "$(no_page "$swap")" "$told" | without_pages_of_others)" "$told" \
	"a swap that has no table for a cluster is no complaint"
is "$({ no_page GFP_ATOMIC | sed s/warn_alloc/ubd_queue_rq/; echo "$told"; } |
	without_pages_of_others)" "$told" "nor is the disk of User-Mode Linux without memory"
ours=$(no_page 'GFP_NOIO|__GFP_HIGH|__GFP_COMP')
is "$(printf '%s\n' "$(no_page "$swap")" "$ours" "$told" | without_pages_of_others)" \
	"$(printf '%s\n' "$ours" "$told")" "all else without memory is, also right after it"

# ---- what only the debug guests have: it is there, and still at work ----

lockdep_works()
{
	grep -qE '^ *debug_locks: +1$' /proc/lockdep_stats
}

hung_tasks_noticed()
{
	local seconds

	seconds=$(</proc/sys/kernel/hung_task_timeout_secs)
	[ "$seconds" -gt 0 ] && [ "$seconds" -le 60 ]
}

ours=$(a_leak "evs_disk_attach+0x51/0x90 [evs]")
others=$(a_leak "request_key_tag+0x51/0x90")
is "$(printf '%s\n' "$others" "$ours" "$others" | leak_reports)" "$ours" \
	"of leaks, those of the driver are found"

case $EVS_VM in
uml-debug)
	options="PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_LIST DEBUG_SG UBSAN"
	like "$log" 'KernelAddressSanitizer initialized' "KASAN is on"
	ok "allocations can be made to fail" test -d /sys/kernel/debug/failslab
	is "$(leaks 2>&1)" "" "no report of kmemleak"
	;;
x86-debug)
	options="PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_LIST DEBUG_SG KCSAN_STRICT"
	like "$log" 'kcsan: enabled' "KCSAN is on"
	like "$(</sys/kernel/debug/kcsan)" '^enabled: 1$' "and has not been turned off"
	;;
*)
	options=
	for name in lockdep KASAN KCSAN PROVE_RCU DEBUG_ATOMIC_SLEEP kmemleak; do
		skip "$name is on" "not built into this guest's kernel"
	done
	;;
esac
if [ -n "$options" ]; then
	ok "lockdep has not been turned off" lockdep_works
	for name in $options; do
		ok "$name is on" option "$name"
	done
	ok "hung tasks are noticed" hung_tasks_noticed
fi

# Last, as it stays in the log
echo "BUG: made up by a test" >/dev/kmsg
like "$(dmesg | kernel_reports bugs)" "BUG: made up by a test" "a report in the log is found"
done_testing
