#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No room: backups, disks of backups and new data keys are refused, or fail and leave
# nothing.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
engine=$(engines | head -n 1)
new_pool p "$engine" "limit = 100"
must evs-setup create --size 48M --cmk test p/d1
must dd if=/dev/urandom of="$tmp/data" bs=1M count=32 status=none
must put "$tmp/data" p/d1
must mkdir -m 700 "$tmp/r"
new_fs small 24M mkfs.ext4 -q
must chmod 700 "$tmp/small"
must rmdir "$tmp/small/lost+found"
add_repo r dir "path = $tmp/r"
add_repo small dir "path = $tmp/small"

# limit PERCENT: of the pool
limit()
{
	must sed -i "s/^limit = .*/limit = $1/" /etc/evs/evs.conf
}

# ---- backup ----

before=$(everything p)
refused 2 "repository small: .*No space left" "no backup into a full repository" \
	evs-setup backup create p/d1 small
is "$(ls -A "$tmp/small")" "" "nothing is left in it"
is "$(everything p)" "$before" "nor in the pool"
one=$(backup p/d1 r)
ok "another repository has room" evs-setup backup verify "$one"

# ---- export ----

# no_export OBJECT VERB: into the full file system
no_export()
{
	local object=$1

	shift
	refused 2 "No space left.* is removed: give one where there is room for up to" \
		"no $* without room" evs-setup "$@" "$object" "$tmp/small/exported"
	is "$(ls -A "$tmp/small")" "" "nothing is left of it"
}

no_export "$one" backup export
must evs-setup snapshot create p/d1@s
must evs-setup image create --from p/d1@s p/image:i
no_export p/image:i image export
must evs-setup image delete --yes p/image:i
must evs-setup snapshot delete --yes p/d1@s
before=$(everything p)

# ---- above the limit ----

limit 1
refused 2 "limit is 1 %" "above the limit, no backup, which takes a clone" \
	evs-setup backup create p/d1 r
refused 2 "limit is 1 %" "above the limit, no disk of a backup" \
	evs-setup create --from-backup "$one" p/d2
refused 2 "limit is 1 %" "above the limit, no new data key" evs-setup rekey p/d1

# ---- not enough for a copy ----

used=$(evs-setup config check | sed -n 's/.*pool p: .*, \([0-9]*\) % of .*/\1/p')
limit $((used + 2))
refused 2 "this needs more, and limit is $((used + 2)) %" "no new data key without room for a copy" \
	evs-setup rekey p/d1
is "$(everything p)" "$before" "nothing is left"
limit 100
if [ "$engine" = dir ]; then
	free=$(df --output=avail -k "$tmp/p" | tail -n 1)
	must fallocate -l $((free - 20480))K "$tmp/p/.filler"
	nok "a disk of a backup fails where the pool becomes full" \
		evs-setup create --from-backup "$one" p/d2
	must wait_for no_disk
	must rm "$tmp/p/.filler"
	sweep
	is "$(everything p)" "$before" "nothing is left of it"
fi
ok "with room, it is made" evs-setup create --from-backup "$one" p/d2
is "$(content p/d2)" "$(content p/d1)" "with the data of the backup"
done_testing
