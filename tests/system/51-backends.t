#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole life of a disk by each of the KMSs that there are packages of: an
# HSM (SoftHSM2), a KMIP server (PyKMIP), and OpenStack Barbican with Keystone in
# front, all of them real.
# The key is taken away there while the disk is attached, as whoever runs it would.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../peers/peers.sh"

# Python without hardware help is slow, and no kernel differs in what it does here
case $EVS_VM in
qemu)
	skip "disks by other KMSs" "their servers take minutes to start in an emulated machine"
	done_testing
	;;
esac

at_exit detach_all
rm -rf /etc/evs
at_exit rm -rf /etc/evs
must mkdir -p -m 700 /etc/evs

start_openstack
peer kmip 5696
conf_softhsm hsm
cat >>/etc/evs/evs.conf <<-EOF
	[kms kmip]
	backend = kmip
	url = kmip://127.0.0.1
	ca-file = $tmp/kmip/ca.pem
	client-cert-file = $tmp/kmip/host.pem
	client-key-file = $tmp/kmip/host.key

EOF
conf_openstack barbican

# data DISK: what stands on it, past every cache
data()
{
	dd if="$1" bs=1M count=8 iflag=direct status=none | md5sum
}

must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")

# lives KMS: create, attach, write, detach, attach, rewrap; it stays attached. Sets
# disk, evs and id, that of the CMK "next".
lives()
{
	local kms=$1

	ok "$kms: a CMK is made" evs-setup cmk create --kms "$kms" db/first
	must evs-setup cmk create --kms "$kms" next
	id=$(evs-setup cmk show --kms "$kms" --json next | jq -er '.cmks[0].id')
	is "$(evs-setup cmk list --kms "$kms" --json | jq '.cmks | length')" 2 "$kms: both are listed"
	disk=$(new_file "$kms.img" 34M)
	ok "$kms: create" evs-setup create --kms "$kms" --cmk db/first "$disk"
	is "$(token_of "$disk" | jq -r .kms)" "$kms" "$kms: the header says so"
	evs=$(evs-setup attach "$disk")
	ok "$kms: attach" test -b "$evs"
	must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
	ok "$kms: detach" evs-setup detach "$evs"
	evs=$(evs-setup attach "$disk")
	is "$(data "$evs")" "$sum" "$kms: attached anew, the data is there"
	ok "$kms: rewrap, attached" evs-setup rewrap --cmk next "$disk"
	must evs-setup detach "$evs"
	evs=$(evs-setup attach "$disk")
	is "$(data "$evs")" "$sum" "$kms: by the other CMK, the data is there"
}

# dies KMS REGEX: the key was taken away: what is attached works on, once
dies()
{
	is "$(data "$evs")" "$sum" "$1: attached, the disk works on without its key"
	must evs-setup detach "$evs"
	refused 2 "$2" "$1: the next attach is refused" evs-setup attach "$disk"
	diag "$(<"$tmp/err")"
	ok "$1: nothing is left behind" no_disk
}

lives hsm
ok "hsm: the key is deleted in the token" pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so \
	--token-label disks --login --pin 1234 --delete-object --type secrkey --label next
dies hsm $'CMK next\nno such key in token disks\nthe data of this disk cannot be read'

await 5696
lives kmip
# kmip_do PYTHON: what the tools of the server would do
kmip_do()
{
	(cd "$tmp/kmip" && /usr/bin/python3 -W ignore -c "
from kmip import enums
from kmip.pie.client import ProxyKmipClient
with ProxyKmipClient(hostname='127.0.0.1', port=5696, cert='host.pem', key='host.key',
		     ca='ca.pem', ssl_version='PROTOCOL_TLSv1_2') as c:
	$1")
}

ok "kmip: the key is deactivated" \
	kmip_do "c.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, '$id')"
is "$(evs-setup cmk show --kms kmip --json next | jq -r '.cmks[0].state')" disabled "kmip: it is"
dies kmip $'CMK next .*: disabled\nKMIP 0xC\nKMIP deactivates a key for good'
refused 2 'KMIP deactivates a key for good' "kmip: nor can it be enabled" \
	evs-setup cmk enable --kms kmip next
ok "kmip: the key is destroyed" kmip_do "c.destroy('$id')"
refused 2 $'KMIP 0x1\nno such CMK' "kmip: which reads otherwise" evs-setup attach "$disk"

await 5000
await 9311
lives barbican
ref=http://127.0.0.1:9311/v1/secrets/$id
# as USER REGEX NAME: Keystone knows the user, and this is what he may do
as()
{
	must sed -i "s/^user = .*/user = $1/" /etc/evs/evs.conf
	refused 2 "$2" "$3" evs-setup attach "$tmp/copy.img"
}

must cp --sparse=always "$disk" "$tmp/copy.img"
as guest $'HTTP 403\nrole creator or observer in project '"$project" \
	"barbican: a user with another role may not have the key"
as stranger '401 user stranger of Default' "barbican: Keystone has no role for the user"
must sed -i 's/^user = .*/user = disks/' /etc/evs/evs.conf
token=$(openstack_token)
ok "barbican: the secret is deleted" curl -sf -X DELETE -H "X-Auth-Token: $token" "$ref"
dies barbican $'no such CMK, or it was deleted\nHTTP 404 Secret not found\nthe data of this disk cannot be read'

# A disk in use goes from one KMS to the next; only the last one has a say in the end
disk=$(new_file moved.img 34M)
must evs-setup create --kms hsm --cmk db/first "$disk"
evs=$(evs-setup attach "$disk")
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
for kms in kmip barbican; do
	ok "attached, a disk moves to $kms" evs-setup rewrap --kms $kms --cmk db/first "$disk"
	is "$(evs-setup header dump --json "$disk" | jq -r '[.tokens[].kms] | join(",")')" $kms \
		"$kms alone has its key"
done
must evs-setup detach "$evs"
must sed -i '/^\[kms hsm\]/,/^\[kms barbican\]/{/barbican/!d}' /etc/evs/evs.conf
evs=$(evs-setup attach "$disk")
is "$(data "$evs")" "$sum" "attached by that KMS, the data is there"
must evs-setup detach "$evs"

ok "nothing is left behind" no_leftovers
done_testing
