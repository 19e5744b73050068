#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Volumes of OpenStack Cinder by the encryptor for os-brick, with the real os-brick, Barbican
# and Keystone. What Cinder does is done here as it does it: a volume from a snapshot has the
# bytes of its source, and its secret is a copy under a new id. It takes a minute of CPU, so
# it does nothing unless EVS_LONG is more than 1.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../peers/peers.sh"

if [ "${EVS_LONG-1}" -eq 1 ]; then
	skip "volumes by os-brick" "only in the long form"
	done_testing
fi

case $EVS_VM in
qemu)
	skip "volumes by os-brick" "Barbican takes minutes to start in an emulated machine"
	done_testing
	;;
esac

at_exit detach_all
rm -rf /etc/evs
at_exit rm -rf /etc/evs
must mkdir -p -m 700 /etc/evs "$tmp/link"

start_openstack
conf_openstack openstack

# brick VERB VOLUME [SECRET]: as Nova does; messages are in $tmp/err
brick()
{
	"$peers/os-brick" "$1" "$tmp/link/$2" "${@:3}" 2>"$tmp/err"
}

# refused_brick REGEX NAME VOLUME SECRET: it may not be attached, and stays as it is
refused_brick()
{
	local before

	before=$(md5sum <"$tmp/$3.img")
	nok "$2" brick attach "$3" "$4"
	like "$(<"$tmp/err")" "$1" "$2: it says why"
	is "$(md5sum <"$tmp/$3.img")" "$before" "$2: nothing is written"
}

# device VOLUME: what it is on this host
device()
{
	losetup -nO NAME -j "$tmp/$1.img"
}

# connect VOLUME: a device, and the link to it that a connector makes, anew for each attach
connect()
{
	[ "$(device "$1")" ] || must losetup -f "$tmp/$1.img"
	ln -sf "$(device "$1")" "$tmp/link/$1"
}

# forget VOLUME: Cinder deletes it
forget()
{
	must losetup -d "$(device "$1")"
	rm -f "$tmp/$1.img" "$tmp/link/$1"
}

# api METHOD URL [OPTION...]: Barbican, as user disks
api()
{
	curl -sf -X "$1" -H "X-Auth-Token: $token" "${@:3}" "http://127.0.0.1:9311/v1/secrets$2"
}

# header VOLUME MEMBER: of the token in its header
header()
{
	evs-setup header dump --json "$tmp/$1.img" | jq -r ".tokens[0].\"$2\""
}

data()
{
	dd if="$tmp/link/$1" bs=1M count=8 iflag=direct status=none | md5sum
}

await 5000
await 9311
token=$(openstack_token)
must evs-setup cmk create --kms openstack volume-1
secret=$(evs-setup cmk show --kms openstack --json volume-1 | jq -er '.cmks[0].id')

# ---- a new volume ----

must truncate -s 48M "$tmp/source.img"
connect source
ok "a blank volume is attached" brick attach source "$secret"
diag "$(<"$tmp/err")"
like "$(readlink -f "$tmp/link/source")" '^/dev/evs[0-9]+$' "its link names the disk"
is "$(blockdev --getss "$tmp/link/source")" 512 "with sectors of 512 bytes"
is "$(header source cmk)" "$secret" "the CMK is the volume's secret"
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")
must dd if="$tmp/data" of="$tmp/link/source" bs=1M oflag=direct status=none
nok "it is not attached twice" brick attach source "$secret"
must truncate -s 64M "$tmp/source.img"
must losetup -c "$(device source)"
is "$(brick extend source)" $((48 << 20)) "extended, the disk has the new size less its header"
ok "detach" brick detach source
ok "detach again, as Nova does" brick detach source
ok "there is no disk" no_disk

# ---- a volume from a snapshot, whose source goes ----

must cp --sparse=always "$tmp/source.img" "$tmp/snapshot.img"
must cp --sparse=always "$tmp/snapshot.img" "$tmp/clone.img"
must api GET "/$secret/payload" -H 'Accept: application/octet-stream' -o "$tmp/payload"
copy=$(api POST '' -H 'Content-Type: application/json' -d '{"name": "volume-2",
	"secret_type": "symmetric", "algorithm": "aes", "bit_length": 256, "mode": "cbc",
	"payload_content_type": "application/octet-stream", "payload_content_encoding": "base64",
	"payload": "'"$(base64 -w0 "$tmp/payload")"'"}' | jq -er .secret_ref)
copy=${copy##*/}
uuid=$(header source uuid)
forget source
must rm "$tmp/snapshot.img"
ok "the source's secret is deleted" api DELETE "/$secret"
connect clone
is "$(header clone cmk)" "$secret" "the header of the clone names that secret"
ok "the clone is attached" brick attach clone "$copy"
diag "$(<"$tmp/err")"
is "$(data clone)" "$sum" "and has the data"
ok "detach" brick detach clone
is "$(header clone cmk)" "$copy" "its header names its own secret"
own=$(header clone uuid)
unlike "$own" "$uuid" "and it has a UUID of its own"
connect clone
ok "the clone is attached once more" brick attach clone "$copy"
is "$(header clone uuid)" "$own" "its UUID stays"
refused 5 'in use' "attached, it gets no new UUID" evs-setup header new-uuid --cmk "$copy" "$(device clone)"
must brick detach clone

# ---- what is not blank, and what cannot be read ----

connect clone
refused_brick 'no such CMK' "another secret does not open it" clone "$secret"
must dd if=/dev/urandom of="$tmp/clone.img" bs=32K count=1 conv=notrunc status=none
must dd if=/dev/urandom of="$tmp/clone.img" bs=16K seek=1 count=16 conv=notrunc status=none
refused_brick 'neither an EVS disk nor blank' "a volume without a sound header" clone "$copy"
must dmsetup create evs_t0 --table "0 $((48 << 11)) error"
must dmsetup mknodes
ln -s /dev/mapper/evs_t0 "$tmp/link/broken"
nok "a volume that cannot be read" brick attach broken "$copy"
unlike "$(<"$tmp/err")" 'making an EVS disk' "it is not formatted"
must dmsetup remove evs_t0
forget clone

ok "nothing is left behind" no_leftovers
done_testing
