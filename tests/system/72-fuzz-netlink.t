#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Messages to the kernel that nobody in his senses would send, beside a disk that
# is in use. EVS_SEED repeats a run, EVS_LONG makes it longer.
. "$(dirname "$0")/tap.sh"

seed=${EVS_SEED-$RANDOM}
messages=$((6000 * ${EVS_LONG-1}))
[[ $EVS_VM == uml* ]] || messages=$((messages / 3)) # Emulated
at_exit detach_all
must evs-setup list
for i in 0 1 2 3; do
	new_null evs_t$i 8
done

# The disk that has to go through it
evs=$(raw_attach /dev/evs_t0 4096 --name witness)
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
compare()
{
	dd if="$evs" bs=64k iflag=direct status=none | cmp - "$tmp/data"
}
(while compare; do sleep 0.1; done) >"$tmp/load" 2>&1 &
load=$!
at_exit kill $load

diag "EVS_SEED=$seed"
"$(dirname "$0")/../../userspace/build/stress/netlink" "$seed" "$messages" "${evs#/dev/evs}" \
	"$evs" /dev/evs_t{0,1,2,3} >"$tmp/said" 2>&1
is $? 0 "$messages messages: each is answered, and what cannot be right is refused, with reason"
diag "$(<"$tmp/said")"

# It was worth it: the good ones get through, and each way to be refused was found
for op in attach detach revoke get suspend resume resize set; do
	read -r accepted refused <<<"$(sed -n "s/^$op //p" "$tmp/said")"
	ok "$op: accepted ${accepted-} times, refused ${refused-} times" \
		test "${accepted-0}" -gt 0 -a "${refused-0}" -gt 0
done
# Some reasons take two rare things at a time, so a seed may well miss one
reasons=0 missed=
while read -r text; do
	if grep -qE "^text .*$text" "$tmp/said"; then
		reasons=$((reasons + 1))
	else
		missed+="$text; "
	fi
done <<-EOF
	Attribute failed policy validation
	Unknown attribute type
	bytes leftover
	invalid attribute length
	the number of a disk is required
	no such disk
	backing device, sector size and key are required
	has no control characters
	has no slashes
	neither # nor #
	size is zero
	not a multiple of # bytes
	room for # bytes
	in use by evs#
	disk of this name
	there is no key
	not of type evs
	either lazy or by force
	a key is required
	the name of a CMK is required
	does not shrink
	not suspended
	suspended already
	revoked already
EOF
diag "not met: ${missed:-none}"
ok "of 24 reasons to refuse, 17 at least" test $reasons -ge 17

ok "the disk beside goes on" kill -0 $load
kill $load 2>/dev/null
wait $load 2>/dev/null
ok "what is on it is what was written" compare
is "$(evs-setup list --json | jq -c '[.disks[].name]')" '["witness"]' "all others are detached"
key=$(raw_key after)
other=$(evs-setup attach --raw --key "$key" --sector-size 512 /dev/evs_t1)
ok "another disk can be attached" test -b "$other"
must evs-setup detach "$other"
must evs-setup detach witness
for i in 0 1 2 3; do
	ok "/dev/evs_t$i is free" exclusive /dev/evs_t$i
done
no_disks()
{
	[ "$(evs-setup list --json | jq '.disks | length')" -eq 0 ]
}
ok "nothing is attached" no_disks
must keyctl clear @s
ok "nothing is left behind" no_leftovers
ok "the module can be unloaded" modprobe -r evs
must modprobe evs
done_testing
