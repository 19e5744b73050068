#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What objects may be called, and what is a path.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
engine=dir
new_pool p dir
long=a2345678901234567890123456789012345678901234567-

for name in image new snapshot snapshot1 pvmove0 a_tdata a_tmeta a_cdata a_cmeta b_rimage_0; do
	refused 1 'is reserved' "$name" evs-setup create "p/$name" --size 4M --plain
done
for name in A -a _a a.b 'a b' a/b "${long}9" a: image:; do
	refused 1 '1 to 48 characters' "\"$name\"" evs-setup create "p/$name" --size 4M --plain
done
refused 1 'POOL/DISK$' "an image for create" evs-setup create p/image:a --size 4M --plain
is "$(everything p)" "" "nothing was made"

ok "48 characters" evs-setup create "p/$long" --size 4M --plain
ok "a snapshot of 48 characters" evs-setup snapshot create "p/$long@$long"
is "$(objects p)" "p/$long"$'\n'"p/$long@$long" "both are there"
name=0${long%-}
ok "it is made" evs-setup create "p/$name" --size 4M
evs=$(evs-setup attach "p/$name")
is "$(readlink -f "/dev/evs/p/$name")" "$evs" "and has its link"
ok "detach by it" evs-setup detach "p/$name"

# ---- paths ----

cd "$tmp" || exit 1
mkdir q
truncate -s 20M q/d1 p/plain-file
ok "q is no pool: a path" evs-setup create q/d1
ok "a dot before it: a path" evs-setup create ./p/plain-file
ok "a disk in a file" cryptsetup isLuks p/plain-file
is "$(objects p | grep -c plain-file)" 0 "which is no object of the pool"
rm p/plain-file
refused 4 'there is no such disk' "p is a pool: not a path" evs-setup attach p/d1
refused 4 'no \[pool q\]' "list of what is no pool" evs-setup list q

# A foreign disk called as the links of pools: nothing outside of /dev/evs goes
must evs-setup attach --name '..:null' q/d1
ok "detach of ..:null" evs-setup detach '..:null'
ok "/dev/null is still there" test -c /dev/null
done_testing
