#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# The KMS dies at any moment; every key that it acknowledged is there afterwards.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
rounds=6
new_null evs_t0 32

# Keys are made one after the other, the acknowledged ones noted
make_keys()
{
	local n=0

	while evs-setup cmk create "k$1-$n"; do
		echo "k$1-$n" >>"$tmp/acknowledged"
		n=$((n + 1))
	done
}

: >"$tmp/acknowledged"
for ((round = 0; round < rounds; round++)); do
	lines=$(wc -l <"$tmp/acknowledged")
	make_keys $round >/dev/null 2>&1 &
	maker=$!
	# Not before it is at work, then at a moment that differs
	wait_for eval "[ \$(wc -l <'$tmp/acknowledged') -gt $((lines + 1)) ]"
	sleep "0.0$((round * 17 % 10))$round"
	kms_stop KILL
	wait $maker
	kms_start
done
ok "keys were made" test "$(wc -l <"$tmp/acknowledged")" -ge $((2 * rounds))
evs-setup cmk list >"$tmp/list"
lost=$(while read -r alias; do
	grep -qw -- "$alias" "$tmp/list" || echo "$alias"
done <"$tmp/acknowledged")
is "$lost" "" "every acknowledged key is there"
must evs-setup create --cmk "$(tail -n 1 "$tmp/acknowledged")" "$(new_file last.img 18M)"
evs=$(evs-setup attach "$tmp/last.img")
ok "and the last one works" test -b "$evs"
must evs-setup detach "$evs"
is "$(sqlite3 "$kms_state/kms.db" 'PRAGMA integrity_check')" ok "the database is whole"

# Killed while a disk is made: it is a disk that attaches, or none
half=0
for ((round = 0; round < rounds; round++)); do
	must wipefs -qa /dev/evs_t0
	evs-setup create --force --cmk test /dev/evs_t0 >/dev/null 2>&1 &
	maker=$!
	sleep "0.0$((round * 2))"
	kms_stop KILL
	wait $maker
	made=$?
	kms_start
	if [ $made -eq 0 ]; then
		evs=$(evs-setup attach /dev/evs_t0) && evs-setup detach "$evs" || half=$((half + 1))
	else
		[ -z "$(blkid -p /dev/evs_t0)" ] || half=$((half + 1))
	fi
done
is $half 0 "a disk is made or not made, nothing between"

# Killed while a disk is attached: attached or refused, nothing left
must evs-setup create --force --cmk test /dev/evs_t0
half=0
for ((round = 0; round < rounds; round++)); do
	evs-setup attach --name data /dev/evs_t0 >/dev/null 2>"$tmp/why" &
	maker=$!
	sleep "0.0$((round * 2))"
	kms_stop KILL
	wait $maker
	made=$?
	if [ $made -eq 0 ]; then
		evs-setup detach data || half=$((half + 1))
	elif [ $made -ne 6 ]; then
		half=$((half + 1))
		diag "attach: status $made: $(cat "$tmp/why")"
	fi
	no_leftovers >/dev/null || half=$((half + 1))
	kms_start
done
is $half 0 "a disk is attached, or refused as the KMS is not there"
evs=$(evs-setup attach /dev/evs_t0)
ok "after all this it attaches" test -b "$evs"
must evs-setup detach "$evs"
ok "nothing is left behind" no_leftovers
done_testing
