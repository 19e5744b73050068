#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a disk tells of itself: status, sysfs, trace events.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
must evs-setup list
sectors=131072
new_null evs_t0 $((sectors / 2048))
must dmsetup create evs_dm --table "0 $sectors linear /dev/evs_t0 0"
at_exit dmsetup remove --force evs_dm
must dmsetup mknodes evs_dm
dm=/dev/mapper/evs_dm
dm_disk=dm-$(dmsetup info -c --noheadings -o minor evs_dm)
start_kms
must evs-setup create --force --cmk test $dm
evs=$(evs-setup attach --name data --allow-discards $dm)
must test -b "$evs"
sysfs=/sys/block/${evs#/dev/}/evs

# status MEMBER: of the disk, in JSON
status()
{
	evs-setup status --json data | jq -r ".disks[0].\"$1\""
}

# counted MEMBER WANTED NAME COMMAND...: by how much the command changes it
counted()
{
	local member=$1 wanted=$2 name=$3 before

	shift 3
	before=$(status "$member")
	must "$@"
	is $(($(status "$member") - before)) "$wanted" "$name"
}

# ---- status ----

is "$(status state)" live "state"
is "$(status cmk)" "$(cmk_id test)" "the CMK"
is "$(status uuid)" "$(cryptsetup luksUUID $dm)" "the UUID"
ok "the cipher's driver is one the kernel has" grep -qx "driver  *: $(status cipher)" /proc/crypto
like "$(keyctl describe "$(status key-serial)" 2>&1)" 'evs:|Permission denied' "the key exists"
is "$(status backing)" "/dev/$dm_disk" "the device below"
is "$(status openers)" 0 "nobody has it open"
exec 5<"$evs"
is "$(status openers)" 1 "somebody has"
exec 5<&-
counted writes 16 "16 writes" dd if=/dev/zero of="$evs" bs=64k count=16 oflag=direct
counted bytes-written 1048576 "1 MiB written" dd if=/dev/zero of="$evs" bs=64k count=16 oflag=direct
counted reads 32 "32 reads" dd if="$evs" of=/dev/null bs=4k count=32 iflag=direct
counted bytes-read 131072 "128 KiB read" dd if="$evs" of=/dev/null bs=4k count=32 iflag=direct
is "$(status errors)" 0 "no errors"
is "$(status in-flight) $(status bounce-pages)" "0 0" "nothing in flight"

# ---- metrics ----

# metrics [OPTION]: as another reader of the format has them: NAME LABEL=VALUE... VALUE
metrics()
{
	evs-setup status --prometheus "$@" | /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = ["%s=%s" % label for label in sorted(sample.labels.items())]
        print(sample.name, *labels, "%d" % sample.value)
'
}
text=$(metrics)
ids="device=${evs#/dev/} name=data"
for line in "evs_disks 1" "evs_disk_state $ids state=live 1" "evs_disk_cmk_state $ids state=enabled 1" \
	"evs_disk_info backing=/dev/$dm_disk cmk=$(cmk_id test) $ids uuid=$(status uuid) 1" \
	"evs_disk_size_bytes $ids $(status size)" "evs_disk_openers $ids 0" \
	"evs_disk_reads_completed_total $ids $(status reads)" \
	"evs_disk_writes_completed_total $ids $(status writes)" \
	"evs_disk_read_bytes_total $ids $(status bytes-read)" \
	"evs_disk_written_bytes_total $ids $(status bytes-written)" \
	"evs_disk_io_errors_total $ids 0" "evs_disk_io_now $ids 0"; do
	like "$text" "^$line\$" "metrics: $line"
done
unlike "$(metrics --quiet)" ^evs_disk_cmk_state "metrics: --quiet asks no KMS"
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test \
	-days 20 -keyout "$tmp/key.pem" -out "$tmp/cert.pem"
printf '[kms far]\nbackend = evs\nurl = https://kms.example\nca-file = %s\nclient-cert-file = %s\n' \
	"$tmp/cert.pem" "$tmp/gone.pem" >/etc/evs/evs.conf
text=$(metrics --quiet)
must rm /etc/evs/evs.conf
ends=$(date -d "$(openssl x509 -noout -enddate -in "$tmp/cert.pem" | cut -d= -f2)" +%s)
like "$text" "^evs_kms_certificate_expiry_seconds key=ca-file kms=far $ends\$" \
	"metrics: when a certificate expires"
like "$text" '^evs_kms_certificate_expiry_seconds key=client-cert-file kms=far 0$' \
	"metrics: a certificate that cannot be read"
refused 1 'give --prometheus or --json, not both' "metrics: not as JSON" \
	evs-setup status --prometheus --json

must dmsetup suspend --nolockfs evs_dm
for ((i = 0; i < 4; i++)); do
	dd if=/dev/zero of="$evs" bs=64k count=1 seek=$i oflag=direct status=none &
	pids[i]=$!
done
for ((i = 4; i < 6; i++)); do
	dd if="$evs" of=/dev/null bs=64k count=1 skip=$i iflag=direct status=none &
	pids[i]=$!
done
in_flight()
{
	[ "$(status in-flight)" -eq 6 ]
}
ok "four writes and two reads are in flight" wait_for in_flight
is "$(status bounce-pages)" 64 "the writes have 64 KiB of bounce pages each"
is "$(cat "$sysfs/in_flight") $(cat "$sysfs/bounce_pages")" "6 64" "sysfs says so"
must dmsetup resume evs_dm
wait "${pids[@]}"
none_in_flight()
{
	[ "$(status in-flight) $(status bounce-pages)" = "0 0" ]
}
ok "they are done" wait_for none_in_flight

must dmsetup load evs_dm --table "0 $sectors error"
must dmsetup suspend --nolockfs evs_dm
must dmsetup resume evs_dm
nok "a read fails" dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
ok "and is counted" test "$(status errors)" -gt 0
must dmsetup load evs_dm --table "0 $sectors linear /dev/evs_t0 0"
must dmsetup suspend --nolockfs evs_dm
must dmsetup resume evs_dm

text=$(evs-setup status data)
for line in "STATE +live" "CMK +$(cmk_id test)" "CIPHER +$(status cipher)" "KEY +$(status key-serial)" \
	"READS +$(status reads)" "WRITES +$(status writes)" "ERRORS +$(status errors)" "IN-FLIGHT +0" \
	"BOUNCE-PAGES +0" "ALLOW-DISCARDS +yes" "NO-PARTSCAN +no" "LAZY +no"; do
	like "$text" "^$line\$" "the text says: $line"
done

# ---- sysfs ----

# sysfs_agrees WHEN: with status, where a thing that there is not is null
sysfs_agrees()
{
	local file value

	for file in name uuid state offset sector_size key_serial cmk cipher openers reads writes \
		bytes_read bytes_written errors in_flight bounce_pages; do
		value=$(status "${file//_/-}")
		[ "$value" != null ] || value=
		is "$(cat "$sysfs/$file")" "$value" "sysfs: $1: $file"
	done
}
sysfs_agrees live
is "$(cat "$sysfs/backing_dev")" "$(cat "/sys/block/$dm_disk/dev")" "sysfs: backing_dev"
# flags: 1 for each that is set
flags()
{
	(cd "$sysfs" && cat read_only allow_discards no_partscan lazy | xargs)
}
is "$(flags)" "0 1 0 0" "sysfs: flags"
for file in "$sysfs"/*; do
	is "$(wc -l <"$file")" 1 "sysfs: one line in ${file##*/}"
done
is "$(find "$sysfs" -type f -perm /222 | wc -l)" 0 "sysfs: nothing can be written"
is "$(stat -c %a "$sysfs/key_serial" "$sysfs/cmk" | xargs)" "400 400" "sysfs: what tells of keys is root's"

key=$(status key-serial)
must evs-setup suspend data
is "$(cat "$sysfs/state")" suspended "suspended: sysfs says so"
is "$(status cmk)" "$(cmk_id test)" "suspended: the CMK is known"
is "$(status key-serial)" null "suspended: there is no key"
sysfs_agrees suspended
ok "suspended: the key is gone" wait_for key_gone "$key"
must evs-setup resume data
is "$(cat "$sysfs/state")" live "resumed: sysfs says so"
new=$(status key-serial)
ok "resumed: it has another key" test "$new" != "$key" -a "$new" != null

# ---- trace events ----

tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs tracefs $tracing 2>/dev/null
if [ -d $tracing/events ]; then
	is "$(cd $tracing/events/evs && echo *)" \
		"enable evs_cipher_begin evs_cipher_end evs_pool_trim evs_request_begin evs_request_end evs_state filter" \
		"trace events are there"
	: >$tracing/trace
	echo 1 >$tracing/events/evs/enable
	must dd if=/dev/zero of="$evs" bs=4k seek=100 count=1 oflag=direct
	must dd if="$evs" of=/dev/null bs=4k skip=100 count=1 iflag=direct
	must evs-setup suspend data
	must evs-setup resume data
	echo 0 >$tracing/events/evs/enable
	cp $tracing/trace "$tmp/trace"
	for event in evs_request_begin evs_request_end evs_cipher_begin evs_cipher_end; do
		is "$(grep -c " $event: .*800" "$tmp/trace")" 2 "$event: of the write and of the read"
	done
	like "$(grep ' evs_state: ' "$tmp/trace" | head -n 1)" 'op=suspend old=live new=suspended' "evs_state: suspended"
	like "$(grep ' evs_state: ' "$tmp/trace" | tail -n 1)" 'op=resume old=suspended new=live' "evs_state: live"
	must dd if="$evs" of=/dev/null bs=4k skip=100 count=1 iflag=direct
	cp $tracing/trace "$tmp/trace2"
	ok "switched off they cost no line" cmp "$tmp/trace" "$tmp/trace2"

	: >$tracing/trace
	echo 1 >$tracing/events/evs/evs_state/enable
	must evs-setup resize data
	must evs-setup detach data
	must evs-setup attach --name data $dm
	must evs-setup revoke data
	must evs-setup detach data
	echo 0 >$tracing/events/evs/evs_state/enable
	is "$(grep -o ' evs_state: .*' $tracing/trace | sed 's/.* disk=evs[0-9]* //')" "$(cat <<-END
		op=resize old=live new=live
		op=detach old=live new=detaching
		op=kill old=detaching new=dead
		op=revoke old=live new=revoked
		op=detach old=revoked new=dead
	END
	)" "evs_state: resized, detached, revoked"
else
	skip "trace events" "this guest's kernel has no tracing"
	must evs-setup detach data
fi

# ---- links in sysfs ----

# links DEVICE slaves|holders: their names
links()
{
	(shopt -s nullglob; cd "/sys/class/block/${1#/dev/}/$2" && echo *)
}

must evs-setup attach --name data $dm
disk=${evs#/dev/}
is "$(links "$evs" slaves) $(links $dm_disk holders)" "$dm_disk $disk" "links between the disk and the device below"
is "$(lsblk -nro NAME /dev/evs_t0 | xargs)" "evs_t0 evs_dm $disk" "lsblk shows the disk below its device"
is "$(lsblk -nrso NAME "$evs" | xargs)" "$disk evs_dm evs_t0" "lsblk shows what the disk stands on"
upper=$(raw_attach "$evs" 4096 --name upper)
is "$(lsblk -nrso NAME "$upper" | xargs)" "${upper#/dev/} $disk evs_dm evs_t0" "lsblk shows one disk on another"
must evs-setup detach upper
is "$(links "$evs" holders)" "" "detached, the upper one leaves no link"
must evs-setup resize data
is "$(links "$evs" slaves) $(links $dm_disk holders)" "$dm_disk $disk" "resize keeps the links"
exec 5<"$evs"
must evs-setup detach --force data
is "$(links $dm_disk holders)" "" "detached by force, an open disk leaves no link"
exec 5<&-
ok "the disk goes" wait_for no_disk

new_null evs_t2 16
must sfdisk -q /dev/evs_t2 <<<"1M 8M"
must wait_for test -b /dev/evs_t2p1
evs=$(raw_attach /dev/evs_t2p1 4096 --name data)
is "$(links "$evs" slaves) $(links evs_t2p1 holders)" "evs_t2p1 ${evs#/dev/}" "links between the disk and a partition"
is "$(links evs_t2 holders)" "" "and none to the whole device"
must evs-setup detach data
is "$(links evs_t2p1 holders)" "" "detached, the disk leaves no link"

# ---- names ----

evs=$(raw_attach /dev/evs_t2p1 4096 --name evs1)
is "$evs" /dev/evs0 "a disk that its user calls evs1"
other=$(raw_attach $dm 4096)
is "$other" /dev/evs2 "does not keep the next one from its default name"
is "$(disk_state evs2)" live "which is evs2"
must evs-setup detach evs1
is "$(disk_state evs1) $(evs-setup list --json | jq -r '.disks[].device')" " $other" "evs1 was the first one"
is "$(raw_attach /dev/evs_t2p1 4096)" /dev/evs0 "the lowest number is used first"
must evs-setup detach evs0
key=$(raw_key spare)
refused 5 'name is attached as evs2' "a name that is taken" \
	evs-setup attach --raw --key "$key" --sector-size 4096 --name evs2 /dev/evs_t2p1
must keyctl revoke "$key"
must evs-setup detach "$other"

# ---- without a header ----

must dd if=/dev/zero of=$dm bs=1M count=1 oflag=direct
raw=$(raw_attach $dm 4096 --name data --no-partscan)
must test -b "$raw"
is "$(status cmk) $(status uuid)" "null null" "a disk without a header has no CMK and no UUID"
sysfs=/sys/block/${raw#/dev/}/evs
is "$(cat "$sysfs/cmk")" "" "sysfs says so"
is "$(status no-partscan) $(status allow-discards)" "true false" "its options are told"
unlike "$(metrics)" ^evs_disk_cmk_state "metrics have no state of a CMK for it"
is "$(flags)" "0 0 1 0" "sysfs tells them"
is "$(evs-setup list --json | jq -cS .)" "$(evs-setup status --json | jq -cS .)" "list and status tell the same"
must evs-setup detach data
ok "nothing is left behind" wait_for no_disk

# ---- who decrypts small reads ----

# decrypted_by PATTERN: how many by tasks whose name is like that
decrypted_by()
{
	grep -cE "^ *$1.* evs_cipher_begin: " "$tmp/trace"
}

# read_traced DEPTH: small reads by one task
read_traced()
{
	: >$tracing/trace
	echo 1 >$tracing/events/evs/evs_cipher_begin/enable
	ok "depth $1: reads" fio --name=x --filename="$raw" --rw=randread --bs=4k --iodepth="$1" \
		--ioengine=io_uring --direct=1 --number_ios=4000 --size=16m
	echo 0 >$tracing/events/evs/evs_cipher_begin/enable
	cp $tracing/trace "$tmp/trace"
	diag "depth $1: $(decrypted_by fio) by fio, $(decrypted_by kworker) by workers"
}

if [ -d $tracing/events ] && [ "$(nproc)" -gt 1 ]; then
	new_null evs_t1 16 irqmode=0
	raw=$(raw_attach /dev/evs_t1 4096)
	read_traced 1
	ok "a device that answers at once: by who waits for them" \
		test "$(decrypted_by fio)" -gt "$(decrypted_by kworker)"
	must evs-setup detach "$raw"
	must wait_for no_disk

	# A worker may be interrupted, so that the bottom half has its name
	new_null evs_t3 16 irqmode=2 completion_nsec=10000
	raw=$(raw_attach /dev/evs_t3 4096)
	read_traced 32
	soft=$(grep -cE '\] ..[sS].* evs_cipher_begin: ' "$tmp/trace")
	diag "$soft in bottom halves"
	ok "a device that interrupts: in bottom halves" test "$soft" -gt 3000
	must evs-setup detach "$raw"
	must wait_for no_disk
else
	skip "who decrypts small reads" "this guest has no tracing, or one CPU"
fi

unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
