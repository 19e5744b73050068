#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# A KMS that cannot be reached, and a disk whose key the kernel keeps for a time.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
disk=$(new_file disk.img 18M)
must evs-setup create --cmk test "$disk"
evs=$(evs-setup attach "$disk")
must test -b "$evs"
head -c 65536 /dev/urandom >"$tmp/data"
must dd if="$tmp/data" of="$evs" bs=64k oflag=direct status=none

# grace SECONDS: how long the key is kept from now on; 0 for not at all
grace()
{
	echo "[kms local]" >/etc/evs/evs.conf
	[ "$1" -eq 0 ] || echo "grace = $1" >>/etc/evs/evs.conf
}

works()
{
	dd if="$evs" of="$tmp/back" bs=64k count=1 iflag=direct status=none &&
		cmp "$tmp/data" "$tmp/back"
}

still_suspended()
{
	is "$(disk_state "$evs")" suspended "$1: it stays suspended"
}

# ---- off unless configured ----

must evs-setup suspend "$evs"
kms_stop
refused 6 'kmsd.sock' "no grace: resume" evs-setup resume "$evs"
still_suspended "no grace"
kms_start
must evs-setup resume "$evs"

# ---- the KMS cannot be reached ----

grace 3600
serial=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
must evs-setup suspend "$evs"
ok "the key is gone from the keyring all the same" wait_for key_gone "$serial"
is "$(live_keys)" "" "and no other one is there"
kms_stop
ok "KMS stopped: resume" eval 'evs-setup resume "$evs" 2>"$tmp/said"'
like "$(cat "$tmp/said")" 'key that was kept.*kmsd.sock' "and says by what, and why"
like "$(dmesg | tail -n 20)" 'resumed .* with the key that was kept' "as the kernel's log does"
ok "the disk works" works
is "$(live_keys)" "" "without a key in a keyring"
is "$(evs-setup status --json "$evs" | jq '.disks[0]."key-serial"')" null "status has none"
is "$(cat "/sys/block/${evs#/dev/}/evs/key_serial")" "" "sysfs has none"
must evs-setup suspend "$evs"
ok "once more: it was suspended anew" evs-setup resume "$evs"
ok "revoke takes that key away as well" evs-setup revoke "$evs"
nok "and I/O fails" works
must evs-setup detach "$evs"
kms_start
evs=$(evs-setup attach "$disk")
ok "with the KMS it can be attached" test -b "$evs"

# ---- the KMS answers ----

must evs-setup suspend "$evs"
must evs-setup cmk disable test
refused 2 $'KMS.0209\ndisabled' "CMK disabled: resume" evs-setup resume "$evs"
still_suspended "CMK disabled"
kms_stop
refused 6 'kmsd.sock' "said no, then stopped: resume" evs-setup resume "$evs"
kms_start
must evs-setup cmk enable test
must evs-setup resume "$evs"
must evs-setup suspend "$evs"
kms_stop
mv /etc/request-key.d/evs.conf "$tmp/"
at_exit mv "$tmp/evs.conf" /etc/request-key.d/
refused 6 'helper did not run' "KMS not asked at all: resume" evs-setup resume "$evs"
still_suspended "KMS not asked at all"
must mv "$tmp/evs.conf" /etc/request-key.d/
refused 5 'suspended already' "suspend twice" evs-setup suspend "$evs"
ok "does not take the key away" evs-setup resume "$evs"
kms_start

# ---- two tokens, as a rewrap that was cut short leaves them ----

# replace FILE: with what is on stdin, the first token of a disk
replace()
{
	cryptsetup token import --disable-external-tokens --token-id 0 --token-replace \
		--json-file - "$1"
}

must evs-setup suspend "$evs"
must evs-setup cmk disable test
token=$(token_of "$disk")
must cryptsetup token import --disable-external-tokens --token-id 1 --json-file - "$disk" \
	<<<"$token"
must replace "$disk" <<<"${token//local/away}"
printf '%s\n' '[kms away]' 'url = unix:/run/evs/nobody.sock' 'grace = 3600' >>/etc/evs/evs.conf
refused 2 $'KMS.0209\ndisabled' "one KMS away, the other says no: resume" evs-setup resume "$evs"
still_suspended "one KMS away, the other says no"
kms_stop
refused 6 'no such file' "then both away: resume" evs-setup resume "$evs"
kms_start
must evs-setup cmk enable test
ok "one KMS away, the other has the key: resume" evs-setup resume "$evs"
must replace "$disk" <<<"$token"
must cryptsetup token remove --token-id 1 "$disk"

# ---- the end of it ----

grace 1
must evs-setup suspend "$evs"
kms_stop
sleep 1.2
refused 6 'kmsd.sock' "after the time: resume" evs-setup resume "$evs"
still_suspended "after the time"
kms_start
must evs-setup resume "$evs"
ok "with the KMS it works again" works

grace 3600
must evs-setup suspend "$evs"
kms_stop
cp /etc/evs/evs.conf "$tmp/sense"
echo 'no sense' >>/etc/evs/evs.conf
refused 1 'evs.conf' "no KMS was asked: resume" evs-setup resume "$evs"
still_suspended "no KMS was asked"
cp "$tmp/sense" /etc/evs/evs.conf
ok "no KMS, the key is still kept: resume" evs-setup resume "$evs"
ok "it works" works

must evs-setup detach "$evs"
refused 6 'kmsd.sock' "after detach: attach" evs-setup attach "$disk"
ok "nothing is left behind" no_leftovers
kms_start
done_testing
