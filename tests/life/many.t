#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many snapshots under another CMK of an HSM: one login for all of them. EVS_LONG makes it a
# thousand, and tells the time.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
count=20
[ "${EVS_LONG:-1}" -eq 1 ] || count=1000
must mkdir -p /etc/evs "$tmp/tokens"
at_exit rm -rf /etc/evs
export SOFTHSM2_CONF=$tmp/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$tmp/tokens" >"$SOFTHSM2_CONF"
must softhsm2-util --init-token --free --label disks --so-pin 123456 --pin 1234
(umask 077 && echo 1234 >/etc/evs/hsm.pin)
cat >/etc/evs/evs.conf <<-EOF
	[kms hsm]
	backend = pkcs11
	module = /usr/lib/softhsm/libsofthsm2.so
	token = disks
	pin-file = /etc/evs/hsm.pin
	softhsm2-conf = $SOFTHSM2_CONF

EOF
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
