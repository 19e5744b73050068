#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The data key of a disk that is in use is wrapped anew, by another CMK; and
# scheduling the deletion of a CMK tells of the disks that are attached.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
must evs-setup cmk create other
disk=$(new_file disk.img 34M)
must evs-setup create --cmk test "$disk"
evs=$(evs-setup attach "$disk")
ok "attached" test -b "$evs"
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
sum=$(md5sum <"$tmp/data")

# The data through the disk, past every cache
data()
{
	dd if="$evs" bs=1M count=8 iflag=direct status=none | md5sum
}

# The token, whatever its number is now
token_now()
{
	cryptsetup token export --token-id 1 "$disk" 2>/dev/null || token_of "$disk"
}

(while :; do dd if="$tmp/data" of="$evs" bs=1M seek=8 oflag=direct status=none || exit 1; done) &
writer=$!
before=$(token_now)
ok "rewrap, attached and written to" evs-setup rewrap "$disk"
is "$(token_now | jq -r .cmk)" "$(cmk_id test)" "by the same CMK"
ok "another wrapped key" test "$(jq -r '."wrapped-dk"' <<<"$before")" != \
	"$(token_now | jq -r '."wrapped-dk"')"
ok "rewrap by another CMK" evs-setup rewrap --cmk other "$disk"
is "$(token_now | jq -r .cmk)" "$(cmk_id other)" "by the other CMK"
ok "the disk is written to all the while" kill "$writer"
wait "$writer" 2>/dev/null
is "$(data)" "$sum" "the data is what it was"
must evs-setup detach "$evs"

must evs-setup cmk disable test
evs=$(evs-setup attach "$disk")
ok "attached by the new CMK, the old one is disabled" test -b "$evs"
is "$(data)" "$sum" "the data is what it was, attached anew"
must evs-setup cmk enable test

refused 5 $'--yes\nprotects' "deletion of the CMK of an attached disk" \
	evs-setup cmk schedule-deletion --days 7 other
like "$(evs-setup cmk schedule-deletion --days 7 other 2>&1 </dev/null)" "$evs" "which it names"
is "$(evs-setup cmk show --json other | jq -r '.cmks[0].state')" enabled "it is as it was"
refused 1 '7 to 1096' "six days" evs-setup cmk schedule-deletion --days 6 --yes other

done_testing
