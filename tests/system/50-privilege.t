#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who is not root in the initial user namespace gets nothing.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
new_null evs_t0 32
new_null evs_t1 32
must evs-setup create --cmk test /dev/evs_t0
uuid=$(cryptsetup luksUUID /dev/evs_t0)
evs=$(evs-setup attach --name data /dev/evs_t0)
key=$(raw_key x)
# Let nothing but EVS be in the way
chmod 666 /dev/evs_t0 /dev/evs_t1 "$evs"
chmod 755 "$tmp"

nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all \
		keyctl session - "$@"
}

# Root in a user namespace, nobody outside
container()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user keyctl session - "$@"
}

# Root in a user namespace made by root: uid 0 inside and outside
rootless()
{
	unshare --user --map-root-user keyctl session - "$@"
}

# requests: how often the KMS was asked for a DK
requests()
{
	grep -c decrypt-datakey $kms_log
}

ok "the KMS logs that it was asked" test "$(requests)" -gt 0

for who in nobody container rootless; do
	nok "$who: cannot list" $who evs-setup list
	nok "$who: cannot list --json" $who evs-setup list --json
	is "$($who evs-setup list --json 2>/dev/null | grep -c data)" 0 "$who: and learns no name"
	nok "$who: cannot attach" $who evs-setup attach /dev/evs_t0
	nok "$who: cannot attach a raw disk" $who evs-setup attach --raw --sector-size 4096 \
		--key "$key" /dev/evs_t1
	nok "$who: cannot detach" $who evs-setup detach data
	nok "$who: cannot detach by force" $who evs-setup detach --force "$evs"
	nok "$who: cannot revoke" $who evs-setup revoke data
done
ok "the disk is still there" dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
is "$(evs-setup list --json | jq '.disks | length')" 1 "and it is the only one"

# What is uid 0 outside as well may have asked: it is the one whom the KMS serves
asked=$(requests)
for who in nobody container; do
	nok "$who: has no helper that asks the KMS" \
		$who keyctl request2 evs "evs:$uuid" device=/dev/evs_t0 @s
	nok "$who: cannot talk to the KMS" $who curl -sf --unix-socket $kms_socket \
		-H 'Content-Type: application/json' --data '{}' \
		http://localhost/v1.0/default/kms/list-keys
	nok "$who: cannot read the state of the KMS" $who ls $kms_state
	nok "$who: cannot read the key" $who keyctl print "$key"
done
is "$(requests)" "$asked" "the KMS was not asked once"

# With CAP_NET_ADMIN, which is all that generic netlink itself asks for
net_admin()
{
	setpriv --bounding-set=-all,+net_admin --inh-caps=-all "$@"
}
nok "CAP_NET_ADMIN is not enough" net_admin evs-setup list
must chmod 666 $kms_socket
nok "a socket open to all is not enough" nobody curl -sf --unix-socket $kms_socket \
	-H 'Content-Type: application/json' --data '{}' http://localhost/v1.0/default/kms/list-keys

refused 2 'root|permi|privilege' "nobody is told why" \
	setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all evs-setup list
refused 2 'root|permi|privilege' "nobody is told why, at attach" \
	setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all evs-setup attach /dev/evs_t0

must evs-setup detach data
must keyctl revoke "$key"
must keyctl unlink "$key" @s
ok "nothing is left behind" no_leftovers
done_testing
