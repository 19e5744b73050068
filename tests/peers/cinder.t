#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Volumes of a running OpenStack Cinder (API, scheduler, volume service on LVM's thin pool,
# iSCSI by tgtd), with Barbican and Keystone, attached by os-brick as Nova does it. For
# tests/vm/uml-storage with 4 GiB of memory.
. "$(dirname "$0")/../life/life.sh"
. "$(dirname "$0")/peers.sh"

at_exit detach_all
rm -rf /etc/evs
at_exit rm -rf /etc/evs
must mkdir -p -m 700 /etc/evs
must mkdir -p /dev/disk/by-id /run/lock /etc/iscsi

lvm_for_all
loop=$(new_loop "$(new_file pv 1500M)")
at_exit losetup -d "$loop"
must lvm vgcreate -q volumes "$loop"
at_exit lvm vgchange -q -an volumes

start_openstack
conf_openstack openstack
await 5000
await 9311
echo "include $tmp/cinder/targets/*" >/etc/tgt/conf.d/cinder.conf
tgtd
iscsid
at_exit pkill -KILL 'tgtd|iscsid'
must wait_for tgtadm --mode target --op show
KEYSTONE=$keystone BARBICAN=http://127.0.0.1:9311 peer cinder 8776
await 8776
token=$(openstack_token)

# api METHOD PATH [BODY]: Cinder, as user disks
api()
{
	curl -s -X "$1" -H "X-Auth-Token: $token" -H 'Content-Type: application/json' \
		-H 'OpenStack-API-Version: volume 3.44' ${3+-d "$3"} "http://127.0.0.1:8776/v3/$project/$2"
}

# secret_of VOLUME: the id of its secret
secret_of()
{
	api GET "volumes/$1/encryption" | jq -r .encryption_key_id
}

# has_status KIND ID STATUS
has_status()
{
	[ "$(api GET "$1s/$2" | jq -r ".$1.status")" = "$3" ]
}

# gone KIND ID: Cinder has no such thing
gone()
{
	[ "$(api GET "$1s/$2" | jq -r .itemNotFound.code)" = 404 ]
}

# new KIND MEMBERS: create it and wait, print its id
new()
{
	local id

	id=$(api POST "$1s" "{\"$1\": {$2}}" | tee "$tmp/answer" | jq -er ".$1.id") || {
		cat "$tmp/answer" >&2
		return 1
	}
	echo "$id"
	wait_for has_status "$1" "$id" available
}

# delete KIND ID
delete()
{
	api DELETE "$1s/$2" && wait_for gone "$1" "$2"
}

# attachment VOLUME: its id
attachment()
{
	jq -r .attachment.id "$tmp/$1.attachment"
}

# connect VOLUME: to this host, and not to an instance as Nova does it, which Cinder has nobody
# but Nova's own user detach; what Cinder says of it is in $tmp/VOLUME.*
connect()
{
	local at=$tmp/$1 host

	host=$("$peers/os-brick" connector) || return
	api POST attachments "{\"attachment\": {\"volume_uuid\": \"$1\", \"connector\": $host}}" \
		>"$at.attachment"
	jq -e .attachment.connection_info "$at.attachment" >"$at.connection" || {
		cat "$at.attachment"
		return 1
	}
	"$peers/os-brick" connect "$at.connection" >"$at.link"
}

# attach VOLUME: connected and decrypted; it is at $(link VOLUME)
attach()
{
	connect "$1" && "$peers/os-brick" attach "$(link "$1")" "$(secret_of "$1")" &&
		api POST "attachments/$(attachment "$1")/action" '{"os-complete": null}' >"$tmp/answer" &&
		wait_for has_status volume "$1" in-use
}

# detach VOLUME: what attach has done, the other way round
detach()
{
	"$peers/os-brick" detach "$(link "$1")" &&
		"$peers/os-brick" disconnect "$tmp/$1.connection" "$(link "$1")" &&
		api DELETE "attachments/$(attachment "$1")" >"$tmp/answer" &&
		wait_for has_status volume "$1" available
}

# link VOLUME: its path on this host
link()
{
	cat "$tmp/$1.link"
}

# data VOLUME: checksum of what was written
data()
{
	dd if="$(link "$1")" bs=1M count=8 iflag=direct status=none | md5sum
}

# has_pool: the scheduler knows of the volume service and of what room it has
has_pool()
{
	[ "$(api GET scheduler-stats/get_pools | jq '.pools | length')" = 1 ]
}

must wait_for has_pool

# ---- the volume type, and a volume of it ----

type=$(api POST types '{"volume_type": {"name": "evs"}}' | jq -er .volume_type.id)
api POST "types/$type/encryption" '{"encryption": {"provider": "evs_brick.EvsEncryptor",
	"cipher": "aes-xts-plain64", "key_size": 256, "control_location": "front-end"}}' >"$tmp/answer"
is "$(jq -r .encryption.provider "$tmp/answer")" evs_brick.EvsEncryptor "the volume type has the encryptor"

volume=$(new volume '"size": 1, "volume_type": "evs"')
ok "a volume of that type is created" has_status volume "$volume" available
secret=$(secret_of "$volume")
ok "it is attached" attach "$volume"
like "$(readlink -f "$(link "$volume")")" '^/dev/evs[0-9]+$' "its link names the disk"
is "$(evs-setup status --json | jq -r '.disks[0].cmk')" "$secret" "its CMK is the secret that Cinder has made"
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")
must dd if="$tmp/data" of="$(link "$volume")" bs=1M oflag=direct status=none
is "$(data "$volume")" "$sum" "it is written and read"
ok "it is detached" detach "$volume"
ok "there is no disk" no_disk

# ---- extended ----

api POST "volumes/$volume/action" '{"os-extend": {"new_size": 2}}' >"$tmp/answer"
ok "it is extended" wait_for has_status volume "$volume" available
ok "and attached again" attach "$volume"
is "$(blockdev --getsize64 "$(link "$volume")")" $(((2048 - 16) << 20)) "with the new size, less the header"
is "$(data "$volume")" "$sum" "and its data"
ok "it is detached" detach "$volume"

# ---- a volume from a snapshot, whose source goes ----

snapshot=$(new snapshot "\"volume_id\": \"$volume\"")
ok "a snapshot is made" has_status snapshot "$snapshot" available
clone=$(new volume "\"size\": 2, \"snapshot_id\": \"$snapshot\"")
ok "a volume is made of it" has_status volume "$clone" available
own=$(secret_of "$clone")
nok "it has a secret of its own" [ "$own" = "$secret" ]
ok "the snapshot is deleted" delete snapshot "$snapshot"
ok "the source is deleted" delete volume "$volume"
is "$(curl -s -o /dev/null -w '%{http_code}' -H "X-Auth-Token: $token" "http://127.0.0.1:9311/v1/secrets/$secret")" \
	404 "and with it its secret"
ok "the volume is attached" attach "$clone"
is "$(data "$clone")" "$sum" "it has the data"
is "$(evs-setup status --json | jq -r '.disks[0].cmk')" "$own" "under its own secret"
ok "it is detached" detach "$clone"

# ---- a volume from a volume ----

# await_error VOLUME: twice the time of wait_for: Cinder attaches it itself before it fails
await_error()
{
	wait_for has_status volume "$1" error || wait_for has_status volume "$1" error
}

copy=$(api POST volumes "{\"volume\": {\"size\": 2, \"source_volid\": \"$clone\"}}" | jq -er .volume.id)
ok "a volume from a volume fails: Cinder can give a new key to its own formats alone" \
	await_error "$copy"
ok "that one is deleted" delete volume "$copy"
ok "its source is attached, as before" attach "$clone"
is "$(data "$clone")" "$sum" "and has its data"
ok "it is detached" detach "$clone"
ok "the volume is deleted" delete volume "$clone"
is "$(lvm lvs --noheadings -o lv_name volumes | tr -d ' ')" volumes-pool "its LV is gone, and those of the others"
ok "there is no disk" no_disk
done_testing
