#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A disk goes back to a snapshot, and keeps the header of today: the CMK that it was
# rewrapped to, not the one of the snapshot, which may be gone.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
must dd if=/dev/urandom of="$tmp/old" bs=1M count=8 status=none
must dd if=/dev/urandom of="$tmp/new" bs=1M count=8 status=none
old=$(md5sum <"$tmp/old")
new=$(md5sum <"$tmp/new")

for engine in $(engines); do
	new_pool p "$engine"
	must evs-setup create --size 32M --cmk test p/enc
	must evs-setup create --size 32M --plain p/plain
	must put "$tmp/old" p/enc
	must put "$tmp/old" p/plain
	must evs-setup snapshot create p/enc@s p/plain@s
	must evs-setup snapshot create p/enc@later
	must put "$tmp/new" p/enc
	must put "$tmp/new" p/plain
	uuid=$(object p/enc uuid)

	# ---- refused ----

	must evs-setup attach p/enc
	refused 5 "is attached" "$engine: of an attached disk" \
		evs-setup snapshot rollback --yes p/enc@s
	detach_pools
	refused 2 "give --yes" "$engine: it asks" evs-setup snapshot rollback p/enc@s </dev/null
	ok "$engine: dry run" evs-setup snapshot rollback --dry-run p/enc@s
	refused 4 "no such snapshot" "$engine: no such snapshot" \
		evs-setup snapshot rollback --yes p/enc@none
	refused 1 "POOL/DISK@SNAPSHOT" "$engine: no snapshot" evs-setup snapshot rollback --yes p/enc
	is "$(content p/enc)" "$new" "$engine: none of them has changed the disk"

	# ---- rewrapped and grown since ----

	must evs-setup rewrap --cmk other "$(raw p/enc)"
	must evs-setup resize p/enc --size 48M
	must evs-setup cmk schedule-deletion --yes --days 7 test
	ok "$engine: rollback" evs-setup snapshot rollback --yes p/enc@s
	is "$(content p/enc)" "$old" "$engine: the data is that of the snapshot, by the CMK of today"
	is "$(object p/enc uuid)" "$uuid" "$engine: it has its UUID"
	is "$(cryptsetup luksUUID "$(raw p/enc)")" "$uuid" "$engine: in its header as well"
	node=$(evs-setup attach p/enc)
	is "$(blockdev --getsize64 "$node")" $((48 << 20)) "$engine: it has not shrunk"
	detach_pools
	is "$(evs-setup snapshot list p/enc --json | jq -r '.objects[].name' | xargs)" \
		"p/enc@later p/enc@s" "$engine: its snapshots stay"
	must put "$tmp/new" p/enc
	ok "$engine: once more" evs-setup snapshot rollback --yes p/enc@s
	is "$(content p/enc)" "$old" "$engine: with the same result"
	must evs-setup cmk cancel-deletion test
	must evs-setup cmk enable test
	ok "$engine: the snapshot is as it was" evs-setup create --from-snapshot p/enc@s p/clone
	is "$(content p/clone)" "$old" "$engine: and what is made of it"

	ok "$engine: plain: rollback" evs-setup snapshot rollback --yes p/plain@s
	is "$(content p/plain)" "$old" "$engine: plain: the data is that of the snapshot"
	is "$(object p/plain attribute)" plain "$engine: plain: it is"

	# ---- another data key since ----

	must evs-setup create --size 32M --cmk other p/rekeyed
	must put "$tmp/old" p/rekeyed
	must evs-setup snapshot create p/rekeyed@s
	uuid=$(object p/rekeyed uuid)
	must cryptsetup luksUUID --batch-mode --uuid "$uuid" "$(raw p/clone)"
	must dd if="$(raw p/clone)" of="$(raw p/rekeyed)" bs=1M conv=notrunc status=none
	like "$(evs-setup snapshot rollback --yes p/rekeyed@s 2>&1)" "has got another data key since" \
		"$engine: a disk with another data key says so"
	is "$(content p/rekeyed)" "$old" "$engine: and keeps the header of the snapshot"
	drop_pools
done
done_testing
