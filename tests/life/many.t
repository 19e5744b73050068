#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many snapshots under another CMK of an HSM: one login for all of them. EVS_LONG makes it a
# thousand, and tells the time.
. "$(dirname "$0")/life.sh"
. "$(dirname "$0")/../peers/peers.sh"

at_exit detach_pools
count=20
[ "${EVS_LONG:-1}" -eq 1 ] || count=1000
rm -rf /etc/evs
must mkdir -p /etc/evs
at_exit rm -rf /etc/evs
conf_softhsm hsm
must evs-setup cmk create --kms hsm old
must evs-setup cmk create --kms hsm new
engine=$(engines | head -n 1)
new_pool p "$engine"
must evs-setup create --size 32M --kms hsm --cmk old p/d
for ((i = 1; i <= count; i++)); do
	must evs-setup snapshot create --quiet "p/d@s$i"
done

# moved NAME OPTION...: all of them are rewrapped, and the token is logged in to once
moved()
{
	local name=$1

	shift
	evs-setup rewrap --verbose "$@" >"$tmp/out" 2>"$tmp/err" || diag "$(tail -n 3 "$tmp/err")"
	is "$(wc -l <"$tmp/out")" $((count + 1)) "$name: all"
	is "$(grep -c "login pkcs11:" "$tmp/err")" 1 "$name: with one login"
}

since=${EPOCHREALTIME/./}
moved "rewrap --pool" --pool p --from-cmk old --cmk new
diag "$count snapshots in $(((${EPOCHREALTIME/./} - since) / 1000)) ms; $(times | tail -n 1) of the CPU so far"
moved "rewrap --all-copies" --all-copies --cmk old p/d
is "$(evs-setup list --json p | jq -r '[.objects[].cmk] | unique | length')" 1 "none is left out"
done_testing
