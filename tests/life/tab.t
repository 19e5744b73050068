#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Disks of pools in evstab(5), encrypted and plain, among others.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
export EVSTAB=$tmp/evstab

for engine in $(engines); do
	new_pool p "$engine"
	must evs-setup create --size 32M --cmk test p/enc
	must evs-setup create --size 32M --plain p/plain
	printf '%s\n' 'p:enc p/enc' 'p:plain p/plain read-only' 'p:none p/none nofail' >"$EVSTAB"

	# ---- attach ----

	said=$(evs-setup attach --all 2>&1 >"$tmp/nodes")
	is $? 0 "$engine: attach --all"
	like "$said" "warning: p:none: p/none: there is no such disk" "$engine: nofail: only a warning"
	is "$(xargs <"$tmp/nodes")" "$(readlink /dev/evs/p/enc) $(readlink /dev/evs/p/plain)" \
		"$engine: it prints the nodes"
	is "$(evs-setup status --json p/enc | jq -r '.disks[].name')" p:enc "$engine: its name"
	is "$(blockdev --getro /dev/evs/p/plain)" 1 "$engine: the options of the line count"
	is "$(evs-setup attach --all 2>/dev/null)" "" "$engine: attached disks are fine"
	ok "$engine: attach --tab as well" evs-setup attach --tab p:enc
	ok "$engine: a plain one as well" evs-setup attach --tab p:plain
	must evs-setup revoke p/enc
	refused 5 "has no key any more" "$engine: one without its key is not" \
		evs-setup attach --tab p:enc

	# ---- detach ----

	ok "$engine: detach --tab" evs-setup detach --force --tab p:enc
	nok "$engine: the link has gone" test -L /dev/evs/p/enc
	must evs-setup attach --tab p:enc
	exec 9</dev/evs/p/plain
	refused 5 "p/plain: the disk is in use" "$engine: a plain one that is open" \
		evs-setup detach --all
	nok "$engine: the other has gone" test -L /dev/evs/p/enc
	exec 9<&-
	ok "$engine: detach --all" evs-setup detach --all
	nok "$engine: no link is left" test -d /dev/evs/p
	ok "$engine: what is not attached is fine" evs-setup detach --all

	# ---- attached by hand, with another name ----

	node=$(evs-setup attach --name elsewhere "$(raw p/enc)")
	refused 5 "is attached already, as $node" "$engine: it is not where the line says" \
		evs-setup attach --tab p:enc
	detach_pools

	# ---- rewrap ----

	printf 'p:enc p/enc cmk=%s\np:none p/none noauto\n' "$(cmk_id test)" >"$EVSTAB"
	said=$(evs-setup rewrap --cmk other --all 2>&1 >"$tmp/disks")
	is $? 0 "$engine: rewrap --all"
	is "$(cut -d ' ' -f 1 "$tmp/disks")" p/enc "$engine: it prints the disk"
	like "$said" "warning: p/none: there is no such disk: left out" "$engine: what is not there"
	like "$said" "p:enc cannot be attached by this line any more" "$engine: the line is stale"
	is "$(object p/enc cmk)" "$(cmk_id other)" "$engine: the record has the new CMK"
	refused 2 "" "$engine: the line refuses the disk" evs-setup attach --tab p:enc
	drop_pools
done
done_testing
