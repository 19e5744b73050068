#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A snapshot of a file system that is written to: clean without a look at its journal,
# as it was frozen; and who says so where it was not.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms

# stop_writer: for at_exit
stop_writer()
{
	[ -n "${writer-}" ] || return
	kill "$writer" 2>/dev/null
	wait "$writer" 2>/dev/null
	writer=
}

# slow_while_frozen COMMAND...: its calls that wait for the medium, between freeze and thaw
slow_while_frozen()
{
	strace -f -o "$tmp/trace" -e trace=ioctl,fsync,fdatasync,syncfs "$@" >/dev/null 2>&1 ||
		echo "exit status $?"
	grep -q FITHAW "$tmp/trace" || echo "it froze nothing"
	awk '/FIFREEZE/ { frozen = 1 } /FITHAW/ { frozen = 0 } frozen && /sync/' "$tmp/trace"
}

for engine in $(engines); do
	new_pool p "$engine"
	must mkdir -p "$tmp/mnt"
	must mkdir -m 700 "$tmp/r" "$tmp/i"
	add_repo r dir "path = $tmp/r" "plain = yes"
	add_repo i dir "path = $tmp/i" "plain = yes" "incremental = yes"
	for kind in enc plain; do
		option="--cmk test"
		[ $kind = enc ] || option=--plain
		# shellcheck disable=SC2086 # an option and its value
		must evs-setup create --size 64M $option "p/$kind"
		node=$(evs-setup attach "p/$kind")
		must mkfs.ext4 -q "$node"
		must mount "$node" "$tmp/mnt"
		(
			i=0
			while echo $i >"$tmp/mnt/$((i % 50))"; do
				sync -f "$tmp/mnt"
				i=$((i + 1))
			done
		) 2>/dev/null &
		writer=$!
		at_exit stop_writer
		for i in 1 2 3; do
			ok "$engine: $kind: snapshot $i" evs-setup snapshot create \
				--freeze-command "echo >>$tmp/frozen" \
				--thaw-command "cat $tmp/frozen >>$tmp/thawed" "p/$kind@s$i"
			is "$(object "p/$kind@s$i" consistent)" fs "$engine: $kind: it is consistent"
		done
		is "$(wc -l <"$tmp/thawed")" 6 "$engine: $kind: the commands ran, in their order"
		rm "$tmp/frozen" "$tmp/thawed"
		ok "$engine: $kind: not frozen" evs-setup snapshot create --no-freeze "p/$kind@torn"
		is "$(object "p/$kind@torn" consistent)" crash "$engine: $kind: it says so"
		if [ "$engine" = dir ]; then
			is "$(slow_while_frozen evs-setup snapshot create "p/$kind@slow")" "" \
				"$engine: $kind: frozen, nothing waits for the medium"
			for repo in r i; do
				is "$(slow_while_frozen evs-setup backup create "p/$kind" $repo)" "" \
					"$engine: $kind: a backup to $repo neither"
			done
		fi
		must fsfreeze --freeze "$tmp/mnt"
		refused 5 "is frozen already" "$engine: $kind: frozen by somebody else" \
			evs-setup snapshot create "p/$kind@no"
		must fsfreeze --unfreeze "$tmp/mnt"
		refused 7 "exit status 3" "$engine: $kind: the command fails" \
			evs-setup snapshot create --freeze-command "exit 3" \
			--thaw-command "touch $tmp/thawed" "p/$kind@no"
		ok "$engine: $kind: what thaws is run all the same" rm "$tmp/thawed"
		evs-setup snapshot create --freeze-command "touch $tmp/began; sleep 2" \
			--thaw-command "touch $tmp/thawed" "p/$kind@no" &
		wait_for test -e "$tmp/began"
		kill -KILL $!
		wait $! 2>/dev/null
		wait_for test -e "$tmp/thawed"
		ok "$engine: $kind: killed, all is thawed" touch "$tmp/mnt/after"
		rm "$tmp/began" "$tmp/thawed"
		nok "$engine: $kind: and nothing is left" grep -q @no <<<"$(objects p)"
		evs-setup snapshot create --thaw-command "touch $tmp/thawed; sleep 2" "p/$kind@cut" &
		wait_for test -e "$tmp/thawed"
		kill -KILL $!
		wait $! 2>/dev/null
		rm "$tmp/thawed"
		sweep
		like "$(object "p/$kind@cut" consistent)" '^(crash)?$' \
			"$engine: $kind: killed after it was taken, it promises nothing"
		stop_writer
		# A sync of the writer may be under way still.
		must wait_for umount "$tmp/mnt"
		must evs-setup detach "p/$kind"
		for i in 1 2 3; do
			must evs-setup create --from-snapshot "p/$kind@s$i" p/clone
			node=$(evs-setup attach --read-only p/clone)
			ok "$engine: $kind: clone $i is clean" fsck.ext4 -fn "$node"
			unlike "$(dumpe2fs -h "$node" 2>/dev/null)" needs_recovery \
				"$engine: $kind: without its journal"
			must evs-setup detach p/clone
			must evs-setup delete --yes p/clone
		done
	done
	drop_pools
	rm -r "$tmp/r" "$tmp/i"
done
done_testing
