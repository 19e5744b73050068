#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rekey of a disk of a pool, killed before its calls to the kernel that change something:
# there is the old disk or the new one, its data is the same, and the next verb removes the
# rest. At some of the calls; the long form does it at each of them, of some 190.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
kill=$life/../../userspace/build/life/kill.so
step=60
[ "${EVS_LONG:-1}" -eq 1 ] || step=1
dd if=/dev/urandom of="$tmp/data" bs=1M count=4 status=none
sum=$(md5sum <"$tmp/data")

# killed_at CALL COMMAND...: true if it was killed there
killed_at()
{
	local at=$1

	shift
	# In a shell of its own, which does not tell of it
	(
		env KILL_AT="$at" LD_PRELOAD="$kill" "$@" >"$tmp/out" 2>&1
		exit $?
	) 2>/dev/null
	status=$?
	[ $status -eq 137 ]
}

# key: the digest of the disk's data key
key()
{
	cryptsetup luksDump --dump-json-metadata "$(raw p/d)" | jq -r '.digests[].digest'
}

# attached: is there a disk, or the lock of one that a verb attaches for itself?
attached()
{
	compgen -G '/sys/block/evs*' >/dev/null || compgen -G '/run/evs/new.*' >/dev/null
}

# all: what the pool has. A record may still say that it was being made, which counts for
# nothing once it has its name, and a new record that was not whole lies beside it until one
# is written the next time.
all()
{
	everything p | sed '/meta\.json\.new/d; s/meta\.json .*/meta.json/' | awk '{ print $1, $2 }'
}

# look CALL: whatever is not as it should be after that
look()
{
	wait_for not attached >/dev/null || diag "killed at call $1: something is attached"
	[ "$(all)" = "$before" ] || diag "killed at call $1: $(all)"
	[ "$(object p/d uuid)" = "$uuid" ] || diag "killed at call $1: it has another UUID"
	[ "$(content p/d 4)" = "$sum" ] || diag "killed at call $1: it has other data"
}

for engine in $(engines); do
	new_pool p "$engine"
	must evs-setup create --size 4M --cmk test --label story p/d
	must put "$tmp/data" p/d
	must evs-setup snapshot create p/d@s
	uuid=$(object p/d uuid)
	before=$(all)
	olds=0 news=0 faults=
	for ((at = 1; ; at += step)); do
		old=$(key)
		killed_at $at evs-setup rekey p/d || break
		sweep
		[ "$(key)" = "$old" ] && olds=$((olds + 1)) || news=$((news + 1))
		faults+=$(look $at)
	done
	is "$faults" "" "$engine: whenever it was killed, the disk is there, and nothing else"
	is "$status" 0 "$engine: rekey ends well"
	nok "$engine: with another data key" test "$(key)" = "$old"
	is "$(content p/d 4)" "$sum" "$engine: and the same data"
	diag "killed at $((olds + news)) calls: the old disk $olds times, the new one $news"
	[ $step -gt 1 ] || ok "$engine: both have been seen" test $olds -gt 0 -a $news -gt 0
	must evs-setup delete --yes --with-snapshots p/d
	drop_pools
done
done_testing
