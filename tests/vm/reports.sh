# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# What a guest's kernel has to report of itself: for the tests to source.

# The kinds of report, in words that fit after "no report of"
report_kinds()
{
	cat <<-EOF
	KASAN
	KCSAN
	lockdep
	PROVE_RCU
	sleep in atomic context
	hung tasks
	reference counts
	list corruption
	UBSAN
	bugs
	warnings
	EOF
}

# report_regex KIND: what finds it in the kernel's log (for grep -E), but KCSAN's
report_regex()
{
	case $1 in
	KASAN) echo 'KASAN: ' ;;
	lockdep)
		printf %s 'possible (circular|recursive|irq lock inversion)|-unsafe lock order' \
			'|inconsistent lock state|Invalid wait context|bad unlock balance' \
			'|lock freed!|locks? held|turning off the locking|lockdep is turned off'
		;;
	PROVE_RCU) echo 'suspicious RCU usage' ;;
	'sleep in atomic context')
		echo 'sleeping function called from invalid context|scheduling while atomic'
		;;
	'hung tasks') echo 'INFO: task .* blocked' ;;
	'reference counts') echo 'refcount_t: ' ;;
	'list corruption') echo 'list_(add|del)[a-z_.]* corruption' ;;
	UBSAN) echo 'UBSAN: ' ;;
	bugs) echo 'BUG: ([^K]|K[^C])|kernel BUG at|Oops' ;;
	warnings) echo 'WARNING: |Call Trace' ;;
	esac
}

# kernel_reports KIND: what the log on stdin has of it, each with what follows
kernel_reports()
{
	if [ "$1" = KCSAN ]; then
		race_reports
	else
		grep -A 40 -E "$(report_regex "$1")"
	fi
}

# race_reports: the reports of KCSAN in the log on stdin in which the driver has
# made one of the accesses itself, or by what it has called. The rest of the kernel
# has data races of its own, some of them further down the driver's calls. A task
# is not in a race with itself: it has lost its CPU while it was being watched at
# current->flags, say by memalloc_noio_save() or blk_plug_invalidate_ts(), and they
# are looked at as it goes, and PF_BLOCK_TS is taken away as it comes again. Nor is it
# one with who looks at one of the other flags: the tick whether it is a worker of a queue
# (kthread_data()), the scheduler whether it may be moved (kthread_is_per_cpu()), RCU
# whether it is idle (rcu_core()).
race_reports()
{
	awk 'function report() { if (ours && !itself) { printf "%s", text; any = 1 }
				 text = first = ""; ours = itself = unknown = inside = frames = 0 }
	     function lost_ts(from, to) {
		return substr("014589cd", index("2367abef", substr(from, 1, 1)), 1) substr(from, 2) == to }
	     /BUG: KCSAN: / { report(); inside = 1; ours = /\[evs\]/ }
	     /BUG: KCSAN: .* (kthread_data|kthread_is_per_cpu|rcu_core)( |$)/ { itself = 1 }
	     !inside { next }
	     /==========$/ { report(); next }
	     { text = text $0 "\n" }
	     / by (task|interrupt) / { frames = 0 }
	     match($0, / by task [0-9]+ /) { who = substr($0, RSTART, RLENGTH)
					    itself = itself || who == first; first = who }
	     /race at unknown origin, .* of 4 bytes by task / { unknown = 1 }
	     unknown && /value changed: 0x[2367abef]/ {
		itself = lost_ts(substr($(NF - 2), 3), substr($NF, 3)) }
	     /\+0x[0-9a-f]+\/0x[0-9a-f]+/ && ++frames <= 2 && /\[evs\]$/ { ours = 1 }
	     END { report(); exit !any }'
}

# without_pages_of_others: the log on stdin, less the reports of pages that others than
# the driver did not get, and do without. One for the table of a cluster of swap: the
# kernel swaps to a cluster that has one (swap_cluster_populate() in mm/swapfile.c, which
# asks with these flags, while there is no memory but what swapping is to bring). One
# for a request of the disk of User-Mode Linux: it is tried again (ubd_queue_rq()).
without_pages_of_others()
{
	awk 'function report() { if (!swap && text !~ / ubd_/) printf "%s", text
				 text = ""; left = swap = 0 }
	     /page allocation failure: / { report(); left = 100
		swap = /GFP_KERNEL\|__GFP_HIGH\|.*__GFP_NOMEMALLOC/ }
	     /Mem-Info:|BUG|WARNING|Oops|blocked for more/ { report() }
	     left { text = text $0 "\n"; if (!--left) report(); next }
	     { print }
	     END { report() }'
}

# leak_reports: the objects in a list of kmemleak on stdin that the driver has
# made, by their backtraces; who was running then says nothing
leak_reports()
{
	awk 'function object() { if (ours) printf "%s", text; text = ""; ours = 0 }
	     /^unreferenced object/ { object() }
	     { text = text $0 "\n" }
	     /^ +[a-z_].*\+0x.* \[evs\]$/ { ours = 1 }
	     END { object() }'
}

# leaks: what the driver has leaked up to now. An object is reported some seconds
# after it was made, and when scan after scan has found it unchanged.
leaks()
{
	sleep 6
	for _ in 1 2 3; do
		echo scan >/sys/kernel/debug/kmemleak || return 1
	done
	leak_reports </sys/kernel/debug/kmemleak
}
