#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Events: each of them with each of its causes, as text, as JSON, and for udev.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
must evs-setup list
sectors=49152 # It has room to grow
all_sectors=65536
new_null evs_t0 $((all_sectors / 2048)) cache_size=1 discard=1
must dmsetup create evs_dm --table "0 $sectors linear /dev/evs_t0 0"
at_exit dmsetup remove --force evs_dm
must dmsetup mknodes evs_dm
dm=/dev/mapper/evs_dm
start_kms
must evs-setup create --cmk test --force $dm
uuid=$(cryptsetup luksUUID $dm)
start_monitor "$tmp/json" --json
json_monitor=$monitor
start_monitor "$tmp/text"
start_uevents "$tmp/uevents"

# In place of the journal, which a guest does not run: prints each entry as a line of JSON
ok "no journal is running in a guest" test ! -e /run/systemd/journal/socket
must mkdir -p /run/systemd/journal
/usr/bin/python3 -c '
import json, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
while True:
    fields = s.recv(1 << 16).decode().splitlines()
    print(json.dumps(dict(f.split("=", 1) for f in fields)), flush=True)
' >"$tmp/journal" &
at_exit kill $!
at_exit rm -rf /run/systemd/journal
must wait_for test -S /run/systemd/journal/socket
start_monitor "$tmp/nothing" --journal
refused 1 'give --journal or --json, not both' "an entry of the journal is not JSON" \
	evs-setup monitor --journal --json
catalog=$(dirname "$0")/../../userspace/integration/catalog/evs.catalog

# in_journal EVENT CAUSE STATE: the entry of line $lines, of a kind that the catalog knows
in_journal()
{
	local entry

	entry()
	{
		[ "$(wc -l <"$tmp/journal")" -ge "$lines" ]
	}
	wait_for entry
	entry=$(sed -n "${lines}p" "$tmp/journal")
	is "$(jq -r '[.EVS_EVENT, .EVS_CAUSE, .EVS_STATE, .EVS_DEVICE, .EVS_NAME,
		if .EVS_UUID == "" then "-" else .EVS_UUID end] | join(" ")' <<<"$entry")" \
		"$1 $2 $3 $evs data $uuid" "$1 because of $2, in the journal"
	ok "its kind is in the catalog" grep -q "^-- $(jq -r .MESSAGE_ID <<<"$entry")\$" "$catalog"
}

# backing TABLE: what is below from now on; %s is where it lies
backing()
{
	# shellcheck disable=SC2059
	must dmsetup load evs_dm --table "0 $sectors $(printf "$1" '/dev/evs_t0 0')"
	must dmsetup suspend --nolockfs evs_dm
	must dmsetup resume evs_dm
}

# attach [OPTION...]: sets $evs and $key
attach()
{
	evs=$(evs-setup attach --name data "$@" $dm)
	must test -b "$evs"
	key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
}

# driver_uevents: those that the driver itself has sent, in order
driver_uevents()
{
	grep ' EVS_EVENT=' "$tmp/uevents"
}

# told_udev EVENT CAUSE STATE: the next of them tells it
told_udev()
{
	local words=(ACTION=change "EVS_EVENT=$1" "EVS_STATE=$3" "EVS_CAUSE=$2")

	uevents=$((uevents + 1))
	next()
	{
		[ "$(driver_uevents | wc -l)" -ge $uevents ]
	}
	wait_for next
	[ "$1" != resized ] || words+=(RESIZE=1)
	is "$(driver_uevents | sed -n "${uevents}p" | grep -oE '(ACTION|EVS_[A-Z]+|RESIZE|DEVNAME)=[^ ]*' | xargs)" \
		"${words[*]} DEVNAME=${evs#/dev/}" "$1 because of $2, for udev"
}

# told EVENT CAUSE STATE: both monitors tell it as their next new line, and udev
# is told of it unless the block layer does so or it is no matter of udev's
told()
{
	lines=$((lines + 1))
	next()
	{
		[ "$(wc -l <"$tmp/text")" -ge "$lines" ] && [ "$(wc -l <"$tmp/json")" -ge "$lines" ]
	}
	wait_for next
	like "$(sed -n "${lines}p" "$tmp/text")" \
		"^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z $1 cause=$2 state=$3 device=$evs size=[0-9]+ errors=[0-9]+ uuid=$uuid name=data\$" \
		"$1 because of $2"
	is "$(sed -n "${lines}p" "$tmp/json" | jq -r '[.event, .cause, .state, .device, .name, .uuid] | map(. // "-") | join(" ")')" \
		"$1 $2 $3 $evs data $uuid" "$1 because of $2, in JSON"
	in_journal "$@"
	case $1 in
	attached | detached | io-error) ;;
	*) told_udev "$@" ;;
	esac
}
uevents=0
lines=0
is "$(wc -c <"$tmp/text")" 0 "nothing is told before something happens"

attach
told attached command live
must evs-setup suspend data
told suspended command suspended
must evs-setup resume data
told resumed command live
must evs-setup revoke data
told revoked command revoked
must evs-setup detach data
told detached command dead

attach
told attached command live
must keyctl revoke "$key"
told revoked key-revoked revoked
must evs-setup detach data
told detached command dead

attach
told attached command live
must keyctl invalidate "$key"
told revoked key-invalidated revoked
must evs-setup detach data
told detached command dead

attach
told attached command live
must keyctl timeout "$key" 1
told key-expired key-expired revoked
must evs-setup detach data
told detached command dead

attach
told attached command live
sectors=$all_sectors
backing 'linear %s'
must evs-setup resize data
told resized command live
is "$(tail -n 1 "$tmp/json" | jq .size)" $((sectors * 512 - (16 << 20))) "with its new size"
exec 5<"$evs"
must evs-setup detach --force data
told detached force dead
exec 5<&-

attach
told attached command live
exec 5<"$evs"
must evs-setup detach --lazy data
is "$(wc -l <"$tmp/text")" $lines "lazy: nothing has happened yet"
exec 5<&-
told detached last-close dead

# ---- failing I/O ----

# fails COMMAND...: sets $lines to what has been told before
fails()
{
	lines=$(wc -l <"$tmp/text")
	nok "it fails: $*" "$@"
}
attach --allow-discards
told attached command live
backing 'error'
fails dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
told io-error read live
backing 'flakey %s 0 3600 1 error_writes'
fails dd if=/dev/zero of="$evs" bs=4k count=1 oflag=direct
told io-error write live
fails perl -MIO::Handle -e 'open(my $d, "+<", $ARGV[0]) or exit 0; $d->sync or exit 1' "$evs"
told io-error flush live
fails blkdiscard --offset 0 --length 1M "$evs"
told io-error discard live
backing 'error'
before=$(evs-setup list --json | jq '.disks[0].errors')
dd if="$evs" of=/dev/null bs=4k count=2048 iflag=direct conv=noerror 2>/dev/null
counted=$(evs-setup list --json | jq '.disks[0].errors')
ok "2048 reads fail" test $((counted - before)) -ge 2048
all_told()
{
	[ "$(tail -n 1 "$tmp/json" | jq .errors)" -eq "$counted" ]
}
ok "all of them are told" wait_for all_told
now=$(wc -l <"$tmp/json")
ok "in far fewer events" test $((now - lines)) -lt 100
diag "$((now - lines)) events"
backing 'linear %s'
must dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
must evs-setup detach data
lines=$(wc -l <"$tmp/text")
is "$(tail -n 1 "$tmp/text" | cut -d ' ' -f 2,3)" "detached cause=command" "the disk is detached"

# ---- a device below that goes; failed I/O was nothing for udev to be told of ----

new_null evs_t1 32
must evs-setup create --cmk test /dev/evs_t1
uuid=$(cryptsetup luksUUID /dev/evs_t1)
evs=$(evs-setup attach --name data /dev/evs_t1)
told attached command live
echo 0 >/sys/kernel/config/nullb/evs_t1/power
told removed backing-gone removed
is "$(driver_uevents | wc -l)" $uevents "udev is told of nothing else"
must evs-setup detach data
told detached command dead

# ---- without a header ----

uuid=-
evs=$(raw_attach $dm 4096 --name data)
told attached command live
must evs-setup suspend data
told suspended command suspended
must evs-setup detach data
told detached command dead

# ---- a key that is lost while the disk is still being attached ----

# The partition table, which is read meanwhile, waits for the device below
key=$(raw_key raw)
must dmsetup suspend --nolockfs evs_dm
at_exit dmsetup resume evs_dm
evs-setup attach --raw --key "$key" --sector-size 4096 --name data $dm >/dev/null 2>&1 &
attach=$!
reading()
{
	[ "$(cat /sys/block/evs[0-9]*/evs/in_flight)" -gt 0 ]
}
ok "attaching waits for the device below" wait_for reading
must keyctl revoke "$key"
lost()
{
	[ "$(cat /sys/block/evs[0-9]*/evs/state)" = revoked ]
}
ok "the key is lost all the same" wait_for lost
evs=/dev/$(basename /sys/block/evs[0-9]*)
must dmsetup resume evs_dm
wait $attach
told attached command live
told revoked key-revoked revoked
must evs-setup detach data

# ---- a name that has blanks ----

uuid=$(cryptsetup luksUUID $dm)
evs=$(evs-setup attach --name "some disk" $dm)
ok "a name with blanks" saw "$tmp/text" attached command "uuid=$uuid name=some disk\$"
ok "in JSON" wait_for grep -qF "\"name\":\"some disk\",\"device\":\"$evs\",\"uuid\":\"$uuid\"" "$tmp/json"
must evs-setup detach "$evs"
# same: both monitors have told the same
same()
{
	cut -d ' ' -f 2,3 "$tmp/text" >"$tmp/a"
	jq -r '.event + " cause=" + .cause' "$tmp/json" >"$tmp/b"
	cmp "$tmp/a" "$tmp/b"
}
ok "both monitors tell the same" wait_for same

# ---- the end, and lines that nobody reads ----

kill -INT $json_monitor
wait $json_monitor
is $? 0 "SIGINT ends it"
kill -TERM $monitor
wait $monitor
is $? 0 "SIGTERM, too"

read -r rmem_max </proc/sys/net/core/rmem_max
echo 4096 >/proc/sys/net/core/rmem_max
start_monitor "$tmp/json" --json
json_monitor=$monitor
start_monitor "$tmp/text"
echo "$rmem_max" >/proc/sys/net/core/rmem_max
must kill -STOP $monitor $json_monitor
attach
for ((i = 0; i < 20; i++)); do
	must evs-setup suspend data
	must evs-setup resume data
done
must kill -CONT $monitor $json_monitor
ok "events that were lost are told of" wait_for grep -q ' events-lost$' "$tmp/text"
ok "in JSON" wait_for grep -q '^."time":"[^"]*","event":"events-lost".$' "$tmp/json"
must evs-setup detach data
ok "and it goes on" saw "$tmp/text" detached command
ok "in JSON as well" wait_for grep -q '"event":"detached"' "$tmp/json"
kill $monitor $json_monitor

refused 2 'CAP_SYS_ADMIN' "it needs CAP_SYS_ADMIN" \
	setpriv --bounding-set=-sys_admin evs-setup monitor
refused 1 'unexpected argument' "it takes no disk" evs-setup monitor data
evs-setup monitor >/dev/full 2>"$tmp/err" &
full=$!
must wait_for listens $full
attach
ok "lines that cannot be written end it" wait_for ended $full
wait $full
is $? 3 "with an error"
like "$(cat "$tmp/err")" '^evs-setup: monitor: standard output: ' "that says so"
must evs-setup detach data

start_monitor "$tmp/text" 2>"$tmp/err"
must rmmod evs
ok "so does the end of the module" wait_for ended $monitor
kill $monitor 2>/dev/null
wait $monitor
is $? 6 "with another one"
like "$(cat "$tmp/err")" '^evs-setup: monitor: .*module has been unloaded' "that says so"
must modprobe evs

unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
